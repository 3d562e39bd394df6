//! `npx convex logs`: the calls of functions as they end, with the lines of their consoles and their errors.

use std::time::{Duration, Instant, SystemTime};

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
};
use engine::Execution;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    reply::{self, Refusal},
    routes::App,
};

/// How long a request waits for the next call.
const WAIT: Duration = Duration::from_secs(10);

/// How often it looks for one.
const EVERY: Duration = Duration::from_millis(100);

#[derive(Deserialize)]
pub(crate) struct Asked {
    /// The end of the part that the client has read, in milliseconds since 1970; 0 at first.
    cursor: f64,
}

/// The calls that ended after the cursor. If there are none, waits for the next one.
pub(crate) async fn stream(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refusal> {
    app.check_admin(&headers, &uri).await?;
    let expected = || Refusal::bad_request("BadQueryArgs", "`cursor`: expected a number");
    let cursor = asked.ok().map(|asked| asked.cursor).filter(|cursor| cursor.is_finite()).ok_or_else(expected)?;
    let begun = Instant::now();
    let mut sockets = app.sockets.clone();
    loop {
        let executions = app.deployment.executions(cursor).map_err(|error| Refusal::internal(&error))?;
        // The first reply tells where the client begins, so it doesn't wait.
        let is_enough = !executions.is_empty() || cursor <= 0.0 || begun.elapsed() > WAIT;
        if is_enough {
            let last = executions.last().map(|execution| execution.ended_ms);
            let new_cursor = last.unwrap_or(if cursor > 0.0 { cursor } else { now_ms() });
            let entries: Vec<Value> = executions.iter().map(entry).collect();
            let text = json!({"entries": entries, "newCursor": new_cursor}).to_string();
            return Ok(reply::json(text).into_response());
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = sockets.stopped() => return Err(Refusal::stopping()),
        }
    }
}

/// A call as Convex describes it. Amounts that aren't measured here are 0.
fn entry(execution: &Execution) -> Value {
    let (module, name) = execution.path.split_once(':').unwrap_or((&execution.path, "default"));
    let identifier = format!("{}:{name}", module.strip_suffix(".js").unwrap_or(module));
    let seconds = execution.duration.as_secs_f64();
    let ended = execution.ended_ms / 1e3;
    let id = format!("{:016x}", execution.request);
    json!({
        "kind": "Completion",
        "udfType": execution.kind.map_or("Query", base::FunctionKind::name),
        "identifier": identifier,
        "logLines": execution.log_lines,
        "timestamp": ended,
        "cachedResult": false,
        "caller": "Client",
        "parentExecutionId": null,
        "executionTime": seconds,
        "success": null,
        "error": execution.error,
        "requestId": id,
        "executionId": id,
        "usageStats": {
            "databaseReadBytes": 0, "databaseWriteBytes": 0, "databaseReadDocuments": 0,
            "storageReadBytes": 0, "storageWriteBytes": 0,
            "vectorIndexReadBytes": 0, "vectorIndexWriteBytes": 0, "memoryUsedMb": 0,
        },
        "returnBytes": null,
        "occInfo": null,
        "willRetry": false,
        "executionTimestamp": ended - seconds,
        "identityType": "unknown",
        "environment": "isolate",
    })
}

fn now_ms() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1e3
}
