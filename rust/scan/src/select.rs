//! Selection: the rows that may be among the K best, by what is known of their scores.

/// What is known of a score: it lies between two numbers, which are the same where it is known exactly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

impl Bounds {
    pub(crate) fn exact(score: f64) -> Self {
        Self { lower: score, upper: score }
    }

    /// The score, if it is known.
    pub(crate) fn score(self) -> Option<f64> {
        (self.lower.to_bits() == self.upper.to_bits()).then_some(self.lower)
    }
}

/// A row and what is known of its score.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) position: usize,
    pub(crate) bounds: Bounds,
}

/// The rows seen so far that may be among the K best.
///
/// The K-th largest lower bound is a floor: K rows reach it for certain, so a row whose upper bound is below it can't
/// be among the K best, not even by a tie.
pub(crate) struct Selection {
    top_k: usize,
    floor: f64,
    candidates: Vec<Candidate>,
    /// How many candidates to collect before the floor is raised.
    patience: usize,
}

impl Selection {
    /// An empty selection; scores below `min_score` aren't wanted.
    pub(crate) fn new(top_k: usize, min_score: Option<f64>) -> Self {
        let floor = min_score.unwrap_or(f64::NEG_INFINITY);
        Self { top_k, floor, candidates: Vec::new(), patience: top_k.saturating_mul(2).max(64) }
    }

    pub(crate) fn offer(&mut self, position: usize, bounds: Bounds) {
        if bounds.upper >= self.floor {
            self.candidates.push(Candidate { position, bounds });
            if self.candidates.len() >= self.patience {
                self.prune();
            }
        }
    }

    /// Takes over the candidates of another selection.
    pub(crate) fn merge(&mut self, other: Self) {
        for candidate in other.candidates {
            self.offer(candidate.position, candidate.bounds);
        }
    }

    /// The candidates that are left.
    pub(crate) fn finish(mut self) -> Vec<Candidate> {
        self.prune();
        self.candidates
    }

    fn prune(&mut self) {
        if self.candidates.len() > self.top_k {
            let mut lower: Vec<f64> = self.candidates.iter().map(|candidate| candidate.bounds.lower).collect();
            let (_, kth, _) = lower.select_nth_unstable_by(self.top_k - 1, |a, b| b.total_cmp(a));
            // `max` keeps the number where the other is NaN, as a `min_score` might be.
            self.floor = self.floor.max(*kth);
            self.candidates.retain(|candidate| candidate.bounds.upper >= self.floor);
        }
        // Where most rows stay, wait longer and longer: the total work stays linear.
        self.patience = self.patience.max(self.candidates.len().saturating_mul(2));
    }
}
