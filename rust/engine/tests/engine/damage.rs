//! Damage that SQLite alone doesn't notice, and files that another program changed.

use std::{fs, path::Path};

use engine::{Deployment, Error, Synchronous, Target};
use rusqlite::Connection;
use value::Value;

use crate::common::{call, count, in_folder, insert, object, options, try_call, value, write};

fn sqlite(folder: &Path) -> Connection {
    Connection::open(folder.join("data.sqlite3")).expect("it is SQLite")
}

/// A folder with ten documents, of text and of packed numbers.
fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let numbers: Vec<Value> = (0..64).map(|n| f64::from(n).into()).collect();
    let document = object([("text", "as it was written".into()), ("numbers", numbers.into())]);
    write(&in_folder(folder.path()), vec![insert("free", document); 10]);
    folder
}

fn refused(folder: &Path) -> Error {
    Deployment::open(Target::Folder(folder.to_owned()), options()).err().expect("it is refused")
}

#[test]
fn a_file_in_another_journal_mode_is_put_into_wal_mode_again() {
    for synchronous in [Synchronous::Full, Synchronous::Normal] {
        let folder = filled();
        let (path, copy) = (folder.path().join("data.sqlite3"), folder.path().join("copy"));
        sqlite(folder.path()).execute("VACUUM INTO ?", [copy.to_str().expect("it is text")]).expect("it is copied");
        fs::rename(&copy, &path).expect("it is ours");
        let open = || {
            let options = engine::Options { synchronous, ..options() };
            Deployment::open(Target::Folder(folder.path().to_owned()), options).expect("it opens")
        };
        write(&open(), vec![insert("free", value("{}"))]);
        assert_eq!(count(&open(), "free"), 11);
        let mode: String =
            sqlite(folder.path()).query_row("PRAGMA journal_mode", [], |row| row.get(0)).expect("it has one");
        assert_eq!(mode, "wal");
    }
}

#[test]
fn a_file_that_another_program_keeps_out_of_wal_mode_is_refused() {
    let folder = filled();
    let other = sqlite(folder.path());
    other
        .execute_batch("PRAGMA journal_mode = DELETE; BEGIN; SELECT * FROM documents;")
        .expect("no other connection is open");
    let error = refused(folder.path());
    assert_eq!(error.code(), "Io", "{error}");
    drop(other);
    assert_eq!(count(&in_folder(folder.path()), "free"), 10);
}

#[test]
fn a_log_without_its_database_is_refused_and_left_as_it_is() {
    let folder = filled();
    let (data, log, aside) =
        (folder.path().join("data.sqlite3"), folder.path().join("data.sqlite3-wal"), folder.path().join("aside"));
    // A killed process leaves the last writes in the log alone.
    let killed = tempfile::tempdir().expect("a folder can be made");
    let open = in_folder(folder.path());
    write(&open, vec![insert("free", value("{}"))]);
    for file in ["data.sqlite3", "data.sqlite3-wal"] {
        fs::copy(folder.path().join(file), killed.path().join(file)).expect("it can be copied");
    }
    drop(open);
    for file in ["data.sqlite3", "data.sqlite3-wal"] {
        fs::copy(killed.path().join(file), folder.path().join(file)).expect("it can be copied");
    }
    let before = fs::read(&log).expect("it is there");
    assert!(!before.is_empty());
    fs::rename(&data, &aside).expect("it is ours");
    for is_empty in [false, true] {
        if is_empty {
            fs::write(&data, "").expect("it can be written");
        }
        let error = refused(folder.path());
        assert_eq!(error.code(), "Damaged", "{error}");
        assert!(error.to_string().contains("data.sqlite3 is missing or empty, but its log"), "{error}");
        assert_eq!(fs::read(&log).expect("it is there"), before);
    }
    fs::rename(&aside, &data).expect("it is ours");
    assert_eq!(count(&in_folder(folder.path()), "free"), 11);
}

#[test]
fn a_document_whose_bytes_have_changed_is_not_served() {
    for (change, changed) in [
        ("body", "UPDATE documents SET body = replace(body, 'was', 'wax') WHERE row = 5"),
        (
            "packed",
            "UPDATE documents SET packed = CAST(substr(packed, 1, 40) || x'00' || substr(packed, 42) AS BLOB) WHERE row = 5",
        ),
        ("creation time", "UPDATE documents SET creation_time = creation_time + 1 WHERE row = 5"),
        ("id", "UPDATE documents SET internal_id = zeroblob(16) WHERE row = 5"),
    ] {
        let folder = filled();
        assert_eq!(sqlite(folder.path()).execute(changed, []).expect("it can be changed"), 1, "{change}");
        let deployment = in_folder(folder.path());
        let error = try_call(&deployment, "database:collect", value(r#"{"table": "free"}"#)).expect_err(change);
        assert_eq!(error.code(), "Damaged", "{change}: {error}");
        assert!(error.to_string().contains("checksum"), "{change}: {error}");
        assert_eq!(count(&deployment, "other"), 0, "the others are served");
    }
}

#[test]
fn a_folder_of_format_1_opens_and_its_documents_get_checksums_when_they_are_written() {
    let folder = filled();
    let old = sqlite(folder.path());
    old.execute_batch("ALTER TABLE documents DROP COLUMN checksum; PRAGMA user_version = 1")
        .expect("it can be changed");
    drop(old);
    let deployment = in_folder(folder.path());
    write(&deployment, vec![insert("free", value("{}"))]);
    assert_eq!(count(&deployment, "free"), 11);
    drop(deployment);
    let count = |condition: &str| -> i64 {
        let query = format!("SELECT count(*) FROM documents WHERE {condition}");
        sqlite(folder.path()).query_row(&query, [], |row| row.get(0)).expect("it can be counted")
    };
    assert_eq!((count("checksum IS NULL"), count("checksum IS NOT NULL")), (10, 1));
    call(&in_folder(folder.path()), "database:collect", value(r#"{"table": "free"}"#));
}
