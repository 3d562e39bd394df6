//! Imports: clients upload them in parts, confirm them, and have them performed.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Seek, SeekFrom, Write as _},
    ops::ControlFlow,
    sync::{Arc, Mutex},
};

use axum::{
    body::{Body, to_bytes},
    extract::{Query, State},
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
};
use base::locked;
use engine::{Deployment, ImportMode};
use serde::Deserialize;
use value::{Object, Value};
use wire::{
    Code,
    reply::{ERROR_CODE, ERROR_KIND},
};

use super::failed;
use crate::{
    reply::{Refusal, json},
    request::{check_component, read_object},
    routes::{App, blocking},
};

/// Parts have 5 MiB; they are larger only if there would be too many.
const PART_BYTES: usize = 64 << 20;

/// How many imports are kept, with their uploaded files.
const MAX_IMPORTS: usize = 16;

pub(super) struct Import {
    pub(super) id: String,
    mode: ImportMode,
    stage: Stage,
}

enum Stage {
    Uploading(Arc<Mutex<Upload>>),
    WaitingForConfirmation(Arc<File>),
    InProgress { percent: u64 },
    Completed { documents: u64 },
    Failed { reason: String, code: Option<Code> },
}

/// The uploaded parts, one after the other in a file.
struct Upload {
    file: File,
    /// Where each part ends.
    ends: Vec<u64>,
}

impl Import {
    /// The reply to `queryImport`; None before the import is uploaded.
    pub(super) fn to_value(&self) -> Option<Value> {
        let mut state = Object::new();
        let mut put = |name: &str, value: Value| drop(state.insert(name.to_owned(), value));
        match &self.stage {
            Stage::Uploading(_) => return None,
            Stage::WaitingForConfirmation(_) => {
                put("state", "waiting_for_confirmation".into());
                let replaced = match self.mode {
                    ImportMode::RequireEmpty => None,
                    ImportMode::Replace => Some("the tables of the snapshot"),
                    ImportMode::ReplaceAll => Some("all tables"),
                };
                if let Some(replaced) = replaced {
                    let message = format!("The documents that {replaced} hold now are deleted.");
                    put("message_to_confirm", message.into());
                }
            }
            Stage::InProgress { percent } => {
                put("state", "in_progress".into());
                put("progress_message", format!("Importing ({percent} %)").into());
            }
            Stage::Completed { documents } => {
                put("state", "completed".into());
                put("num_rows_written", Value::Int64(i64::try_from(*documents).unwrap_or(i64::MAX)));
            }
            Stage::Failed { reason, code } => {
                put("state", "failed".into());
                put("error_message", reason.as_str().into());
                if let Some(code) = code {
                    put(ERROR_KIND, code.kind().name().into());
                    put(ERROR_CODE, code.name().into());
                }
            }
        }
        Some([("_id", self.id.as_str().into()), ("state", state.into())].into())
    }
}

impl super::State {
    fn import(&mut self, id: &str) -> Result<&mut Import, Refusal> {
        let found = self.imports.iter_mut().find(|import| import.id == id);
        found.ok_or_else(|| Refusal::bad_request("InvalidImport", format!("There is no import {id:?}")))
    }
}

/// `POST /api/import/start_upload`. The returned token names the import.
pub(super) async fn start_upload(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Refusal> {
    app.check_admin(&headers, &uri).await?;
    let file = app.deployment.temporary_file().map_err(|error| Refusal::internal(&error))?;
    let id = new_id().map_err(failed)?;
    let stage = Stage::Uploading(Arc::new(Mutex::new(Upload { file, ends: Vec::new() })));
    let import = Import { id: id.clone(), mode: ImportMode::RequireEmpty, stage };
    app.snapshots.change(|state| {
        if state.imports.len() == MAX_IMPORTS
            && let Some(oldest) =
                state.imports.iter().position(|import| !matches!(import.stage, Stage::InProgress { .. }))
        {
            state.imports.remove(oldest);
        }
        state.imports.push(import);
    });
    Ok(json(serde_json::json!({"uploadToken": id}).to_string()).into_response())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part {
    upload_token: String,
    part_number: usize,
}

/// `POST /api/import/upload_part?uploadToken=…&partNumber=…`. Parts come in order; a repeated part replaces itself.
pub(super) async fn upload_part(
    State(app): State<App>,
    Query(part): Query<Part>,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Result<Response, Refusal> {
    app.check_admin(&headers, &uri).await?;
    let upload = match &app.snapshots.state().import(&part.upload_token)?.stage {
        Stage::Uploading(upload) => Arc::clone(upload),
        _ => return Err(Refusal::bad_request("InvalidImport", "The upload is finished")),
    };
    let bytes = to_bytes(body, PART_BYTES).await.map_err(|error| {
        let message = format!("The part can't be read, or has more than {PART_BYTES} bytes: {error}");
        Refusal::bad_request("ImportFailed", message)
    })?;
    let number = part.part_number;
    let stored = blocking(move || {
        let mut upload = locked(&upload);
        if !(1..=upload.ends.len() + 1).contains(&number) {
            let message = format!("partNumber: {number}; expected {} next", upload.ends.len() + 1);
            return Err(Refusal::bad_request("ImportFailed", message));
        }
        upload.ends.truncate(number - 1);
        let start = upload.ends.last().copied().unwrap_or_default();
        upload.file.seek(SeekFrom::Start(start)).and_then(|_| upload.file.write_all(&bytes)).map_err(failed)?;
        upload.ends.push(start + bytes.len() as u64);
        Ok(())
    });
    stored.await??;
    Ok(json(serde_json::json!(number.to_string()).to_string()).into_response())
}

/// `POST /api/import/finish_upload`, with `{import: {mode, format}, uploadToken, partTokens}`.
pub(super) async fn finish_upload(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Result<Response, Refusal> {
    app.check_admin(&headers, &uri).await?;
    let body = read_object(&headers, body).await?;
    let id = text(&body, "uploadToken")?.to_owned();
    let mode = mode(body.get("import").and_then(Value::as_object).unwrap_or(&Object::new()), &app.deployment)?;
    let parts = match body.get("partTokens") {
        Some(Value::Array(parts)) => parts.len(),
        _ => return Err(Refusal::bad_request("BadJsonBody", "`partTokens`: expected a list")),
    };
    app.snapshots.change(|state| {
        let import = state.import(&id)?;
        let Stage::Uploading(upload) = &import.stage else {
            return Err(Refusal::bad_request("InvalidImport", "The upload is finished"));
        };
        let upload = locked(upload);
        if upload.ends.len() != parts {
            let message = format!("`partTokens`: {parts}; expected those of the {} parts", upload.ends.len());
            return Err(Refusal::bad_request("ImportFailed", message));
        }
        let file = upload.file.try_clone().map_err(failed)?;
        file.set_len(upload.ends.last().copied().unwrap_or_default()).map_err(failed)?;
        drop(upload);
        (import.mode, import.stage) = (mode, Stage::WaitingForConfirmation(Arc::new(file)));
        Ok(())
    })?;
    Ok(json(serde_json::json!({"importId": id}).to_string()).into_response())
}

/// `POST /api/perform_import`, with `{importId}`.
pub(super) async fn perform(State(app): State<App>, headers: HeaderMap, uri: Uri, body: Body) -> Result<(), Refusal> {
    app.check_admin(&headers, &uri).await?;
    let id = text(&read_object(&headers, body).await?, "importId")?.to_owned();
    let (file, mode) = app.snapshots.change(|state| {
        let import = state.import(&id)?;
        let Stage::WaitingForConfirmation(file) = &import.stage else {
            return Err(Refusal::bad_request("InvalidImport", "The import doesn't wait to be performed"));
        };
        let file = Arc::clone(file);
        import.stage = Stage::InProgress { percent: 0 };
        Ok((file, import.mode))
    })?;
    tokio::task::spawn_blocking(move || {
        let stage = import(&app, &id, &file, mode);
        set_stage(&app, &id, stage);
    });
    Ok(())
}

fn import(app: &App, id: &str, file: &File, mode: ImportMode) -> Stage {
    let mut told = 0;
    let imported = app.deployment.import_snapshot(file, mode, &mut |phase, done, total| {
        if app.snapshots.is_stopped() {
            return ControlFlow::Break(());
        }
        // The written data is read again, so writing is the first half of the work.
        let before = if phase == engine::Phase::Check { 50 } else { 0 };
        let percent = before + 50 * done / total.max(1);
        if percent != told {
            told = percent;
            set_stage(app, id, Stage::InProgress { percent });
        }
        ControlFlow::Continue(())
    });
    match imported {
        Ok(summary) => Stage::Completed { documents: summary.tables.values().map(|content| content.documents).sum() },
        Err(error) => Stage::Failed { reason: error.to_string(), code: error.of_call() },
    }
}

fn set_stage(app: &App, id: &str, stage: Stage) {
    app.snapshots.change(|state| {
        if let Ok(import) = state.import(id) {
            import.stage = stage;
        }
    });
}

/// The treatment of existing documents, if the embedded deployment supports it.
fn mode(import: &Object, deployment: &Deployment) -> Result<ImportMode, Refusal> {
    check_component(import.get("componentPath").and_then(Value::as_str), deployment)?;
    let format = text(import, "format")?;
    if format != "zip" {
        let message = format!("format {format:?}: the embedded deployment imports snapshots only, which are zips");
        return Err(Refusal::bad_request("UnsupportedFormat", message));
    }
    let mode = text(import, "mode")?;
    ImportMode::from_name(mode).ok_or_else(|| {
        let message =
            format!("mode {mode:?}: the embedded deployment knows \"requireEmpty\", \"replace\" and \"replaceAll\"");
        Refusal::bad_request("UnsupportedMode", message)
    })
}

fn text<'a>(fields: &'a Object, name: &str) -> Result<&'a str, Refusal> {
    let text = fields.get(name).and_then(Value::as_str);
    text.ok_or_else(|| Refusal::bad_request("BadJsonBody", format!("`{name}`: expected text")))
}

fn new_id() -> io::Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let mut id = String::with_capacity(32);
    for byte in random {
        write!(id, "{byte:02x}").expect("text grows");
    }
    Ok(id)
}
