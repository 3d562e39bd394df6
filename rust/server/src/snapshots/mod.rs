//! Exports and imports, by the routes of `npx convex export` and `npx convex import`.
//!
//! An export is written to a file, which can be downloaded until there is a newer one. An import is uploaded in parts,
//! confirmed, and performed. Both run on threads of their own. Clients follow them by system queries (`system.rs`).

mod export;
mod import;

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    routing::{get, post},
};
use base::locked;
use engine::Error;
use tokio::sync::watch;
use value::Value;

use crate::{reply::Refusal, routes::App};
use {export::Export, import::Import};

/// The exports and imports of a server.
#[derive(Clone)]
pub(crate) struct Snapshots {
    state: Arc<Mutex<State>>,
    /// Notified whenever an export or an import has changed.
    changed: watch::Sender<()>,
    stopped: watch::Receiver<bool>,
}

#[derive(Default)]
struct State {
    export: Option<Export>,
    /// The imports, the oldest first.
    imports: Vec<Import>,
}

impl Snapshots {
    pub(crate) fn new(stopped: watch::Receiver<bool>) -> Self {
        Self { state: Arc::default(), changed: watch::Sender::default(), stopped }
    }

    /// A receiver that is notified when an export or an import has changed.
    pub(crate) fn changed(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The state of the newest export; null if there was none.
    pub(crate) fn latest_export(&self) -> Value {
        self.state().export.as_ref().map_or(Value::Null, Export::to_value)
    }

    /// The state of an import; null if there is none with this id.
    pub(crate) fn import(&self, id: &str) -> Value {
        self.state().imports.iter().find(|import| import.id == id).and_then(Import::to_value).unwrap_or_default()
    }

    /// The states of the imports, the oldest first.
    pub(crate) fn imports(&self) -> Value {
        self.state().imports.iter().filter_map(Import::to_value).collect::<Vec<_>>().into()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    /// Changes something that clients follow.
    fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let done = act(&mut self.state());
        self.changed.send_replace(());
        done
    }

    fn is_stopped(&self) -> bool {
        *self.stopped.borrow()
    }
}

/// The routes that the command line of npm's `convex` calls.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/export/request/zip", post(export::request))
        .route("/api/export/zip/{timestamp}", get(export::download))
        .route("/api/import/start_upload", post(import::start_upload))
        .route("/api/import/upload_part", post(import::upload_part))
        .route("/api/import/finish_upload", post(import::finish_upload))
        .route("/api/perform_import", post(import::perform))
}

/// The file of a snapshot can't be written, or read.
fn failed(error: io::Error) -> Refusal {
    Refusal::internal(&Error::SnapshotFile(error))
}
