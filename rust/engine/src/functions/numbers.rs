//! The built-in module `numbers` in native code: the scores of vectors, and their form as bytes. Packed arrays stay
//! packed.
#![expect(clippy::needless_pass_by_value, reason = "QuickJS hands over a method's arguments as values")]

use rquickjs::{Array as JsArray, ArrayBuffer, Ctx, Exception, Object as JsObject, Value as JsValue};
use scan::{Metric, naive};
use value::{FLOAT32, FLOAT64, Packed, Value};

use super::{
    arguments::text,
    border::{from_js, to_js},
    host::{Host, Js},
    web::read_bytes,
};

pub(super) fn scores<'js>(
    _host: &Host,
    ctx: &Ctx<'js>,
    metric: JsValue<'js>,
    query: JsValue<'js>,
    rows: JsValue<'js>,
) -> Js<'js> {
    let metric: Metric =
        text(ctx, &metric, "metric")?.parse().map_err(|error| Exception::throw_type(ctx, &format!("{error}")))?;
    let query: Vec<f64> = numbers(ctx, query)?.iter().collect();
    let scores = JsArray::new(ctx.clone())?;
    let mut row = Vec::with_capacity(query.len());
    for (place, embedding) in rows.get::<JsArray>()?.iter::<JsValue>().enumerate() {
        row.clear();
        match numbers(ctx, embedding?)? {
            Packed::F32(numbers) => row.extend(numbers.iter().map(|&x| f64::from(x))),
            Packed::F64(numbers) => row.extend_from_slice(&numbers),
        }
        let score = naive::score(metric, &query, &row)
            .map_or_else(|| JsValue::new_null(ctx.clone()), |score| JsValue::new_float(ctx.clone(), score));
        scores.set(place, score)?;
    }
    Ok(scores.into_value())
}

pub(super) fn to_bytes<'js>(_host: &Host, ctx: &Ctx<'js>, vector: JsValue<'js>) -> Js<'js> {
    let (form, bytes) = numbers(ctx, vector)?.to_bytes();
    to_js(ctx, Value::from([(form, Value::Bytes(bytes))]))
}

pub(super) fn from_bytes<'js>(_host: &Host, ctx: &Ctx<'js>, given: JsValue<'js>) -> Js<'js> {
    let given: JsObject = given.get()?;
    let Some(numbers) = packed(&given)? else {
        let message = "fromBytes: expected {float32: bytes} or {float64: bytes}, of whole numbers";
        return Err(Exception::throw_range(ctx, message));
    };
    to_js(ctx, numbers.into())
}

/// The numbers whose bytes are in the field of their form.
fn packed(given: &JsObject) -> rquickjs::Result<Option<Packed>> {
    let buffer =
        |form| given.get::<_, JsValue>(form).map(|bytes| bytes.into_object().and_then(ArrayBuffer::from_object));
    if let Some(buffer) = buffer(FLOAT32)? {
        return Ok(read_bytes(&buffer, |bytes| Packed::from_bytes(FLOAT32, bytes)));
    }
    Ok(buffer(FLOAT64)?.and_then(|buffer| read_bytes(&buffer, |bytes| Packed::from_bytes(FLOAT64, bytes))))
}

/// The numbers of an argument, packed or not.
fn numbers<'js>(ctx: &Ctx<'js>, value: JsValue<'js>) -> rquickjs::Result<Packed> {
    let numbers = match from_js(ctx, value, "vector")? {
        Some(Value::Array(array)) => array.numbers(),
        _ => None,
    };
    numbers.ok_or_else(|| Exception::throw_type(ctx, "Invalid argument `vector`: a list of numbers"))
}
