//! Locks that a panic leaves usable.
//!
//! They are std's: those of `parking_lot`, which have no poison, don't outlive a fork. Their waiting threads stand in a
//! table of the whole process, and a child would inherit it as it was.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes the lock, also if a thread panicked while it held it: a panic ends its own call and no other.
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
