//! The boundary between Python and the Rust crates: converts, releases the GIL, maps errors.
//!
//! `mastra_convex/_native.pyi` documents each class; the comments here repeat the essence for `help()`.
#![deny(unsafe_code)]
#![warn(clippy::pedantic)]
#![allow(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over")]

mod administrator;
mod arrays;
mod batch;
mod convert;
mod embedded;
mod error;
mod footprint;
mod functions;
mod http;
mod interruption;
mod log;
mod pending;
mod results;
mod server;
mod signal;
mod snapshot;
mod subscription;
mod vector_index;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::{
        arrays::first_not_finite,
        batch::{VectorBatch, filter_text, matches_everything, row_sizes},
        embedded::{EmbeddedDeployment, after_fork_in_child, after_fork_in_parent, before_fork},
        footprint::Footprint,
        functions::builtin_files,
        http::HttpDeployment,
        interruption::Work,
        pending::PendingCall,
        results::{QueryResult, QueryResults, QueryStats},
        server::{HttpServer, admin_key},
        snapshot::{SnapshotSummary, read_snapshot},
        subscription::Subscription,
        vector_index::VectorIndex,
    };
    use pyo3::{
        Bound, PyResult,
        types::{PyModule, PyModuleMethods},
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("SQLITE_VERSION", engine::sqlite_version())
    }
}
