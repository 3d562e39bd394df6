//! Live queries: the states of a query, as a deployment tells them over its WebSocket.
//!
//! All queries of a client share a connection (`connection`), which uses Convex's sync protocol (`session`). A broken
//! connection is replaced for as long as there are queries. The subscriber of a query without a connection gets the
//! reason as an error.

mod connection;
mod messages;
mod session;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use base::{Process, locked};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use value::Value;

use crate::{
    client::Client,
    error::{Error, Result},
    runtime::runtime,
};

use connection::{Command, Follower};
pub(crate) use messages::Token;
use session::Session;

/// Returns the `Authorization` header of a connection, None for anonymous calls. It runs on a thread that may block.
pub type Authorize = Arc<dyn Fn() -> Result<Option<String>> + Send + Sync>;

/// The live queries of one deployment, over one socket.
pub struct LiveClient {
    client: Client,
    authorize: Authorize,
    next_id: AtomicU32,
    /// The commands of the task that follows the queries, and the process that it runs in.
    follower: Mutex<Option<(Process, UnboundedSender<Command>)>>,
}

/// Whether a client that follows one query takes a text as the first message of a connection. For fuzzing.
#[must_use]
pub fn takes_server_message(text: &str) -> bool {
    let mut session = Session::new(None);
    session.add(0, String::new(), Value::Null, ());
    session.open(&Token::None);
    session.receive(text).is_ok()
}

/// A query that is followed until this is dropped.
pub struct LiveQuery {
    id: u32,
    states: Arc<States>,
    follower: UnboundedSender<Command>,
}

/// The states of a query.
struct States {
    state: Mutex<State>,
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    /// The state that was taken last: a value, or an error's text.
    taken: Option<Result<Value, String>>,
    /// The newest state, if it differs from the taken one.
    newest: Option<Result<Value>>,
    /// Why the query can never be followed.
    failure: Option<Error>,
}

impl LiveClient {
    /// Live queries of the deployment that a client calls. Nothing is sent yet.
    #[must_use]
    pub fn new(client: Client, authorize: Authorize) -> Self {
        Self { client, authorize, next_id: AtomicU32::new(0), follower: Mutex::default() }
    }

    /// Follows a query. `wake` is called, on another thread, whenever there is something to take.
    pub fn subscribe(&self, path: String, args: Value, wake: impl Fn() + Send + Sync + 'static) -> LiveQuery {
        let states = Arc::new(States { state: Mutex::default(), wake: Box::new(wake) });
        let (id, follower) = (self.next_id.fetch_add(1, Ordering::Relaxed), self.follower());
        // The task ends when the last sender is dropped.
        let _ = follower.send(Command::Add { id, path, args, states: Arc::clone(&states) });
        LiveQuery { id, states, follower }
    }

    /// The task that follows the queries. A forked child begins its own.
    fn follower(&self) -> UnboundedSender<Command> {
        let mut follower = locked(&self.follower);
        match &*follower {
            Some((process, commands)) if process.is_current() => commands.clone(),
            _ => {
                let (commands, received) = unbounded_channel();
                runtime().spawn(Follower::new(self.client.clone(), Arc::clone(&self.authorize), received).follow());
                follower.insert((Process::current(), commands)).1.clone()
            }
        }
    }
}

impl LiveQuery {
    /// The newest outcome, if it isn't the one taken last.
    #[must_use]
    pub fn take(&self) -> Option<Result<Value>> {
        let mut state = locked(&self.states.state);
        if let Some(failure) = &state.failure {
            // The failure can be taken any number of times.
            (self.states.wake)();
            return Some(Err(failure.clone()));
        }
        let newest = state.newest.take()?;
        state.taken = Some(newest.clone().map_err(|error| error.to_string()));
        Some(newest)
    }
}

impl Drop for LiveQuery {
    fn drop(&mut self) {
        let _ = self.follower.send(Command::Remove { id: self.id });
    }
}

impl States {
    /// Ends the query with a failure: no state will come.
    fn fail(&self, failure: Error) {
        locked(&self.state).failure = Some(failure);
        (self.wake)();
    }

    fn give(&self, outcome: Result<Value>) {
        let mut state = locked(&self.state);
        let is_same = match (&state.taken, &outcome) {
            (Some(Ok(taken)), Ok(value)) => taken == value,
            (Some(Err(taken)), Err(error @ Error::Function { .. })) => *taken == error.to_string(),
            // A failure of the connection is given again each time.
            _ => false,
        };
        state.newest = (!is_same).then_some(outcome);
        drop(state);
        if !is_same {
            (self.wake)();
        }
    }
}
