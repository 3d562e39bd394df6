//! Writes: all or nothing, their checks, and their limits.

use engine::{Caller, Deployment, Limits, Options, Target};
use value::{Value, id::DocumentId};

use crate::common::{
    call, code, count, field, in_folder, in_memory, insert, items, object, options, text, try_call, value, write,
};

fn get(deployment: &Deployment, id: &Value) -> Value {
    call(deployment, "database:get", object([("id", id.clone())]))
}

/// The document without its system fields, as text.
fn fields(deployment: &Deployment, id: &Value) -> String {
    let Value::Object(mut fields) = get(deployment, id) else { return "null".to_owned() };
    fields.retain(|name, _| !name.starts_with('_'));
    text(&fields.into())
}

fn on(op: &str, id: &Value, given: &str) -> Value {
    object([("op", op.into()), ("id", id.clone()), ("value", value(given))])
}

fn writes(writes: Vec<Value>) -> Value {
    object([("writes", writes.into())])
}

#[test]
fn a_mutation_that_throws_leaves_no_trace() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for deployment in [in_memory(), in_folder(folder.path())] {
        let kept = write(&deployment, vec![insert("free", value(r#"{"a": 1}"#))]).remove(0);
        let all = vec![
            on("patch", &kept, r#"{"a": 2}"#),
            insert("free", value(r#"{"a": 3}"#)),
            insert("made_in_vain", value("{}")),
            object([("op", "delete".into()), ("id", kept.clone())]),
        ];
        let failing = object([("writes", all.into()), ("thenThrow", "in vain".into())]);
        let error = try_call(&deployment, "database:write", failing).expect_err("it throws");
        assert!(error.to_string().starts_with("Uncaught Error: in vain"), "{error}");
        assert_eq!(fields(&deployment, &kept), r#"{"a":1.0}"#);
        let by_a = |a: f64| {
            let bound = object([("type", "eq".into()), ("field", "a".into()), ("value", a.into())]);
            let request = [("table", "free".into()), ("index", "by_a_b".into()), ("range", vec![bound].into())];
            items(&call(&deployment, "database:collect", object(request))).len()
        };
        assert_eq!([by_a(1.0), by_a(2.0), by_a(3.0)], [1, 0, 0], "nor in the index");
        // The table's name and number are free again.
        write(&deployment, vec![insert("made_in_vain", value("{}"))]);
        assert_eq!(count(&deployment, "made_in_vain"), 1);
    }
}

#[test]
fn a_write_that_fails_and_is_caught_has_done_nothing() {
    let deployment = in_memory();
    let attempt = |table: &str, given: &str| insert(table, value(given));
    let messages = call(
        &deployment,
        "database:tryEach",
        writes(vec![
            attempt("first_refused", r#"{"_secret": 1}"#),
            attempt("strict", r#"{"name": 1}"#),
            attempt("first_refused", r#"{"fine": true}"#),
            attempt("1st", "{}"),
        ]),
    );
    let failed: Vec<bool> = items(&messages).iter().map(|message| *message != Value::Null).collect();
    assert_eq!(failed, [true, true, false, true], "{}", text(&messages));
    assert_eq!((count(&deployment, "first_refused"), count(&deployment, "strict")), (1, 0));
    // A failed attempt alone leaves the table unmade.
    call(&deployment, "database:tryEach", writes(vec![attempt("only_refused", r#"{"_secret": 1}"#)]));
    write(&deployment, vec![insert("only_refused", value("{}"))]);
    assert_eq!(count(&deployment, "only_refused"), 1);
}

#[test]
fn patch_merges_replace_replaces_delete_deletes() {
    let deployment = in_memory();
    let id = write(&deployment, vec![insert("free", value(r#"{"a": 1, "b": 2, "o": {"x": 1, "y": 2}}"#))]).remove(0);
    write(&deployment, vec![on("patch", &id, r#"{"b": 3, "o": {"x": 5}}"#)]);
    assert_eq!(fields(&deployment, &id), r#"{"a":1.0,"b":3.0,"o":{"x":5.0}}"#);
    let mut unset = on("patch", &id, "{}");
    if let Value::Object(fields) = &mut unset {
        fields.insert("unset".to_owned(), vec!["a".into(), "absent".into()].into());
    }
    write(&deployment, vec![unset]);
    assert_eq!(fields(&deployment, &id), r#"{"b":3.0,"o":{"x":5.0}}"#);
    let before = get(&deployment, &id);
    write(&deployment, vec![on("replace", &id, r#"{"c": null}"#)]);
    let after = get(&deployment, &id);
    assert_eq!(fields(&deployment, &id), r#"{"c":null}"#);
    assert_eq!(field(&before, "_creationTime"), field(&after, "_creationTime"));
    let delete = object([("op", "delete".into()), ("id", id.clone())]);
    write(&deployment, vec![delete.clone()]);
    assert_eq!(get(&deployment, &id), Value::Null);
    for (write, verb) in [(delete, "Delete"), (on("patch", &id, "{}"), "Update"), (on("replace", &id, "{}"), "Replace")]
    {
        let error = try_call(&deployment, "database:write", writes(vec![write])).expect_err("it is gone");
        assert!(
            error.to_string().starts_with(&format!("Uncaught Error: {verb} on nonexistent document ID ")),
            "{error}"
        );
    }
}

#[test]
fn system_fields_can_be_handed_back_but_not_set() {
    let deployment = in_memory();
    let id = write(&deployment, vec![insert("free", value(r#"{"a": 1}"#))]).remove(0);
    let document = get(&deployment, &id);
    for op in ["patch", "replace"] {
        let same = object([("op", op.into()), ("id", id.clone()), ("value", document.clone())]);
        write(&deployment, vec![same]);
        assert_eq!(get(&deployment, &id), document);
        for other in [r#"{"_id": "other"}"#, r#"{"_creationTime": 1}"#] {
            assert_eq!(code(&deployment, "database:write", writes(vec![on(op, &id, other)])), "SystemField");
        }
    }
    let given = object([("_id", id.clone())]);
    assert_eq!(code(&deployment, "database:write", writes(vec![insert("free", given)])), "SystemField");
    let other = value(r#"{"_mine": 1}"#);
    assert_eq!(code(&deployment, "database:write", writes(vec![insert("free", other)])), "InvalidDocumentError");
}

#[test]
fn creation_times_only_grow_across_restarts_too() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut last = 0.0;
    for round in 0..3 {
        let deployment = in_folder(folder.path());
        for _ in 0..3 {
            let ids = write(&deployment, vec![insert("free", value("{}")); 50]);
            for id in ids {
                let time = field(&get(&deployment, &id), "_creationTime").as_f64().expect("a number");
                assert!(time > last, "round {round}: {time} after {last}");
                last = time;
            }
        }
        let before = deployment.commit_timestamp().expect("it is open");
        write(&deployment, vec![insert("free", value("{}"))]);
        assert!(deployment.commit_timestamp().expect("it is open") > before);
        call(&deployment, "database:collect", value(r#"{"table": "free"}"#));
        write(&deployment, vec![]);
    }
}

#[test]
fn an_id_begins_with_its_time_and_ends_with_its_day() {
    let now =
        || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is past 1970").as_millis();
    let deployment = in_memory();
    let before = now();
    let id = write(&deployment, vec![insert("free", value("{}"))]).remove(0);
    let after = now();
    let id: DocumentId = id.as_str().and_then(|id| DocumentId::parse(id).ok()).expect("an id");
    let milliseconds = id.internal[..6].iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte));
    assert!((before..=after).contains(&milliseconds), "{milliseconds}");
    let days = u128::from(u16::from_be_bytes([id.internal[14], id.internal[15]]));
    assert!((before / 86_400_000..=after / 86_400_000).contains(&days), "{days}");
}

#[test]
fn a_function_learns_what_it_has_used() {
    let deployment = in_memory();
    write(&deployment, vec![insert("free", value("{}")); 3]);
    let metrics = call(&deployment, "database:metrics", object([("table", "free".into())]));
    let used = |name: &str| field(&field(&metrics, name), "used");
    assert_eq!(
        [used("documentsRead"), used("databaseQueries"), used("documentsWritten")],
        [3.0, 1.0, 0.0].map(Value::from)
    );
    assert!(used("bytesRead").as_f64() > Some(0.0));
}

#[test]
fn mutations_conflict_if_one_reads_what_another_writes() {
    let deployment = in_memory();
    let ids = write(&deployment, vec![insert("free", value(r#"{"a": 1}"#)); 2]);
    let footprint =
        |write: Value| deployment.footprint("database:write", writes(vec![write]), &Caller::ADMIN).expect("it runs");
    let first = || footprint(on("patch", &ids[0], r#"{"a": 2}"#));
    let second = || footprint(on("patch", &ids[1], r#"{"a": 2}"#));
    let new = || footprint(insert("free", value("{}")));
    assert!(first().conflicts_with(&first()));
    assert!(!first().conflicts_with(&second()) && !second().conflicts_with(&first()));
    assert!(!new().conflicts_with(&new()) && !new().conflicts_with(&first()));
    assert_eq!((fields(&deployment, &ids[0]), count(&deployment, "free")), (r#"{"a":1.0}"#.to_owned(), 2));
}

#[test]
fn documents_match_the_schema() {
    let deployment = in_memory();
    let ids = write(&deployment, vec![insert("strict", value(r#"{"name": "a"}"#)), insert("free", value("{}"))]);
    let with_friend = |id: &Value| format!(r#"{{"name": "b", "friend": {}}}"#, text(id));
    write(&deployment, vec![insert("strict", value(&with_friend(&ids[0])))]);
    for (given, message) in [
        ("{}".to_owned(), "missing the required field `name`"),
        (r#"{"name": 1}"#.to_owned(), "Path: .name"),
        (r#"{"name": "a", "extra": 1}"#.to_owned(), "extra field `extra`"),
        (r#"{"name": "a", "tags": ["b", 1]}"#.to_owned(), "Path: .tags[1]"),
        (r#"{"name": "a", "kind": "z"}"#.to_owned(), "Path: .kind"),
        (r#"{"name": "a", "counts": {"k": "v"}}"#.to_owned(), "Path: .counts.values()"),
        (with_friend(&ids[1]), "from table `free`, which does not match"),
        (with_friend(&"nonsense".into()), "Path: .friend"),
    ] {
        let refused = writes(vec![insert("strict", value(&given))]);
        let error = try_call(&deployment, "database:write", refused).expect_err(&given);
        assert_eq!(error.code(), "SchemaEnforcementError");
        let expected = "Uncaught Error: Failed to insert or update a document in table \"strict\" because it does not match the schema: ";
        assert!(error.to_string().starts_with(expected) && error.to_string().contains(message), "{given}: {error}");
    }
    assert_eq!(
        code(&deployment, "database:write", writes(vec![on("patch", &ids[0], r#"{"name": 1}"#)])),
        "SchemaEnforcementError"
    );
}

#[test]
fn a_result_may_be_an_id_of_a_table_made_on_the_way() {
    let deployment = in_memory();
    assert!(call(&deployment, "database:makeFriend", value("{}")).as_str().is_some());
}

#[test]
fn a_write_that_is_not_awaited_belongs_to_its_own_transaction() {
    let deployment = in_memory();
    call(&deployment, "database:writeLate", value("{}"));
    assert_eq!(count(&deployment, "free"), 1);
}

#[test]
fn limits_hold_with_their_codes() {
    let limits = Limits {
        documents_read: 100,
        bytes_read: 100_000,
        ranges_read: 50,
        documents_written: 120,
        bytes_written: 50_000,
        ..Limits::CONVEX
    };
    let deployment = Deployment::open(Target::Memory, Options { limits, ..options() }).expect("memory opens");
    let many = |table: &str, count: f64, bytes: f64| {
        object([("table", table.into()), ("count", count.into()), ("bytes", bytes.into())])
    };
    let collect = |table: &str| object([("table", table.into())]);
    assert_eq!(code(&deployment, "database:insertMany", many("free", 121.0, 0.0)), "TooManyWrites");
    assert_eq!(code(&deployment, "database:insertMany", many("free", 60.0, 1000.0)), "TooManyBytesWritten");
    assert_eq!(count(&deployment, "free"), 0);
    call(&deployment, "database:insertMany", many("free", 101.0, 0.0));
    assert_eq!(code(&deployment, "database:collect", collect("free")), "TooManyDocumentsRead");
    for _ in 0..4 {
        call(&deployment, "database:insertMany", many("wide", 20.0, 2000.0));
    }
    assert_eq!(code(&deployment, "database:collect", collect("wide")), "TooManyBytesRead");
    let first = call(&deployment, "database:first", collect("free"));
    let patches = vec![on("patch", &field(&first, "_id"), r#"{"b": 1}"#); 51];
    assert_eq!(code(&deployment, "database:write", writes(patches)), "TooManyReads");

    for (given, code_) in [
        (object([("text", "x".repeat(1 << 20).into())]), "ValueTooLargeError"),
        (object([("list", vec![Value::Null; 8193].into())]), "ArrayTooLongError"),
        (value(&format!(r#"{{"deep": {}1{}}}"#, "[".repeat(16), "]".repeat(16))), "InvalidDocumentError"),
    ] {
        let error = try_call(&in_memory(), "database:write", writes(vec![insert("free", given)]));
        assert_eq!(error.expect_err(code_).code(), code_);
    }
    assert_eq!(code(&deployment, "database:write", writes(vec![insert("_mine", value("{}"))])), "InvalidTableName");
}

#[test]
fn of_a_wrong_value_and_a_wrong_id_the_value_is_named() {
    let deployment = in_memory();
    for op in ["patch", "replace"] {
        let error = try_call(&deployment, "database:writeTwiceWrong", object([("op", op.into())]));
        let error = error.expect_err("it is wrong");
        assert_eq!(error.code(), "InvalidFieldNameError");
        assert!(error.to_string().contains("can't have this field: field name \"$b\""), "{error}");
    }
}

#[test]
fn arrays_are_stored_bit_for_bit() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let numbers: Vec<f64> = [0.1, -0.0, f64::NAN, f64::NEG_INFINITY, 5e-324].into_iter().cycle().take(20).collect();
    let narrow: Vec<f32> = (0..20u8).map(|x| f32::from(x) / 3.0).collect();
    let document = object([
        ("wide", value::Packed::from_f64(&numbers).into()),
        ("narrow", value::Packed::from_f32(&narrow).into()),
        ("inner", object([("wide", value::Packed::from_f64(&numbers).into())])),
        ("short", vec![Value::from(-0.0), f64::NAN.into()].into()),
        ("scalar", (-0.0).into()),
    ]);
    let id = write(&in_folder(folder.path()), vec![insert("free", document.clone())]).remove(0);
    let Value::Object(mut stored) = get(&in_folder(folder.path()), &id) else { panic!("it is there") };
    stored.retain(|name, _| !name.starts_with('_'));
    assert_eq!(text(&stored.into()), text(&document));
}

#[test]
fn each_table_tells_when_it_was_last_written() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let last = |deployment: &Deployment, table: &str| deployment.last_write(table).expect("it is open");
    let now = |deployment: &Deployment| deployment.commit_timestamp().expect("it is open");
    let deployment = in_folder(folder.path());
    let made = now(&deployment);
    assert_eq!((last(&deployment, "one"), last(&deployment, "two")), (made, made));
    let id = write(&deployment, vec![insert("one", value("{}"))]).remove(0);
    let first = now(&deployment);
    assert!(first > made);
    assert_eq!((last(&deployment, "one"), last(&deployment, "two")), (first, made));
    write(&deployment, vec![insert("two", value("{}"))]);
    assert_eq!((last(&deployment, "one"), last(&deployment, "two")), (first, now(&deployment)));
    let failing = object([("writes", vec![insert("one", value("{}"))].into()), ("thenThrow", "in vain".into())]);
    try_call(&deployment, "database:write", failing).expect_err("it throws");
    get(&deployment, &id);
    assert_eq!(last(&deployment, "one"), first);
    write(&deployment, vec![object([("op", "delete".into()), ("id", id)]), insert("two", value("{}"))]);
    let third = now(&deployment);
    assert_eq!((last(&deployment, "one"), last(&deployment, "two")), (third, third));
    drop(deployment);
    let deployment = in_folder(folder.path());
    assert_eq!((last(&deployment, "one"), last(&deployment, "never")), (third, third));
}
