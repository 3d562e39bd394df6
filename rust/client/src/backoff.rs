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
        // Without the system's randomness, the longest wait.
        bound.mul_f64(f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX))
    }

    /// Starts again from the first bound, after an attempt that succeeded.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest of many waits that are drawn alike, in seconds, up to the next whole number.
    fn longest<const COUNT: usize>(draw: impl Fn() -> [Duration; COUNT]) -> [u128; COUNT] {
        let drawn: Vec<_> = (0..1000).map(|_| draw()).collect();
        std::array::from_fn(|place| {
            let seconds = drawn.iter().map(|waits| waits[place].as_millis().div_ceil(1000));
            seconds.max().expect("many were drawn")
        })
    }

    #[test]
    fn waits_are_drawn_below_bounds_that_double() {
        let backoff = || Backoff::new(Duration::from_secs(1), Duration::from_secs(10));
        let found = longest(|| {
            let mut backoff = backoff();
            std::array::from_fn(|_| backoff.next())
        });
        assert_eq!(found, [1, 2, 4, 8, 10, 10]);
        let found = longest(|| {
            let mut backoff = backoff();
            backoff.next();
            backoff.next();
            backoff.reset();
            std::array::from_fn(|_| backoff.next())
        });
        assert_eq!(found, [1, 2]);
    }
}
