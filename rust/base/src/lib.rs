//! Parts that several crates need: locks, forks and kinds of functions.
//!
//! | module | holds |
//! | --- | --- |
//! | `locks` | locks that a panic leaves usable |
//! | `process` | the process that made something; a forked child is another one |
//! | `function_kind` | queries, mutations, actions |
//! | [`interrupt`] | whether the work of a thread should be given up |
#![deny(unsafe_code)]

mod function_kind;
pub mod interrupt;
mod locks;
mod process;

pub use function_kind::FunctionKind;
pub use locks::locked;
pub use process::Process;
