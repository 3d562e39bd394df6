//! Search in a vector index, by a vector or by one of its rows.

use std::{sync::Arc, time::Instant};

use scan::{Batch, Filter, Metric, Search};
use value::{Array, Value};
use wire::Code;

use super::{
    arguments::Arguments,
    documents::cut_fields,
    shapes::{number, object},
};
use crate::{
    data::query::{Comparison, Expression, Query},
    engine::Engine,
    error::{Error, Result},
    vectors::{MetadataSource, VectorSource},
};

const MOST_RESULTS: usize = 1000;

impl VectorSource {
    /// The rows of an index of Mastra's, as the storage functions keep them. They are read here without the functions,
    /// to score them, so this repeats the names of the table, the index and the fields in
    /// `convex/mastra/tables/vectors.ts`.
    #[must_use]
    pub fn of_mastra(index_name: &str, dimension: usize) -> Self {
        Self {
            table: "mastra_vectors".to_owned(),
            index: "by_index".to_owned(),
            prefix: vec![index_name.into()],
            vector_field: "embedding".to_owned(),
            dimension,
            id_field: "id".to_owned(),
            metadata: MetadataSource::Field("metadata".to_owned()),
        }
    }
}

/// `{table?, index, vector?, id?, filter?, topK?, brief?}`: the rows most like a vector or the row with an id.
///
/// `filter` is JSON text. `index` is an index of Mastra's, or with `table` a vector index of that table. The row itself is among the results.
pub(super) fn search(engine: &Engine, args: &mut Arguments) -> Result<Value> {
    let (table, index) = (args.optional_text("table")?, args.text("index")?);
    let (source, metric) = match &table {
        None => mastra_index(engine, &index)?,
        Some(table) => table_index(engine, table, &index)?,
    };
    let batch = engine.vectors(&source)?;
    let vector = args.optional("vector", "a list of numbers", |vector| match vector {
        Value::Array(array) => array.numbers(),
        _ => None,
    })?;
    let query: Vec<f64> = match (vector, args.optional_text("id")?) {
        (Some(vector), None) => vector.iter().collect(),
        (None, Some(id)) => row_vector(&batch, &id, &index)?,
        _ => return Err(args.invalid("vector", "expected either a vector or an id")),
    };
    let filter = args.optional_text("filter")?;
    let top_k = args.optional_count("topK", MOST_RESULTS)?.unwrap_or(20);
    let brief = args.optional_count("brief", usize::MAX)?;
    args.done()?;
    let filter = filter.as_deref().map(compile).transpose()?;
    let begun = Instant::now();
    let mask = filter.as_ref().map(|filter| batch.mask(filter));
    let filtered = begun.elapsed();
    let begun = Instant::now();
    let options = Search { metric, top_k, mask: mask.as_ref(), min_score: None, threads: 1 };
    let found = batch.top_k(&query, &options);
    let found = found.map_err(|error| Error::function(Code::InvalidVectorQuery, error.to_string()))?;
    let scanned = begun.elapsed();
    let results = found.rows.iter().zip(&found.scores).map(|(row, score)| {
        let mut metadata = batch.metadata(*row).as_object().cloned().unwrap_or_default();
        if let Some(brief) = brief {
            cut_fields(&mut metadata, brief);
        }
        object([("id", (&*batch.id(*row)).into()), ("score", (*score).into()), ("metadata", metadata.into())])
    });
    let results: Vec<Value> = results.collect();
    Ok(object([
        ("strategy", "embedded".into()),
        ("metric", metric.name().into()),
        ("dimension", number(batch.dimension() as u64)),
        ("rows", number(batch.len() as u64)),
        ("skipped", number(found.skipped as u64)),
        ("filterMs", (filtered.as_secs_f64() * 1e3).into()),
        ("scanMs", (scanned.as_secs_f64() * 1e3).into()),
        ("results", Value::Array(Array::new(results))),
    ]))
}

/// An index of Mastra's, by its description in `mastra_vector_indexes`.
fn mastra_index(engine: &Engine, name: &str) -> Result<(VectorSource, Metric)> {
    let described = Query {
        table: "mastra_vector_indexes".to_owned(),
        index: None,
        range: Vec::new(),
        descending: false,
        filters: vec![Expression::Compare(
            Comparison::Eq,
            Box::new((Expression::Field("indexName".to_owned()), Expression::Literal(Some(name.into())))),
        )],
    };
    // The transaction ends here: in memory it has the only connection.
    let found = engine.begin_read_whole()?.collect(&described, 1)?;
    let fields = found.first().map(|document| &document.fields);
    let Some(fields) = fields else { return Err(no_index(name)) };
    let metric = fields.get("metric").and_then(Value::as_str).and_then(|metric| metric.parse().ok());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a dimension is a small whole number")]
    let dimension = fields.get("dimension").and_then(Value::as_f64).map(|dimension| dimension as usize);
    let (Some(metric), Some(dimension)) = (metric, dimension) else { return Err(no_index(name)) };
    Ok((VectorSource::of_mastra(name, dimension), metric))
}

fn table_index(engine: &Engine, table: &str, index: &str) -> Result<(VectorSource, Metric)> {
    let schema = engine.schema();
    let declared = schema.tables.get(table).and_then(|definition| definition.vector_indexes.get(index));
    let declared = declared.ok_or_else(|| no_index(&format!("{table}.{index}")))?;
    Ok((VectorSource::of_index(table, declared), Metric::Cosine))
}

/// A filter of Mastra's language, as JSON text: a Convex value has no fields such as `$gte`.
fn compile(text: &str) -> Result<Filter> {
    let invalid = |reason: String| Error::function(Code::InvalidFilter, reason);
    let filter = serde_json::from_str(text).map_err(|error| invalid(format!("filter: not JSON: {error}")))?;
    Filter::compile(&plain(filter)).map_err(|error| invalid(error.to_string()))
}

/// Plain JSON as a value.
fn plain(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => truth.into(),
        serde_json::Value::Number(number) => number.as_f64().unwrap_or(f64::NAN).into(),
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Array(items) => items.into_iter().map(plain).collect::<Vec<_>>().into(),
        serde_json::Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, field)| (name, plain(field))).collect())
        }
    }
}

fn row_vector(batch: &Arc<Batch>, id: &str, index: &str) -> Result<Vec<f64>> {
    let row = batch.live().find(|row| &*batch.id(*row) == id);
    let vector = row.and_then(|row| batch.vector(row));
    let vector =
        vector.ok_or_else(|| Error::function(Code::Error, format!("{index} has no vector with the id {id:?}")))?;
    Ok(vector.iter().collect())
}

fn no_index(name: &str) -> Error {
    Error::function(Code::IndexNotFoundError, format!("There is no vector index {name:?}"))
}
