//! The admin key's file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use server::AdminKey;

/// An empty folder.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

#[test]
fn a_key_is_made_once() {
    let folder = folder("made-once");
    let key = AdminKey::of_folder(&folder).expect("it is made");
    assert_eq!(AdminKey::of_folder(&folder).expect("it is read").reveal(), key.reveal());
    let files: Vec<_> = fs::read_dir(&folder).expect("it is a folder").collect();
    assert_eq!(files.len(), 1);
}

#[test]
fn a_new_key_takes_the_place_of_the_old() {
    let folder = folder("rotated");
    let old = AdminKey::of_folder(&folder).expect("it is made");
    let new = AdminKey::rotate(&folder).expect("it is made");
    assert_ne!(new.reveal(), old.reveal());
    assert_eq!(AdminKey::of_folder(&folder).expect("it is read").reveal(), new.reveal());
    assert_eq!(fs::read_dir(&folder).expect("it is a folder").count(), 1);
}

#[test]
fn text_that_is_not_a_key_is_refused() {
    let folder = folder("no-key");
    let digits = "0f".repeat(32);
    for text in ["", "mastra-convex|", &format!("mastra-convex|{digits}0"), &format!("other|{digits}"), &digits] {
        fs::write(folder.join("admin-key"), text).expect("it is written");
        let error = AdminKey::of_folder(&folder).expect_err(text);
        assert!(error.to_string().contains("delete the file"), "{error}");
    }
    fs::write(folder.join("admin-key"), [0xff]).expect("it is written");
    assert!(AdminKey::of_folder(&folder).expect_err("not text").to_string().contains("delete the file"));
    fs::write(folder.join("admin-key"), format!("mastra-convex|{digits}\n")).expect("it is written");
    AdminKey::of_folder(&folder).expect("it is a key");
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder("mode");
    let file = folder.join("admin-key");
    let mode = || fs::metadata(&file).expect("it is there").permissions().mode() & 0o777;
    let key = AdminKey::of_folder(&folder).expect("it is made");
    assert_eq!(mode(), 0o600);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("it is ours");
    assert_eq!(AdminKey::of_folder(&folder).expect("it is read").reveal(), key.reveal());
    assert_eq!(mode(), 0o600);
}

#[cfg(unix)]
#[test]
fn a_file_left_by_an_interrupted_start_is_not_written_into() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let folder = folder("left-over");
    let (file, unfinished) = (folder.join("admin-key"), folder.join(format!("admin-key.{}", std::process::id())));
    fs::write(&unfinished, "half a k").expect("it is written");
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o644)).expect("it is ours");
    AdminKey::of_folder(&folder).expect("it is made");
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);

    let elsewhere = folder.join("elsewhere");
    fs::write(&elsewhere, "another file").expect("it is written");
    symlink(&elsewhere, &unfinished).expect("it is made");
    AdminKey::rotate(&folder).expect("it is made");
    assert_eq!(fs::read_to_string(&elsewhere).expect("it is there"), "another file");
}
