//! The open connections, and their limits: number, slowness, and bytes in memory.
//!
//! A client that sends or reads slowly, or not at all, costs a place and memory. It can't be told from a client with a
//! bad network, so it keeps both while no other client needs them. When a place or room for bytes is needed, the
//! connection that has waited for its client the longest is closed. A connection whose function runs doesn't wait for
//! its client, and neither does a socket that showed a credential.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use axum::http::{Request, Response};
use base::locked;
use hyper::{
    body::{Body as _, Incoming},
    service::Service,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
};

tokio::task_local! {
    /// The connection whose request this task answers.
    static CURRENT: Arc<Connection>;
}

/// The connection whose request is answered in this task.
pub(crate) fn current() -> Arc<Connection> {
    CURRENT.get()
}

/// Connections at once, sockets included. With the data's files they stay below the 1024 files that a process usually
/// may have open.
const MAX_CONNECTIONS: usize = 768;

/// Connections of one address at once. The loopback has no such limit, since a proxy's connections come from there.
const MAX_OF_ADDRESS: usize = 256;

/// A connection is closed to make room only after it has waited for this long. Of many that open at once, none is slow.
const BURST: Duration = Duration::from_millis(100);

/// The longest time for a request's headers, and for a socket's `Connect`.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest time in which a client reads no byte of an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// Bytes that may come through a socket before `Connect`.
const CONNECT_BYTES: usize = 64 << 10;

/// Bytes of bodies and messages in memory at once: of clients that showed no credential, with room for one message of
/// 17 MiB, and of the others.
const MAX_BYTES: [usize; 2] = [20 << 20, 256 << 20];

/// The connections of a server.
#[derive(Clone, Default)]
pub(crate) struct Connections(Arc<Shared>);

#[derive(Default)]
struct Shared {
    open: Mutex<HashMap<u64, Weak<Connection>>>,
    so_far: AtomicU64,
    /// Bytes held in memory, of clients that showed no credential and of those that did.
    bytes: [AtomicUsize; 2],
    /// Notified whenever a connection has closed.
    closed: Notify,
}

/// One connection, from its beginning until its socket is closed.
pub(crate) struct Connection {
    number: u64,
    address: IpAddr,
    shared: Arc<Shared>,
    progress: Mutex<Progress>,
    evicted: Notify,
}

struct Progress {
    state: State,
    /// Since when it has waited for its client.
    since: Instant,
    /// Whether the client has shown a credential, with this request or on this socket.
    is_trusted: bool,
    /// The bytes of the request under way, or of a message that isn't whole yet.
    room: Option<Room>,
    /// This connection's part of [`Shared::bytes`].
    held: [usize; 2],
    is_evicted: bool,
}

/// The next thing that a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The first byte of a request.
    Idle,
    /// The rest of its headers.
    Headers,
    /// Its body.
    Body,
    /// Its function.
    Running,
    /// That the client reads the answer.
    Answering,
    /// A socket's `Connect`.
    Socket,
    /// A socket's messages.
    Session,
}

impl State {
    fn timeout(self) -> Option<Duration> {
        match self {
            Self::Headers | Self::Socket => Some(HEADER_TIMEOUT),
            Self::Answering => Some(ANSWER_TIMEOUT),
            Self::Idle | Self::Body | Self::Running | Self::Session => None,
        }
    }
}

impl Progress {
    /// Whether it may be closed to make room, and in which order. Sockets come after requests, since they always wait.
    fn eviction(&self) -> Option<(u8, Instant)> {
        let order = match self.state {
            State::Idle | State::Headers | State::Answering | State::Socket => 0,
            State::Body if !self.is_trusted => 0,
            State::Session if !self.is_trusted => 1,
            State::Body | State::Running | State::Session => return None,
        };
        Some((order, self.since))
    }
}

/// Why a connection is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its address has reached its limit, and all its connections are at work.
    Address,
    /// The server has reached its limit, and all connections are at work.
    All,
}

impl Connections {
    /// A place for a connection from an address. If none is left, the connection that has waited the longest is closed,
    /// if it has waited for a while.
    ///
    /// # Errors
    ///
    /// None gives way.
    pub(crate) fn admit(&self, address: IpAddr) -> Result<Arc<Connection>, Refused> {
        let address = address.to_canonical();
        let mut waiting = self.open();
        let is_full = waiting.len() >= MAX_CONNECTIONS;
        let of_address = waiting.iter().filter(|other| other.address == address).count();
        let is_address_full = of_address >= MAX_OF_ADDRESS && !address.is_loopback();
        if is_full || is_address_full {
            waiting.retain(|other| {
                locked(&other.progress).since.elapsed() >= BURST && (!is_address_full || other.address == address)
            });
            if !evict(&waiting) {
                return Err(if is_address_full { Refused::Address } else { Refused::All });
            }
        }
        let connection = Arc::new(Connection {
            number: self.0.so_far.fetch_add(1, Ordering::Relaxed),
            address,
            shared: Arc::clone(&self.0),
            progress: Mutex::new(Progress {
                state: State::Headers,
                since: Instant::now(),
                is_trusted: false,
                room: None,
                held: [0; 2],
                is_evicted: false,
            }),
            evicted: Notify::new(),
        });
        locked(&self.0.open).insert(connection.number, Arc::downgrade(&connection));
        Ok(connection)
    }

    /// Closes the connection that has waited the longest, if any waits.
    pub(crate) fn evict_oldest(&self) -> bool {
        evict(&self.open())
    }

    /// Closes the connections whose time limit has passed.
    pub(crate) fn close_late(&self) {
        for connection in self.open() {
            let (state, since) = {
                let progress = locked(&connection.progress);
                (progress.state, progress.since)
            };
            if state.timeout().is_some_and(|timeout| since.elapsed() > timeout) {
                connection.evict();
            }
        }
    }

    /// The numbers of open connections, and of sockets among them.
    pub(crate) fn numbers(&self) -> (usize, usize) {
        let open = self.open();
        let is_socket = |connection: &&Arc<Connection>| {
            matches!(locked(&connection.progress).state, State::Socket | State::Session)
        };
        (open.len(), open.iter().filter(is_socket).count())
    }

    /// Returns when another connection has closed since the call.
    pub(crate) async fn one_closed(&self) {
        self.0.closed.notified().await;
    }

    /// Returns when no connection is open.
    pub(crate) async fn all_closed(&self) {
        loop {
            let closed = self.0.closed.notified();
            if locked(&self.0.open).is_empty() {
                return;
            }
            closed.await;
        }
    }

    fn open(&self) -> Vec<Arc<Connection>> {
        locked(&self.0.open).values().filter_map(Weak::upgrade).collect()
    }
}

/// Closes the one of these that has waited the longest.
fn evict(connections: &[Arc<Connection>]) -> bool {
    let waiting = connections.iter().filter_map(|connection| {
        let order = locked(&connection.progress).eviction()?;
        Some((order, connection))
    });
    let oldest = waiting.min_by_key(|(order, _)| *order);
    oldest.inspect(|(_, connection)| connection.evict()).is_some()
}

impl Connection {
    /// The client's address.
    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }

    /// Returns when the connection is to be closed.
    pub(crate) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Asks the connection to close. Its place and its bytes count as free from now on.
    fn evict(&self) {
        locked(&self.shared.open).remove(&self.number);
        let mut progress = locked(&self.progress);
        progress.is_evicted = true;
        for (all, held) in self.shared.bytes.iter().zip(&mut progress.held) {
            all.fetch_sub(std::mem::take(held), Ordering::Relaxed);
        }
        drop(progress);
        self.evicted.notify_one();
    }

    /// Its socket is closed.
    fn ended(&self) {
        self.release();
    }

    /// Notes that a request's headers have come.
    pub(crate) fn request_begun(&self) {
        self.trust(false);
        self.enter(State::Body);
    }

    /// Notes whether a valid credential was shown.
    pub(crate) fn trust(&self, is_trusted: bool) {
        locked(&self.progress).is_trusted = is_trusted;
    }

    pub(crate) fn is_trusted(&self) -> bool {
        locked(&self.progress).is_trusted
    }

    /// Notes that the whole request has come, so that its function runs.
    pub(crate) fn request_read(&self) {
        self.enter(State::Running);
    }

    /// Notes that the answer is being sent.
    pub(crate) fn answered(&self) {
        self.release();
        self.enter(State::Answering);
    }

    /// Notes that the connection has become a socket.
    pub(crate) fn upgraded(&self) {
        self.trust(false);
        self.enter(State::Socket);
    }

    /// Notes that the socket's client has sent a message.
    pub(crate) fn heard(&self) {
        self.enter(State::Session);
    }

    fn enter(&self, state: State) {
        let mut progress = locked(&self.progress);
        progress.state = state;
        progress.since = Instant::now();
    }

    /// Makes room for bytes of the request under way, until it is answered, or of a message.
    ///
    /// # Errors
    ///
    /// There is none.
    pub(crate) fn hold(self: &Arc<Self>, bytes: usize) -> Result<usize, Full> {
        let mut room = self.take_room();
        let grown = room.grow(bytes);
        let held = room.bytes;
        locked(&self.progress).room = Some(room);
        grown.map(|()| held)
    }

    /// The room for the bytes received so far; freed when dropped.
    pub(crate) fn take_room(self: &Arc<Self>) -> Room {
        let mut progress = locked(&self.progress);
        let trusted = progress.is_trusted;
        progress.room.take().unwrap_or_else(|| Room { connection: Arc::clone(self), trusted, bytes: 0 })
    }

    fn release(&self) {
        // A dropped room locks its connection, so it must be dropped outside of the lock.
        let room = locked(&self.progress).room.take();
        drop(room);
    }

    /// Notes received bytes.
    fn received(self: &Arc<Self>, bytes: usize) -> io::Result<()> {
        let state = {
            let mut progress = locked(&self.progress);
            if matches!(progress.state, State::Idle | State::Answering) {
                progress.state = State::Headers;
                progress.since = Instant::now();
            }
            progress.state
        };
        if !matches!(state, State::Socket | State::Session) {
            return Ok(());
        }
        let held = self.hold(bytes).map_err(|Full| io::Error::other("no room for more bytes"))?;
        if state == State::Socket && held > CONNECT_BYTES {
            return Err(io::Error::other("too many bytes before Connect"));
        }
        Ok(())
    }

    /// Notes sent bytes of an answer.
    fn sent(&self) {
        let mut progress = locked(&self.progress);
        if matches!(progress.state, State::Idle | State::Answering) {
            progress.state = State::Answering;
            progress.since = Instant::now();
        }
    }

    /// Notes that the answer was sent whole.
    fn flushed(&self) {
        let mut progress = locked(&self.progress);
        if progress.state == State::Answering {
            progress.state = State::Idle;
            progress.since = Instant::now();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        locked(&self.shared.open).remove(&self.number);
        self.shared.closed.notify_waiters();
    }
}

/// There is no room for more bytes.
#[derive(Debug)]
pub(crate) struct Full;

/// Bytes in memory that a connection sent, until dropped.
pub(crate) struct Room {
    connection: Arc<Connection>,
    trusted: bool,
    bytes: usize,
}

impl Room {
    /// Makes room for more bytes. If none is left, connections that hold bytes are closed, the one that has waited the
    /// longest first.
    ///
    /// # Errors
    ///
    /// None gives way, or this connection is the one.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let account = usize::from(self.trusted);
        let shared = &self.connection.shared;
        let all = {
            let mut progress = locked(&self.connection.progress);
            if progress.is_evicted {
                return Err(Full);
            }
            progress.held[account] += bytes;
            shared.bytes[account].fetch_add(bytes, Ordering::Relaxed) + bytes
        };
        self.bytes += bytes;
        if all <= MAX_BYTES[account] {
            return Ok(());
        }
        let mut holding = Connections(Arc::clone(shared)).open();
        holding.retain(|other| locked(&other.progress).held[account] > 0);
        while shared.bytes[account].load(Ordering::Relaxed) > MAX_BYTES[account] {
            if !evict(&holding) {
                return Err(Full);
            }
            holding.retain(|other| !locked(&other.progress).is_evicted);
        }
        if locked(&self.connection.progress).is_evicted { Err(Full) } else { Ok(()) }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let account = usize::from(self.trusted);
        let mut progress = locked(&self.connection.progress);
        if !progress.is_evicted {
            progress.held[account] -= self.bytes;
            self.connection.shared.bytes[account].fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

/// A service that answers the requests of one connection.
#[derive(Clone)]
pub(crate) struct Answers<S> {
    pub(crate) service: S,
    pub(crate) connection: Arc<Connection>,
}

impl<S, B> Service<Request<Incoming>> for Answers<S>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let connection = Arc::clone(&self.connection);
        connection.request_begun();
        if request.body().is_end_stream() {
            connection.request_read();
        }
        let answer = self.service.call(request);
        Box::pin(CURRENT.scope(Arc::clone(&connection), async move {
            let answer = answer.await;
            connection.answered();
            answer
        }))
    }
}

/// A stream whose progress its connection follows.
pub(crate) struct Followed<S> {
    pub(crate) stream: S,
    pub(crate) connection: Arc<Connection>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Followed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let bytes = buffer.filled().len() - before;
        Poll::Ready(if bytes > 0 { self.connection.received(bytes) } else { Ok(()) })
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Followed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        self.connection.sent();
        Poll::Ready(sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bytes));
        self.connection.sent();
        Poll::Ready(sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
        self.connection.flushed();
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S> Drop for Followed<S> {
    fn drop(&mut self) {
        self.connection.ended();
    }
}
