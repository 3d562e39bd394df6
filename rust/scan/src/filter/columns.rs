//! Columns: the values of a field in the metadata of consecutive rows, found once for all filters that name the field.
//!
//! A test on a field then reads numbers beside one another, or runs once for each value that occurs, instead of looking
//! for the field in one object after the other.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use value::Value;

use super::test::{Order, Test, find};
use crate::{
    batch::no_metadata,
    mask::{bits, gathered},
};

const WORD: usize = u64::BITS as usize;

/// The columns of some rows, made when a filter first names them. A write to the rows drops them.
#[derive(Default)]
pub(crate) struct Columns(RwLock<Vec<(String, Column)>>);

/// Rows that are copied are about to be written to.
impl Clone for Columns {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Columns {
    /// Leaves of the rows that are admitted, 64 a word, those whose metadata passes a test.
    pub(super) fn narrow(&self, test: &Test, metadata: &[Option<Arc<Value>>], admitted: &mut [u64]) {
        match test {
            Test::Always => {}
            Test::Never => admitted.fill(0),
            Test::All(tests) => {
                for test in tests {
                    if admitted.iter().all(|&word| word == 0) {
                        return;
                    }
                    self.narrow(test, metadata, admitted);
                }
            }
            Test::Any(tests) => any(tests, admitted, |test, admitted| self.narrow(test, metadata, admitted)),
            Test::Not(test) => none(admitted, |admitted| self.narrow(test, metadata, admitted)),
            Test::Field(name, test) => self.with(name, metadata, |column| column.narrow(test, admitted)),
            test => {
                let empty = no_metadata();
                retain(admitted, |row| test.holds(Some(metadata[row].as_ref().unwrap_or(&empty))));
            }
        }
    }

    /// Reads a column, which is made if it isn't there yet.
    fn with(&self, name: &str, metadata: &[Option<Arc<Value>>], look: impl FnOnce(&Column)) {
        let of_name = |columns: &[(String, Column)]| columns.iter().position(|(other, _)| other == name);
        let columns = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = of_name(&columns) {
            return look(&columns[place].1);
        }
        drop(columns);
        let column = Column::of(
            &metadata.iter().map(|metadata| find(metadata.as_deref()?.as_object()?, name)).collect::<Vec<_>>(),
        );
        look(&column);
        let mut columns = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have made it meanwhile.
        if of_name(&columns).is_none() {
            columns.push((name.to_owned(), column));
        }
    }
}

enum Column {
    /// Numbers that float64 holds exactly; where there is none, the row lacks the field.
    Numbers { numbers: Vec<f64>, present: Vec<u64> },
    /// Any values: those that occur, and which of these each row has.
    Values { values: Vec<Option<Value>>, places: Vec<u16> },
}

impl Column {
    fn of(rows: &[Option<&Value>]) -> Self {
        if rows.iter().flatten().all(|value| number(value).is_some()) {
            let mut present = vec![0; rows.len().div_ceil(WORD)];
            let numbers = rows.iter().enumerate().map(|(row, value)| {
                present[row / WORD] |= u64::from(value.is_some()) << (row % WORD);
                value.and_then(number).unwrap_or_default()
            });
            return Self::Numbers { numbers: numbers.collect(), present };
        }
        let mut known = BTreeMap::new();
        let mut values = Vec::new();
        let places = rows.iter().map(|&value| {
            *known.entry(value).or_insert_with(|| {
                values.push(value.cloned());
                u16::try_from(values.len() - 1).expect("a chunk has at most 1024 rows")
            })
        });
        Self::Values { places: places.collect(), values }
    }

    /// Leaves of the rows that are admitted those whose value passes a test.
    fn narrow(&self, test: &Test, admitted: &mut [u64]) {
        let (numbers, present) = match self {
            Self::Numbers { numbers, present } => (numbers, present),
            Self::Values { values, places } => {
                let passes: Vec<u8> = values.iter().map(|value| u8::from(test.holds(value.as_ref()))).collect();
                return retain_flagged(admitted, places, |&place| passes[usize::from(place)]);
            }
        };
        match test {
            Test::All(tests) => tests.iter().for_each(|test| self.narrow(test, admitted)),
            Test::Any(tests) => any(tests, admitted, |test, admitted| self.narrow(test, admitted)),
            Test::Not(test) => none(admitted, |admitted| self.narrow(test, admitted)),
            test => {
                // A missing number may pass or not, but all alike.
                let missing = if test.holds(None) { u64::MAX } else { 0 };
                let without: Vec<u64> =
                    admitted.iter().zip(present).map(|(admitted, present)| admitted & !present & missing).collect();
                admitted.iter_mut().zip(present).for_each(|(admitted, present)| *admitted &= present);
                match comparison(test) {
                    #[expect(clippy::float_cmp, reason = "equality is what is asked for")]
                    Some((None, y)) => retain_flagged(admitted, numbers, |&x| u8::from(x == y)),
                    Some((Some(Order::Greater), y)) => retain_flagged(admitted, numbers, |&x| u8::from(x > y)),
                    Some((Some(Order::GreaterOrEqual), y)) => retain_flagged(admitted, numbers, |&x| u8::from(x >= y)),
                    Some((Some(Order::Less), y)) => retain_flagged(admitted, numbers, |&x| u8::from(x < y)),
                    Some((Some(Order::LessOrEqual), y)) => retain_flagged(admitted, numbers, |&x| u8::from(x <= y)),
                    None => retain(admitted, |row| test.holds(Some(&Value::Float64(numbers[row])))),
                }
                admitted.iter_mut().zip(without).for_each(|(admitted, without)| *admitted |= without);
            }
        }
    }
}

/// A number as float64, if that holds it exactly: then comparing it is comparing the number.
fn number(value: &Value) -> Option<f64> {
    const EXACT: i64 = 1 << f64::MANTISSA_DIGITS;
    match value {
        Value::Float64(x) => Some(*x),
        #[expect(clippy::cast_precision_loss, reason = "it is in the range without any")]
        Value::Int64(x) if (-EXACT..=EXACT).contains(x) => Some(*x as f64),
        _ => None,
    }
}

/// A test that compares numbers: in which order, or for equality, and with which.
fn comparison(test: &Test) -> Option<(Option<Order>, f64)> {
    match test {
        Test::Equals(operand) => Some((None, number(operand)?)),
        Test::Ordered(order, operand) => Some((Some(*order), number(operand)?)),
        _ => None,
    }
}

/// Leaves those that one of the tests would leave.
fn any(tests: &[Test], admitted: &mut [u64], narrow: impl Fn(&Test, &mut [u64])) {
    let mut passed = vec![0; admitted.len()];
    for test in tests {
        let mut left: Vec<u64> = admitted.iter().zip(&passed).map(|(admitted, passed)| admitted & !passed).collect();
        narrow(test, &mut left);
        passed.iter_mut().zip(left).for_each(|(passed, left)| *passed |= left);
    }
    admitted.copy_from_slice(&passed);
}

/// Leaves those that a test wouldn't.
fn none(admitted: &mut [u64], narrow: impl Fn(&mut [u64])) {
    let mut left = admitted.to_vec();
    narrow(&mut left);
    admitted.iter_mut().zip(left).for_each(|(admitted, left)| *admitted &= !left);
}

/// Leaves those for which a test holds.
fn retain(admitted: &mut [u64], holds: impl Fn(usize) -> bool) {
    for (index, word) in admitted.iter_mut().enumerate() {
        for bit in bits(*word) {
            *word &= !(u64::from(!holds(index * WORD + bit)) << bit);
        }
    }
}

/// Leaves those whose item has the flag 1, not 0. Where a word admits any row, all of its rows are looked at: that takes
/// no branches.
fn retain_flagged<T>(admitted: &mut [u64], items: &[T], flag: impl Fn(&T) -> u8) {
    for (word, items) in admitted.iter_mut().zip(items.chunks(WORD)).filter(|(word, _)| **word != 0) {
        let mut flags = [0; WORD];
        for (slot, item) in flags.iter_mut().zip(items) {
            *slot = flag(item);
        }
        *word &= gathered(&flags);
    }
}
