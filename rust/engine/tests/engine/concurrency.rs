//! Many threads at once.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use engine::Deployment;
use value::Value;

use crate::common::{call, count, field, in_folder, in_memory, insert, items, object, value, write};

/// In memory, and twice the same folder.
fn deployments(folder: &std::path::Path) -> Vec<Vec<Deployment>> {
    vec![vec![in_memory()], vec![in_folder(folder), in_folder(folder)]]
}

#[test]
fn increments_of_many_threads_are_all_counted() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for handles in deployments(folder.path()) {
        thread::scope(|scope| {
            for thread in 0..8 {
                let deployment = &handles[thread % handles.len()];
                scope.spawn(move || {
                    for _ in 0..200 {
                        call(deployment, "database:increment", value(r#"{"name": "n"}"#));
                    }
                });
            }
        });
        let counters = items(&call(&handles[0], "database:collect", value(r#"{"table": "counters"}"#)));
        assert_eq!((counters.len(), field(&counters[0], "value")), (1, 1600.0.into()));
    }
}

#[test]
fn a_query_sees_one_moment() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for handles in deployments(folder.path()) {
        let counter = |name: &str| insert("counters", object([("name", name.into()), ("value", 500.0.into())]));
        write(&handles[0], vec![counter("a"), counter("b")]);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for reader in 0..3 {
                let (deployment, done) = (&handles[reader % handles.len()], &done);
                scope.spawn(move || {
                    while !done.load(Ordering::Relaxed) {
                        assert_eq!(call(deployment, "database:total", value("{}")), 1000.0.into());
                    }
                });
            }
            for _ in 0..300 {
                call(&handles[0], "database:move", value(r#"{"amount": 1}"#));
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn a_table_made_while_others_read_is_seen_whole() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let deployment = in_folder(folder.path());
    thread::scope(|scope| {
        let deployment = &deployment;
        scope.spawn(move || {
            for table in 0..60 {
                write(deployment, vec![insert(&format!("table_{table}"), value("{}")), insert("free", value("{}"))]);
            }
        });
        scope.spawn(move || {
            // Each table comes with a document in `free`, in one commit.
            while count(deployment, "free") < 60 {
                let made = |table: usize| count(deployment, &format!("table_{table}"));
                let seen = count(deployment, "free");
                if seen > 0 {
                    assert_eq!(made(seen - 1), 1, "table {seen}");
                }
            }
        });
    });
}

#[test]
fn handles_come_and_go_while_others_call() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    thread::scope(|scope| {
        for thread in 0..4 {
            let path = folder.path();
            scope.spawn(move || {
                for round in 0..8 {
                    let deployment = in_folder(path);
                    let name = Value::from(format!("{thread}"));
                    let value = call(&deployment, "database:increment", object([("name", name)]));
                    assert_eq!(value, f64::from(round + 1).into());
                }
            });
        }
    });
}
