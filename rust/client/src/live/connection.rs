//! The task that follows queries. It connects and listens, and reports to the queries why it can't.
//!
//! After a connection breaks, the task connects again, after a wait that grows with each failure. A query that had no
//! state yet gets the failure as its state after some seconds; a query that had one gets it after the time that a call
//! may take. A refusal on the socket is less precise than one of a call. So after a refusal, the task calls the queries
//! over HTTP to find the reason.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base::FunctionKind;
use futures_util::{SinkExt, StreamExt};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    task::spawn_blocking,
    time::{sleep, sleep_until, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderValue, Request},
        protocol::{CloseFrame, WebSocketConfig},
    },
};
use value::Value;

use super::{
    Authorize, States,
    messages::Token,
    session::{Session, Told},
};
use crate::{
    backoff::Backoff,
    client::{Call, Client},
    credential,
    error::{Error, Result},
    net::Stream,
};

/// How long a query without a state waits for one before it gets a failure; less if a call's timeout is shorter.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest silence of a deployment, which sends a message every 15 s. The official client waits as long.
const SILENCE: Duration = Duration::from_secs(30);

/// How often a connection is checked.
const LOOK: Duration = Duration::from_secs(1);

/// The bound of the first wait between connections, and the bound of all waits.
const BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// The results of all queries may come in one message.
const MESSAGE_BYTES: usize = 256 << 20;

/// The client whose version of the protocol this is. A deployment chooses its messages by it.
const CLIENT: &str = "rust-0.10.4";

pub(super) enum Command {
    Add { id: u32, path: String, args: Value, states: Arc<States> },
    Remove { id: u32 },
}

/// The client's state of a query.
struct Kept {
    states: Arc<States>,
    had_state: bool,
    /// Whether this connection has given a state.
    has_state: bool,
    /// When the last state of the query came; before the first one, when it was subscribed.
    last_contact: Instant,
}

pub(super) struct Follower {
    client: Client,
    authorize: Authorize,
    commands: UnboundedReceiver<Command>,
    session: Session<Kept>,
}

/// Why a connection ended.
enum Ending {
    /// No queries are left.
    Idle,
    /// The client was dropped, so no query can be added.
    Dropped,
    /// The connection broke, or couldn't be made.
    Broken(Error),
    /// The deployment refuses, or there is no credential. Connecting again at once wouldn't help.
    Refused(Error),
}

type Socket = WebSocketStream<Box<dyn Stream>>;

impl Follower {
    pub(super) fn new(client: Client, authorize: Authorize, commands: UnboundedReceiver<Command>) -> Self {
        let session = Session::new(client.component());
        Self { client, authorize, commands, session }
    }

    pub(super) async fn follow(mut self) {
        let mut backoff = Backoff::new(BACKOFF, LONGEST_BACKOFF);
        loop {
            while self.session.queries().is_empty() {
                match self.commands.recv().await {
                    Some(command) => drop(self.apply(command)),
                    None => return,
                }
            }
            let mut had_states = false;
            let ending = self.connection(&mut had_states).await;
            if had_states {
                backoff.reset();
            }
            match ending {
                Ending::Idle => continue,
                Ending::Dropped => return,
                Ending::Broken(error) => self.tell(&error),
                Ending::Refused(error) => self.find_out(error).await,
            }
            if !self.pause(backoff.next()).await {
                return;
            }
        }
    }

    /// Applies a command to the session. Returns the message to send if there is a connection.
    fn apply(&mut self, command: Command) -> Option<String> {
        match command {
            Command::Add { id, path, args, states } => {
                let kept = Kept { states, had_state: false, has_state: false, last_contact: Instant::now() };
                self.session.add(id, path, args, kept);
                Some(self.session.modify(&[id], &[]))
            }
            Command::Remove { id } => self.session.remove(id).then(|| self.session.modify(&[], &[id])),
        }
    }

    /// Waits, and applies commands meanwhile. False if the client was dropped.
    async fn pause(&mut self, time: Duration) -> bool {
        let end = tokio::time::Instant::now() + time;
        loop {
            tokio::select! {
                () = sleep_until(end) => return true,
                command = self.commands.recv() => match command {
                    Some(command) => drop(self.apply(command)),
                    None => return false,
                },
            }
        }
    }

    async fn connection(&mut self, had_states: &mut bool) -> Ending {
        for kept in self.session.kept_mut() {
            kept.has_state = false;
        }
        let (token, mut socket) = match self.connect().await {
            Ok(connected) => connected,
            Err(ending) => return ending,
        };
        let first = self.session.open(&token);
        let ending = match self.send(&mut socket, first).await {
            Ok(()) => self.listen(&mut socket, had_states).await,
            Err(error) => Ending::Broken(error),
        };
        for kept in self.session.kept_mut().filter(|kept| kept.has_state) {
            kept.last_contact = Instant::now();
        }
        // This tells the other side at once. The result doesn't matter.
        let _ = timeout(LOOK, socket.close(None)).await;
        ending
    }

    async fn connect(&self) -> Result<(Token, Socket), Ending> {
        let authorize = Arc::clone(&self.authorize);
        let authorized = spawn_blocking(move || authorize()).await;
        let authorized = authorized.map_err(|error| Ending::Refused(self.client.protocol(error.to_string())))?;
        let token = authorized.and_then(|header| credential::token(header.as_deref())).map_err(Ending::Refused)?;
        let (url, time) = (self.client.url().to_owned(), self.client.timeout());
        let broken = |reason: String| Error::Connect { url: url.clone(), reason };
        // A connection gets less time than a call has, so that its failure is reported in time.
        let connected = timeout(time.mul_f64(0.9), self.client.connector().connect_through()).await;
        let connected = connected.map_err(|_| Ending::Broken(broken("connecting took too long".to_owned())))?;
        let stream = connected.map_err(|unreached| {
            Ending::Broken(if unreached.is_untrusted {
                Error::Untrusted { url: url.clone(), reason: unreached.reason }
            } else {
                broken(unreached.reason)
            })
        })?;
        let config =
            WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES)).max_frame_size(Some(MESSAGE_BYTES));
        let request = self.request().map_err(|error| Ending::Refused(self.client.protocol(error.to_string())))?;
        let opened = timeout(time.mul_f64(0.9), client_async_with_config(request, stream, Some(config))).await;
        match opened {
            Ok(Ok((socket, _))) => Ok((token, socket)),
            Ok(Err(tungstenite::Error::Http(reply))) if reply.status().is_server_error() => {
                Err(Ending::Broken(broken(format!("its WebSocket answered {}", reply.status()))))
            }
            Ok(Err(tungstenite::Error::Http(_) | tungstenite::Error::Protocol(_))) => {
                Err(Ending::Refused(self.client.protocol("it has no WebSocket at /api/sync".to_owned())))
            }
            Ok(Err(error)) => Err(Ending::Broken(broken(error.to_string()))),
            Err(_) => Err(Ending::Broken(Error::Timeout { url, seconds: time.as_secs_f64() })),
        }
    }

    /// The request that opens the WebSocket.
    fn request(&self) -> tungstenite::Result<Request<()>> {
        let url = self.client.connector().endpoint().url("/api/sync").replacen("http", "ws", 1);
        let mut request = url.into_client_request()?;
        for (name, value) in self.client.headers() {
            request.headers_mut().append(name, value.clone());
        }
        request.headers_mut().insert("Convex-Client", HeaderValue::from_static(CLIENT));
        Ok(request)
    }

    async fn send(&self, socket: &mut Socket, messages: Vec<String>) -> Result<()> {
        for message in messages {
            self.within(socket.send(Message::text(message))).await?;
        }
        Ok(())
    }

    /// Does something on the socket. The connection counts as broken if that takes too long.
    async fn within<T>(&self, act: impl Future<Output = tungstenite::Result<T>>) -> Result<T> {
        let broken = |reason: String| Error::Connect { url: self.client.url().to_owned(), reason };
        let done = timeout(SILENCE, act).await.map_err(|_| broken("it takes nothing more".to_owned()))?;
        done.map_err(|error| broken(error.to_string()))
    }

    /// Takes messages and commands, until the connection ends.
    async fn listen(&mut self, socket: &mut Socket, had_states: &mut bool) -> Ending {
        let url = self.client.url().to_owned();
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                frame = socket.next() => {
                    heard = Instant::now();
                    let broken = |reason: String| Ending::Broken(Error::Connect { url: url.clone(), reason });
                    match frame {
                        Some(Ok(Message::Text(text))) => match self.session.receive(&text) {
                            Ok(Told::States(states)) => {
                                *had_states = true;
                                self.give(states);
                            }
                            Ok(Told::Nothing) => {}
                            Ok(Told::Unauthenticated(message)) => {
                                self.session.closed("AuthError");
                                let code = "Unauthenticated".to_owned();
                                return Ending::Refused(Error::Refused { url, status: 401, code, message, retry_after: None });
                            }
                            Ok(Told::Refused(message)) => {
                                self.session.closed("FatalError");
                                return Ending::Refused(self.client.protocol(message));
                            }
                            Err(reason) => {
                                self.session.closed("ProtocolError");
                                return Ending::Broken(self.client.protocol(reason));
                            }
                        },
                        Some(Ok(Message::Close(frame))) => {
                            let reason = frame.map(|CloseFrame { reason, .. }| reason.to_string()).unwrap_or_default();
                            self.session.closed(&reason);
                            return broken(format!("it closed the connection: {reason}"));
                        }
                        Some(Ok(_)) => {}
                        Some(Err(error)) => {
                            self.session.closed("Broken");
                            return broken(error.to_string());
                        }
                        None => return broken("the connection ended".to_owned()),
                    }
                }
                command = self.commands.recv() => {
                    let Some(command) = command else { return Ending::Dropped };
                    let message = self.apply(command);
                    if self.session.queries().is_empty() {
                        return Ending::Idle;
                    }
                    if let Some(message) = message && let Err(error) = self.send(socket, vec![message]).await {
                        return Ending::Broken(error);
                    }
                }
                () = sleep(LOOK) => {}
            }
            if heard.elapsed() > SILENCE {
                self.session.closed("InactiveServer");
                return Ending::Broken(Error::Timeout { url, seconds: SILENCE.as_secs_f64() });
            }
            let time = self.client.timeout();
            let is_overdue = |kept: &Kept| !kept.has_state && kept.last_contact.elapsed() > time;
            if self.session.queries().values().any(|query| is_overdue(&query.kept)) {
                self.session.closed("NoState");
                return Ending::Broken(Error::Timeout { url, seconds: time.as_secs_f64() });
            }
        }
    }

    fn give(&mut self, states: Vec<(u32, Result<Value>)>) {
        for (id, state) in states {
            if let Some(kept) = self.session.query_mut(id) {
                (kept.had_state, kept.has_state, kept.last_contact) = (true, true, Instant::now());
                kept.states.give(state);
            }
        }
    }

    /// Gives the error to the queries that have waited for too long.
    fn tell(&mut self, error: &Error) {
        let time = self.client.timeout();
        for query in self.session.queries().values() {
            let kept = &query.kept;
            let patience = if kept.had_state { time } else { PATIENCE.min(time / 2) };
            if kept.last_contact.elapsed() >= patience {
                kept.states.give(Err(error.clone()));
            }
        }
    }

    /// Finds out over HTTP why queries are refused, and gives them the error.
    async fn find_out(&mut self, error: Error) {
        if matches!(error, Error::Credential { .. }) {
            for query in self.session.queries().values() {
                query.kept.states.give(Err(error.clone()));
            }
            return self.rest().await;
        }
        let waiting = self.session.queries().iter().filter(|(_, query)| !query.kept.has_state);
        for id in waiting.map(|(id, _)| *id).collect::<Vec<_>>() {
            let query = &self.session.queries()[&id];
            match self.call(&query.path, &query.args).await {
                Ok(_) => {}
                Err(found) if found.is_of_credential() => {
                    for query in self.session.queries().values() {
                        query.kept.states.give(Err(found.clone()));
                    }
                    return self.rest().await;
                }
                Err(
                    found @ (Error::Function { .. }
                    | Error::NoComponent { .. }
                    | Error::Refused { status: 400..=499, .. }),
                ) => {
                    // The query is removed, since the socket refuses all queries as long as this one is among them.
                    query.kept.states.fail(found);
                    self.session.remove(id);
                }
                Err(found) => query.kept.states.give(Err(found)),
            }
        }
        self.tell(&error);
        self.rest().await;
    }

    /// Waits after a refusal, before the next connection.
    async fn rest(&mut self) {
        self.pause(PATIENCE.min(self.client.timeout() / 2)).await;
    }

    /// Calls a query over HTTP, to find out whether it can be followed.
    async fn call(&self, path: &str, args: &Value) -> Result<Value> {
        let authorize = Arc::clone(&self.authorize);
        let authorized = spawn_blocking(move || authorize()).await;
        let authorization = authorized.map_err(|error| self.client.protocol(error.to_string()))??;
        let authorization = authorization.as_deref();
        let call = Call { kind: FunctionKind::Query, path, args, reads: true, authorization };
        self.client.call(&call).await?.result
    }
}
