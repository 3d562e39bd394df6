//! A thread for each call of a user's function, and the watch over it.
//!
//! QuickJS asks for the time between steps of JavaScript, but not within its built-in methods. A search of a long text
//! may take hours there, and nothing stops it. So the caller waits for the call in another thread, and no longer than
//! [`GRACE`] after its time. Then the caller takes the call back, with its transaction, and fails. The thread keeps the
//! isolate alone, reaches nothing of the deployment any more, and ends at QuickJS's next step.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc::{RecvTimeoutError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use value::Value;
use wire::Code;

use super::{
    call::Call,
    isolate::{Isolate, Run, THREAD_STACK_BYTES, timeout},
};
use crate::error::{Error, Result};

/// How long a call may go on after its time. QuickJS's own check ends almost all of them within milliseconds.
const GRACE: Duration = Duration::from_millis(500);

/// How often a caller that waits looks at the time.
const INTERVAL: Duration = Duration::from_millis(50);

/// The number of threads that were left behind and haven't ended yet. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(super) struct LeftBehind(Arc<AtomicUsize>);

impl LeftBehind {
    pub(super) fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

/// Runs a function in a thread of its own, which then ends the isolate, and returns the function's call.
pub(super) fn run(mut isolate: Isolate, run: Run, call: Call, left_behind: &LeftBehind) -> (Result<Value>, Call) {
    let (host, time) = (isolate.host(), run.time);
    let (sender, receiver) = sync_channel(1);
    let (is_given_up, has_one_gone) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let work = {
        let (is_given_up, has_one_gone, left_behind) =
            (Arc::clone(&is_given_up), Arc::clone(&has_one_gone), left_behind.clone());
        move || {
            let check = Rc::new(move || is_given_up.load(SeqCst));
            let ran = || base::interrupt::scope(check, || isolate.run(run, call));
            // If the caller has gone, there is nobody to send it to.
            let _ = sender.send(catch_unwind(AssertUnwindSafe(ran)));
            if has_one_gone.swap(true, SeqCst) {
                left_behind.0.fetch_sub(1, SeqCst);
            }
        }
    };
    let thread = thread::Builder::new().name("mastra-convex-function".to_owned()).stack_size(THREAD_STACK_BYTES);
    if let Err(error) = thread.spawn(work) {
        let message = format!("no thread can start for the function: {error}");
        return (Err(Error::function(Code::InternalServerError, message)), Call::default());
    }
    let mut given_up_at: Option<Instant> = None;
    loop {
        match receiver.recv_timeout(INTERVAL) {
            Ok(ran) => return ran.unwrap_or_else(|panic| resume_unwind(panic)),
            Err(RecvTimeoutError::Disconnected) => unreachable!("the thread sends an outcome, whatever happens"),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if given_up_at.is_none() && base::interrupt::is_wanted() {
            is_given_up.store(true, SeqCst);
            given_up_at = Some(Instant::now());
        }
        let is_over = given_up_at.is_some_and(|at| at.elapsed() > GRACE);
        let Some(mut call) = host.take_stuck_call(is_over, GRACE) else { continue };
        let count = left_behind.0.fetch_add(1, SeqCst) + 1;
        if has_one_gone.swap(true, SeqCst) {
            // The thread has ended since, and counted nothing.
            left_behind.0.fetch_sub(1, SeqCst);
        } else {
            call.log(format!(
                "[ERROR] The function is stuck in a built-in method, which nothing can stop. Its thread is left \
                 behind; {count} such threads run now."
            ));
        }
        return (Err(if given_up_at.is_some() { Error::Interrupted } else { timeout(time) }), call);
    }
}
