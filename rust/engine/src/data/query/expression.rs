//! A filter's condition on a document.

use std::cmp::Ordering;

use value::Value;
use wire::Code;

use crate::{
    data::document::Document,
    error::{Error, Result},
};

/// The comparison of a bound or a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Eq,
    Neq,
    Gt,
    Gte,
    Lt,
    Lte,
}

/// A filter's expression.
#[derive(Debug)]
pub(crate) enum Expression {
    Field(String),
    /// `None` is `undefined`.
    Literal(Option<Value>),
    Compare(Comparison, Box<(Expression, Expression)>),
    Arithmetic(Arithmetic, Box<(Expression, Expression)>),
    Negate(Box<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
}

/// Arithmetic of filters.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
}

impl Comparison {
    /// The comparison of this name, as query builders write it.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "eq" => Self::Eq,
            "neq" => Self::Neq,
            "gt" => Self::Gt,
            "gte" => Self::Gte,
            "lt" => Self::Lt,
            "lte" => Self::Lte,
            _ => return None,
        })
    }

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Eq => ordering.is_eq(),
            Self::Neq => ordering.is_ne(),
            Self::Gt => ordering.is_gt(),
            Self::Gte => ordering.is_ge(),
            Self::Lt => ordering.is_lt(),
            Self::Lte => ordering.is_le(),
        }
    }
}

impl Expression {
    pub(super) fn holds(&self, document: &Document) -> Result<bool> {
        match self.evaluate(document)? {
            Some(Value::Boolean(holds)) => Ok(holds),
            _ => Err(Error::function(Code::InvalidFilter, "a filter's condition must be a boolean")),
        }
    }

    /// The value for a document; `None` is `undefined`, which is below every value.
    fn evaluate(&self, document: &Document) -> Result<Option<Value>> {
        Ok(match self {
            Self::Field(path) => document.field(path),
            Self::Literal(value) => value.clone(),
            Self::Compare(comparison, sides) => {
                let ordering = sides.0.evaluate(document)?.cmp(&sides.1.evaluate(document)?);
                Some(comparison.holds(ordering).into())
            }
            Self::Arithmetic(operation, sides) => {
                Some(operation.apply(sides.0.evaluate(document)?, sides.1.evaluate(document)?)?)
            }
            Self::Negate(operand) => match operand.evaluate(document)? {
                Some(Value::Float64(x)) => Some(Value::Float64(-x)),
                Some(Value::Int64(x)) => Some(Value::Int64(x.checked_neg().ok_or_else(overflow)?)),
                _ => return Err(not_numbers()),
            },
            Self::And(conditions) => {
                for condition in conditions {
                    if !condition.holds(document)? {
                        return Ok(Some(false.into()));
                    }
                }
                Some(true.into())
            }
            Self::Or(conditions) => {
                for condition in conditions {
                    if condition.holds(document)? {
                        return Ok(Some(true.into()));
                    }
                }
                Some(false.into())
            }
            Self::Not(condition) => Some((!condition.holds(document)?).into()),
        })
    }
}

impl Arithmetic {
    fn apply(self, left: Option<Value>, right: Option<Value>) -> Result<Value> {
        match (left, right) {
            (Some(Value::Float64(a)), Some(Value::Float64(b))) => Ok(Value::Float64(match self {
                Self::Add => a + b,
                Self::Sub => a - b,
                Self::Mul => a * b,
                Self::Div => a / b,
                Self::Mod => a % b,
            })),
            (Some(Value::Int64(a)), Some(Value::Int64(b))) => {
                let result = match self {
                    Self::Add => a.checked_add(b),
                    Self::Sub => a.checked_sub(b),
                    Self::Mul => a.checked_mul(b),
                    Self::Div => a.checked_div(b),
                    Self::Mod => a.checked_rem(b),
                };
                result.map(Value::Int64).ok_or_else(overflow)
            }
            _ => Err(not_numbers()),
        }
    }
}

fn overflow() -> Error {
    Error::function(Code::InvalidFilter, "integer overflow, or division by zero, in a filter")
}

fn not_numbers() -> Error {
    Error::function(Code::InvalidFilter, "a filter's arithmetic needs two numbers of one type")
}
