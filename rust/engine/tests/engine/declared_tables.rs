//! Tables with a vector index that are declared while a deployment runs.

use std::sync::Arc;

use engine::{Deployment, MetadataSource, Options, Target, VectorSource};
use value::Value;

use crate::common::{
    builtin_in_memory, functions, in_folder, in_memory, insert, items, options, try_call, value, write,
};

/// Upserts and queries a native vector table through the built-in functions.
fn native(deployment: &Deployment, filter: Option<&str>) -> Result<usize, engine::Error> {
    let config = r#""tableName": "docs", "vectorIndexName": "by_meaning", "filterFields": ["lang", "year"], "dimension": 3,
        "idField": "key", "idIndexName": "by_key", "vectorField": "vector", "metadataField": "about""#;
    let upsert = format!(
        r#"{{"op": "upsert", "config": {{{config}}}, "ids": ["a", "b"], "vectors": [[1, 0, 0], [0, 1, 0]],
            "metadata": [{{"lang": "en", "year": 1}}, {{"lang": "de"}}]}}"#
    );
    try_call(deployment, "mastra/nativeVector:write", value(&upsert))?;
    let filter = filter.map(|filter| format!(r#", "filter": {filter}"#)).unwrap_or_default();
    let query = format!(r#"{{"config": {{{config}}}, "vector": [1, 0, 0]{filter}}}"#);
    Ok(items(&try_call(deployment, "mastra/nativeVector:query", value(&query))?).len())
}

const NATIVE: &str = r#"{"dimensions": 3, "vectorIndexName": "by_meaning", "filterFields": ["lang", "year"], "staged": false,
    "idField": "key", "idIndexName": "by_key", "vectorField": "vector", "metadataField": "about"}"#;

#[test]
fn a_declared_table_is_searched_and_stays_declared() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let open = || {
        let options = Options { functions: None, ..options() };
        Deployment::open(Target::Folder(folder.path().to_owned()), options).expect("the folder opens")
    };
    let deployment = open();
    deployment.declare_vector_table("docs", value(NATIVE)).expect("it is new");
    deployment.declare_vector_table("docs", value(NATIVE)).expect("it is the same");
    assert_eq!(native(&deployment, None).expect("it runs"), 2);
    assert_eq!(native(&deployment, Some(r#"{"field": "lang", "value": "en"}"#)).expect("it runs"), 1);
    drop(deployment);
    let deployment = open();
    assert_eq!(native(&deployment, None).expect("it is still declared"), 2);
    let other = |change: &dyn Fn(&mut value::Object)| {
        let Value::Object(mut options) = value(NATIVE) else { panic!("an object") };
        change(&mut options);
        deployment.declare_vector_table("docs", options.into()).err().map(|error| (error.code(), error.to_string()))
    };
    for (name, with, message) in [
        ("dimensions", 4.0.into(), "asked for: 4 dimensions"),
        ("vectorIndexName", "by_other".into(), "none of that name"),
        ("idField", "id".into(), "by_key"),
        ("vectorField", "embedding".into(), "`vector`"),
    ] {
        let (code, text) = other(&|options| drop(options.insert(name.to_owned(), Value::clone(&with)))).expect(name);
        assert_eq!(code, "SchemaConflict");
        assert!(text.contains(message), "{text}");
    }
    assert_eq!(
        other(&|options| drop(options.insert("dimensions".to_owned(), 1.0.into()))).expect("too few").0,
        "InvalidSchema"
    );
}

#[test]
fn filter_fields_can_be_added_to_a_declared_table() {
    let deployment = builtin_in_memory();
    let with = |fields: &str| value(&NATIVE.replace(r#"["lang", "year"]"#, fields));
    deployment.declare_vector_table("docs", with(r#"["lang"]"#)).expect("it is new");
    assert!(native(&deployment, None).is_err(), "there is no column for the year");
    let source = VectorSource {
        table: "docs".to_owned(),
        index: "by_creation_time".to_owned(),
        prefix: Vec::new(),
        vector_field: "vector".to_owned(),
        dimension: 3,
        id_field: "_id".to_owned(),
        metadata: MetadataSource::Fields(vec!["lang".to_owned()]),
    };
    let outdated = Arc::downgrade(&deployment.vectors(&source).expect("they are readable"));
    assert!(outdated.upgrade().is_some());
    deployment.declare_vector_table("docs", with(r#"["year"]"#)).expect("it is added");
    assert!(outdated.upgrade().is_none());
    assert_eq!(native(&deployment, None).expect("both are there"), 2);
    assert_eq!(native(&deployment, Some(r#"{"field": "year", "value": 1}"#)).expect("it can be filtered on"), 1);
    deployment.declare_vector_table("docs", with("[]")).expect("fewer are fine");
    assert_eq!(native(&deployment, None).expect("both are still there"), 2);
}

#[test]
fn a_table_with_other_documents_cannot_be_declared() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let own = in_folder(folder.path());
    write(
        &own,
        vec![insert("docs", value(r#"{"key": "a", "vector": [1, 0, 0]}"#)), insert("odd", value(r#"{"key": 1}"#))],
    );
    drop(own);
    let options = Options { functions: None, ..options() };
    let deployment = Deployment::open(Target::Folder(folder.path().to_owned()), options).expect("the folder opens");
    deployment.declare_vector_table("docs", value(NATIVE)).expect("its documents match");
    assert_eq!(native(&deployment, None).expect("it runs"), 2);
    let error = deployment.declare_vector_table("odd", value(NATIVE)).expect_err("its documents don't match");
    assert_eq!(error.code(), "SchemaEnforcementError");
    let error = deployment.declare_vector_table("mastra_threads", value(NATIVE)).expect_err("it is no such table");
    assert_eq!(error.code(), "SchemaConflict");
}

#[test]
fn a_functions_folder_declares_its_own_tables() {
    let deployment = in_memory();
    assert!(functions().join("schema.ts").is_file());
    let error = deployment.declare_vector_table("docs", value(NATIVE)).expect_err("the schema doesn't have it");
    assert_eq!(error.code(), "TableNotDeclared");
}
