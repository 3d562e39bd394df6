//! Snapshots: exports of a deployment, and imports into another one.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    ops::ControlFlow,
};

use engine::{Caller, Deployment, Error, ImportMode, MetadataSource, Phase, QuerySet, Summary, VectorSource};
use rusqlite::Connection;
use value::{Packed, Value};
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::common::{call, count, field, in_folder, in_memory, insert, items, object, text, value, write};

fn on(_: Phase, _: u64, _: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn export(deployment: &Deployment) -> (File, Summary) {
    let file = tempfile::tempfile().expect("a file can be made");
    let (_, summary) = deployment.export_snapshot(&file, &mut on).expect("it is exported");
    (file, summary)
}

fn import(deployment: &Deployment, file: &File) -> Result<Summary, Error> {
    deployment.import_snapshot(file, ImportMode::RequireEmpty, &mut on)
}

fn collect(deployment: &Deployment, table: &str) -> Value {
    call(deployment, "database:collect", object([("table", table.into())]))
}

fn put(deployment: &Deployment, table: &str, documents: &[&str]) -> Vec<Value> {
    write(deployment, documents.iter().map(|document| insert(table, value(document))).collect())
}

/// A zip of these files, stored one after the other.
fn zip(files: &[(&str, &str)]) -> File {
    let mut zip = ZipWriter::new(tempfile::tempfile().expect("a file can be made"));
    for (path, content) in files {
        zip.start_file(*path, SimpleFileOptions::default()).expect("it can be written");
        zip.write_all(content.as_bytes()).expect("it can be written");
    }
    zip.finish().expect("it can be written")
}

#[test]
fn documents_arrive_as_they_were_to_the_bit() {
    let numbers: Vec<f64> = (0..16).map(|i| f64::from(i) / 4.0 - 1.0).collect();
    let (single, double) = (Packed::from_f64(&numbers), Packed::from_f64(&[0.1; 20]));
    let document = value(
        r#"{"a": {"$integer": "BwAAAAAAAAA="}, "b": {"$bytes": "ABCD"}, "c": {"$float": "AAAAAAAA+H8="},
            "d": {"$float": "AAAAAAAAAIA="}, "e": {"$float": "AAAAAAAA8P8="}, "f": [null, true, 1, "é\u0000🦀"],
            "g": {"": {"x": 0.1}}, "h": 9007199254740993, "i": 5e-324, "j": 1}"#,
    );
    let Value::Object(mut fields) = document else { unreachable!("it is an object") };
    fields.insert("single".to_owned(), single.into());
    fields.insert("double".to_owned(), double.into());
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder can be made"));
    let deployments = [in_folder(folders[0].path()), in_folder(folders[1].path())];
    write(&deployments[0], vec![insert("free", fields.into()), insert("made_on_the_way", value(r#"{"a": 1}"#))]);
    let (file, exported) = export(&deployments[0]);
    let imported = import(&deployments[1], &file).expect("it is imported");
    assert_eq!(imported, exported);
    assert_eq!(Deployment::read_snapshot(&file, &mut on).expect("it can be read"), exported);
    assert_eq!(export(&deployments[1]).1, exported);
    for table in ["free", "made_on_the_way"] {
        let there = collect(&deployments[1], table);
        assert_eq!(text(&there), text(&collect(&deployments[0], table)));
        assert_eq!(exported.tables[table].documents, 1);
    }
    // A float32 number takes four bytes in both.
    let stored = folders.each_ref().map(|folder| {
        let data = Connection::open(folder.path().join("data.sqlite3")).expect("it opens");
        let query = "SELECT body, packed FROM documents WHERE packed IS NOT NULL";
        data.query_row(query, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))).expect("it is there")
    });
    assert_eq!(stored[0], stored[1]);
    // Later documents come later, and have other ids.
    put(&deployments[1], "free", &[r#"{"a": "later"}"#]);
    let documents = items(&collect(&deployments[1], "free"));
    assert_eq!(field(&documents[1], "a"), "later".into());
    assert_ne!(field(&documents[1], "_id"), field(&documents[0], "_id"));
}

#[test]
fn a_snapshot_is_of_one_moment() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let deployment = in_folder(folder.path());
    put(&deployment, "free", &[r#"{"a": 1}"#; 50]);
    let file = tempfile::tempfile().expect("a file can be made");
    let before = deployment.commit_timestamp().expect("it is open");
    let (timestamp, summary) = deployment
        .export_snapshot(&file, &mut |_, _, _| {
            put(&deployment, "free", &[r#"{"a": 2}"#]);
            put(&deployment, "counters", &[r#"{"name": "n", "value": 1}"#]);
            ControlFlow::Continue(())
        })
        .expect("it is exported");
    assert_eq!((timestamp, summary.tables["free"].documents, summary.tables["counters"].documents), (before, 50, 0));
    assert!(count(&deployment, "free") > 50);
}

#[test]
fn again_ends_the_same_and_documents_of_others_are_in_the_way() {
    let source = in_memory();
    put(&source, "free", &[r#"{"a": 1}"#, r#"{"a": 2}"#]);
    let (file, exported) = export(&source);
    let target = in_memory();
    put(&target, "counters", &[r#"{"name": "n", "value": 1}"#]);
    // The source's table is empty, the target's isn't.
    let error = import(&target, &file).expect_err("counters holds a document");
    assert_eq!(error.to_string(), "table counters holds documents that the snapshot doesn't have");
    assert_eq!((error.code(), count(&target, "free"), count(&target, "counters")), ("TableExists", 0, 1));

    let target = in_memory();
    for _ in 0..2 {
        assert_eq!(import(&target, &file).expect("it is imported"), exported);
    }
    let documents = items(&collect(&target, "free"));
    let changes = [
        insert("free", value(r#"{"a": 3}"#)),
        object([("op", "delete".into()), ("id", field(&documents[0], "_id"))]),
        object([("op", "patch".into()), ("id", field(&documents[0], "_id")), ("value", value(r#"{"a": 9}"#))]),
    ];
    for (position, change) in changes.into_iter().enumerate() {
        let target = in_memory();
        import(&target, &file).expect("it is imported");
        write(&target, vec![change]);
        let changed = collect(&target, "free");
        match import(&target, &file) {
            // Deleted documents come back.
            Ok(_) => assert_eq!(position, 1),
            Err(error) => {
                assert_eq!(error.code(), "TableExists");
                assert_eq!(collect(&target, "free"), changed);
            }
        }
        let replaced = target.import_snapshot(&file, ImportMode::Replace, &mut on).expect("it is imported");
        assert_eq!(replaced, exported);
        assert_eq!(collect(&target, "free"), collect(&source, "free"));
    }
}

#[test]
fn tables_keep_their_numbers_where_no_documents_are_in_the_way() {
    let source = in_memory();
    for table in ["apples", "pears"] {
        put(&source, table, &[&format!(r#"{{"is": "{table}"}}"#)]);
    }
    let (file, exported) = export(&source);
    // The tables are made in the other order, with another one between them. All of them are empty.
    let target = in_memory();
    let made: Vec<_> = ["pears", "plums", "apples"].iter().flat_map(|table| put(&target, table, &["{}"])).collect();
    write(&target, made.into_iter().map(|id| object([("op", "delete".into()), ("id", id)])).collect());
    assert_eq!(import(&target, &file).expect("it is imported"), exported);
    for table in ["apples", "pears"] {
        assert_eq!(collect(&target, table), collect(&source, table));
        let id = field(&items(&collect(&target, table))[0], "_id");
        let found = call(&target, "database:get", object([("id", id)]));
        assert_eq!(field(&found, "is"), table.into());
    }
    put(&target, "plums", &[r#"{"is": "plums"}"#]);
    put(&target, "cherries", &[r#"{"is": "cherries"}"#]);
    assert_eq!(export(&target).1.tables.len(), exported.tables.len() + 2);

    let target = in_memory();
    put(&target, "plums", &["{}"]);
    for mode in [ImportMode::RequireEmpty, ImportMode::Replace] {
        let error = target.import_snapshot(&file, mode, &mut on).expect_err("the number is taken");
        assert_eq!(error.code(), "TableNumberTaken");
        assert!(error.to_string().contains("the number of table plums"), "{error}");
    }
    assert_eq!((count(&target, "plums"), count(&target, "apples")), (1, 0));
}

#[test]
fn an_invalid_snapshot_is_refused_with_its_place_and_changes_nothing() {
    const TABLES: &str = "_tables/documents.jsonl";
    let id = field(
        &items(&collect(
            &{
                let source = in_memory();
                put(&source, "strict", &[r#"{"name": "n"}"#]);
                source
            },
            "strict",
        ))[0],
        "_id",
    );
    let number = id.as_str().and_then(|id| id.parse::<value::id::DocumentId>().ok()).expect("it is an id").table_number;
    let id = id.as_str().expect("an id is text");
    let tables = format!("{{\"id\": {number}, \"name\": \"strict\"}}\n");
    let line = |fields: &str| format!("{{\"_id\": \"{id}\", \"_creationTime\": 1.5{fields}}}\n");
    let (good, wrong) = (line(", \"name\": \"a\""), line(", \"name\": 1.0"));
    let other = id.replace(&id[4..6], "zz");
    let documents = "strict/documents.jsonl";
    for (files, message) in [
        (vec![("README.md", "hello")], "not a snapshot: no _tables/documents.jsonl in it"),
        (vec![(TABLES, "{}\n")], "_tables/documents.jsonl, line 1: expected a table's `name`, and its number as `id`"),
        (vec![(TABLES, "{\"id\": 10001, \"name\": \"a b\"}\n")], "line 1: `a b` is not a table name"),
        (vec![(TABLES, &format!("{tables}{tables}"))], "line 2: the number"),
        (
            vec![(TABLES, &tables), ("x/documents.jsonl", "")],
            "no table x; expected one, as there is a x/documents.jsonl",
        ),
        (vec![(TABLES, &tables), (documents, &format!("{good}[1]\n"))], "strict/documents.jsonl, line 2: found array"),
        (vec![(TABLES, &tables), (documents, "{\"_id\"")], "strict/documents.jsonl, line 1: JSON at byte 6: EOF"),
        (vec![(TABLES, &tables), (documents, "{}")], "line 1: expected an `_id`"),
        (vec![(TABLES, &tables), (documents, &good.replace(id, &other))], "line 1: `_id`: id has checksum"),
        (vec![(TABLES, &tables.replace("00", "0")), (documents, &good)], "expected the number of strict"),
        (vec![(TABLES, &tables), (documents, &good.replace("1.5", "null"))], "expected a number as `_creationTime`"),
        (vec![(TABLES, &tables), (documents, &format!("{good}{good}"))], "line 2: the id"),
        (vec![(TABLES, &tables), (documents, &format!("{good}{wrong}"))], "line 2: Failed to insert or update"),
        (vec![(TABLES, &tables), (documents, &good.replace("name", "_name"))], "line 1: "),
    ] {
        let target = in_memory();
        let error = import(&target, &zip(&files)).expect_err(message);
        assert!(error.to_string().contains(message), "{message}: {error}");
        assert_eq!(count(&target, "strict"), 0, "{message}");
    }
    let files =
        [(TABLES, tables.as_str()), (documents, &good), ("_components/a/t/documents.jsonl", ""), ("_storage/x", "")];
    let summary = import(&in_memory(), &zip(&files)).expect("it is imported");
    assert_eq!(
        (summary.tables["strict"].documents, summary.left_out),
        (1, vec!["_components/a".into(), "_storage".into()])
    );
}

#[test]
fn a_damaged_zip_is_refused_wherever_it_is_damaged() {
    let source = in_memory();
    put(&source, "free", &[r#"{"a": "some text that is long enough to be found in the middle of a zip"}"#; 20]);
    let (mut file, exported) = export(&source);
    let mut whole = Vec::new();
    file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut whole)).expect("it can be read");
    let mut at = 0;
    for length in (0..whole.len()).step_by(97) {
        let mut cut = tempfile::tempfile().expect("a file can be made");
        cut.write_all(&whole[..length]).expect("it can be written");
        let error = import(&in_memory(), &cut).expect_err("it is cut");
        assert_eq!(error.code(), "InvalidSnapshot", "{length} bytes: {error}");
    }
    // A flipped bit in the documents is noticed by the checksum, if not before.
    let entry = ZipArchive::new(&file).expect("it is a zip").by_name("free/documents.jsonl").map(|entry| {
        at = entry.data_start().expect("it has data");
        entry.compressed_size()
    });
    for offset in (0..entry.expect("it is there")).step_by(7) {
        let mut damaged = whole.clone();
        damaged[usize::try_from(at + offset).expect("it is small")] ^= 0x10;
        let mut file = tempfile::tempfile().expect("a file can be made");
        file.write_all(&damaged).expect("it can be written");
        let target = in_memory();
        if let Ok(summary) = import(&target, &file) {
            assert_eq!(summary, exported, "bit {offset} had no meaning");
        } else {
            assert_eq!(count(&target, "free"), 0);
        }
    }
}

#[test]
fn the_progress_callback_can_end_the_work_and_nothing_is_left() {
    let source = in_memory();
    put(&source, "free", &[r#"{"a": 1}"#; 50]);
    let file = tempfile::tempfile().expect("a file can be made");
    let stopped = source.export_snapshot(&file, &mut |_, done, _| {
        if done > 20 { ControlFlow::Break(()) } else { on(Phase::Export, 0, 0) }
    });
    assert_eq!(stopped.expect_err("it is stopped").code(), "Stopped");
    let (file, exported) = export(&source);
    for phase in [Phase::Import, Phase::Check] {
        let target = in_memory();
        let mut last = (0, 0);
        let stopped = target.import_snapshot(&file, ImportMode::RequireEmpty, &mut |now, done, total| {
            last = (done, total);
            if now == phase && done * 2 > total { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(stopped.expect_err("it is stopped").code(), "Stopped");
        assert!(last.0 > 0 && last.0 <= last.1, "{last:?}");
        assert_eq!(count(&target, "free"), 0);
        assert_eq!(import(&target, &file).expect("it is imported"), exported);
    }
}

#[test]
fn indexes_live_queries_and_resident_vectors_follow() {
    let vectors = VectorSource {
        table: "vectors".to_owned(),
        index: "by_creation_time".to_owned(),
        prefix: Vec::new(),
        vector_field: "embedding".to_owned(),
        dimension: 3,
        id_field: "_id".to_owned(),
        metadata: MetadataSource::Fields(vec!["group".to_owned()]),
    };
    let source = in_memory();
    put(
        &source,
        "vectors",
        &[r#"{"group": "a", "embedding": [1, 2, 3]}"#, r#"{"group": "b", "embedding": [4, 5, 6]}"#],
    );
    let (file, _) = export(&source);
    let target = in_memory();
    assert_eq!(target.vectors(&vectors).expect("they are readable").len(), 0);
    let mut queries = QuerySet::new(&target, Caller::ADMIN, || {}).expect("it is open");
    let of_b =
        r#"{"table": "vectors", "index": "by_group", "range": [{"type": "eq", "field": "group", "value": "b"}]}"#;
    queries.add(1, "database:collect".to_owned(), value(of_b), None);
    queries.refresh().expect("it refreshes");
    let before = target.last_write("vectors").expect("it is open");
    import(&target, &file).expect("it is imported");
    assert!(queries.is_stale());
    assert_eq!(queries.refresh().expect("it refreshes").changed.len(), 1);
    let found = queries.outcome(1).and_then(|outcome| outcome.result.as_ref().ok()).expect("it succeeds");
    assert_eq!(items(found).len(), 1);
    assert_eq!(target.vectors(&vectors).expect("they are readable").len(), 2);
    assert!(target.last_write("vectors").expect("it is open") > before);
    // Again: nothing is written, so no query runs.
    import(&target, &file).expect("it is imported");
    assert!(!queries.is_stale());
}

#[test]
fn a_creation_time_that_is_not_in_the_past_is_refused() {
    for time in ["4102444800000.5", "1.8e308", "-1.0", "{\"$float\": \"AAAAAAAA8H8=\"}"] {
        let from = in_memory();
        let ids = put(&from, "free", &["{}"]);
        let id = ids[0].as_str().expect("an id");
        let number = id.parse::<value::id::DocumentId>().expect("it is an id").table_number;
        let file = zip(&[
            ("_tables/documents.jsonl", &format!("{{\"name\": \"free\", \"id\": {number}}}\n")),
            ("free/documents.jsonl", &format!("{{\"_id\": \"{id}\", \"_creationTime\": {time}}}\n")),
        ]);
        let deployment = in_memory();
        let error = import(&deployment, &file).expect_err(time);
        assert_eq!(error.code(), "InvalidSnapshot", "{time}: {error}");
        assert!(error.to_string().starts_with("free/documents.jsonl, line 1: "), "{time}: {error}");
        assert_eq!(count(&deployment, "free"), 0);
    }
}

#[test]
fn the_clock_is_not_moved_by_a_snapshot() {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is past").as_secs_f64() * 1e3;
    let ahead = now + 1_800_000.0;
    let from = in_memory();
    let ids = put(&from, "free", &["{}"]);
    let id = ids[0].as_str().expect("an id");
    let number = id.parse::<value::id::DocumentId>().expect("it is an id").table_number;
    let file = zip(&[
        ("_tables/documents.jsonl", &format!("{{\"name\": \"free\", \"id\": {number}}}\n")),
        ("free/documents.jsonl", &format!("{{\"_id\": \"{id}\", \"_creationTime\": {ahead:?}}}\n")),
    ]);
    let deployment = in_memory();
    import(&deployment, &file).expect("half an hour may be a clock's fault");
    put(&deployment, "other", &["{}"]);
    let [other] = &items(&collect(&deployment, "other"))[..] else { panic!("there is one") };
    let Value::Float64(time) = field(other, "_creationTime") else { panic!("it has a time") };
    assert!(time < ahead, "{time} is as the file says");
}

#[test]
fn two_files_of_one_name_are_refused() {
    let file = zip(&[
        ("_tables/documents.jsonl", "{\"name\": \"free\", \"id\": 10001}\n"),
        ("free/documents.jsonl", ""),
        ("fref/documents.jsonl", ""),
    ]);
    let mut bytes = Vec::new();
    let mut reader = &file;
    reader.seek(SeekFrom::Start(0)).expect("it is a file");
    reader.read_to_end(&mut bytes).expect("it can be read");
    let text = b"fref/documents.jsonl";
    let places: Vec<usize> = (0..bytes.len() - text.len()).filter(|&place| bytes[place..].starts_with(text)).collect();
    for place in places {
        bytes[place + 3] = b'e';
    }
    let mut twice = tempfile::tempfile().expect("a file can be made");
    twice.write_all(&bytes).expect("it can be written");
    let error = import(&in_memory(), &twice).expect_err("which of the two?");
    assert_eq!(error.code(), "InvalidSnapshot", "{error}");
    assert!(error.to_string().contains("two files in it have the same name"), "{error}");
}
