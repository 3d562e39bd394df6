//! The environment of functions, and its restrictions.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use engine::{Caller, Deployment, Error, Limits, Options, Target};
use proptest::prelude::*;
use value::{Packed, Value};

use crate::common::{call, code, field, in_memory, items, object, options, text, try_call, value};

fn x(value: impl Into<Value>) -> Value {
    object([("x", value.into())])
}

fn js(deployment: &Deployment, name: &str, args: &str) -> Result<Value, Error> {
    try_call(deployment, &format!("javascript:{name}"), value(args))
}

fn bits(value: &Value) -> Vec<u64> {
    items(value).iter().map(|item| item.as_f64().expect("a number").to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn arrays_of_numbers_come_back_bit_for_bit(numbers in proptest::collection::vec(any::<f64>(), 0..40)) {
        let deployment = deployment();
        let expected: Vec<u64> = numbers.iter().map(|x| x.to_bits()).collect();
        let sent = Value::Array(value::Array::from_f64(&numbers));
        prop_assert_eq!(bits(&call(&deployment, "javascript:same", x(sent.clone()))), expected.clone());
        let wrapped = call(&deployment, "javascript:wrapped", x(sent));
        prop_assert_eq!(bits(&field(&items(&field(&wrapped, "deep"))[0], "x")), expected);
    }
}

/// One deployment for all cases of a property.
fn deployment() -> Arc<Deployment> {
    static SHARED: std::sync::OnceLock<Arc<Deployment>> = std::sync::OnceLock::new();
    Arc::clone(SHARED.get_or_init(|| Arc::new(in_memory())))
}

#[test]
fn packed_arrays_of_every_width_keep_nan_and_negative_zero() {
    let deployment = in_memory();
    let mut numbers: Vec<f64> = (0..20).map(f64::from).collect();
    numbers[3] = -0.0;
    for (special, is_float32) in [(0.5, true), (0.1, false), (f64::NAN, false), (f64::INFINITY, true)] {
        numbers[5] = special;
        let packed = Packed::from_f64(&numbers);
        assert_eq!(matches!(packed, Packed::F32(_)), is_float32);
        let same = call(&deployment, "javascript:same", x(packed));
        assert_eq!(bits(&same), numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
    }
}

#[test]
fn a_packed_array_looks_like_an_array_and_stays_what_it_is() {
    let deployment = in_memory();
    let numbers: Vec<f64> = (0..20).map(f64::from).collect();
    let looks = call(&deployment, "javascript:looks", x(Packed::from_f64(&numbers)));
    for name in ["isArray", "json", "hasFirst", "instance", "mapped"] {
        assert_eq!(field(&looks, name), true.into(), "{name}");
    }
    assert_eq!(field(&looks, "hasBeyond"), false.into());
    for name in ["length", "spread", "keys", "iterated"] {
        assert_eq!(field(&looks, name), 20.0.into(), "{name}");
    }
    assert_eq!(field(&looks, "concat"), 21.0.into());
    assert_eq!(field(&looks, "sum"), 190.0.into());
    assert_eq!(text(&field(&looks, "slice")), "[1.0,2.0]");
    assert_eq!(bits(&field(&looks, "x")), numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
}

#[test]
fn a_changed_packed_array_keeps_the_change() {
    let deployment = in_memory();
    let numbers: Vec<f64> = (0..20).map(f64::from).collect();
    let sent = || x(Packed::from_f64(&numbers));
    let mut expected = numbers.clone();
    (expected[0], expected[1]) = (7.0, 9.0);
    expected.push(8.0);
    let changed = call(&deployment, "javascript:mutates", sent());
    assert_eq!(bits(&changed), expected.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
    assert_eq!(text(&call(&deployment, "javascript:shortens", sent())), "[0.0,1.0]");
    assert_eq!(items(&call(&deployment, "javascript:mixes", sent()))[3], "text".into());
}

#[test]
fn a_call_sees_nothing_of_the_calls_before_it() {
    let deployment = in_memory();
    let untouched = value(r#"{"calls": 0, "left": [false, false, [1], 1, "1"]}"#);
    for _ in 0..5 {
        assert_eq!(js(&deployment, "leaves", "{}").expect("it runs"), 1.0.into());
        assert_eq!(js(&deployment, "finds", "{}").expect("it runs"), untouched);
    }
}

#[test]
fn calls_at_once_see_nothing_of_each_other() {
    let deployment = deployment();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(js(&deployment, "leaves", "{}").expect("it runs"), 1.0.into());
                }
            });
        }
    });
}

#[test]
fn a_module_loads_at_the_same_moment_for_every_call() {
    let deployment = in_memory();
    let first = js(&deployment, "loaded", "{}").expect("it runs");
    assert!(items(&first)[0].as_f64().expect("a number") > 1.7e12);
    for _ in 0..3 {
        assert_eq!(js(&deployment, "loaded", "{}").expect("it runs"), first);
    }
}

#[test]
fn a_loop_of_quickjs_begins_only_if_it_ends_soon() {
    let deployment = in_memory();
    let names = items(&js(&deployment, "loopNames", "{}").expect("it runs"));
    assert!(names.len() > 10);
    for name in names {
        let began = Instant::now();
        let error = try_call(&deployment, "javascript:loop", x(name.clone())).expect_err("it is too long");
        assert!(error.to_string().starts_with("Uncaught RangeError: Array.prototype."), "{error}");
        assert!(began.elapsed() < Duration::from_secs(1), "{}", text(&name));
    }
}

#[test]
fn the_clock_stands_still_and_chance_differs_from_call_to_call() {
    let deployment = in_memory();
    let clock = js(&deployment, "clock", "{}").expect("it runs");
    assert_eq!((field(&clock, "frozen"), field(&clock, "integer")), (true.into(), true.into()));
    assert!(field(&clock, "before").as_f64().expect("a number") > 1.7e12);
    let (a, b) = (js(&deployment, "chance", "{}").expect("it runs"), js(&deployment, "chance", "{}").expect("it runs"));
    assert_ne!(a, b);
    assert!(items(&a).iter().all(|x| (0.0..1.0).contains(&x.as_f64().expect("a number"))));
}

#[test]
fn console_lines_come_back_in_order() {
    let deployment = in_memory();
    let args = value(r#"{"x": "it's"}"#);
    let outcome = deployment.call(None, "javascript:logs", args.clone(), &Caller::ADMIN).expect("it runs");
    assert_eq!(outcome.log_lines, ["[LOG] 'a' 1 { b: [ true, null ] }", "[WARN] 'careful'", r"[ERROR] 'it\'s'"]);
    let outcome = deployment.call(None, "javascript:logs", args, &Caller::ADMIN).expect("it runs");
    assert_eq!(outcome.log_lines.len(), 3, "a call has its own lines");
}

#[test]
fn the_number_and_length_of_console_lines_are_bounded() {
    let deployment = in_memory();
    let outcome = deployment.call(None, "javascript:logsMuch", value("{}"), &Caller::ADMIN).expect("it runs");
    let lines = outcome.log_lines;
    assert_eq!(lines.len(), 256);
    assert!(lines.iter().take(255).all(|line| line.len() > 32_760 && line.len() <= 32_768));
    assert!(lines[0].ends_with("é (truncated due to length)"));
    assert_eq!(lines[255], "[ERROR] Log overflow (maximum 256). Remaining log lines omitted.");
}

#[test]
fn values_cross_or_are_refused_with_their_place() {
    let deployment = in_memory();
    let special = |kind: &str| js(&deployment, "special", &format!(r#"{{"kind": "{kind}"}}"#));
    for (kind, message) in [
        ("date", "an instance of Date is not a supported Convex value (at the return value.when[0])"),
        ("map", "an instance of Map is not"),
        ("class", "an instance of Thing is not"),
        ("function", "a function is not a supported Convex value (at the return value.f)"),
        ("symbol", "a symbol is not"),
        ("undefined in array", "undefined is not a supported Convex value (at the return value.list[1])"),
        ("hole in array", "(at the return value[1])"),
        ("big bigint", "9223372036854775808n, beyond 64 bits, is not"),
        ("surrogate", "a lone surrogate"),
        ("proxy", "a Proxy is not"),
        ("revoked", "a Proxy is not"),
        ("getter", "RangeError: from the getter"),
    ] {
        let error = special(kind).expect_err(kind);
        assert!(error.to_string().contains(message), "{kind}: {error}");
        assert_eq!(error.code(), "Error", "{kind}");
    }
    for (kind, json) in [
        ("undefined field", r#"{"a":1.0}"#),
        ("bigint", r#"[{"$integer":"AAAAAAAAAIA="},{"$integer":"/////////38="},{"$integer":"AAAAAAAAAAA="}]"#),
        ("bytes", r#"{"$bytes":"AAH/"}"#),
        ("no prototype", r#"{"a":1.0}"#),
        ("proto", r#"{"__proto__":{"polluted":true},"a":1.0}"#),
    ] {
        assert_eq!(text(&special(kind).expect(kind)), json, "{kind}");
    }
    assert_eq!(special("dollar").expect_err("not a name").code(), "InvalidFieldNameError");
    assert_eq!(js(&deployment, "undefinedResult", "{}").expect("it runs"), Value::Null);
    let odd = value(r#"{"x": {"__proto__": {"y": [1]}, "": 2}}"#);
    assert_eq!(call(&deployment, "javascript:same", odd.clone()), field(&odd, "x"), "both ways");
}

#[test]
fn values_too_deep_too_long_or_too_large_are_refused_while_they_are_read() {
    let deployment = in_memory();
    let code_of = |name: &str, args: &str| js(&deployment, name, args).expect_err(name).code();
    for (name, args) in
        [("cyclic", r#"{"array": true}"#), ("cyclic", r#"{"array": false}"#), ("nested", r#"{"levels": 1000}"#)]
    {
        let error = js(&deployment, name, args).expect_err("it has no end");
        assert!(error.to_string().starts_with("Uncaught RangeError: Maximum call stack size exceeded"), "{error}");
    }
    assert!(js(&deployment, "nested", r#"{"levels": 64}"#).is_ok());
    assert_eq!(code_of("nested", r#"{"levels": 65}"#), "TooNestedError");
    assert!(js(&deployment, "longArray", r#"{"length": 8192}"#).is_ok());
    assert_eq!(code_of("longArray", r#"{"length": 8193}"#), "ArrayTooLongError");
    assert_eq!(code_of("sparse", "{}"), "ArrayTooLongError");
    assert_eq!(code_of("laughs", "{}"), "ValueTooLargeError");
}

#[test]
fn a_full_heap_is_told_from_errors_that_look_like_it() {
    let limits = Limits { user_time: Duration::from_secs(10), memory_bytes: 16 << 20, ..Limits::CONVEX };
    let deployment = Deployment::open(Target::Memory, Options { limits, ..options() }).expect("memory opens");
    for (name, code) in [
        ("hungry", "OutOfMemory"),
        ("hungryForLists", "OutOfMemory"),
        ("hungryForLinks", "OutOfMemory"),
        ("fullAndCaught", "Error"),
        ("outOfOwnMemory", "Error"),
        ("throwsNull", "Error"),
    ] {
        let error = js(&deployment, name, "{}").expect_err(name);
        assert_eq!(error.code(), code, "{name}: {error}");
        assert_eq!(js(&deployment, "same", r#"{"x": 1}"#).expect(name), 1.0.into());
    }
}

#[test]
fn a_runaway_function_ends_and_the_next_call_is_unharmed() {
    let limits = Limits { user_time: Duration::from_secs(1), ..Limits::CONVEX };
    let deployment = Deployment::open(Target::Memory, Options { limits, ..options() }).expect("memory opens");
    for (name, code) in [
        ("forever", "FunctionTimeout"),
        ("foreverCaught", "FunctionTimeout"),
        ("foreverInJobs", "FunctionTimeout"),
        ("never", "UnresolvedPromise"),
        ("hungry", "OutOfMemory"),
        ("deep", "Error"),
        ("deepJson", "Error"),
    ] {
        let error = js(&deployment, name, "{}").expect_err(name);
        assert_eq!(error.code(), code, "{name}: {error}");
        assert_eq!(js(&deployment, "same", r#"{"x": 1}"#).expect(name), 1.0.into());
    }
    for _ in 0..4 {
        assert_eq!(js(&deployment, "hoards", "{}").expect("there is memory each time"), 40.0.into());
    }
}

#[test]
fn recursion_is_an_error_on_any_thread() {
    let deployment = in_memory();
    for stack in [128 << 10, 512 << 10, 8 << 20] {
        let deployment = &deployment;
        thread::scope(|scope| {
            let run = move || {
                assert_eq!(js(deployment, "deepCaught", "{}").expect("it catches"), "RangeError".into());
                assert_eq!(js(deployment, "depth", r#"{"levels": 1500}"#).expect("it fits"), 1500.0.into());
                assert_eq!(code(deployment, "javascript:nested", value(r#"{"levels": 200}"#)), "TooNestedError");
            };
            let thread = thread::Builder::new().stack_size(stack).spawn_scoped(scope, run).expect("it starts");
            thread.join().expect("it ends well");
        });
    }
}

#[test]
fn thrown_errors_name_the_line_of_the_source() {
    let deployment = in_memory();
    let error = js(&deployment, "throws", "{}").expect_err("it throws");
    let source = std::fs::read_to_string(crate::common::functions().join("javascript.ts")).expect("it is there");
    let line = source.lines().position(|line| line.contains("of this kind")).expect("it is there") + 1;
    let message = error.to_string();
    assert!(message.starts_with("Uncaught TypeError: of this kind\n"), "{message}");
    assert!(
        message.contains(&format!("(../convex/javascript.ts:{line}:"))
            || message.contains(&format!("at ../convex/javascript.ts:{line}:")),
        "{message}"
    );
    assert!(!message.contains("engine"), "{message}");
    assert_eq!(js(&deployment, "throwsText", "{}").expect_err("it throws").to_string(), "Uncaught text");
    assert_eq!(js(&deployment, "throwsOdd", "{}").expect_err("it throws").code(), "Error");
}

#[test]
fn a_convex_error_keeps_its_data() {
    let deployment = in_memory();
    let data = value(r#"{"code": "Odd", "at": [1, {"$integer": "BwAAAAAAAAA="}]}"#);
    let error = try_call(&deployment, "database:fail", object([("data", data.clone())])).expect_err("it throws");
    let Error::Function(error) = error else { panic!("{error}") };
    assert_eq!((error.code.name(), error.data), ("ConvexError", Some(data)));
    assert!(error.message.starts_with("Uncaught ConvexError: "), "{}", error.message);
}

#[test]
fn text_bytes_and_chance_are_there() {
    let deployment = in_memory();
    let globals = js(&deployment, "globals", "{}").expect("it runs");
    for (name, expected) in [
        ("text", r#""é€""#),
        ("bytes", "[195.0,169.0,226.0,130.0,172.0]"),
        ("base64", r#""/+0=""#),
        ("again", r#""ÿí""#),
        ("cloned", r#"{"a":[1.0,{"b":null}]}"#),
        ("isCopy", "true"),
        ("env", "null"),
    ] {
        assert_eq!(field(&globals, name), value(expected), "{name}");
    }
    let id = field(&globals, "uuid");
    let id = id.as_str().expect("a text");
    let lengths: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!((lengths.as_slice(), &id[14..15]), ([8, 4, 4, 4, 12].as_slice(), "4"));
    assert_eq!(
        js(&deployment, "notBase64", "{}").expect_err("it throws").to_string().lines().next(),
        Some("Uncaught SyntaxError: atob: the text is not base64")
    );
}

#[test]
fn only_admins_reach_internal_functions() {
    let deployment = in_memory();
    let secret =
        |caller| deployment.call(None, "database:secret", value("{}"), caller).and_then(|outcome| outcome.result);
    assert_eq!(secret(&Caller::ADMIN).expect("it runs"), "secret".into());
    let error = secret(&Caller::ANONYMOUS).expect_err("it is hidden");
    assert_eq!(error.code(), "FunctionNotFound");
    assert_eq!(error.to_string(), "Could not find public function for 'database:secret'.");
}

#[test]
fn arguments_and_results_are_checked() {
    let deployment = in_memory();
    let typed = |args: &str| try_call(&deployment, "database:typed", value(args));
    assert_eq!(text(&typed(r#"{"n": 1}"#).expect("it runs")), r#"{"n":1.0}"#);
    for (args, message) in [
        ("{}", "missing the required field `n`"),
        (r#"{"n": "1"}"#, "Path: .n"),
        (r#"{"n": 1, "m": 2}"#, "extra field `m`"),
        ("[]", "Expected to receive a single object as the function's argument. Instead received 0 arguments: []"),
        ("5", "Expected to receive an object as the function's argument. Instead received: 5.0"),
        ("null", "Instead received: null"),
    ] {
        let error = typed(args).expect_err(args);
        assert_eq!(error.code(), "ArgumentValidationError");
        assert!(error.to_string().contains(message), "{error}");
    }
    let error = typed(r#"{"n": 13}"#).expect_err("it returns text");
    assert_eq!(error.code(), "ReturnsValidationError");
    let large = x("x".repeat(16 << 20));
    assert_eq!(code(&deployment, "javascript:same", large), "ValueTooLargeError");
}
