//! A batch as a list of rows, and the reference over it.

use std::sync::Arc;

use scan::{Batch, Metric, Row, Search, SearchError, TopK, arch, naive};
use value::{Packed, Value};

/// A row of the model: what was handed in, or nothing where it was removed.
pub(crate) type Model = Vec<Option<Option<Vec<f64>>>>;

/// The reference's answer, over rows in stored order.
pub(crate) fn expected(rows: &Model, query: &[f64], search: &Search) -> TopK {
    let admitted = |position: &usize| search.mask.is_none_or(|mask| mask.contains(*position));
    let positions: Vec<usize> = (0..rows.len()).filter(|&position| rows[position].is_some()).filter(admitted).collect();
    let no_vector: &[f64] = &[f64::NAN];
    let ranked = naive::rank(
        search.metric,
        query,
        positions.iter().map(|&position| rows[position].as_ref().and_then(Option::as_deref).unwrap_or(no_vector)),
    );
    let skipped = positions.len() - ranked.len();
    let wanted = ranked.into_iter().filter(|&(_, score)| search.min_score.is_none_or(|min_score| score >= min_score));
    let (rows, scores) = wanted.take(search.top_k).map(|(place, score)| (positions[place], score)).unzip();
    TopK { rows, scores, skipped }
}

pub(crate) fn assert_same(found: &TopK, expected: &TopK, context: &str) {
    let bits = |top_k: &TopK| top_k.scores.iter().map(|score| score.to_bits()).collect::<Vec<_>>();
    assert_eq!(found.rows, expected.rows, "{context}: {:?} {:?}", found.scores, expected.scores);
    assert_eq!(bits(found), bits(expected), "{context}");
    assert_eq!(found.skipped, expected.skipped, "{context}");
}

/// Holds every set of kernels to the reference.
pub(crate) fn check(batch: &Batch, rows: &Model, query: &[f64], search: &Search) {
    if search.metric == Metric::Cosine && query.iter().fold(0.0, |sum, x| sum + x * x) == 0.0 {
        assert_eq!(batch.top_k(query, search), Err(SearchError::ZeroQuery));
        return;
    }
    let expected = expected(rows, query, search);
    for kernels in arch::available() {
        let found = batch.top_k_on(kernels, query, search).expect("the search can be made");
        assert_same(&found, &expected, &format!("{} {search:?}", kernels.name));
        // Several queries are taken together, the last ones by themselves.
        if !query.is_empty() {
            let found = batch.top_k_many_on(kernels, &query.repeat(5), search).expect("the searches can be made");
            assert_eq!(found.len(), 5);
            let context = format!("one of many {} {search:?}", kernels.name);
            found.iter().for_each(|found| assert_same(found, &expected, &context));
        }
    }
    assert_same(&batch.top_k(query, search).expect("the search can be made"), &expected, "the default");
}

pub(crate) fn row(position: usize, vector: Option<&[f64]>) -> Row {
    Row { id: position.to_string().into(), vector: vector.map(Packed::from_f64), metadata: Arc::new(Value::Null) }
}

pub(crate) fn pushed(dimension: usize, rows: &Model) -> Batch {
    let mut batch = Batch::new(dimension);
    for (position, vector) in rows.iter().enumerate() {
        batch.push(row(position, vector.as_ref().and_then(Option::as_deref)));
        if vector.is_none() {
            batch.remove(position);
        }
    }
    batch
}

/// A batch over a matrix, in which a row that has no vector is NaN.
pub(crate) fn borrowed(dimension: usize, rows: &Model) -> Batch {
    let nothing = vec![f64::NAN; dimension];
    let matrix: Vec<f64> = rows
        .iter()
        .flat_map(|row| row.as_ref().and_then(Option::as_ref).filter(|row| row.len() == dimension).unwrap_or(&nothing))
        .copied()
        .collect();
    let narrow = Packed::from_f64(&matrix.iter().copied().filter(|x| !x.is_nan()).collect::<Vec<_>>());
    let ids = Some(vec!["id".into(); rows.len()]);
    let batch = if let Packed::F32(_) = narrow {
        #[expect(clippy::cast_possible_truncation, reason = "the numbers are float32")]
        let matrix: Vec<f32> = matrix.into_iter().map(|x| x as f32).collect();
        Batch::from_matrix(dimension, Arc::new(matrix), ids, None)
    } else {
        Batch::from_matrix(dimension, Arc::new(matrix), ids, None)
    };
    let mut batch = batch.expect("whole rows");
    for position in (0..rows.len()).filter(|&position| dimension == 0 || rows[position].is_none()) {
        match &rows[position] {
            None => batch.remove(position),
            // Rows of no numbers can't be NaN.
            Some(vector) => batch.replace(position, row(position, vector.as_deref())),
        }
    }
    batch
}

pub(crate) fn matrix(dimension: usize, rows: &[f64], narrow: bool) -> (Batch, Model) {
    let model = rows.chunks_exact(dimension).map(|row| Some(Some(row.to_vec()))).collect();
    #[expect(clippy::cast_possible_truncation, reason = "the numbers are float32")]
    let batch = if narrow {
        Batch::from_matrix(dimension, Arc::new(rows.iter().map(|&x| x as f32).collect::<Vec<_>>()), None, None)
    } else {
        Batch::from_matrix(dimension, Arc::new(rows.to_vec()), None, None)
    };
    (batch.expect("whole rows"), model)
}
