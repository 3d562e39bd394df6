//! Converts values between Rust and JavaScript.
//!
//! Packed arrays are passed without their items. JavaScript gets a proxy with the array's number in the call's table.
//! If no code reads the items, the proxy is converted back by that number.

use rquickjs::{
    Array as JsArray, ArrayBuffer, BigInt, Ctx, Exception, Function, JsLifetime, Object as JsObject, Proxy, Type,
    Value as JsValue, atom::PredefinedAtom, object::Property,
};
use value::{
    Array, Object, Value, check_field_name,
    size::{ARRAY_MAX_LENGTH, SizeError, VALUE_MAX_BYTES, VALUE_MAX_NESTING},
};
use wire::Code;

use super::{host::Host, web};
use crate::error::FunctionError;

/// The parts of an isolate that conversions need. Each context has one, as user data.
pub(crate) struct Border<'js> {
    pub(crate) host: Host,
    /// Makes the proxy of a packed array.
    pub(crate) packed_array: Function<'js>,
    /// The prototype of such a proxy's handler.
    pub(crate) packed_handler: JsObject<'js>,
    pub(crate) object_prototype: JsObject<'js>,
    pub(crate) array_buffer: JsObject<'js>,
    /// The placeholder of the commit's timestamp.
    pub(crate) commit_ts: JsObject<'js>,
    /// Our own JavaScript, which Rust calls.
    pub(crate) engine: JsObject<'js>,
}

// SAFETY: `Changed` is the same type, with the other lifetime.
#[expect(unsafe_code, reason = "what keeps JavaScript values in a context's user data has to say so")]
unsafe impl<'js> JsLifetime<'js> for Border<'js> {
    type Changed<'to> = Border<'to>;
}

/// JavaScript's form of a value.
pub(crate) fn to_js<'js>(ctx: &Ctx<'js>, value: Value) -> rquickjs::Result<JsValue<'js>> {
    let border = ctx.userdata::<Border>().expect("every context has its border");
    border.to_js(ctx, value)
}

/// The value of a JavaScript value; `None` is `undefined`. Errors say where in `what` something is wrong.
pub(crate) fn from_js<'js>(ctx: &Ctx<'js>, value: JsValue<'js>, what: &str) -> rquickjs::Result<Option<Value>> {
    let border = ctx.userdata::<Border>().expect("every context has its border");
    Reader::new(&border).read(value).map_err(|refusal| refusal.throw(ctx, &border.host, what))
}

/// The value that a function returned. The inner `Err` is an error of the whole call, which no line of the function
/// threw.
pub(crate) fn returned_value<'js>(
    ctx: &Ctx<'js>,
    value: JsValue<'js>,
    function: &str,
) -> rquickjs::Result<Result<Option<Value>, FunctionError>> {
    let border = ctx.userdata::<Border>().expect("every context has its border");
    match Reader::new(&border).read(value) {
        Ok(value) => Ok(Ok(value)),
        Err(Refusal::Size(error)) if !matches!(error, SizeError::FieldName { .. }) => {
            Ok(Err(FunctionError::new(error.code(), format!("Function {function} return value invalid: {error}"))))
        }
        Err(Refusal::LoneSurrogate { path }) => Ok(Err(FunctionError::new(
            Code::Error,
            format!("Function {function} failed. Could not parse return value as json: a lone surrogate at {path:?}"),
        ))),
        Err(refusal) => Err(refusal.throw(ctx, &border.host, "the return value")),
    }
}

impl<'js> Border<'js> {
    fn to_js(&self, ctx: &Ctx<'js>, value: Value) -> rquickjs::Result<JsValue<'js>> {
        Ok(match value {
            Value::Null => JsValue::new_null(ctx.clone()),
            Value::Int64(x) => BigInt::from_i64(ctx.clone(), x)?.into_value(),
            // Not `new_number`, which makes an integer of -0.0.
            Value::Float64(x) => JsValue::new_float(ctx.clone(), x),
            Value::Boolean(x) => JsValue::new_bool(ctx.clone(), x),
            Value::String(text) => rquickjs::String::from_str(ctx.clone(), &text)?.into_value(),
            Value::Bytes(bytes) => ArrayBuffer::new(ctx.clone(), bytes)?.into_value(),
            Value::Array(Array::Packed(numbers)) => {
                let length = numbers.len();
                self.packed_array.call((self.host.keep(numbers), length))?
            }
            Value::Array(Array::Values(items)) => {
                let array = JsArray::new(ctx.clone())?;
                for (position, item) in items.into_iter().enumerate() {
                    array.set(position, self.to_js(ctx, item)?)?;
                }
                array.into_value()
            }
            Value::Object(fields) => {
                let object = JsObject::new(ctx.clone())?;
                for (name, field) in fields {
                    let field = self.to_js(ctx, field)?;
                    if name == "__proto__" {
                        // An assignment would set the prototype.
                        object.prop(name, Property::from(field).configurable().enumerable().writable())?;
                    } else {
                        object.set(name, field)?;
                    }
                }
                object.into_value()
            }
        })
    }
}

/// The deepest nesting that is read. Deeper values would overflow Rust's stack.
const DEEPEST: usize = 256;

/// Reads one JavaScript value. It may be cyclic or far too large, so limits are checked while it is read.
struct Reader<'a, 'js> {
    border: &'a Border<'js>,
    /// The size so far, approximately as Convex counts it.
    bytes: usize,
    /// Whether the value nests deeper than is allowed.
    is_too_deep: bool,
}

/// Why a value can't be read. Each level adds its part to the path.
enum Refusal {
    Js(rquickjs::Error),
    Unsupported { path: String, problem: String },
    LoneSurrogate { path: String },
    Size(SizeError),
}

impl From<rquickjs::Error> for Refusal {
    fn from(error: rquickjs::Error) -> Self {
        Self::Js(error)
    }
}

impl Refusal {
    fn unsupported(what: &str) -> Self {
        Self::Unsupported { path: String::new(), problem: format!("{what} is not a supported Convex value") }
    }

    fn under(self, step: impl FnOnce() -> String) -> Self {
        match self {
            Self::Unsupported { path, problem } => Self::Unsupported { path: step() + &path, problem },
            Self::LoneSurrogate { path } => Self::LoneSurrogate { path: step() + &path },
            Self::Size(SizeError::FieldName { path, error }) => {
                let path = step() + &path;
                // Such paths begin with a name.
                Self::Size(SizeError::FieldName { path: path.trim_start_matches('.').to_owned(), error })
            }
            other => other,
        }
    }

    /// Throws the error in JavaScript; `what` names the value that can't be read.
    fn throw(self, ctx: &Ctx<'_>, host: &Host, what: &str) -> rquickjs::Error {
        match self {
            Self::Js(error) => error,
            Self::Unsupported { path, problem } => {
                Exception::throw_message(ctx, &format!("{problem} (at {what}{path})"))
            }
            Self::LoneSurrogate { path } => {
                let problem = "a string with a lone surrogate is not a supported Convex value";
                Exception::throw_message(ctx, &format!("{problem} (at {what}{path})"))
            }
            Self::Size(error) => host.throw(ctx, FunctionError::new(error.code(), format!("{what}: {error}")).into()),
        }
    }
}

impl<'a, 'js> Reader<'a, 'js> {
    fn new(border: &'a Border<'js>) -> Self {
        Self { border, bytes: 0, is_too_deep: false }
    }

    /// `None` is `undefined`.
    fn read(mut self, value: JsValue<'js>) -> Result<Option<Value>, Refusal> {
        let read = self.read_part(value, 0)?;
        if self.is_too_deep {
            let (path, limit) = (String::new(), VALUE_MAX_NESTING);
            return Err(Refusal::Size(SizeError::Nesting { path, nesting: limit + 1, limit }));
        }
        Ok(read)
    }

    /// `nesting` counts the arrays and objects around the part.
    fn read_part(&mut self, value: JsValue<'js>, nesting: usize) -> Result<Option<Value>, Refusal> {
        self.count(1)?;
        Ok(Some(match value.type_of() {
            Type::Undefined | Type::Uninitialized => return Ok(None),
            Type::Null => Value::Null,
            Type::Bool => Value::Boolean(value.as_bool().expect("type was looked at")),
            Type::Int | Type::Float => Value::Float64(value.as_number().expect("type was looked at")),
            Type::String => {
                let text = value.into_string().expect("type was looked at").to_string();
                let text = text.map_err(|_| Refusal::LoneSurrogate { path: String::new() })?;
                self.count(text.len())?;
                Value::String(text)
            }
            Type::BigInt => {
                let digits = value.get::<rquickjs::Coerced<String>>()?.0;
                Value::Int64(digits.parse().map_err(|_| Refusal::unsupported(&format!("{digits}n, beyond 64 bits,")))?)
            }
            Type::Array => self.read_array(&value.into_array().expect("type was looked at"), nesting)?,
            Type::Proxy => self.read_proxy(&value.into_proxy().expect("type was looked at"), nesting)?,
            Type::Object => {
                let object = value.into_object().expect("type was looked at");
                if self.is_plain(&object) {
                    Value::Object(self.read_object(&object, nesting)?)
                } else if object.is_instance_of(&self.border.array_buffer) {
                    let bytes = bytes_of(object);
                    self.count(bytes.len())?;
                    Value::Bytes(bytes)
                } else if object == self.border.commit_ts && !self.border.host.has_commit_timestamps() {
                    // These are the words of a backend that treats the placeholder as an object.
                    return Err(Refusal::unsupported("Field name $commitTs starts with '$', which is reserved:"));
                } else if object == self.border.commit_ts {
                    let timestamp = self.border.host.commit_timestamp();
                    Value::Int64(
                        timestamp.ok_or_else(|| Refusal::unsupported("db.vars.commitTs outside of a mutation"))?,
                    )
                } else {
                    return Err(Refusal::unsupported(&format!("an instance of {}", class_name(&object))));
                }
            }
            other => return Err(Refusal::unsupported(&format!("a {other}"))),
        }))
    }

    /// An object's fields; those that are `undefined` are left out.
    fn read_object(&mut self, object: &JsObject<'js>, nesting: usize) -> Result<Object, Refusal> {
        self.check_nesting(nesting)?;
        let mut fields = Object::new();
        for property in object.props::<String, JsValue>() {
            let (name, value) = property?;
            self.count(name.len())?;
            check_field_name(&name)
                .map_err(|error| Refusal::Size(SizeError::FieldName { path: String::new(), error }))?;
            if let Some(value) =
                self.read_part(value, nesting + 1).map_err(|refusal| refusal.under(|| format!(".{name}")))?
            {
                fields.insert(name, value);
            }
        }
        Ok(fields)
    }

    fn read_array(&mut self, array: &JsArray<'js>, nesting: usize) -> Result<Value, Refusal> {
        self.check_nesting(nesting)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an array has at most 2^32 - 1 items"
        )]
        let length = array.as_object().get::<_, f64>(PredefinedAtom::Length)? as usize;
        if length > ARRAY_MAX_LENGTH {
            return Err(Refusal::Size(SizeError::ArrayLength { path: String::new(), length }));
        }
        let mut items = Vec::with_capacity(length);
        for position in 0..length {
            let item = self.read_part(array.get(position)?, nesting + 1);
            let item = item.and_then(|item| item.ok_or_else(|| Refusal::unsupported("undefined")));
            items.push(item.map_err(|refusal| refusal.under(|| format!("[{position}]")))?);
        }
        Ok(items.into())
    }

    /// A packed array: the original if no code has read its items, else the present items.
    fn read_proxy(&mut self, proxy: &Proxy<'js>, nesting: usize) -> Result<Value, Refusal> {
        let foreign = || Refusal::unsupported("a Proxy");
        let handler = proxy.handler().map_err(|_| foreign())?;
        if handler.get_prototype().as_ref() != Some(&self.border.packed_handler) {
            return Err(foreign());
        }
        match handler.get::<_, Option<usize>>("packed")? {
            Some(number) => match self.border.host.kept(number) {
                Some(numbers) => Ok(numbers.into()),
                None => Err(Refusal::unsupported("an array of an earlier call")),
            },
            None => self.read_array(&proxy.target()?.into_array().ok_or_else(foreign)?, nesting),
        }
    }

    /// Whether an object is plain: made by `{}` or `Object.create(null)`, or with such a prototype.
    fn is_plain(&self, object: &JsObject<'js>) -> bool {
        object
            .get_prototype()
            .is_none_or(|prototype| prototype == self.border.object_prototype || class_name(&prototype) == "Object")
    }

    /// Begins a level. Too deep a nesting is reported once the whole value is read. A value without an end, such as a
    /// cycle, throws as in JavaScript.
    fn check_nesting(&mut self, nesting: usize) -> Result<(), Refusal> {
        self.is_too_deep |= nesting >= VALUE_MAX_NESTING;
        if nesting < DEEPEST {
            return Ok(());
        }
        let ctx = self.border.engine.ctx();
        Err(Refusal::Js(Exception::throw_range(ctx, "Maximum call stack size exceeded")))
    }

    fn count(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.bytes += bytes;
        if self.bytes > VALUE_MAX_BYTES {
            return Err(Refusal::Size(SizeError::Bytes { size: self.bytes, limit: VALUE_MAX_BYTES, largest: None }));
        }
        Ok(())
    }
}

/// The bytes of an `ArrayBuffer`; None for a detached one.
fn bytes_of(object: JsObject<'_>) -> Vec<u8> {
    ArrayBuffer::from_object(object).map(|buffer| web::bytes_of(&buffer)).unwrap_or_default()
}

fn class_name(object: &JsObject<'_>) -> String {
    let constructor: Option<JsObject> = object.get("constructor").unwrap_or_default();
    constructor.and_then(|constructor| constructor.get("name").ok()).unwrap_or_else(|| "a class".to_owned())
}
