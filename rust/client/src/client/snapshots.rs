//! Exports and imports. They use the routes of npm `convex`'s command line, so they work wherever it does.

use std::{
    fs::File,
    io::{Read, Write},
    ops::ControlFlow,
    time::{Duration, Instant},
};

use base::FunctionKind;
use hyper::{
    Method,
    body::Bytes,
    header::{CONTENT_LENGTH, HeaderValue},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use value::{Value, json};
use wire::reply::{ERROR_CODE, ERROR_KIND};

use super::{Call, Client, Outgoing};
use crate::{
    error::{Error, Result},
    runtime::wait,
};

/// The smallest size of a part, except the last, and the largest number of parts that Convex takes.
const PART_BYTES: u64 = 5 << 20;
const MAX_PARTS: u64 = 9_999;

/// Time for a part on a slow line, and for a whole snapshot.
const PART_TIMEOUT: Duration = Duration::from_mins(10);
const DOWNLOAD_TIMEOUT: Duration = Duration::from_hours(24);

/// The time between two questions about the deployment's progress.
const PATIENCE: Duration = Duration::from_millis(100);

/// The phases of which progress is reported, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The deployment works. It doesn't tell its progress.
    Wait,
    /// A snapshot is downloaded.
    Download,
    /// A snapshot is uploaded.
    Upload,
}

/// The progress callback: takes the phase, the bytes done and the bytes in all. If it breaks, the work ends.
pub type Report<'a> = dyn FnMut(Phase, u64, u64) -> ControlFlow<()> + 'a;

impl Client {
    /// Has the deployment write a snapshot, and downloads it.
    ///
    /// # Errors
    ///
    /// The deployment can't be reached, or refuses; another export is under way; the file can't be written; the
    /// progress callback breaks.
    pub fn export_snapshot(&self, file: &mut File, authorization: Option<&str>, report: &mut Report<'_>) -> Result<()> {
        self.post("/api/export/request/zip", &[("includeStorage", "false")], None, authorization, false)?;
        let exported = self.follow("_system/cli/exports:getLatest", &[].into(), authorization, report)?;
        let Some(Value::Int64(timestamp)) = field(&exported, "start_ts") else {
            return Err(self.protocol("an export without `start_ts`".to_owned()));
        };
        let path = format!("/api/export/zip/{timestamp}");
        let outgoing =
            Outgoing { method: Method::GET, path: &path, authorization, content_type: None, body: Bytes::new() };
        let begun = Instant::now();
        let mut reply = wait(async {
            let reply = self.http.send(&outgoing, begun + self.timeout).await;
            let reply = reply.map_err(|failure| self.broken(&path, true, failure))?;
            if reply.status == 200 {
                return Ok(reply);
            }
            self.read(reply, &path, true, begun + self.timeout).await?;
            Err(self.protocol("an export without a file".to_owned()))
        })?;
        let length = |length: &HeaderValue| length.to_str().ok()?.parse::<u64>().ok();
        let total = reply.headers.get(CONTENT_LENGTH).and_then(length).unwrap_or_default();
        let mut done = 0;
        let mut next = || {
            wait(async {
                let chunk = reply.chunk(begun + DOWNLOAD_TIMEOUT).await;
                chunk.map_err(|failure| self.broken(&path, true, failure))
            })
        };
        while let Some(chunk) = next()? {
            file.write_all(&chunk).map_err(Error::snapshot_file)?;
            done += chunk.len() as u64;
            told(report(Phase::Download, done, total.max(done)))?;
        }
        if done < total {
            let reason = format!("the connection broke after {done} of {total} bytes");
            return Err(Error::Connect { url: self.url.to_string(), reason });
        }
        Ok(())
    }

    /// Uploads a snapshot, and has the deployment import it in one of Convex's modes: `requireEmpty`; `replace`, which
    /// deletes the contents of the snapshot's tables; or `replaceAll`, which deletes the contents of all tables. Returns
    /// the number of documents written.
    ///
    /// # Errors
    ///
    /// The deployment can't be reached, or refuses; it finds an error in the snapshot ([`Error::Function`]); the file
    /// can't be read; the progress callback breaks. If the outcome isn't known, the import may continue.
    pub fn import_snapshot(
        &self,
        file: &mut File,
        mode: &str,
        authorization: Option<&str>,
        report: &mut Report<'_>,
    ) -> Result<u64> {
        let started = self.post("/api/import/start_upload", &[], None, authorization, true)?;
        let token = self.text(&started, "uploadToken")?;
        let parts = self.upload(file, &token, authorization, report)?;
        let finish = Value::from([
            ("import", [("mode", mode.into()), ("format", "zip".into())].into()),
            ("uploadToken", token.into()),
            ("partTokens", parts.into()),
        ]);
        let finished = self.post_json("/api/import/finish_upload", &finish, authorization)?;
        let id = Value::from([("importId", self.text(&finished, "importId")?.into())]);
        let mut state = self.follow("_system/cli/queryImport", &id, authorization, report)?;
        if field(&state, "state").and_then(Value::as_str) == Some("waiting_for_confirmation") {
            self.post_json("/api/perform_import", &id, authorization)?;
            state = self.follow("_system/cli/queryImport", &id, authorization, report)?;
        }
        match field(&state, "num_rows_written") {
            Some(Value::Int64(documents)) => Ok(documents.unsigned_abs()),
            _ => Err(self.protocol("an import that neither failed nor was completed".to_owned())),
        }
    }

    /// Uploads a file in parts, and returns the name of each.
    fn upload(
        &self,
        file: &mut File,
        token: &str,
        authorization: Option<&str>,
        report: &mut Report<'_>,
    ) -> Result<Vec<Value>> {
        let total = file.metadata().map_err(Error::snapshot_file)?.len();
        let part_bytes = PART_BYTES.max(total.div_ceil(MAX_PARTS));
        let (mut parts, mut done) = (Vec::new(), 0);
        loop {
            let mut part = Vec::new();
            file.take(part_bytes).read_to_end(&mut part).map_err(Error::snapshot_file)?;
            if part.is_empty() {
                return Ok(parts);
            }
            let number = (parts.len() + 1).to_string();
            let query = [("uploadToken", token), ("partNumber", number.as_str())];
            let length = part.len() as u64;
            let body = ("application/octet-stream", part.into());
            let reply = self.post("/api/import/upload_part", &query, Some(body), authorization, true)?;
            let name = json::decode(&reply).map_err(|error| self.protocol(error.to_string()))?;
            parts.push(name);
            done += length;
            told(report(Phase::Upload, done, total))?;
        }
    }

    /// Asks for the state of an export or an import, until it has ended or waits for a confirmation.
    fn follow(&self, path: &str, args: &Value, authorization: Option<&str>, report: &mut Report<'_>) -> Result<Value> {
        loop {
            let call = Call { kind: FunctionKind::Query, path, args, reads: true, authorization };
            let found = wait(self.call(&call))?.result?;
            let state = field(&found, "state").filter(|state| matches!(state, Value::Object(_))).unwrap_or(&found);
            let text = |name| field(state, name).and_then(Value::as_str);
            match text("state") {
                Some("requested" | "uploaded" | "in_progress") => {}
                Some("failed") => {
                    let message = text("error_message").unwrap_or("the export failed").to_owned();
                    return Err(Error::function(text(ERROR_KIND), text(ERROR_CODE), message, None));
                }
                Some(_) => return Ok(state.clone()),
                None => return Err(self.protocol(format!("{path}: found no state"))),
            }
            told(report(Phase::Wait, 0, 1))?;
            wait(async {
                tokio::time::sleep(PATIENCE).await;
                Ok(())
            })?;
        }
    }

    fn post_json(&self, path: &str, body: &Value, authorization: Option<&str>) -> Result<Vec<u8>> {
        let body = json::to_string(body, json::Format::Encoded);
        self.post(path, &[], Some(("application/json", body.into())), authorization, false)
    }

    /// Sends a request that isn't a call of a function. `repeats` says that it may be sent twice.
    fn post(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: Option<(&'static str, Bytes)>,
        authorization: Option<&str>,
        repeats: bool,
    ) -> Result<Vec<u8>> {
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let query: Vec<_> = query.iter().map(|(name, text)| format!("{name}={}", encode(text))).collect();
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) };
        let (content_type, body) = body.unzip();
        let (method, body) = (Method::POST, body.unwrap_or_default());
        let outgoing = Outgoing { method, path: &target, authorization, content_type, body };
        wait(self.exchange(&outgoing, path, repeats, Instant::now() + PART_TIMEOUT))
    }

    /// A field of text in a reply.
    fn text(&self, reply: &[u8], name: &str) -> Result<String> {
        let fields = self.object(reply)?;
        let text = fields.get(name).and_then(Value::as_str).map(str::to_owned);
        text.ok_or_else(|| self.protocol(format!("a reply without `{name}`")))
    }
}

fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object()?.get(name)
}

fn told(flow: ControlFlow<()>) -> Result<()> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Stopped),
    }
}
