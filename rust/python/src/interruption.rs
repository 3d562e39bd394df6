//! Ctrl-C, and the cancellation of an awaited call, take effect in the middle of the core's work.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use base::interrupt;
use pyo3::prelude::*;

/// The outcome of work that a signal may have ended.
pub(crate) struct Detached<T> {
    pub(crate) outcome: T,
    /// The exception of the signal's handler, a `KeyboardInterrupt` by default.
    pub(crate) raised: Option<PyErr>,
}

/// Does some work with the GIL released. On Python's main thread, signals are handled meanwhile, and an exception of a
/// handler ends the work.
pub(crate) fn detached<T: Send>(py: Python<'_>, act: impl FnOnce() -> T + Send) -> Detached<T> {
    if interrupt::has_check() {
        return Detached { outcome: py.detach(act), raised: None };
    }
    let mut raised = None;
    let outcome = py.detach(|| {
        let caught = Rc::new(RefCell::new(None));
        let catching = Rc::clone(&caught);
        let check = move || {
            #[expect(clippy::redundant_closure_for_method_calls, reason = "the method isn't general over lifetimes")]
            let checked = Python::try_attach(|py| py.check_signals());
            let error = checked.and_then(Result::err);
            let is_wanted = error.is_some();
            if is_wanted {
                *catching.borrow_mut() = error;
            }
            is_wanted
        };
        let outcome = interrupt::scope(Rc::new(check), act);
        raised = caught.take();
        outcome
    });
    // A signal at the very end would be raised at Python's next step, without a note about the work.
    let raised = raised.or_else(|| py.check_signals().err());
    Detached { outcome, raised }
}

impl<T> Detached<T> {
    /// The outcome, or the raised exception with a note about what became of the work.
    pub(crate) fn or_raised(self, py: Python<'_>, note: impl FnOnce(&T) -> Option<String>) -> PyResult<T> {
        let Some(raised) = self.raised else { return Ok(self.outcome) };
        if let Some(note) = note(&self.outcome) {
            raised.value(py).call_method1("add_note", (note,))?;
        }
        Err(raised)
    }
}

/// Work on a thread, for an event loop that doesn't wait for its end once the await was cancelled.
#[pyclass(frozen)]
#[derive(Default)]
pub(crate) struct Work {
    is_cancelled: Arc<AtomicBool>,
}

#[pymethods]
impl Work {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    fn run<'py>(&self, function: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let is_cancelled = Arc::clone(&self.is_cancelled);
        interrupt::scope(Rc::new(move || is_cancelled.load(Ordering::Relaxed)), || function.call0())
    }

    fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }
}
