//! Index ranges, orders, filters, pages.

use std::cmp::Ordering;

use engine::Deployment;
use proptest::prelude::*;
use value::Value;

use crate::common::{call, code, field, in_memory, insert, items, object, text, try_call, value, write};

/// Values of every type, with the ends and the neighbours of each.
fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..3).prop_map(Value::Int64),
        any::<i64>().prop_map(Value::Int64),
        (-3i32..3).prop_map(|x| f64::from(x).into()),
        any::<f64>().prop_map(Value::from),
        Just((-0.0).into()),
        "[ab\\x00é]{0,3}".prop_map(Value::from),
        proptest::collection::vec(0u8..3, 0..3).prop_map(Value::Bytes),
    ];
    scalar.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[ab]{1,2}", inner, 0..3).prop_map(Value::Object),
        ]
    })
}

/// A document of `free`: each field may be missing.
fn any_document() -> impl Strategy<Value = Value> {
    let few = prop_oneof![(0i32..3).prop_map(|x| Value::from(f64::from(x))), any_value()];
    (proptest::option::of(few.clone()), proptest::option::of(few)).prop_map(|(a, b)| {
        let fields = [("a", a), ("b", b)].into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(fields.collect())
    })
}

/// A range on `by_a_b`: equalities, then bounds. A value of `None` is `undefined`.
#[derive(Clone, Debug)]
struct Range(Vec<(&'static str, &'static str, Option<Value>)>);

fn any_range() -> impl Strategy<Value = Range> {
    let few = || proptest::option::of(prop_oneof![(0i32..3).prop_map(|x| Value::from(f64::from(x))), any_value()]);
    let lower = || proptest::option::of((prop_oneof![Just("gt"), Just("gte")], few()));
    let upper = || proptest::option::of((prop_oneof![Just("lt"), Just("lte")], few()));
    (0..3, few(), few(), lower(), upper()).prop_map(|(equalities, a, b, lower, upper)| {
        let mut range = Vec::new();
        if equalities > 0 {
            range.push(("eq", "a", a));
        }
        if equalities > 1 {
            range.insert(0, ("eq", "b", b));
        } else {
            let field = if equalities == 1 { "b" } else { "a" };
            range.extend(lower.into_iter().chain(upper).map(|(comparison, value)| (comparison, field, value)));
        }
        Range(range)
    })
}

impl Range {
    fn to_value(&self) -> Value {
        let bound = |(comparison, name, value): &(&str, &str, Option<Value>)| {
            let mut bound = object([("type", (*comparison).into()), ("field", (*name).into())]);
            if let (Value::Object(bound), Some(value)) = (&mut bound, value) {
                bound.insert("value".to_owned(), value.clone());
            }
            bound
        };
        self.0.iter().map(bound).collect::<Vec<_>>().into()
    }

    fn admits(&self, document: &Value) -> bool {
        self.0.iter().all(|(comparison, name, value)| {
            let ordering = document.as_object().expect("an object").get(*name).cmp(&value.as_ref());
            match *comparison {
                "eq" => ordering == Ordering::Equal,
                "gt" => ordering == Ordering::Greater,
                "gte" => ordering != Ordering::Less,
                "lt" => ordering == Ordering::Less,
                _ => ordering != Ordering::Greater,
            }
        })
    }
}

fn with(mut request: Value, name: &str, value: impl Into<Value>) -> Value {
    if let Value::Object(fields) = &mut request {
        fields.insert(name.to_owned(), value.into());
    }
    request
}

fn free(order: &str) -> Value {
    object([("table", "free".into()), ("order", order.into())])
}

fn ids(documents: &Value) -> Vec<Value> {
    items(documents).iter().map(|document| field(document, "_id")).collect()
}

/// The deployment of all cases of a property, which has a thread of its own. Making one takes longer than a case.
fn own() -> &'static Deployment {
    thread_local! {
        static OWN: &'static Deployment = Box::leak(Box::new(in_memory()));
    }
    OWN.with(|own| *own)
}

/// Puts these documents into `free`, and no others.
fn refill(deployment: &Deployment, documents: &[Value]) -> Vec<Value> {
    let delete = |id: Value| object([("op", "delete".into()), ("id", id)]);
    write(deployment, ids(&call(deployment, "database:collect", free("asc"))).into_iter().map(delete).collect());
    write(deployment, documents.iter().map(|document| insert("free", document.clone())).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn ranges_are_those_of_a_sorted_list(
        documents in proptest::collection::vec(any_document(), 0..12),
        range in any_range(),
        descending: bool,
        page_size in 1u32..5,
    ) {
        let deployment = own();
        let inserted = refill(deployment, &documents);
        let key = |place: &usize| {
            let fields = documents[*place].as_object().expect("an object");
            (fields.get("a"), fields.get("b"), *place)
        };
        let mut expected: Vec<usize> = (0..documents.len()).filter(|place| range.admits(&documents[*place])).collect();
        expected.sort_by(|x, y| key(x).cmp(&key(y)));
        if descending {
            expected.reverse();
        }
        let expected: Vec<Value> = expected.into_iter().map(|place| inserted[place].clone()).collect();
        let request = with(with(free(if descending { "desc" } else { "asc" }), "index", "by_a_b"), "range", range.to_value());

        prop_assert_eq!(&ids(&call(deployment, "database:collect", request.clone())), &expected);
        prop_assert_eq!(&ids(&call(deployment, "database:iterate", request.clone())), &expected);
        let taken = ids(&call(deployment, "database:take", with(request.clone(), "n", f64::from(page_size))));
        prop_assert_eq!(taken, expected.iter().take(page_size as usize).cloned().collect::<Vec<_>>());
        let first = call(deployment, "database:first", request.clone());
        prop_assert_eq!(field(&first, "_id"), expected.first().cloned().unwrap_or_default());
        prop_assert_eq!(pages(deployment, &request, page_size, || ()), expected);
    }

    #[test]
    fn filters_compare_as_values_do(
        documents in proptest::collection::vec(any_document(), 0..8),
        value in any_value(),
        comparison in prop_oneof![Just("eq"), Just("neq"), Just("lt"), Just("lte"), Just("gt"), Just("gte")],
    ) {
        let deployment = own();
        let inserted = refill(deployment, &documents);
        let holds = |document: &Value| {
            let ordering = document.as_object().expect("an object").get("a").cmp(&Some(&value));
            match comparison {
                "eq" => ordering.is_eq(),
                "neq" => ordering.is_ne(),
                "lt" => ordering.is_lt(),
                "lte" => ordering.is_le(),
                "gt" => ordering.is_gt(),
                _ => ordering.is_ge(),
            }
        };
        let expected: Vec<Value> =
            documents.iter().zip(inserted).filter(|(document, _)| holds(document)).map(|(_, id)| id).collect();
        let filter = object([("type", comparison.into()), ("field", "a".into()), ("value", value.clone())]);
        let request = with(free("asc"), "filters", vec![filter]);
        prop_assert_eq!(&ids(&call(deployment, "database:collect", request.clone())), &expected);
        prop_assert_eq!(pages(deployment, &request, 2, || ()), expected);
    }
}

/// All pages of a query one after the other; something may happen in between.
fn pages(deployment: &Deployment, request: &Value, page_size: u32, mut between: impl FnMut()) -> Vec<Value> {
    let mut found = Vec::new();
    let mut request = with(request.clone(), "numItems", f64::from(page_size));
    loop {
        let page = call(deployment, "database:paginate", request.clone());
        let page_ids = ids(&field(&page, "page"));
        assert!(page_ids.len() <= page_size as usize);
        found.extend(page_ids);
        if field(&page, "isDone") == true.into() {
            return found;
        }
        request = with(request, "cursor", field(&page, "continueCursor"));
        between();
    }
}

#[test]
fn pages_hold_each_document_once_while_others_come_and_go() {
    for order in ["asc", "desc"] {
        for page_size in 1..=7 {
            let deployment = in_memory();
            let documents: Vec<Value> = (0..20).map(|a| object([("a", f64::from(a).into())])).collect();
            let inserted = refill(&deployment, &documents);
            let mut expected = inserted.clone();
            if order == "desc" {
                expected.reverse();
            }
            let request = with(free(order), "index", "by_a_b");
            let mut x = 0.5;
            let found = pages(&deployment, &request, page_size, || {
                if x < 20.0 {
                    write(&deployment, vec![insert("free", object([("a", x.into())]))]);
                    x += 3.0;
                }
            });
            let found: Vec<Value> = found.into_iter().filter(|id| inserted.contains(id)).collect();
            assert_eq!(found, expected, "{order} {page_size}");
        }
    }
}

#[test]
fn a_full_last_page_is_followed_by_an_empty_one() {
    let deployment = in_memory();
    refill(&deployment, &[object([]), object([])]);
    let page = call(&deployment, "database:paginate", with(free("asc"), "numItems", 2.0));
    assert_eq!(field(&page, "isDone"), false.into());
    let request = with(with(free("asc"), "numItems", 2.0), "cursor", field(&page, "continueCursor"));
    let page = call(&deployment, "database:paginate", request);
    assert_eq!((ids(&field(&page, "page")).len(), field(&page, "isDone")), (0, true.into()));
}

#[test]
fn a_cursor_is_good_for_its_query_only() {
    let deployment = in_memory();
    let documents: Vec<Value> = (0..4).map(|a| object([("a", f64::from(a % 2).into())])).collect();
    refill(&deployment, &documents);
    let range = |a: f64| Range(vec![("eq", "a", Some(a.into()))]).to_value();
    let of = |a: f64| with(with(with(free("asc"), "index", "by_a_b"), "range", range(a)), "numItems", 1.0);
    let (half_way, end) = {
        let page = call(&deployment, "database:paginate", of(0.0));
        let last = call(&deployment, "database:paginate", with(of(0.0), "numItems", 9.0));
        (field(&page, "continueCursor"), field(&last, "continueCursor"))
    };
    for cursor in [half_way.clone(), end] {
        assert!(try_call(&deployment, "database:paginate", with(of(0.0), "cursor", cursor.clone())).is_ok());
        for other in [
            of(1.0),
            with(of(0.0), "order", "desc"),
            with(free("asc"), "numItems", 1.0),
            with(
                of(0.0),
                "filters",
                vec![object([("type", "eq".into()), ("field", "b".into()), ("value", 1.0.into())])],
            ),
        ] {
            assert_eq!(code(&deployment, "database:paginate", with(other, "cursor", cursor.clone())), "InvalidCursor");
        }
    }
    for cursor in ["", "AAAA", "not a cursor", "end"] {
        assert_eq!(code(&deployment, "database:paginate", with(of(0.0), "cursor", cursor)), "InvalidCursor");
    }
    // A cursor is eight bytes of its query, then a key. A forged key must not extend the range.
    let Value::String(half_way) = half_way else { panic!("a cursor is text") };
    let forged = format!("{}AA", &half_way[..11]);
    assert_eq!(code(&deployment, "database:paginate", with(of(0.0), "cursor", forged)), "InvalidCursor");
}

#[test]
fn ranges_that_no_index_has_are_refused() {
    let deployment = in_memory();
    let refused = |range: &str| {
        let request = with(with(free("asc"), "index", "by_a_b"), "range", value(range));
        code(&deployment, "database:collect", request)
    };
    for (range, code) in [
        (r#"[{"type": "eq", "field": "c", "value": 1}]"#, "FieldNotInIndex"),
        (r#"[{"type": "eq", "field": "b", "value": 1}]"#, "InvalidIndexRange"),
        (
            r#"[{"type": "eq", "field": "a", "value": 1}, {"type": "eq", "field": "a", "value": 1}]"#,
            "InvalidIndexRange",
        ),
        (r#"[{"type": "gt", "field": "b", "value": 1}]"#, "InvalidIndexRange"),
        (
            r#"[{"type": "gt", "field": "a", "value": 1}, {"type": "lt", "field": "b", "value": 1}]"#,
            "BoundsOnMultipleFields",
        ),
        (
            r#"[{"type": "gt", "field": "a", "value": 1}, {"type": "gte", "field": "a", "value": 1}]"#,
            "AlreadyDefinedBound",
        ),
        (
            r#"[{"type": "lt", "field": "a", "value": 1}, {"type": "lte", "field": "a", "value": 1}]"#,
            "AlreadyDefinedBound",
        ),
    ] {
        assert_eq!(refused(range), code, "{range}");
    }
    for (table, index) in [("free", "by_nothing"), ("nowhere", "by_a_b")] {
        let request = object([("table", table.into()), ("index", index.into())]);
        assert_eq!(code(&deployment, "database:collect", request), "IndexNotFoundError");
    }
    assert_eq!(code(&deployment, "database:paginate", with(free("asc"), "numItems", 32_001.0)), "PageSizeTooLarge");
    for size in [0.0, -1.0, 1.5] {
        assert_eq!(code(&deployment, "database:paginate", with(free("asc"), "numItems", size)), "Error");
    }
    assert_eq!(code(&deployment, "database:take", with(free("asc"), "n", -1.0)), "Error");
}

#[test]
fn a_table_that_does_not_exist_is_empty() {
    let deployment = in_memory();
    let nowhere = object([("table", "nowhere".into()), ("numItems", 2.0.into())]);
    assert_eq!(text(&call(&deployment, "database:collect", nowhere.clone())), "[]");
    let page = call(&deployment, "database:paginate", nowhere.clone());
    assert_eq!(field(&page, "isDone"), true.into());
    let again = call(&deployment, "database:paginate", with(nowhere, "cursor", field(&page, "continueCursor")));
    assert_eq!(field(&again, "isDone"), true.into());
}

#[test]
fn equalities_may_name_the_creation_time_and_the_id() {
    let deployment = in_memory();
    let documents = [object([("a", 1.0.into())]), object([("a", 1.0.into())])];
    let inserted = refill(&deployment, &documents);
    let second = call(&deployment, "database:get", object([("id", inserted[1].clone())]));
    let equal = |name: &'static str| (("eq"), name, Some(field(&second, name)));
    let range = Range(vec![equal("_id"), equal("a"), ("eq", "b", None), equal("_creationTime")]).to_value();
    let request = with(with(free("asc"), "index", "by_a_b"), "range", range);
    assert_eq!(ids(&call(&deployment, "database:collect", request)), [inserted[1].clone()]);
    let after = Range(vec![("gte", "_creationTime", Some(field(&second, "_creationTime")))]).to_value();
    let request = with(with(free("desc"), "index", "by_creation_time"), "range", after);
    assert_eq!(ids(&call(&deployment, "database:collect", request)), [inserted[1].clone()]);
}

#[test]
fn documents_stand_in_the_order_of_their_ids_too() {
    let deployment = in_memory();
    let mut inserted = refill(&deployment, &(0..5).map(|n| object([("a", f64::from(n).into())])).collect::<Vec<_>>());
    inserted.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    let by_id = |bounds| with(with(free("asc"), "index", "by_id"), "range", Range(bounds).to_value());
    let bound = |comparison, place: usize| (comparison, "_id", Some(inserted[place].clone()));
    for (bounds, expected) in [
        (vec![], 0..5),
        (vec![bound("eq", 2)], 2..3),
        (vec![bound("gt", 1), bound("lte", 3)], 2..4),
        (vec![bound("gte", 1), bound("lt", 3)], 1..3),
        (vec![("gt", "_id", Some("zzz".into()))], 5..5),
    ] {
        assert_eq!(ids(&call(&deployment, "database:collect", by_id(bounds))), inserted[expected]);
    }
    assert_eq!(code(&deployment, "database:collect", by_id(vec![("eq", "_creationTime", None)])), "FieldNotInIndex");
}

#[test]
fn an_index_reaches_into_objects() {
    let deployment = in_memory();
    let documents: Vec<Value> =
        [r#"{"o": {"x": 2}}"#, r#"{"o": {"x": 1}}"#, r#"{"o": 5}"#, r#"{"o": {}}"#].map(value).into();
    let inserted = refill(&deployment, &documents);
    let found = ids(&call(&deployment, "database:collect", with(free("asc"), "index", "by_deep")));
    assert_eq!(found, [2, 3, 1, 0].map(|place: usize| inserted[place].clone()));
}

#[test]
fn unique_wants_one_at_most() {
    let deployment = in_memory();
    assert_eq!(call(&deployment, "database:unique", free("asc")), Value::Null);
    refill(&deployment, &[object([])]);
    assert!(call(&deployment, "database:unique", free("asc")).as_object().is_some());
    refill(&deployment, &[object([]), object([])]);
    let error = try_call(&deployment, "database:unique", free("asc")).expect_err("there are two");
    assert!(error.to_string().contains("unique() query returned more than one result"), "{error}");
}

#[test]
fn ids_are_normalized_for_their_own_table() {
    let deployment = in_memory();
    let id = write(&deployment, vec![insert("free", object([]))]).remove(0);
    let normalize =
        |table: &str, id: Value| call(&deployment, "database:normalize", object([("table", table.into()), ("id", id)]));
    assert_eq!(normalize("free", id.clone()), id);
    for (table, id) in [("strict", id.clone()), ("nowhere", id), ("free", "nonsense".into())] {
        assert_eq!(normalize(table, id), Value::Null);
    }
    assert_eq!(code(&deployment, "database:get", object([("id", "nonsense".into())])), "InvalidId");
}
