//! A deployment through its public face: the built-in functions on real storage.

use engine::{Caller, Deployment, MetadataSource, Options, Target, VectorSource};
use scan::{Metric, Search};
use value::{Packed, Value};

fn call(deployment: &Deployment, args: Value) -> Value {
    deployment.call(None, "mastra/storage:handle", args, Caller::Admin).expect("the operation is valid").value
}

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
fn vectors_go_through_the_functions_and_stay_in_step() {
    let deployment = Deployment::open(Target::Memory, Options::default()).expect("memory opens");
    let insert = |numbers: &[(&str, [f64; 20])]| {
        let args =
            [("op", "batchInsert".into()), ("tableName", "mastra_vector_docs".into()), ("records", rows(numbers))];
        call(&deployment, Value::from(args))
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
