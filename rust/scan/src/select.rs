//! Selection: the rows that may be among the K best, by what is known of their scores.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

/// What is known of a score: it lies between two numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

/// A row and what is known of its score.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) position: usize,
    pub(crate) bounds: Bounds,
    /// What the first pass found for the upper plane of the query; `None` if the score is known exactly.
    pub(crate) sum: Option<i32>,
}

impl Candidate {
    /// A row whose score is known.
    pub(crate) fn exact(position: usize, score: f64) -> Self {
        Self { position, bounds: Bounds { lower: score, upper: score }, sum: None }
    }
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
    /// An empty selection; scores below `floor` aren't wanted.
    pub(crate) fn new(top_k: usize, floor: f64) -> Self {
        Self { top_k, floor, candidates: Vec::new(), patience: top_k.saturating_mul(2).max(64) }
    }

    /// What the score of a row must be able to reach.
    pub(crate) fn floor(&self) -> f64 {
        self.floor
    }

    pub(crate) fn offer(&mut self, candidate: Candidate) {
        if candidate.bounds.upper >= self.floor {
            self.candidates.push(candidate);
            if self.candidates.len() >= self.patience {
                self.prune();
            }
        }
    }

    /// Takes over the candidates of another selection.
    pub(crate) fn merge(&mut self, other: Self) {
        for candidate in other.candidates {
            self.offer(candidate);
        }
    }

    /// The candidates that are left, and the floor.
    pub(crate) fn finish(mut self) -> (Vec<Candidate>, f64) {
        self.prune();
        (self.candidates, self.floor)
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

/// The K largest of some scores.
pub(crate) struct Largest {
    top_k: usize,
    scores: BinaryHeap<Reverse<Score>>,
}

impl Largest {
    pub(crate) fn new(top_k: usize) -> Self {
        Self { top_k, scores: BinaryHeap::new() }
    }

    pub(crate) fn push(&mut self, score: f64) {
        if self.scores.len() < self.top_k {
            self.scores.push(Reverse(Score(score)));
        } else if let Some(mut least) = self.scores.peek_mut()
            && score > least.0.0
        {
            *least = Reverse(Score(score));
        }
    }

    /// The K-th largest, if there are so many.
    pub(crate) fn floor(&self) -> Option<f64> {
        self.scores.peek().filter(|_| self.scores.len() == self.top_k).map(|least| least.0.0)
    }
}

/// A score with an order. That of -0.0 and 0.0 doesn't matter here.
struct Score(f64);

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Score {}
