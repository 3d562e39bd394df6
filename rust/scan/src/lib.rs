//! Exact nearest neighbours: the K best rows of a batch for a query, with the ids, order and score bits of the
//! sequential float64 reference on every CPU.
//!
//! | module | holds |
//! | --- | --- |
//! | [`batch`](Batch) | the rows of one index: vectors, ids, metadata |
//! | [`sorted`](SortedBatch) | a batch kept in the order of keys |
//! | [`top_k`](Batch::top_k) | the search, and how threads share it; `scan` goes through the rows: bound, select, rescore, order |
//! | [`metric`](Metric) | cosine, dot product, Euclidean |
//! | `codes`, `norms`, `panels` | what is kept of the rows for it; `bounds` proves what codes tell |
//! | [`mask`](Mask) | a set of positions |
//! | [`filter`](Filter) | Mastra's filter language, compiled |
//! | [`page`](decode_page) | a JSON page of vectors to a batch; `cursor` walks through the text, `decimal` reads its numbers |
//! | [`naive`] | the reference that defines the scores |
//! | [`arch`] | one set of kernels for each instruction set; the only `unsafe` |
//!
//! No I/O, no Python, no storage engine.
#![deny(unsafe_code)]
#![warn(missing_docs, unreachable_pub, clippy::pedantic)]
#![allow(clippy::missing_panics_doc, reason = "an `expect` says why it can't fail; what can panic is documented")]

#[doc(hidden)]
pub mod arch;
mod batch;
mod bounds;
mod chunk;
mod codes;
mod decimal;
mod filter;
mod json;
mod mask;
mod metric;
pub mod naive;
mod norms;
mod page;
mod panels;
mod scan;
mod select;
mod sorted;
mod top_k;

pub use batch::{Batch, BatchError, Matrix, Row, Values};
pub use filter::{Filter, FilterError};
pub use mask::Mask;
pub use metric::{Metric, UnknownMetric};
pub use page::{PageEnd, PageError, Place, decode_page, decode_rows};
pub use sorted::SortedBatch;
pub use top_k::{Search, SearchError, TopK};
