//! The threads of all network traffic in the process, and waiting for it on a thread that blocks.

use std::{pin::pin, sync::Mutex, time::Duration};

use base::{Process, interrupt, locked};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
    time::timeout,
};

use crate::error::{Error, Result};

/// How often a blocked thread checks whether it should give up, as at Ctrl-C.
pub(crate) const SLICE: Duration = Duration::from_millis(100);

/// The runtime of this process. A forked child has none of its parent's threads, and gets its own runtime.
///
/// # Panics
///
/// The system can start no thread.
#[must_use]
pub fn runtime() -> &'static Handle {
    static RUNTIME: Mutex<Option<(Process, &'static Runtime)>> = Mutex::new(None);
    let mut runtime = locked(&RUNTIME);
    match *runtime {
        Some((process, runtime)) if process.is_current() => runtime.handle(),
        _ => {
            let started = Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name("mastra-convex")
                .enable_all()
                .build()
                .expect("a thread can start");
            runtime.insert((Process::current(), Box::leak(Box::new(started)))).1.handle()
        }
    }
}

/// Waits for a future on this thread. If the thread's work is interrupted, the future is dropped and its work ends.
///
/// # Errors
///
/// The future's errors; [`Error::Interrupted`].
pub fn wait<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = runtime();
    let mut future = pin!(future);
    loop {
        match runtime.block_on(async { timeout(SLICE, &mut future).await }) {
            Ok(outcome) => return outcome,
            Err(_) if interrupt::is_wanted() => return Err(Error::Interrupted),
            Err(_) => {}
        }
    }
}

/// A task that ends when this is dropped.
pub(crate) struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    pub(crate) fn start(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(runtime().spawn(future))
    }

    /// Waits for its end.
    pub(crate) async fn end(mut self) -> T {
        match (&mut self.0).await {
            Ok(outcome) => outcome,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
