//! `/health` and `/metrics`, for programs that watch a server.

use std::fmt::Write as _;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use engine::{DURATIONS, Sizes};

use crate::{
    reply::Refusal,
    routes::{App, briefly},
};

/// The text format of Prometheus.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The function of calls whose function doesn't exist. A label for each wrong path would let clients fill the memory.
const UNKNOWN: &str = "unknown";

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/health", get(health)).route("/metrics", get(metrics))
}

/// `ok` if the data can be read and the last writes are on the disk.
async fn health(State(app): State<App>) -> Result<Response, Refusal> {
    let checked = briefly(move || app.deployment.check()).await?;
    Ok(match checked {
        Ok(()) => "ok\n".into_response(),
        // The reason may name a folder, which is only for the owner.
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", error.code())).into_response(),
    })
}

/// Numbers since the server began, and sizes now: for admins, unless they are open to all.
async fn metrics(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Refusal> {
    if !app.open_metrics {
        app.check_admin(&headers, &uri).await?;
    }
    let text = briefly(move || app.metrics()).await?.map_err(|error| Refusal::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, FORMAT)], text).into_response())
}

impl App {
    fn metrics(&self) -> engine::Result<String> {
        let mut text = Text::default();
        text.describe("mastra_convex_info", "gauge", "The version of the server.");
        text.line("mastra_convex_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        let calls = self.deployment.calls()?;
        let calls: Vec<_> =
            calls.iter().map(|(path, calls)| (("function", path.as_deref().unwrap_or(UNKNOWN)), calls)).collect();
        text.describe("mastra_convex_calls_total", "counter", "Calls by function and outcome: success, or a code.");
        for (function, calls) in &calls {
            for (outcome, number) in &calls.outcomes {
                text.line("mastra_convex_calls_total", &[*function, ("outcome", outcome)], number);
            }
        }
        text.describe("mastra_convex_call_seconds", "histogram", "The time that calls took.");
        for (function, calls) in &calls {
            let mut number = 0;
            for (end, more) in DURATIONS.iter().zip(calls.durations) {
                number += more;
                text.line("mastra_convex_call_seconds_bucket", &[*function, ("le", &end.to_string())], number);
            }
            text.line("mastra_convex_call_seconds_bucket", &[*function, ("le", "+Inf")], calls.number());
            text.line("mastra_convex_call_seconds_sum", &[*function], calls.seconds);
            text.line("mastra_convex_call_seconds_count", &[*function], calls.number());
        }
        let Sizes { data_bytes, log_bytes, free_bytes, resident_vectors, live_queries, .. } =
            self.deployment.sizes()?;
        let (connections, sockets) = self.connections.numbers();
        let gauges = [
            ("mastra_convex_connections", "Open connections, sockets included.", connections as u64),
            ("mastra_convex_sockets", "Open WebSockets.", sockets as u64),
            ("mastra_convex_live_queries", "Queries that clients follow.", live_queries as u64),
            ("mastra_convex_resident_vectors", "Vectors kept in memory for searches.", resident_vectors as u64),
            ("mastra_convex_data_bytes", "The size of the data's file.", data_bytes),
            ("mastra_convex_log_bytes", "The size of the log beside it.", log_bytes),
            ("mastra_convex_free_bytes", "The part of the file that is free.", free_bytes),
        ];
        for (name, help, value) in gauges {
            text.describe(name, "gauge", help);
            text.line(name, &[], value);
        }
        Ok(text.0)
    }
}

/// Metrics as text.
#[derive(Default)]
struct Text(String);

impl Text {
    fn describe(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (number, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            let _ = write!(self.0, "{}{label}=\"{text}\"", if number == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}
