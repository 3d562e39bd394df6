//! Convex's sync protocol: a WebSocket on which a client subscribes to queries and calls mutations and actions.
//!
//! | module | holds |
//! | --- | --- |
//! | `messages` | the messages of both sides |
//! | `session` | the answers |
//! | `ending` | why a socket closes |
//!
//! This module reads and writes the socket, and limits sizes and times.

mod ending;
pub(crate) mod messages;
mod session;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{
        Path, State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::HeaderMap,
    response::Response,
};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use self::{
    ending::Ending,
    messages::ServerMessage,
    session::{Incoming, Session},
};
use crate::{
    Level,
    connections::{self, Connection},
    credentials::{check_client, is_version},
    reply::Refusal,
    routes::App,
};

/// Actions at once, on all sockets together, so that threads are left for requests, queries and mutations.
const MAX_ACTIONS: usize = 32;

/// The longest message. It has the arguments of a function, which Convex limits to 16 MiB, or those of many queries.
const MESSAGE_BYTES: usize = 17 << 20;

/// How many bytes a socket reads at once.
const READ_BYTES: usize = 16 << 10;

/// A client's waiting messages: their number, as on Convex, and their bytes.
const MAX_WAITING: usize = 1000;
const MAX_WAITING_BYTES: usize = 4 * MESSAGE_BYTES;

/// How often a client gets a WebSocket ping, how often the protocol's own ping if there is no other message, and how
/// long the client may be silent, as on Convex. A silent server is given up by npm's client after 60 s, by PyPI's after
/// 30.
const PING_EVERY: Duration = Duration::from_secs(5);
const APP_PING_AFTER: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_mins(2);

/// The longest time to send one message. A client that takes longer has given the server up.
const SEND_TIMEOUT: Duration = Duration::from_mins(1);

/// The longest time for the last messages and the closing of a socket.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The state that all sockets of a server share.
#[derive(Clone)]
pub(crate) struct Sockets {
    actions: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
}

impl Sockets {
    /// Sockets that close when `stopped` becomes true.
    pub(crate) fn new(stopped: watch::Receiver<bool>) -> Self {
        Self { actions: Arc::new(Semaphore::new(MAX_ACTIONS)), stopped }
    }

    /// Returns when the server stops.
    pub(crate) async fn stopped(&mut self) {
        // An error means that the sender is gone, and so the server has stopped.
        let _ = self.stopped.wait_for(|stopped| *stopped).await;
    }

    /// Permits for actions; each running action holds one.
    fn actions(&self) -> Arc<Semaphore> {
        Arc::clone(&self.actions)
    }
}

/// `/api/sync`. The client's version may be in a header.
pub(crate) async fn connect(
    State(app): State<App>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refusal> {
    check_client(&headers)?;
    // Twice the limit is read, so that a client which exceeds the limit a little gets an error, and not just a closed
    // socket.
    let upgrade = upgrade.max_message_size(2 * MESSAGE_BYTES).max_frame_size(2 * MESSAGE_BYTES);
    let connection = connections::current();
    Ok(upgrade.read_buffer_size(READ_BYTES).on_upgrade(move |socket| serve(app, connection, socket)))
}

/// `/api/{version}/sync`
pub(crate) async fn connect_version(
    state: State<App>,
    Path(version): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refusal> {
    if !is_version(&version) {
        let message = format!("/api/{version}/sync: expected `<major>.<minor>.<patch>`");
        return Err(Refusal::bad_request("InvalidClientVersion", message));
    }
    connect(state, headers, upgrade).await
}

/// Serves one socket until it closes.
async fn serve(app: App, connection: Arc<Connection>, socket: WebSocket) {
    connection.upgraded();
    let log = app.log.clone();
    let address = connection.address().to_string();
    log.note(Level::Debug, "socket opened", || [("address", address.as_str().into())]);
    let (mut sink, mut stream) = socket.split();
    // One message may wait while another one is sent. Then the session waits too.
    let (outgoing, mut messages) = mpsc::channel(1);
    let (incoming, received) = mpsc::channel(MAX_WAITING);
    let ending = match Session::new(app, Arc::clone(&connection), outgoing) {
        Ok(session) => tokio::select! {
            ending = session.run(received) => ending,
            ending = read(&mut stream, incoming, &connection) => ending,
            ending = write(&mut sink, &mut messages) => ending,
            // Other clients need its place, so it is closed at once.
            () = connection.evicted() => Ending::Evicted,
        },
        Err(ending) => ending,
    };
    let (level, code) = ending.for_log();
    log.note(level, "socket closed", || [("address", address.as_str().into()), ("code", code.into())]);
    if matches!(ending, Ending::Evicted) {
        return;
    }
    let close = async {
        // Earlier answers are sent first.
        while let Ok(message) = messages.try_recv() {
            sink.send(Message::text(message)).await?;
        }
        let (message, frame) = ending.last_words();
        if let Some(message) = message {
            sink.send(Message::text(message.to_json())).await?;
        }
        sink.send(Message::Close(Some(frame))).await?;
        // Wait for the client's close frame. Otherwise the system may discard data that the client hasn't read.
        while let Some(Ok(_)) = stream.next().await {}
        Ok::<(), axum::Error>(())
    };
    let _ = timeout(CLOSE_TIMEOUT, close).await;
}

/// Reads messages until the client goes, is silent for too long, or sends too much.
async fn read(
    stream: &mut (impl Stream<Item = Result<Message, axum::Error>> + Unpin),
    incoming: mpsc::Sender<Incoming>,
    connection: &Arc<Connection>,
) -> Ending {
    let room = Arc::new(Semaphore::new(MAX_WAITING_BYTES));
    loop {
        let text = match timeout(SILENCE, stream.next()).await {
            Ok(Some(Ok(Message::Text(text)))) if text.len() > MESSAGE_BYTES => {
                let message = format!("a message may have {MESSAGE_BYTES} bytes; this one has {}", text.len());
                return Ending::fatal("MessageTooLarge", message);
            }
            Ok(Some(Ok(Message::Text(text)))) => text.to_string(),
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => continue,
            Ok(Some(Ok(Message::Binary(_)))) => return Ending::fatal("BadMessage", "expected text, found bytes"),
            // The frames are broken. If the connection broke, this message isn't delivered.
            Ok(Some(Err(error))) => return Ending::fatal("BadMessage", error.to_string()),
            Ok(Some(Ok(Message::Close(_))) | None) | Err(_) => return Ending::Gone,
        };
        // Any message counts, since a first message other than `Connect` ends the session.
        connection.heard();
        let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let waits = match Arc::clone(&room).try_acquire_many_owned(bytes) {
            Ok(turn) => incoming.try_send(Incoming { text, room: (turn, connection.take_room()) }).is_ok(),
            Err(_) => false,
        };
        if !waits {
            return Ending::overloaded("TooManyConcurrentMutations");
        }
    }
}

/// Sends messages, and pings between them, until the client stops reading.
async fn write(
    sink: &mut (impl Sink<Message, Error = axum::Error> + Unpin),
    messages: &mut mpsc::Receiver<String>,
) -> Ending {
    let mut pings = interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last_told = Instant::now();
    loop {
        let message = tokio::select! {
            message = messages.recv() => match message {
                Some(message) => Message::text(message),
                None => return Ending::Gone,
            },
            _ = pings.tick() => {
                if last_told.elapsed() < APP_PING_AFTER {
                    Message::Ping(Vec::new().into())
                } else {
                    Message::text(ServerMessage::Ping.to_json())
                }
            }
        };
        if matches!(message, Message::Text(_)) {
            last_told = Instant::now();
        }
        match timeout(SEND_TIMEOUT, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ending::Gone,
            Err(_) => return Ending::overloaded("TooSlow"),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{sink, stream};

    use super::*;
    use crate::connections::Connections;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (outgoing, mut messages) = mpsc::channel(1);
        outgoing.send("{}".to_owned()).await.expect("there is room");
        let mut stuck = Box::pin(sink::unfold((), |(), _: Message| std::future::pending()));
        let begun = Instant::now();
        let ending = write(&mut stuck, &mut messages).await;
        assert!(matches!(ending, Ending::Unavailable { code: "TooSlow", .. }));
        assert!(begun.elapsed() >= SEND_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_with_nothing_to_be_told_hears_that_the_server_is_there() {
        let (_outgoing, mut messages) = mpsc::channel(1);
        let (said, mut heard) = mpsc::unbounded_channel();
        let mut sink = Box::pin(sink::unfold(said, |said, message: Message| async move {
            said.send(message).expect("it is heard");
            Ok(said)
        }));
        let minute = timeout(Duration::from_mins(1), write(&mut sink, &mut messages)).await;
        assert!(minute.is_err(), "it goes on");
        let mut counts = (0, 0);
        while let Ok(message) = heard.try_recv() {
            match message {
                Message::Ping(_) => counts.0 += 1,
                Message::Text(text) if text.as_str() == r#"{"type":"Ping"}"# => counts.1 += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(counts.0 >= 8 && counts.1 >= 3, "{counts:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_silent_is_taken_for_gone() {
        let (incoming, _received) = mpsc::channel(1);
        let connection = Connections::default().admit([127, 0, 0, 1].into()).expect("there is room");
        let begun = Instant::now();
        let ending = read(&mut stream::pending(), incoming, &connection).await;
        assert!(matches!(ending, Ending::Gone));
        assert!(begun.elapsed() >= SILENCE);
    }
}
