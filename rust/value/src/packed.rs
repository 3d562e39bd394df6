//! Arrays of plain numbers, kept as floats: an embedding is never a thousand tagged values.

use std::{cmp::Ordering, sync::Arc};

/// Arrays of at least this many float64 values are packed, shorter ones are not, so that two equal arrays always have
/// the same form. Below it, a packed array's header costs more than the tags it saves.
pub const PACKED_MIN_LENGTH: usize = 16;

/// The numbers of an array, as float32 where that loses nothing and as float64 otherwise.
///
/// The form follows from the numbers alone: `-0.0` is a float32, NaN is not, since a cast may change its bits. Cloning
/// shares the numbers.
#[derive(Clone, Debug)]
pub enum Packed {
    /// Every number is a float32 widened, and none is NaN.
    F32(Arc<[f32]>),
    /// Some number needs float64, or is NaN.
    F64(Arc<[f64]>),
}

/// The name of the form in which numbers are sent as bytes.
pub const FLOAT32: &str = "float32";
/// As [`FLOAT32`].
pub const FLOAT64: &str = "float64";

impl Packed {
    /// The numbers in little-endian bytes, with the name of their form.
    #[must_use]
    pub fn to_bytes(&self) -> (&'static str, Vec<u8>) {
        match self {
            Self::F32(numbers) => (FLOAT32, numbers.iter().flat_map(|x| x.to_le_bytes()).collect()),
            Self::F64(numbers) => (FLOAT64, numbers.iter().flat_map(|x| x.to_le_bytes()).collect()),
        }
    }

    /// The numbers of bytes of a form; none where there is no such form, or the bytes end within a number.
    #[must_use]
    pub fn from_bytes(form: &str, bytes: &[u8]) -> Option<Self> {
        match form {
            FLOAT32 => {
                let (numbers, rest) = bytes.as_chunks();
                let numbers = || numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
                rest.is_empty().then(|| Self::of_f32(numbers()))
            }
            FLOAT64 => {
                let (numbers, rest) = bytes.as_chunks();
                let numbers: Vec<f64> = numbers.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect();
                rest.is_empty().then(|| Self::from_f64(&numbers))
            }
            _ => None,
        }
    }

    /// Packs float32 numbers, as they are unless there is a NaN among them.
    #[must_use]
    pub fn from_f32(numbers: &[f32]) -> Self {
        Self::of_f32(numbers.into())
    }

    fn of_f32(numbers: Arc<[f32]>) -> Self {
        // Without an early end, so that the loop becomes one over vectors.
        if numbers.iter().fold(false, |any, x| any | x.is_nan()) {
            return Self::from_f64(&numbers.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
        }
        Self::F32(numbers)
    }

    /// Packs float64 numbers, as float32 if each survives the way there and back.
    #[must_use]
    pub fn from_f64(numbers: &[f64]) -> Self {
        if numbers.iter().all(|&x| is_float32(x)) {
            Self::F32(numbers.iter().map(|&x| narrow(x)).collect())
        } else {
            Self::F64(numbers.into())
        }
    }

    /// How many numbers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(numbers) => numbers.len(),
            Self::F64(numbers) => numbers.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number at a position, if there is one.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<f64> {
        match self {
            Self::F32(numbers) => numbers.get(position).map(|&x| f64::from(x)),
            Self::F64(numbers) => numbers.get(position).copied(),
        }
    }

    /// Compares number by number, by IEEE total order.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let differing = self.iter().zip(other.iter()).map(|(a, b)| a.total_cmp(&b)).find(|ordering| ordering.is_ne());
        differing.unwrap_or_else(|| self.len().cmp(&other.len()))
    }

    /// The numbers in order, widened.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = f64> + '_ {
        (0..self.len()).map(|position| self.get(position).expect("position is below the length"))
    }
}

/// Whether a number is a float32 widened. NaN is unequal to itself, and so is not.
#[expect(clippy::float_cmp, reason = "exactly equal is the question")]
fn is_float32(x: f64) -> bool {
    f64::from(narrow(x)) == x
}

#[expect(clippy::cast_possible_truncation, reason = "callers ask whether anything was lost")]
fn narrow(x: f64) -> f32 {
    x as f32
}
