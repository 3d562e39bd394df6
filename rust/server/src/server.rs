//! The listener: it accepts connections, limits them, and stops when told.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use engine::Deployment;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpStream, runtime, sync::watch};

use crate::{
    AdminKey, Level, Log,
    connections::{Answers, Connection, Connections, Followed, Refused},
    origins::Origins,
    routes::{self, App},
    snapshots::Snapshots,
    sync::Sockets,
    system::System,
};

/// A client that is idle so long is disconnected.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The size of a connection's buffer: for the headers of a request, or a part of a body.
const READ_BYTES: usize = 128 << 10;

/// How often connections are checked for passed time limits.
const LATE_EVERY: Duration = Duration::from_secs(1);

/// How long running requests may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// Functions at once: Convex's smallest deployments run 16 queries, 16 mutations and 64 actions.
const MAX_CALLS: usize = 64;

/// Threads that serve sockets.
pub(crate) const SOCKET_THREADS: usize = 8;

/// The address of a server, and the hosts and origins that may call it.
#[derive(Debug)]
pub struct Options {
    /// The address to listen on; the loopback unless other machines should reach the server.
    pub host: IpAddr,
    /// The port; 0 picks one.
    pub port: u16,
    /// The key that reaches internal functions.
    pub admin_key: AdminKey,
    /// Names and addresses, beside the loopback's and `host`, that a request's `Host` may have.
    pub allowed_hosts: Vec<String>,
    /// Origins, beside the loopback's, whose pages may call.
    pub allowed_origins: Vec<String>,
    /// Whether `/metrics` needs no admin key.
    pub open_metrics: bool,
    /// Takes the server's events.
    pub log: Log,
}

/// A server that runs until it is stopped, or dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    log: Log,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens, and serves a deployment on threads of its own.
    ///
    /// # Errors
    ///
    /// The server can't listen on the address; an allowed host or origin is invalid.
    pub fn start(deployment: Deployment, options: Options) -> io::Result<Self> {
        let origins = Origins::new(options.host, &options.allowed_hosts, &options.allowed_origins)?;
        let listener = TcpListener::bind((options.host, options.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(SOCKET_THREADS)
            .max_blocking_threads(MAX_CALLS)
            .thread_name("mastra-convex-serve")
            .enable_all()
            .build()?;
        let sockets = Sockets::new(stopped.clone());
        let snapshots = Snapshots::new(stopped.clone());
        let Options { admin_key, open_metrics, log, .. } = options;
        let (deployment, connections) = (Arc::new(deployment), Connections::default());
        let system = System::new(format!("http://{address}"), Arc::clone(&deployment), snapshots.clone());
        let app_log = log.clone();
        let app = App { deployment, admin_key, sockets, snapshots, system, connections, log: app_log, open_metrics };
        let thread = std::thread::Builder::new().name("mastra-convex-serve".to_owned()).spawn(move || {
            let log = app.log.clone();
            if let Err(error) = runtime.block_on(serve(listener, app, origins, stopped)) {
                log.note(Level::Error, "server failed", || [("reason", error.to_string().as_str().into())]);
            }
            runtime.shutdown_timeout(Duration::from_secs(1));
        })?;
        let server = Self { address, log, stop, thread: Some(thread) };
        server.log.note(Level::Info, "serving", || [("url", server.url().as_str().into())]);
        Ok(server)
    }

    /// The URL at which it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops accepting, waits for the running requests, and returns.
    pub fn stop(&mut self) {
        // If the server has stopped by itself, no receiver of the signal is left.
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
            self.log.note(Level::Info, "stopped", || [("url", self.url().as_str().into())]);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn serve(
    listener: TcpListener,
    app: App,
    origins: Origins,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (connections, log) = (app.connections.clone(), app.log.clone());
    let router = routes::router(app, origins);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(IDLE_TIMEOUT).max_buf_size(READ_BYTES);
    let close_late = async {
        loop {
            tokio::time::sleep(LATE_EVERY).await;
            connections.close_late();
        }
    };
    let mut close_late = std::pin::pin!(close_late);
    loop {
        let (stream, connection) = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            () = &mut close_late => continue,
            _ = stopped.changed() => break,
        };
        // Without Nagle's algorithm, small replies are sent at once.
        let _ = stream.set_nodelay(true);
        let stream = TokioIo::new(Followed { stream, connection: Arc::clone(&connection) });
        let service = TowerToHyperService::new(router.clone());
        let answers = Answers { service, connection: Arc::clone(&connection) };
        let served = http.serve_connection(stream, answers).with_upgrades();
        let (mut stopped, log) = (stopped.clone(), log.clone());
        tokio::spawn(async move {
            let address = || [("address", connection.address().to_string().as_str().into())];
            log.note(Level::Debug, "connection opened", address);
            let mut served = std::pin::pin!(served);
            // An error here concerns only this client's connection.
            tokio::select! {
                _ = &mut served => {}
                () = connection.evicted() => {}
                _ = stopped.changed() => {
                    served.as_mut().graceful_shutdown();
                    let _ = served.await;
                }
            }
            log.note(Level::Debug, "connection closed", address);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, connections.all_closed()).await;
    Ok(())
}

/// The next connection that gets a place. While all places are taken by clients at work, it waits in the listener's
/// queue.
async fn accept(listener: &tokio::net::TcpListener, connections: &Connections) -> (TcpStream, Arc<Connection>) {
    const NO_FILES: [i32; 2] = [23, 24];
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // The connection was gone before it was accepted, or no file descriptor was left for it (ENFILE,
                // EMFILE).
                if error.raw_os_error().is_some_and(|code| NO_FILES.contains(&code)) {
                    connections.evict_oldest();
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        loop {
            match connections.admit(peer.ip()) {
                Ok(connection) => return (stream, connection),
                Err(Refused::Address) => break,
                Err(Refused::All) => {
                    let _ = tokio::time::timeout(Duration::from_millis(100), connections.one_closed()).await;
                }
            }
        }
    }
}
