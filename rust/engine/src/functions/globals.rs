//! The Rust part of functions' globals: text and bytes.
#![expect(clippy::needless_pass_by_value, reason = "QuickJS hands over a function's arguments as values")]

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_STANDARD,
};
use rquickjs::{ArrayBuffer, Ctx, Exception, Result, Value as JsValue};
use value::{
    Value,
    json::{self, Format},
};

use super::border::{from_js, to_js};

/// The decoder of `atob`, which accepts text with padding and without.
const BASE64_FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn encode_text(ctx: Ctx<'_>, text: String) -> Result<ArrayBuffer<'_>> {
    ArrayBuffer::new(ctx, text.into_bytes())
}

pub(super) fn decode_text<'js>(ctx: Ctx<'js>, bytes: JsValue<'js>) -> Result<String> {
    match from_js(&ctx, bytes, "bytes")? {
        Some(Value::Bytes(bytes)) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        _ => Err(Exception::throw_type(&ctx, "Invalid argument `bytes`: expected bytes")),
    }
}

/// Base64 of a text whose characters are bytes.
pub(super) fn to_base64(ctx: Ctx<'_>, text: String) -> Result<String> {
    match text.chars().map(u8::try_from).collect::<std::result::Result<Vec<u8>, _>>() {
        Ok(bytes) => Ok(BASE64_STANDARD.encode(bytes)),
        Err(_) => Err(Exception::throw_range(&ctx, "btoa: the text has a character above U+00FF")),
    }
}

pub(super) fn from_base64(ctx: Ctx<'_>, text: String) -> Result<String> {
    match BASE64_FORGIVING.decode(text) {
        Ok(bytes) => Ok(bytes.into_iter().map(char::from).collect()),
        Err(_) => Err(Exception::throw_syntax(&ctx, "atob: the text is not base64")),
    }
}

/// A value as encoded JSON.
pub(super) fn to_json<'js>(ctx: Ctx<'js>, value: JsValue<'js>) -> Result<String> {
    match from_js(&ctx, value, "value")? {
        Some(value) => Ok(json::to_string(&value, Format::Encoded)),
        None => Err(Exception::throw_message(&ctx, "undefined is not a supported Convex value")),
    }
}

/// The value of encoded JSON.
pub(super) fn from_json(ctx: Ctx<'_>, text: String) -> Result<JsValue<'_>> {
    match json::decode(text.as_bytes()) {
        Ok(value) => to_js(&ctx, value),
        Err(error) => Err(Exception::throw_message(&ctx, &error.to_string())),
    }
}

/// The order of two values in an index: -1, 0 or 1. `undefined` is below every value.
pub(super) fn compare<'js>(ctx: Ctx<'js>, a: JsValue<'js>, b: JsValue<'js>) -> Result<i32> {
    Ok(from_js(&ctx, a, "the first value")?.cmp(&from_js(&ctx, b, "the second value")?) as i32)
}

/// A value's size in bytes, as limits count it; that of `undefined` is 0.
pub(super) fn size<'js>(ctx: Ctx<'js>, value: JsValue<'js>) -> Result<usize> {
    Ok(from_js(&ctx, value, "value")?.map_or(0, |value| value::size::size(&value)))
}
