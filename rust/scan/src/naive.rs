//! The reference, which defines every score: the original JavaScript's operations in order, one row after the other.
//!
//! The fast path is held to it bit for bit. It is public because it is the definition, and slow because it is only that.

use crate::Metric;

/// The score of a row, or `None` where the row never ranks: another length than the query's, a component that isn't
/// finite, no length for [`Metric::Cosine`], or a score that isn't finite.
#[must_use]
pub fn score(metric: Metric, query: &[f64], row: &[f64]) -> Option<f64> {
    if row.len() != query.len() || row.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let score = match metric {
        Metric::Cosine => {
            let (mut dot, mut mag_a, mut mag_b) = (0.0, 0.0, 0.0_f64);
            for (a, b) in query.iter().zip(row) {
                dot += a * b;
                mag_a += a * a;
                mag_b += b * b;
            }
            if mag_b == 0.0 {
                return None;
            }
            dot / (f64::sqrt(mag_a) * f64::sqrt(mag_b))
        }
        Metric::DotProduct => query.iter().zip(row).fold(0.0, |dot, (a, b)| dot + a * b),
        Metric::Euclidean => {
            let sum = query.iter().zip(row).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b));
            1.0 / (1.0 + f64::sqrt(sum))
        }
    };
    score.is_finite().then_some(score)
}

/// The rows that rank, best first, ties in the order given: their places in `rows` and their scores.
#[must_use]
pub fn rank<'a>(metric: Metric, query: &[f64], rows: impl IntoIterator<Item = &'a [f64]>) -> Vec<(usize, f64)> {
    let mut ranked: Vec<(usize, f64)> = rows
        .into_iter()
        .enumerate()
        .filter_map(|(place, row)| score(metric, query, row).map(|score| (place, score)))
        .collect();
    ranked.sort_by(|a, b| b.1.partial_cmp(&a.1).expect("scores that rank are finite"));
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_definition() {
        let cases =
            [(Metric::Cosine, 0.6), (Metric::DotProduct, 3.0), (Metric::Euclidean, 1.0 / (1.0 + 20_f64.sqrt()))];
        for (metric, expected) in cases {
            assert_eq!(score(metric, &[1.0, 0.0], &[3.0, 4.0]), Some(expected), "{metric}");
        }
    }

    #[test]
    fn rows_that_cannot_rank_have_no_score() {
        for metric in Metric::ALL {
            assert_eq!(score(metric, &[1.0, 0.0], &[1.0]), None);
            assert_eq!(score(metric, &[1.0, 0.0], &[1.0, f64::NAN]), None);
            assert_eq!(score(metric, &[1.0, 0.0], &[f64::INFINITY, 0.0]), None);
        }
        assert_eq!(score(Metric::Cosine, &[1.0], &[0.0]), None);
        assert_eq!(score(Metric::DotProduct, &[1e300], &[1e300]), None);
        assert_eq!(score(Metric::Euclidean, &[1e300], &[-1e300]), Some(0.0));
    }
}
