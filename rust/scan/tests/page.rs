//! Pages decode to their rows, bit for bit. Other bytes are an error that names the place.

use proptest::{prelude::*, sample::select, test_runner::RngSeed};
use scan::{Batch, Metric, PageEnd, PageError, Row, Search, decode_page};
use serde_json::{Value as Json, json};
use value::{Packed, Value, json as wire};

fn decoded(page: &str) -> (Batch, PageEnd) {
    let mut batch = None;
    let end = decode_page(page.as_bytes(), &mut batch).unwrap_or_else(|error| panic!("{page}: {error}"));
    (batch.unwrap_or_else(|| Batch::new(0)), end)
}

fn error(page: &str) -> String {
    decode_page(page.as_bytes(), &mut None).expect_err(page).to_string()
}

fn bits(vector: Option<Packed>) -> Option<Vec<u64>> {
    vector.map(|vector| vector.iter().map(f64::to_bits).collect())
}

fn wrapped(rows: &str) -> String {
    format!(r#"{{"status":"success","value":{{"ok":true,"result":[{rows}],"hasMore":false}},"logLines":[]}}"#)
}

#[test]
fn a_page_holds_rows_and_how_it_goes_on() {
    let page = r#"{"status": "success", "value": {"continuationCursor": "next", "hasMore": true, "ok": true, "result": [
        {"_id": "j57", "_creationTime": 1.5e12, "id": "a", "indexName": "docs", "embedding": [1, 0.5, -2e-05],
         "metadata": {"year": 2020, "tags": ["x"], "big": {"$integer": "BwAAAAAAAAA="}}},
        {"embedding": [0.1, {"$float": "AAAAAAAAAIA="}, 3], "id": "b\u00e9"}
    ]}, "logLines": ["[LOG] {\"value\": 1}"]}"#;
    let (batch, end) = decoded(page);
    assert_eq!(end, PageEnd { rows: 2, has_more: true, continuation_cursor: Some("next".into()), changes: None });
    assert_eq!((batch.len(), batch.dimension()), (2, 3));
    assert_eq!((&*batch.id(0), &*batch.id(1)), ("a", "bé"));
    assert_eq!(bits(batch.vector(0)), Some([1.0, 0.5, -2e-5].map(f64::to_bits).to_vec()));
    assert_eq!(bits(batch.vector(1)), Some([0.1, -0.0, 3.0].map(f64::to_bits).to_vec()));
    let metadata = wire::decode(br#"{"year": 2020, "tags": ["x"], "big": {"$integer": "BwAAAAAAAAA="}}"#);
    assert_eq!(Ok(&*batch.metadata(0)), metadata.as_ref());
    assert_eq!(*batch.metadata(1), Value::from([]), "no metadata is an empty object");
}

#[test]
fn a_page_without_its_envelope_is_read_too() {
    let inside = r#"{"ok":true,"result":[{"id":"a","embedding":[1.5],"metadata":null}],"hasMore":false,"continuationCursor":null}"#;
    let (batch, end) = decoded(inside);
    assert_eq!(end, PageEnd { rows: 1, has_more: false, continuation_cursor: None, changes: None });
    assert_eq!(bits(batch.vector(0)), Some(vec![1.5_f64.to_bits()]));
    assert_eq!(*batch.metadata(0), Value::from([]));
}

#[test]
fn rows_without_a_vector_are_kept_and_never_rank() {
    let rows = [
        r#"{"id": "missing"}"#,
        r#"{"id": "ranks", "embedding": [1, 2]}"#,
        r#"{"id": "long", "embedding": [1, 2, 3]}"#,
        r#"{"id": "empty", "embedding": []}"#,
        r#"{"id": "text", "embedding": [1, "NaN"]}"#,
        r#"{"id": "null", "embedding": [null, 1]}"#,
        r#"{"id": "integer", "embedding": [1, {"$integer": "BwAAAAAAAAA="}]}"#,
        r#"{"id": "nested", "embedding": [[1], true]}"#,
        r#"{"id": "nan", "embedding": [1, {"$float": "AAAAAAAA+H8="}]}"#,
        r#"{"id": "object", "embedding": {"a": [1]}}"#,
        r#"{"id": "number", "embedding": 5}"#,
        r#"{"id": "nothing", "embedding": null}"#,
        r#"{"id": "flag", "embedding": true}"#,
        r#"{"id": "letters", "embedding": "abc"}"#,
    ];
    let (batch, _) = decoded(&wrapped(&rows.join(",")));
    assert_eq!((batch.len(), batch.dimension()), (rows.len(), 2));
    for metric in Metric::ALL {
        let search = Search { metric, top_k: 20, mask: None, min_score: None, threads: 1 };
        let top_k = batch.top_k(&[1.0, 1.0], &search).expect("the search can be made");
        assert_eq!((top_k.rows, top_k.skipped), (vec![1], rows.len() - 1), "{metric}");
    }
    assert_eq!(bits(batch.vector(2)).map(|vector| vector.len()), Some(3), "a vector of another length is kept");
}

#[test]
fn pages_follow_one_another() {
    let pages = [
        wrapped(""),
        wrapped(r#"{"id": "a"}"#),
        wrapped(r#"{"id": "b", "embedding": [1, 2]}, {"id": "c", "embedding": [3, 4]}"#),
        wrapped(r#"{"id": "d", "embedding": [1.1, 2]}"#),
    ];
    let bytes: Vec<&[u8]> = pages.iter().map(String::as_bytes).collect();
    let batch = Batch::from_pages(&bytes).expect("good pages");
    let ids: Vec<_> = batch.live().map(|position| batch.id(position).to_string()).collect();
    assert_eq!((batch.dimension(), ids), (2, ["a", "b", "c", "d"].map(String::from).to_vec()));
    assert_eq!(Batch::from_pages(&[]).expect("no pages").len(), 0);

    let mut batch = Some(Batch::new(3));
    decode_page(bytes[2], &mut batch).expect("a good page");
    assert_eq!(batch.map(|batch| (batch.dimension(), batch.len())), Some((3, 2)), "a batch keeps its dimension");
}

#[test]
fn long_pages_keep_all_rows_in_order() {
    let rows: Vec<String> = (0..200).map(|row| format!(r#"{{"id": "{row}", "embedding": [{row}.5, 0.25]}}"#)).collect();
    let (batch, end) = decoded(&wrapped(&rows.join(",")));
    assert_eq!((end.rows, batch.len()), (200, 200));
    for (position, number) in (0..200).zip((0..).map(f64::from)) {
        assert_eq!(*batch.id(position), position.to_string());
        assert_eq!(batch.vector(position).map(|vector| vector.iter().collect()), Some(vec![number + 0.5, 0.25]));
    }
}

#[test]
fn a_page_that_fails_leaves_the_batch_as_it_was() {
    let row = |id: &str| Row { id: id.into(), vector: None, metadata: Value::Null.into() };
    let mut batch = Batch::new(2);
    batch.push(row("before"));
    let mut batch = Some(batch);
    for page in [
        r#"{"ok":true,"result":[{"id":"a","embedding":[1,2]},{"id":"b","embedding":[1,2]"#,
        r#"{"result":[{"id":"a","embedding":[1,2]}],"ok":false}"#,
        r#"{"value":{"ok":true,"result":[{"id":"a","embedding":[1,2]}]},"status":"error"}"#,
    ] {
        assert!(decode_page(page.as_bytes(), &mut batch).is_err(), "{page}");
        assert_eq!(batch.as_ref().map(Batch::len), Some(1));
    }
}

#[test]
fn an_error_of_the_function_is_told() {
    let refused = |page: &str| decode_page(page.as_bytes(), &mut None).expect_err(page);
    assert_eq!(
        refused(r#"{"status":"error","errorMessage":"Server Error","errorData":{"code":1},"logLines":[]}"#),
        PageError::Refused { page: 0, message: "Server Error".into(), code: None }
    );
    assert_eq!(
        refused(r#"{"status":"success","value":{"ok":false,"error":"No such table","code":"NOT_FOUND"}}"#),
        PageError::Refused { page: 0, message: "No such table".into(), code: Some("NOT_FOUND".into()) }
    );
    assert_eq!(error(r#"{"ok":false}"#), "page 0 is an error: Unknown Convex error");
    let pages: [&[u8]; 2] = [b"{\"ok\":true,\"result\":[]}", b"{\"ok\":false,\"error\":\"gone\"}"];
    assert_eq!(Batch::from_pages(&pages).expect_err("the second").to_string(), "page 1 is an error: gone");
}

#[test]
fn text_that_is_not_a_page_is_an_error_that_says_where() {
    assert_eq!(error(""), "page 0, byte 0: the end, expected a reply of queryTable");
    assert_eq!(error("[]"), "page 0, byte 0: '[', expected a reply of queryTable");
    assert_eq!(error(r#"{"ok":true}"#), r#"page 0, byte 11: no rows, expected a list "result""#);
    let page = wrapped("");
    assert_eq!(error(&format!("{page}x")), format!("page 0, byte {}: 'x', expected nothing more", page.len()));
    assert!(error(&wrapped(r#"{"embedding": [1]}"#)).ends_with("row 0 has no id, expected a text"));
    assert!(error(&wrapped(r#"{"id": "a"}, 5"#)).contains("expected row 1 as an object"));
    assert!(error(&wrapped(r#"{"id": 5}"#)).contains("invalid type: integer `5`, expected a string"));
    for number in ["+1", ".5", "1.", "007", "inf", "NaN", "0x1", "1e", "-", "1_0", "1,", "'1'", "1e400", "--1"] {
        error(&wrapped(&format!(r#"{{"id": "a", "embedding": [{number}]}}"#)));
    }
    let bad_text = [wrapped(r#"{"id": ""#).as_bytes(), b"\xff\"}]}}"].concat();
    assert!(decode_page(&bad_text, &mut None).is_err(), "text must be UTF-8");
}

/// Numbers as texts, in every way that JSON allows and with every trap that parsers have.
#[test]
fn what_is_read_is_there_once() {
    let page =
        |fields: &str| format!(r#"{{"status":"success","value":{{"ok":true,"result":[],"hasMore":false,{fields}}}}}"#);
    assert_eq!(
        error(r#"{"ok":true,"result":[],"result":[{"id":"a"}]}"#),
        r#"page 0, byte 32: "result" a second time, expected it once"#
    );
    for twice in ["ok", "error", "code", "result", "changes", "hasMore", "continuationCursor"] {
        let text = page(&format!(r#""{twice}":null,"{twice}":null"#));
        assert!(error(&text).contains("a second time, expected it once"), "{text}");
    }
    for twice in ["_id", "_creationTime", "id", "embedding", "float32", "float64", "metadata"] {
        let row = format!(r#"{{"id":"a","_id":"b","_creationTime":1,"embedding":[1],"{twice}":null,"{twice}":null}}"#);
        assert!(error(&wrapped(&row)).contains("a second time, expected it once"), "{row}");
    }
    assert!(error(r#"{"status":"success","status":"success","result":[]}"#).contains("a second time"));
    assert!(error(r#"{"result":[],"value":{"result":[]}}"#).ends_with("a second list of rows, expected one"));
    let (batch, _) = decoded(&wrapped(r#"{"id": "a", "other": 1, "other": 2}"#));
    assert_eq!(batch.len(), 1);
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => any::<f64>().prop_filter("JSON has no others", |x| x.is_finite()).prop_map(|x| format!("{x:?}")),
        2 => any::<f32>().prop_filter("JSON has no others", |x| x.is_finite()).prop_map(|x| format!("{}", f64::from(x))),
        2 => (-1.0..1.0).prop_map(|x: f64| x.to_string()),
        1 => (-1.0..1.0).prop_map(|x: f64| format!("{x:e}")),
        1 => any::<i64>().prop_map(|x| x.to_string()),
        1 => any::<u64>().prop_map(|x| x.to_string()),
        2 => "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?",
        1 => select(vec![
            "0", "-0", "-0.0", "0e0", "1", "1.0", "1e-05", "1E+5", "5e-324", "2.4703282292062328e-324", "2.4703282292062327e-324",
            "1.7976931348623157e308", "9007199254740993", "9007199254740993.0", "18446744073709551616", "0.1", "1e23",
            "8.5e22", "2.2250738585072011e-308", "123456789012345678901234567890", "1.00000000000000011102230246251565404236316680908203125",
        ]).prop_map(str::to_owned),
    ]
}

/// A list of numbers with white space in all places, long enough to be read in blocks.
fn list() -> impl Strategy<Value = String> {
    let spaced =
        (number(), select(vec!["", "", "", "", " ", "\n\t", " \r "])).prop_map(|(number, space)| number + space);
    (prop::collection::vec(spaced, 0..40), select(vec![",", ",", ", ", "\n  ,"]))
        .prop_map(|(numbers, comma)| format!("[{}]", numbers.join(comma)))
}

/// The rows of a page by `serde_json` alone, if they are rows.
fn reference(page: &[u8]) -> Option<Vec<(String, Option<Vec<u64>>)>> {
    let page: Json = serde_json::from_slice(page).ok()?;
    let rows = page["value"]["result"].as_array()?;
    rows.iter()
        .map(|row| {
            let id = row.as_object()?.get("id")?.as_str()?.to_owned();
            let numbers = row["embedding"].as_array().and_then(|items| items.iter().map(Json::as_f64).collect());
            Some((id, numbers.map(|numbers: Vec<f64>| numbers.into_iter().map(f64::to_bits).collect())))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn numbers_are_read_to_the_last_bit(numbers in prop::collection::vec(number(), 1..30)) {
        let (batch, _) = decoded(&wrapped(&format!(r#"{{"id": "a", "embedding": [{}]}}"#, numbers.join(" , "))));
        let expected: Vec<u64> =
            numbers.iter().map(|text| text.parse::<f64>().expect("a number").to_bits()).collect();
        prop_assert_eq!(bits(batch.vector(0)), Some(expected));
    }

    #[test]
    fn a_page_decodes_as_its_json_does(
        rows in prop::collection::vec((".{0,5}", prop::collection::vec(-1e3..1e3, 4), prop::option::of("[a-z]{1,4}")), 0..20),
        pretty in any::<bool>(),
    ) {
        let rows: Vec<Json> = rows
            .into_iter()
            .map(|(id, embedding, key)| match key {
                Some(key) => json!({"id": id, "embedding": embedding, "metadata": {key: [id, 1, null, {"x": 1.5}]}}),
                None => json!({"id": id, "embedding": embedding}),
            })
            .collect();
        let page = json!({"status": "success", "value": {"ok": true, "result": rows, "hasMore": pretty}});
        let text = if pretty { format!("{page:#}") } else { page.to_string() };
        let (batch, end) = decoded(&text);
        prop_assert_eq!(end, PageEnd { rows: rows.len(), has_more: pretty, continuation_cursor: None, changes: None });
        for (position, row) in rows.iter().enumerate() {
            prop_assert_eq!(Some(&*batch.id(position)), row["id"].as_str());
            let numbers = row["embedding"].as_array().expect("a list");
            let expected = numbers.iter().map(|x| x.as_f64().expect("a number").to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(batch.vector(position)), Some(expected));
            let metadata = row.get("metadata").map_or(Value::from([]), |json| {
                wire::decode(json.to_string().as_bytes()).expect("a value")
            });
            prop_assert_eq!(&*batch.metadata(position), &metadata);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(mut page in Just(wrapped(r#"{"id": "a", "embedding": [1.5, {"$float": "AAAAAAAA+H8="}]}"#).into_bytes()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut in any::<prop::sample::Index>()) {
        for (at, byte) in changes {
            let at = at.index(page.len());
            page[at] = byte;
        }
        let _ = decode_page(&page, &mut None);
        let _ = decode_page(&page[..cut.index(page.len())], &mut None);
    }

    #[test]
    fn a_damaged_page_is_what_serde_json_makes_of_it(
        lists in prop::collection::vec(list(), 1..4),
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), select(b",.-+eE0159[]{}\":  \\x\n\xb5".to_vec())), 0..3),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let rows: Vec<String> =
            lists.iter().map(|list| format!(r#"{{"id": "a,b", "more": {{"x": [1.5,2.5]}}, "embedding": {list}}}"#)).collect();
        let (rows, whole) = (rows.join(","), wrapped(&rows.join(",")));
        let first = whole.find(&rows).expect("the rows are in it");
        let mut page = whole.into_bytes();
        for (at, byte) in changes {
            page[first + at.index(rows.len())] = byte;
        }
        page.truncate(cut.map_or(page.len(), |cut| cut.index(page.len())));
        let mut batch = None;
        let decoded = decode_page(&page, &mut batch).ok().map(|_| {
            let batch = batch.unwrap_or_else(|| Batch::new(0));
            let row = |position| (batch.id(position).to_string(), bits(batch.vector(position)));
            batch.live().map(row).collect::<Vec<_>>()
        });
        prop_assert_eq!(decoded, reference(&page), "{}", String::from_utf8_lossy(&page));
    }
}
