//! A filter of three predicates over 20 000 rows, beside walks through every row's metadata.
//!
//! `cargo bench -p scan --bench filter`. Nanoseconds a row: the median of many runs, with the fastest in brackets. Which
//! rows match is checked first.

use std::{hint::black_box, sync::Arc, time::Instant};

use scan::{Batch, Filter};
use value::Value;

const ROWS: u32 = 20_000;

const LANGUAGES: [&str; 7] = ["en", "de", "fr", "es", "it", "pl", "nl"];

fn main() {
    let json: Vec<serde_json::Value> = (0..ROWS).map(metadata).collect();
    let values: Vec<Arc<Value>> = json.iter().map(|row| Arc::new(value_of(row))).collect();
    let filter = serde_json::json!({"lang": "en", "year": {"$gte": 2010}, "score": {"$lt": 0.8}});
    let filter = Filter::compile(&value_of(&filter)).expect("a filter");
    for dimension in [64, 384, 1536] {
        let vectors = Arc::new(vec![0.5_f32; ROWS as usize * dimension]);
        let fresh = || Batch::from_matrix(dimension, vectors.clone(), None, Some(values.clone())).expect("whole rows");
        let batch = fresh();
        let start = Instant::now();
        let mask = batch.mask(&filter);
        let first = start.elapsed().as_secs_f64() * 1e9 / f64::from(ROWS);
        assert!((0..ROWS as usize).all(|row| mask.contains(row) == walk(&json[row])));
        println!("{dimension} numbers a row, {} of {ROWS} rows match", mask.count());
        println!("{:45} {first:9.2}", "  columns, when first named");
        report("  columns, when they are there", || batch.mask(&filter).count());
    }
    report("values, one row after the other", || values.iter().filter(|row| filter.matches(row)).count());
    report("serde_json::Value, by hand", || json.iter().filter(|row| walk(row)).count());
}

/// Metadata as applications have it, some 250 bytes.
fn metadata(row: u32) -> serde_json::Value {
    let mixed = row.wrapping_mul(0x9e37_79b9);
    serde_json::json!({
        "lang": LANGUAGES[(mixed >> 8) as usize % LANGUAGES.len()],
        "year": 1990 + (mixed >> 12) % 35,
        "score": f64::from(mixed % 1000) / 1000.0,
        "public": mixed.is_multiple_of(2),
        "source": format!("docs/{}.md", mixed % 1000),
        "text": "some words that stand beside what filters look at, as metadata has them; ".repeat(2),
    })
}

fn walk(row: &serde_json::Value) -> bool {
    row["lang"] == "en"
        && row["year"].as_f64().is_some_and(|year| year >= 2010.0)
        && row["score"].as_f64().is_some_and(|score| score < 0.8)
}

fn value_of(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, field)| (name.clone(), value_of(field))).collect())
        }
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Bool(flag) => Value::Boolean(*flag),
        number => Value::Float64(number.as_f64().expect("a number")),
    }
}

fn report<T>(name: &str, mut run: impl FnMut() -> T) {
    let mut nanos = Vec::new();
    let begin = Instant::now();
    while nanos.len() < 9 || begin.elapsed().as_millis() < 300 {
        let start = Instant::now();
        black_box(run());
        nanos.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(ROWS));
    }
    nanos.sort_by(f64::total_cmp);
    println!("{name:45} {:9.2} [{:.2}]", nanos[nanos.len() / 2], nanos[0]);
}
