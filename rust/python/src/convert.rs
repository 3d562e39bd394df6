//! Convex values as Python values, both ways.

use std::borrow::Cow;

use numpy::{PyArray1, PyArrayDescrMethods, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::{
    prelude::*,
    sync::PyOnceLock,
    types::{PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple},
};
use value::{Array, Object, Packed, Value, size::VALUE_MAX_NESTING};

use crate::error::invalid_argument;

/// The integers that JavaScript numbers hold exactly.
const EXACT_INTEGERS: std::ops::RangeInclusive<i64> = -(1 << 53)..=1 << 53;

/// Python's form of a value. Whole numbers become `int`, so that `{"year": 2025}` comes back as it was written. Packed
/// arrays become lists of `float`.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Int64(x) => int64(py)?.call1((*x,))?,
        Value::Float64(x) => match whole(*x) {
            Some(x) => PyInt::new(py, x).into_any(),
            None => PyFloat::new(py, *x).into_any(),
        },
        Value::Boolean(x) => PyBool::new(py, *x).to_owned().into_any(),
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        Value::Array(Array::Packed(numbers)) => PyList::new(py, numbers.iter())?.into_any(),
        Value::Array(Array::Values(items)) => {
            let items: PyResult<Vec<_>> = items.iter().map(|item| to_python(py, item)).collect();
            PyList::new(py, items?)?.into_any()
        }
        Value::Object(fields) => {
            let dict = PyDict::new(py);
            for (name, field) in fields {
                dict.set_item(name, to_python(py, field)?)?;
            }
            dict.into_any()
        }
    })
}

/// A number that an `int` represents: without a fraction, not -0.0, not beyond 2^53.
fn whole(x: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "within 2^53, and compared afterwards")]
    let integer = x as i64;
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    let same = (integer as f64).to_bits() == x.to_bits();
    (same && EXACT_INTEGERS.contains(&integer)).then_some(integer)
}

/// The value of a Python value; `place` names it in errors.
pub(crate) fn from_python(value: &Bound<'_, PyAny>, place: &str) -> PyResult<Value> {
    Reader { dates: false }.read(value, &Place::Root(place), 0)
}

/// A function's arguments, checked against Convex's limits.
pub(crate) fn arguments_from_python(args: &Bound<'_, PyAny>) -> PyResult<Value> {
    let value = from_python(args, "args")?;
    value::size::check_value(&value).map_err(|error| invalid_argument(args.py(), format!("args: {error}")))?;
    Ok(value)
}

/// A filter, whose dates and UUIDs are the text that metadata holds them as.
pub(crate) fn filter_from_python(filter: &Bound<'_, PyAny>) -> PyResult<Value> {
    metadata_from_python(filter, "filter")
}

/// Metadata, whose dates are ISO text in UTC to the millisecond, and UUIDs text.
pub(crate) fn metadata_from_python(value: &Bound<'_, PyAny>, place: &str) -> PyResult<Value> {
    Reader { dates: true }.read(value, &Place::Root(place), 0)
}

struct Reader {
    dates: bool,
}

/// The path of a value, which is formatted only for an error.
enum Place<'a> {
    Root(&'a str),
    Item(&'a Place<'a>, usize),
    Field(&'a Place<'a>, &'a str),
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root(name) => f.write_str(name),
            Self::Item(parent, position) => write!(f, "{parent}[{position}]"),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
        }
    }
}

impl Reader {
    /// `depth` is the number of containers around the value. Without it, cyclic containers would have no end.
    fn read(&self, value: &Bound<'_, PyAny>, place: &Place<'_>, depth: usize) -> PyResult<Value> {
        let py = value.py();
        if depth > VALUE_MAX_NESTING {
            let message = format!("{place}: nested deeper than {VALUE_MAX_NESTING} levels, which Convex can't hold");
            return Err(invalid_argument(py, message));
        }
        if value.is_none() {
            return Ok(Value::Null);
        }
        if let Ok(text) = value.cast::<PyString>() {
            return Ok(Value::String(unicode(text, place)?.to_owned()));
        }
        if let Ok(value) = value.cast::<PyBool>() {
            return Ok(Value::Boolean(value.is_true()));
        }
        if let Ok(value) = value.cast::<PyFloat>() {
            return Ok(Value::Float64(value.value()));
        }
        if value.cast::<PyInt>().is_ok() {
            return integer(value, place);
        }
        if let Ok(dict) = value.cast::<PyDict>() {
            return self.object(dict, place, depth);
        }
        if let Ok(list) = value.cast::<PyList>() {
            return self.items(list.iter(), place, depth);
        }
        if let Ok(tuple) = value.cast::<PyTuple>() {
            return self.items(tuple.iter(), place, depth);
        }
        if let Ok(bytes) = value.cast::<PyBytes>() {
            return Ok(Value::Bytes(bytes.as_bytes().to_vec()));
        }
        if let Ok(bytes) = value.cast::<PyByteArray>() {
            return Ok(Value::Bytes(bytes.to_vec()));
        }
        if let Ok(array) = value.cast::<PyUntypedArray>() {
            return self.array(array, place, depth);
        }
        self.other(value, place, depth)
    }

    fn object(&self, dict: &Bound<'_, PyDict>, place: &Place<'_>, depth: usize) -> PyResult<Value> {
        let mut fields = Object::new();
        // The items are copied, since reading one may run code that changes the dict.
        for item in dict.items() {
            let (name, field): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
            let Ok(name) = name.cast::<PyString>() else {
                let message = format!("{place}: keys must be text, not {}", name.get_type().name()?);
                return Err(invalid_argument(dict.py(), message));
            };
            let name = unicode(name, place)?;
            fields.insert(name.to_owned(), self.read(&field, &Place::Field(place, name), depth + 1)?);
        }
        Ok(fields.into())
    }

    fn items<'py>(
        &self,
        items: impl Iterator<Item = Bound<'py, PyAny>>,
        place: &Place<'_>,
        depth: usize,
    ) -> PyResult<Value> {
        let items = items.enumerate();
        let items = items.map(|(position, item)| self.read(&item, &Place::Item(place, position), depth + 1));
        Ok(items.collect::<PyResult<Vec<_>>>()?.into())
    }

    /// A NumPy array. Rows of floats are read without a Python object per number; others through their `tolist()`.
    fn array(&self, array: &Bound<'_, PyUntypedArray>, place: &Place<'_>, depth: usize) -> PyResult<Value> {
        if array.ndim() == 1
            && let Some(numbers) = packed(array.as_any())
        {
            return Ok(numbers.into());
        }
        match array.dtype().kind() {
            b'b' | b'i' | b'u' | b'f' | b'U' => self.read(&array.call_method0("tolist")?, place, depth),
            _ => Err(unsupported(array.as_any(), place)),
        }
    }

    /// Our `Int64`, the PyPI client's, NumPy's scalars, and dates where they are allowed.
    fn other(&self, value: &Bound<'_, PyAny>, place: &Place<'_>, depth: usize) -> PyResult<Value> {
        if self.dates
            && let Some(text) = text_of(value, place)?
        {
            return Ok(Value::String(text));
        }
        let class = value.get_type();
        let (module, name) = (class.module()?, class.name()?);
        match (module.to_str()?, name.to_str()?) {
            ("mastra_convex.types" | "mastra_convex", "Int64") => Ok(Value::Int64(value.getattr("value")?.extract()?)),
            (module, "ConvexInt64") if module.starts_with("convex") => {
                Ok(Value::Int64(value.getattr("value")?.extract()?))
            }
            ("numpy", _) if value.hasattr("item")? => {
                let item = value.call_method0("item")?;
                // The `item()` of a type without a counterpart in Python (longdouble) returns the same type.
                if item.get_type().is(&class) { Err(unsupported(value, place)) } else { self.read(&item, place, depth) }
            }
            _ if value.hasattr("__array_interface__")? || value.hasattr("__array__")? => {
                let array = value.py().import("numpy")?.call_method1("asarray", (value,))?;
                self.array(array.cast::<PyUntypedArray>()?, place, depth)
            }
            _ if value.is_instance(&mapping(value.py())?)? => {
                self.object(&value.py().get_type::<PyDict>().call1((value,))?.cast_into::<PyDict>()?, place, depth)
            }
            _ => Err(unsupported(value, place)),
        }
    }
}

/// The numbers of a one-dimensional array of floats.
fn packed(array: &Bound<'_, PyAny>) -> Option<Packed> {
    if let Ok(array) = array.cast::<PyArray1<f32>>() {
        let array = array.try_readonly().ok()?;
        return Some(Packed::from_f32(
            &array.as_slice().map_or_else(|_| array.as_array().to_vec().into(), Cow::Borrowed),
        ));
    }
    let array = array.cast::<PyArray1<f64>>().ok()?.try_readonly().ok()?;
    Some(Packed::from_f64(&array.as_slice().map_or_else(|_| array.as_array().to_vec().into(), Cow::Borrowed)))
}

fn integer(value: &Bound<'_, PyAny>, place: &Place<'_>) -> PyResult<Value> {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    match value.extract::<i64>() {
        Ok(x) if EXACT_INTEGERS.contains(&x) => Ok(Value::Float64(x as f64)),
        _ => Err(invalid_argument(
            value.py(),
            format!("{place}: {value} is beyond ±2^53, where numbers lose digits; send it as mastra_convex.Int64"),
        )),
    }
}

/// A text's UTF-8.
fn unicode<'a>(text: &'a Bound<'_, PyString>, place: &Place<'_>) -> PyResult<&'a str> {
    text.to_str()
        .map_err(|_| invalid_argument(text.py(), format!("{place}: text with a lone surrogate is not valid Unicode")))
}

fn unsupported(value: &Bound<'_, PyAny>, place: &Place<'_>) -> PyErr {
    let class = value.get_type().name().map(|name| name.to_string()).unwrap_or_default();
    let expected = if class == "Decimal" {
        "float() gives the nearest number that it can hold, str() the exact text"
    } else {
        "expected None, bool, int, float, Int64, str, bytes, list or dict"
    };
    invalid_argument(value.py(), format!("{place}: Convex can't hold a {class}; {expected}"))
}

fn int64(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = CLASS.get_or_try_init(py, || py.import("mastra_convex.types")?.getattr("Int64").map(Bound::unbind))?;
    Ok(class.bind(py).clone())
}

fn mapping(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = CLASS.get_or_try_init(py, || py.import("collections.abc")?.getattr("Mapping").map(Bound::unbind))?;
    Ok(class.bind(py).clone())
}

/// The text of a date, of a moment or of a UUID.
fn text_of(value: &Bound<'_, PyAny>, place: &Place<'_>) -> PyResult<Option<String>> {
    let stored =
        value.py().import("mastra_convex._metadata")?.call_method1("stored_value", (place.to_string(), value))?;
    stored.cast::<PyString>().ok().map(|text| text.to_str().map(str::to_owned)).transpose()
}
