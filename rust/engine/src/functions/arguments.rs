//! Arguments of the host's methods, read out of JavaScript.

use rquickjs::{Array as JsArray, Ctx, Exception, Object as JsObject, Value as JsValue};
use value::{Object, Value, id::DocumentId};
use wire::Code;

use super::border::from_js;
use crate::{
    data::query::{Arithmetic, Bound, Comparison, Expression, Query},
    error::{FunctionError, Result},
};

pub(super) fn text(ctx: &Ctx<'_>, value: &JsValue<'_>, argument: &str) -> rquickjs::Result<String> {
    match value.as_string() {
        Some(text) => text.to_string(),
        None => Err(Exception::throw_type(
            ctx,
            &format!("Invalid argument `{argument}`: a string, not {}", value.type_name()),
        )),
    }
}

pub(super) fn object<'js>(ctx: &Ctx<'js>, value: JsValue<'js>, method: &str) -> rquickjs::Result<Object> {
    match from_js(ctx, value, "value")? {
        Some(Value::Object(fields)) => Ok(fields),
        _ => Err(Exception::throw_type(ctx, &format!("Invalid argument `value` for `db.{method}`: an object"))),
    }
}

pub(super) fn parse_id(text: &str, method: &str) -> Result<DocumentId> {
    text.parse().map_err(|error| {
        let message = format!("Invalid argument `id` for `db.{method}`: Unable to decode ID: {text:?}: {error}");
        FunctionError::new(Code::InvalidId, message).into()
    })
}

/// A query as `js/database.js` describes it.
pub(super) fn read_query<'js>(ctx: &Ctx<'js>, query: &JsValue<'js>) -> rquickjs::Result<Query> {
    let query: JsObject = query.get()?;
    let mut range = Vec::new();
    for bound in query.get::<_, JsArray>("range")?.iter::<JsObject>() {
        let bound = bound?;
        let comparison: String = bound.get("type")?;
        range.push(Bound {
            comparison: Comparison::parse(&comparison).ok_or_else(|| {
                Exception::throw_type(ctx, &format!("Invalid index range: `{comparison}` is not a comparison"))
            })?,
            field: bound.get("fieldPath")?,
            value: from_js(ctx, bound.get("value")?, "index range")?,
        });
    }
    let mut filters = Vec::new();
    for filter in query.get::<_, JsArray>("filters")?.iter::<JsObject>() {
        filters.push(read_expression(ctx, &filter?)?);
    }
    Ok(Query {
        table: query.get("table")?,
        index: query.get("index")?,
        range,
        descending: query.get::<_, Option<String>>("order")?.as_deref() == Some("desc"),
        filters,
    })
}

fn read_expression<'js>(ctx: &Ctx<'js>, expression: &JsObject<'js>) -> rquickjs::Result<Expression> {
    let operator: String = expression.get("operator")?;
    let given: JsArray = expression.get("operands")?;
    match operator.as_str() {
        "field" => return Ok(Expression::Field(given.get(0)?)),
        "literal" => return Ok(Expression::Literal(from_js(ctx, given.get(0)?, "filter")?)),
        _ => {}
    }
    let mut operands = Vec::new();
    for operand in given.iter::<JsObject>() {
        operands.push(read_expression(ctx, &operand?)?);
    }
    let arithmetic = match operator.as_str() {
        "and" => return Ok(Expression::And(operands)),
        "or" => return Ok(Expression::Or(operands)),
        "add" => Some(Arithmetic::Add),
        "sub" => Some(Arithmetic::Sub),
        "mul" => Some(Arithmetic::Mul),
        "div" => Some(Arithmetic::Div),
        "mod" => Some(Arithmetic::Mod),
        _ => None,
    };
    let wrong = || Exception::throw_type(ctx, &format!("Invalid filter: `{operator}` got {} operands", given.len()));
    let mut operands = operands.into_iter();
    let first = operands.next().ok_or_else(wrong)?;
    match operator.as_str() {
        "not" => return Ok(Expression::Not(Box::new(first))),
        "neg" => return Ok(Expression::Negate(Box::new(first))),
        _ => {}
    }
    let sides = Box::new((first, operands.next().ok_or_else(wrong)?));
    match (arithmetic, Comparison::parse(&operator)) {
        (Some(operation), _) => Ok(Expression::Arithmetic(operation, sides)),
        (None, Some(comparison)) => Ok(Expression::Compare(comparison, sides)),
        (None, None) => Err(wrong()),
    }
}
