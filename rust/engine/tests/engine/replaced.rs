//! A data folder that is removed or replaced while it is open.

use std::{fs, path::Path};

use engine::{Deployment, Error, Options, Synchronous, Target};
use value::Value;

use crate::common::{call, count, in_folder, insert, object, options, try_call, value, write};

fn open(folder: &Path, synchronous: Synchronous) -> Result<Deployment, Error> {
    Deployment::open(Target::Folder(folder.to_owned()), Options { synchronous, ..options() })
}

fn try_insert(deployment: &Deployment) -> Result<Value, Error> {
    let writes = vec![insert("free", value("{}"))];
    try_call(deployment, "database:write", object([("writes", writes.into())]))
}

fn refused(deployment: &Deployment) {
    let error = try_insert(deployment).expect_err("the folder is gone");
    assert_eq!(error.code(), "Io", "{error}");
    assert!(error.to_string().contains("was removed or replaced while it was open"), "{error}");
}

#[test]
fn a_write_into_a_folder_that_is_gone_fails_and_the_folder_opens_anew() {
    for synchronous in [Synchronous::Full, Synchronous::Normal] {
        let parent = tempfile::tempdir().expect("a folder can be made");
        let path = parent.path().join("data");
        let old = open(&path, synchronous).expect("it opens");
        try_insert(&old).expect("the folder is there");
        fs::remove_dir_all(&path).expect("it is ours");
        refused(&old);
        let new = open(&path, synchronous).expect("the folder is made again");
        assert_eq!(count(&new, "free"), 0);
        refused(&old);
        try_insert(&new).expect("the folder is there");
        drop(old);
        drop(new);
        assert_eq!(count(&open(&path, synchronous).expect("it opens"), "free"), 1);
    }
}

#[test]
fn another_folder_at_the_path_is_opened_beside_the_one_that_was_there() {
    let parent = tempfile::tempdir().expect("a folder can be made");
    let (path, other, aside) = (parent.path().join("data"), parent.path().join("other"), parent.path().join("aside"));
    write(&in_folder(&other), vec![insert("free", value("{}")), insert("free", value("{}"))]);
    let old = in_folder(&path);
    try_insert(&old).expect("the folder is there");
    fs::rename(&path, &aside).expect("it is ours");
    fs::rename(&other, &path).expect("it is ours");
    let new = in_folder(&path);
    assert_eq!(count(&new, "free"), 2);
    refused(&old);
    // At its new path, it is the same folder.
    let error = open(&aside, Synchronous::Normal).err().expect("its handle doesn't find its files");
    assert_eq!(error.code(), "Io", "{error}");
    drop(old);
    assert_eq!(count(&in_folder(&aside), "free"), 1);
}

#[test]
fn a_folder_that_comes_back_goes_on() {
    let parent = tempfile::tempdir().expect("a folder can be made");
    let (path, aside) = (parent.path().join("data"), parent.path().join("aside"));
    let deployment = in_folder(&path);
    fs::rename(&path, &aside).expect("it is ours");
    refused(&deployment);
    fs::rename(&aside, &path).expect("it is ours");
    try_insert(&deployment).expect("the folder is there again");
    assert_eq!(count(&deployment, "free"), 1);
}

#[test]
fn a_file_that_is_replaced_in_an_open_folder_is_not_joined() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let old = in_folder(folder.path());
    try_insert(&old).expect("the folder is there");
    fs::remove_file(folder.path().join("data.sqlite3")).expect("it is ours");
    refused(&old);
    let error = open(folder.path(), Synchronous::Normal).err().expect("a handle has the old file");
    assert!(error.to_string().contains("close its handles and open it again"), "{error}");
}

#[test]
fn many_readers_never_see_the_folder_that_came_after() {
    let parent = tempfile::tempdir().expect("a folder can be made");
    let path = parent.path().join("data");
    let old = in_folder(&path);
    write(&old, vec![insert("free", value("{}")); 3]);
    fs::rename(&path, parent.path().join("aside")).expect("it is ours");
    write(&in_folder(&path), vec![insert("free", value("{}"))]);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| match try_call(&old, "database:collect", value(r#"{"table": "free"}"#)) {
                Ok(found) => assert_eq!(crate::common::items(&found).len(), 3),
                Err(error) => assert_eq!(error.code(), "Io", "{error}"),
            });
        }
    });
    call(&in_folder(&path), "database:collect", value(r#"{"table": "free"}"#));
}
