//! The output of each format, and accepted and refused input.

use super::*;
use crate::{
    packed::Packed,
    value::{Array, Value},
};

fn decoded(text: &str) -> Result<Value, String> {
    decode(text.as_bytes()).map_err(|error| error.to_string())
}

/// Value, encoded, plain and exported.
fn forms() -> Vec<(Value, &'static str, &'static str, &'static str)> {
    vec![
        (Value::Null, "null", "null", "null"),
        (Value::Boolean(true), "true", "true", "true"),
        (Value::Int64(7), r#"{"$integer":"BwAAAAAAAAA="}"#, r#""7""#, "7"),
        (Value::Int64(-7), r#"{"$integer":"+f////////8="}"#, r#""-7""#, "-7"),
        (Value::Int64(i64::MAX), r#"{"$integer":"/////////38="}"#, r#""9223372036854775807""#, "9223372036854775807"),
        (Value::Float64(0.0), "0.0", "0.0", "0.0"),
        (Value::Float64(1.0), "1.0", "1.0", "1.0"),
        (Value::Float64(-12.5), "-12.5", "-12.5", "-12.5"),
        (Value::Float64(0.1), "0.1", "0.1", "0.1"),
        (Value::Float64(1e16), "1e+16", "1e+16", "1e+16"),
        (Value::Float64(5e-324), "5e-324", "5e-324", "5e-324"),
        (Value::Float64(-0.0), r#"{"$float":"AAAAAAAAAIA="}"#, "-0.0", "-0.0"),
        (Value::Float64(f64::NAN), r#"{"$float":"AAAAAAAA+H8="}"#, r#""NaN""#, r#"{"$float":"AAAAAAAA+H8="}"#),
        (
            Value::Float64(f64::INFINITY),
            r#"{"$float":"AAAAAAAA8H8="}"#,
            r#""Infinity""#,
            r#"{"$float":"AAAAAAAA8H8="}"#,
        ),
        (
            Value::Float64(f64::NEG_INFINITY),
            r#"{"$float":"AAAAAAAA8P8="}"#,
            r#""-Infinity""#,
            r#"{"$float":"AAAAAAAA8P8="}"#,
        ),
        (Value::from("a\"\n\u{1}é🦀"), r#""a\"\n\u0001é🦀""#, r#""a\"\n\u0001é🦀""#, r#""a\"\n\u0001é🦀""#),
        (Value::Bytes(vec![]), r#"{"$bytes":""}"#, r#""""#, r#"{"$bytes":""}"#),
        (Value::Bytes(vec![0, 16, 131]), r#"{"$bytes":"ABCD"}"#, r#""ABCD""#, r#"{"$bytes":"ABCD"}"#),
        (Value::from(vec![]), "[]", "[]", "[]"),
        (
            Value::from(vec![Value::Float64(1.0), Value::Null, Value::Int64(0)]),
            r#"[1.0,null,{"$integer":"AAAAAAAAAAA="}]"#,
            r#"[1.0,null,"0"]"#,
            "[1.0,null,0]",
        ),
        (Value::from([]), "{}", "{}", "{}"),
        (
            Value::from([("b", Value::from([("", Value::Null)])), ("a", Value::Float64(2.0))]),
            r#"{"a":2.0,"b":{"":null}}"#,
            r#"{"a":2.0,"b":{"":null}}"#,
            r#"{"a":2.0,"b":{"":null}}"#,
        ),
    ]
}

#[test]
fn each_format_writes_as_convex_does() {
    for (value, encoded, plain, exported) in forms() {
        assert_eq!(to_string(&value, Format::Encoded), encoded);
        assert_eq!(to_string(&value, Format::Json), plain);
        assert_eq!(to_string(&value, Format::Export), exported);
    }
}

#[test]
fn encoded_json_reads_back() {
    for (value, encoded, ..) in forms() {
        assert_eq!(decoded(encoded), Ok(value));
    }
}

#[test]
fn exported_json_reads_back() {
    for (value, .., exported) in forms() {
        assert_eq!(decode_export(exported.as_bytes()), Ok(value), "{exported}");
    }
    let text = format!("[{}-0.0]", "0.1,".repeat(15));
    let Ok(Value::Array(Array::Packed(numbers))) = decode_export(text.as_bytes()) else { panic!("{text}") };
    assert_eq!(numbers.get(15).map(f64::to_bits), Some((-0.0_f64).to_bits()));
    for (text, message) in [
        ("9223372036854775808", "JSON at byte 19: 9223372036854775808, expected an integer of 64 bits"),
        ("1 2", "JSON at byte 3: trailing characters"),
    ] {
        assert_eq!(decode_export(text.as_bytes()).unwrap_err().to_string(), message);
    }
}

#[test]
fn packed_numbers_are_written_as_any_numbers() {
    let numbers = Value::from(Packed::from_f64(&[f64::INFINITY; 20]));
    assert_eq!(to_string(&numbers, Format::Json), format!(r#"[{}"Infinity"]"#, r#""Infinity","#.repeat(19)));
    assert_eq!(decoded(&to_string(&numbers, Format::Encoded)), Ok(numbers));
}

#[test]
fn encoding_appends() {
    let mut text = "é,".to_owned();
    encode(&Value::from("ü"), Format::Json, &mut text);
    encode_fields([(&"x".to_owned(), &Value::Int64(1))].into_iter(), Format::Export, &mut text);
    assert_eq!(text, r#"é,"ü"{"x":1}"#);
}

#[test]
fn formats_are_known_by_convexs_names() {
    for (name, format) in [
        ("convex_encoded_json", Format::Encoded),
        ("convex_json", Format::Encoded),
        ("json", Format::Json),
        ("convex_clean_json", Format::Json),
        ("export_json", Format::Export),
    ] {
        assert_eq!(name.parse(), Ok(format));
    }
    let message = "JSON".parse::<Format>().unwrap_err().to_string();
    assert_eq!(message, r#"format is "JSON", expected "json", "convex_encoded_json" or "export_json""#);
}

#[test]
fn a_bare_number_is_a_float_however_it_is_written() {
    for (text, number) in [
        ("1", 1.0),
        ("-1", -1.0),
        ("-0", -0.0),
        ("-0.0", -0.0),
        ("1E2", 100.0),
        ("9007199254740993", 9_007_199_254_740_992.0),
        ("18446744073709551616", 18_446_744_073_709_551_616.0),
        ("0.1000000000000000055511151231257827", 0.1),
    ] {
        assert_eq!(decoded(text), Ok(Value::Float64(number)), "{text}");
    }
}

#[test]
fn long_lists_of_numbers_are_packed() {
    let numbers = |text: &str| match decode(text.as_bytes()) {
        Ok(Value::Array(Array::Packed(numbers))) => Some(numbers),
        _ => None,
    };
    assert!(matches!(numbers(&format!("[{}1]", "1,".repeat(15))), Some(Packed::F32(_))));
    assert!(matches!(numbers(&format!("[{}0.1]", "1,".repeat(15))), Some(Packed::F64(_))));
    assert!(numbers(&format!("[{}1]", "1,".repeat(14))).is_none());
    assert!(numbers(&format!("[{}null]", "1,".repeat(15))).is_none());
    assert!(numbers(&format!("[{}null,1]", "1,".repeat(15))).is_none());
}

#[test]
fn text_that_is_not_a_value_is_refused_with_place_and_expectation() {
    for (text, message) in [
        ("", "JSON at byte 0: EOF while parsing a value"),
        ("[1,\n 2,\n x]", "JSON at byte 10: expected value"),
        ("1 2", "JSON at byte 3: trailing characters"),
        ("[1,]", "JSON at byte 4: trailing comma"),
        ("{'a':1}", "JSON at byte 2: key must be a string"),
        ("NaN", "JSON at byte 1: expected value"),
        ("01", "JSON at byte 2: invalid number"),
        ("1e999", "JSON at byte 5: number out of range"),
        ("\"\t\"", "JSON at byte 2: control character (\\u0000-\\u001F) found while parsing a string"),
        (r#""\ud800""#, "JSON at byte 8: unexpected end of hex escape"),
        (r#"{"a":1,"a":2}"#, r#"JSON at byte 10: field "a" again, expected each name once"#),
        (r#"{"$set":[]}"#, r#"JSON at byte 7: field name "$set" starts with '$', expected a name that does not"#),
        (r#"{"é":1}"#, r#"JSON at byte 5: field name "é" has 'é' at byte 0, expected printable ASCII only"#),
        (
            r#"{"\u0007":1}"#,
            r#"JSON at byte 9: field name "\u{7}" has '\u{7}' at byte 0, expected printable ASCII only"#,
        ),
        (
            r#"{"$bytes":"","a":1}"#,
            r#"JSON at byte 16: "$bytes" beside "a", expected "$bytes" as the only key of its object"#,
        ),
        (
            r#"{"a":1,"$float":""}"#,
            r#"JSON at byte 15: "$float" beside "a", expected "$float" as the only key of its object"#,
        ),
        (
            r#"{"$bytes":"","$bytes":""}"#,
            r#"JSON at byte 21: "$bytes" beside "$bytes", expected "$bytes" as the only key of its object"#,
        ),
        (
            r#"{"$integer":7}"#,
            r#"JSON at byte 13: invalid type: integer `7`, expected the base64 of 8 bytes in "$integer""#,
        ),
        (
            r#"{"$integer":"BwAAAAAAAAA"}"#,
            r#"JSON at byte 25: invalid value: string "BwAAAAAAAAA", expected the base64 of 8 bytes in "$integer""#,
        ),
        (
            r#"{"$integer":"BwAAAAAAAAAA"}"#,
            r#"JSON at byte 26: invalid value: string "BwAAAAAAAAAA", expected the base64 of 8 bytes in "$integer""#,
        ),
        (r#"{"$bytes":"_w=="}"#, r#"JSON at byte 16: invalid value: string "_w==", expected base64 in "$bytes""#),
        (r#"{"$float":"AAAAAAAA8D8="}"#, r#"JSON at byte 24: 1.0 in "$float", expected a bare number"#),
        (r#"{"$float":"AAAAAAAAAAA="}"#, r#"JSON at byte 24: 0.0 in "$float", expected a bare number"#),
    ] {
        assert_eq!(decoded(text).unwrap_err(), message, "{text}");
    }
    assert!(decode(b"\"\xff\"").is_err());
    assert!(decoded(&format!(r#"{{"{}":1}}"#, "n".repeat(1025))).is_err());
}

#[test]
fn values_nest_64_levels() {
    let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(decoded(&nested(64)).is_ok());
    let message = "JSON at byte 66: an array or object 65 levels deep, expected at most 64";
    assert_eq!(decoded(&nested(65)).unwrap_err(), message);
    assert!(decoded(&nested(100_000)).is_err());

    let inside = |levels, text: &str| format!("{}{text}{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    assert!(decoded(&inside(64, r#"{"$bytes":""}"#)).is_ok());
    assert!(decoded(&inside(64, "{}")).is_err());
}

#[test]
fn a_value_reads_and_writes_inside_other_json() {
    let mut page: Vec<Value> = serde_json::from_str(r#"[{"$integer":"BwAAAAAAAAA="},{"a":1}]"#).unwrap();
    assert_eq!(page, [Value::Int64(7), Value::from([("a", Value::Float64(1.0))])]);
    let value = page.remove(0);
    assert_eq!(serde_json::to_string(&[Formatted { value: &value, format: Format::Json }]).unwrap(), r#"["7"]"#);
}
