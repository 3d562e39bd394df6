//! System queries.

use rusqlite::Connection;
use value::{Packed, Value};

use crate::common::{call, count, field, in_folder, insert, items, object, value, write};

#[test]
fn tables_have_the_numbers_and_the_stored_bytes_of_their_documents() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let deployment = in_folder(folder.path());
    let vector = Packed::from_f64(&[0.1; 20]);
    let wide = object([("wide", vector.into())]);
    write(&deployment, vec![insert("one", value(r#"{"a": 1}"#)), insert("one", wide), insert("two", value("{}"))]);
    let sizes = |table: &str| {
        let tables = items(&call(&deployment, "_system/mastra/tables", value("{}")));
        let found = tables.iter().find(|one| field(one, "name") == table.into()).cloned().unwrap_or_default();
        [field(&found, "documents"), field(&found, "bytes")]
    };
    let data = Connection::open(folder.path().join("data.sqlite3")).expect("it opens");
    let stored = |condition: &str| -> f64 {
        let query =
            format!("SELECT sum(length(CAST(body AS BLOB)) + ifnull(length(packed), 0)) FROM documents {condition}");
        data.query_row(&query, [], |row| row.get::<_, i64>(0)).map(|bytes| bytes as f64).expect("there are some")
    };
    let [one, two] = ["one", "two"].map(sizes);
    assert_eq!([one[0].clone(), two[0].clone()], [2.0.into(), 1.0.into()]);
    assert!(two[1].as_f64() > Some(0.0) && one[1].as_f64() > Some(160.0));
    assert_eq!(one[1].as_f64().zip(two[1].as_f64()).map(|(one, two)| one + two), Some(stored("")));
    write(&deployment, vec![insert("two", value("{}"))]);
    let twice = two[1].as_f64().map(|bytes| Value::from(2.0 * bytes)).unwrap_or_default();
    assert_eq!(sizes("two"), [2.0.into(), twice]);
    assert_eq!((sizes("strict"), count(&deployment, "strict")), ([0.0.into(), 0.0.into()], 0));
}
