//! Many threads at once.

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use engine::{Deployment, Error, Limits, Options, Target};
use value::Value;

use crate::common::{call, count, field, in_folder, in_memory, insert, items, object, options, try_call, value, write};

/// A deployment in memory, and two handles on one folder.
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
fn a_slow_query_keeps_no_other_call_waiting() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let limits = Limits { user_time: Duration::from_secs(10), ..Limits::CONVEX };
    for target in [Target::Memory, Target::Folder(folder.path().to_owned())] {
        let deployment = Deployment::open(target, Options { limits, ..options() }).expect("it opens");
        let done = Arc::new(AtomicBool::new(false));
        thread::scope(|scope| {
            let (deployment, ends) = (&deployment, Arc::clone(&done));
            let slow = scope.spawn(move || {
                let check = Rc::new(move || ends.load(Ordering::Relaxed));
                base::interrupt::scope(check, || try_call(deployment, "stuck:reads", value("{}")))
            });
            // By now it has read.
            thread::sleep(Duration::from_millis(300));
            for number in 1..=50 {
                let counted = call(deployment, "database:increment", value(r#"{"name": "n"}"#));
                assert_eq!(counted, f64::from(number).into());
                assert_eq!(call(deployment, "database:total", value("{}")), counted);
            }
            done.store(true, Ordering::Relaxed);
            // If the calls had waited for it, its time would have been over.
            assert!(matches!(slow.join().expect("it ends"), Err(Error::Interrupted)));
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

/// Forks while other folders open and close. The child must be able to release all of them.
#[cfg(target_os = "linux")]
#[test]
fn a_fork_leaves_the_child_no_folder() {
    use std::{fs, io, os::unix::process::CommandExt, process::Command};

    let let_go = || {
        engine::after_fork_in_child();
        let held = fs::read_dir("/proc/self/fd")?.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
        let held = held.filter(|path| path.ends_with("lock")).count();
        if held == 0 { Ok(()) } else { Err(io::Error::other(format!("{held} lock files"))) }
    };
    let done = AtomicBool::new(false);
    let kept = tempfile::tempdir().expect("a folder can be made");
    let deployment = in_folder(kept.path());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let folder = tempfile::tempdir().expect("a folder can be made");
                while !done.load(Ordering::Relaxed) {
                    drop(in_folder(folder.path()));
                }
            });
        }
        for _ in 0..50 {
            let mut command = Command::new("true");
            #[expect(
                unsafe_code,
                reason = "there is no other way to run anything after a fork; glibc lets it allocate"
            )]
            unsafe {
                command.pre_exec(let_go);
            }
            engine::before_fork();
            let child = command.spawn();
            engine::after_fork_in_parent();
            let left = child.map(|mut child| child.wait());
            done.store(left.is_err(), Ordering::Relaxed);
            assert!(left.expect("nothing is left").expect("it ends").success());
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(count(&deployment, "free"), 0);
}

#[test]
fn a_fork_under_way_delays_only_who_opens() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (deployment, other) = (in_memory(), tempfile::tempdir().expect("a folder can be made"));
    let kept = in_folder(other.path());
    engine::before_fork();
    engine::before_fork();
    thread::scope(|scope| {
        let opener = scope.spawn(|| drop(in_folder(folder.path())));
        assert_eq!(count(&deployment, "free"), 0);
        thread::sleep(std::time::Duration::from_millis(20));
        assert!(!opener.is_finished());
        // A garbage collector may run on this thread.
        drop(kept);
        engine::after_fork_in_parent();
    });
}
