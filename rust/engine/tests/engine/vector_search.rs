//! Vector search.

use std::{cmp::Ordering, collections::BTreeMap};

use engine::Deployment;
use proptest::prelude::*;
use scan::{Metric, naive};
use value::Value;

use crate::common::{call, code, field, in_memory, insert, items, object, text, value, write};

fn search(deployment: &Deployment, request: &str) -> Vec<(String, f64)> {
    let found = items(&call(deployment, "database:searchVectors", value(request)));
    let hit = |hit: &Value| {
        (field(hit, "_id").as_str().expect("an id").to_owned(), field(hit, "_score").as_f64().expect("a score"))
    };
    found.iter().map(hit).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_search_is_exact_and_ties_go_to_the_larger_id(
        vectors in proptest::collection::vec((proptest::collection::vec(-1i32..2, 3), proptest::option::of(0i32..3)), 0..30),
        query in proptest::collection::vec(-1i32..2, 3).prop_filter("has a direction", |query| query.iter().any(|x| *x != 0)),
        limit in 1usize..9,
        langs in proptest::option::of(proptest::collection::vec(proptest::option::of(0i32..3), 1..3)),
    ) {
        let deployment = in_memory();
        let floats = |numbers: &[i32]| numbers.iter().map(|x| f64::from(*x)).collect::<Vec<f64>>();
        let list = |numbers: &[f64]| Value::from(numbers.iter().map(|x| (*x).into()).collect::<Vec<Value>>());
        let documents = vectors.iter().map(|(vector, lang)| {
            let mut fields = BTreeMap::from([("group".to_owned(), "g".into()), ("embedding".to_owned(), list(&floats(vector)))]);
            if let Some(lang) = lang {
                fields.insert("lang".to_owned(), f64::from(*lang).into());
            }
            insert("vectors", fields.into())
        });
        let ids = write(&deployment, documents.collect());
        let mut expected: Vec<(String, f64)> = Vec::new();
        for ((vector, lang), id) in vectors.iter().zip(&ids) {
            let admitted = langs.as_ref().is_none_or(|langs| langs.contains(lang));
            if let Some(score) = naive::score(Metric::Cosine, &floats(&query), &floats(vector)).filter(|_| admitted) {
                expected.push((id.as_str().expect("an id").to_owned(), score));
            }
        }
        expected.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap_or(Ordering::Equal).then_with(|| b.0.cmp(&a.0)));
        expected.truncate(limit);
        let mut request = BTreeMap::from([
            ("vector".to_owned(), list(&floats(&query))),
            ("limit".to_owned(), f64::from(u32::try_from(limit).expect("small")).into()),
        ]);
        if let Some(langs) = &langs {
            let condition = |lang: &Option<i32>| match lang {
                Some(lang) => object([("field", "lang".into()), ("value", f64::from(*lang).into())]),
                None => object([("field", "lang".into())]),
            };
            request.insert("any".to_owned(), langs.iter().map(condition).collect::<Vec<_>>().into());
        }
        prop_assert_eq!(search(&deployment, &text(&request.into())), expected);
    }
}

#[test]
fn a_document_without_a_valid_vector_is_not_found() {
    let deployment = in_memory();
    let row = |embedding: &str| insert("vectors", value(&format!(r#"{{"group": "g"{embedding}}}"#)));
    let ids = write(
        &deployment,
        vec![
            row(""),
            row(r#", "embedding": [1, 0]"#),
            row(r#", "embedding": [1, 0, 0, 0]"#),
            row(r#", "embedding": [1, 0, "0"]"#),
            row(r#", "embedding": "text""#),
            row(r#", "embedding": [0, 0, 0]"#),
            row(r#", "embedding": [1, 1, 0]"#),
        ],
    );
    let found = search(&deployment, r#"{"vector": [1, 0, 0]}"#);
    assert_eq!(found.iter().map(|(id, _)| Value::from(id.as_str())).collect::<Vec<_>>(), [ids[6].clone()]);
    write(
        &deployment,
        vec![object([("op", "patch".into()), ("id", ids[0].clone()), ("value", value(r#"{"embedding": [1, 0, 0]}"#))])],
    );
    assert_eq!(search(&deployment, r#"{"vector": [1, 0, 0]}"#).len(), 2, "an action reads what was written before it");
}

#[test]
fn searches_beyond_the_bounds_are_refused() {
    let deployment = in_memory();
    let refused = |request: &str| code(&deployment, "database:searchVectors", value(request));
    let conditions = vec![r#"{"field": "lang", "value": 1}"#; 65].join(",");
    for (request, code) in [
        (r#"{"vector": [1, 0, 0], "limit": 257}"#, "VectorLimitTooLargeError"),
        (r#"{"vector": [1, 0, 0], "limit": -1}"#, "VectorLimitTooLargeError"),
        (r#"{"vector": [1, 0, 0], "limit": 1.5}"#, "VectorLimitTooLargeError"),
        (r#"{"vector": [1, 0]}"#, "VectorDimensionsMismatch"),
        (r#"{"vector": "text"}"#, "Error"),
        (r#"{"vector": [1, 0, 0], "index": "by_nothing"}"#, "IndexNotFoundError"),
        (r#"{"vector": [1, 0, 0], "any": [{"field": "embedding", "value": 1}]}"#, "IncorrectVectorFilterField"),
        (&format!(r#"{{"vector": [1, 0, 0], "any": [{conditions}]}}"#), "TooManyElementsInVectorQueryError"),
    ] {
        assert_eq!(refused(request), code, "{request}");
    }
    assert!(search(&deployment, r#"{"vector": [1, 0, 0], "table": "nowhere"}"#).is_empty());
    assert!(search(&deployment, r#"{"vector": [1, 0, 0], "limit": 256}"#).is_empty());
    assert!(search(&deployment, r#"{"vector": [1, 0, 0], "limit": 0}"#).is_empty());
}
