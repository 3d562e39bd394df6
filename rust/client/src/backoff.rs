//! Waits between attempts. Each is drawn between zero and a bound that doubles ("full jitter"), so that clients that
//! failed together don't repeat together.

use std::time::Duration;

pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    attempts: u32,
}

impl Backoff {
    /// The first wait is at most `first`; no wait is longer than `longest`.
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, attempts: 0 }
    }

    pub(crate) fn next(&mut self) -> Duration {
        let bound = self.first.saturating_mul(1 << self.attempts.min(16)).min(self.longest);
        self.attempts += 1;
        bound.mul_f64(f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX))
    }

    /// Starts again from the first bound, after an attempt that succeeded.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}
