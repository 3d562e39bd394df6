//! Locks that a panic leaves usable.
//!
//! They are std's, since those of `parking_lot`, which have no poison, don't outlive a fork: who waits stands in a table
//! of the whole process, and a child would inherit it as it was.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lock, also if a thread panicked while it held it: a panic ends its call, and nobody else's.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
