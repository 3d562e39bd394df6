//! Functions that call functions: sub-transactions, identities, limits.

use engine::{Caller, Deployment, Error, Identity};
use value::Value;

use crate::common::{call, field, in_memory, items, object, text, try_call, value};

fn steps(steps: &str) -> Value {
    object([("steps", value(steps))])
}

fn names(deployment: &Deployment) -> String {
    text(&call(deployment, "nested:names", value("{}")))
}

#[test]
fn a_mutation_that_fails_within_another_leaves_no_trace_of_its_own() {
    let deployment = in_memory();
    let results = call(
        &deployment,
        "nested:mutations",
        steps(
            r#"[{"insert": "first"},
                {"run": "Mutation", "name": "add", "args": {"name": "second"}},
                {"run": "Mutation", "name": "addAndFail", "args": {"name": "lost"}, "catch": true},
                {"run": "Mutation", "name": "addAndFail", "args": {"name": "lost", "data": {"a": [1]}}, "catch": true},
                {"run": "Mutation", "name": "addAndFail", "args": {"name": "lost", "table": "made"}, "catch": true},
                {"run": "Mutation", "name": "badReturn", "catch": true},
                {"run": "Query", "name": "names"},
                {"insert": "third"}]"#,
        ),
    );
    let results = items(&results);
    assert_eq!(text(&results[2]), r#"{"message":"Uncaught Error: on purpose"}"#);
    assert_eq!(text(&field(&results[3], "data")), r#"{"a":[1.0]}"#);
    assert!(text(&results[5]).contains("ReturnsValidationError"), "{}", text(&results[5]));
    assert_eq!(text(&results[6]), r#"["first","second"]"#, "a query within sees what the transaction wrote");
    assert_eq!(names(&deployment), r#"["first","second","third"]"#);
    // The table made in the part that was undone can be made again.
    call(&deployment, "database:write", value(r#"{"writes": [{"op": "insert", "table": "made", "value": {}}]}"#));
}

#[test]
fn an_uncaught_inner_error_undoes_the_whole_call_and_is_its_error() {
    let deployment = in_memory();
    for (run, name, args, code, message) in [
        ("Mutation", "addAndFail", r#"{"name": "x"}"#, "Error", "Uncaught Error: Uncaught Error: on purpose"),
        (
            "Mutation",
            "addAndFail",
            r#"{"name": "x", "data": 1}"#,
            "ConvexError",
            "Uncaught ConvexError: Uncaught ConvexError: 1",
        ),
        ("Mutation", "add", r#"{"nam": "x"}"#, "ArgumentValidationError", "Uncaught Error: ArgumentValidationError: "),
        ("Mutation", "missing", "{}", "FunctionNotFound", "Could not find function for 'nested:missing'"),
        (
            "Query",
            "add",
            r#"{"name": "x"}"#,
            "WrongFunctionType",
            "Uncaught Error: Trying to execute nested.js:add as Query",
        ),
        ("Query", "writesInQuery", "{}", "Error", "Uncaught Error: Uncaught TypeError: not a function"),
    ] {
        let steps = steps(&format!(r#"[{{"insert": "a"}}, {{"run": "{run}", "name": "{name}", "args": {args}}}]"#));
        let error = try_call(&deployment, "nested:mutations", steps).expect_err(name);
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().starts_with(message), "{error}");
        assert_eq!(names(&deployment), "[]", "{name}");
    }
}

#[test]
fn an_action_runs_each_in_a_transaction_of_its_own() {
    let deployment = in_memory();
    let error = try_call(
        &deployment,
        "nested:actions",
        steps(
            r#"[{"run": "Mutation", "name": "add", "args": {"name": "kept"}},
                {"run": "Mutation", "name": "addAndFail", "args": {"name": "lost"}}]"#,
        ),
    );
    assert!(error.expect_err("the second fails").to_string().contains("on purpose"));
    assert_eq!(names(&deployment), r#"["kept"]"#);
    let results = call(&deployment, "nested:actions", steps(r#"[{"run": "Query", "name": "names"}]"#));
    assert_eq!(text(&results), r#"[["kept"]]"#);
}

#[test]
fn calls_go_eight_deep() {
    let deployment = in_memory();
    assert_eq!(call(&deployment, "nested:down", value(r#"{"levels": 8}"#)), 8.0.into());
    let error = try_call(&deployment, "nested:down", value(r#"{"levels": 9}"#)).expect_err("it is too deep");
    assert_eq!(error.code(), "FunctionCallDepthExceeded");
}

#[test]
fn a_call_within_has_its_callers_time_and_clock_and_its_own_chance() {
    let deployment = in_memory();
    let began = std::time::Instant::now();
    let forever = r#"[{"run": "Query", "name": "forever", "catch": true}, {"run": "Query", "name": "forever"}]"#;
    let error = try_call(&deployment, "nested:queries", steps(forever)).expect_err("it never ends");
    assert_eq!(error.code(), "FunctionTimeout", "{error}");
    assert!(began.elapsed().as_millis() < 1900, "both within one second");
    let chance = r#"[{"run": "Query", "name": "chance"}, {"run": "Query", "name": "chance"}]"#;
    let results = items(&call(&deployment, "nested:queries", steps(chance)));
    let (first, second) = (items(&results[0]), items(&results[1]));
    assert_ne!(first[0], second[0]);
    assert_eq!(first[1], second[1]);
}

#[test]
fn lines_of_inner_calls_are_logged_and_an_error_keeps_those_before_it() {
    let deployment = in_memory();
    let steps = steps(
        r#"[{"run": "Mutation", "name": "add", "args": {"name": "a"}},
            {"run": "Mutation", "name": "addAndFail", "args": {"name": "b"}}]"#,
    );
    let outcome = deployment.call(None, "nested:mutations", steps, &Caller::ADMIN).expect("it is open");
    assert!(outcome.result.is_err());
    assert_eq!(outcome.log_lines, ["[LOG] 'adds' 'a'", "[LOG] 'adds' 'b within'"]);
}

#[test]
fn functions_know_who_calls() {
    let deployment = in_memory();
    let ada = value(r#"{"subject": "ada", "issuer": "https://id", "tokenIdentifier": "https://id|ada"}"#);
    let who = |path, caller: &Caller| {
        let outcome = deployment.call(None, path, value("{}"), caller).expect("it is open");
        outcome.result.expect("it runs")
    };
    for (caller, expected) in [
        (Caller::ANONYMOUS, Value::Null),
        (Caller::ADMIN, Value::Null),
        (Caller::user(Identity::acting_as(&ada).expect("it is one")), ada.clone()),
        (Caller::admin_as(Identity::acting_as(&ada).expect("it is one")), ada.clone()),
    ] {
        assert_eq!(who("nested:who", &caller), expected);
        if caller.is_admin() {
            assert_eq!(who("nested:whoWithin", &caller), expected);
        }
    }
}

#[test]
fn features_that_are_left_out_say_so_by_name() {
    let deployment = in_memory();
    for (used, name) in [
        ("scheduler", "ctx.scheduler.runAfter"),
        ("storage", "ctx.storage.getUrl(\"x\")"),
        ("search", "withSearchIndex(\"search_name\")"),
        ("system", "ctx.db.system.query(\"_storage\")"),
        ("fetch", "fetch(\"https://example.com\")"),
        ("timers", "setTimeout"),
    ] {
        let error = try_call(&deployment, "nested:leftOut", object([("use", used.into())])).expect_err(used);
        let Error::Function(error) = error else { panic!("{error}") };
        let expected =
            format!("Uncaught Error: {name}: the embedded deployment leaves it out; a Convex deployment has it.");
        assert_eq!(error.message.lines().next(), Some(expected.as_str()));
    }
}
