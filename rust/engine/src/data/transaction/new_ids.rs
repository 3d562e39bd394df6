//! The ids of the documents that a transaction inserts.

use value::id::DocumentId;
use wire::Code;

use crate::{
    data::clock::nanoseconds_now,
    error::{Error, Result},
};

/// How many bytes of an id are random.
const RANDOM_BYTES: usize = 8;

/// For how many ids random bytes are taken at once, at most.
const MOST_AT_ONCE: usize = 64;

const NANOSECONDS_A_DAY: i64 = 86_400 * 1_000_000_000;

/// Makes ids. Random bytes are taken from the system for several ids at once, twice as many each time, since to ask costs
/// more than the bytes.
#[derive(Default)]
pub(super) struct NewIds {
    random: Vec<[u8; RANDOM_BYTES]>,
    /// For how many ids the bytes were taken last.
    taken: usize,
}

impl NewIds {
    /// A new document's id. It begins with the time, so that documents made one after the other are neighbours in
    /// `by_id`; each random id would write to another page.
    pub(super) fn next(&mut self, table_number: u32) -> Result<DocumentId> {
        let now = nanoseconds_now();
        let mut internal = [0; 14];
        let (time, random) = internal.split_at_mut(14 - RANDOM_BYTES);
        time.copy_from_slice(&(now / 1_000_000).to_be_bytes()[2..]);
        random.copy_from_slice(&self.random()?);
        let days = u16::try_from(now / NANOSECONDS_A_DAY).unwrap_or(u16::MAX);
        Ok(DocumentId::new(table_number, internal, days))
    }

    fn random(&mut self) -> Result<[u8; RANDOM_BYTES]> {
        if self.random.is_empty() {
            self.taken = (2 * self.taken).clamp(1, MOST_AT_ONCE);
            self.random.resize(self.taken, [0; RANDOM_BYTES]);
            if let Err(error) = getrandom::fill(self.random.as_flattened_mut()) {
                self.random.clear();
                return Err(Error::function(Code::InternalServerError, error.to_string()));
            }
        }
        Ok(self.random.pop().expect("some were taken"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_begin_with_the_time_and_are_random_beyond_it() {
        let mut ids = NewIds::default();
        let before = nanoseconds_now() / 1_000_000;
        let internals: Vec<[u8; 16]> =
            (0..1000).map(|_| ids.next(7).expect("the system has random bytes").internal).collect();
        let after = nanoseconds_now() / 1_000_000;
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, &byte| number << 8 | i64::from(byte));
        for internal in &internals {
            assert!((before..=after).contains(&number(&internal[..6])), "{internal:?}");
            let days = [before, after].map(|milliseconds| milliseconds / 86_400_000);
            assert!((days[0]..=days[1]).contains(&number(&internal[14..])), "{internal:?}");
        }
        for byte in 6..14 {
            let values: BTreeSet<u8> = internals.iter().map(|internal| internal[byte]).collect();
            assert!(values.len() > 200, "byte {byte} takes {} values", values.len());
        }
        let random: BTreeSet<&[u8]> = internals.iter().map(|internal| &internal[6..14]).collect();
        assert_eq!(random.len(), internals.len());
    }

    #[test]
    fn the_first_id_takes_random_bytes_for_itself_alone() {
        let mut ids = NewIds::default();
        let mut taken = || {
            ids.next(7).expect("the system has random bytes");
            ids.taken
        };
        assert_eq!([taken(), taken(), taken(), taken()], [1, 2, 2, 4]);
        assert_eq!((0..1000).map(|_| taken()).max(), Some(MOST_AT_ONCE));
    }
}
