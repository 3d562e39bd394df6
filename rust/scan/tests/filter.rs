//! The filter language: each line of its table, its errors, and an interpreter that the compiler must agree with.

use proptest::{prelude::*, sample::select, test_runner::RngSeed};
use scan::{Filter, FilterError};
use value::{Array, Object, Value, json};

/// A value from JSON text.
fn value(text: &str) -> Value {
    json::decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A filter from JSON text. Encoded JSON has no room for operators, so they go by another name on the way.
fn filter_value(text: &str) -> Value {
    restored(value(&text.replace("\"$", "\"at_")))
}

fn restored(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| {
                    let name = name.strip_prefix("at_").map_or(name.clone(), |operator| format!("${operator}"));
                    (name, restored(value))
                })
                .collect(),
        ),
        Value::Array(list) => Value::from(list.iter().map(|item| restored(item.into_owned())).collect::<Vec<_>>()),
        value => value,
    }
}

/// The cases of a kind that this crate shares with the filter language in TypeScript.
fn shared(kind: &str) -> Vec<Object> {
    let shared = value(&include_str!("filter_cases.json").replace("\"$", "\"at_"));
    let cases = listed(shared.as_object().expect("an object"), kind);
    cases.into_iter().map(|case| case.as_object().expect("an object").clone()).collect()
}

fn listed(object: &Object, name: &str) -> Vec<Value> {
    let Some(Value::Array(items)) = object.get(name) else { panic!("{name} is a list") };
    items.iter().map(std::borrow::Cow::into_owned).collect()
}

fn compiled(text: &str) -> Filter {
    Filter::compile(&filter_value(text)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn each_line_of_the_table_holds() {
    for case in shared("cases") {
        let text = restored(case["filter"].clone());
        let filter = Filter::compile(&text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        for document in listed(&case, "matches") {
            assert!(filter.matches(&document), "{text:?} matches {document:?}");
        }
        for document in listed(&case, "others") {
            assert!(!filter.matches(&document), "{text:?} doesn't match {document:?}");
        }
    }
}

#[test]
fn integers_and_floats_compare_as_numbers() {
    let big = (1_i64 << 53) + 1;
    let document = |number: Value| Value::from([("f", number)]);
    let matches = |operator: &str, operand: Value, stored: Value| {
        let filter = Value::from([("f", Value::from([(operator, operand)]))]);
        Filter::compile(&filter).expect("a good filter").matches(&document(stored))
    };
    assert!(matches("$eq", Value::Int64(1), Value::Float64(1.0)));
    assert!(matches("$eq", Value::Float64(-0.0), Value::Int64(0)));
    assert!(matches("$eq", Value::Float64(0.0), Value::Float64(-0.0)));
    assert!(!matches("$eq", Value::Int64(big), Value::Float64(9_007_199_254_740_992.0)));
    assert!(matches("$lt", Value::Int64(big), Value::Float64(9_007_199_254_740_992.0)));
    assert!(matches("$gt", Value::Int64(i64::MAX), Value::Float64(9_223_372_036_854_775_808.0)));
    assert!(matches("$gte", Value::Int64(i64::MIN), Value::Float64(-9_223_372_036_854_775_808.0)));
    assert!(matches("$gt", Value::Float64(-1.5), Value::Int64(-1)));
    assert!(matches("$lt", Value::Float64(-0.5), Value::Int64(-1)));
    for operator in ["$eq", "$gt", "$gte", "$lt", "$lte"] {
        assert!(!matches(operator, Value::Float64(f64::NAN), Value::Float64(f64::NAN)), "{operator}");
        assert!(!matches(operator, Value::Float64(1.0), Value::Float64(f64::NAN)), "{operator}");
        assert!(!matches(operator, Value::Int64(1), Value::Float64(f64::NAN)), "{operator}");
    }
    let packed = Value::from((0..20).map(|x| Value::Float64(f64::from(x))).collect::<Vec<_>>());
    let integers = Value::from((0..20).map(Value::Int64).collect::<Vec<_>>());
    assert!(matches("$eq", integers, packed), "lists of either kind of number are equal");
}

#[test]
fn a_filter_without_conditions_matches_everything() {
    for text in [
        "{}",
        r#"{"metadata": {}}"#,
        r#"{"$and": []}"#,
        r#"{"$and": [{}, {"$and": []}]}"#,
        r#"{"metadata": {"$and": [{}]}}"#,
        r#"{"$or": [{}, {"f": 1}]}"#,
        r#"{"$nor": []}"#,
        r#"{"$not": {"$or": []}}"#,
        r#"{"f": {"$nin": []}}"#,
        r#"{"f": {"$not": {"$in": []}}}"#,
    ] {
        assert!(compiled(text).matches_everything(), "{text}");
    }
    for text in
        [r#"{"f": 1}"#, r#"{"$or": []}"#, r#"{"f": {}}"#, r#"{"f": {"$ne": 1}}"#, r#"{"metadata": {"f": null}}"#]
    {
        assert!(!compiled(text).matches_everything(), "{text}");
    }
}

#[test]
fn a_condition_that_was_left_empty_is_told_from_others() {
    for text in [
        "{}",
        r#"{"f": {"$not": {}}}"#,
        r#"{"f": {"$ne": {}}}"#,
        r#"{"f": {"$nin": [{}]}}"#,
        r#"{"$not": {"f": {}}}"#,
        r#"{"$nor": [{"f": {}}, {"g": {}}]}"#,
        r#"{"$or": [{"f": 1}, {"f": {"$not": {}}}]}"#,
        r#"{"metadata": {"f.g": {"$not": {"$in": [{}]}}}}"#,
    ] {
        assert!(compiled(text).matches_everything_but_empty_objects(), "{text}");
    }
    for text in [
        r#"{"f": {}}"#,
        r#"{"f": {"$ne": 1}}"#,
        r#"{"f": {"$not": {"$exists": true}}}"#,
        r#"{"f": 1, "g": {"$not": {}}}"#,
        r#"{"f": {"$ne": []}}"#,
    ] {
        assert!(!compiled(text).matches_everything_but_empty_objects(), "{text}");
    }
}

#[test]
fn an_invalid_filter_is_refused_with_its_place() {
    for case in shared("errors") {
        let filter = restored(case["filter"].clone());
        let text = |name: &str| case[name].as_str().expect("a text").replace("at_", "$");
        let error = Filter::compile(&filter).expect_err("a wrong filter");
        assert_eq!((error.path, error.found), (text("path"), text("found")), "{filter:?}");
        let expected = text("expected");
        assert!(expected.is_empty() || error.expected == expected, "{filter:?}: {}", error.expected);
    }
    let error = Filter::compile(&filter_value(r#"{"f": {"$regex": "a(?=b)"}}"#)).expect_err("look-around");
    assert!(error.found.contains("look-around"), "{error}");
    assert_eq!(
        FilterError { path: "f.$gt".into(), found: "null".into(), expected: "a number".into() }.to_string(),
        "filter at f.$gt: found null, expected a number"
    );
}

// From here on, the same language is interpreted a second time, straight from its table.

fn interpret(filter: &Value, document: &Value) -> Option<bool> {
    let fields = filter.as_object()?;
    if let (1, Some(Value::Object(inner))) = (fields.len(), fields.get("metadata"))
        && inner.keys().all(|name| !name.starts_with('$') || ["$and", "$or", "$nor"].contains(&&name[..]))
    {
        return interpret_filter(&Value::Object(inner.clone()), Some(document));
    }
    interpret_filter(filter, Some(document))
}

fn interpret_filter(filter: &Value, document: Option<&Value>) -> Option<bool> {
    let mut matches = true;
    for (name, operand) in filter.as_object()? {
        let filters =
            || items(operand)?.iter().map(|filter| interpret_filter(filter, document)).collect::<Option<Vec<bool>>>();
        matches &= match name.as_str() {
            "$and" => !filters()?.contains(&false),
            "$or" => filters()?.contains(&true),
            "$nor" => !filters()?.contains(&true),
            "$not" => !interpret_filter(operand, document)?,
            name if name.starts_with('$') => return None,
            name => interpret_condition(operand, look_up(document, name).as_ref())?,
        };
    }
    Some(matches)
}

fn look_up(document: Option<&Value>, name: &str) -> Option<Value> {
    let fields = document?.as_object()?;
    if let Some(value) = fields.get(name) {
        return Some(value.clone());
    }
    let dots: Vec<usize> = name.match_indices('.').map(|(dot, _)| dot).collect();
    dots.into_iter().rev().find_map(|dot| look_up(fields.get(&name[..dot]), &name[dot + 1..]))
}

fn interpret_condition(condition: &Value, found: Option<&Value>) -> Option<bool> {
    let operators =
        condition.as_object().filter(|fields| !fields.is_empty() && fields.keys().all(|name| name.starts_with('$')));
    let Some(operators) = operators else {
        return (!has_operator(condition)).then(|| same_or_null(found, condition));
    };
    let mut matches = true;
    for (name, operand) in operators {
        let order = || match operand {
            Value::Int64(_) | Value::Float64(_) | Value::String(_) => {
                Some(found.and_then(|found| order(found, operand)))
            }
            _ => None,
        };
        let listed = found.and_then(items);
        matches &= match name.as_str() {
            "$eq" => same_or_null(found, operand),
            "$ne" => !same_or_null(found, operand),
            "$gt" => order()? == Some(1),
            "$gte" => matches!(order()?, Some(0 | 1)),
            "$lt" => order()? == Some(-1),
            "$lte" => matches!(order()?, Some(0 | -1)),
            "$in" => items(operand)?.iter().any(|item| same_or_null(found, item)),
            "$nin" => !items(operand)?.iter().any(|item| same_or_null(found, item)),
            "$all" => {
                let wanted = items(operand)?;
                listed.is_some_and(|list| wanted.iter().all(|item| list.iter().any(|other| same(other, item))))
            }
            "$contains" => match (found, operand) {
                (Some(Value::String(text)), Value::String(part)) => text.contains(part),
                _ => listed.is_some_and(|list| list.iter().any(|item| same(item, operand))),
            },
            "$size" => match operand {
                Value::Float64(len) if *len >= 0.0 && len.fract() == 0.0 => {
                    listed.is_some_and(|list| f64::from(u32::try_from(list.len()).expect("short")) == *len)
                }
                Value::Int64(len) if *len >= 0 => listed.is_some_and(|list| i64::try_from(list.len()) == Ok(*len)),
                _ => return None,
            },
            "$exists" => match operand {
                Value::Boolean(wanted) => found.is_some() == *wanted,
                _ => return None,
            },
            "$not" => !interpret_condition(operand, found)?,
            "$elemMatch" => {
                let about_objects = operand.as_object().is_some_and(|fields| {
                    fields.keys().all(|name| !name.starts_with('$') || ["$and", "$or", "$nor"].contains(&&name[..]))
                });
                let test = |item: Option<&Value>| {
                    if about_objects {
                        interpret_filter(operand, item)
                            .map(|matches| matches && item.is_some_and(|item| item.as_object().is_some()))
                    } else {
                        interpret_condition(operand, item)
                    }
                };
                test(None)?; // an error in the operand counts without any element
                listed.is_some_and(|list| list.iter().any(|item| test(Some(item)) == Some(true)))
            }
            _ => return None,
        };
    }
    Some(matches)
}

fn has_operator(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(name, value)| name.starts_with('$') || has_operator(value)),
        Value::Array(list) => list.iter().any(|item| has_operator(&item)),
        _ => false,
    }
}

fn items(value: &Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(list) => Some(list.iter().map(std::borrow::Cow::into_owned).collect()),
        _ => None,
    }
}

fn same_or_null(found: Option<&Value>, operand: &Value) -> bool {
    same(found.unwrap_or(&Value::Null), operand)
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(_), Value::Array(_)) => {
            let (a, b) = (items(a).expect("a list"), items(b).expect("a list"));
            a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.keys().eq(b.keys()) && a.iter().all(|(name, value)| same(value, &b[name]))
        }
        (Value::Null, Value::Null) => true,
        (Value::Boolean(a), Value::Boolean(b)) => a == b,
        _ => order(a, b) == Some(0),
    }
}

/// -1, 0 or 1, for two numbers or two texts. All numbers here are halves of integers.
fn order(a: &Value, b: &Value) -> Option<i8> {
    fn twice(value: &Value) -> Option<i128> {
        match value {
            Value::Int64(x) => Some(i128::from(*x) * 2),
            #[expect(clippy::cast_possible_truncation, reason = "a whole number in range")]
            Value::Float64(x) if x.is_finite() => Some((x * 2.0) as i128),
            _ => None,
        }
    }
    match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a.chars().cmp(b.chars()) as i8),
        _ => Some(twice(a)?.cmp(&twice(b)?) as i8),
    }
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        select(vec![0.0, -0.0, 1.0, 2.0, 1.5, -1.0, 9_007_199_254_740_992.0, f64::NAN]).prop_map(Value::Float64),
        select(vec![0, 1, 2, -1, (1 << 53) + 1]).prop_map(Value::Int64),
        select(vec!["", "a", "ab", "b", "\u{ffff}", "😀"]).prop_map(Value::from),
    ]
}

fn name() -> impl Strategy<Value = String> {
    select(vec!["a", "b", "c", "a.b", "b.c", "a.b.c", "metadata"]).prop_map(str::to_owned)
}

fn data() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..4).prop_map(Value::Object),
        ]
    })
}

fn document() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(name(), data(), 0..5).prop_map(Value::Object)
}

/// Conditions, most of them good ones.
fn condition() -> impl Strategy<Value = Value> {
    let list = || prop::collection::vec(data(), 0..4).prop_map(Value::from);
    let leaf = prop_oneof![
        3 => data(),
        4 => (select(vec!["$eq", "$ne", "$contains"]), data()).prop_map(|(name, operand)| Value::from([(name, operand)])),
        4 => (select(vec!["$gt", "$gte", "$lt", "$lte"]), scalar()).prop_map(|(name, operand)| Value::from([(name, operand)])),
        4 => (select(vec!["$in", "$nin", "$all"]), list()).prop_map(|(name, operand)| Value::from([(name, operand)])),
        1 => (0_i64..3).prop_map(|len| Value::from([("$size", Value::Int64(len))])),
        1 => any::<bool>().prop_map(|wanted| Value::from([("$exists", Value::from(wanted))])),
        1 => (select(vec!["$in", "$size", "$exists", "$or", "$wrong"]), data())
            .prop_map(|(name, operand)| Value::from([(name, operand)])),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (select(vec!["$not", "$elemMatch"]), inner.clone())
                .prop_map(|(name, operand)| Value::from([(name, operand)])),
            (name(), inner.clone()).prop_map(|(name, condition)| {
                Value::from([("$elemMatch", Value::Object(Object::from([(name, condition)])))])
            }),
            // Both conditions in one object, where both are operators.
            (inner.clone(), inner).prop_map(|(first, second)| match (first, second) {
                (Value::Object(mut first), Value::Object(second)) => {
                    first.extend(second);
                    Value::Object(first)
                }
                (first, _) => first,
            }),
        ]
    })
}

fn filter() -> impl Strategy<Value = Value> {
    let fields = prop::collection::btree_map(name(), condition(), 0..3).prop_map(Value::Object);
    fields.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            (select(vec!["$and", "$or", "$nor"]), prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(name, filters)| Value::from([(name, Value::from(filters))])),
            (select(vec!["$not", "metadata"]), inner.clone()).prop_map(|(name, filter)| Value::from([(name, filter)])),
            (inner.clone(), inner).prop_map(|(first, second)| {
                let (Value::Object(mut first), Value::Object(second)) = (first, second) else {
                    unreachable!("filters are objects")
                };
                first.extend(second);
                Value::Object(first)
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3000,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_compiled_filter_matches_what_the_interpreter_matches(
        filter in filter(),
        documents in prop::collection::vec(document(), 1..8),
    ) {
        match Filter::compile(&filter) {
            Ok(compiled) => {
                for document in &documents {
                    prop_assert_eq!(Some(compiled.matches(document)), interpret(&filter, document), "{:?}", document);
                    prop_assert!(!compiled.matches_everything() || compiled.matches(document));
                }
            }
            Err(error) => {
                let interpreted: Vec<_> = documents.iter().map(|document| interpret(&filter, document)).collect();
                prop_assert!(interpreted.iter().all(Option::is_none), "{}: {:?}", error, interpreted);
            }
        }
    }
}

/// Documents with numbers alone, or with anything.
fn documents() -> impl Strategy<Value = Vec<Value>> {
    let number = scalar().prop_filter("numbers", |x| matches!(x, Value::Int64(_) | Value::Float64(_)));
    let numbers = prop::collection::btree_map(name(), number, 0..5).prop_map(Value::Object);
    prop_oneof![
        prop::collection::vec(numbers, 1..150),
        prop::collection::vec(prop_oneof![9 => document(), 1 => data()], 1..150)
    ]
}

/// Checks that the mask of a filter agrees with the filter's result for each row.
fn assert_masks(batch: &scan::Batch, documents: &[Option<Value>], filter: &Filter, context: &Value) {
    let expected = |position: usize| documents[position].as_ref().is_some_and(|document| filter.matches(document));
    assert_eq!(batch.mask(filter), scan::Mask::from_fn(documents.len(), expected), "{context:?}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_batch_masks_the_rows_that_match_also_after_writes(
        filters in prop::collection::vec(filter(), 1..6),
        documents in documents(),
        written in document(),
        shared in any::<bool>(),
        places in prop::array::uniform2(any::<prop::sample::Index>()),
    ) {
        // Of so many numbers that a chunk has 64 rows.
        let mut batch = scan::Batch::new(2048);
        let row = |metadata: &Value| scan::Row { id: "x".into(), vector: None, metadata: metadata.clone().into() };
        batch.extend(documents.iter().map(row).collect::<Vec<_>>());
        let mut documents: Vec<Option<Value>> = documents.into_iter().map(Some).collect();
        let compiled: Vec<_> =
            filters.iter().filter_map(|filter| Some((filter, Filter::compile(filter).ok()?))).collect();
        // The first time columns are made, the second time they are there.
        for _ in 0..2 {
            compiled.iter().for_each(|(context, filter)| assert_masks(&batch, &documents, filter, context));
        }
        // Where there is a snapshot, a write goes to a copy.
        let snapshot = shared.then(|| (batch.clone(), documents.clone()));
        let [replaced, removed] = places.map(|place| place.index(documents.len()));
        batch.replace(replaced, row(&written));
        documents[replaced] = Some(written.clone());
        batch.remove(removed);
        documents[removed] = None;
        batch.push(row(&written));
        documents.push(Some(written));
        for (context, filter) in &compiled {
            assert_masks(&batch, &documents, filter, context);
            if let Some((batch, documents)) = &snapshot {
                assert_masks(batch, documents, filter, context);
            }
        }
    }
}

#[test]
fn a_batch_masks_the_rows_that_match() {
    let mut batch = scan::Batch::new(1);
    for number in 0..2500_u32 {
        let fields = (number % 7 != 0).then_some(("number", Value::Float64(f64::from(number))));
        let metadata = Value::Object(fields.into_iter().map(|(name, number)| (name.to_owned(), number)).collect());
        batch.push(scan::Row { id: "x".into(), vector: None, metadata: metadata.into() });
    }
    batch.remove(2001);
    let holds = |text: &str, right: fn(usize) -> bool| {
        let expected = scan::Mask::from_fn(2500, |position| position != 2001 && right(position));
        assert_eq!(batch.mask(&compiled(text)), expected, "{text}");
    };
    holds(r#"{"number": {"$gte": 2000}}"#, |position| position % 7 != 0 && position >= 2000);
    holds(r#"{"number": {"$ne": 2000}}"#, |position| position != 2000);
    holds(r#"{"number": null}"#, |position| position % 7 == 0);
    holds(r#"{"number": {"$in": [1, null, 9]}}"#, |position| position % 7 == 0 || position == 1 || position == 9);
    let numbers = Array::from_f64(&[1.0]);
    assert!(!compiled(r#"{"f": 1}"#).matches(&Value::Array(numbers)), "metadata that isn't an object has no fields");
}
