//! Bounds hold: for vectors of all magnitudes, and for those that lose as much as can be.

use super::*;
use crate::{
    Values, arch,
    codes::{Codes, Measures},
    naive,
    noise::noise,
    norms::norm,
};

/// Holds the bounds of a row's score to the reference. How far above it two bits, four, and fine codes with the upper plane
/// let a row reach, up to the next power of two, and how wide the second pass's bounds are; `None` if the row or the query
/// isn't covered.
fn widths(metric: Metric, query: &[f64], row: &[f64], narrow: bool) -> Option<[f64; 4]> {
    #[expect(clippy::cast_possible_truncation, reason = "float32 is wanted")]
    let narrowed: Vec<f32> = row.iter().map(|&x| x as f32).collect();
    let row: Vec<f64> = if narrow { narrowed.iter().map(|&x| f64::from(x)).collect() } else { row.to_vec() };
    let values = if narrow { Values::F32(&narrowed) } else { Values::F64(&row) };
    let norms = [norm(&row)];
    let codes = Codes::of(row.len(), values, &norms);
    let kernels = arch::kernels();
    let prepared = CodedQuery::new(kernels, metric, query)?;
    assert_eq!(prepared.norm().to_bits(), norm(query).to_bits(), "added up as by the reference");
    if !codes.usable().contains(0) {
        return None;
    }
    let score = naive::score(metric, query, &row).expect("rows that are covered rank");
    let width = match metric {
        Metric::Cosine => 1.0,
        Metric::DotProduct => norm(query) * norms[0],
        Metric::Euclidean => score,
    };
    let measured = |precision| {
        let Measures { scales, tangents } = match precision {
            Precision::Upper | Precision::Eight => codes.measures(),
            _ => codes.coarse().measures(precision),
        };
        Measured { scale: &scales[..], tangent: &tangents[..], norm: &norms[..] }
    };
    let [two, rest] = codes.coarse().halves(0..1).map(|strip| {
        let mut sums = [0; BLOCK_ROWS];
        (kernels.strip_sums)([prepared.planes()[0]], &[strip], [&mut sums]);
        sums
    });
    let four = std::array::from_fn(|row| 4 * two[row] + rest[row]);
    let reaches = |(precision, sums): (Precision, &Sums), floor: f64| {
        let sets = arch::available().into_iter();
        let found: Vec<u64> =
            sets.map(|set| (set.reaching)(&prepared, precision, sums, measured(precision), floor)).collect();
        assert!(found[0] <= 1 && found.iter().all(|&rows| rows == found[0]), "{metric} {floor}: {found:?}");
        found[0] == 1
    };
    let mut sums = [[0; BLOCK_ROWS]; 2];
    (kernels.row_sums)(prepared.planes(), &[codes.fine(0..1)], sums.each_mut());
    let coarse = [(Precision::Two, &two), (Precision::Four, &four), (Precision::Upper, &sums[0])];
    for floor in [score, score.next_down(), f64::NEG_INFINITY] {
        for by in coarse {
            assert!(reaches(by, floor), "{metric} {} {:?}: {floor}", query.len(), by.0);
        }
    }
    let (mut least, mut most) = ([0.0], [0.0]);
    for set in arch::available() {
        let mut bound = |floor| {
            let reaching = (set.bounds)(&prepared, &sums, measured(Precision::Eight), floor, [&mut least, &mut most]);
            (reaching == 1, least[0], most[0])
        };
        let (reaches, lower, upper) = bound(score);
        assert!(reaches && (lower..=upper).contains(&score), "{metric} {}: {score} in {lower}..={upper}", query.len());
        assert!(!bound(upper.next_up()).0, "{metric} {}: above {upper}", query.len());
    }
    let [by_two, by_four, by_upper] = coarse.map(|by| {
        let above = (-30..2).map(power_of_two).find(|above| !reaches(by, score + above * width));
        above.unwrap_or(f64::INFINITY)
    });
    Some([by_two, by_four, by_upper, (most[0] - least[0]) / width])
}

#[test]
fn scores_of_all_magnitudes_lie_within_their_bounds() {
    let mut covered = 0;
    for dimension in [32, 33, 64, 100, 384] {
        for exponent in (-420..=420).step_by(7) {
            for metric in Metric::ALL {
                let scaled =
                    |scale: i32, seed| noise(dimension, seed).iter().map(|x| x * 2_f64.powi(scale)).collect::<Vec<_>>();
                let seed = u64::try_from(exponent + 1000).expect("positive");
                for query_exponent in [0, exponent, -exponent, 300] {
                    let query = scaled(query_exponent, seed);
                    for narrow in [true, false] {
                        // Where vectors point the same way, sums are largest and distances smallest.
                        for row_seed in [seed, seed + 1] {
                            let row = scaled(exponent, row_seed);
                            covered += usize::from(widths(metric, &query, &row, narrow).is_some());
                        }
                    }
                }
            }
        }
    }
    assert!(covered > 9_000, "{covered} were covered");
}

#[test]
fn bounds_are_narrow_for_embeddings() {
    for metric in Metric::ALL {
        for seed in 0..20 {
            // A floor below 90° is held against. Lengths are about 1, and so are distances.
            let [query, row] =
                [seed, seed + 100].map(|seed| noise(1536, seed).iter().map(|x| x / 32.0).collect::<Vec<_>>());
            let near: Vec<f64> = query.iter().zip(&row).map(|(a, b)| a + b).collect();
            let [two, four, upper, eight] = widths(metric, &query, &near, true).expect("embeddings are covered");
            // A distance grows faster than the cosine falls.
            let factor = if metric == Metric::Euclidean { 2.0 } else { 1.0 };
            let coarse = two <= 0.5 * factor && four <= 0.25 * factor;
            let fine = upper <= 0.032 * factor && eight < 0.01 * factor;
            assert!(coarse && fine, "{metric}: {two}, {four}, {upper} and {eight}");
        }
    }
}

/// A vector of `len` numbers whose codes lose as much as they can, all in one direction: its first component sets the
/// step to 1, and the others are `steps` and almost half a step.
fn lossy(len: usize, largest: f64, steps: f64) -> Vec<f64> {
    std::iter::once(largest).chain(std::iter::repeat_n(steps + 0.499, len - 1)).collect()
}

#[test]
fn bounds_hold_where_every_loss_adds_up() {
    for len in [100, 400, 2000] {
        for steps in [0.0, 1.0, 5.0, 40.0] {
            // The row loses as much as the proof allows, in the direction of the query, which loses nothing.
            let row = lossy(len, 119.0, steps);
            let along: Vec<f64> = std::iter::once(0.0).chain(std::iter::repeat_n(1.0, len - 1)).collect();
            // The query loses as much as it can, in its upper plane or in both, in the direction of the row.
            let upper = lossy(len, 30464.0, steps * 256.0 + 127.0);
            let both = lossy(len, 30464.0, steps);
            // The row's coarse codes lose much: all but one component are far from what any of them stands for.
            let half = lossy(len, 119.0, 16.0 * (steps / 16.0).floor() + 7.0);
            let pairs = [(&along, &row), (&upper, &along), (&both, &along), (&upper, &row), (&both, &row)];
            for (query, row) in pairs.into_iter().chain([(&along, &half), (&upper, &half), (&both, &half)]) {
                for sign in [1.0, -1.0] {
                    let row: Vec<f64> = row.iter().map(|x| x * sign).collect();
                    for metric in Metric::ALL {
                        for narrow in [true, false] {
                            widths(metric, query, &row, narrow);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn bounds_hold_where_only_rounding_is_lost() {
    // Codes of 119 and -119 lose nothing.
    for len in (32..200).step_by(3) {
        for seed in 0..4 {
            let signs = |seed| noise(len, seed).into_iter().map(f64::signum).collect::<Vec<_>>();
            let (query, row) = (signs(seed), signs(seed + 9));
            for (query, row) in [(&query, &row), (&query, &query)] {
                for metric in Metric::ALL {
                    let width = widths(metric, query, row, true).expect("ones are covered");
                    assert!(metric == Metric::Euclidean || width[3] < 1e-5, "{metric}: {width:?}");
                }
            }
        }
    }
}

#[test]
fn bounds_hold_where_the_reference_loses_the_most() {
    // The sum loses almost half a unit in the last place with each square of its second half; norms lose nothing. The row
    // is so short that turning it would change the distance as little.
    let len = *DIMENSIONS.end();
    let (query, row) = (vec![1.0; len], vec![1985.0 * power_of_two(-45); len]);
    for narrow in [true, false] {
        assert!(widths(Metric::Euclidean, &query, &row, narrow).is_some(), "ones are covered");
    }
}

/// Whether numbers of about 1 are the same but for some roundings of float32.
fn alike(x: impl Into<f64>, y: f64) -> bool {
    (x.into() - y).abs() <= 12.0 * U
}

#[test]
fn limits_are_those_of_angles_with_their_slack() {
    // The code does without angles.
    let is_no_limit = |[cosine, sine]: [f32; 2]| cosine == f32::NEG_INFINITY && alike(sine, 1.0);
    for query in [noise(384, 1), vec![1.0; 64], lossy(400, 30464.0, 127.0)] {
        let coded = CodedQuery::new(arch::kernels(), Metric::Cosine, &query).expect("it is covered");
        for floor in (-9..=9).map(|tenths| f64::from(tenths) / 10.0) {
            let angle = (floor - SLACK).acos() + coded.vector.upper.error.asin();
            let [cosine, sine] = coded.limit(floor);
            if angle.cos() > 0.0 {
                let expected = [angle.cos() - f64::from(SLACK_F32), angle.sin() + f64::from(SLACK_F32)];
                assert!(
                    alike(cosine, expected[0]) && alike(sine, expected[1]),
                    "{floor}: {cosine} {sine} {expected:?}"
                );
            } else {
                assert!(is_no_limit([cosine, sine]), "{floor}: {cosine} {sine}");
            }
        }
        assert!(is_no_limit(coded.limit(f64::NEG_INFINITY)));
    }
}

/// The bounds of the cosine of a query and a row, given that of their codes, F and E.
#[expect(clippy::cast_possible_truncation, reason = "sums are whole numbers, measures float32")]
fn cosine_bounds(cosine: f64, query_error: f64, row_error: f64) -> [f64; 2] {
    const LENGTH: f64 = (1 << 24) as f64;
    let of = |error: f64| PlaneMeasures { inverse_length: 1.0, error, error_cosine: error.asin().cos() };
    let vector =
        CodedVector { lines: Vec::new(), upper: of(query_error), whole: of(query_error), sums: [0; 2], norm: 1.0 };
    let coded = CodedQuery { metric: Metric::Cosine, vector, norm: 1.0, slack: SLACK };
    let mut sums = [[0; BLOCK_ROWS]; 2];
    sums[1][0] = (cosine * LENGTH) as i32;
    let scale = (LENGTH * row_error.asin().cos()).recip() as f32;
    let rows = Measured { scale: &[scale][..], tangent: &[row_error.asin().tan() as f32][..], norm: &[1.0][..] };
    let (mut least, mut most) = ([0.0], [0.0]);
    coded.bounds(&sums, rows, 0.0, [&mut least, &mut most]);
    [least[0], most[0]]
}

#[test]
fn bounds_are_those_of_angles_with_their_slack() {
    let slack = f64::from(SLACK_F32);
    for (query_error, row_error) in [(1e-6_f64, 1e-6_f64), (0.001, 0.004), (0.3, 0.01), (0.02, 0.5), (0.4, 0.5)] {
        let lost = query_error.asin() + row_error.asin();
        for cosine in (-9..=9).map(|tenths| f64::from(tenths) / 10.0) {
            let [least, most] = cosine_bounds(cosine, query_error, row_error);
            let sine = (1.0 - cosine * cosine + f64::from(SINE_SLACK)).sqrt();
            let [along, across] = [cosine * lost.cos(), sine * lost.sin()];
            let largest = if cosine.acos() < lost { 1.0 } else { along + across };
            let smallest = if (-cosine).acos() < lost { -1.0 } else { along - across };
            assert!(alike(least, smallest - slack), "{cosine} {query_error} {row_error}: {least} {smallest}");
            assert!(alike(most, largest + slack), "{cosine} {query_error} {row_error}: {most} {largest}");
        }
        // Rows whose codes point as the query's do, or the other way.
        assert!(alike(cosine_bounds(1.0, query_error, row_error)[1], 1.0 + slack));
        assert!(alike(cosine_bounds(-1.0, query_error, row_error)[0], -1.0 - slack));
    }
}

#[test]
fn cosines_are_those_of_both_planes() {
    let (dimension, kernels) = (100, arch::kernels());
    let rows: Vec<f64> = (0..3).flat_map(|seed| noise(dimension, seed + 5)).collect();
    let norms: Vec<f64> = rows.chunks_exact(dimension).map(norm).collect();
    let codes = Codes::of(dimension, Values::F64(&rows), &norms);
    let query = noise(dimension, 1);
    let prepared = CodedVector::new(kernels, &query).expect("it is covered");
    let mut sums = [[0; BLOCK_ROWS]; 2];
    (kernels.two_plane_sums)(prepared.planes(), codes.fine(0..3), sums.each_mut());
    let codes_of = |row: usize| -> Vec<f64> {
        let bytes = codes.fine(row..row + 1).iter().flat_map(Line::numbers);
        bytes.map(|&code| f64::from(code) - 128.0).take(dimension).collect()
    };
    let vectors: Vec<Vec<f64>> = (0..3).map(codes_of).collect();
    let inverse_lengths: Vec<f64> = vectors.iter().map(|codes| norm(codes).recip()).collect();
    let mut cosines = [0.0; 3];
    prepared.cosines(&sums, &inverse_lengths, &mut cosines);
    for (cosine, vector) in cosines.into_iter().zip(&vectors) {
        // By the upper plane alone it is off by a thousandth.
        let right = naive::score(Metric::Cosine, &query, vector).expect("it isn't zero");
        assert!((f64::from(cosine) - right).abs() < 1e-4, "{cosine} {right}");
    }
}

#[test]
fn codes_of_16_bits_lose_no_more_than_outlines_allow() {
    // Each component but the largest loses half a step.
    for (len, count) in [(256, 256.0_f64), (1536, 1536.0), (4096, 4096.0)] {
        let query: Vec<f64> = std::iter::once(30464.0).chain(std::iter::repeat_n(0.4999, len - 1)).collect();
        let coded = CodedVector::new(arch::kernels(), &query).expect("it is covered");
        let most = count.sqrt() / 59_000.0;
        assert!((0.9 * most..=most).contains(&coded.whole.error.asin()), "{len}: {} {most}", coded.whole.error);
    }
}

#[test]
fn the_outline_of_a_query_has_its_norm_and_more_slack() {
    let coded = CodedQuery::new(arch::kernels(), Metric::Euclidean, &noise(384, 1)).expect("it is covered");
    let outline = coded.outline(arch::kernels(), &noise(128, 2), 0.01).expect("it is covered");
    assert_eq!(outline.norm().to_bits(), coded.norm().to_bits());
    assert!((outline.slack - (SLACK + 0.01)).abs() < 1e-15);
    let [limit, _] = outline.limit(0.5);
    let [with_less, _] = CodedQuery { slack: SLACK, ..outline }.limit(0.49);
    assert!(alike(limit, with_less.into()), "it is taken from the cosine");
}

#[test]
fn codes_that_seem_to_lose_nothing_may_have_lost_what_is_rounded() {
    assert!(error(119.0, 0.0, 1.0) > 1.01 * U);
}

#[test]
fn a_query_outside_the_range_has_no_first_pass() {
    let uniform = |x: f64| vec![x; 64];
    let coded = |query: &[f64]| CodedQuery::new(arch::kernels(), Metric::Cosine, query);
    assert!(coded(&uniform(1.0)).is_some());
    for x in [0.0, 1e-150, 1e150, 1e200] {
        assert!(coded(&uniform(x)).is_none(), "{x}");
    }
    assert!(coded(&[1.0; 31]).is_none(), "short vectors have no codes");
    assert!(coded(&vec![1.0; (1 << 16) + 1]).is_none(), "nor have vectors whose sums could overflow");
    assert!(coded(&lossy(40_000, 30464.0, 127.0)).is_none(), "nor those that lose more than half of their length");
}

#[test]
fn rows_outside_the_range_have_no_codes() {
    let coded = |values: Values, norm: f64| Codes::of(values.len(), values, &[norm]).usable().contains(0);
    assert!(coded(Values::F32(&[1.0; 64]), 8.0));
    for x in [0.0, 1e-40, 1e37, f32::NAN, f32::INFINITY] {
        assert!(!coded(Values::F32(&[x; 64]), 8.0 * f64::from(x)), "{x}");
    }
    for x in [0.0, 1e-150, 1e150] {
        assert!(!coded(Values::F64(&[x; 64]), 8.0 * x), "{x}");
    }
    let lossy = lossy(40_000, 119.0, 0.0);
    assert!(!coded(Values::F64(&lossy), norm(&lossy)));
}
