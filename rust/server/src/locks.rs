//! Locks that a panic leaves usable, as in `engine`.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lock, also if a thread panicked while it held it: a panic ends its call, and nobody else's.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
