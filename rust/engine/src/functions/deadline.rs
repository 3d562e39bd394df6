//! The time limit of the code that an isolate runs.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// A deadline without locks, since QuickJS asks for it in the middle of a run.
pub(crate) struct Deadline {
    epoch: Instant,
    /// In nanoseconds since `epoch`.
    at: AtomicU64,
    /// The nanoseconds given back since the work began.
    given_back: AtomicU64,
}

impl Deadline {
    /// No deadline yet.
    pub(crate) fn new() -> Self {
        Self { epoch: Instant::now(), at: AtomicU64::new(u64::MAX), given_back: AtomicU64::new(0) }
    }

    /// Begins work that may take so long.
    pub(crate) fn begin(&self, time: Duration) {
        self.at.store(nanoseconds(self.epoch.elapsed().saturating_add(time)), Ordering::Relaxed);
        self.given_back.store(0, Ordering::Relaxed);
    }

    /// Gives back time that wasn't the function's own.
    pub(crate) fn give_back(&self, time: Duration) {
        let at = self.at.load(Ordering::Relaxed);
        self.at.store(at.saturating_add(nanoseconds(time)), Ordering::Relaxed);
        self.given_back.fetch_add(nanoseconds(time), Ordering::Relaxed);
    }

    /// The time given back since the work began.
    pub(crate) fn given_back(&self) -> Duration {
        Duration::from_nanos(self.given_back.load(Ordering::Relaxed))
    }

    /// The remaining time.
    pub(crate) fn left(&self) -> Duration {
        Duration::from_nanos(self.at.load(Ordering::Relaxed)).saturating_sub(self.epoch.elapsed())
    }

    pub(crate) fn has_passed(&self) -> bool {
        nanoseconds(self.epoch.elapsed()) > self.at.load(Ordering::Relaxed)
    }

    /// Whether the work has gone on for so long after its deadline.
    pub(crate) fn has_passed_by(&self, grace: Duration) -> bool {
        let at = self.at.load(Ordering::Relaxed);
        nanoseconds(self.epoch.elapsed()) > at.saturating_add(nanoseconds(grace))
    }

    /// Whether the work should end: it took too long, or its caller gave it up.
    pub(crate) fn is_over(&self) -> bool {
        self.has_passed() || base::interrupt::is_wanted()
    }

    /// Ends the work. True if it took too long.
    pub(crate) fn end(&self) -> bool {
        let has_passed = self.has_passed();
        self.at.store(u64::MAX, Ordering::Relaxed);
        has_passed
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
