//! The listener: it accepts connections, bounds what each may hold, and stops when told.

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
use tokio::{runtime, sync::Semaphore, sync::watch};

use crate::{
    AdminKey,
    routes::{self, App},
    snapshots::Snapshots,
    sync::Sockets,
    system::System,
};

/// A client that hasn't sent its headers by then, or is idle so long, is disconnected.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Requests under way get so long to end when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// Connections at once; more wait in the listener's queue.
const MAX_CONNECTIONS: u32 = 1024;

/// Functions at once: Convex's smallest deployments run 16 queries, 16 mutations and 64 actions.
const MAX_CALLS: usize = 64;

/// Threads that see to sockets.
pub(crate) const SOCKET_THREADS: usize = 8;

/// Where to listen, and for whom.
#[derive(Debug)]
pub struct Options {
    /// The address; the loopback unless strangers are meant.
    pub host: IpAddr,
    /// The port; 0 picks one.
    pub port: u16,
    /// The key that reaches internal functions.
    pub admin_key: AdminKey,
}

/// A server that runs until it is stopped, or dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens, and serves a deployment from threads of its own.
    ///
    /// # Errors
    ///
    /// The address can't be listened on.
    pub fn start(deployment: Deployment, options: Options) -> io::Result<Self> {
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
        let (deployment, admin_key) = (Arc::new(deployment), options.admin_key);
        let system = System::new(snapshots.clone());
        let app = App { deployment, admin_key, sockets, snapshots, system };
        let thread = std::thread::Builder::new().name("mastra-convex-serve".to_owned()).spawn(move || {
            if let Err(error) = runtime.block_on(serve(listener, app, stopped)) {
                eprintln!("mastra-convex: the server stopped: {error}");
            }
            runtime.shutdown_timeout(Duration::from_secs(1));
        })?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops accepting, lets the requests under way end, and returns.
    pub fn stop(&mut self) {
        // Nobody listens to the signal any more where the server has stopped by itself.
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn serve(listener: TcpListener, app: App, mut stopped: watch::Receiver<bool>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
    let sockets = app.sockets.clone();
    let router = routes::router(app);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    loop {
        let accepted = async {
            let permit = Arc::clone(&connections).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accepted => accepted,
            _ = stopped.changed() => break,
        };
        let Ok((stream, _)) = accepted else {
            // A connection that was gone before it was accepted, or no file descriptor left for it.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        // Small replies leave at once.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let mut stopped = stopped.clone();
        tokio::spawn(async move {
            let mut connection = std::pin::pin!(connection);
            // What a client does to its own connection is its own affair.
            tokio::select! {
                _ = &mut connection => {}
                _ = stopped.changed() => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
            drop(permit);
        });
    }
    drop(listener);
    let ended = async { tokio::join!(connections.acquire_many(MAX_CONNECTIONS), sockets.all_closed()) };
    let _ = tokio::time::timeout(GRACE, ended).await;
    Ok(())
}
