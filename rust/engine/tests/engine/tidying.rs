//! Work that a commit leaves to a thread.

use std::{thread, time::Duration};

use crate::common::{builtin_in_memory, call, field, object, value};

#[test]
fn a_mutation_that_a_commit_leaves_is_called() {
    let deployment = builtin_in_memory();
    let set = |key: &str, expires: f64| {
        let args = [
            ("op", "set".into()),
            ("keyPrefix", "p".into()),
            ("key", key.into()),
            ("value", 1.0.into()),
            ("expiresAt", expires.into()),
        ];
        assert_eq!(field(&call(&deployment, "mastra/cache:handle", object(args)), "ok"), true.into());
    };
    let rows = || call(&deployment, "_system/cli/tableSize", object([("tableName", "mastra_cache".into())]));
    for number in 0..100 {
        set(&format!("{number}"), 1.0);
    }
    // One write in 64 leaves a mutation that deletes what has expired. All but the first of these write nothing.
    let is_clean = || {
        set("lasting", 1e15);
        thread::sleep(Duration::from_millis(1));
        rows() == 1.0.into()
    };
    assert!((0..10_000).any(|_| is_clean()));
    assert_eq!(call(&deployment, "_system/cli/tableSize", value(r#"{"tableName": "mastra_threads"}"#)), 0.0.into());
}
