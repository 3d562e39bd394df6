//! Kernels in safe Rust for any CPU: the specification that the others are tested against.

use super::{EXACT_ROWS, FIRST_ROWS, Kernels, LANES, Number};

pub(super) const KERNELS: Kernels = Kernels {
    name: "portable",
    first_dots,
    first_distances,
    dots_f32: dots,
    dots_f64: dots,
    distances_f32: distances,
    distances_f64: distances,
};

fn first_dots(query: &[f32], rows: [&[f32]; FIRST_ROWS]) -> [f32; FIRST_ROWS] {
    rows.map(|row| in_lanes(query, row, |sum, a, b| sum + a * b))
}

fn first_distances(query: &[f32], rows: [&[f32]; FIRST_ROWS]) -> [f32; FIRST_ROWS] {
    rows.map(|row| in_lanes(query, row, |sum, a, b| sum + (a - b) * (a - b)))
}

fn in_lanes(query: &[f32], row: &[f32], step: impl Fn(f32, f32, f32) -> f32) -> f32 {
    assert_eq!(row.len(), query.len());
    let mut sums = [0.0; LANES];
    let (query, query_rest) = query.as_chunks::<LANES>();
    let (row, row_rest) = row.as_chunks::<LANES>();
    for (query, row) in query.iter().zip(row) {
        for lane in 0..LANES {
            sums[lane] = step(sums[lane], query[lane], row[lane]);
        }
    }
    for ((sum, &a), &b) in sums.iter_mut().zip(query_rest).zip(row_rest) {
        *sum = step(*sum, a, b);
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
    }
    sums[0]
}

fn dots<T: Number>(query: &[f64], rows: [&[T]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
    in_order(query, rows, |sum, a, b| sum + a * b)
}

fn distances<T: Number>(query: &[f64], rows: [&[T]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
    in_order(query, rows, |sum, a, b| sum + (a - b) * (a - b))
}

fn in_order<T: Number>(
    query: &[f64],
    rows: [&[T]; EXACT_ROWS],
    step: impl Fn(f64, f64, f64) -> f64,
) -> [f64; EXACT_ROWS] {
    let rows = rows.map(|row| &row[..query.len()]);
    let mut sums = [0.0; EXACT_ROWS];
    for (i, &a) in query.iter().enumerate() {
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = step(*sum, a, row[i].into());
        }
    }
    sums
}
