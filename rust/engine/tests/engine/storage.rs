//! The data folder: its owner, its format and errors, and the writes that survive.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};

use engine::{Deployment, Error, Limits, Options, Synchronous, Target};
use rusqlite::Connection;
use value::Value;

use crate::common::{call, count, field, functions, in_folder, insert, items, object, options, value, write};

fn open(folder: &Path) -> Result<Deployment, Error> {
    Deployment::open(Target::Folder(folder.to_owned()), options())
}

fn refused(folder: &Path) -> Error {
    open(folder).err().expect("the folder is refused")
}

/// A folder with some documents, closed.
fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let deployment = in_folder(folder.path());
    call(&deployment, "database:insertMany", value(r#"{"table": "free", "count": 200, "bytes": 1000}"#));
    folder
}

/// Runs a test again in a process of its own, where it is the child. The child gets a folder.
fn child(name: &str, folder: &Path) -> Child {
    start(&mut Command::new(program()), name, folder)
}

/// The same, after what a shell does.
#[cfg(unix)]
fn child_of_shell(name: &str, folder: &Path, shell: &str) -> Child {
    let command = format!("{shell} exec \"$0\" \"$@\"");
    start(Command::new("sh").args(["-c", &command]).arg(program()), name, folder)
}

fn program() -> PathBuf {
    env::current_exe().expect("it is running")
}

fn start(command: &mut Command, name: &str, folder: &Path) -> Child {
    command
        .args(["--exact", &format!("storage::{name}"), "--nocapture", "--test-threads=1"])
        .env("DATA_FOLDER", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child can be started")
}

/// The folder that a child was given; None in the test itself.
fn given_folder() -> Option<PathBuf> {
    env::var_os("DATA_FOLDER").map(PathBuf::from)
}

/// The lines that a child prints for its parent, which begin with `>`.
fn lines(child: &mut Child) -> impl Iterator<Item = String> {
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    output.lines().map_while(Result::ok).filter_map(|line| Some(line.split_once('>')?.1.to_owned()))
}

fn say(text: impl std::fmt::Display) {
    println!(">{text}");
    std::io::stdout().flush().expect("the parent listens");
}

fn hold(folder: &Path) {
    let _deployment = in_folder(folder);
    say("open");
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn one_process_owns_a_folder() {
    if let Some(folder) = given_folder() {
        return hold(&folder);
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut child = child("one_process_owns_a_folder", folder.path());
    assert_eq!(lines(&mut child).next().expect("it opens"), "open");
    let error = refused(folder.path());
    let Error::Locked { pid, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*pid, Some(child.id()));
    assert!(error.to_string().contains(&format!("(pid {})", child.id())), "{error}");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    in_folder(folder.path());
}

fn write_batches(folder: &Path) {
    let deployment = in_folder(folder);
    for batch in 0.. {
        let document = object([("batch", f64::from(batch).into()), ("text", "x".repeat(3000).into())]);
        write(&deployment, vec![insert("free", document); 5]);
        say(batch);
    }
}

#[test]
fn acknowledged_writes_survive_a_killed_process() {
    if let Some(folder) = given_folder() {
        return write_batches(&folder);
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut expected = 0;
    for round in 0..5 {
        let mut child = child("acknowledged_writes_survive_a_killed_process", folder.path());
        let acknowledged = lines(&mut child).take(3 + 20 * round).count();
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        let deployment = in_folder(folder.path());
        let documents = items(&call(&deployment, "database:collect", value(r#"{"table": "free"}"#)));
        assert_eq!(documents.len() % 5, 0, "no half batch");
        assert!(documents.len() >= 5 * (expected + acknowledged), "round {round}");
        expected = documents.len() / 5;
    }
}

#[cfg(unix)]
fn fill_the_disk(folder: &Path) {
    use crate::common::try_call;

    let deployment = in_folder(folder);
    let mut batches = 0;
    let error = loop {
        match try_call(&deployment, "database:insertMany", value(r#"{"table": "free", "count": 20, "bytes": 10000}"#)) {
            Ok(_) => batches += 1,
            Err(error) => break error,
        }
    };
    say(format!("{} {batches} {}", error.code(), count(&deployment, "free")));
    // After such an error, nothing of the call is written, even if the function catches it.
    let document = object([("text", "x".repeat(900_000).into())]);
    let attempt = object([("writes", vec![insert("free", document); 4].into())]);
    let error = try_call(&deployment, "database:tryEach", attempt).expect_err("there is still no room");
    say(format!("{} {}", error.code(), count(&deployment, "free")));
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_said_and_nothing_half_written() {
    if let Some(folder) = given_folder() {
        return fill_the_disk(&folder);
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut child =
        child_of_shell("a_full_disk_is_said_and_nothing_half_written", folder.path(), "trap '' XFSZ; ulimit -f 6000;");
    let said: Vec<String> = lines(&mut child).collect();
    assert!(child.wait().expect("it ends").success(), "{said:?}");
    let words: Vec<&str> = said[0].split(' ').collect();
    let batches: usize = words[1].parse().expect("a number");
    assert!(batches > 0);
    assert_eq!((words[0], words[2]), ("DiskFull", (20 * batches).to_string().as_str()));
    assert_eq!(said[1], format!("DiskFull {}", 20 * batches));
    assert_eq!(count(&in_folder(folder.path()), "free"), 20 * batches, "with room again all is there");
}

#[cfg(unix)]
fn say_how_it_opens(folder: &Path) {
    match open(folder) {
        Ok(_) => say("open"),
        Err(error) => say(format!("{}: {error}", error.code())),
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_opened_to_read() {
    use std::os::unix::fs::PermissionsExt;

    if let Some(folder) = given_folder() {
        return say_how_it_opens(&folder);
    }
    let folder = filled();
    let _ = fs::remove_file(folder.path().join("lock"));
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o555)).expect("it is ours");
    for file in fs::read_dir(folder.path()).expect("it can be listed") {
        let file = file.expect("it can be listed").path();
        fs::set_permissions(file, PermissionsExt::from_mode(0o444)).expect("it is ours");
    }
    // Root ignores permissions, so another user reads the files.
    let is_root = fs::File::create(folder.path().join("probe")).is_ok();
    let shell = r#"set -- "$0" "$@"; exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@";"#;
    let mut child = child_of_shell(
        "a_folder_that_cannot_be_written_is_opened_to_read",
        folder.path(),
        if is_root { shell } else { "" },
    );
    let said: Vec<String> = lines(&mut child).collect();
    child.wait().expect("it ends");
    assert_eq!(said, ["open"]);
}

#[test]
fn a_folder_that_is_a_file_is_refused() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("file");
    fs::write(&file, "text").expect("it can be written");
    for path in [file.clone(), file.join("below")] {
        let error = refused(&path);
        assert_eq!(error.code(), "Io");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
    assert_eq!(fs::read(&file).expect("it is there"), b"text");
}

#[test]
fn damaged_and_foreign_files_are_refused_and_left_as_they_are() {
    let sqlite = |change: &str| {
        let folder = filled();
        let connection = Connection::open(folder.path().join("data.sqlite3")).expect("it is SQLite");
        connection.execute_batch(change).expect("it can be changed");
        folder
    };
    let bytes = |change: &dyn Fn(&mut Vec<u8>)| {
        let folder = filled();
        let path = folder.path().join("data.sqlite3");
        let mut content = fs::read(&path).expect("it is there");
        change(&mut content);
        fs::write(&path, content).expect("it can be written");
        folder
    };
    let foreign = tempfile::tempdir().expect("a folder can be made");
    let connection = Connection::open(foreign.path().join("data.sqlite3")).expect("it can be made");
    connection.execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (1);").expect("it can be changed");
    drop(connection);
    for (what, folder, code, message) in [
        ("garbage", bytes(&|content| content.fill(b'x')), "Damaged", "not a database"),
        ("short", bytes(&|content| content.truncate(content.len() / 2)), "Damaged", ""),
        ("cut within a page", bytes(&|content| content.truncate(content.len() - 1000)), "Damaged", "not whole pages"),
        ("hole", bytes(&|content| content[30_000..60_000].fill(0)), "Damaged", ""),
        ("newer", sqlite("PRAGMA user_version = 9"), "NewerFormat", "has format 9; this version reads formats up to 2"),
        ("other id", sqlite("PRAGMA application_id = 7"), "Damaged", "was not written by mastra-convex"),
        ("foreign", foreign, "Damaged", "was not written by mastra-convex"),
    ] {
        let path = folder.path().join("data.sqlite3");
        let before = fs::read(&path).expect("it is there");
        let error = open(folder.path()).err().expect(what);
        assert_eq!(error.code(), code, "{what}: {error}");
        assert!(error.to_string().contains(message), "{what}: {error}");
        assert!(error.to_string().contains(&folder.path().display().to_string()), "{what}: {error}");
        assert_eq!(fs::read(&path).expect("it is there"), before, "{what}");
    }
}

#[test]
fn a_file_that_was_never_begun_is_begun() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    fs::write(folder.path().join("data.sqlite3"), "").expect("it can be written");
    write(&in_folder(folder.path()), vec![insert("free", value("{}"))]);
    assert_eq!(count(&in_folder(folder.path()), "free"), 1);
}

#[test]
fn handles_on_a_folder_share_it_until_the_last_is_closed() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (a, b) = (in_folder(folder.path()), in_folder(&folder.path().join(".")));
    write(&a, vec![insert("free", value("{}"))]);
    assert_eq!(count(&b, "free"), 1);
    let other = Options { limits: Limits::OFF, ..options() };
    let error = Deployment::open(Target::Folder(folder.path().to_owned()), other.clone()).err().expect("they differ");
    assert!(matches!(error, Error::OptionsDiffer { .. }), "{error}");
    assert!(error.to_string().ends_with("limits is \"convex\", asked for \"off\""), "{error}");
    let same = Options { functions: Some(functions().join("../functions")), ..options() };
    Deployment::open(Target::Folder(folder.path().to_owned()), same).expect("it is the same folder");
    drop(a);
    assert_eq!(count(&b, "free"), 1);
    drop(b);
    Deployment::open(Target::Folder(folder.path().to_owned()), other).expect("it isn't open");
}

#[test]
fn both_kinds_of_durability_keep_what_was_written() {
    for synchronous in [Synchronous::Full, Synchronous::Normal] {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let open = || {
            let options = Options { synchronous, ..options() };
            Deployment::open(Target::Folder(folder.path().to_owned()), options).expect("it opens")
        };
        write(&open(), vec![insert("free", value("{}"))]);
        assert_eq!(count(&open(), "free"), 1);
    }
}

#[test]
fn documents_are_checked_when_a_table_is_declared() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let functions = tempfile::tempdir().expect("a folder can be made");
    let source = fs::read_to_string(crate::common::functions().join("database.ts")).expect("it is there");
    fs::write(functions.path().join("database.ts"), source).expect("it can be written");
    let open = |table: &str| {
        let schema = format!(
            "import {{ defineSchema, defineTable }} from \"convex/server\";\nimport {{ v }} from \"convex/values\";\n\
             export default defineSchema({{ {table} }});\n"
        );
        fs::write(functions.path().join("schema.ts"), schema).expect("it can be written");
        let options = Options { functions: Some(functions.path().to_owned()), ..options() };
        Deployment::open(Target::Folder(folder.path().to_owned()), options)
    };
    let id = write(
        &open("").expect("it opens"),
        vec![insert("late", value(r#"{"n": 2}"#)), insert("late", value(r#"{"n": 1}"#))],
    );
    let error = open("late: defineTable({ n: v.string() })").err().expect("a number is no string");
    assert_eq!(error.code(), "SchemaEnforcementError");
    assert!(error.to_string().contains(id[0].as_str().expect("an id")), "{error}");
    let deployment = open("late: defineTable({ n: v.number() }).index(\"by_n\", [\"n\"])").expect("they match");
    let by_n = object([("table", "late".into()), ("index", "by_n".into())]);
    let found = items(&call(&deployment, "database:collect", by_n));
    assert_eq!(found.iter().map(|document| field(document, "n")).collect::<Vec<Value>>(), [1.0.into(), 2.0.into()]);
}

#[test]
fn many_documents_open_quickly() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let deployment = in_folder(folder.path());
    for _ in 0..10 {
        call(&deployment, "database:insertMany", value(r#"{"table": "free", "count": 10000, "bytes": 50}"#));
    }
    drop(deployment);
    let began = Instant::now();
    let deployment = in_folder(folder.path());
    call(&deployment, "database:first", value(r#"{"table": "free"}"#));
    let took = began.elapsed();
    eprintln!("opened 100,000 documents in {took:?}");
    assert!(took.as_secs_f64() < 1.0, "{took:?}");
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_made_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;

    let parent = tempfile::tempdir().expect("a folder can be made");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let folder = parent.path().join("between/data");
    drop(in_folder(&folder));
    assert_eq!(mode(&folder), 0o700);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).expect("it is ours");
    drop(in_folder(&folder));
    assert_eq!(mode(&folder), 0o750);
    // Its files have this mode even in a folder that others may read.
    let wide = parent.path().join("wide");
    fs::create_dir(&wide).expect("it can be made");
    fs::set_permissions(&wide, fs::Permissions::from_mode(0o777)).expect("it is ours");
    let deployment = in_folder(&wide);
    write(&deployment, vec![insert("free", value("{}"))]);
    for file in ["data.sqlite3", "data.sqlite3-wal", "data.sqlite3-shm", "lock"] {
        assert_eq!(mode(&wide.join(file)), 0o600, "{file}");
    }
}
