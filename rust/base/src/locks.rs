//! Locks that a panic leaves usable.
//!
//! They are std's. Those of `parking_lot`, which have no poison, don't survive a fork: they list their waiting threads
//! in a table of the whole process, and a child would inherit that table as it was.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes the lock, even if a thread panicked while it held the lock. A panic ends its own call only.
pub fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_leaves_the_lock_usable() {
        let mutex = Mutex::new(1);
        let panicked = std::thread::scope(|scope| {
            let holder = scope.spawn(|| {
                let _held = mutex.lock();
                panic!("on purpose");
            });
            holder.join().is_err()
        });
        assert!(panicked && mutex.is_poisoned());
        *locked(&mutex) += 1;
        assert_eq!(*locked(&mutex), 2);
    }
}
