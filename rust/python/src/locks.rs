//! Locks that a panic leaves usable, as in `engine`.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lock, even if a thread panicked while it held it: a panic ends only its own call.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
