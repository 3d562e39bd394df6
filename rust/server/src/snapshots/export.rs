//! The export that was requested last.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::ControlFlow,
    sync::{Arc, Mutex},
};

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Uri, header},
    response::{IntoResponse, Response},
};
use base::locked;
use futures_util::stream;
use value::{Object, Value};

use super::failed;

use crate::{
    reply::Refusal,
    routes::{App, blocking},
};

/// How many bytes of the file are read and sent at once.
const CHUNK_BYTES: u64 = 1 << 20;

pub(super) enum Export {
    InProgress,
    Completed { timestamp: i64, file: Arc<Mutex<File>> },
    Failed { reason: String },
}

impl Export {
    /// The reply to `getLatest`.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::InProgress => [("state", "in_progress".into())].into(),
            Self::Completed { timestamp, .. } => {
                let timestamp = Value::Int64(*timestamp);
                Object::from(
                    [("state", "completed".into()), ("start_ts", timestamp.clone()), ("complete_ts", timestamp)]
                        .map(|(name, value)| (name.to_owned(), value)),
                )
                .into()
            }
            // Convex gives no reason either.
            Self::Failed { reason } => [("state", "failed".into()), ("error_message", reason.as_str().into())].into(),
        }
    }
}

/// `POST /api/export/request/zip`
pub(super) async fn request(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<(), Refusal> {
    app.check_admin(&headers, &uri).await?;
    let is_free = app.snapshots.change(|state| {
        let is_free = !matches!(state.export, Some(Export::InProgress));
        if is_free {
            state.export = Some(Export::InProgress);
        }
        is_free
    });
    if !is_free {
        return Err(Refusal::bad_request("ExportInProgress", "There is already an export in progress"));
    }
    tokio::task::spawn_blocking(move || {
        let export = export(&app);
        app.snapshots.change(|state| state.export = Some(export));
    });
    Ok(())
}

fn export(app: &App) -> Export {
    let written = app.deployment.temporary_file().and_then(|file| {
        let go_on = || if app.snapshots.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let (timestamp, _) = app.deployment.export_snapshot(&file, &mut |_, _, _| go_on())?;
        Ok((timestamp, file))
    });
    match written {
        Ok((timestamp, file)) => Export::Completed { timestamp, file: Arc::new(Mutex::new(file)) },
        Err(error) => Export::Failed { reason: error.to_string() },
    }
}

/// `GET /api/export/zip/{timestamp}`
pub(super) async fn download(
    State(app): State<App>,
    Path(wanted): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Refusal> {
    app.check_admin(&headers, &uri).await?;
    let file = match &app.snapshots.state().export {
        Some(Export::Completed { timestamp, file }) if timestamp.to_string() == wanted => Arc::clone(file),
        _ => {
            let message = format!("There is no export of timestamp {wanted}; only the last one is kept");
            return Err(Refusal::bad_request("ExportNotFound", message));
        }
    };
    let length = length(&file).map_err(failed)?;
    let chunks = stream::try_unfold(0, move |offset| {
        let file = Arc::clone(&file);
        async move {
            if offset == length {
                return Ok(None);
            }
            let chunk = blocking(move || read(&file, offset)).await.map_err(|_| io::Error::other("stopping"))??;
            let end = offset + chunk.len() as u64;
            Ok::<_, io::Error>(Some((chunk, end)))
        }
    });
    let name = format!("attachment; filename=snapshot_{wanted}.zip");
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

fn length(file: &Mutex<File>) -> io::Result<u64> {
    Ok(locked(file).metadata()?.len())
}

/// Reads the next part of a file that other requests may be reading too.
fn read(file: &Mutex<File>, offset: u64) -> io::Result<Vec<u8>> {
    let mut file = locked(file);
    file.seek(SeekFrom::Start(offset))?;
    let mut chunk = Vec::new();
    file.by_ref().take(CHUNK_BYTES).read_to_end(&mut chunk)?;
    if chunk.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(chunk) }
}
