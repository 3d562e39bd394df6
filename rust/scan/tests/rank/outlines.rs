//! Batches whose rows have outlines rank as by the reference, also after they changed.

use scan::{Batch, Mask, Metric, Search};

use crate::{
    model::{Model, check, matrix, row},
    numbers::{f32_exactly, noise},
};

const DIMENSION: usize = 300;

/// Vectors in clusters, that are mixtures of some directions, and a little beside them.
fn clusters(count: usize, beside: f64) -> Vec<f64> {
    const DIRECTIONS: usize = 30;
    let directions = noise(DIRECTIONS * DIMENSION, 1);
    let weights_of = |seed: usize| noise(DIRECTIONS, seed as u64);
    let mut rows = noise(count * DIMENSION, 2);
    for (index, row) in rows.chunks_exact_mut(DIMENSION).enumerate() {
        row.iter_mut().for_each(|x| *x *= beside);
        let (centre, around) = (weights_of(index / 40 + 10), weights_of(index + 10_000));
        for ((centre, around), direction) in centre.iter().zip(&around).zip(directions.chunks_exact(DIMENSION)) {
            row.iter_mut().zip(direction).for_each(|(sum, x)| *sum += (centre + 0.5 * around) * x);
        }
        let size = [1.0, 1.5, 0.25][index % 3];
        row.iter_mut().for_each(|x| *x = f32_exactly(size * *x));
    }
    rows
}

/// Holds searches of some kinds to the reference.
fn check_some(batch: &Batch, model: &Model, query: &[f64]) {
    let mask = Mask::from_fn(model.len(), |position| position % 3 == 0);
    let searches = [(Metric::Cosine, 1, None), (Metric::DotProduct, 40, Some(0.3)), (Metric::Euclidean, 130, None)];
    for (metric, top_k, min_score) in searches {
        check(batch, model, query, &Search { metric, top_k, mask: None, min_score, threads: 1 });
        check(batch, model, query, &Search { metric, top_k: 10, mask: Some(&mask), min_score, threads: 1 });
    }
}

#[test]
fn outlined_rows_rank_as_by_the_reference() {
    for (narrow, beside) in [(true, 0.5), (false, 3.0)] {
        let mut rows = clusters(2500, beside);
        // Rows that codes say nothing about, and rows that are the same.
        for (position, by) in [(3, 0.0), (700, 1e30), (701, 1e-38), (1100, -1.0)] {
            rows[position * DIMENSION..][..DIMENSION].iter_mut().for_each(|x| *x = f32_exactly(*x * by));
        }
        rows.copy_within(90 * DIMENSION..95 * DIMENSION, 2400 * DIMENSION);
        let (mut batch, mut model) = matrix(DIMENSION, &rows, narrow);
        let near: Vec<f64> = rows[90 * DIMENSION..][..DIMENSION].iter().map(|x| x * 1.3).collect();
        let opposite: Vec<f64> = near.iter().map(|x| -x).collect();
        let any = noise(DIMENSION, 8);
        batch.outline(usize::MAX);
        for query in [&near, &opposite, &any] {
            check_some(&batch, &model, query);
        }

        // Rows that are changed, removed, put anew and added; among them one outside of the directions.
        for (position, vector) in [(91, &any), (92, &opposite), (1200, &near), (2450, &any)] {
            batch.replace(position, row(position, Some(vector)));
            model[position] = Some(Some(vector.clone()));
        }
        for position in [90, 1201, 2451] {
            batch.remove(position);
            model[position] = None;
        }
        for (index, vector) in clusters(200, 1.0).chunks_exact(DIMENSION).chain([&any[..], &near]).enumerate() {
            batch.push(row(2500 + index, Some(vector)));
            model.push(Some(Some(vector.to_vec())));
        }
        check_some(&batch, &model, &near);
        batch.compact();
        model.retain(Option::is_some);
        check_some(&batch, &model, &near);
    }
}
