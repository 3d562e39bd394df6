//! Live queries: the states of a query, as a deployment tells them over its WebSocket.
//!
//! All queries of a client share a connection (`connection`), on which they speak Convex's sync protocol (`session`). It
//! is made anew for as long as there are queries. A query that has no contact isn't left without a word: its taker is
//! told why.

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

/// Gives the `Authorization` header, none for anonymous calls: for each connection, on a thread that may block.
pub type Authorize = Arc<dyn Fn() -> Result<Option<String>> + Send + Sync>;

/// The live queries of one deployment, over one socket.
pub struct LiveClient {
    client: Client,
    authorize: Authorize,
    next_id: AtomicU32,
    /// The way to the task that follows the queries, and the process it is in.
    follower: Mutex<Option<(Process, UnboundedSender<Command>)>>,
}

/// A query that is followed. Dropped, it is followed no longer.
pub struct LiveQuery {
    id: u32,
    states: Arc<States>,
    follower: UnboundedSender<Command>,
}

/// What a query has come to.
struct States {
    state: Mutex<State>,
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    /// What was taken last: a value, or an error's text.
    taken: Option<Result<Value, String>>,
    /// What came since, where it is another.
    newest: Option<Result<Value>>,
    /// Why it can't be followed, ever.
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
        // The task ends with the last of these.
        let _ = follower.send(Command::Add { id, path, args, states: Arc::clone(&states) });
        LiveQuery { id, states, follower }
    }

    /// The task that follows the queries. A forked child has none of its parent's, and begins its own.
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
            // However often it is asked for.
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
    /// There will be no state.
    fn fail(&self, failure: Error) {
        locked(&self.state).failure = Some(failure);
        (self.wake)();
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
