//! The search finds what the naive reference finds: the same rows, in the same order, with the same score bits.

mod batch;
mod cases;
mod model;
mod numbers;
mod outlines;

use scan::{Batch, Mask, Metric, Search, arch};

use model::{Model, assert_same, check, matrix, row};
use numbers::{f32_exactly, noise};

#[test]
fn embeddings_rank_as_by_the_reference() {
    for (dimension, count) in [(384, 230), (1536, 140), (1537, 20), (40, 2100), (3, 2100)] {
        let rows = noise(dimension * count, 1);
        for narrow in [true, false] {
            let (batch, model) = matrix(dimension, &rows, narrow);
            for metric in Metric::ALL {
                for (seed, top_k) in [(2, 1), (3, 10), (4, count / 2 + 1), (5, count), (6, count + 1)] {
                    let search = Search { metric, top_k, mask: None, min_score: None, threads: 1 };
                    check(&batch, &model, &noise(dimension, seed), &search);
                }
            }
        }
    }
}

#[test]
fn several_queries_of_few_rows_rank_as_one() {
    let dimension = 200;
    let (batch, _) = matrix(dimension, &noise(dimension * 300, 1), false);
    let queries = noise(dimension * 7, 2);
    let mask = Mask::from_fn(300, |position| position % 3 > 0);
    for metric in Metric::ALL {
        for (mask, min_score) in [(None, None), (Some(&mask), None), (Some(&mask), Some(0.05)), (None, Some(0.05))] {
            let search = Search { metric, top_k: 10, mask, min_score, threads: 1 };
            for kernels in arch::available() {
                let found = batch.top_k_many_on(kernels, &queries, &search).expect("the searches can be made");
                for (found, query) in found.iter().zip(queries.chunks_exact(dimension)) {
                    assert_same(found, &batch.top_k(query, &search).expect("the search can be made"), kernels.name);
                }
            }
        }
    }
}

#[test]
fn rows_whose_codes_lose_much_rank_as_by_the_reference() {
    // One large component takes up the codes, and the order depends on the others. There are enough rows for a first pass.
    let (dimension, count) = (160, 2100);
    let mut rows = noise(dimension * count, 1);
    rows.iter_mut().step_by(dimension).for_each(|x| *x *= 32.0);
    for narrow in [true, false] {
        let (batch, model) = matrix(dimension, &rows, narrow);
        for metric in Metric::ALL {
            for (seed, top_k) in [(2, 1), (3, 3), (4, 10), (5, 10), (6, 40), (7, 10), (8, 5)] {
                let mut query = noise(dimension, seed);
                query[0] = 0.0;
                check(&batch, &model, &query, &Search { metric, top_k, mask: None, min_score: None, threads: 1 });
            }
        }
    }
}

#[test]
fn clusters_rank_as_by_the_reference() {
    // Two bits tell clusters apart, four some of their rows, and neighbours are of the same one. The numbers of rows don't
    // fill their blocks. There are more than a span has, and enough for two bits to be read.
    let (dimension, count) = (257, 17_000);
    let centres = noise(dimension * (count / 100), 1);
    let mut rows = noise(dimension * count, 2);
    for (index, row) in rows.chunks_mut(dimension).enumerate() {
        let centre = &centres[index / 100 * dimension..][..dimension];
        let size = [1.0, 1.5, 0.25][index % 3];
        row.iter_mut().zip(centre).for_each(|(x, centre)| *x = f32_exactly(size * (centre + 0.5 * *x)));
    }
    let (batch, model) = matrix(dimension, &rows, true);
    let masks = [3, 20].map(|every| Mask::from_fn(count, |position| position % every == 0 || position > 16_000));
    for metric in Metric::ALL {
        for (place, top_k) in [(0, 1), (8_000, 10), (16_990, 40), (500, 900)] {
            let query = &rows[place * dimension..][..dimension];
            for mask in [None, Some(&masks[0]), Some(&masks[1])] {
                check(&batch, &model, query, &Search { metric, top_k, mask, min_score: None, threads: 1 });
            }
            let opposite: Vec<f64> = query.iter().map(|x| -x).collect();
            let search = Search { metric, top_k, mask: None, min_score: Some(0.4), threads: 1 };
            check(&batch, &model, query, &search);
            check(&batch, &model, &opposite, &search);
        }
    }
}

#[test]
fn rows_that_differ_by_less_than_the_first_pass_sees_keep_their_order() {
    let dimension = 384;
    let base = noise(dimension, 1);
    for step in [0.0, 1e-13, 1e-8] {
        for narrow in [true, false] {
            let mut rows: Vec<f64> = Vec::new();
            for index in 0..300_u32 {
                let mut row = base.clone();
                row[7] += step * f64::from(index * 7 % 300);
                rows.extend(row.into_iter().map(|x| if narrow { f32_exactly(x) } else { x }));
            }
            let (batch, model) = matrix(dimension, &rows, narrow);
            for metric in Metric::ALL {
                for query in [&base, &noise(dimension, 9)] {
                    check(
                        &batch,
                        &model,
                        query,
                        &Search { metric, top_k: 10, mask: None, min_score: None, threads: 1 },
                    );
                }
            }
        }
    }
}

#[test]
fn writes_are_seen_by_the_next_search() {
    // Panels are written at the second search that scores all rows. A change of the rows must drop them.
    for narrow in [true, false] {
        let (mut batch, mut model) = matrix(40, &noise(40 * 300, 1), narrow);
        let query = noise(40, 2);
        let search_all = |batch: &Batch, model: &Model| {
            for metric in Metric::ALL {
                for top_k in [1, 200] {
                    check(batch, model, &query, &Search { metric, top_k, mask: None, min_score: None, threads: 1 });
                }
            }
        };
        for round in 0..4 {
            search_all(&batch, &model);
            for position in [0, 17, 299] {
                let vector: Vec<f64> =
                    noise(40, position as u64 + round).iter().zip(&query).map(|(x, q)| x + q).collect();
                let vector: Vec<f64> = if narrow { vector.into_iter().map(f32_exactly).collect() } else { vector };
                batch.replace(position, row(position, Some(&vector)));
                model[position] = Some(Some(vector));
            }
            search_all(&batch, &model);
            batch.push(row(model.len(), Some(&query)));
            model.push(Some(Some(query.clone())));
        }
        // A chunk of float32 rows is widened by one of float64.
        batch.replace(5, row(5, Some(&vec![0.1; 40])));
        model[5] = Some(Some(vec![0.1; 40]));
        search_all(&batch, &model);
    }
}

#[test]
fn rows_whose_scores_differ_by_rounding_alone_keep_their_order() {
    // All are permutations of one another, and the query is the same everywhere: in real numbers they tie.
    let dimension = 200;
    let base = noise(dimension, 1);
    let mut order = noise(dimension * 300, 2).into_iter();
    let mut rows = Vec::new();
    for _ in 0..300 {
        let mut row: Vec<(f64, f64)> = base.iter().copied().zip(order.by_ref()).collect();
        row.sort_by(|a, b| a.1.total_cmp(&b.1));
        rows.extend(row.into_iter().map(|(x, _)| x));
    }
    for narrow in [true, false] {
        let (batch, model) = matrix(dimension, &rows, narrow);
        for metric in Metric::ALL {
            for component in [0.1, 1.0, 0.75] {
                let search = Search { metric, top_k: 10, mask: None, min_score: None, threads: 1 };
                check(&batch, &model, &vec![component; dimension], &search);
            }
        }
    }
}

#[test]
fn a_search_that_cannot_be_made_is_an_error() {
    let (batch, _) = matrix(2, &[1.0, 2.0, 3.0, 4.0], true);
    let search = Search { metric: Metric::Cosine, top_k: 1, mask: None, min_score: None, threads: 1 };
    let error = |query: &[f64], search: &Search| batch.top_k(query, search).expect_err("it can't be made").to_string();
    assert_eq!(error(&[1.0], &search), "the query vector has 1 dimensions, the index has 2");
    assert_eq!(error(&[1.0, f64::NAN], &search), "the query vector holds NaN at position 1: expected finite numbers");
    assert_eq!(error(&[0.0, -0.0], &search), "the query vector is zero, which has no cosine");
    assert_eq!(error(&[1.0, 1.0], &Search { top_k: 0, ..search }), "top_k is 0: expected at least 1");
    let mask = Mask::none(3);
    let masked = Search { mask: Some(&mask), ..search };
    assert_eq!(error(&[1.0, 1.0], &masked), "the mask has 3 positions, the batch has 2");
    let many = |queries: &[f64]| batch.top_k_many(queries, &search).expect_err("it can't be made").to_string();
    assert_eq!(many(&[1.0, 1.0, 1.0]), "the query vectors hold 3 numbers, which is not a multiple of the dimension 2");
    assert_eq!(
        many(&[1.0, 1.0, 1.0, f64::INFINITY]),
        "query 1: the query vector holds inf at position 1: expected finite numbers"
    );
    assert_eq!(batch.top_k_many(&[], &search), Ok(Vec::new()));
}
