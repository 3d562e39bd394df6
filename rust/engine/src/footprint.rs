//! The reads and writes of a mutation, which tell the mutations that it conflicts with on Convex.
//!
//! Convex runs mutations side by side. It repeats a mutation if another one, committed meanwhile, wrote into a part of
//! an index that it read, and gives up after some attempts. This engine has one writer, so mutations never conflict
//! here. Footprints let tests find the conflicts that Convex would have.

use std::sync::Arc;

use value::Value;

use crate::{
    caller::Caller,
    data::reads::{Reads, Writes},
    engine::Engine,
    error::{Error, Result},
};

/// The reads and writes of a mutation that ran at the last commit and wasn't committed.
#[derive(Debug)]
pub struct Footprint {
    /// The return value of the mutation.
    pub value: Value,
    reads: Reads,
    writes: Writes,
}

impl Footprint {
    /// Whether the mutations conflict: Convex can't commit both if both begin at this snapshot, since one read
    /// something that the other wrote.
    #[must_use]
    pub fn conflicts_with(&self, other: &Self) -> bool {
        self.writes.touch(&other.reads) || other.writes.touch(&self.reads)
    }
}

impl Engine {
    /// Runs a mutation without committing it.
    pub(crate) fn footprint(self: &Arc<Self>, path: &str, args: Value, caller: &Caller) -> Result<Footprint> {
        let before = self.committed().tables;
        let mut transaction = self.begin_write(self.options.limits)?;
        transaction.record_reads();
        let (outcome, transaction) = self.run_in(transaction, path, args, caller);
        let value = outcome.result?;
        let mut transaction = transaction.ok_or(Error::Closed)?;
        let writes = transaction.writes_since(&before);
        Ok(Footprint { value, reads: transaction.take_reads(), writes })
    }
}
