//! Batches whose rows have outlines rank as by the reference, also after they changed.

use scan::{Batch, Mask, Metric, Search, arch};

use crate::{
    model::{Model, assert_same, check, expected, matrix, row},
    numbers::{f32_exactly, noise},
};

const DIMENSION: usize = 260;

/// More than a span has.
const COUNT: usize = 17_300;

/// Vectors in clusters that are mixtures of some directions, and a little beside them, of about unit length.
fn clusters(count: usize, beside: f64) -> Vec<f64> {
    const DIRECTIONS: usize = 30;
    let directions = noise(DIRECTIONS * DIMENSION, 1);
    let weights_of = |seed: usize| noise(DIRECTIONS, seed as u64);
    let mut rows = noise(count * DIMENSION, 2);
    for (index, row) in rows.chunks_exact_mut(DIMENSION).enumerate() {
        row.iter_mut().for_each(|x| *x *= beside);
        let (centre, around) = (weights_of(index / 40 + 10), weights_of(index + 100_000));
        for ((centre, around), direction) in centre.iter().zip(&around).zip(directions.chunks_exact(DIMENSION)) {
            row.iter_mut().zip(direction).for_each(|(sum, x)| *sum += (centre + 0.5 * around) * x);
        }
        let size = [0.03, 0.05, 0.01][index % 3];
        row.iter_mut().for_each(|x| *x = f32_exactly(size * *x));
    }
    rows
}

/// The queries of a test: near a row, opposite to it, and far from all.
fn queries(rows: &[f64]) -> [Vec<f64>; 3] {
    let near: Vec<f64> = rows[90 * DIMENSION..][..DIMENSION].iter().map(|x| x * 1.3).collect();
    let opposite = near.iter().map(|x| -x).collect();
    [near, opposite, noise(DIMENSION, 8)]
}

#[test]
fn outlined_rows_rank_as_by_the_reference() {
    // With much beside the directions outlines leave many rows.
    for (narrow, beside) in [(true, 0.5), (false, 1.5)] {
        let mut rows = clusters(COUNT, beside);
        // Rows that codes say nothing about, and rows that are the same.
        for (position, by) in [(3, 0.0), (700, 1e30), (701, 1e-38), (1100, -1.0)] {
            rows[position * DIMENSION..][..DIMENSION].iter_mut().for_each(|x| *x = f32_exactly(*x * by));
        }
        rows.copy_within(90 * DIMENSION..95 * DIMENSION, 17_200 * DIMENSION);
        let (batch, model) = matrix(DIMENSION, &rows, narrow);
        batch.outline(usize::MAX);
        assert!(batch.has_outlines());
        let masks = [2, 8].map(|every| Mask::from_fn(COUNT, |position| position % every == 0 || position > 16_500));
        for metric in Metric::ALL {
            for query in queries(&rows) {
                for (top_k, mask) in [(1, None), (10, Some(&masks[0])), (40, None), (10, Some(&masks[1])), (600, None)]
                {
                    check(&batch, &model, &query, &Search { metric, top_k, mask, min_score: None, threads: 1 });
                }
                let search = Search { metric, top_k: 10, mask: None, min_score: None, threads: 1 };
                let best = expected(&model, &query, &search).scores;
                for min_score in [best[3], best[3].next_up(), best[0] + 1.0] {
                    check(&batch, &model, &query, &Search { min_score: Some(min_score), ..search });
                }
            }
        }
    }
}

#[test]
fn several_queries_rank_as_one_by_outlines() {
    let rows = clusters(COUNT, 0.5);
    let (batch, _) = matrix(DIMENSION, &rows, true);
    let queries: Vec<f64> = (0..9).flat_map(|index| rows[1_700 * index * DIMENSION..][..DIMENSION].to_vec()).collect();
    for metric in Metric::ALL {
        let search = Search { metric, top_k: 10, mask: None, min_score: None, threads: 1 };
        let before = batch.top_k_many(&queries, &search).expect("the searches can be made");
        batch.outline(usize::MAX);
        assert!(batch.has_outlines());
        for kernels in arch::available() {
            let found = batch.top_k_many_on(kernels, &queries, &search).expect("the searches can be made");
            found.iter().zip(&before).for_each(|(found, before)| assert_same(found, before, kernels.name));
        }
    }
}

#[test]
fn rows_that_change_keep_their_outlines_up_to_date() {
    let rows = clusters(2_400, 0.5);
    let [near, opposite, any] = queries(&rows);
    let mut batch = Batch::new(DIMENSION);
    let mut model: Model = rows.chunks_exact(DIMENSION).map(|row| Some(Some(row.to_vec()))).collect();
    batch.extend(
        model
            .iter()
            .enumerate()
            .map(|(position, vector)| row(position, vector.iter().flatten().next().map(Vec::as_slice))),
    );
    let search = |batch: &Batch, model: &Model| {
        for metric in Metric::ALL {
            for query in [&near, &any] {
                check(batch, model, query, &Search { metric, top_k: 10, mask: None, min_score: None, threads: 1 });
            }
        }
    };
    // Some chunks have outlines, then all.
    batch.outline(2);
    assert!(!batch.has_outlines());
    search(&batch, &model);
    batch.outline(usize::MAX);
    assert!(batch.has_outlines());
    search(&batch, &model);

    let (snapshot, before) = (batch.clone(), model.clone());
    for (position, vector) in [(91, &any), (92, &opposite), (1200, &near), (2399, &any)] {
        batch.replace(position, row(position, Some(vector)));
        model[position] = Some(Some(vector.clone()));
    }
    for position in [90, 1201, 2398] {
        batch.remove(position);
        model[position] = None;
    }
    for (index, vector) in clusters(200, 1.0).chunks_exact(DIMENSION).chain([&any[..], &near]).enumerate() {
        batch.push(row(2_400 + index, Some(vector)));
        model.push(Some(Some(vector.to_vec())));
    }
    assert!(batch.has_outlines());
    search(&batch, &model);
    search(&snapshot, &before);
    batch.compact();
    model.retain(Option::is_some);
    assert!(batch.has_outlines());
    search(&batch, &model);
}
