//! Document ids: a table's number, sixteen bytes and a checksum, as text.
//!
//! In binary: the table number as a varint (seven bits a byte, low group first, the high bit says that more follow),
//! the internal id, and a Fletcher-16 sum of both, little-endian. As text: these bytes in Crockford's base32 in lower
//! case, most significant bit first, without padding: 31 to 37 characters, 32 for the tables that users make.

use std::{fmt, str::FromStr};

/// A document's id. Its text is what functions and clients see: an ordinary string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId {
    /// The number of the document's table, at least 1.
    pub table_number: u32,
    /// The part of an id that distinguishes the documents of a table.
    pub internal: [u8; 16],
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// The characters of one byte of table number and of five.
const LENGTHS: std::ops::RangeInclusive<usize> = 31..=37;
const MAX_BYTES: usize = 5 + 16 + 2;

impl DocumentId {
    /// A new document's id. The days (UTC) since 1970-01-01 stand at the end.
    #[must_use]
    pub fn new(table_number: u32, random: [u8; 14], days_since_1970: u16) -> Self {
        let mut internal = [0; 16];
        internal[..14].copy_from_slice(&random);
        internal[14..].copy_from_slice(&days_since_1970.to_be_bytes());
        Self { table_number, internal }
    }

    /// Reads an id's text. Only what [`Display`](fmt::Display) writes is read, so an id has one text.
    ///
    /// # Errors
    ///
    /// The text is not an id; see [`IdError`].
    #[expect(clippy::cast_possible_truncation, reason = "of the bits, all but a whole byte are kept for the next")]
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if !LENGTHS.contains(&text.len()) {
            return Err(IdError::Length { length: text.len() });
        }
        let mut binary = Binary::default();
        let (mut bits, mut bit_count) = (0_u32, 0);
        for (position, character) in text.char_indices() {
            let digit = digit(character).ok_or(IdError::Character { character, position })?;
            bits = bits << 5 | u32::from(digit);
            bit_count += 5;
            if bit_count >= 8 {
                bit_count -= 8;
                binary.push((bits >> bit_count) as u8);
                bits &= (1 << bit_count) - 1;
            }
        }
        if bit_count >= 5 {
            return Err(IdError::Length { length: text.len() });
        }
        if bits != 0 {
            return Err(IdError::LastCharacter);
        }
        Self::from_binary(binary.bytes())
    }

    fn from_binary(bytes: &[u8]) -> Result<Self, IdError> {
        let (body, checksum) = bytes.split_last_chunk().expect("the shortest text has 19 bytes");
        let (table_number, internal) = body.split_last_chunk().expect("the shortest text has 19 bytes");
        let (found, expected) = (u16::from_le_bytes(*checksum), fletcher16(body));
        if found != expected {
            return Err(IdError::Checksum { found, expected });
        }
        let table_number =
            read_varint(table_number).ok_or_else(|| IdError::TableNumber { bytes: table_number.to_vec() })?;
        Ok(Self { table_number, internal: *internal })
    }

    #[expect(clippy::cast_possible_truncation, reason = "seven bits at a time fit a byte")]
    fn to_binary(self) -> Binary {
        let mut binary = Binary::default();
        let mut rest = self.table_number;
        while rest >= 0x80 {
            binary.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        binary.push(rest as u8);
        self.internal.into_iter().for_each(|byte| binary.push(byte));
        fletcher16(binary.bytes()).to_le_bytes().into_iter().for_each(|byte| binary.push(byte));
        binary
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mut text = [0; *LENGTHS.end()];
        let mut length = 0;
        let (mut bits, mut bit_count) = (0_u32, 0);
        let mut write = |digit: u32| {
            text[length] = ALPHABET[digit as usize & 31];
            length += 1;
        };
        for &byte in self.to_binary().bytes() {
            bits = bits << 8 | u32::from(byte);
            bit_count += 8;
            while bit_count >= 5 {
                bit_count -= 5;
                write(bits >> bit_count);
            }
        }
        if bit_count > 0 {
            write(bits << (5 - bit_count));
        }
        f.pad(str::from_utf8(&text[..length]).expect("the alphabet is ASCII"))
    }
}

impl FromStr for DocumentId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

/// A text is not a document id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// No id has this many characters.
    #[error("id has {length} characters, expected 31, 32, 34, 36 or 37")]
    Length {
        /// How many bytes it has.
        length: usize,
    },
    /// A character is not of the alphabet: lower case letters without i, l, o and u, and digits.
    #[error("id has {character:?} at byte {position}, expected a digit or a lower case letter except i, l, o and u")]
    Character {
        /// The character.
        character: char,
        /// Where it begins, in bytes.
        position: usize,
    },
    /// The last character has bits that belong to no byte, and they are not zero.
    #[error("id has bits beyond its last byte, expected zeros to fill its last character")]
    LastCharacter,
    /// The checksum is not that of the other bytes.
    #[error("id has checksum {found:#06x}, expected {expected:#06x}")]
    Checksum {
        /// The checksum it has.
        found: u16,
        /// The checksum of its bytes.
        expected: u16,
    },
    /// The table number is zero, is beyond 32 bits, is not in its shortest form, or has another length than is left.
    #[error("id has table number bytes {bytes:02x?}, expected a varint from 1 to 4294967295 in its shortest form")]
    TableNumber {
        /// The bytes before the internal id.
        bytes: Vec<u8>,
    },
}

/// An id's bytes, at most [`MAX_BYTES`].
#[derive(Default)]
struct Binary {
    bytes: [u8; MAX_BYTES],
    length: usize,
}

impl Binary {
    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The value of a character of the alphabet.
fn digit(character: char) -> Option<u8> {
    const NONE: u8 = 0xff;
    const DIGITS: [u8; 128] = {
        let mut digits = [NONE; 128];
        let mut digit = 0;
        while digit < 32 {
            digits[ALPHABET[digit as usize] as usize] = digit;
            digit += 1;
        }
        digits
    };
    DIGITS.get(character as usize).copied().filter(|&digit| digit != NONE)
}

/// The number that these bytes are, if it is above zero and they are its shortest form.
fn read_varint(bytes: &[u8]) -> Option<u32> {
    let (last, before) = bytes.split_last()?;
    if *last == 0 || *last >= 0x80 || before.iter().any(|&byte| byte < 0x80) {
        return None;
    }
    let number = bytes.iter().rev().fold(0_u64, |number, &byte| number << 7 | u64::from(byte & 0x7f));
    u32::try_from(number).ok()
}

/// Fletcher's sum with modulus 256, as Convex takes it: the sum of the sums is the high byte.
fn fletcher16(bytes: &[u8]) -> u16 {
    let (low, high) = bytes.iter().fold((0_u8, 0_u8), |(low, high), &byte| {
        let low = low.wrapping_add(byte);
        (low, high.wrapping_add(low))
    });
    u16::from_be_bytes([high, low])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table number, internal id, text: one of Convex's own documents, then by its algorithm.
    const IDS: [(u32, u128, &str); 2] = [
        (540, 0x7c75_fb4a_61fb_003c_a5a2_086f_4913_4d1a, "kg27rxfv99gzp01wmph0gvt92d6hnvy6"),
        (10001, 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f, "j57000820c20a1g7104gm2rc1m70ynr8"),
    ];

    #[test]
    fn ids_are_written_and_read_as_convex_does() {
        for (table_number, internal, text) in IDS {
            let id = DocumentId { table_number, internal: internal.to_be_bytes() };
            assert_eq!(id.to_string(), text);
            assert_eq!(text.parse(), Ok(id));
        }
    }

    #[test]
    fn the_table_number_decides_the_length() {
        for (table_number, length) in [
            (1, 31),
            (127, 31),
            (128, 32),
            (10_000, 32),
            (16_383, 32),
            (16_384, 34),
            (2_097_151, 34),
            (2_097_152, 36),
            (268_435_456, 37),
            (u32::MAX, 37),
        ] {
            let id = DocumentId { table_number, internal: [0xff; 16] };
            assert_eq!(id.to_string().len(), length);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn a_new_id_ends_with_its_day() {
        let id = DocumentId::new(10_001, [7; 14], 0x1234);
        assert_eq!(id.internal, [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0x12, 0x34]);
    }

    /// The text of bytes, with the checksum that belongs to them.
    fn text_of(body: &[u8]) -> String {
        let checked = [body, &fletcher16(body).to_le_bytes()].concat();
        let bits: Vec<u8> = checked.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
        let digits = bits.chunks(5).map(|bits| (0..5).fold(0, |digit, at| digit << 1 | bits.get(at).unwrap_or(&0)));
        digits.map(|digit| char::from(ALPHABET[usize::from(digit)])).collect()
    }

    #[test]
    fn an_id_has_one_text() {
        for (text, message) in [
            ("", "id has 0 characters, expected 31, 32, 34, 36 or 37"),
            ("j57000820c20a1g7104gm2rc1m70ynr80", "id has 33 characters, expected 31, 32, 34, 36 or 37"),
            (
                "J57000820c20a1g7104gm2rc1m70ynr8",
                "id has 'J' at byte 0, expected a digit or a lower case letter except i, l, o and u",
            ),
            (
                "j57ooo820c20a1g7104gm2rc1m70ynr8",
                "id has 'o' at byte 3, expected a digit or a lower case letter except i, l, o and u",
            ),
            ("j57000820c20a1g7104gm2rc1m70ynr9", "id has checksum 0x0957, expected 0x0857"),
        ] {
            assert_eq!(DocumentId::parse(text).unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn a_table_number_has_one_form() {
        assert_eq!(DocumentId::parse(&text_of(&[[1].as_slice(), &[5; 16]].concat())).unwrap().table_number, 1);
        for bytes in [
            [0].as_slice(),
            &[0x81, 0],
            &[0x81],
            &[1, 1],
            &[0x80, 0x80, 0x80, 0x80, 0],
            &[0x80, 0x80, 0x80, 0x80, 0x10],
        ] {
            let error = DocumentId::parse(&text_of(&[bytes, &[5; 16]].concat()));
            assert_eq!(error, Err(IdError::TableNumber { bytes: bytes.to_vec() }));
        }
        let message = DocumentId::parse(&text_of(&[0; 17])).unwrap_err().to_string();
        assert_eq!(
            message,
            "id has table number bytes [00], expected a varint from 1 to 4294967295 in its shortest form"
        );
    }

    #[test]
    fn bits_that_fill_up_the_last_character_are_zero() {
        let text = DocumentId { table_number: 1, internal: [0; 16] }.to_string();
        let last = ALPHABET.iter().position(|&c| c == text.as_bytes()[30]).unwrap();
        for filling in 1..8 {
            let other = format!("{}{}", &text[..30], char::from(ALPHABET[last + filling]));
            assert_eq!(DocumentId::parse(&other), Err(IdError::LastCharacter));
        }
    }
}
