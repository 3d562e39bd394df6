//! Decoding a page of 256 rows of 1536 numbers, beside `serde_json` decoding it to its own values.
//!
//! `cargo bench -p scan --bench page`. Each figure is the median of many runs, with the fastest in brackets.

use std::{fmt::Write, hint::black_box, time::Instant};

use scan::{Batch, decode_page};

const ROWS: usize = 256;
const DIMENSION: usize = 1536;

fn main() {
    #[expect(clippy::cast_possible_truncation, reason = "a float32 is wanted")]
    let short = page(|number| (number as f32).to_string());
    for (name, page) in [("8-9 digits", short), ("16-17 digits", page(|number| number.to_string()))] {
        let decode = || {
            let mut batch: Option<Batch> = None;
            decode_page(page.as_bytes(), &mut batch).expect("a good page");
            batch.expect("it has rows")
        };
        assert_eq!((decode().len(), decode().dimension()), (ROWS, DIMENSION));
        report(&format!("{name}, decode_page"), page.len(), decode);
        report(&format!("{name}, serde_json::Value"), page.len(), || {
            serde_json::from_str::<serde_json::Value>(&page).expect("good JSON")
        });
    }
}

fn report<T>(name: &str, bytes: usize, mut run: impl FnMut() -> T) {
    let mut seconds: Vec<f64> = (0..30)
        .map(|_| {
            let start = Instant::now();
            black_box(run());
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "a few million")]
    let rate = |seconds: f64| bytes as f64 / seconds / 1e9;
    let (median, fastest) = (seconds[seconds.len() / 2], seconds[0]);
    println!("{name:30} {:6.2} ms [{:.2}]   {:.2} GB/s", median * 1e3, fastest * 1e3, rate(median));
}

/// A page of vectors of about unit length, whose components are printed by `print`.
fn page(print: impl Fn(f64) -> String) -> String {
    let mut page = String::from(r#"{"status":"success","value":{"ok":true,"result":["#);
    let mut state = 1_u64;
    for row in 0..ROWS {
        let comma = if row == 0 { "" } else { "," };
        write!(page, r#"{comma}{{"id":"row {row}","metadata":{{"row":{row}}},"embedding":["#).expect("a string grows");
        for component in 0..DIMENSION {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            #[expect(clippy::cast_precision_loss, reason = "any number will do")]
            let number = ((state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5) * 0.088;
            page.push_str(if component == 0 { "" } else { "," });
            page.push_str(&print(number));
        }
        page.push_str("]}");
    }
    page.push_str(r#"],"hasMore":false},"logLines":[]}"#);
    page
}
