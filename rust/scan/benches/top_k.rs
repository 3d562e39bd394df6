//! One query, and several at once, over batches of several shapes, beside a plain float32 dot product over the same rows.
//!
//! `cargo bench -p scan`. Each figure is the median of many runs in microseconds, with the fastest in brackets; every
//! search is checked against the naive reference first. The queries take turns: a search for one and the same again and
//! again finds every branch predicted. Figures of several at once are for each of them. The plain loop sums in lanes as the compiler likes it and
//! neither selects nor orders.

use std::{hint::black_box, sync::Arc, time::Instant};

use scan::{Batch, Metric, Search, arch, naive};

/// How many queries take turns, or are asked at once.
const QUERIES: usize = 64;

fn main() {
    for (rows, dimension) in [(500, 384), (500, 1536), (10_000, 768), (100_000, 768)] {
        let matrix = numbers(rows * dimension, 1);
        let wide: Vec<f64> = matrix.iter().map(|&x| f64::from(x) * 1.000_000_1).collect();
        let queries: Vec<f64> = numbers(QUERIES * dimension, 2).into_iter().map(f64::from).collect();
        let mut turn = queries.chunks_exact(dimension).cycle();
        let mut next = || turn.next().expect("an endless cycle");
        println!("{rows} x {dimension}");
        let shared = Arc::new(matrix.clone());
        report("  from_matrix float32", || Batch::from_matrix(dimension, shared.clone(), None, None));
        let plain: Vec<f32> = numbers(dimension, 3);
        report("  plain float32 dots", || {
            matrix.chunks_exact(dimension).map(|row| dot(&plain, row)).fold(0.0, f32::max)
        });
        let narrow = Batch::from_matrix(dimension, shared, None, None).expect("whole rows");
        let wide = Batch::from_matrix(dimension, Arc::new(wide), None, None).expect("whole rows");
        for kernels in arch::available() {
            let search = Search { metric: Metric::Cosine, top_k: 10, mask: None, min_score: None, threads: 1 };
            report(&format!("  float32 cosine top 10, {}", kernels.name), || narrow.top_k_on(kernels, next(), &search));
        }
        for top_k in [10, 256] {
            let search = Search { metric: Metric::Cosine, top_k, mask: None, min_score: None, threads: 1 };
            report_each(&format!("  float32 cosine top {top_k}, {QUERIES} queries"), QUERIES, || {
                narrow.top_k_many(&queries, &search)
            });
        }
        for (name, batch) in [("float32", &narrow), ("float64", &wide)] {
            for metric in Metric::ALL {
                for top_k in [10, 256] {
                    for threads in [1, 2] {
                        let search = Search { metric, top_k, mask: None, min_score: None, threads };
                        check(batch, next(), &search);
                        report(&format!("  {name} {metric} top {top_k}, threads {threads}"), || {
                            batch.top_k(next(), &search)
                        });
                    }
                }
            }
        }
    }
}

fn check(batch: &Batch, query: &[f64], search: &Search) {
    let rows: Vec<Vec<f64>> =
        batch.live().map(|position| batch.vector(position).expect("every row has one").iter().collect()).collect();
    let mut expected = naive::rank(search.metric, query, rows.iter().map(Vec::as_slice));
    expected.truncate(search.top_k);
    let found = batch.top_k(query, search).expect("the search can be made");
    assert_eq!(found.rows.into_iter().zip(found.scores).collect::<Vec<_>>(), expected);
}

fn report<T>(name: &str, run: impl FnMut() -> T) {
    report_each(name, 1, run);
}

/// Reports the time of a run, shared out to what is done in it.
#[expect(clippy::cast_precision_loss, reason = "a handful of things")]
fn report_each<T>(name: &str, count: usize, mut run: impl FnMut() -> T) {
    let mut micros = Vec::new();
    let begin = Instant::now();
    while micros.len() < 9 || (micros.len() < 2000 && begin.elapsed().as_millis() < 300) {
        let start = Instant::now();
        black_box(run());
        micros.push(start.elapsed().as_secs_f64() * 1e6 / count as f64);
    }
    micros.sort_by(f64::total_cmp);
    println!("{name:45} {:9.1} [{:.1}]", micros[micros.len() / 2], micros[0]);
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; 32];
    for (a, b) in a.as_chunks::<32>().0.iter().zip(b.as_chunks::<32>().0) {
        for lane in 0..32 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

/// Numbers that look like an embedding's, the same ones every time.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "any number will do")]
fn numbers(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut uniform = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ (mixed >> 27)) >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    (0..len).map(|_| (uniform() + uniform() + uniform()) as f32).collect()
}
