//! Live queries: the commits that make them run again, and their outcomes.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use engine::{Caller, Deployment, Identity, Limits, Options, QuerySet, Synchronous, Target};
use proptest::prelude::*;
use value::Value;

use crate::common::{call, code, field, in_memory, insert, items, object, options, text, value, write};

/// A set that counts how often it was woken.
fn query_set(deployment: &Deployment) -> (QuerySet, Arc<AtomicUsize>) {
    let woken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&woken);
    let wake = move || {
        counter.fetch_add(1, Ordering::Relaxed);
    };
    (QuerySet::new(deployment, Caller::ADMIN, wake).expect("it is open"), woken)
}

fn put(deployment: &Deployment, table: &str, document: &str) -> Value {
    write(deployment, vec![insert(table, value(document))]).remove(0)
}

fn update(op: &str, id: &Value, document: &str) -> Value {
    object([("op", op.into()), ("id", id.clone()), ("value", value(document))])
}

/// The numbers of the queries that changed.
fn changed(queries: &mut QuerySet) -> Vec<u32> {
    queries.refresh().expect("it refreshes").changed.into_iter().collect()
}

#[test]
fn a_query_runs_again_when_what_it_read_is_written_and_only_then() {
    let deployment = in_memory();
    let ids: Vec<Value> = [r#"{"a": 1, "b": 1}"#, r#"{"a": 1, "b": 5}"#, r#"{"a": 2, "b": 1}"#, r#"{"a": 9, "b": 9}"#]
        .iter()
        .map(|document| put(&deployment, "free", document))
        .collect();
    let range =
        |bounds: &str, more: &str| format!(r#"{{"table": "free", "index": "by_a_b", "range": {bounds}{more}}}"#);
    let of_1 = range(r#"[{"type": "eq", "field": "a", "value": 1}]"#, "");
    let first_of_1 = range(r#"[{"type": "eq", "field": "a", "value": 1}]"#, r#", "n": 1"#);
    let last_of_1 = range(r#"[{"type": "eq", "field": "a", "value": 1}]"#, r#", "n": 1, "order": "desc""#);
    let none = range(r#"[{"type": "eq", "field": "a", "value": 7}]"#, "");
    let by_id = format!(r#"{{"id": {}}}"#, text(&ids[3]));
    let queries = [
        ("database:collect", of_1.as_str()),
        ("database:take", &first_of_1),
        ("database:take", &last_of_1),
        ("database:collect", &none),
        ("database:get", &by_id),
        ("database:collect", r#"{"table": "unmade"}"#),
        ("nested:names", "{}"),
        ("database:missing", "{}"),
    ];
    let (mut set, woken) = query_set(&deployment);
    for (number, (path, args)) in (0..).zip(queries) {
        set.add(number, path.to_owned(), value(args), None);
    }
    assert_eq!(changed(&mut set), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(set.outcome(7).expect("it ran").result.as_ref().expect_err("it is missing").code(), "FunctionNotFound");
    assert!(changed(&mut set).is_empty());
    // The writes, and the queries whose results they change.
    let (a, b, c, d) = (&ids[0], &ids[1], &ids[2], &ids[3]);
    let steps: Vec<(Value, &[u32], usize)> = vec![
        (update("patch", c, r#"{"x": 1}"#), &[], 0),
        (update("patch", a, r#"{"x": 1}"#), &[0, 1], 1),
        (update("patch", a, r#"{"x": 1}"#), &[], 0),
        (update("patch", b, r#"{"b": 3}"#), &[0, 2], 1),
        (insert("free", value(r#"{"a": 1, "b": 2}"#)), &[0], 1),
        (update("patch", c, r#"{"a": 7}"#), &[3], 1),
        (update("patch", d, r#"{"a": 1, "b": 0}"#), &[0, 1, 4], 1),
        (insert("unmade", value("{}")), &[5], 1),
        (insert("unmade", value("{}")), &[5], 1),
        (insert("strict", value(r#"{"name": "n"}"#)), &[], 0),
        (insert("counters", value(r#"{"name": "n", "value": 1}"#)), &[6], 1),
        (object([("op", "delete".into()), ("id", d.clone())]), &[0, 1, 4], 1),
    ];
    for (step, expected, wakes) in steps {
        woken.store(0, Ordering::Relaxed);
        write(&deployment, vec![step.clone()]);
        assert_eq!(set.is_stale(), wakes > 0, "{}", text(&step));
        assert_eq!((changed(&mut set).as_slice(), woken.load(Ordering::Relaxed)), (expected, wakes), "{}", text(&step));
    }
    set.remove(0);
    write(&deployment, vec![insert("free", value(r#"{"a": 1, "b": 2}"#))]);
    assert!(!set.is_stale());
}

#[test]
fn a_set_is_woken_once_until_it_refreshes_and_not_by_what_failed() {
    let deployment = in_memory();
    let (mut set, woken) = query_set(&deployment);
    set.add(0, "nested:names".to_owned(), value("{}"), None);
    changed(&mut set);
    let add = r#"{"steps": [{"run": "Mutation", "name": "addAndFail", "args": {"name": "x"}}]}"#;
    assert!(deployment.call(None, "nested:mutations", value(add), &Caller::ADMIN).expect("it is open").result.is_err());
    assert_eq!(woken.load(Ordering::Relaxed), 0);
    for name in ["a", "b"] {
        call(&deployment, "nested:add", object([("name", name.into())]));
    }
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    let refreshed = set.refresh().expect("it refreshes");
    assert_eq!(refreshed.changed, BTreeSet::from([0]));
    assert_eq!(refreshed.timestamp, deployment.commit_timestamp().expect("it is open"));
    assert_eq!(text(set.outcome(0).expect("it ran").result.as_ref().expect("it ran")), r#"["a","b"]"#);
    drop(set);
    call(&deployment, "nested:add", value(r#"{"name": "c"}"#));
    assert_eq!(woken.load(Ordering::Relaxed), 1);
}

#[test]
fn another_caller_makes_all_queries_run_again() {
    let deployment = in_memory();
    let (mut set, _) = query_set(&deployment);
    set.add(0, "nested:who".to_owned(), value("{}"), None);
    assert_eq!(changed(&mut set), [0]);
    let ada = Identity::acting_as(&value(r#"{"issuer": "https://id", "subject": "ada"}"#)).expect("it is one");
    set.set_caller(Caller::user(ada));
    assert_eq!(changed(&mut set), [0]);
    set.set_caller(Caller::ANONYMOUS);
    set.add(1, "nested:names".to_owned(), value("{}"), None);
    assert_eq!(changed(&mut set), [0, 1]);
    assert!(set.outcome(1).expect("it ran").result.is_err(), "it is internal");
}

#[test]
fn a_page_keeps_its_end_as_documents_come_into_it() {
    let deployment = in_memory();
    for b in [10, 20, 30, 40] {
        put(&deployment, "free", &format!(r#"{{"a": 1, "b": {b}}}"#));
    }
    let (mut set, _) = query_set(&deployment);
    let page = r#"{"table": "free", "index": "by_a_b", "numItems": 2}"#;
    set.add(0, "database:paginate".to_owned(), value(page), None);
    changed(&mut set);
    let bs = |set: &QuerySet, query| -> Vec<f64> {
        let page = field(set.outcome(query).expect("it ran").result.as_ref().expect("it ran"), "page");
        items(&page).iter().map(|document| field(document, "b").as_f64().expect("a number")).collect()
    };
    assert_eq!(bs(&set, 0), [10.0, 20.0]);
    put(&deployment, "free", r#"{"a": 1, "b": 15}"#);
    assert_eq!(changed(&mut set), [0]);
    assert_eq!(bs(&set, 0), [10.0, 15.0, 20.0]);
    put(&deployment, "free", r#"{"a": 1, "b": 25}"#);
    assert!(changed(&mut set).is_empty());
    let journal = set.outcome(0).expect("it ran").journal.clone();
    let (mut again, _) = query_set(&deployment);
    again.add(0, "database:paginate".to_owned(), value(page), journal);
    again.add(1, "database:paginate".to_owned(), value(page), None);
    changed(&mut again);
    assert_eq!((bs(&again, 0), bs(&again, 1)), (vec![10.0, 15.0, 20.0], vec![10.0, 15.0]));
}

#[test]
fn a_function_asks_for_one_page() {
    let error =
        crate::common::try_call(&in_memory(), "database:paginateTwice", value("{}")).expect_err("it asks twice");
    assert_eq!(error.code(), "MultiplePaginatedDatabaseQueries");
}

#[test]
fn sets_that_refresh_while_others_write_end_on_the_newest_state_and_never_go_back() {
    let deployment = in_memory();
    let writers: Vec<_> = (0..2)
        .map(|writer| {
            let deployment = deployment.clone();
            thread::spawn(move || {
                for n in 0..150 {
                    put(&deployment, "free", &format!(r#"{{"a": {writer}, "b": {n}}}"#));
                }
            })
        })
        .collect();
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let deployment = deployment.clone();
            thread::spawn(move || {
                let (mut set, woken) = query_set(&deployment);
                for a in 0..2 {
                    let args = format!(
                        r#"{{"table": "free", "index": "by_a_b", "range": [{{"type": "eq", "field": "a", "value": {a}}}]}}"#
                    );
                    set.add(a, "database:collect".to_owned(), value(&args), None);
                }
                let (mut seen, mut last) = ([0, 0], 0);
                while seen != [150, 150] {
                    if woken.swap(0, Ordering::Relaxed) == 0 && !set.is_stale() {
                        thread::yield_now();
                        continue;
                    }
                    let refreshed = set.refresh().expect("it refreshes");
                    assert!(refreshed.timestamp >= last);
                    last = refreshed.timestamp;
                    for a in refreshed.changed {
                        let now = items(set.outcome(a).expect("it ran").result.as_ref().expect("it ran")).len();
                        assert!(now > seen[a as usize] || now == 0, "{now} after {}", seen[a as usize]);
                        seen[a as usize] = now;
                    }
                }
            })
        })
        .collect();
    for thread in writers.into_iter().chain(readers) {
        thread.join().expect("it ends");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// After any reads and writes, a live query's outcome is the query's.
    #[test]
    fn a_live_query_is_never_out_of_date(
        queries in proptest::collection::vec((0..4, 0..4, 0..4, any::<bool>(), 0..3usize), 1..6),
        writes in proptest::collection::vec((0..4, 0..4, 0..3u8), 1..12),
    ) {
        let deployment = in_memory();
        let (mut set, _) = query_set(&deployment);
        let queries: Vec<Value> = queries
            .into_iter()
            .map(|(a, low, high, descending, n)| {
                let order = if descending { "desc" } else { "asc" };
                value(&format!(
                    r#"{{"table": "free", "index": "by_a_b", "order": "{order}", "n": {n}, "range": [
                        {{"type": "eq", "field": "a", "value": {a}}},
                        {{"type": "gte", "field": "b", "value": {low}}}, {{"type": "lt", "field": "b", "value": {high}}}]}}"#
                ))
            })
            .collect();
        for (number, args) in (0..).zip(&queries) {
            set.add(number, "database:take".to_owned(), args.clone(), None);
        }
        let mut ids: Vec<Value> = Vec::new();
        for (a, b, op) in writes {
            let document = format!(r#"{{"a": {a}, "b": {b}}}"#);
            match (op, ids.len()) {
                (1, 1..) => drop(write(&deployment, vec![update("replace", &ids[a as usize % ids.len()], &document)])),
                (2, 1..) => {
                    let id = ids.swap_remove(b as usize % ids.len());
                    write(&deployment, vec![object([("op", "delete".into()), ("id", id)])]);
                }
                _ => ids.push(put(&deployment, "free", &document)),
            }
            set.refresh().expect("it refreshes");
            for (number, args) in (0..).zip(&queries) {
                let live = set.outcome(number).expect("it ran").result.as_ref().expect("it ran");
                prop_assert_eq!(live, &call(&deployment, "database:take", args.clone()));
            }
        }
    }
}

#[test]
fn of_ten_thousand_queries_the_one_runs_again_whose_thread_is_written() {
    const QUERIES: usize = 10_000;
    let deployment = Deployment::open(Target::Memory, Options { functions: None, ..options() }).expect("memory opens");
    let save = |thread: usize| {
        let args = format!(
            r#"{{"op": "insert", "tableName": "mastra_threads", "record": {{"id": "t{thread}", "resourceId": "ada",
            "title": "", "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z"}}}}"#
        );
        call(&deployment, "mastra/storage:handle", value(&args));
    };
    let mut sets: Vec<_> = (0..QUERIES).map(|_| query_set(&deployment)).collect();
    for (thread, (set, _)) in sets.iter_mut().enumerate() {
        let args = object([("threadId", format!("t{thread}").into())]);
        set.add(0, "mastra/queries:watchMessages".to_owned(), args, None);
        assert_eq!(changed(set), [0]);
    }
    save(4321);
    // The next refresh runs the stale queries and no others.
    let stale: Vec<usize> = (0..QUERIES).filter(|thread| sets[*thread].0.is_stale()).collect();
    assert_eq!(stale, [4321]);
    assert_eq!(sets.iter().map(|(_, woken)| woken.load(Ordering::Relaxed)).sum::<usize>(), 1);
}

#[test]
fn a_state_that_may_not_be_on_the_disk_is_not_shown() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let durable = Options { synchronous: Synchronous::Full, ..options() };
    let deployment = Deployment::open(Target::Folder(folder.path().to_owned()), durable).expect("the folder opens");
    let (mut set, woken) = query_set(&deployment);
    set.add(0, "nested:names".to_owned(), value("{}"), None);
    assert_eq!(changed(&mut set), [0]);
    call(&deployment, "nested:add", object([("name", "kept".into())]));
    assert_eq!(changed(&mut set), [0]);
    // From here on, the log can't be synced.
    std::fs::remove_file(folder.path().join("data.sqlite3-wal")).expect("it is there");
    assert_eq!(code(&deployment, "nested:add", object([("name", "lost".into())])), "Io");
    assert_eq!(woken.load(Ordering::Relaxed), 2, "it was committed");
    assert_eq!(set.refresh().expect_err("the disk failed").code(), "Io");
}

#[test]
fn each_query_of_a_set_has_the_limits_to_itself() {
    let limits = Limits { documents_read: 10, ..Limits::CONVEX };
    let deployment = Deployment::open(Target::Memory, Options { limits, ..options() }).expect("memory opens");
    for number in 0..8 {
        put(&deployment, "free", &format!(r#"{{"a": {number}}}"#));
    }
    let (mut set, _) = query_set(&deployment);
    for query in 0..3 {
        set.add(query, "database:collect".to_owned(), value(r#"{"table": "free"}"#), None);
    }
    assert_eq!(changed(&mut set), [0, 1, 2]);
    assert!((0..3).all(|query| set.outcome(query).expect("it ran").result.is_ok()));
}

#[test]
fn results_that_leave_no_room_fail_until_there_is_some() {
    let deployment = in_memory();
    let (set, woken) = query_set(&deployment);
    let mut set = set.bounded(100);
    let fits = |set: &QuerySet, query| set.outcome(query).expect("it ran").result.is_ok();
    for query in 0..2 {
        set.add(query, "nested:names".to_owned(), value("{}"), None);
    }
    changed(&mut set);
    assert!(fits(&set, 0) && fits(&set, 1));
    let large = put(&deployment, "counters", &format!(r#"{{"name": "{}", "value": 1}}"#, "x".repeat(60)));
    assert_eq!(changed(&mut set), [0, 1]);
    let error = set.outcome(1).expect("it ran").result.as_ref().expect_err("it is too much");
    assert_eq!(error.code(), "TooManyBytesInQuerySet");
    assert!(fits(&set, 0), "{error}");
    woken.store(0, Ordering::Relaxed);
    set.remove(0);
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    assert_eq!(changed(&mut set), [1]);
    assert!(fits(&set, 1));
    // A query has room once another one's result is smaller.
    put(&deployment, "free", &format!(r#"{{"a": "{}"}}"#, "y".repeat(10)));
    set.add(2, "database:collect".to_owned(), value(r#"{"table": "free"}"#), None);
    assert_eq!(changed(&mut set), [2]);
    assert!(!fits(&set, 2) && !set.is_stale());
    write(&deployment, vec![update("patch", &large, r#"{"name": "z"}"#)]);
    assert_eq!(changed(&mut set), [1]);
    assert_eq!(woken.load(Ordering::Relaxed), 3);
    assert_eq!(changed(&mut set), [2]);
    assert!(fits(&set, 2));
}
