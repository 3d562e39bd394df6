//! Resident vectors.

use std::sync::Arc;

use engine::{Deployment, MetadataSource, VectorSource};
use proptest::prelude::*;
use scan::{Batch, Metric, Search};
use value::{Packed, Value};

use crate::common::{
    builtin_in_memory, call, field, in_folder, in_memory, insert, items, object, text, try_call, value, write,
};

fn rows(numbers: &[(&str, [f64; 20])]) -> Value {
    let row = |(id, vector): &(&str, [f64; 20])| {
        Value::from([("id", (*id).into()), ("embedding", Packed::from_f64(vector).into())])
    };
    numbers.iter().map(row).collect::<Vec<_>>().into()
}

fn docs() -> VectorSource {
    VectorSource {
        table: "mastra_vectors".to_owned(),
        index: "by_index".to_owned(),
        prefix: vec!["docs".into()],
        vector_field: "embedding".to_owned(),
        dimension: 20,
        id_field: "id".to_owned(),
        metadata: MetadataSource::Field("metadata".to_owned()),
    }
}

#[test]
fn vectors_go_through_the_built_in_functions_and_stay_in_step() {
    let deployment = builtin_in_memory();
    let index = [
        ("id", "docs".into()),
        ("indexName", "docs".into()),
        ("dimension", 20.0.into()),
        ("metric", "cosine".into()),
        ("createdAt", "2026-01-01T00:00:00.000Z".into()),
    ];
    let args =
        [("op", "createVectorIndex".into()), ("tableName", "mastra_vector_indexes".into()), ("record", object(index))];
    call(&deployment, "mastra/storage:handle", object(args));
    let insert = |numbers: &[(&str, [f64; 20])]| {
        let args =
            [("op", "batchInsert".into()), ("tableName", "mastra_vector_docs".into()), ("records", rows(numbers))];
        call(&deployment, "mastra/storage:handle", object(args))
    };
    let (mut a, mut b) = ([0.0; 20], [0.1; 20]);
    a[0] = 1.0;
    b[1] = 1.0;
    insert(&[("a", a), ("b", b)]);
    let batch = deployment.vectors(&docs()).expect("the vectors are readable");
    assert_eq!(batch.len(), 2);
    insert(&[("c", a)]);
    assert_eq!(batch.len(), 2, "a reader keeps its snapshot");
    let batch = deployment.vectors(&docs()).expect("the vectors are readable");
    let search = Search { metric: Metric::Cosine, top_k: 3, mask: None, min_score: None, threads: 1 };
    let found = batch.top_k(&a, &search).expect("the query is valid");
    let ids: Vec<_> = found.rows.iter().map(|row| batch.id(*row)).collect();
    assert_eq!(ids.iter().map(|id| &**id).collect::<Vec<_>>(), ["a", "c", "b"]);
}

/// The vectors of a group of the table `vectors`.
fn group(name: &str) -> VectorSource {
    VectorSource {
        table: "vectors".to_owned(),
        index: "by_group".to_owned(),
        prefix: vec![name.into()],
        vector_field: "embedding".to_owned(),
        dimension: 3,
        id_field: "_id".to_owned(),
        metadata: MetadataSource::Fields(vec!["lang".to_owned()]),
    }
}

/// The ids, vectors and metadata, in order.
fn contents(batch: &Batch) -> Vec<(String, Option<String>, String)> {
    let row = |position| {
        let row = batch.row(position);
        let vector = row.vector.map(|vector| format!("{:?}", vector.iter().map(f64::to_bits).collect::<Vec<_>>()));
        (row.id.to_string(), vector, text(&row.metadata))
    };
    batch.live().map(row).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Insert(bool, Value),
    Change(prop::sample::Index, Value),
    Move(prop::sample::Index, bool),
    Delete(prop::sample::Index),
}

fn any_steps() -> impl Strategy<Value = Vec<(Vec<Step>, bool)>> {
    let fields = (
        proptest::option::of(proptest::collection::vec(any::<f32>().prop_map(|x| f64::from(x).into()), 2..5)),
        proptest::option::of(0i32..2),
    );
    let fields = fields.prop_map(|(embedding, lang): (Option<Vec<Value>>, _)| {
        let fields = [("embedding", embedding.map(Value::from)), ("lang", lang.map(|x| f64::from(x).into()))];
        Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    });
    let step = prop_oneof![
        3 => (any::<bool>(), fields.clone()).prop_map(|(group, fields)| Step::Insert(group, fields)),
        1 => (any::<prop::sample::Index>(), fields).prop_map(|(which, fields)| Step::Change(which, fields)),
        1 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(which, group)| Step::Move(which, group)),
        1 => any::<prop::sample::Index>().prop_map(Step::Delete),
    ];
    proptest::collection::vec((proptest::collection::vec(step, 0..5), proptest::bool::weighted(0.2)), 0..10)
}

fn group_name(second: bool) -> Value {
    if second { "second" } else { "first" }.into()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_in_step_is_one_read_anew(transactions in any_steps()) {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let deployment = in_folder(folder.path());
        let mut ids: Vec<Value> = Vec::new();
        for (steps, throws) in transactions {
            let mut left = ids.clone();
            let mut writes = Vec::new();
            for step in steps {
                let pick = |which: prop::sample::Index| (!left.is_empty()).then(|| which.index(left.len()));
                match step {
                    Step::Insert(second, mut fields) => {
                        if let Value::Object(fields) = &mut fields {
                            fields.insert("group".to_owned(), group_name(second));
                        }
                        writes.push(insert("vectors", fields));
                    }
                    Step::Change(which, fields) => {
                        let Some(place) = pick(which) else { continue };
                        writes.push(object([("op", "patch".into()), ("id", left[place].clone()), ("value", fields)]));
                    }
                    Step::Move(which, second) => {
                        let Some(place) = pick(which) else { continue };
                        let fields = object([("group", group_name(second))]);
                        writes.push(object([("op", "patch".into()), ("id", left[place].clone()), ("value", fields)]));
                    }
                    Step::Delete(which) => {
                        let Some(place) = pick(which) else { continue };
                        writes.push(object([("op", "delete".into()), ("id", left.remove(place))]));
                    }
                }
            }
            let request = object([("writes", writes.into())]);
            if throws {
                let failing = object([("writes", field(&request, "writes")), ("thenThrow", "rolled back".into())]);
                prop_assert!(try_call(&deployment, "database:write", failing).is_err());
            } else {
                let results = items(&call(&deployment, "database:write", request));
                ids = left.into_iter().chain(results.into_iter().filter(|id| *id != Value::Null)).collect();
            }
            for name in ["first", "second"] {
                deployment.vectors(&group(name)).expect("they are readable");
            }
        }
        let read = |deployment: &Deployment, name| contents(&deployment.vectors(&group(name)).expect("they are readable"));
        let in_step = ["first", "second"].map(|name| read(&deployment, name));
        drop(deployment);
        let anew = in_folder(folder.path());
        prop_assert_eq!(in_step, ["first", "second"].map(|name| read(&anew, name)));
    }
}

#[test]
fn removed_rows_are_given_back_and_the_rest_stays_in_step() {
    let deployment = in_memory();
    let row = |x: usize| insert("vectors", value(&format!(r#"{{"group": "first", "embedding": [1, 2, {x}]}}"#)));
    let mut ids = Vec::new();
    for chunk in 0..4 {
        ids.extend(write(&deployment, (0..700).map(|x| row(700 * chunk + x)).collect()));
    }
    assert_eq!(deployment.vectors(&group("first")).expect("they are readable").len(), 2800);
    let delete = |id: &Value| object([("op", "delete".into()), ("id", id.clone())]);
    for chunk in ids[..2500].chunks(500) {
        write(&deployment, chunk.iter().map(delete).collect());
    }
    let batch = deployment.vectors(&group("first")).expect("they are readable");
    assert_eq!(batch.len(), 300);
    assert!(batch.positions() < 2800, "removed rows take no place for ever");
    let patch =
        object([("op", "patch".into()), ("id", ids[2600].clone()), ("value", value(r#"{"embedding": [7, 7, 7]}"#))]);
    write(&deployment, vec![patch, delete(&ids[2500])]);
    let batch = deployment.vectors(&group("first")).expect("they are readable");
    let found: Vec<String> = batch.live().map(|position| batch.id(position).to_string()).collect();
    let expected: Vec<&str> = ids[2501..].iter().map(|id| id.as_str().expect("an id")).collect();
    assert_eq!(found, expected);
    let changed = batch.live().nth(99).expect("it is there");
    assert_eq!(batch.vector(changed).expect("it has one").iter().collect::<Vec<_>>(), [7.0; 3]);
}

#[test]
fn an_index_made_anew_at_another_length_takes_the_place_of_the_old_one() {
    let deployment = in_memory();
    let row = insert("vectors", value(r#"{"group": "first", "embedding": [1, 2, 3]}"#));
    let ids = write(&deployment, vec![row]);
    let read = |source: VectorSource| Arc::downgrade(&deployment.vectors(&source).expect("they are readable"));
    let other = read(group("second"));
    let full = read(group("first"));
    write(&deployment, vec![object([("op", "delete".into()), ("id", ids[0].clone())])]);
    assert!(full.upgrade().is_none(), "what no row is left of takes no room");
    let old = read(group("first"));
    assert!(old.upgrade().is_some());
    let new = read(VectorSource { dimension: 4, ..group("first") });
    assert!(old.upgrade().is_none() && new.upgrade().is_some() && other.upgrade().is_some());
}

#[test]
fn vectors_of_a_table_made_later_are_found() {
    let deployment = in_memory();
    let source =
        VectorSource { table: "later".to_owned(), index: "by_creation_time".to_owned(), prefix: vec![], ..group("") };
    assert!(deployment.vectors(&source).expect("there are none").is_empty());
    write(&deployment, vec![insert("later", value(r#"{"embedding": [1, 2, 3]}"#))]);
    assert_eq!(deployment.vectors(&source).expect("they are readable").len(), 1);
    let source = VectorSource { index: "by_nothing".to_owned(), ..source };
    assert_eq!(deployment.vectors(&source).expect_err("no such index").code(), "IndexNotFoundError");
}

#[test]
fn a_batch_outlives_its_deployment() {
    let deployment = in_memory();
    write(&deployment, vec![insert("vectors", value(r#"{"group": "first", "embedding": [1, 2, 3]}"#))]);
    let batch: Arc<Batch> = deployment.vectors(&group("first")).expect("they are readable");
    drop(deployment);
    assert_eq!(batch.len(), 1);
}
