//! A batch has the rows that operations leave in it, and ranks them.

use std::sync::Arc;

use proptest::prelude::*;
use scan::{Batch, Metric, Row, Search};
use value::{Packed, Value};

use crate::{
    model::{Model, check, matrix, row},
    numbers::{awkward, config, f32_exactly, noise, ordinary},
};

/// The dimension of the batches under test, which is large enough for codes.
const WIDTH: usize = 33;

/// An operation on a batch.
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
    assert_eq!(
        error(Batch::from_matrix(4, matrix(), None, None)),
        "the vectors hold 6 numbers, which is not a multiple of the dimension 4"
    );
    let ids = Some(vec!["a".into(), "b".into(), "c".into()]);
    assert_eq!(error(Batch::from_matrix(3, matrix(), ids, None)), "ids length (3) must match vectors length (2)");
    let metadata = Some(vec![Arc::new(Value::Null)]);
    assert_eq!(
        error(Batch::from_matrix(3, matrix(), None, metadata)),
        "metadata length (1) must match vectors length (2)"
    );
    assert_eq!(Batch::from_matrix(0, Arc::new(Vec::<f32>::new()), None, None).expect("no rows").len(), 0);
}
