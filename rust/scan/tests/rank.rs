//! The search finds what the naive reference finds: the same rows, in the same order, with the same score bits.

use std::sync::Arc;

use proptest::{prelude::*, sample::select, test_runner::RngSeed};
use scan::{Batch, Mask, Metric, Row, Search, SearchError, TopK, arch, naive};
use value::{Packed, Value};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() }
}

/// A row of the model: what was handed in, or nothing where it was removed.
type Model = Vec<Option<Option<Vec<f64>>>>;

/// What the reference says, over rows in stored order.
fn expected(rows: &Model, query: &[f64], search: &Search) -> TopK {
    let admitted = |position: &usize| search.mask.is_none_or(|mask| mask.contains(*position));
    let positions: Vec<usize> = (0..rows.len()).filter(|&position| rows[position].is_some()).filter(admitted).collect();
    let no_vector: &[f64] = &[f64::NAN];
    let ranked = naive::rank(
        search.metric,
        query,
        positions.iter().map(|&position| rows[position].as_ref().and_then(Option::as_deref).unwrap_or(no_vector)),
    );
    let skipped = positions.len() - ranked.len();
    let wanted = ranked.into_iter().filter(|&(_, score)| search.min_score.is_none_or(|min_score| score >= min_score));
    let (rows, scores) = wanted.take(search.top_k).map(|(place, score)| (positions[place], score)).unzip();
    TopK { rows, scores, skipped }
}

fn assert_same(found: &TopK, expected: &TopK, context: &str) {
    let bits = |top_k: &TopK| top_k.scores.iter().map(|score| score.to_bits()).collect::<Vec<_>>();
    assert_eq!(found.rows, expected.rows, "{context}: {:?} {:?}", found.scores, expected.scores);
    assert_eq!(bits(found), bits(expected), "{context}");
    assert_eq!(found.skipped, expected.skipped, "{context}");
}

/// Holds every set of kernels to the reference.
fn check(batch: &Batch, rows: &Model, query: &[f64], search: &Search) {
    if search.metric == Metric::Cosine && query.iter().fold(0.0, |sum, x| sum + x * x) == 0.0 {
        assert_eq!(batch.top_k(query, search), Err(SearchError::ZeroQuery));
        return;
    }
    let expected = expected(rows, query, search);
    for kernels in arch::available() {
        let found = batch.top_k_on(kernels, query, search).expect("the search can be made");
        assert_same(&found, &expected, &format!("{} {search:?}", kernels.name));
        // Several queries are taken together, the last ones by themselves.
        if !query.is_empty() {
            let found = batch.top_k_many_on(kernels, &query.repeat(5), search).expect("the searches can be made");
            assert_eq!(found.len(), 5);
            let context = format!("one of many {} {search:?}", kernels.name);
            found.iter().for_each(|found| assert_same(found, &expected, &context));
        }
    }
    assert_same(&batch.top_k(query, search).expect("the search can be made"), &expected, "the default");
}

fn row(position: usize, vector: Option<&[f64]>) -> Row {
    Row { id: position.to_string().into(), vector: vector.map(Packed::from_f64), metadata: Arc::new(Value::Null) }
}

fn pushed(dimension: usize, rows: &Model) -> Batch {
    let mut batch = Batch::new(dimension);
    for (position, vector) in rows.iter().enumerate() {
        batch.push(row(position, vector.as_ref().and_then(Option::as_deref)));
        if vector.is_none() {
            batch.remove(position);
        }
    }
    batch
}

/// A batch over a matrix, in which a row that has no vector is NaN.
fn borrowed(dimension: usize, rows: &Model) -> Batch {
    let nothing = vec![f64::NAN; dimension];
    let matrix: Vec<f64> = rows
        .iter()
        .flat_map(|row| row.as_ref().and_then(Option::as_ref).filter(|row| row.len() == dimension).unwrap_or(&nothing))
        .copied()
        .collect();
    let narrow = Packed::from_f64(&matrix.iter().copied().filter(|x| !x.is_nan()).collect::<Vec<_>>());
    let ids = Some(vec!["id".into(); rows.len()]);
    let batch = if let Packed::F32(_) = narrow {
        #[expect(clippy::cast_possible_truncation, reason = "the numbers are float32")]
        let matrix: Vec<f32> = matrix.into_iter().map(|x| x as f32).collect();
        Batch::from_matrix(dimension, Arc::new(matrix), ids, None)
    } else {
        Batch::from_matrix(dimension, Arc::new(matrix), ids, None)
    };
    let mut batch = batch.expect("whole rows");
    for position in (0..rows.len()).filter(|&position| dimension == 0 || rows[position].is_none()) {
        match &rows[position] {
            None => batch.remove(position),
            // Rows of no numbers can't be NaN.
            Some(vector) => batch.replace(position, row(position, vector.as_deref())),
        }
    }
    batch
}

fn f32_exactly(x: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "a float32 is wanted")]
    f64::from(x as f32)
}

/// Numbers as embeddings have them, float32 more often than not.
fn ordinary() -> impl Strategy<Value = f64> {
    prop_oneof![3 => (-1.0..1.0).prop_map(f32_exactly), 1 => -1.0..1.0]
}

/// Numbers that break what isn't careful.
fn awkward() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => ordinary(),
        2 => select(vec![0.0, -0.0, 1.0, -1.0, 0.5, 2.0]),
        1 => select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
        1 => select(vec![5e-324, -5e-324, 1e-310, f64::from(f32::MIN_POSITIVE), 1e-45, 1e-30, -1e-20]),
        1 => select(vec![1e200, -1e200, 1e155, 1e19, 3e38, -3.4e38, 1e30, 1e18]),
    ]
}

fn dimensions() -> impl Strategy<Value = usize> {
    prop_oneof![1_usize..=40, 32_usize..=80, select(vec![0, 1, 15, 16, 17, 31, 32, 33, 64, 100])]
}

/// How a row relates to a base row of its batch.
#[derive(Clone, Copy, Debug)]
enum Kin {
    Copy,
    Scaled(f64),
    Negated,
    /// One component differs by very little.
    Near(f64),
    Zero,
    Missing,
    Short,
    Own,
}

fn kin() -> impl Strategy<Value = Kin> {
    prop_oneof![
        3 => Just(Kin::Own),
        2 => Just(Kin::Copy),
        1 => select(vec![2.0, 3.0, 0.1, -1.0, 1e-12, 1e-25, 1e-39, 1e19, 1e25, 1e-160, 1e160]).prop_map(Kin::Scaled),
        1 => Just(Kin::Negated),
        3 => select(vec![1e-13, -1e-13, 1e-7, -3e-8, 1e-16]).prop_map(Kin::Near),
        1 => Just(Kin::Zero),
        1 => Just(Kin::Missing),
        1 => Just(Kin::Short),
    ]
}

fn related(kin: Kin, base: &[f64], own: Vec<f64>) -> Option<Vec<f64>> {
    let map = |change: &dyn Fn(f64) -> f64| Some(base.iter().map(|&x| change(x)).collect());
    match kin {
        Kin::Own => Some(own),
        Kin::Copy => Some(base.to_vec()),
        Kin::Scaled(by) => map(&|x| x * by),
        Kin::Negated => map(&|x| -x),
        Kin::Near(by) => {
            let mut near = base.to_vec();
            if let Some(first) = near.first_mut() {
                *first += by;
            }
            Some(near)
        }
        Kin::Zero => map(&|_| 0.0),
        Kin::Missing => None,
        Kin::Short => Some(own[..own.len().saturating_sub(1)].to_vec()).filter(|short| short.len() != own.len()),
    }
}

#[derive(Debug)]
struct Case {
    dimension: usize,
    rows: Model,
    query: Vec<f64>,
    metric: Metric,
    top_k: usize,
    mask: Option<Vec<bool>>,
    min_score: Option<f64>,
}

fn case(number: BoxedStrategy<f64>) -> impl Strategy<Value = Case> {
    (dimensions(), prop_oneof![0_usize..12, 0_usize..150]).prop_flat_map(move |(dimension, count)| {
        let vector = || prop::collection::vec(number.clone(), dimension);
        let row = (kin(), vector(), prop::bool::weighted(0.9)).prop_map(|(kin, own, live)| (kin, own, live));
        (
            prop::collection::vec(row, count),
            vector(),
            prop::collection::vec(number.clone().prop_filter("queries are finite", |x| x.is_finite()), dimension),
            prop::bool::weighted(0.3),
            select(Metric::ALL.to_vec()),
            prop_oneof![1_usize..6, 1_usize..200],
            prop::option::of(prop::collection::vec(any::<bool>(), count)),
            prop::option::weighted(0.3, select(vec![0.0, 0.5, -0.5, 1.0, 0.9, f64::NAN, f64::NEG_INFINITY, 1e10])),
        )
            .prop_map(move |(rows, base, query, base_is_query, metric, top_k, mask, min_score)| {
                let rows: Model =
                    rows.into_iter().map(|(kin, own, live)| live.then(|| related(kin, &base, own))).collect();
                let query = if base_is_query && base.iter().all(|x| x.is_finite()) { base } else { query };
                Case { dimension, rows, query, metric, top_k, mask, min_score }
            })
    })
}

fn check_case(case: &Case) {
    let Case { dimension, rows, query, metric, top_k, mask, min_score } = case;
    let mask = mask.as_ref().map(|mask| Mask::from_bools(mask));
    let search = Search { metric: *metric, top_k: *top_k, mask: mask.as_ref(), min_score: *min_score, threads: 1 };
    check(&pushed(*dimension, rows), rows, query, &search);
    check(&borrowed(*dimension, rows), rows, query, &search);
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn ordinary_rows_rank_as_by_the_reference(case in case(ordinary().boxed())) {
        check_case(&case);
    }

    #[test]
    fn float32_rows_rank_as_by_the_reference(case in case(ordinary().prop_map(f32_exactly).boxed())) {
        check_case(&case);
    }

    #[test]
    fn awkward_rows_rank_as_by_the_reference(case in case(awkward().boxed())) {
        check_case(&case);
    }

    #[test]
    fn awkward_float32_rows_rank_as_by_the_reference(case in case(awkward().prop_map(f32_exactly).boxed())) {
        check_case(&case);
    }
}

/// Numbers between -1 and 1 with 24 bits, the same ones every time.
fn noise(len: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let bits = u32::try_from((mixed ^ (mixed >> 27)) >> 40).expect("24 bits");
            f64::from(bits) / f64::from(1 << 23) - 1.0
        })
        .collect()
}

fn matrix(dimension: usize, rows: &[f64], narrow: bool) -> (Batch, Model) {
    let model = rows.chunks_exact(dimension).map(|row| Some(Some(row.to_vec()))).collect();
    #[expect(clippy::cast_possible_truncation, reason = "the numbers are float32")]
    let batch = if narrow {
        Batch::from_matrix(dimension, Arc::new(rows.iter().map(|&x| x as f32).collect::<Vec<_>>()), None, None)
    } else {
        Batch::from_matrix(dimension, Arc::new(rows.to_vec()), None, None)
    };
    (batch.expect("whole rows"), model)
}

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
    // Panels are written at the second search that scores all rows; what was written must not outlive a change.
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
fn every_number_of_threads_finds_the_same() {
    // 24 MiB: enough for three threads.
    let (dimension, count) = (3072, 2100);
    let (batch, _) = matrix(dimension, &noise(dimension * count, 1), true);
    let queries = noise(dimension * 2, 2);
    let mask = Mask::from_fn(count, |position| position % 3 != 0);
    let search = Search { metric: Metric::Cosine, top_k: 20, mask: Some(&mask), min_score: None, threads: 1 };
    let alone: Vec<TopK> =
        queries.chunks(dimension).map(|query| batch.top_k(query, &search).expect("the search can be made")).collect();
    for threads in [0, 2, 3, 7] {
        let search = Search { threads, ..search };
        assert_eq!(batch.top_k(&queries[..dimension], &search).as_ref(), Ok(&alone[0]));
        assert_eq!(batch.top_k_many(&queries, &search).as_ref(), Ok(&alone));
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

/// The dimension of batches that things happen to: one whose rows have codes.
const WIDTH: usize = 33;

/// What can happen to a batch.
#[derive(Clone, Debug)]
enum Step {
    Push(Option<Vec<f64>>),
    Replace(prop::sample::Index, Option<Vec<f64>>),
    Remove(prop::sample::Index),
    Compact,
    Snapshot,
}

fn step() -> impl Strategy<Value = Step> {
    let vector = || {
        prop_oneof![
            4 => prop::collection::vec(ordinary().prop_map(f32_exactly), WIDTH).prop_map(Some),
            1 => prop::collection::vec(awkward(), WIDTH).prop_map(Some),
            1 => prop::option::of(prop::collection::vec(ordinary(), 0..5)),
        ]
    };
    prop_oneof![
        8 => vector().prop_map(Step::Push),
        3 => (any::<prop::sample::Index>(), vector()).prop_map(|(at, vector)| Step::Replace(at, vector)),
        3 => any::<prop::sample::Index>().prop_map(Step::Remove),
        1 => Just(Step::Compact),
        1 => Just(Step::Snapshot),
    ]
}

/// Compares all that a batch shows with the model.
fn assert_holds(batch: &Batch, model: &[Option<Row>]) {
    assert_eq!(batch.positions(), model.len());
    let live: Vec<usize> = (0..model.len()).filter(|&position| model[position].is_some()).collect();
    assert_eq!(batch.len(), live.len());
    assert_eq!(batch.live().collect::<Vec<_>>(), live);
    for (position, row) in model.iter().enumerate() {
        let Some(row) = row else { continue };
        assert_eq!(batch.id(position), row.id);
        assert_eq!(batch.metadata(position), row.metadata);
        let bits = |vector: Option<Packed>| {
            vector.map(|vector| (matches!(vector, Packed::F32(_)), vector.iter().map(f64::to_bits).collect::<Vec<_>>()))
        };
        assert_eq!(bits(batch.vector(position)), bits(row.vector.clone()), "a vector comes back bit for bit");
    }
    let rows: Model = model
        .iter()
        .map(|row| row.as_ref().map(|row| row.vector.as_ref().map(|vector| vector.iter().collect())))
        .collect();
    let search = Search { metric: Metric::Cosine, top_k: 5, mask: None, min_score: None, threads: 1 };
    check(batch, &rows, &noise(WIDTH, 3), &search);
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn a_batch_holds_what_was_done_to_it(steps in prop::collection::vec(step(), 1..200), at_once in 0_usize..2000) {
        // Enough rows first for several chunks.
        let mut batch = Batch::new(WIDTH);
        let mut model: Vec<Option<Row>> = Vec::new();
        let mut snapshots = Vec::new();
        let first = (0..at_once).map(|_| Step::Push(Some(noise(WIDTH, 5))));
        for (number, step) in first.chain(steps).enumerate() {
            let made = |vector: &Option<Vec<f64>>| Row {
                id: format!("row {number}").into(),
                vector: vector.as_deref().map(Packed::from_f64),
                metadata: Arc::new(Value::from([("number", Value::from(number.to_string()))])),
            };
            match step {
                Step::Push(vector) => {
                    batch.push(made(&vector));
                    model.push(Some(made(&vector)));
                }
                Step::Replace(at, vector) if !model.is_empty() => {
                    let position = at.index(model.len());
                    batch.replace(position, made(&vector));
                    model[position] = Some(made(&vector));
                }
                Step::Remove(at) if !model.is_empty() => {
                    let position = at.index(model.len());
                    batch.remove(position);
                    model[position] = None;
                }
                Step::Compact => {
                    batch.compact();
                    model.retain(Option::is_some);
                }
                Step::Snapshot if snapshots.len() < 3 => snapshots.push((batch.clone(), model.clone())),
                _ => {}
            }
        }
        assert_holds(&batch, &model);
        for (batch, model) in snapshots {
            assert_holds(&batch, &model);
        }
    }
}

#[test]
fn a_borrowed_matrix_is_left_alone_by_writes() {
    let (mut batch, mut model) = matrix(3, &noise(3 * 1500, 1), true);
    let snapshot = batch.clone();
    let original = model.clone();
    assert_eq!((&*batch.id(1499), batch.metadata(3)), ("1499", Arc::new(Value::from([]))));
    for position in [0, 700, 1499] {
        batch.replace(position, row(position, Some(&[0.1, 0.2, 0.3])));
        model[position] = Some(Some(vec![0.1, 0.2, 0.3]));
    }
    batch.remove(2);
    model[2] = None;
    let search = Search { metric: Metric::Euclidean, top_k: 1200, mask: None, min_score: None, threads: 1 };
    check(&batch, &model, &[0.5, 0.5, 0.5], &search);
    check(&snapshot, &original, &[0.5, 0.5, 0.5], &search);
    batch.compact();
    assert_eq!((&*batch.id(2), batch.positions()), ("3", 1499), "a row keeps its id when its position changes");
}

#[test]
fn a_matrix_must_fit_its_ids_and_metadata() {
    let matrix = || Arc::new(vec![0.0_f32; 6]);
    let error = |result: Result<Batch, scan::BatchError>| result.expect_err("it doesn't fit").to_string();
    assert_eq!(error(Batch::from_matrix(4, matrix(), None, None)), "6 numbers don't make rows of 4");
    let ids = Some(vec!["a".into(), "b".into(), "c".into()]);
    assert_eq!(error(Batch::from_matrix(3, matrix(), ids, None)), "ids length (3) must match vectors length (2)");
    let metadata = Some(vec![Arc::new(Value::Null)]);
    assert_eq!(
        error(Batch::from_matrix(3, matrix(), None, metadata)),
        "metadata length (1) must match vectors length (2)"
    );
    assert_eq!(Batch::from_matrix(0, Arc::new(Vec::<f32>::new()), None, None).expect("no rows").len(), 0);
}

#[test]
fn a_search_that_cannot_be_made_is_an_error() {
    let (batch, _) = matrix(2, &[1.0, 2.0, 3.0, 4.0], true);
    let search = Search { metric: Metric::Cosine, top_k: 1, mask: None, min_score: None, threads: 1 };
    let error = |query: &[f64], search: &Search| batch.top_k(query, search).expect_err("it can't be made").to_string();
    assert_eq!(error(&[1.0], &search), "the query vector has 1 dimensions, the index has 2");
    assert_eq!(error(&[1.0, f64::NAN], &search), "the query vector holds NaN at position 1: expected finite numbers");
    assert_eq!(error(&[0.0, -0.0], &search), "the query vector is zero, which has no cosine with anything");
    assert_eq!(error(&[1.0, 1.0], &Search { top_k: 0, ..search }), "top_k is 0: expected at least 1");
    let mask = Mask::none(3);
    let masked = Search { mask: Some(&mask), ..search };
    assert_eq!(error(&[1.0, 1.0], &masked), "the mask has 3 positions, the batch has 2");
    let many = |queries: &[f64]| batch.top_k_many(queries, &search).expect_err("it can't be made").to_string();
    assert_eq!(many(&[1.0, 1.0, 1.0]), "3 numbers don't make query vectors of 2 dimensions");
    assert_eq!(
        many(&[1.0, 1.0, 1.0, f64::INFINITY]),
        "query 1: the query vector holds inf at position 1: expected finite numbers"
    );
    assert_eq!(batch.top_k_many(&[], &search), Ok(Vec::new()));
}
