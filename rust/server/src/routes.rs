//! The handler of each path.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, Method, Request, Uri},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base::FunctionKind;
use engine::{Caller, Deployment, Outcome};
use serde::Serialize;
use tokio::sync::Semaphore;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use value::{Value, json::Format};

use crate::{
    AdminKey,
    admin_key::INSTANCE_NAME,
    connections::{self, Connections},
    credentials::Credential,
    environment, function_logs,
    log::{self, Log},
    monitoring,
    origins::{self, Origins},
    page,
    reply::{FunctionReply, Refusal, json},
    request::{CallRequest, check_component, read_object},
    server::SOCKET_THREADS,
    snapshots::{self, Snapshots},
    sync::{self, Sockets},
    system::{System, SystemQuery},
    timestamp::Timestamp,
};

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) admin_key: AdminKey,
    pub(crate) sockets: Sockets,
    pub(crate) snapshots: Snapshots,
    pub(crate) system: System,
    pub(crate) connections: Connections,
    pub(crate) log: Log,
    /// Whether anyone may read the metrics.
    pub(crate) open_metrics: bool,
}

/// The routes of Convex's HTTP API, and those of its sync protocol.
pub(crate) fn router(app: App, origins: Origins) -> Router {
    let kind = |kind| move |state, request| call(state, request, Some(kind));
    // `origins::check` has refused all other origins.
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .allow_methods([Method::GET, Method::POST, Method::OPTIONS, Method::PATCH, Method::DELETE, Method::PUT])
        .expose_headers([HeaderName::from_static("x-convex-deprecation-state")])
        .allow_credentials(true)
        .max_age(std::time::Duration::from_hours(24));
    Router::new()
        .route("/api/query", post(kind(FunctionKind::Query)).get(get_query))
        .route("/api/mutation", post(kind(FunctionKind::Mutation)))
        .route("/api/action", post(kind(FunctionKind::Action)))
        .route("/api/query_ts", post(query_timestamp))
        .route("/api/query_at_ts", post(query_at_timestamp))
        .route("/api/query_batch", post(query_batch))
        .route("/api/run/{*path}", post(run))
        .route("/api/function", post(function))
        .route("/api/sync", get(sync::connect))
        .route("/api/{version}/sync", get(sync::connect_version))
        .route("/api/update_environment_variables", post(environment::update))
        .route("/api/stream_function_logs", get(function_logs::stream))
        .merge(snapshots::routes())
        .merge(page::routes())
        .merge(monitoring::routes())
        .route("/version", get(|| async { env!("CARGO_PKG_VERSION") }))
        .route("/instance_version", get(|| async { env!("CARGO_PKG_VERSION") }))
        .route("/instance_name", get(|| async { INSTANCE_NAME }))
        .route("/", get(|| async { "This Convex deployment is running. See https://docs.convex.dev/." }))
        .layer(cors)
        .layer(middleware::from_fn_with_state(origins, origins::check))
        .layer(middleware::from_fn_with_state(app.log.clone(), log::note_request))
        .with_state(app)
}

async fn call(State(app): State<App>, request: Request<Body>, kind: Option<FunctionKind>) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let caller = app.caller(&parts.headers, &parts.uri).await?;
    let request = CallRequest::from_object(read_object(&parts.headers, body).await?)?;
    app.answer(kind, request, caller).await
}

async fn get_query(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Refusal> {
    let caller = app.caller(&headers, &uri).await?;
    app.answer(Some(FunctionKind::Query), CallRequest::from_query(&uri)?, caller).await
}

/// `/api/run/{dir}/{module}/{function}`: a function of any kind.
async fn run(
    State(app): State<App>,
    Path(path): Path<String>,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Result<Response, Refusal> {
    let caller = app.caller(&headers, &uri).await?;
    let Some((module, name)) = path.rsplit_once('/') else {
        return Err(Refusal::bad_request(
            "MissingIdentifier",
            format!("/api/run/{path}: expected a module and a function"),
        ));
    };
    let request = CallRequest::with_path(format!("{module}:{name}"), read_object(&headers, body).await?)?;
    app.answer(None, request, caller).await
}

/// A function of any kind, also of a component, for admins.
async fn function(State(app): State<App>, headers: HeaderMap, uri: Uri, body: Body) -> Result<Response, Refusal> {
    let caller = app.caller(&headers, &uri).await?;
    if !caller.is_admin() {
        return Err(Refusal::unauthenticated("Unauthenticated", "/api/function needs an admin key"));
    }
    let mut fields = read_object(&headers, body).await?;
    check_component(fields.remove("componentPath").as_ref().and_then(Value::as_str), &app.deployment)?;
    app.answer(None, CallRequest::from_object(fields)?, caller).await
}

/// The timestamp of the last commit, for `query_at_ts`.
async fn query_timestamp(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Refusal> {
    app.caller(&headers, &uri).await?;
    let text = serde_json::json!({"ts": app.timestamp()?}).to_string();
    Ok(json(text).into_response())
}

async fn query_at_timestamp(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Result<Response, Refusal> {
    let caller = app.caller(&headers, &uri).await?;
    let mut fields = read_object(&headers, body).await?;
    let timestamp = fields.remove("ts").as_ref().and_then(Value::as_str).and_then(Timestamp::parse);
    let Some(Timestamp(timestamp)) = timestamp else {
        return Err(Refusal::bad_request("BadJsonBody", "`ts`: expected a timestamp from /api/query_ts"));
    };
    let request = CallRequest::from_object(fields)?;
    let (args, CallRequest { path, format, .. }) = (request.args()?, request);
    let outcome = briefly(move || {
        let outcome = app.deployment.query_at(timestamp, &path, args, &caller);
        if let Ok(Some(outcome)) = &outcome {
            app.log.call(Some(FunctionKind::Query), &path, outcome);
        }
        outcome
    });
    match outcome.await?.map_err(|error| Refusal::internal(&error))? {
        Some(outcome) => reply(outcome, format),
        None => Err(Refusal::bad_request(
            "TimestampNotCurrent",
            "`ts` is not the current timestamp: the embedded deployment keeps no others; a Convex deployment does",
        )),
    }
}

/// The replies to several queries, in order.
#[derive(Serialize)]
struct BatchReply {
    results: Vec<FunctionReply>,
}

/// Several queries at one snapshot.
async fn query_batch(State(app): State<App>, headers: HeaderMap, uri: Uri, body: Body) -> Result<Response, Refusal> {
    let caller = app.caller(&headers, &uri).await?;
    let mut fields = read_object(&headers, body).await?;
    let Some(Value::Array(queries)) = fields.remove("queries") else {
        return Err(Refusal::bad_request("BadJsonBody", "`queries`: expected a list"));
    };
    let mut requests = Vec::new();
    for query in queries.iter() {
        let Value::Object(query) = query.into_owned() else {
            return Err(Refusal::bad_request("BadJsonBody", "`queries`: expected objects"));
        };
        let request = CallRequest::from_object(query)?;
        requests.push((request.args()?, request));
    }
    let formats: Vec<_> = requests.iter().map(|(_, request)| request.format).collect();
    let queries: Vec<_> = requests.into_iter().map(|(args, request)| (request.path, args)).collect();
    let outcomes = briefly(move || {
        let paths: Vec<_> = queries.iter().map(|(path, _)| path.clone()).collect();
        let outcomes = app.deployment.query_batch(queries, &caller)?;
        for (path, outcome) in paths.iter().zip(&outcomes) {
            app.log.call(Some(FunctionKind::Query), path, outcome);
        }
        Ok::<_, engine::Error>(outcomes)
    });
    let outcomes = outcomes.await?.map_err(|error| Refusal::internal(&error))?;
    let replies = outcomes.into_iter().zip(formats).map(|(outcome, format)| FunctionReply::new(outcome, format));
    let replies = BatchReply { results: replies.collect::<Result<_, _>>()? };
    Ok(json(serde_json::to_string(&replies).expect("replies are JSON")).into_response())
}

impl App {
    /// The sender of a request.
    pub(crate) async fn caller(&self, headers: &HeaderMap, uri: &Uri) -> Result<Caller, Refusal> {
        let caller = Credential::of(headers, uri)?.caller(&self.deployment, &self.admin_key).await?;
        connections::current().trust(!caller.is_anonymous());
        Ok(caller)
    }

    /// Refuses a request without an admin key.
    pub(crate) async fn check_admin(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
        if self.caller(headers, uri).await?.is_admin() {
            return Ok(());
        }
        Err(Refusal::unauthenticated("Unauthenticated", format!("{} needs an admin key", uri.path())))
    }

    async fn answer(
        self,
        kind: Option<FunctionKind>,
        request: CallRequest,
        caller: Caller,
    ) -> Result<Response, Refusal> {
        let CallRequest { path, args, format } = request;
        let args = match args {
            Ok(args) => args,
            Err(reason) => {
                let outcome = Outcome::invalid_arguments(&path, &reason);
                self.log.call(kind, &path, &outcome);
                return reply(outcome, format);
            }
        };
        if let (None | Some(FunctionKind::Query), Some(query)) = (kind, SystemQuery::find(&path)) {
            return reply(self.system.query(query, &args, &caller), format);
        }
        let run = move || {
            let outcome = self.deployment.call(kind, &path, args, &caller)?;
            self.log.call(kind, &path, &outcome);
            Ok(outcome)
        };
        let outcome = match kind {
            Some(FunctionKind::Query | FunctionKind::Mutation) => briefly(run).await?,
            Some(FunctionKind::Action) | None => blocking(run).await?,
        };
        reply(outcome.map_err(|error: engine::Error| Refusal::internal(&error))?, format)
    }

    fn timestamp(&self) -> Result<Timestamp, Refusal> {
        self.deployment.commit_timestamp().map(Timestamp).map_err(|error| Refusal::internal(&error))
    }
}

/// Calls that may run in place at once. Each takes one of the threads that may block.
static CALLS_IN_PLACE: Semaphore = Semaphore::const_new(SOCKET_THREADS);

fn reply(outcome: Outcome, format: Format) -> Result<Response, Refusal> {
    let reply = FunctionReply::new(outcome, format)?;
    Ok(json(serde_json::to_string(&reply).expect("a reply is JSON")).into_response())
}

/// Runs a query or a mutation in place, which saves a change of threads. Another thread takes over this thread's
/// sockets and waiting tasks, so only this task waits, however long it takes.
pub(crate) async fn briefly<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    match CALLS_IN_PLACE.try_acquire() {
        Ok(_running) => Ok(tokio::task::block_in_place(work)),
        Err(_) => blocking(work).await,
    }
}

/// Runs work that may take long, such as an action, on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => Ok(value),
        Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
        Err(_) => Err(Refusal::stopping()),
    }
}
