//! The tables of a deployment: names, sizes and indexes.

use std::collections::BTreeMap;

use value::Value;

use super::{
    arguments::Arguments,
    shapes::{number, object, page},
};
use crate::{data::transaction::Transaction, error::Result};

/// `{paginationOpts}`: all names, in one page.
pub(super) fn names(transaction: &mut Transaction, args: &mut Arguments) -> Result<Value> {
    args.ignore(&["componentId", "paginationOpts"]);
    args.done()?;
    let tables = transaction.all_tables();
    let mut names: Vec<&str> = tables.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    let names = names.into_iter().map(|name| object([("name", name.into())])).collect();
    Ok(page(names, true, "end".to_owned()))
}

/// `{tableName}`: the number of its documents; 0 if there is no such table.
pub(super) fn size(transaction: &mut Transaction, args: &mut Arguments) -> Result<Value> {
    args.ignore(&["componentId"]);
    let name = args.text("tableName")?;
    args.done()?;
    transaction.count(&name).map(number)
}

/// `{sizes?}`: the tables by name, each with the number of its documents, their stored bytes, its indexes in the order of
/// their making, and its vector indexes. `sizes: false` leaves out the first two, for which all documents are counted.
pub(super) fn overview(transaction: &mut Transaction, args: &mut Arguments) -> Result<Value> {
    let has_sizes = args.take("sizes") != Some(false.into());
    args.done()?;
    let tables = transaction.all_tables();
    let sizes = if has_sizes { transaction.sizes()? } else { BTreeMap::new() };
    let schema = std::sync::Arc::clone(&transaction.schema);
    let mut described = BTreeMap::new();
    for (name, table) in tables.iter() {
        let indexes: Vec<Value> = table
            .indexes
            .iter()
            .map(|index| {
                let fields: Vec<Value> = index.fields.iter().map(|field| field.as_str().into()).collect();
                object([("name", index.name.as_str().into()), ("fields", fields.into())])
            })
            .collect();
        let declared = schema.tables.get(name).into_iter().flat_map(|definition| &definition.vector_indexes);
        let vector_indexes: Vec<Value> = declared
            .map(|(name, index)| {
                object([
                    ("name", name.as_str().into()),
                    ("vectorField", index.vector_field.as_str().into()),
                    ("dimension", number(index.dimensions as u64)),
                ])
            })
            .collect();
        let mut fields =
            vec![("name", name.into()), ("indexes", indexes.into()), ("vectorIndexes", vector_indexes.into())];
        if has_sizes {
            let (documents, bytes) = sizes.get(&table.number).copied().unwrap_or_default();
            fields.extend([("documents", number(documents)), ("bytes", number(bytes))]);
        }
        described.insert(name.to_owned(), object(fields));
    }
    Ok(described.into_values().collect::<Vec<_>>().into())
}
