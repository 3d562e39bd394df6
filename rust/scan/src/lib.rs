//! Exact nearest neighbours: the K best rows of a batch for a query, with the ids, order and score bits of the
//! sequential float64 reference on every CPU.
//!
//! # The idea
//!
//! A search must return the K best rows by their float64 scores, but reading every row in full takes the time. For most
//! rows a few bits of each component prove that they aren't among the best. So each row is kept three times: as its
//! numbers, as *coarse codes* of four bits a component and as *fine codes* of eight. A code is a component, divided by a
//! step of the row's own and rounded. When the row is coded, the length of what the rounding lost is measured. By the
//! Cauchy–Schwarz inequality that length bounds how far a score computed from codes can be from the true one. A search
//! narrows the rows down in three steps:
//!
//! 1. **Two bits.** The upper two bits of all coarse codes are multiplied with the query's, in whole numbers, which is fast
//!    and has no rounding. The rows that look best take the next step right away, and the K-th best of all scores so far is
//!    the *floor*: a row whose upper bound is below it is dropped. Where many rows are left, they are held against it again
//!    by **four bits**, for which only the other two have to be read. Where two bits don't pay, four are read at once. Where
//!    these don't either, and where there are few rows or many are wanted, fine codes are multiplied with the upper half of
//!    the query's bits.
//! 2. **Eight bits.** The rows that are left are bounded by their fine codes and all of the query's bits, from above and
//!    below. The bounds are many times tighter, so the floor rises and most of these rows are dropped as well.
//! 3. **float64.** The last rows, often few more than K, are scored from their numbers: one product after the other, in
//!    the order of the reference. Only these scores are returned. Rows with equal scores keep their stored order.
//!
//! A batch that has been asked often keeps each row once more, and reads still less in the first step: its *outline*.
//! Embeddings lie along far fewer directions than they have numbers. An outline has 128: how far the row lies along each of
//! 127 directions, and how much of it lies outside of all. It is a vector of its own, with coarse codes of its own, and no
//! two rows are more alike than their outlines are.
//!
//! The bounds decide which rows are scored, never what a score is. A loose bound costs time; a wrong one would cost the
//! right answer, so they are proved (`bounds`). Rows that codes say nothing about are scored in float64 right away:
//! short vectors, zero or huge ones, and all rows where a large part of them is wanted. A filter is applied first: it
//! makes a mask, one bit a row, and rows outside the mask are never looked at.
//!
//! # Modules
//!
//! | module | holds |
//! | --- | --- |
//! | [`batch`](Batch) | the rows of one index: vectors, ids, metadata; `chunk` holds a run of them |
//! | [`sorted`](SortedBatch) | a batch kept in the order of keys |
//! | [`top_k`](Batch::top_k) | the search, and how threads share it; `scan` takes the three steps, `select` keeps the floor |
//! | [`metric`](Metric) | cosine, dot product, Euclidean |
//! | `codes`, `outlines`, `norms`, `panels` | data of the rows for the search; `bounds` has the proof about codes and outlines |
//! | [`mask`](Mask) | a set of positions |
//! | [`filter`](Filter) | Mastra's filter language, compiled |
//! | [`page`](decode_page) | a JSON page of vectors to a batch; `json` walks through the text, `decimal` reads its numbers |
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
#[cfg(test)]
mod noise;
mod norms;
mod outlines;
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
