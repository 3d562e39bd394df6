//! The Rust part of functions' globals: text and bytes.
#![expect(clippy::needless_pass_by_value, reason = "QuickJS hands over a function's arguments as values")]

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_STANDARD,
};
use rquickjs::{ArrayBuffer, Ctx, Exception, Result, Value as JsValue};
use value::Value;

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

/// A deep copy of what is a Convex value.
pub(super) fn clone<'js>(ctx: Ctx<'js>, value: JsValue<'js>) -> Result<JsValue<'js>> {
    match from_js(&ctx, value, "structuredClone")? {
        Some(value) => to_js(&ctx, value),
        None => Ok(JsValue::new_undefined(ctx)),
    }
}
