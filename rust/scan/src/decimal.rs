//! Lists of decimal numbers, exactly, without waiting for each number to end before the next is begun.
//!
//! Commas are found first, 64 bytes at once, so the numbers between them are independent of each other. A number is read
//! from its end: the last digits are always at the same place before the comma, and what isn't a digit of the fraction is
//! masked away, so that no branch depends on how many there are.
//!
//! That is the way of every CPU; `arch/x86_64/decimals.rs` reads eight numbers at once.
//!
//! Read here is what embeddings consist of: `-?D.D…`. Any other JSON, and the few numbers whose rounding the arithmetic
//! here doesn't decide, are left to the caller.

/// Reads numbers, and the comma behind each, onto the end of a list. Says where it stopped: before the first number that
/// it leaves to the caller, has no comma behind it, or is near the end of the text.
///
/// `commas` says where in 64 bytes there are commas, as bits. `sixteen` is the number that 16 digits make, 0 for each
/// whose byte of `keep` is 0; `None` if a byte that is kept isn't a digit.
#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
pub(crate) fn read(
    text: &[u8],
    mut start: usize,
    numbers: &mut Vec<f64>,
    commas: impl Fn(&[u8; 64]) -> u64,
    sixteen: impl Fn(&[u8; 16], &[u8; 16]) -> Option<u64> + Copy,
) -> usize {
    let mut first = start;
    while let Some(block) = text[first..].first_chunk() {
        let mut commas = commas(block);
        while commas != 0 {
            let end = first + commas.trailing_zeros() as usize;
            let Some(number) = number(text, start, end, sixteen) else { return start };
            numbers.push(number);
            start = end + 1;
            commas &= commas - 1;
        }
        first += block.len();
    }
    start
}

/// How many digits may stand behind the point: two dozen bytes are looked at.
const MAX_FRACTION: usize = 24;

/// With so many digits behind the point and one before it, a number makes less than 10^15, which a float64 holds.
const MAX_EXACT: usize = 14;

/// With so many it makes less than 10^19, which 64 bits hold.
const MAX_UNIT: usize = 18;

/// The values that depend on the number of digits behind the point.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Scale {
    /// Which of the 16 bytes before the comma are digits behind the point.
    keep: [u8; 16],
    /// Which of the 8 bytes before those.
    keep_upper: u64,
    /// The value of the digit before the point, up to [`MAX_UNIT`].
    unit: u64,
    /// The same as a float64, up to [`MAX_EXACT`].
    power: f64,
    /// The first 64 bits of 1 / 5^count.
    inverse: u64,
    /// The exponent to `inverse`, see [`divided`].
    exponent: u64,
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "constants that fit")]
static SCALES: [Scale; MAX_FRACTION + 1] = {
    let empty = Scale { keep: [0; 16], keep_upper: 0, unit: 0, power: 0.0, inverse: 0, exponent: 0 };
    let mut scales = [empty; MAX_FRACTION + 1];
    let (mut count, mut ten, mut five) = (1, 10, 5_u64);
    while count <= MAX_FRACTION {
        let scale = &mut scales[count];
        if count <= 16 {
            let (_, kept) = scale.keep.split_at_mut(16 - count);
            let mut byte = 0;
            while byte < kept.len() {
                kept[byte] = 0xff;
                byte += 1;
            }
        } else {
            scale.keep = [0xff; 16];
            scale.keep_upper = u64::MAX << (8 * (MAX_FRACTION - count));
        }
        if count <= MAX_UNIT {
            scale.unit = ten;
            ten *= 10;
        }
        if count <= MAX_EXACT {
            scale.power = scale.unit as f64;
        }
        let bits = five.ilog2() + 1;
        scale.inverse = ((1_u128 << (63 + bits)) / five as u128) as u64;
        scale.exponent = 1023 + 52 - bits as u64 - count as u64;
        five *= 5;
        count += 1;
    }
    scales
};

/// The number in `text[start..end]`, if it can be read here.
#[expect(clippy::cast_precision_loss, reason = "only numbers that fit are cast")]
#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
pub(crate) fn number(
    text: &[u8],
    start: usize,
    end: usize,
    sixteen: impl Fn(&[u8; 16], &[u8; 16]) -> Option<u64>,
) -> Option<f64> {
    let token = &text[start..end];
    let (upper, lower) = text[..end].last_chunk::<MAX_FRACTION>()?.split_first_chunk::<8>()?;
    let negative = *token.first()? == b'-';
    let ([unit, point], fraction) = token[usize::from(negative)..].split_first_chunk()?;
    let unit = unit.wrapping_sub(b'0');
    let scale = SCALES.get(fraction.len()).filter(|_| !fraction.is_empty() && *point == b'.' && unit <= 9)?;
    let digits = u64::from(unit) * scale.unit + sixteen(lower.first_chunk()?, &scale.keep)?;
    let magnitude = if fraction.len() <= MAX_EXACT {
        // Both are exact, so this rounds once.
        digits.cast_signed() as f64 / scale.power
    } else {
        let upper = Word::of(*upper, scale.keep_upper)?.number();
        if upper > 999 || (unit > 0 && fraction.len() > MAX_UNIT) {
            return None;
        }
        divided(digits + upper * 10_000_000_000_000_000, scale)?
    };
    // Signs are random, so there is no branch on them.
    Some(f64::from_bits(magnitude.to_bits() | u64::from(negative) << 63))
}

/// `digits` / 10^count, correctly rounded; `None` where that is undecided, once in some 700 times.
///
/// 1 / 10^count is (`inverse` + e) 2^-(63 + bits + count) with 0 <= e < 1, where 5^count has so many bits. With `digits`
/// shifted until their highest bit is 63, the upper 64 bits of their product with `inverse` are less than 2 below those of
/// the true one: what the lower ones have, and e times the digits, are each less than one. So rounding to 53 bits is
/// decided by the upper ones, unless they are the halfway point or one less.
///
/// This is the first step of Lemire's "Number Parsing at a Gigabyte per Second" (2021), with half of his table.
#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
fn divided(digits: u64, scale: &Scale) -> Option<f64> {
    if digits == 0 {
        return Some(0.0);
    }
    let shift = digits.leading_zeros();
    let product = ((u128::from(digits << shift) * u128::from(scale.inverse)) >> 64) as u64;
    // The product of two numbers of 64 bits has 127 or 128, so that 10 or 11 are beyond the 53.
    let beyond = 10 + (product >> 63);
    let half = 1 << (beyond - 1);
    let rest = product & (2 * half - 1);
    if rest == half || rest == half - 1 {
        return None;
    }
    let mantissa = ((product >> (beyond - 1)) + 1) >> 1;
    // The highest bit of the mantissa adds the one that is missing in `exponent`.
    Some(f64::from_bits(((scale.exponent + beyond - u64::from(shift)) << 52) + mantissa))
}

/// Eight digits, the first in the lowest byte, each as its value.
#[derive(Clone, Copy)]
pub(crate) struct Word(u64);

impl Word {
    /// The digits in eight bytes, 0 for each whose byte of `keep` is 0; `None` if a byte that is kept isn't a digit.
    #[expect(clippy::inline_always, reason = "part of a kernel")]
    #[inline(always)]
    pub(crate) fn of(bytes: [u8; 8], keep: u64) -> Option<Self> {
        let digits = (u64::from_le_bytes(bytes) ^ u64::from_le_bytes([b'0'; 8])) & keep;
        // A byte above 9 gets its highest bit here, if it hasn't it already.
        let above = digits | digits.wrapping_add(u64::from_le_bytes([0x7f - 9; 8]));
        (above & u64::from_le_bytes([0x80; 8]) == 0).then_some(Self(digits))
    }

    /// The number that they make: of pairs, of fours, of all.
    #[expect(clippy::inline_always, reason = "part of a kernel")]
    #[inline(always)]
    pub(crate) fn number(self) -> u64 {
        let pairs = (self.0 * 10 + (self.0 >> 8)) & 0x00ff_00ff_00ff_00ff;
        let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
        (fours * 10_000 + (fours >> 32)) & 0xffff_ffff
    }
}
