//! The agreement between deployments and their clients: kinds, codes and sentences of errors, and the shapes of replies.
//!
//! | module | holds |
//! | --- | --- |
//! | [`kind`](Kind) | the kind of a failure, which decides the class of the exception |
//! | [`code`](Code) | the table: each code with its kind and its sentences |
//! | `sentence` | how a sentence is written, and how it is recognised in a text |
//! | [`failure`](Failure) | why a function failed, as a reply tells it |
//! | [`reply`] | the names of a reply's fields, and the line above an error's text |
//!
//! An error is classified where it is made: the code that makes it names its [`Code`], which has a kind. In process and
//! with `serve`, both are sent beside the message, in [`reply::ERROR_KIND`] and [`reply::ERROR_CODE`]. Convex sends
//! neither, so its errors are recognised by their sentences ([`Failure::read`]).
//!
//! To add an error, add a line to the table of `code.rs`. `Code::X.says(&[&value])` writes its first sentence. An error
//! whose text no client has to recognise has no sentence, and takes any text.
#![deny(unsafe_code)]
#![warn(missing_docs, unreachable_pub, clippy::pedantic)]

mod code;
mod failure;
mod kind;
pub mod reply;
mod sentence;

pub use code::Code;
pub use failure::Failure;
pub use kind::Kind;
