//! No two rows are more alike than their outlines are, and a batch gets outlines where they pay.

use std::sync::Arc;

use value::Packed;

use super::*;
use crate::{
    Batch, Mask, Metric, Row, Search, arch,
    arch::{BLOCK_ROWS, Sums},
    batch::no_metadata,
    bounds::{Measured, Precision},
    codes::Measures,
    naive,
    noise::noise,
    norms::norm,
};

/// Rows that are mixtures of some directions, and a little beside them, one after the other.
fn mixtures(count: usize, dimension: usize, directions: usize) -> Vec<f32> {
    let matrix = noise(directions * dimension, 1);
    let mixture = |row: usize| {
        let weights = noise(directions, row as u64 + 7);
        let mut mixture: Vec<f64> = noise(dimension, row as u64 + 90_000).iter().map(|x| 0.1 * x).collect();
        for (weight, direction) in weights.iter().zip(matrix.chunks_exact(dimension)) {
            mixture.iter_mut().zip(direction).for_each(|(sum, x)| *sum += weight * x);
        }
        mixture
    };
    #[expect(clippy::cast_possible_truncation, reason = "float32 is wanted")]
    (0..count).flat_map(mixture).map(|x| x as f32).collect()
}

fn unit(vector: &[f64]) -> Vec<f32> {
    let mut unit = vec![0.0; vector.len()];
    to_unit(vector, norm(vector), &mut unit);
    unit
}

fn coded(vector: &[f64]) -> CodedVector {
    CodedVector::new(arch::kernels(), vector).expect("it lies within the range")
}

/// Directions of mixtures.
fn learnt(dimension: usize, directions: usize) -> Arc<Directions> {
    let rows = mixtures(300, dimension, directions);
    let sample: Vec<f32> = rows
        .chunks_exact(dimension)
        .flat_map(|row| unit(&row.iter().map(|&x| f64::from(x)).collect::<Vec<_>>()))
        .collect();
    Arc::new(Directions::learn(arch::kernels(), &sample, dimension).expect("mixtures lie along few directions"))
}

/// Whether a row may reach scores by its outline: its own one, and some more than that.
fn reaches(directions: &Arc<Directions>, metric: Metric, query: &[f64], row: &[f64], above: f64) -> Option<[bool; 2]> {
    let kernels = arch::kernels();
    let coded = CodedQuery::new(kernels, metric, query)?;
    let outline = outlined(kernels, directions, &coded)?;
    let (mut outlines, norms) = (Outlines::new(Arc::clone(directions)), [norm(row)]);
    outlines.resize(1, 1);
    outlines.write(kernels, 0, Values::F64(row));
    let mut sums: Sums = [0; BLOCK_ROWS];
    let [upper, lower] = outlines.coarse().halves(0..1);
    (kernels.strip_sums)([outline.planes()[0]], &[upper, lower], [&mut sums]);
    let Measures { scales, tangents } = outlines.coarse().measures(Precision::Outline);
    let measured = Measured { scale: &scales[..], tangent: &tangents[..], norm: &norms[..] };
    let score = naive::score(metric, query, row)?;
    Some([score, score + above].map(|floor| {
        let found: Vec<u64> = arch::available()
            .iter()
            .map(|set| (set.reaching)(&outline, Precision::Outline, &sums, measured, floor))
            .collect();
        assert!(found.iter().all(|rows| *rows == found[0]), "{found:?}");
        found[0] == 1
    }))
}

#[test]
fn rows_reach_their_scores_by_their_outlines() {
    for (dimension, count) in [(256, 20), (300, 150), (1536, 60)] {
        let directions = learnt(dimension, count);
        let rows: Vec<f64> = mixtures(40, dimension, count).into_iter().map(f64::from).collect();
        let rows: Vec<&[f64]> = rows.chunks_exact(dimension).collect();
        let mut covered = 0;
        let mut check = |query: &[f64], row: &[f64]| {
            for metric in Metric::ALL {
                for (query_scale, row_scale) in [(1.0, 1.0), (1e-20, 1e25), (3.0, -2.0), (1e100, 1e-110)] {
                    let query: Vec<f64> = query.iter().map(|x| x * query_scale).collect();
                    let row: Vec<f64> = row.iter().map(|x| x * row_scale).collect();
                    if let Some([own, _]) = reaches(&directions, metric, &query, &row, 0.0) {
                        assert!(own, "{metric} {dimension} {query_scale} {row_scale}");
                        covered += 1;
                    }
                }
            }
        };
        for (index, row) in rows.iter().enumerate() {
            // Rows like those that were learnt of, rows in any direction, those that share what lies outside of the
            // directions, and those that are the same.
            let any = noise(dimension, 3 + index as u64);
            let outside: Vec<f64> = row.iter().zip(&any).map(|(a, b)| 0.05 * a + b).collect();
            for other in [rows[(index + 1) % rows.len()], row, &any, &outside] {
                check(other, row);
                check(&any, other);
                check(&outside, other);
            }
        }
        assert!(covered > 2_000, "{covered} were covered");
    }
}

#[test]
fn no_two_rows_are_more_alike_than_their_outlines() {
    let directions = learnt(300, 150);
    let outline = |row: &[f64]| directions.outline(arch::kernels(), &coded(row)).map(f64::from);
    let cosine = |a: &[f64], b: &[f64]| naive::score(Metric::Cosine, a, b).expect("neither is zero");
    let rows: Vec<f64> = mixtures(60, 300, 150).into_iter().map(f64::from).collect();
    for (index, a) in rows.chunks_exact(300).enumerate() {
        let any = noise(300, index as u64);
        for b in rows.chunks_exact(300).chain([&any[..]]) {
            let bound = cosine(&outline(a), &outline(b));
            assert!(cosine(a, b) <= bound + directions.slack(), "{} {bound}", cosine(a, b));
        }
    }
}

#[test]
fn rows_at_the_edge_reach_their_scores_by_their_outlines() {
    // Rows along one component: most of it lies outside, or none.
    let directions = learnt(256, 20);
    let component = |index: usize| (0..256).map(|i| f64::from(u8::from(i == index))).collect::<Vec<f64>>();
    for (a, b) in [(0, 0), (0, 1), (5, 5), (255, 255), (255, 0)] {
        for metric in Metric::ALL {
            let (query, row) = (component(a), component(b));
            assert!(reaches(&directions, metric, &query, &row, 0.0).is_none_or(|[own, _]| own), "{metric} {a} {b}");
        }
    }
}

#[test]
fn outlines_of_rows_along_the_directions_bound_narrowly() {
    let directions = learnt(512, 40);
    let rows: Vec<f64> = mixtures(30, 512, 40).into_iter().map(f64::from).collect();
    for pair in rows.chunks_exact(2 * 512) {
        let (query, row) = pair.split_at(512);
        // A floor below 90° is held against.
        let near: Vec<f64> = query.iter().zip(row).map(|(a, b)| a + 0.7 * b).collect();
        let found = reaches(&directions, Metric::Cosine, query, &near, 0.2).expect("both are covered");
        assert_eq!(found, [true, false]);
    }
}

#[test]
fn directions_are_learnt_where_rows_lie_along_few() {
    let sample = |rows: &[f64], dimension| rows.chunks_exact(dimension).flat_map(unit).collect::<Vec<f32>>();
    let kernels = arch::kernels();
    for dimension in [256, 320, 512] {
        let isotropic = sample(&noise(SAMPLE * dimension, 1), dimension);
        assert!(Directions::learn(kernels, &isotropic, dimension).is_none(), "outlines would decide about few rows");
    }
    let few = sample(&noise(512, 1).repeat(140), 512);
    assert!(Directions::learn(kernels, &few, 512).is_none(), "they may not be typical");
    let alike = sample(&noise(512, 1).repeat(300), 512);
    let directions = Directions::learn(kernels, &alike, 512).expect("there is one direction");
    assert!((directions.length() - 128_f64.sqrt()).abs() < 0.05, "the others are none, so nothing is added");
    let row = coded(&noise(512, 1));
    let right = directions.outline(kernels, &row);
    for set in arch::available() {
        assert_eq!(directions.outline(set, &row).map(f32::to_bits), right.map(f32::to_bits), "{}", set.name);
    }
    let length = right.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    assert!((length / directions.length() - 1.0).abs() < 1e-5, "all outlines are as long");
}

/// How many calls with so many queries it takes until a batch has outlines, if five make up for what it was asked too little.
fn calls_until_outlined(batch: &Batch, queries: usize) -> usize {
    batch.outline_some(Outlining::ROWS - 5 * queries * batch.len());
    let asked: Vec<f64> = noise(batch.dimension(), 5).repeat(queries);
    let search = Search { metric: Metric::Cosine, top_k: 1, mask: None, min_score: None, threads: 1 };
    let call = || {
        if queries == 1 {
            batch.top_k(&asked, &search).expect("it can be made");
        } else {
            batch.top_k_many(&asked, &search).expect("it can be made");
        }
    };
    (0..100).find(|_| batch.directions().is_some() || (call(), false).1).expect("it gets outlines")
}

#[test]
fn a_batch_gets_outlines_by_being_asked() {
    let rows = mixtures(4096, 256, 9);
    let batch = || {
        let mut batch = Batch::new(256);
        batch.extend(rows.chunks_exact(256).map(|row| Row {
            id: "id".into(),
            vector: Some(Packed::from_f32(row)),
            metadata: no_metadata(),
        }));
        batch
    };
    let chunks = batch().chunks().len();
    assert!(chunks > 1);
    // The fifth is due, and gives the first chunk its outlines.
    assert_eq!(calls_until_outlined(&batch(), 1), 4 + chunks);
    assert_eq!(calls_until_outlined(&batch(), 16), 4 + chunks);
    // Copies share what was learnt, and further rows have outlines from the start.
    let mut asked = batch();
    let copy = asked.clone();
    asked.outline(usize::MAX);
    assert!(copy.directions().is_some());
    for position in 0..5000 {
        asked.push(asked.row(position % 4096));
    }
    asked.remove(3);
    asked.compact();
    assert!(asked.directions().is_some());
    // Short rows and those that differ in all directions have none.
    let short = Batch::from_matrix(255, Arc::new(mixtures(2048, 255, 9)), None, None).expect("whole rows");
    short.outline(usize::MAX);
    assert!(!short.has_outlines());
    let mut isotropic = Batch::from_matrix(512, Arc::new(noise(2048 * 512, 3)), None, None).expect("whole rows");
    isotropic.outline(usize::MAX);
    assert!(!isotropic.has_outlines() && !isotropic.chunks()[0].has_outlines());
    // Rows that are added may be of another kind.
    isotropic.extend((0..4 * 2048).map(|position| asked.row(position % 4096)).map(|row| Row {
        vector: row.vector.map(|vector| Packed::from_f64(&vector.iter().chain(vector.iter()).collect::<Vec<_>>())),
        ..row
    }));
    isotropic.outline(usize::MAX);
    assert!(isotropic.has_outlines());
}

#[test]
fn searches_that_outlines_do_not_serve_bring_none() {
    let batch = Batch::from_matrix(256, Arc::new(mixtures(4096, 256, 9)), None, None).expect("whole rows");
    let query = noise(256, 5);
    let mask = Mask::from_fn(4096, |position| position < 2047);
    // One row more would be enough.
    batch.outline_some(Outlining::ROWS - 1);
    for (top_k, mask, brings) in [(257, None, false), (1, Some(&mask), false), (256, None, true)] {
        let search = Search { metric: Metric::Cosine, top_k, mask, min_score: None, threads: 1 };
        batch.top_k(&query, &search).expect("it can be made");
        assert_eq!(batch.has_outlines(), brings, "{top_k}");
    }
}

#[test]
fn a_batch_that_is_compacted_when_it_has_grown_learns_anew() {
    let rows = mixtures(4 * 300, 256, 9);
    let mut batch = Batch::new(256);
    let row = |position: usize| Row {
        id: position.to_string().into(),
        vector: Some(Packed::from_f32(&rows[position * 256..][..256])),
        metadata: no_metadata(),
    };
    batch.extend((0..300).map(row));
    batch.outline(usize::MAX);
    for (len, is_learnt_anew) in [(299, false), (4 * 300 - 1, false), (4 * 300, true)] {
        let more = len + 1 - batch.len();
        batch.extend((0..more).map(row));
        batch.remove(0);
        batch.compact();
        assert_eq!(batch.len(), len);
        assert_eq!(batch.has_outlines(), !is_learnt_anew, "{len}");
    }
}
