//! A batch in the order of keys has the same rows as a map.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use scan::{Row, SortedBatch};
use value::{Packed, Value};

#[derive(Clone, Debug)]
enum Step {
    Set(u16, f64),
    Extend(Vec<u16>),
    Remove(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..40_u16, 1..9_i32).prop_map(|(key, number)| Step::Set(key, f64::from(number))),
        prop::collection::vec(0..80_u16, 0..6).prop_map(Step::Extend),
        (0..40_u16).prop_map(Step::Remove),
    ]
}

fn row(key: u16, number: f64) -> Row {
    let vector = Some(Packed::from_f64(&[number, f64::from(key)]));
    Row { id: key.to_string().into(), vector, metadata: Arc::new(Value::from([])) }
}

proptest! {
    #[test]
    fn rows_are_those_of_a_map_in_its_order(steps in prop::collection::vec(step(), 0..60)) {
        let (mut sorted, mut map) = (SortedBatch::new(2), BTreeMap::new());
        for step in steps {
            let before: Vec<_> = sorted.batch().live().map(|position| sorted.batch().id(position)).collect();
            let kept = Arc::clone(sorted.batch());
            match step {
                Step::Set(key, number) => {
                    sorted.set(key, row(key, number));
                    map.insert(key, number);
                }
                Step::Extend(keys) => {
                    sorted.extend(keys.iter().map(|&key| (key, row(key, 0.5))).collect());
                    map.extend(keys.into_iter().map(|key| (key, 0.5)));
                }
                Step::Remove(key) => {
                    sorted.remove(&key);
                    map.remove(&key);
                }
            }
            let batch = sorted.batch();
            let numbers = |row: Row| row.vector.map(|vector| vector.iter().collect::<Vec<_>>());
            let found: Vec<_> = batch.live().map(|position| numbers(batch.row(position))).collect();
            let expected: Vec<_> = map.iter().map(|(&key, &number)| numbers(row(key, number))).collect();
            prop_assert_eq!(found, expected);
            let after: Vec<_> = kept.live().map(|position| kept.id(position)).collect();
            prop_assert_eq!(before, after, "a reader keeps what it got");
            prop_assert!(!map.is_empty() || batch.positions() == 0, "no rows take no place");
        }
    }
}

#[test]
fn removed_rows_dont_pile_up() {
    let mut sorted = SortedBatch::new(2);
    for key in 0..5000 {
        sorted.set(key, row(key, 1.0));
        if key >= 10 {
            sorted.remove(&(key - 10));
        }
        assert!(sorted.batch().positions() <= 2 * sorted.batch().len() + 1025);
    }
    let ids: Vec<_> = sorted.batch().live().map(|position| sorted.batch().id(position).to_string()).collect();
    assert_eq!(ids, (4990..5000).map(|key| key.to_string()).collect::<Vec<_>>());
}
