//! The server's log: its start and stop, calls that failed or were slow, refused requests, connections.
//!
//! An event has a name and fields. No field holds a credential, an argument or a text that a function made, since an
//! error's text may quote its arguments. `npx convex logs` shows these texts to the owner, by the request's number.

use std::{fmt, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use base::FunctionKind;
use engine::Outcome;

use crate::{connections, reply::RefusalCode};

/// A query or a mutation that takes so long is logged. Actions wait for others, and queries of the system, such as
/// the page's sizes of all tables, take their time.
const SLOW: Duration = Duration::from_secs(1);
const SYSTEM: &str = "_system/";

/// The longest text of a field. Clients choose the paths that they call.
const FIELD_BYTES: usize = 200;

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every request and connection.
    Debug,
    /// Start and stop.
    Info,
    /// A call failed or was slow, or a request was refused.
    Warning,
    /// The deployment itself failed.
    Error,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Text(text[..text.floor_char_boundary(FIELD_BYTES)].to_owned())
    }
}

impl From<Duration> for Field {
    /// In seconds, to the microsecond.
    fn from(duration: Duration) -> Self {
        Self::Number((duration.as_secs_f64() * 1e6).round() / 1e6)
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// How much it matters.
    pub level: Level,
    /// Its name, such as "call failed".
    pub name: &'static str,
    /// Further fields, in order.
    pub fields: Vec<(&'static str, Field)>,
}

/// Takes the events from a level on.
#[derive(Clone)]
pub struct Log {
    level: Level,
    sink: Arc<dyn Fn(Event) + Send + Sync>,
}

impl Log {
    /// A log of the events from a level on. `sink` is called on the server's threads, so it must not wait.
    pub fn new(level: Level, sink: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self { level, sink: Arc::new(sink) }
    }

    /// Notes an event. The fields are made only if the level is wanted.
    pub(crate) fn note<const N: usize>(
        &self,
        level: Level,
        name: &'static str,
        fields: impl FnOnce() -> [(&'static str, Field); N],
    ) {
        if level >= self.level {
            (self.sink)(Event { level, name, fields: fields().into() });
        }
    }

    /// Notes a call that has ended: of one kind, or of any.
    pub(crate) fn call(&self, kind: Option<FunctionKind>, path: &str, outcome: &Outcome) {
        let is_slow = outcome.duration >= SLOW && kind != Some(FunctionKind::Action) && !path.starts_with(SYSTEM);
        let (level, name) = match &outcome.result {
            Err(error) if error.of_call().is_none() => (Level::Error, "call failed"),
            Err(_) => (Level::Warning, "call failed"),
            Ok(_) if is_slow => (Level::Warning, "slow call"),
            Ok(_) => (Level::Debug, "call"),
        };
        self.note(level, name, || {
            [
                ("function", path.into()),
                ("kind", kind.map_or("any", FunctionKind::name).to_ascii_lowercase().as_str().into()),
                ("outcome", outcome.result.as_ref().map_or_else(engine::Error::code, |_| "success").into()),
                ("request", format!("{:016x}", outcome.request).as_str().into()),
                ("seconds", outcome.duration.into()),
            ]
        });
    }
}

impl Default for Log {
    /// A log that takes nothing.
    fn default() -> Self {
        Self::new(Level::Error, |_| {})
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("level", &self.level).finish_non_exhaustive()
    }
}

/// Notes a request, and answers it.
pub(crate) async fn note_request(State(log): State<Log>, request: Request, next: Next) -> Response {
    let begun = std::time::Instant::now();
    // Without the query, which may hold a key.
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let refusal = response.extensions().get::<RefusalCode>();
    let (level, name) = match (refusal, response.status()) {
        (Some(_), status) if is_failure(status) => (Level::Error, "request failed"),
        (Some(_), _) => (Level::Warning, "request refused"),
        (None, _) => (Level::Debug, "request"),
    };
    log.note(level, name, || {
        [
            ("method", method.as_str().into()),
            ("path", path.as_str().into()),
            ("status", Field::Number(response.status().as_u16().into())),
            ("code", refusal.map_or("", |RefusalCode(code)| code).into()),
            ("address", connections::current().address().to_string().as_str().into()),
            ("seconds", begun.elapsed().into()),
        ]
    });
    response
}

/// A server that is busy or stops is in order.
fn is_failure(status: StatusCode) -> bool {
    status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use base::locked;
    use value::Value;

    use super::*;

    /// The events that `act` notes.
    fn noted(level: Level, act: impl FnOnce(&Log)) -> Vec<Event> {
        let events = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&events);
        act(&Log::new(level, move |event| locked(&taken).push(event)));
        std::mem::take(&mut *locked(&events))
    }

    fn after(seconds: u64) -> Outcome {
        Outcome { duration: Duration::from_secs(seconds), ..Outcome::new(Ok(Value::Null)) }
    }

    #[test]
    fn a_call_of_a_second_is_slow_unless_it_is_an_action() {
        let events = noted(Level::Info, |log| {
            log.call(Some(FunctionKind::Query), "a:quick", &after(0));
            log.call(Some(FunctionKind::Mutation), "a:slow", &after(1));
            log.call(Some(FunctionKind::Action), "a:action", &after(60));
            log.call(Some(FunctionKind::Query), "_system/mastra/tables", &after(2));
        });
        assert_eq!(events.len(), 1);
        assert_eq!((events[0].level, events[0].name), (Level::Warning, "slow call"));
        assert_eq!(events[0].fields[0], ("function", "a:slow".into()));
        assert_eq!(events[0].fields[4], ("seconds", Field::Number(1.0)));
    }

    #[test]
    fn fields_are_short() {
        let events = noted(Level::Debug, |log| log.call(None, &"é".repeat(10_000), &after(0)));
        assert_eq!(events[0].fields[0].1, Field::Text("é".repeat(FIELD_BYTES / 2)));
    }
}
