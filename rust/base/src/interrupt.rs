//! Whether the work of this thread should be given up: at Ctrl-C, or because its caller was cancelled.
//!
//! The starter of the work sets a check. Code that waits or runs for long within the work calls [`is_wanted`] some ten
//! times a second, and ends early. So a signal takes effect in the middle of a call, and no function has to pass the
//! check on.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

/// How long an answer of the check is reused. [`is_wanted`] may be called a million times a second, and the check may
/// take a lock.
const INTERVAL: Duration = Duration::from_millis(50);

/// Finds out whether the work should be given up.
pub type Check = Rc<dyn Fn() -> bool>;

#[derive(Clone)]
struct Work {
    check: Check,
    state: Rc<State>,
}

struct State {
    asked: Cell<Instant>,
    is_wanted: Cell<bool>,
}

thread_local! {
    static WORK: RefCell<Option<Work>> = const { RefCell::new(None) };
}

/// Does some work that can be interrupted. Work within it is interrupted by the inner check alone.
pub fn scope<T>(check: Check, work: impl FnOnce() -> T) -> T {
    struct Outer(Option<Work>);
    impl Drop for Outer {
        fn drop(&mut self) {
            WORK.set(self.0.take());
        }
    }
    let state = State { asked: Cell::new(Instant::now()), is_wanted: Cell::new(false) };
    let _outer = Outer(WORK.replace(Some(Work { check, state: Rc::new(state) })));
    work()
}

/// Whether this thread does work that can be interrupted.
#[must_use]
pub fn has_check() -> bool {
    WORK.with_borrow(Option::is_some)
}

/// Whether the work of this thread should be given up. Once true, it stays true until the work ends.
///
/// Must be called without locks. The check may wait for Python's lock, whose holder may wait for one of ours.
#[must_use]
pub fn is_wanted() -> bool {
    // The check may run any code, even other work on this thread, so nothing is borrowed meanwhile.
    let Some(Work { check, state }) = WORK.with_borrow(Clone::clone) else { return false };
    if !state.is_wanted.get() && state.asked.get().elapsed() >= INTERVAL {
        state.asked.set(Instant::now());
        state.is_wanted.set(check());
    }
    state.is_wanted.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_for_now_and_then_and_holds_until_the_work_ends() {
        let asked = Rc::new(Cell::new(0));
        let count = Rc::clone(&asked);
        let begin = Instant::now();
        scope(
            Rc::new(move || {
                count.set(count.get() + 1);
                count.get() == 2
            }),
            || {
                while !is_wanted() {}
                assert!(begin.elapsed() >= 2 * INTERVAL);
                assert!(is_wanted());
                scope(Rc::new(|| false), || assert!(!is_wanted()));
                assert!(is_wanted());
            },
        );
        assert_eq!(asked.get(), 2);
        assert!(!is_wanted());
    }

    #[test]
    fn work_that_panics_leaves_nothing_behind() {
        let panicked = std::panic::catch_unwind(|| scope(Rc::new(|| true), || panic!("on purpose")));
        assert!(panicked.is_err());
        assert!(!is_wanted());
    }
}
