//! Live queries over Convex's sync protocol: the official client, watched.
//!
//! That client tries for ever and doesn't say what fails. So a query that has no contact is called over HTTP as well:
//! such a call has a deadline and typed errors, and where it succeeds the socket is opened anew.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use base::{FunctionKind, Process, locked};
use convex::{ConvexClient, ConvexClientBuilder, FunctionResult, WebSocketState};
use futures::StreamExt;
use tokio::{
    runtime::{Builder, Runtime},
    sync::{mpsc, watch},
    task::{AbortHandle, spawn_blocking},
    time::{sleep, timeout},
};
use value::Value;
use wire::reply::without_heading;

use crate::{
    client::{Call, Client},
    credential,
    error::{Error, Result},
};

/// How long a query is without contact before it is called over HTTP; less, where a call may not take so long itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// Gives the `Authorization` header, none for anonymous calls: for each connection, on a thread that may block.
pub type Authorize = Arc<dyn Fn() -> Result<Option<String>> + Send + Sync>;

/// The live queries of one deployment, over one socket.
pub struct LiveClient {
    http: Arc<Client>,
    authorize: Authorize,
    socket: tokio::sync::Mutex<Option<Socket>>,
}

#[derive(Clone)]
struct Socket {
    client: ConvexClient,
    contact: watch::Receiver<Contact>,
}

/// What is known of a socket's connections.
#[derive(Clone, Copy, Default)]
struct Contact {
    is_there: bool,
    was_there: bool,
    has_failed: bool,
}

/// A query that is followed. Dropped, it is followed no longer.
pub struct LiveQuery {
    state: Arc<Mutex<State>>,
    task: AbortHandle,
}

#[derive(Default)]
struct State {
    /// What was taken last: a value, or an error's text.
    taken: Option<Result<Value, String>>,
    /// What came since, where it is another.
    newest: Option<Result<Value>>,
}

/// What a query's task works with.
struct Follower {
    live: Arc<LiveClient>,
    path: String,
    args: Value,
    state: Arc<Mutex<State>>,
    wake: Box<dyn Fn() + Send + Sync>,
    had_state: AtomicBool,
    /// Whether the socket there is now has given a state.
    has_state: AtomicBool,
}

impl LiveClient {
    /// Live queries of the deployment that a client calls. Nothing is sent yet.
    #[must_use]
    pub fn new(http: Arc<Client>, authorize: Authorize) -> Arc<Self> {
        Arc::new(Self { http, authorize, socket: tokio::sync::Mutex::default() })
    }

    /// Follows a query. `wake` is called, on another thread, whenever there is something to take.
    pub fn subscribe(
        self: &Arc<Self>,
        path: String,
        args: Value,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> LiveQuery {
        let state = Arc::<Mutex<State>>::default();
        let follower = Follower {
            live: Arc::clone(self),
            path,
            args,
            state: Arc::clone(&state),
            wake: Box::new(wake),
            had_state: AtomicBool::new(false),
            has_state: AtomicBool::new(false),
        };
        LiveQuery { state, task: runtime().spawn(follower.follow()).abort_handle() }
    }

    /// The socket that all queries share; a new one, where `lost` is the one there is.
    async fn socket(&self, lost: Option<&Socket>) -> Result<Socket> {
        let mut shared = self.socket.lock().await;
        let is_lost = |socket: &Socket| lost.is_some_and(|lost| lost.contact.same_channel(&socket.contact));
        match &*shared {
            Some(socket) if !is_lost(socket) => Ok(socket.clone()),
            _ => Ok(shared.insert(self.open().await?).clone()),
        }
    }

    async fn open(&self) -> Result<Socket> {
        // The official client would go on as nobody where there is no credential.
        let authorize = Arc::clone(&self.authorize);
        spawn_blocking(move || authorize()).await.map_err(|error| self.http.protocol(error.to_string()))??;
        let (report, mut reports) = mpsc::channel(64);
        let (told, contact) = watch::channel(Contact::default());
        let builder = ConvexClientBuilder::new(self.http.url()).with_on_state_change(report);
        let mut client = builder.build().await.map_err(|error| self.http.protocol(error.to_string()))?;
        tokio::spawn(async move {
            let mut is_first = true;
            while let Some(state) = reports.recv().await {
                told.send_modify(|contact| match state {
                    WebSocketState::Connected => (contact.is_there, contact.was_there) = (true, true),
                    WebSocketState::Connecting => (contact.is_there, contact.has_failed) = (false, !is_first),
                });
                is_first = false;
            }
        });
        let authorize = Arc::clone(&self.authorize);
        client
            .set_auth_callback(Some(Box::new(move |_| {
                let authorize = Arc::clone(&authorize);
                Box::pin(async move { Ok(credential::token(spawn_blocking(move || authorize()).await??.as_deref())?) })
                    as Pin<Box<dyn Future<Output = _> + Send>>
            })))
            .await;
        Ok(Socket { client, contact })
    }
}

impl Follower {
    async fn follow(self) {
        let mut lost = None;
        loop {
            let socket = match self.live.socket(lost.as_ref()).await {
                Ok(socket) => socket,
                Err(error) => {
                    self.give(Err(error));
                    sleep(PATIENCE).await;
                    continue;
                }
            };
            self.has_state.store(false, Ordering::Relaxed);
            tokio::select! {
                () = self.pump(&socket) => {}
                () = self.guard(&socket) => {}
            }
            lost = Some(socket);
        }
    }

    /// Gives what comes over a socket.
    async fn pump(&self, socket: &Socket) {
        let Value::Object(args) = &self.args else { unreachable!("arguments are an object") };
        let args = args.iter().map(|(name, field)| (name.clone(), to_convex(field))).collect();
        if let Ok(mut results) = socket.client.clone().subscribe(&self.path, args).await {
            while let Some(result) = results.next().await {
                self.has_state.store(true, Ordering::Relaxed);
                self.had_state.store(true, Ordering::Relaxed);
                self.give(match result {
                    FunctionResult::Value(value) => Ok(from_convex(value)),
                    FunctionResult::ErrorMessage(message) => Err(self.failure(message, None).await),
                    FunctionResult::ConvexError(error) => {
                        Err(self.failure(error.message, Some(from_convex(error.data))).await)
                    }
                });
            }
        }
        // A path that isn't one: the guard finds out what the deployment says to it.
        std::future::pending::<()>().await;
    }

    /// The error of a query that failed. The official client hands on its text alone; a call over HTTP that fails with
    /// the same text tells its kind and code.
    async fn failure(&self, message: String, data: Option<Value>) -> Error {
        let called = self.call(PATIENCE).await;
        match called {
            Err(Error::Function { message: again, failure, .. })
                if without_heading(&again) == without_heading(&message) =>
            {
                Error::Function { message, failure, data }
            }
            _ => Error::function(None, None, message, data),
        }
    }

    /// Returns when a socket is to be given up.
    async fn guard(&self, socket: &Socket) {
        let mut reports = socket.contact.clone();
        let in_all = self.live.http.timeout();
        let patience = PATIENCE.min(in_all / 2);
        let mut last_contact = Instant::now();
        loop {
            let is_quiet = match timeout(patience, reports.changed()).await {
                Ok(Ok(())) => false,
                Ok(Err(_)) => return,
                Err(_) => true,
            };
            let contact = *reports.borrow_and_update();
            // A deployment that refuses the credential lets each new connection in, and closes it.
            if is_quiet && contact.is_there && self.has_state.load(Ordering::Relaxed) {
                last_contact = Instant::now();
                continue;
            }
            let never_had_state = !self.had_state.load(Ordering::Relaxed);
            let fails_at_once = contact.has_failed && never_had_state;
            if !fails_at_once && last_contact.elapsed() < patience {
                continue;
            }
            // The patience is a part of the time that an answer may take.
            let left = in_all.saturating_sub(last_contact.elapsed()).max(patience);
            match self.call(left).await {
                Ok(()) if contact.is_there && self.has_state.load(Ordering::Relaxed) => {}
                Ok(()) if contact.was_there => return,
                // The connection may have broken on the way; the official client tries again.
                Ok(()) if last_contact.elapsed() < in_all => {}
                Ok(()) => {
                    if never_had_state {
                        self.give(Err(self.live.http.protocol("it has no WebSocket at /api/sync".to_owned())));
                    }
                    return;
                }
                Err(error) if never_had_state || error.is_of_credential() || last_contact.elapsed() > in_all => {
                    self.give(Err(error));
                }
                Err(_) => {}
            }
            // The official client goes on at its own pace.
            sleep(patience).await;
        }
    }

    /// Calls the query over HTTP: whether it could be followed, and why not.
    async fn call(&self, time: Duration) -> Result<()> {
        let (http, authorize) = (Arc::clone(&self.live.http), Arc::clone(&self.live.authorize));
        let (path, args) = (self.path.clone(), self.args.clone());
        let called = spawn_blocking(move || {
            let authorization = authorize()?;
            let authorization = authorization.as_deref();
            let call = Call { kind: FunctionKind::Query, path: &path, args: &args, reads: true, authorization };
            http.call_within(&call, time)
        });
        called.await.map_err(|error| self.live.http.protocol(error.to_string()))?.map(|_| ())
    }

    fn give(&self, outcome: Result<Value>) {
        let mut state = locked(&self.state);
        let is_same = match (&state.taken, &outcome) {
            (Some(Ok(taken)), Ok(value)) => taken == value,
            (Some(Err(taken)), Err(error @ Error::Function { .. })) => *taken == error.to_string(),
            // What keeps a query from being followed is told as long as it does.
            _ => false,
        };
        state.newest = (!is_same).then_some(outcome);
        drop(state);
        if !is_same {
            (self.wake)();
        }
    }
}

impl LiveQuery {
    /// The newest outcome, if it isn't the one taken last.
    #[must_use]
    pub fn take(&self) -> Option<Result<Value>> {
        let mut state = locked(&self.state);
        let newest = state.newest.take()?;
        state.taken = Some(newest.clone().map_err(|error| error.to_string()));
        Some(newest)
    }
}

impl Drop for LiveQuery {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The threads of all live queries. A forked child has none of its parent's, and gets its own.
fn runtime() -> &'static Runtime {
    static RUNTIME: Mutex<Option<(Process, &'static Runtime)>> = Mutex::new(None);
    let mut runtime = locked(&RUNTIME);
    match *runtime {
        Some((process, runtime)) if process.is_current() => runtime,
        _ => {
            let started =
                Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread can start");
            runtime.insert((Process::current(), Box::leak(Box::new(started)))).1
        }
    }
}

fn to_convex(value: &Value) -> convex::Value {
    match value {
        Value::Null => convex::Value::Null,
        Value::Int64(x) => convex::Value::Int64(*x),
        Value::Float64(x) => convex::Value::Float64(*x),
        Value::Boolean(x) => convex::Value::Boolean(*x),
        Value::String(text) => convex::Value::String(text.clone()),
        Value::Bytes(bytes) => convex::Value::Bytes(bytes.clone()),
        Value::Array(items) => convex::Value::Array(items.iter().map(|item| to_convex(&item)).collect()),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, field)| (name.clone(), to_convex(field)));
            convex::Value::Object(fields.collect::<BTreeMap<_, _>>())
        }
    }
}

fn from_convex(value: convex::Value) -> Value {
    match value {
        convex::Value::Null => Value::Null,
        convex::Value::Int64(x) => Value::Int64(x),
        convex::Value::Float64(x) => Value::Float64(x),
        convex::Value::Boolean(x) => Value::Boolean(x),
        convex::Value::String(text) => Value::String(text),
        convex::Value::Bytes(bytes) => Value::Bytes(bytes),
        convex::Value::Array(items) => items.into_iter().map(from_convex).collect::<Vec<_>>().into(),
        convex::Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, field)| (name, from_convex(field))).collect())
        }
    }
}
