//! Mutations that are requested twice.

use engine::{Caller, Deployment, MutationRequest, Outcome};
use value::Value;

use crate::common::{count, in_folder, in_memory, insert, object, text, value};

fn request(session: &str, number: u32) -> MutationRequest {
    MutationRequest { session: session.to_owned(), number }
}

fn write_once(deployment: &Deployment, request: &MutationRequest, writes: Vec<Value>) -> Outcome {
    let args = object([("writes", writes.into())]);
    deployment.mutation_once(request, "database:write", args, &Caller::ADMIN).expect("it is open")
}

/// The caller's view of an outcome.
fn seen(outcome: &Outcome) -> (String, &[String], Option<i64>) {
    (text(outcome.result.as_ref().expect("it succeeds")), &outcome.log_lines, outcome.timestamp)
}

#[test]
fn a_request_runs_once_across_restarts() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let deployment = in_folder(folder.path());
    let one = || vec![insert("free", value(r#"{"a": 1}"#))];
    let first = write_once(&deployment, &request("s", 1), one());
    assert_eq!(first.timestamp, Some(deployment.commit_timestamp().expect("it is open")));
    let other = [write_once(&deployment, &request("s", 2), one()), write_once(&deployment, &request("t", 1), one())];
    assert!(other.iter().all(|other| other.timestamp > first.timestamp));
    assert_eq!(seen(&write_once(&deployment, &request("s", 1), one())), seen(&first));
    drop(deployment);
    let deployment = in_folder(folder.path());
    assert_eq!(seen(&write_once(&deployment, &request("s", 1), one())), seen(&first));
    assert_eq!(seen(&write_once(&deployment, &request("t", 1), one())), seen(&other[1]));
    assert_eq!(count(&deployment, "free"), 3);
}

#[test]
fn a_request_that_wrote_nothing_is_remembered_at_a_commit_of_its_own() {
    let deployment = in_memory();
    let before = deployment.commit_timestamp().expect("it is open");
    let first = write_once(&deployment, &request("s", 1), Vec::new());
    assert!(first.timestamp > Some(before));
    assert_eq!(first.timestamp, Some(deployment.commit_timestamp().expect("it is open")));
    assert_eq!(seen(&write_once(&deployment, &request("s", 1), Vec::new())), seen(&first));
}

#[test]
fn a_request_that_failed_may_succeed_later() {
    let deployment = in_memory();
    let request = request("s", 1);
    let failed = write_once(&deployment, &request, vec![insert("free", value(r#"{"_reserved": 1}"#))]);
    assert!(failed.result.is_err());
    assert_eq!(failed.timestamp, None);
    write_once(&deployment, &request, vec![insert("free", value(r#"{"a": 1}"#))]);
    assert_eq!(count(&deployment, "free"), 1);
}

#[test]
fn a_caller_without_access_learns_nothing_of_a_request() {
    let deployment = in_memory();
    let request = request("s", 1);
    let args = || object([("name", "ann".into())]);
    let call = |caller| deployment.mutation_once(&request, "nested:add", args(), caller);
    assert!(call(&Caller::ADMIN).expect("it is open").result.is_ok());
    let refused = call(&Caller::ANONYMOUS).expect("it is open").result;
    assert_eq!(refused.expect_err("it is internal").code(), "FunctionNotFound");
}
