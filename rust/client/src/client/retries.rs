//! Which calls are made again, when, and how many at most.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

use base::locked;

use crate::{
    backoff::Backoff,
    error::{Error, Result},
};

/// The bound of the first wait before a call is repeated, and the bound of all waits.
const BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// The same after a conflict between writers. The deployment need not recover; the writers only have to separate.
const CONFLICT_BACKOFF: Duration = Duration::from_millis(25);
const LONGEST_CONFLICT_BACKOFF: Duration = Duration::from_millis(400);

/// With less time left, a call isn't repeated: its answer would come too late.
const LAST_MOMENT: Duration = Duration::from_millis(100);

/// A deployment gets at most ten repetitions more than a tenth of the calls. So a failing deployment gets hardly more
/// load than before, however many clients this process has.
const CAPACITY: f64 = 10.0;
const SHARE: f64 = 0.1;

/// The repetitions that all clients of a deployment in this process may still make.
pub(crate) struct Budget(Mutex<f64>);

/// The budget of each deployment that has clients, by its URL. Budgets without clients are taken out when one is put in.
static BUDGETS: Mutex<Option<HashMap<String, Weak<Budget>>>> = Mutex::new(None);

impl Budget {
    /// The budget of the deployment at a URL.
    pub(crate) fn of(url: &str) -> Arc<Self> {
        let mut budgets = locked(&BUDGETS);
        let budgets = budgets.get_or_insert_default();
        if let Some(budget) = budgets.get(url).and_then(Weak::upgrade) {
            return budget;
        }
        budgets.retain(|_, budget| budget.strong_count() > 0);
        let budget = Arc::new(Self(Mutex::new(CAPACITY)));
        budgets.insert(url.to_owned(), Arc::downgrade(&budget));
        budget
    }

    fn earn(&self) {
        let mut tokens = locked(&self.0);
        *tokens = (*tokens + SHARE).min(CAPACITY);
    }

    fn spend(&self) -> bool {
        let mut tokens = locked(&self.0);
        let has_some = *tokens >= 1.0;
        if has_some {
            *tokens -= 1.0;
        }
        has_some
    }
}

/// How long an attempt that failed may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repetition {
    /// Not at all: it may have been executed, or would fail again.
    Never,
    /// A few times, within the budget.
    Counted,
    /// Until the deadline: the deployment works, but other writers were faster.
    Conflict,
    /// Until the deadline: the deployment works, but can't take so many writes at once.
    Pacing,
}

impl Repetition {
    /// The repetition of a call that failed with an error. `reads` says that it only reads.
    pub(super) fn after(error: &Error, reads: bool) -> Self {
        match error {
            Error::Connect { .. } | Error::Untrusted { .. } => Self::Counted,
            Error::Refused { status: 503, code, .. } if code == "OptimisticConcurrencyControlFailure" => Self::Conflict,
            // The code is Convex's own, so nothing was executed.
            Error::Refused { status: 429, code, .. } if !code.is_empty() => Self::Pacing,
            Error::Refused { status: 425 | 503, code, .. } if !code.is_empty() => Self::Counted,
            Error::Refused { status: 408 | 425 | 429 | 500.., .. } if reads => Self::Counted,
            _ => Self::Never,
        }
    }
}

/// The repetitions of one call.
struct Repetitions<'a> {
    budget: &'a Budget,
    retries: u32,
    deadline: Instant,
    reads: bool,
    /// How many were made that count.
    counted: u32,
    backoff: Backoff,
    conflicts: Backoff,
}

impl<'a> Repetitions<'a> {
    fn new(budget: &'a Budget, retries: u32, deadline: Instant, reads: bool) -> Self {
        let backoff = Backoff::new(BACKOFF, LONGEST_BACKOFF);
        let conflicts = Backoff::new(CONFLICT_BACKOFF, LONGEST_CONFLICT_BACKOFF);
        Self { budget, retries, deadline, reads, counted: 0, backoff, conflicts }
    }

    /// How long to wait for the next attempt, if there is to be one after the error of the last.
    fn wait_after(&mut self, error: &Error, now: Instant) -> Option<Duration> {
        let repetition = Repetition::after(error, self.reads);
        let wait = match error {
            Error::Refused { retry_after: Some(seconds), .. } => Duration::from_secs_f64(seconds.clamp(0.0, 60.0)),
            _ if repetition == Repetition::Conflict => self.conflicts.next(),
            _ => self.backoff.next(),
        };
        let may_repeat = match repetition {
            Repetition::Never => false,
            Repetition::Counted => self.counted < self.retries && self.budget.spend(),
            Repetition::Conflict | Repetition::Pacing => self.retries > 0,
        };
        self.counted += u32::from(repetition == Repetition::Counted);
        (may_repeat && now + wait + LAST_MOMENT < self.deadline).then_some(wait)
    }
}

/// Makes an attempt, and repeats it while it fails and may be repeated, until the deadline.
pub(super) async fn repeat<T, A: Future<Output = Result<T>>>(
    budget: &Budget,
    retries: u32,
    deadline: Instant,
    reads: bool,
    mut attempt: impl FnMut() -> A,
) -> Result<T> {
    budget.earn();
    let mut repetitions = Repetitions::new(budget, retries, deadline, reads);
    loop {
        let error = match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let Some(wait) = repetitions.wait_after(&error, Instant::now()) else { return Err(error) };
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn refused(status: u16, code: &str) -> Error {
        let (url, code, message) = ("http://here".to_owned(), code.to_owned(), String::new());
        Error::Refused { url, status, code, message, retry_after: None }
    }

    fn asks_to_wait(seconds: f64) -> Error {
        let (url, code, message) = (String::new(), "TooManyConcurrentRequests".to_owned(), String::new());
        Error::Refused { url, status: 503, code, message, retry_after: Some(seconds) }
    }

    fn connect() -> Error {
        Error::Connect { url: "http://here".to_owned(), reason: "refused".to_owned() }
    }

    #[test]
    fn only_what_was_not_executed_is_repeated_of_writes() {
        use Repetition::{Conflict, Counted, Never, Pacing};
        for (error, of_writes, of_reads) in [
            (connect(), Counted, Counted),
            (refused(503, "OptimisticConcurrencyControlFailure"), Conflict, Conflict),
            (refused(429, "TooManyWrites"), Pacing, Pacing),
            (refused(503, "TooManyConcurrentRequests"), Counted, Counted),
            (refused(425, "TooEarly"), Counted, Counted),
            (refused(500, "InternalServerError"), Never, Counted),
            (refused(503, ""), Never, Counted),
            (refused(429, ""), Never, Counted),
            (refused(425, ""), Never, Counted),
            (refused(502, ""), Never, Counted),
            (refused(524, ""), Never, Counted),
            (refused(400, "BadRequest"), Never, Never),
            (refused(401, "BadAdminKey"), Never, Never),
            (Error::OutcomeUnknown { url: String::new(), path: String::new(), reason: String::new() }, Never, Never),
            (Error::Timeout { url: String::new(), seconds: 1.0 }, Never, Never),
        ] {
            assert_eq!(Repetition::after(&error, false), of_writes, "{error}");
            assert_eq!(Repetition::after(&error, true), of_reads, "{error}");
        }
    }

    /// The number of attempts, if each fails.
    fn attempts(budget: &Budget, retries: u32, error: &Error, time: Duration) -> usize {
        let made = Cell::new(0);
        let done: Result<()> =
            crate::runtime::runtime().block_on(repeat(budget, retries, Instant::now() + time, false, || {
                made.set(made.get() + 1);
                std::future::ready(Err(error.clone()))
            }));
        assert!(done.is_err());
        made.get()
    }

    #[test]
    fn a_deployment_that_fails_is_sent_hardly_more_than_one_that_works() {
        let budget = Budget(Mutex::new(CAPACITY));
        let (calls, soon) = (400, asks_to_wait(0.0));
        let sent: usize = (0..calls).map(|_| attempts(&budget, 3, &soon, Duration::from_secs(9))).sum();
        assert!((calls + calls / 10..=calls + calls / 10 + 10).contains(&sent), "{sent}");
    }

    #[test]
    fn a_call_is_repeated_as_often_as_asked_for() {
        for retries in [0, 1, 3] {
            let budget = Budget(Mutex::new(CAPACITY));
            let made = attempts(&budget, retries, &asks_to_wait(0.0), Duration::from_secs(9));
            assert_eq!(made, retries as usize + 1);
        }
    }

    #[test]
    fn a_call_is_repeated_after_the_asked_time_if_its_answer_can_come_in_time() {
        let (budget, now) = (Budget(Mutex::new(CAPACITY)), Instant::now());
        let asked = Duration::from_secs(1);
        for (left, expected) in [(Duration::ZERO, None), (Duration::from_nanos(1), Some(asked))] {
            let deadline = now + asked + LAST_MOMENT + left;
            let mut repetitions = Repetitions::new(&budget, 3, deadline, false);
            assert_eq!(repetitions.wait_after(&asks_to_wait(1.0), now), expected);
        }
    }

    #[test]
    fn writers_in_conflict_wait_less_than_for_a_deployment_that_fails() {
        let now = Instant::now();
        let longest = |error: &Error| {
            let waits = (0..1000).map(|_| {
                let budget = Budget(Mutex::new(CAPACITY));
                Repetitions::new(&budget, 1, now + Duration::from_secs(9), false).wait_after(error, now)
            });
            waits.max().flatten().expect("it is repeated")
        };
        assert!(longest(&refused(503, "OptimisticConcurrencyControlFailure")) <= CONFLICT_BACKOFF);
        assert!(longest(&connect()) > CONFLICT_BACKOFF);
    }

    #[test]
    fn a_conflict_is_repeated_until_the_deadline() {
        let budget = Budget(Mutex::new(0.0));
        let conflict = refused(503, "OptimisticConcurrencyControlFailure");
        assert!(attempts(&budget, 1, &conflict, Duration::from_secs(1)) > 4);
        assert_eq!(attempts(&budget, 0, &conflict, Duration::from_secs(1)), 1);
        assert_eq!(attempts(&budget, 3, &connect(), Duration::from_secs(1)), 1);
    }

    #[test]
    fn clients_of_one_deployment_share_its_budget() {
        let one = Budget::of("http://one");
        assert!(Arc::ptr_eq(&one, &Budget::of("http://one")));
        assert!(!Arc::ptr_eq(&one, &Budget::of("http://two")));
        assert!(Arc::ptr_eq(&one, &Budget::of("http://one")));
        // The last client of the other one is gone.
        let _three = Budget::of("http://three");
        assert!(!locked(&BUDGETS).as_ref().expect("it was asked for").contains_key("http://two"));
    }
}
