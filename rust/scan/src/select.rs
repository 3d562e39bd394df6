//! Selection: the rows that may be among the K best, by their scores or the bounds of these.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

/// The bounds of a score: it lies between two numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

/// A row with its score, or the bounds of its score.
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
    /// Rows whose scores are known.
    known: Vec<(usize, f64)>,
    /// Rows whose scores are only bounded.
    bounded: Vec<Candidate>,
    /// Raises the floor with each row, so that fewer have to be looked at; where many are wanted that takes longer
    /// than it saves.
    lower: Option<Largest>,
    /// How many rows of a kind to collect before they raise the floor together.
    patience: usize,
}

impl Selection {
    /// An empty selection; scores below `floor` aren't wanted.
    pub(crate) fn new(top_k: usize, floor: f64) -> Self {
        /// How many results are few.
        const FEW: usize = 32;
        Self {
            top_k,
            floor,
            known: Vec::new(),
            bounded: Vec::with_capacity(4 * FEW),
            lower: (top_k <= FEW).then(|| Largest::new(top_k)),
            patience: top_k.saturating_mul(2).max(2 * FEW),
        }
    }

    /// The score that a row must be able to reach.
    pub(crate) fn floor(&self) -> f64 {
        self.floor
    }

    /// Offers a row whose score is known.
    pub(crate) fn offer_known(&mut self, position: usize, score: f64) {
        if score >= self.floor {
            self.known.push((position, score));
            if self.lower.is_some() {
                self.raise_by(score);
            } else if self.known.len() >= self.patience {
                self.prune();
            }
        }
    }

    /// Offers a row whose score is bounded.
    pub(crate) fn offer(&mut self, candidate: Candidate) {
        if candidate.bounds.upper >= self.floor {
            self.bounded.push(candidate);
            if self.lower.is_some() {
                self.raise_by(candidate.bounds.lower);
            } else if self.bounded.len() >= self.patience {
                self.prune();
            }
        }
    }

    /// Takes over the rows of another selection.
    pub(crate) fn merge(&mut self, other: Self) {
        for (position, score) in other.known {
            self.offer_known(position, score);
        }
        for candidate in other.bounded {
            self.offer(candidate);
        }
    }

    /// The rows that are left: those with a known score, and the others.
    pub(crate) fn finish(mut self) -> (Vec<(usize, f64)>, Vec<Candidate>) {
        self.prune();
        (self.known, self.bounded)
    }

    /// Raises the floor with one more lower bound.
    fn raise_by(&mut self, bound: f64) {
        if let Some(lower) = &mut self.lower {
            lower.push(bound);
            let kth = lower.floor();
            self.raise(kth);
        }
    }

    fn raise(&mut self, kth: Option<f64>) {
        // `max` keeps the number where the other is NaN, as a `min_score` might be.
        self.floor = self.floor.max(kth.unwrap_or(f64::NEG_INFINITY));
    }

    fn prune(&mut self) {
        if self.lower.is_none() {
            self.raise(kth_largest(self.top_k, self.known.iter().map(|&(_, score)| score)));
            self.raise(kth_largest(self.top_k, self.bounded.iter().map(|candidate| candidate.bounds.lower)));
        }
        self.known.retain(|&(_, score)| score >= self.floor);
        self.bounded.retain(|candidate| candidate.bounds.upper >= self.floor);
        // Where most rows stay, wait longer and longer: the total work stays linear.
        let most = self.known.len().max(self.bounded.len());
        self.patience = self.patience.max(most.saturating_mul(2));
    }
}

/// The K-th largest of some scores, if there are more.
fn kth_largest(top_k: usize, scores: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    (scores.len() > top_k).then(|| {
        let mut scores: Vec<f64> = scores.collect();
        *scores.select_nth_unstable_by(top_k - 1, |a, b| b.total_cmp(a)).1
    })
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

/// A score and a position as one number: the better the score the smaller, ties by position. Sorting numbers needs no
/// branches that the CPU can't predict: beside sorting pairs it saves a fifth of a search for 256 of 500 rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank(u128);

impl Rank {
    pub(crate) fn new(score: f64, position: usize) -> Self {
        // -0.0 and 0.0 are a tie; which one it was is kept below the position.
        let is_negative_zero = score.to_bits() == (-0.0_f64).to_bits();
        let bits = if is_negative_zero { 0 } else { score.to_bits() };
        // Descending: positive numbers by the complement of their bits, negative ones by their bits.
        let descending = if bits >> 63 == 0 { !bits ^ (1 << 63) } else { bits };
        Self(u128::from(descending) << 64 | (position as u128) << 1 | u128::from(is_negative_zero))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the position's bits are wanted")]
    pub(crate) fn position(self) -> usize {
        (self.0 as u64 >> 1) as usize
    }

    pub(crate) fn score(self) -> f64 {
        let descending = (self.0 >> 64) as u64;
        let bits = if descending >> 63 == 0 { !(descending ^ (1 << 63)) } else { descending };
        if self.0 & 1 == 1 { -0.0 } else { f64::from_bits(bits) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_order_as_scores_do_and_hold_them() {
        let scores = [f64::MAX, 1.0, 0.5, f64::MIN_POSITIVE, 5e-324, 0.0, -0.0, -5e-324, -0.5, -1.0, f64::MIN];
        for a in scores {
            for b in scores {
                for (left, right) in [(0, 0), (3, 9), (9, 3)] {
                    let (rank_a, rank_b) = (Rank::new(a, left), Rank::new(b, right));
                    let expected = b.partial_cmp(&a).expect("no NaN").then(left.cmp(&right));
                    if expected.is_ne() {
                        assert_eq!(rank_a.cmp(&rank_b), expected, "{a} at {left}, {b} at {right}");
                    }
                    assert_eq!((rank_a.score().to_bits(), rank_a.position()), (a.to_bits(), left));
                }
            }
        }
    }
}
