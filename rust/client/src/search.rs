//! Search in the deployment. Its functions score the rows, and only the best are transferred.

use std::{sync::Arc, time::Instant};

use base::FunctionKind;
use scan::Row;
use value::{FLOAT32, FLOAT64, Object, Packed, Value};

use crate::{
    client::{Call, Client},
    error::Result,
    pages::VectorIndex,
    runtime::wait,
};

/// The storage functions of the owner and of users. The functions that search are in the same folder.
const STORAGE: [&str; 2] = ["storage:handle", "storage:handleAsUser"];
const SEARCH: &str = "vectors:searchAll";

/// The result of a search.
#[derive(Clone, Debug)]
pub struct Found {
    /// The rows, best first. They have vectors only if the search asked for them.
    pub rows: Vec<Row>,
    /// Their scores.
    pub scores: Vec<f64>,
    /// How many rows the index has.
    pub index_rows: usize,
    /// How many admitted rows were skipped since they can't be ranked.
    pub skipped: usize,
    /// The size of the answer.
    pub bytes_received: usize,
    /// The duration of the search.
    pub seconds: f64,
}

impl VectorIndex {
    /// The path of the action that searches, if it is known.
    fn search_function(&self) -> Option<String> {
        let folder = STORAGE.iter().find_map(|name| self.storage_function.strip_suffix(name))?;
        Some(format!("{folder}{SEARCH}"))
    }
}

impl Client {
    /// Searches an index. `args` are the action's arguments without the index's name. None if the deployed functions
    /// have no search for this caller.
    ///
    /// # Errors
    ///
    /// Those of [`Client::call`], including the search's own.
    pub fn search(&self, index: &VectorIndex, mut args: Object, authorization: Option<&str>) -> Result<Option<Found>> {
        let Some(path) = index.search_function() else { return Ok(None) };
        args.insert("indexName".to_owned(), index.name.as_str().into());
        let (kind, args, began) = (FunctionKind::Action, Value::Object(args), Instant::now());
        let reply = wait(self.send(&Call { kind, path: &path, args: &args, reads: true, authorization }))?;
        let found = match self.outcome(&reply) {
            Ok(found) => found,
            Err(error) if error.is_function_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = Found::read(found).map(|found| Found {
            bytes_received: reply.len(),
            seconds: began.elapsed().as_secs_f64(),
            ..found
        });
        found.map(Some).ok_or_else(|| self.protocol("a search without hits, rows and skipped".to_owned()))
    }
}

impl Found {
    /// Reads the value that the search functions returned; None if it has another form.
    #[must_use]
    pub fn read(found: Value) -> Option<Self> {
        let Value::Object(mut found) = found else { return None };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of rows")]
        let mut count = |name| Some(found.remove(name)?.as_f64()? as usize);
        let (index_rows, skipped) = (count("rows")?, count("skipped")?);
        let Some(Value::Array(hits)) = found.remove("hits") else { return None };
        let (mut rows, mut scores) = (Vec::with_capacity(hits.len()), Vec::with_capacity(hits.len()));
        for hit in hits.iter() {
            let hit = hit.as_object()?;
            scores.push(hit.get("score")?.as_f64()?);
            rows.push(Row {
                id: hit.get("id")?.as_str()?.into(),
                vector: hit.get("vector").and_then(Value::as_object).and_then(vector),
                metadata: Arc::new(hit.get("metadata")?.clone()),
            });
        }
        Some(Self { rows, scores, index_rows, skipped, bytes_received: 0, seconds: 0.0 })
    }
}

fn vector(given: &Object) -> Option<Packed> {
    [FLOAT32, FLOAT64].into_iter().find_map(|form| match given.get(form)? {
        Value::Bytes(bytes) => Packed::from_bytes(form, bytes),
        _ => None,
    })
}
