//! Commit timestamps, as functions see them.

use std::thread;

use engine::Deployment;
use value::Value;

use crate::common::{call, field, in_folder, in_memory, items, object, text, try_call, value};

fn timestamp(value: &Value) -> i64 {
    match value {
        Value::Int64(timestamp) => *timestamp,
        other => panic!("{}, expected a timestamp", text(other)),
    }
}

fn snapshot(deployment: &Deployment) -> i64 {
    timestamp(&call(deployment, "commits:snapshot", value("{}")))
}

#[test]
fn a_document_knows_the_commit_that_wrote_it() {
    let deployment = in_memory();
    let mut before = snapshot(&deployment);
    for (number, name) in ["a", "b", "c"].into_iter().enumerate() {
        let begun = timestamp(&call(&deployment, "commits:write", object([("name", name.into())])));
        assert_eq!(begun, before, "a mutation's snapshot is the last commit");
        let now = snapshot(&deployment);
        let documents = call(&deployment, "commits:all", value("{}"));
        let written = &items(&documents)[number];
        assert_eq!(timestamp(&field(written, "at")), now);
        assert_eq!(timestamp(&field(written, "patched")), now);
        assert_eq!(timestamp(&items(&field(written, "within"))[0]), now);
        assert!(now > before);
        let after = call(&deployment, "commits:after", object([("at", Value::Int64(before))]));
        assert_eq!(text(&after), format!("[\"{name}\"]"), "what was committed since is what is above");
        before = now;
    }
}

#[test]
fn a_query_that_begins_during_a_commit_sees_all_of_it_or_nothing() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for deployment in [in_memory(), in_folder(folder.path())] {
        let make =
            |number: usize| call(&deployment, "commits:makeTable", object([("name", format!("t{number}").into())]));
        make(0);
        thread::scope(|scope| {
            let writer = scope.spawn(|| (1..400).for_each(|number| drop(make(number))));
            while !writer.is_finished() {
                let last = call(&deployment, "commits:lastTable", value("{}"));
                assert_eq!(field(&last, "documents"), 1.0.into());
                assert_eq!(timestamp(&field(&last, "at")), timestamp(&field(&last, "snapshot")));
            }
        });
    }
}

#[test]
fn timestamps_grow_across_restarts() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut last = 0;
    for _ in 0..3 {
        let deployment = in_folder(folder.path());
        assert!(snapshot(&deployment) >= last);
        call(&deployment, "commits:write", value(r#"{"name": "a"}"#));
        assert!(snapshot(&deployment) > last);
        last = snapshot(&deployment);
    }
}

#[test]
fn the_timestamp_of_a_commit_is_no_number_before_the_mutation_ends() {
    let deployment = in_memory();
    assert_eq!(text(&call(&deployment, "commits:returned", value("{}"))), r#""[the commit's timestamp]""#);
    let error = try_call(&deployment, "commits:computed", value("{}")).expect_err("there is no number yet");
    assert!(error.to_string().contains("isn't known before the mutation ends"), "{error}");
}
