//! Functions that stay in a built-in method, where QuickJS doesn't look at the time.

use std::{rc::Rc, thread, time::Duration};

use engine::{Caller, Deployment, Error, Limits, Options, Target};
use value::Value;

use crate::common::{call, count, object, options, value};

/// A deployment whose functions may take a tenth of a second.
fn hurried() -> Deployment {
    let limits = Limits { user_time: Duration::from_millis(100), ..Limits::CONVEX };
    Deployment::open(Target::Memory, Options { limits, ..options() }).expect("memory opens")
}

/// Seconds within the method, on any machine.
fn args() -> Value {
    object([("length", 35_000.0.into())])
}

fn left_behind(deployment: &Deployment) -> usize {
    deployment.threads_left_behind().expect("it is open")
}

#[test]
fn a_stuck_mutation_lets_go_of_the_writer() {
    for name in ["write", "within", "late"] {
        let deployment = hurried();
        let outcome = deployment.call(None, &format!("stuck:{name}"), args(), &Caller::ADMIN).expect("it is open");
        assert_eq!(outcome.result.expect_err("it has no end").code(), "FunctionTimeout", "{name}");
        assert_eq!(left_behind(&deployment), 1, "{name}");
        call(&deployment, "database:increment", value(r#"{"name": "next"}"#));
        assert_eq!((count(&deployment, "counters"), count(&deployment, "free")), (1, 0), "{name}");
        while left_behind(&deployment) > 0 {
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(count(&deployment, "free"), 0, "{name}: a thread that was left behind can't write");
    }
}

#[test]
fn a_stuck_function_says_so_in_its_console() {
    let outcome = hurried().call(None, "stuck:search", args(), &Caller::ADMIN).expect("it is open");
    let [line] = outcome.log_lines.as_slice() else { panic!("{:?}", outcome.log_lines) };
    assert!(line.starts_with("[ERROR] The function is stuck in a built-in method"), "{line}");
    assert!(line.ends_with("1 such threads run now."), "{line}");
}

#[test]
fn a_stuck_function_can_be_interrupted() {
    let deployment = Deployment::open(Target::Memory, Options { limits: Limits::OFF, ..options() });
    let deployment = deployment.expect("memory opens");
    let outcome = base::interrupt::scope(Rc::new(|| true), || {
        deployment.call(None, "stuck:search", args(), &Caller::ADMIN).expect("it is open")
    });
    assert!(matches!(outcome.result, Err(Error::Interrupted)));
    assert_eq!(left_behind(&deployment), 1);
}
