//! Settings: single values of a deployment, by name.

use rusqlite::{
    Connection, OptionalExtension, params,
    types::{FromSql, ToSql},
};

use crate::error::Result;

/// The value of a setting; None if it was never set.
pub(crate) fn setting<T: FromSql>(connection: &Connection, name: &str) -> Result<Option<T>> {
    let mut statement = connection.prepare_cached("SELECT value FROM settings WHERE name = ?")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// Sets a setting, in the connection's transaction.
pub(crate) fn set_setting(connection: &Connection, name: &str, value: impl ToSql) -> Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)")?
        .execute(params![name, value])?;
    Ok(())
}
