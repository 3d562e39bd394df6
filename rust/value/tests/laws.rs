//! Laws of all values: order, encodings, sizes, packed form.

use std::cmp::Ordering;

use proptest::{collection::vec, prelude::*, sample::select};
use value::{
    Array, Object, PACKED_MIN_LENGTH, Packed, Value,
    id::DocumentId,
    json::{self, Format},
    size, sort_key,
};

/// Any float bit for bit, and often one of those that comparisons get wrong.
fn float() -> impl Strategy<Value = f64> {
    const EDGES: [f64; 12] = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        f64::NAN,
        -f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        16_777_217.0,
    ];
    prop_oneof![
        select(EDGES.as_slice()),
        any::<u64>().prop_map(f64::from_bits),
        any::<f32>().prop_map(f64::from),
        (-1.0..1.0),
    ]
}

/// Any integer, and often one where the key gets a byte longer.
fn integer() -> impl Strategy<Value = i64> {
    let edge = (select([0, 7, 8, 15, 16, 31, 32, 63].as_slice()), -1..=1_i64, any::<bool>());
    prop_oneof![
        any::<i64>(),
        -300..300_i64,
        edge.prop_map(|(bit, step, negative)| {
            let power = 1_i64 << bit;
            (if negative { power.wrapping_neg() } else { power }).wrapping_add(step)
        }),
    ]
}

/// Short text of few characters, so that texts often begin alike, and NULs come often.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[\0\u{1}aé🦀\u{ff}]{0,4}", any::<String>()]
}

fn field_name() -> impl Strategy<Value = String> {
    "([ -#%-~][ -~]{0,2})?"
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        integer().prop_map(Value::Int64),
        float().prop_map(Value::Float64),
        any::<bool>().prop_map(Value::Boolean),
        text().prop_map(Value::String),
        vec(select([0, 1, 0xfe, 0xff].as_slice()), 0..4).prop_map(Value::Bytes),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 64, 24, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec(float(), 0..24).prop_map(|numbers| Value::from(Packed::from_f64(&numbers))),
            proptest::collection::btree_map(field_name(), inner, 0..4).prop_map(Value::Object),
        ]
    })
}

fn key(value: Option<&Value>) -> Vec<u8> {
    let mut key = Vec::new();
    sort_key::push(&mut key, value);
    key
}

/// The form of an array that its numbers must decide: the bits, and how they are kept.
fn form(array: &Array) -> (&'static str, Vec<u64>) {
    let kind = match array {
        Array::Values(_) => "values",
        Array::Packed(Packed::F32(_)) => "float32",
        Array::Packed(Packed::F64(_)) => "float64",
    };
    (kind, array.iter().map(|item| item.as_f64().expect("all are numbers").to_bits()).collect())
}

proptest! {
    #[test]
    fn keys_compare_as_values_do(a in proptest::option::of(value()), b in proptest::option::of(value())) {
        prop_assert_eq!(key(a.as_ref()).cmp(&key(b.as_ref())), a.cmp(&b));
    }

    #[test]
    fn keys_in_a_row_compare_as_lists_do(a in vec(scalar(), 0..4), b in vec(scalar(), 0..4)) {
        let keys = |values: &[Value]| values.iter().flat_map(|value| key(Some(value))).collect::<Vec<_>>();
        prop_assert_eq!(keys(&a).cmp(&keys(&b)), a.cmp(&b));
    }

    #[test]
    fn a_prefix_holds_its_continuations_and_nothing_else(
        prefix in value(), other in value(), next in proptest::option::of(value()),
    ) {
        let (start, end) = (key(Some(&prefix)), sort_key::after_prefix(&key(Some(&prefix))));
        let continued = |value| [key(Some(value)), key(next.as_ref())].concat();
        prop_assert!((start.clone()..end.clone()).contains(&continued(&prefix)));
        let expected = prefix.cmp(&other);
        prop_assert_eq!(continued(&other) < start, expected == Ordering::Greater);
        prop_assert_eq!(continued(&other) >= end, expected == Ordering::Less);
    }

    #[test]
    fn keys_read_back(values in vec(proptest::option::of(value()), 0..4)) {
        let keys = values.iter().flat_map(|value| key(value.as_ref())).collect::<Vec<_>>();
        let mut rest = keys.as_slice();
        for value in values {
            prop_assert_eq!(sort_key::read(&mut rest), Ok(value));
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn only_keys_are_read(bytes in vec(prop_oneof![0..=0x16_u8, select([b'a', 0x7f, 0x80, 0xff].as_slice())], 0..24)) {
        let mut rest = bytes.as_slice();
        if let Ok(value) = sort_key::read(&mut rest) {
            prop_assert_eq!(key(value.as_ref()), &bytes[..bytes.len() - rest.len()]);
        }
    }

    #[test]
    fn encoded_json_reads_back(value in value()) {
        let text = json::to_string(&value, Format::Encoded);
        prop_assert_eq!(json::decode(text.as_bytes()), Ok(value));
    }

    #[test]
    fn encoding_appends_what_to_string_gives(value in value(), format in select([Format::Encoded, Format::Json, Format::Export].as_slice())) {
        let mut text = "before".to_owned();
        json::encode(&value, format, &mut text);
        prop_assert_eq!(text, format!("before{}", json::to_string(&value, format)));
    }

    #[test]
    fn damaged_json_is_refused_or_another_value(value in value(), at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let mut text = json::to_string(&value, Format::Encoded).into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        if let Ok(read) = json::decode(&text) {
            let again = json::to_string(&read, Format::Encoded);
            prop_assert_eq!(json::decode(again.as_bytes()), Ok(read));
        }
    }

    #[test]
    fn floats_never_look_like_integers(number in float()) {
        for format in [Format::Encoded, Format::Json, Format::Export] {
            let text = json::to_string(&Value::Float64(number), format);
            prop_assert!(text.contains(['.', 'e', '"']), "{}", text);
        }
    }

    #[test]
    fn ids_read_back(table_number in 1..=u32::MAX, width in 0..32_u32, internal in any::<[u8; 16]>()) {
        let id = DocumentId { table_number: (table_number >> width).max(1), internal };
        prop_assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn an_id_with_a_wrong_character_is_refused(
        width in 0..32_u32, internal in any::<[u8; 16]>(), at in any::<proptest::sample::Index>(), character in "[ -~]",
    ) {
        let text = DocumentId { table_number: (u32::MAX >> width).max(1), internal }.to_string();
        let at = at.index(text.len());
        let mut damaged = text.clone();
        damaged.replace_range(at..=at, &character);
        prop_assume!(damaged != text);
        prop_assert!(DocumentId::parse(&damaged).is_err());
    }

    #[test]
    fn packed_and_unpacked_numbers_are_the_same_value(numbers in vec(float(), 0..40)) {
        let unpacked = Value::Array(Array::Values(numbers.iter().copied().map(Value::Float64).collect()));
        let value = Value::from(Packed::from_f64(&numbers));
        prop_assert_eq!(&value, &unpacked);
        prop_assert_eq!(size::size(&value), size::size(&unpacked));
        prop_assert_eq!(size::nesting(&value), size::nesting(&unpacked));
        prop_assert_eq!(key(Some(&value)), key(Some(&unpacked)));
        prop_assert_eq!(json::to_string(&value, Format::Encoded), json::to_string(&unpacked, Format::Encoded));
    }

    #[test]
    fn arrays_compare_alike_in_either_form(a in vec(float(), 0..24), b in vec(float(), 0..24), shared in 0..24_usize) {
        let b = [&a[..shared.min(a.len())], &b].concat();
        let packed = |numbers: &[f64]| Value::from(Packed::from_f64(numbers));
        let values = |numbers: &[f64]| Value::Array(Array::Values(numbers.iter().copied().map(Value::Float64).collect()));
        let expected = values(&a).cmp(&values(&b));
        prop_assert_eq!(packed(&a).cmp(&packed(&b)), expected);
        prop_assert_eq!(packed(&a).cmp(&values(&b)), expected);
    }

    #[test]
    fn numbers_alone_decide_the_form_of_an_array(
        numbers in prop_oneof![vec(float(), 0..40), vec(any::<f32>().prop_map(f64::from), 0..40)],
    ) {
        let array = Array::new(numbers.iter().copied().map(Value::Float64).collect());
        let (kind, bits) = form(&array);
        prop_assert_eq!(&bits, &numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>());
        prop_assert_eq!(kind == "values", numbers.len() < PACKED_MIN_LENGTH);

        let expected = form(&array);
        prop_assert_eq!(&form(&Array::from_f64(&numbers)), &expected);
        prop_assert_eq!(&form(&Array::from_numbers(Packed::from_f64(&numbers))), &expected);
        let text = json::to_string(&Value::Array(array), Format::Encoded);
        let Ok(Value::Array(read)) = json::decode(text.as_bytes()) else { panic!("an array reads back as one") };
        prop_assert_eq!(&form(&read), &expected);
    }

    #[test]
    fn float32_numbers_have_the_form_of_the_same_float64_numbers(numbers in vec(any::<f32>(), 0..40)) {
        let widened: Vec<f64> = numbers.iter().copied().map(f64::from).collect();
        let form = |packed| form(&Array::from_numbers(packed));
        prop_assert_eq!(form(Packed::from_f32(&numbers)), form(Packed::from_f64(&widened)));
    }

    #[test]
    fn small_values_are_within_the_limits(value in value()) {
        prop_assert_eq!(size::check_value(&value), Ok(()));
        let document = Object::from([("field".to_owned(), value.clone())]);
        prop_assert_eq!(size::check_document(&document), Ok(()));
        prop_assert_eq!(size::nesting(&Value::Object(document)), size::nesting(&value) + 1);
    }
}
