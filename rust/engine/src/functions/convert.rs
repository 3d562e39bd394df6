//! Values across the border between Rust and JavaScript.
//!
//! Packed arrays cross without their numbers: JavaScript gets a proxy that knows the array's number in the call's
//! table, and hands it back as that unless it looked inside.

use rquickjs::{Array as JsArray, ArrayBuffer, BigInt, Ctx, Function, Object as JsObject, Proxy, Type, Value as JsValue};
use value::{Array, Object, Packed, Value};

use super::host::Host;

/// JavaScript's form of a value.
pub(crate) fn to_js<'js>(ctx: &Ctx<'js>, host: &Host, value: Value) -> rquickjs::Result<JsValue<'js>> {
    Ok(match value {
        Value::Null => JsValue::new_null(ctx.clone()),
        Value::Int64(x) => BigInt::from_i64(ctx.clone(), x)?.into_value(),
        Value::Float64(x) => JsValue::new_number(ctx.clone(), x),
        Value::Boolean(x) => JsValue::new_bool(ctx.clone(), x),
        Value::String(text) => rquickjs::String::from_str(ctx.clone(), &text)?.into_value(),
        Value::Bytes(bytes) => ArrayBuffer::new(ctx.clone(), bytes)?.into_value(),
        Value::Array(Array::Packed(numbers)) => {
            let packed_array: Function = Host::object(ctx)?.get("packedArray")?;
            let length = numbers.len();
            packed_array.call((host.keep(numbers), length))?
        }
        Value::Array(Array::Values(items)) => {
            let array = JsArray::new(ctx.clone())?;
            for (position, item) in items.into_iter().enumerate() {
                array.set(position, to_js(ctx, host, item)?)?;
            }
            array.into_value()
        }
        Value::Object(fields) => {
            let object = JsObject::new(ctx.clone())?;
            for (name, field) in fields {
                object.set(name, to_js(ctx, host, field)?)?;
            }
            object.into_value()
        }
    })
}

/// The value of a JavaScript value; `None` is `undefined`. `place` names it in errors.
pub(crate) fn from_js<'js>(
    ctx: &Ctx<'js>,
    host: &Host,
    value: JsValue<'js>,
    place: &str,
) -> rquickjs::Result<Option<Value>> {
    let unsupported = |what: &str| {
        let message = format!("{what} is not a supported Convex value (at {place})");
        rquickjs::Exception::throw_type(ctx, &message)
    };
    Ok(Some(match value.type_of() {
        Type::Undefined | Type::Uninitialized => return Ok(None),
        Type::Null => Value::Null,
        Type::Bool => Value::Boolean(value.as_bool().expect("type was looked at")),
        Type::Int | Type::Float => Value::Float64(value.as_number().expect("type was looked at")),
        Type::String => Value::String(value.into_string().expect("type was looked at").to_string()?),
        Type::BigInt => {
            let integer = value.clone().into_big_int().expect("type was looked at").to_i64()?;
            if BigInt::from_i64(ctx.clone(), integer)?.into_value() != value
                && value.get::<rquickjs::Coerced<String>>()?.0 != integer.to_string()
            {
                return Err(unsupported("a bigint beyond 64 bits"));
            }
            Value::Int64(integer)
        }
        Type::Array => from_js_array(ctx, host, &value.into_array().expect("type was looked at"), place)?,
        Type::Proxy => {
            let proxy = value.into_proxy().expect("type was looked at");
            match packed(host, &proxy)? {
                Some(numbers) => numbers.into(),
                None => return from_js(ctx, host, proxy.target()?.into_value(), place),
            }
        }
        Type::Object => {
            let object = value.into_object().expect("type was looked at");
            if !is_plain(ctx, &object)? {
                return match array_buffer(ctx, &object)? {
                    Some(bytes) => Ok(Some(Value::Bytes(bytes))),
                    None => Err(unsupported(&format!("an instance of {}", class_name(&object)))),
                };
            }
            Value::Object(from_js_object(ctx, host, &object, place)?)
        }
        other => return Err(unsupported(&format!("a {other}"))),
    }))
}

/// An object's fields; those that are `undefined` are left out.
pub(crate) fn from_js_object<'js>(
    ctx: &Ctx<'js>,
    host: &Host,
    object: &JsObject<'js>,
    place: &str,
) -> rquickjs::Result<Object> {
    let mut fields = Object::new();
    for property in object.props::<String, JsValue>() {
        let (name, value) = property?;
        // Most values need no place of their own: it is only read in errors.
        let place = if value.is_object() { format!("{place}.{name}") } else { place.to_owned() };
        if let Some(value) = from_js(ctx, host, value, &place)? {
            fields.insert(name, value);
        }
    }
    Ok(fields)
}

fn from_js_array<'js>(
    ctx: &Ctx<'js>,
    host: &Host,
    array: &JsArray<'js>,
    place: &str,
) -> rquickjs::Result<Value> {
    let mut items = Vec::with_capacity(array.len());
    for (position, item) in array.iter::<JsValue>().enumerate() {
        let place = format!("{place}[{position}]");
        let item = from_js(ctx, host, item?, &place)?.ok_or_else(|| {
            rquickjs::Exception::throw_type(ctx, &format!("undefined is not a valid Convex value (at {place})"))
        })?;
        items.push(item);
    }
    Ok(items.into())
}

/// The numbers behind an array of ours that nobody looked into.
fn packed(host: &Host, proxy: &Proxy<'_>) -> rquickjs::Result<Option<Packed>> {
    let number: Option<usize> = proxy.handler()?.get("packed")?;
    Ok(number.and_then(|number| host.kept(number)))
}

/// Whether an object is made by `{}` or `Object.create(null)`.
fn is_plain<'js>(ctx: &Ctx<'js>, object: &JsObject<'js>) -> rquickjs::Result<bool> {
    let Some(prototype) = object.get_prototype() else { return Ok(true) };
    let plain: JsObject = Host::object(ctx)?.get("objectPrototype")?;
    Ok(prototype == plain)
}

/// The bytes of an `ArrayBuffer`.
fn array_buffer<'js>(ctx: &Ctx<'js>, object: &JsObject<'js>) -> rquickjs::Result<Option<Vec<u8>>> {
    if !object.is_instance_of(ctx.globals().get::<_, JsObject>("ArrayBuffer")?) {
        return Ok(None);
    }
    let buffer = ArrayBuffer::from_object(object.clone());
    // SAFETY: the bytes are copied at once, and no JavaScript runs in between.
    #[expect(unsafe_code, reason = "the only way to read a buffer in one piece")]
    let bytes = buffer.and_then(|buffer| unsafe { buffer.as_bytes() }.map(<[u8]>::to_vec));
    Ok(bytes)
}

fn class_name(object: &JsObject<'_>) -> String {
    let constructor: Option<JsObject> = object.get("constructor").unwrap_or_default();
    constructor.and_then(|constructor| constructor.get("name").ok()).unwrap_or_else(|| "a class".to_owned())
}
