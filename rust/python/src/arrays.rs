//! Vectors from Python. NumPy arrays that are laid out as rows aren't copied; anything else is converted by NumPy.

use std::sync::Arc;

use numpy::{PyArray1, PyArray2, PyArrayDescrMethods, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use scan::{Matrix, Values};
use value::Packed;

use crate::error::{Exception, invalid_argument};

/// Rows of numbers, alive as long as the array that holds them.
enum BorrowedMatrix {
    F32(&'static [f32], #[expect(dead_code, reason = "keeps the numbers alive")] Py<PyArray2<f32>>),
    F64(&'static [f64], #[expect(dead_code, reason = "keeps the numbers alive")] Py<PyArray2<f64>>),
}

impl Matrix for BorrowedMatrix {
    fn values(&self) -> Values<'_> {
        match self {
            Self::F32(numbers, _) => Values::F32(numbers),
            Self::F64(numbers, _) => Values::F64(numbers),
        }
    }
}

/// A matrix of vectors, and their dimension. Borrowed from a C-contiguous float32 or float64 array, else copied.
pub(crate) fn matrix(vectors: &Bound<'_, PyAny>) -> PyResult<(Arc<dyn Matrix>, usize)> {
    let py = vectors.py();
    check_numbers(vectors, "vectors")?;
    let array = float_array(vectors, "vectors")?;
    let shape = array.shape().to_vec();
    let [rows, dimension] = shape[..] else {
        let expected = "expected a matrix with one row per vector";
        return Err(invalid_argument(py, format!("vectors: shape {shape:?}; {expected}")));
    };
    if dimension == 0 && rows > 0 {
        return Err(Exception::new("DimensionMismatchError", "vectors: rows of 0 numbers").into_err(py));
    }
    let borrowed = if let Ok(array) = array.cast::<PyArray2<f32>>() {
        BorrowedMatrix::F32(forever(array.readonly().as_slice()?), array.clone().unbind())
    } else {
        let array = array.cast::<PyArray2<f64>>()?;
        BorrowedMatrix::F64(forever(array.readonly().as_slice()?), array.clone().unbind())
    };
    Ok((Arc::new(borrowed), dimension))
}

/// A vector's numbers, widened.
pub(crate) fn vector(vector: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<f64>> {
    check_numbers(vector, name)?;
    if let Some(numbers) = widened(vector) {
        return Ok(numbers);
    }
    let array = float_array(vector, name)?;
    widened(array.as_any()).ok_or_else(|| {
        let shape = array.shape();
        invalid_argument(vector.py(), format!("{name}: shape {shape:?}; expected one vector, a list of numbers"))
    })
}

/// Several vectors' numbers row by row, widened, and how many each has.
pub(crate) fn vectors(vectors: &Bound<'_, PyAny>, name: &str) -> PyResult<(Vec<f64>, usize)> {
    check_numbers(vectors, name)?;
    let array = float_array(vectors, name)?;
    let shape = array.shape().to_vec();
    if shape == [0] {
        return Ok((Vec::new(), 0));
    }
    let [_, dimension] = shape[..] else {
        let expected = "expected a matrix with one row per vector";
        return Err(invalid_argument(vectors.py(), format!("{name}: shape {shape:?}; {expected}")));
    };
    let flat = array.call_method1("reshape", (-1,))?;
    Ok((widened(&flat).unwrap_or_default(), dimension))
}

/// The row and the column of the first number of a C-contiguous matrix that isn't finite.
#[pyfunction]
pub(crate) fn first_not_finite(matrix: &Bound<'_, PyUntypedArray>) -> PyResult<Option<(usize, usize)>> {
    let position = if let Ok(matrix) = matrix.cast::<PyArray2<f32>>() {
        position(matrix.readonly().as_slice()?, |number| !number.is_finite())
    } else {
        position(matrix.cast::<PyArray2<f64>>()?.readonly().as_slice()?, |number| !number.is_finite())
    };
    let dimension = matrix.shape()[1];
    Ok(position.map(|position| (position / dimension, position % dimension)))
}

/// Where the first number is for which something holds. Whether it holds for any of a part takes no branch for each.
fn position<T: Copy>(numbers: &[T], holds: impl Fn(T) -> bool) -> Option<usize> {
    const PART: usize = 256;
    let has_one = |part: &[T]| part.iter().fold(false, |found, &number| found | holds(number));
    let part = numbers.chunks(PART).position(has_one)?;
    (part * PART..numbers.len()).find(|&position| holds(numbers[position]))
}

/// A NumPy array of a row's numbers.
pub(crate) fn to_numpy<'py>(py: Python<'py>, numbers: &Packed) -> Bound<'py, PyAny> {
    match numbers {
        Packed::F32(numbers) => PyArray1::from_slice(py, numbers).into_any(),
        Packed::F64(numbers) => PyArray1::from_slice(py, numbers).into_any(),
    }
}

fn widened(array: &Bound<'_, PyAny>) -> Option<Vec<f64>> {
    if let Ok(array) = array.cast::<PyArray1<f64>>() {
        return Some(array.try_readonly().ok()?.as_array().to_vec());
    }
    let array = array.cast::<PyArray1<f32>>().ok()?.try_readonly().ok()?;
    Some(match array.as_slice() {
        Ok(numbers) => numbers.iter().map(|&x| f64::from(x)).collect(),
        Err(_) => array.as_array().iter().map(|&x| f64::from(x)).collect(),
    })
}

/// Refuses masked values, and booleans among numbers, which NumPy would convert silently. A plain array has neither.
fn check_numbers(given: &Bound<'_, PyAny>, name: &str) -> PyResult<()> {
    if !given.is_exact_instance_of::<PyUntypedArray>() {
        given.py().import("mastra_convex._arguments")?.call_method1("check_numbers", (name, given))?;
    }
    Ok(())
}

/// A C-contiguous, aligned array of float32 or float64, itself where it is one. float16 widens to float32, integers to float64.
fn float_array<'py>(given: &Bound<'py, PyAny>, name: &str) -> PyResult<Bound<'py, PyUntypedArray>> {
    let py = given.py();
    let numpy = py.import("numpy")?;
    let refused = |reason: String| invalid_argument(py, format!("{name}: {reason}; expected numbers"));
    let array = match given.cast::<PyUntypedArray>() {
        Ok(array) => array.clone(),
        Err(_) => numpy
            .call_method1("asarray", (given,))
            .map_err(|error| refused(error.value(py).to_string()))?
            .cast_into::<PyUntypedArray>()?,
    };
    let descr = array.dtype();
    let target = match (descr.kind(), descr.itemsize()) {
        (b'f', 2 | 4) => "f4",
        (b'f' | b'i' | b'u', _) => "f8",
        // An empty list is an empty matrix of floats.
        _ if array.len() == 0 => "f8",
        _ => return Err(refused(format!("an array of {descr}"))),
    };
    Ok(numpy.call_method1("require", (&array, target, "CA"))?.cast_into()?)
}

/// Lets a slice live as long as the array it belongs to.
#[expect(unsafe_code, reason = "the kernel reads the caller's array without the GIL and without a copy")]
fn forever<T>(numbers: &[T]) -> &'static [T] {
    // SAFETY: `BorrowedMatrix` keeps the array, and NumPy doesn't move or free an array's data while a reference to it
    // exists. The public documentation asks callers not to write to a borrowed array.
    unsafe { std::slice::from_raw_parts(numbers.as_ptr(), numbers.len()) }
}
