//! Mutations that may be requested twice, since a client that got no answer can't know whether the mutation ran.

use rusqlite::{Connection, params};
use value::{
    Value,
    json::{self, Format},
};

use super::document::broken;
use crate::error::Result;

/// How long an answer is kept after its commit, in nanoseconds: 14 days, as on Convex.
const KEPT: i64 = 14 * 24 * 60 * 60 * 1_000_000_000;

/// A client's name for a mutation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MutationRequest {
    /// The client's session.
    pub session: String,
    /// A number that no other mutation of the session has.
    pub number: u32,
}

/// The answer to a request.
pub(crate) struct Answer {
    pub(crate) value: Value,
    pub(crate) log_lines: Vec<String>,
    /// The mutation's commit.
    pub(crate) timestamp: i64,
}

impl MutationRequest {
    /// The earlier answer to a request, if it succeeded.
    pub(crate) fn find_answer(&self, connection: &Connection) -> Result<Option<Answer>> {
        let mut statement = connection
            .prepare_cached("SELECT value, log_lines, timestamp FROM requests WHERE session = ? AND number = ?")?;
        let mut rows = statement.query(params![self.session, self.number])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let decoded = |text: String| json::decode(text.as_bytes()).map_err(|error| broken(&error.to_string()));
        let Value::Array(lines) = decoded(row.get(1)?)? else { return Err(broken("stored log lines are no list")) };
        let log_lines = lines.iter().filter_map(|line| line.as_str().map(str::to_owned)).collect();
        Ok(Some(Answer { value: decoded(row.get(0)?)?, log_lines, timestamp: row.get(2)? }))
    }

    /// Stores an answer in the mutation's own transaction, and deletes answers that are too old.
    pub(crate) fn keep_answer(&self, connection: &Connection, answer: &Answer) -> Result<()> {
        let too_old = answer.timestamp.saturating_sub(KEPT);
        connection.prepare_cached("DELETE FROM requests WHERE timestamp < ?")?.execute([too_old])?;
        let lines: Vec<Value> = answer.log_lines.iter().map(|line| line.as_str().into()).collect();
        let encoded = |value: &Value| json::to_string(value, Format::Encoded);
        connection
            .prepare_cached(
                "INSERT INTO requests (session, number, value, log_lines, timestamp) VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![
                self.session,
                self.number,
                encoded(&answer.value),
                encoded(&lines.into()),
                answer.timestamp
            ])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::storage::{Storage, Synchronous, Target};

    #[test]
    fn answers_are_kept_for_14_days() {
        let storage = Storage::open(Target::Memory, Synchronous::Normal).expect("memory opens");
        let connection = storage.writer();
        let request = |number| MutationRequest { session: "s".to_owned(), number };
        let keep = |number, timestamp| {
            let answer = Answer { value: Value::Null, log_lines: Vec::new(), timestamp };
            request(number).keep_answer(&connection, &answer).expect("it is written");
        };
        let is_kept = |number| request(number).find_answer(&connection).expect("it is read").is_some();
        keep(1, 0);
        keep(2, 1);
        keep(3, KEPT);
        assert_eq!([1, 2, 3].map(is_kept), [true, true, true]);
        keep(4, KEPT + 1);
        assert_eq!([1, 2, 3, 4].map(is_kept), [false, true, true, true]);
    }
}
