//! Waits between attempts, each drawn from zero to a bound that doubles ("full jitter"): so that those who failed
//! together don't come back together.

use std::time::Duration;

pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    attempts: u32,
}

impl Backoff {
    /// The first wait is at most `first`, and none longer than `longest`.
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, attempts: 0 }
    }

    pub(crate) fn next(&mut self) -> Duration {
        let bound = self.first.saturating_mul(1 << self.attempts.min(16)).min(self.longest);
        self.attempts += 1;
        bound.mul_f64(f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX))
    }

    /// An attempt went well.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}
