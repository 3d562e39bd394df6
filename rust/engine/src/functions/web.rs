//! The native parts of the Web's globals: URLs, forms, digests and signatures.
#![expect(clippy::needless_pass_by_value, reason = "QuickJS hands over a function's arguments as values")]

use ring::{digest, hmac};
use rquickjs::{ArrayBuffer, Ctx, Exception, Object as JsObject, Result};
use url::{Url, form_urlencoded, quirks};

/// A URL's parts, by the names of its properties; None if the text isn't a URL.
pub(super) fn parse_url(ctx: Ctx<'_>, text: String, base: Option<String>) -> Result<Option<JsObject<'_>>> {
    let url = match base {
        Some(base) => Url::parse(&base).and_then(|base| base.join(&text)),
        None => Url::parse(&text),
    };
    url.ok().map(|url| parts(&ctx, &url)).transpose()
}

/// The parts of a URL after one of them was set. A part that can't be set stays as it is.
pub(super) fn set_url_part(ctx: Ctx<'_>, href: String, part: String, value: String) -> Result<JsObject<'_>> {
    let mut url = Url::parse(&href).map_err(|error| Exception::throw_type(&ctx, &error.to_string()))?;
    let url = &mut url;
    // As in a browser, a setter that refuses a value doesn't change the URL.
    let _ = match part.as_str() {
        "protocol" => quirks::set_protocol(url, &value),
        "username" => quirks::set_username(url, &value),
        "password" => quirks::set_password(url, &value),
        "host" => quirks::set_host(url, &value),
        "hostname" => quirks::set_hostname(url, &value),
        "port" => quirks::set_port(url, &value),
        "pathname" => {
            quirks::set_pathname(url, &value);
            Ok(())
        }
        "search" => {
            quirks::set_search(url, &value);
            Ok(())
        }
        "hash" => {
            quirks::set_hash(url, &value);
            Ok(())
        }
        _ => Err(()),
    };
    parts(&ctx, url)
}

fn parts<'js>(ctx: &Ctx<'js>, url: &Url) -> Result<JsObject<'js>> {
    let object = JsObject::new(ctx.clone())?;
    object.set("href", quirks::href(url))?;
    object.set("origin", quirks::origin(url))?;
    object.set("protocol", quirks::protocol(url))?;
    object.set("username", quirks::username(url))?;
    object.set("password", quirks::password(url))?;
    object.set("host", quirks::host(url))?;
    object.set("hostname", quirks::hostname(url))?;
    object.set("port", quirks::port(url))?;
    object.set("pathname", quirks::pathname(url))?;
    object.set("search", quirks::search(url))?;
    object.set("hash", quirks::hash(url))?;
    Ok(object)
}

/// The names and values of a form, `a=1&b=2`.
pub(super) fn parse_form(text: String) -> Vec<Vec<String>> {
    form_urlencoded::parse(text.as_bytes()).map(|(name, value)| vec![name.into_owned(), value.into_owned()]).collect()
}

/// A form as text.
pub(super) fn write_form(pairs: Vec<Vec<String>>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for pair in &pairs {
        if let [name, value] = pair.as_slice() {
            form.append_pair(name, value);
        }
    }
    form.finish()
}

/// The digest of bytes, by the Web's name of the algorithm.
pub(super) fn digest<'js>(ctx: Ctx<'js>, name: String, bytes: ArrayBuffer<'js>) -> Result<ArrayBuffer<'js>> {
    let algorithm = match name.as_str() {
        "SHA-1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "SHA-256" => &digest::SHA256,
        "SHA-384" => &digest::SHA384,
        "SHA-512" => &digest::SHA512,
        _ => return Err(unknown_digest(&ctx, &name)),
    };
    let digest = digest::digest(algorithm, &bytes_of(&bytes));
    ArrayBuffer::new(ctx, digest.as_ref().to_vec())
}

/// The signature of bytes by HMAC with a digest.
pub(super) fn hmac<'js>(
    ctx: Ctx<'js>,
    name: String,
    key: ArrayBuffer<'js>,
    bytes: ArrayBuffer<'js>,
) -> Result<ArrayBuffer<'js>> {
    let algorithm = match name.as_str() {
        "SHA-1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "SHA-256" => hmac::HMAC_SHA256,
        "SHA-384" => hmac::HMAC_SHA384,
        "SHA-512" => hmac::HMAC_SHA512,
        _ => return Err(unknown_digest(&ctx, &name)),
    };
    let signature = hmac::sign(&hmac::Key::new(algorithm, &bytes_of(&key)), &bytes_of(&bytes));
    ArrayBuffer::new(ctx, signature.as_ref().to_vec())
}

fn unknown_digest(ctx: &Ctx<'_>, name: &str) -> rquickjs::Error {
    Exception::throw_message(ctx, &format!("{name}: expected SHA-1, SHA-256, SHA-384 or SHA-512"))
}

/// A copy of a buffer's bytes; none for a detached one.
pub(super) fn bytes_of(buffer: &ArrayBuffer<'_>) -> Vec<u8> {
    read_bytes(buffer, <[u8]>::to_vec)
}

/// Reads a buffer's bytes without a copy; a detached buffer has none.
pub(super) fn read_bytes<T>(buffer: &ArrayBuffer<'_>, read: fn(&[u8]) -> T) -> T {
    // SAFETY: the bytes are read at once, by a function that captures nothing, so no JavaScript can run meanwhile.
    #[expect(unsafe_code, reason = "the only way to read a buffer in one piece")]
    let bytes = unsafe { buffer.as_bytes() };
    read(bytes.unwrap_or_default())
}
