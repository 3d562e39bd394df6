//! Vector search, as `ctx.vectorSearch` does it.

use scan::{Batch, Mask, Metric, Search};
use value::{Packed, Value};
use wire::Code;

use crate::{
    data::schema::VectorIndex,
    error::{Error, Result},
};

/// Convex's bounds on a search.
const MAX_LIMIT: f64 = 256.0;
const MAX_CONDITIONS: usize = 64;

/// Searches the batch of a vector index: ids and scores by descending score, then descending id.
pub(crate) fn search(
    name: &str,
    index: &VectorIndex,
    batch: &Batch,
    vector: &Packed,
    limit: f64,
    conditions: &[(String, Option<Value>)],
) -> Result<Vec<(String, f64)>> {
    let invalid = |code, reason: String| Err(Error::function(code, format!("Vector index {name}: {reason}")));
    if limit > MAX_LIMIT {
        return Err(Error::says(Code::VectorLimitTooLargeError, &[&MAX_LIMIT, &limit]));
    }
    if limit < 0.0 || limit.fract() != 0.0 || limit.is_nan() {
        return invalid(
            Code::VectorLimitTooLargeError,
            format!("limit must be an integer from 0 to {MAX_LIMIT}, not {limit}"),
        );
    }
    if conditions.len() > MAX_CONDITIONS {
        return invalid(
            Code::TooManyElementsInVectorQueryError,
            format!("at most {MAX_CONDITIONS} conditions in a filter, not {}", conditions.len()),
        );
    }
    if let Some((field, _)) = conditions.iter().find(|(field, _)| !index.filter_fields.contains(field)) {
        return invalid(
            Code::IncorrectVectorFilterField,
            format!("`{field}` is not one of its filter fields {:?}", index.filter_fields),
        );
    }
    if vector.len() != index.dimensions {
        return Err(Error::says(Code::VectorDimensionsMismatch, &[&index.dimensions, &vector.len()]));
    }
    let query: Vec<f64> = vector.iter().collect();
    let mask = (!conditions.is_empty()).then(|| {
        Mask::from_fn(batch.positions(), |position| {
            let metadata = batch.metadata(position);
            let fields = metadata.as_object();
            conditions.iter().any(|(field, value)| fields.and_then(|fields| fields.get(field)) == value.as_ref())
        })
    });
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 256, checked above")]
    let limit = limit as usize;
    if limit == 0 {
        return Ok(Vec::new());
    }
    // A zero query vector has no direction. On Convex, each vector scores 0 then.
    let is_zero = query.iter().all(|component| *component == 0.0);
    let metric = if is_zero { Metric::DotProduct } else { Metric::Cosine };
    // Of rows with equal scores, those with larger ids count. So all rows that tie with the last one must be looked at.
    let mut asked = limit + 1;
    let found = loop {
        let search = Search { metric, top_k: asked, mask: mask.as_ref(), min_score: None, threads: 1 };
        let found = batch.top_k(&query, &search);
        let found = found.map_err(|error| Error::function(Code::InvalidVectorQuery, error.to_string()))?;
        #[expect(clippy::float_cmp, reason = "a tie is an equal score")]
        let tied = found.scores.len() == asked && found.scores[limit - 1] == found.scores[asked - 1];
        if !tied {
            break found;
        }
        asked *= 2;
    };
    let mut hits: Vec<(String, f64)> =
        found.rows.iter().map(|row| batch.id(*row).to_string()).zip(found.scores).collect();
    hits.sort_by(|a, b| b.1.partial_cmp(&a.1).expect("scores are finite").then_with(|| b.0.cmp(&a.0)));
    hits.truncate(limit);
    Ok(hits)
}
