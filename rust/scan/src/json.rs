//! A JSON text and a place in it: objects and lists are walked through here, the values in them are `serde_json`'s.
//!
//! So this module has only one rule of JSON: the places of braces, brackets, colons and commas. That allows `decimal`
//! to read lists of numbers in a faster way.

use serde::{Deserialize, de::IgnoredAny};
use value::json::JsonError;

use crate::arch;

pub(crate) struct JsonReader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> JsonReader<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The next byte that isn't white space.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        let space = self.text[self.at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        self.at += space.count();
        self.text.get(self.at).copied()
    }

    /// Reads a value of any kind.
    pub(crate) fn value<T: Deserialize<'a>>(&mut self) -> Result<T, JsonError> {
        // Numbers end where something else begins, and a stream of values says where.
        let rest = &self.text[self.at..];
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter();
        let value = values.next().ok_or_else(|| self.expected("a value"))?;
        let value = value.map_err(|error| {
            let JsonError { offset, problem } = JsonError::new(rest, &error);
            JsonError { offset: self.at + offset, problem }
        })?;
        self.at += values.byte_offset();
        Ok(value)
    }

    /// Reads an object; `field` reads the value of each of these names, at most 32, of which none may be there twice.
    /// Other names are skipped.
    pub(crate) fn object(
        &mut self,
        what: &str,
        names: &[&str],
        mut field: impl FnMut(&mut Self, &str) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        let mut seen = 0_u32;
        self.bracketed([b'{', b'}'], what, |json| {
            let name: String = json.value()?;
            if !json.take(b':') {
                return Err(json.expected("':' behind a name"));
            }
            let Some(number) = names.iter().position(|known| *known == name) else {
                return json.value::<IgnoredAny>().map(drop);
            };
            if seen & 1 << number != 0 {
                return Err(json.error(format!("{name:?} a second time, expected it once")));
            }
            seen |= 1 << number;
            field(json, &name)
        })
    }

    /// Reads a list; `item` reads each item.
    pub(crate) fn list(
        &mut self,
        what: &str,
        item: impl FnMut(&mut Self) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.bracketed([b'[', b']'], what, item)
    }

    fn bracketed(
        &mut self,
        [open, close]: [u8; 2],
        what: &str,
        mut item: impl FnMut(&mut Self) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        if !self.take(open) {
            return Err(self.expected(what));
        }
        if self.take(close) {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.take(close) {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.expected(&format!("',' or '{}'", char::from(close))));
            }
        }
    }

    /// Reads numbers of a list as long as they are plain and have a comma behind them.
    pub(crate) fn plain_numbers(&mut self, numbers: &mut Vec<f64>) {
        self.at = (arch::kernels().decimals)(self.text, self.at, numbers);
    }

    /// Checks that nothing follows.
    pub(crate) fn end(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.expected("nothing more")),
        }
    }

    /// An error at this place.
    pub(crate) fn error(&self, problem: String) -> JsonError {
        JsonError { offset: self.at, problem }
    }

    fn expected(&mut self, what: &str) -> JsonError {
        let found = match self.peek() {
            Some(byte @ 0x20..0x7f) => format!("{:?}", char::from(byte)),
            Some(byte) => format!("byte {byte:#04x}"),
            None => String::from("the end"),
        };
        self.error(format!("{found}, expected {what}"))
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }
}
