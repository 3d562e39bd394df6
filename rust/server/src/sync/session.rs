//! The session of one socket's client: how messages are answered.
//!
//! A session does one thing at a time: it answers a message, or passes on changes of the data, before it reads the next
//! message. So a mutation runs as the user that the client was when it sent the mutation. The mutation's response comes
//! before the transition that shows its writes. A client that doesn't read has no older states queued; it gets the
//! newest one later. Only actions run beside this.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use base::{FunctionKind, locked};
use engine::{Caller, MutationRequest, QuerySet, Refreshed};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::JoinSet,
};

use super::{
    ending::Ending,
    messages::{ClientMessage, FunctionCall, Modification, Response, ServerMessage, StateModification, Token, Version},
};

use crate::{
    connections::{Connection, Room},
    credentials::Credential,
    request::{arguments, check_component},
    routes::{App, blocking, briefly},
    system::{SystemQueries, SystemQuery},
    timestamp::Timestamp,
};

/// Live queries at once.
const MAX_QUERIES: usize = 10_000;

/// The total size of their results. A query that exceeds it fails.
const MAX_RESULT_BYTES: usize = 64 << 20;

/// Actions of a client that run or wait to run; as many as Convex allows.
const MAX_ACTIONS: usize = 1000;

/// A received message. Until it is answered, it takes a part of its client's room.
pub(crate) struct Incoming {
    pub(crate) text: String,
    pub(crate) room: (OwnedSemaphorePermit, Room),
}

pub(crate) struct Session {
    app: App,
    connection: Arc<Connection>,
    outgoing: mpsc::Sender<String>,
    /// The client's name for the session; None before it connects.
    id: Option<String>,
    caller: Caller,
    queries: Arc<Mutex<QuerySet>>,
    system_queries: SystemQueries,
    numbers: BTreeSet<u32>,
    /// Receives a signal when a query should run again.
    woken: mpsc::Receiver<()>,
    actions: JoinSet<Result<String, Ending>>,
    /// The last state sent to the client.
    version: Version,
}

impl Session {
    /// # Errors
    ///
    /// The deployment is closed.
    pub(crate) fn new(app: App, connection: Arc<Connection>, outgoing: mpsc::Sender<String>) -> Result<Self, Ending> {
        let (wake, woken) = mpsc::channel(1);
        let wake = move || {
            // A full channel already has a signal, which is enough.
            let _ = wake.try_send(());
        };
        let queries = QuerySet::new(&app.deployment, Caller::ANONYMOUS, wake).map_err(|_| Ending::internal())?;
        let queries = queries.bounded(MAX_RESULT_BYTES);
        let system_queries = SystemQueries::new(&app.system);
        Ok(Self {
            app,
            connection,
            outgoing,
            id: None,
            caller: Caller::ANONYMOUS,
            queries: Arc::new(Mutex::new(queries)),
            system_queries,
            numbers: BTreeSet::new(),
            woken,
            actions: JoinSet::new(),
            version: Version::default(),
        })
    }

    /// Answers messages and passes changes on, until the session ends.
    pub(crate) async fn run(mut self, mut incoming: mpsc::Receiver<Incoming>) -> Ending {
        loop {
            let done = tokio::select! {
                message = incoming.recv() => match message {
                    Some(message) => self.receive(message).await,
                    None => Err(Ending::Gone),
                },
                _ = self.woken.recv() => self.refresh().await,
                () = self.system_queries.changed() => self.refresh().await,
                Some(response) = self.actions.join_next() => self.end_action(response).await,
                () = until(self.caller.expires()) => self.check_expiry(),
                () = self.app.sockets.stopped() => Err(Ending::STOPPING),
            };
            if let Err(ending) = done {
                return ending;
            }
        }
    }

    async fn receive(&mut self, Incoming { text, room }: Incoming) -> Result<(), Ending> {
        let message = briefly(move || serde_json::from_str(&text)).await?;
        let message = message.map_err(|error| Ending::fatal("BadMessage", error.to_string()))?;
        if let ClientMessage::Connect { session_id, max_observed_timestamp } = message {
            return self.connect(session_id, max_observed_timestamp);
        }
        let Some(session) = self.id.clone() else {
            return Err(Ending::fatal("NotConnected", "expected Connect as the first message"));
        };
        if !matches!(message, ClientMessage::Authenticate { .. }) {
            self.check_expiry()?;
        }
        match message {
            ClientMessage::Connect { .. } | ClientMessage::Event => Ok(()),
            ClientMessage::ModifyQuerySet { base_version, new_version, modifications } => {
                self.modify(base_version, new_version, modifications).await
            }
            ClientMessage::Mutation(call) => self.mutate(session, call).await,
            ClientMessage::Action(call) => self.begin_action(call, room),
            ClientMessage::Authenticate { base_version, token } => self.authenticate(base_version, token).await,
        }
    }

    fn connect(&mut self, session: String, observed: Option<Timestamp>) -> Result<(), Ending> {
        if self.id.is_some() {
            return Err(Ending::fatal("AlreadyConnected", "expected one Connect"));
        }
        if !is_uuid(&session) {
            return Err(Ending::fatal("BadMessage", format!("sessionId: {session:?}; expected a UUID")));
        }
        let current = self.app.deployment.commit_timestamp().map_err(|_| Ending::internal())?;
        if observed.is_some_and(|observed| observed.0 > current) {
            // The client has seen data that isn't here: another deployment's, or of a time before a backup was
            // restored.
            return Err(Ending::internal());
        }
        self.id = Some(session);
        Ok(())
    }

    async fn modify(&mut self, base: u32, new: u32, modifications: Vec<Modification>) -> Result<(), Ending> {
        check_base_version("query set", base, self.version.query_set)?;
        if base.checked_add(1) != Some(new) {
            return Err(Ending::fatal("BadMessage", format!("newVersion: {new}; expected baseVersion ({base}) + 1")));
        }
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        for modification in modifications {
            match modification {
                Modification::Add { query_id, udf_path, args, journal, component_path } => {
                    self.check_component(component_path.as_deref())?;
                    if !self.numbers.insert(query_id) {
                        return Err(Ending::fatal("BadMessage", format!("queryId: {query_id} is in the query set")));
                    }
                    let args = arguments(Some(args))?;
                    match SystemQuery::find(&udf_path) {
                        Some(query) => self.system_queries.add(query_id, query, args),
                        None => added.push((query_id, udf_path, args, journal)),
                    }
                }
                Modification::Remove { query_id } => {
                    if !self.numbers.remove(&query_id) {
                        return Err(Ending::fatal("BadMessage", format!("queryId: {query_id} isn't in the query set")));
                    }
                    added.retain(|(added, ..)| *added != query_id);
                    self.system_queries.remove(query_id);
                    removed.push(query_id);
                }
            }
        }
        if self.numbers.len() > MAX_QUERIES {
            return Err(Ending::fatal("TooManyQueries", format!("expected at most {MAX_QUERIES} queries")));
        }
        let end = Version { query_set: new, ..self.version };
        let change = move |queries: &mut QuerySet| {
            for (query, path, args, journal) in added {
                queries.add(query, path, args, journal);
            }
        };
        self.transition(end, removed, change).await
    }

    async fn authenticate(&mut self, base: u32, token: Token) -> Result<(), Ending> {
        check_base_version("identity", base, self.version.identity)?;
        let credential = match token {
            Token::None => Credential::None,
            Token::User { value } => Credential::Token(value),
            Token::Admin { value, impersonating: None } => Credential::AdminKey(value),
            Token::Admin { value, impersonating: Some(attributes) } => Credential::ActingAs(value, attributes),
        };
        let caller = credential.caller(&self.app.deployment, &self.app.admin_key).await;
        self.caller = caller.map_err(|refusal| match refusal.into() {
            Ending::Fatal { message, .. } => {
                Ending::Unauthenticated { message, base_version: base, update_attempted: true }
            }
            ending => ending,
        })?;
        self.connection.trust(!self.caller.is_anonymous());
        let caller = self.caller.clone();
        let end = Version { identity: base + 1, ..self.version };
        self.transition(end, Vec::new(), move |queries| queries.set_caller(caller)).await
    }

    /// Refuses a component whose functions don't run here, or that this caller may not call.
    fn check_component(&self, path: Option<&str>) -> Result<(), Ending> {
        check_component(path, &self.app.deployment)?;
        let is_owner = self.caller.is_admin() && !self.caller.is_user();
        if is_owner || path.is_none_or(str::is_empty) {
            return Ok(());
        }
        Err(Ending::fatal("Unauthenticated", "only an admin who acts as no user calls functions of components"))
    }

    fn check_expiry(&self) -> Result<(), Ending> {
        if self.caller.expires().is_none_or(|time| SystemTime::now() < time) {
            return Ok(());
        }
        let (message, base_version) = ("The token has expired".to_owned(), self.version.identity);
        Err(Ending::Unauthenticated { message, base_version, update_attempted: false })
    }

    async fn mutate(&mut self, session: String, call: FunctionCall) -> Result<(), Ending> {
        let FunctionCall { request_id, udf_path, args, component_path } = call;
        self.check_component(component_path.as_deref())?;
        let args = arguments(Some(args))?;
        let (deployment, caller) = (Arc::clone(&self.app.deployment), self.caller.clone());
        let log = self.app.log.clone();
        let response = briefly(move || {
            let request = MutationRequest { session, number: request_id };
            let outcome = deployment.mutation_once(&request, &udf_path, args, &caller).map_err(failed)?;
            log.call(Some(FunctionKind::Mutation), &udf_path, &outcome);
            let response = Response::new(request_id, &outcome).map_err(failed)?;
            Ok::<_, Ending>(
                ServerMessage::MutationResponse { ts: outcome.timestamp.map(Timestamp), response }.to_json(),
            )
        });
        let response = response.await??;
        self.send(response).await?;
        self.refresh().await
    }

    /// Starts an action beside the session's other work. All sockets together run at most [`super::MAX_ACTIONS`] at
    /// once.
    fn begin_action(&mut self, call: FunctionCall, room: (OwnedSemaphorePermit, Room)) -> Result<(), Ending> {
        let FunctionCall { request_id, udf_path, args, component_path } = call;
        self.check_component(component_path.as_deref())?;
        let args = arguments(Some(args))?;
        if self.actions.len() == MAX_ACTIONS {
            return Err(Ending::overloaded("TooManyConcurrentActions"));
        }
        let (deployment, caller) = (Arc::clone(&self.app.deployment), self.caller.clone());
        let (actions, log) = (self.app.sockets.actions(), self.app.log.clone());
        self.actions.spawn(async move {
            let _one_of_them = actions.acquire_owned().await;
            let response = blocking(move || {
                let outcome = deployment.call(Some(FunctionKind::Action), &udf_path, args, &caller).map_err(failed)?;
                log.call(Some(FunctionKind::Action), &udf_path, &outcome);
                Ok(ServerMessage::ActionResponse(Response::new(request_id, &outcome).map_err(failed)?).to_json())
            });
            let response = response.await?;
            drop(room);
            response
        });
        Ok(())
    }

    async fn end_action(
        &mut self,
        response: Result<Result<String, Ending>, tokio::task::JoinError>,
    ) -> Result<(), Ending> {
        let response = response.map_err(|_| Ending::internal())??;
        self.send(response).await?;
        self.refresh().await
    }

    /// Sends a transition to the last commit.
    async fn refresh(&mut self) -> Result<(), Ending> {
        self.transition(self.version, Vec::new(), |_| {}).await
    }

    /// Removes queries, applies `change` to the others, and sends the client the new results.
    async fn transition(
        &mut self,
        end: Version,
        removed: Vec<u32>,
        change: impl FnOnce(&mut QuerySet) + Send + 'static,
    ) -> Result<(), Ending> {
        // This refresh includes every commit before now, so an earlier signal is done with.
        let _ = self.woken.try_recv();
        let (start, queries, log) = (self.version, Arc::clone(&self.queries), self.app.log.clone());
        let system = self.system_queries.refresh(&self.caller);
        let told = briefly(move || {
            let mut queries = locked(&queries);
            for query in &removed {
                queries.remove(*query);
            }
            change(&mut queries);
            let Refreshed { timestamp, changed } = queries.refresh().map_err(failed)?;
            let end = Version { ts: Timestamp(timestamp), ..end };
            let mut modifications: Vec<_> =
                removed.into_iter().map(|query_id| StateModification::QueryRemoved { query_id }).collect();
            for query in changed {
                let outcome = queries.outcome(query).expect("it has just run");
                log.call(Some(FunctionKind::Query), queries.path(query).unwrap_or_default(), outcome);
                modifications.push(StateModification::new(query, outcome).map_err(failed)?);
            }
            for (query, outcome) in &system {
                modifications.push(StateModification::new(*query, outcome).map_err(failed)?);
            }
            let transition = ServerMessage::Transition { start_version: start, end_version: end, modifications };
            Ok::<_, Ending>((transition.to_json(), end))
        });
        let (transition, end) = told.await??;
        self.send(transition).await?;
        self.version = end;
        Ok(())
    }

    /// Sends a message. Waits until there is room, that is until the client has read the earlier ones.
    async fn send(&self, message: String) -> Result<(), Ending> {
        self.outgoing.send(message).await.map_err(|_| Ending::Gone)
    }
}

/// The ending for a failure of the deployment.
fn failed<E>(_: E) -> Ending {
    Ending::internal()
}

fn check_base_version(of: &str, base: u32, current: u32) -> Result<(), Ending> {
    if base == current {
        return Ok(());
    }
    let message = format!("baseVersion: {base}; expected the {of}'s version, {current}");
    Err(Ending::fatal("BaseVersionMismatch", message))
}

/// Returns at a time of the system's clock, even if the clock is set meanwhile; never if there is no time.
async fn until(time: Option<SystemTime>) {
    let Some(time) = time else { return std::future::pending().await };
    while let Ok(left) = time.duration_since(SystemTime::now()) {
        tokio::time::sleep(left.clamp(Duration::from_millis(1), Duration::from_mins(1))).await;
    }
}

fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let groups: Vec<&str> = text.split('-').collect();
    let is_group =
        |(group, length): (&&str, usize)| group.len() == length && group.bytes().all(|c| c.is_ascii_hexdigit());
    groups.len() == lengths.len() && groups.iter().zip(lengths).all(is_group)
}
