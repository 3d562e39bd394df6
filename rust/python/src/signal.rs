//! Waiting for an event on another thread, blocked or by callback.

use std::{
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use base::locked;
use pyo3::prelude::*;

/// The longest time that a thread is blocked before Python may handle a signal, such as Ctrl-C.
const SLICE: Duration = Duration::from_millis(100);

/// The thread that calls back; None until there is one, as in a forked child.
static NOTIFIER: Mutex<Option<Sender<Py<PyAny>>>> = Mutex::new(None);

/// Set when there is something new, and for good when it is closed.
#[derive(Default)]
pub(crate) struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_set: bool,
    is_closed: bool,
    callbacks: Vec<Callback>,
}

struct Callback {
    function: Py<PyAny>,
    notifier: Sender<Py<PyAny>>,
}

impl Signal {
    /// Wakes the waiting threads. It neither waits nor needs the GIL, so it may be called within a commit.
    pub(crate) fn set(&self) {
        let mut state = self.state();
        state.is_set = true;
        self.wake(&mut state);
    }

    /// Must be called before the caller looks for something new.
    pub(crate) fn clear(&self) {
        self.state().is_set = false;
    }

    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        self.wake(&mut state);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// Waits with the GIL released. False if nothing new came within the time.
    pub(crate) fn wait(&self, py: Python<'_>, timeout: Option<Duration>) -> PyResult<bool> {
        // A time beyond the clock's range means no limit.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let slice = deadline.map_or(SLICE, |end| SLICE.min(end.saturating_duration_since(Instant::now())));
            if py.detach(|| self.wait_slice(slice)) {
                return Ok(true);
            }
            if deadline.is_some_and(|end| Instant::now() >= end) {
                return Ok(false);
            }
            py.check_signals()?;
        }
    }

    fn wait_slice(&self, time: Duration) -> bool {
        let waiting = self.changed.wait_timeout_while(self.state(), time, |state| !state.is_up());
        waiting.unwrap_or_else(PoisonError::into_inner).0.is_up()
    }

    /// Calls a function once there is something new.
    pub(crate) fn call_when_set(&self, function: Bound<'_, PyAny>) {
        let callback = Callback { function: function.unbind(), notifier: notifier() };
        let mut state = self.state();
        state.callbacks.push(callback);
        if state.is_up() {
            self.wake(&mut state);
        }
    }

    /// Cancels the callback.
    pub(crate) fn forget(&self, function: &Bound<'_, PyAny>) {
        self.state().callbacks.retain(|callback| !callback.function.is(function));
    }

    fn wake(&self, state: &mut State) {
        self.changed.notify_all();
        for Callback { function, notifier } in state.callbacks.drain(..) {
            // The interpreter has ended the callback's thread, and no thread waits any more.
            let _ = notifier.send(function);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl State {
    fn is_up(&self) -> bool {
        self.is_set || self.is_closed
    }
}

/// The sender to the thread that calls back. The GIL is held, so the process doesn't fork meanwhile.
fn notifier() -> Sender<Py<PyAny>> {
    let mut notifier = locked(&NOTIFIER);
    notifier
        .get_or_insert_with(|| {
            let (sender, receiver) = channel();
            thread::spawn(move || notify(&receiver));
            sender
        })
        .clone()
}

fn notify(callbacks: &Receiver<Py<PyAny>>) {
    while let Ok(function) = callbacks.recv() {
        let called = Python::try_attach(|py| {
            if let Err(error) = function.call0(py) {
                error.write_unraisable(py, None);
            }
        });
        if called.is_none() {
            return;
        }
    }
}

/// For a forked child: the thread that calls back exists in the parent only.
pub(crate) fn after_fork_in_child() {
    *locked(&NOTIFIER) = None;
}
