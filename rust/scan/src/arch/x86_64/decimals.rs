//! Decimal numbers, eight at once.
//!
//! ```text
//! for each stretch of the text:
//!     note where its commas and its points are
//!     for each eight numbers:
//!         load them, each with its point at the same place
//!         bytes to digits, 0 for those behind the comma; digits to whole numbers
//!         times 10^-21
//! ```
//!
//! A number is loaded as a window of bytes that begins two before its point:
//!
//! | byte | 0 | 1 | 2 | 3 to 15 | 16 to 23 |
//! | --- | --- | --- | --- | --- | --- |
//! | | a minus, or the comma before it | the unit | the point | digits | digits |
//!
//! So however long a number is, the value of a digit follows from its place. The first 16 bytes are its head, of which a
//! register holds four; the other eight are its tail. Tails aren't looked at where all eight numbers are short.
//!
//! # Rounding
//!
//! The digits make a whole number D below 10^22. D / 10^21 is computed as a sum of two float64s, and adding those rounds it
//! as it would be rounded itself: the sum lacks less of it than lies between it and the next point halfway between two
//! float64s. Let D / 10^21 be from 2^e to 2^(e+1), where float64s are 2h apart, so h = 2^(e-53):
//!
//! - Points halfway are odd multiples of h. From one, M h, D / 10^21 is (2^(53-e) D - 10^21 M) h / 10^21 away. Numbers are
//!   below 10, so e is at most 3, and the brackets hold a multiple of 2^21. That isn't 0, since 10^21 M is no multiple of
//!   2^22. So it is 2^21 h / 10^21 = h / 5^21 at least, which is 2.3 h / 2^50.
//! - The sum lacks less than 1.1 h / 2^50, see [`scaled`].

use std::{
    arch::x86_64::{
        __m512d, __m512i, _mm_add_epi16, _mm_cmpeq_epi16_mask, _mm_cmpgt_epu16_mask, _mm_cmple_epu16_mask,
        _mm_loadu_si128, _mm_set1_epi16, _mm_sub_epi16, _mm256_add_epi16, _mm256_cvtepu8_epi16, _mm256_set1_epi16,
        _mm256_storeu_si256, _mm512_add_epi64, _mm512_add_pd, _mm512_castsi128_si512, _mm512_castsi512_si128,
        _mm512_cmpeq_epi8_mask, _mm512_cmplt_epu8_mask, _mm512_cvtepi64_pd, _mm512_cvtepu16_epi64, _mm512_fmadd_pd,
        _mm512_fmsub_pd, _mm512_inserti32x4, _mm512_loadu_si512, _mm512_madd_epi16, _mm512_maddubs_epi16,
        _mm512_mask_compress_epi8, _mm512_mask_or_pd, _mm512_maskz_sub_epi8, _mm512_mul_epu32, _mm512_mul_pd,
        _mm512_or_si512, _mm512_packus_epi32, _mm512_set1_epi8, _mm512_set1_epi16, _mm512_set1_epi32,
        _mm512_set1_epi64, _mm512_set1_pd, _mm512_set4_epi32, _mm512_setr_epi64, _mm512_setr4_epi32, _mm512_setzero_pd,
        _mm512_shuffle_epi8, _mm512_srli_epi64, _mm512_subs_epu8, _mm512_test_epi64_mask, _mm512_testn_epi64_mask,
        _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
    },
    hint::black_box,
    mem::transmute,
};

use crate::decimal;

/// How many numbers are read at once.
const LANES: usize = 8;

/// How many bytes of a number are looked at, and how many of them are its head.
const WINDOW: usize = 24;
const HEAD: usize = 16;

/// How many bytes are searched for commas and points at once.
const BLOCK: usize = 64;

/// How many of either are noted: with its comma a plain number has four bytes at least.
const MOST: u32 = 16;

/// How many blocks a stretch has. Numbers at its end that aren't a group are looked through again in the next one.
const BLOCKS: usize = 16;

/// How many of them are looked through at first, lest it be in vain. They have a group of numbers of any length.
const FIRST_BLOCKS: usize = 4;

/// How many bytes a stretch has: two before its blocks, where their first window may begin, and the rest of a last one.
const STRETCH: usize = BLOCK * BLOCKS + WINDOW;

/// Reads numbers as [`decimal::read`] does.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,avx512f,avx512dq,avx512bw,avx512vl,avx512vbmi2")]
pub(super) fn decimals(text: &[u8], mut start: usize, numbers: &mut Vec<f64>) -> usize {
    // By itself is read a list's first number, which has no comma before it, and what a group stopped at. If that isn't
    // plain, no stretch is looked through in vain.
    while let Some(next) = one(text, start, numbers) {
        start = groups(text, next, numbers);
    }
    start
}

/// Reads one number by itself, and says where the next one begins.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn one(text: &[u8], start: usize, numbers: &mut Vec<f64>) -> Option<usize> {
    let commas = super::commas(text[start..].first_chunk()?);
    let end = start + commas.trailing_zeros() as usize;
    if commas == 0 {
        return None;
    }
    numbers.push(decimal::number(text, start, end, |bytes, keep| super::sixteen(bytes, keep))?);
    Some(end + 1)
}

/// Reads on behind a comma, in groups as long as eight more numbers have commas behind them. Says where it stopped.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,avx512f,avx512dq,avx512bw,avx512vl,avx512vbmi2")]
fn groups(text: &[u8], mut start: usize, numbers: &mut Vec<f64>) -> usize {
    let (mut commas, mut points) = (Places::new(), Places::new());
    let mut blocks = FIRST_BLOCKS;
    while let Some(stretch) = text[start - 2..].first_chunk::<STRETCH>() {
        // The comma before the first number is at place -1.
        commas.at[0] = u16::MAX;
        commas.count = 1;
        points.count = 0;
        for (block, bytes) in stretch[2..].as_chunks().0[..blocks].iter().enumerate() {
            commas.add(block, equal(bytes, b','));
            points.add(block, equal(bytes, b'.'));
        }
        blocks = (2 * blocks).min(BLOCKS);
        let mut read = 0;
        while read + LANES < commas.count {
            let around = commas.at[read..].first_chunk().expect("there is room behind the last one");
            let inside = points.at[read..].first_chunk().expect("there is as much for points");
            let (group, plain) = group(stretch, around, inside);
            if plain < LANES {
                numbers.extend_from_slice(&group[..plain]);
                return start + usize::from(around[plain].wrapping_add(1));
            }
            numbers.extend_from_slice(&group);
            read += LANES;
        }
        if read == 0 {
            break;
        }
        start += usize::from(commas.at[read]) + 1;
    }
    super::decimals(text, start, numbers)
}

/// Where some byte is in a stretch's blocks, in order. Behind the last place is nonsense, but no place that isn't in a block.
///
/// Places may be missing: as every byte of a number is looked at, one that a comma or a point was overlooked in isn't plain.
struct Places {
    at: [u16; MOST as usize * (BLOCKS + 1)],
    count: usize,
}

impl Places {
    fn new() -> Self {
        Self { at: [0; _], count: 0 }
    }

    /// Adds those of a block, given as bits: the first ones, if there are more than [`MOST`].
    #[inline]
    #[target_feature(enable = "popcnt,avx2,avx512f,avx512bw,avx512vl,avx512vbmi2")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "a stretch is short")]
    fn add(&mut self, block: usize, bits: u64) {
        const BYTES: __m512i = {
            let mut bytes = [0; BLOCK];
            let mut byte = 0;
            while byte < BLOCK {
                bytes[byte] = byte as u8;
                byte += 1;
            }
            // SAFETY: a register has 64 bytes, and any will do.
            unsafe { transmute::<[u8; BLOCK], __m512i>(bytes) }
        };
        // Merged with something: were the rest to be zeros, Zen 5 would wait for what the result's register held before.
        let bytes = _mm512_mask_compress_epi8(BYTES, bits, BYTES);
        let bytes = _mm256_cvtepu8_epi16(_mm512_castsi512_si128(bytes));
        let places = _mm256_add_epi16(bytes, _mm256_set1_epi16((block * BLOCK) as i16));
        let room = self.at[self.count..].first_chunk_mut::<{ MOST as usize }>().expect("there is room for every block");
        // SAFETY: 32 bytes are written to 16 places.
        unsafe { _mm256_storeu_si256(room.as_mut_ptr().cast(), places) };
        self.count += bits.count_ones().min(MOST) as usize;
    }
}

/// Which bytes of a block are this one, as bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn equal(block: &[u8; BLOCK], byte: u8) -> u64 {
    // SAFETY: 64 bytes are read from 64.
    let block = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
    _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(byte.cast_signed()))
}

/// The numbers between commas, given their points, and how many of them are plain before the first that isn't. The
/// numbers after that one are undefined.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512dq,avx512bw,avx512vl")]
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "a window is short")]
fn group(stretch: &[u8; STRETCH], commas: &[u16; LANES + 1], points: &[u16; LANES]) -> ([f64; LANES], usize) {
    // SAFETY: eight places are read from eight.
    let load = |places: &[u16]| unsafe { _mm_loadu_si128(places[..LANES].as_ptr().cast()) };
    let (before, point, end) = (load(commas), load(points), load(&commas[1..]));
    // How far the point is behind the comma before it: two places, or three where there is a sign.
    let distance = _mm_sub_epi16(point, before);
    let negative = _mm_cmpeq_epi16_mask(distance, _mm_set1_epi16(3));
    // How many bytes of the window are the number's: three, and at least one digit.
    let length = _mm_add_epi16(_mm_sub_epi16(end, point), _mm_set1_epi16(2));
    let plain = (negative | _mm_cmpeq_epi16_mask(distance, _mm_set1_epi16(2)))
        & _mm_cmpgt_epu16_mask(length, _mm_set1_epi16(3))
        & _mm_cmple_epu16_mask(length, _mm_set1_epi16(WINDOW as i16));
    let has_tails = _mm_cmpgt_epu16_mask(length, _mm_set1_epi16(HEAD as i16)) != 0;
    let lengths = _mm512_cvtepu16_epi64(length);

    // Lest the compiler take addresses out of `point`, one by one, rather than from memory.
    let points = black_box(points);
    let (upper, are_heads) = heads(stretch, points, lengths, negative);
    let (lower, are_tails) = if has_tails { tails(stretch, points, lengths) } else { (_mm512_setzero_pd(), !0) };
    let magnitudes = scaled(upper, lower);
    let numbers = _mm512_mask_or_pd(magnitudes, negative, magnitudes, _mm512_set1_pd(-0.0));
    // SAFETY: the register holds eight numbers, in order.
    let numbers = unsafe { transmute::<__m512d, [f64; LANES]>(numbers) };
    (numbers, (plain & are_heads & are_tails).trailing_ones() as usize)
}

/// The whole numbers that the digits of heads make, units and all, and which heads are well-formed, of which some begin with
/// a minus.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512dq,avx512bw")]
fn heads(stretch: &[u8; STRETCH], points: &[u16; LANES], lengths: __m512i, negative: u8) -> (__m512d, u8) {
    // SAFETY: 16 bytes are read from 16.
    let head = |i: usize| unsafe { _mm_loadu_si128(stretch[usize::from(points[i])..][..HEAD].as_ptr().cast()) };
    // Registers are unpacked and packed in turns, so one has the even heads and one the odd ones.
    let four = |first: usize| {
        let heads = _mm512_castsi128_si512(head(first));
        let heads = _mm512_inserti32x4::<1>(heads, head(first + 2));
        let heads = _mm512_inserti32x4::<2>(heads, head(first + 4));
        _mm512_inserti32x4::<3>(heads, head(first + 6))
    };
    // The number subtracted from each byte, and the largest rest: a minus comes next to the comma.
    let zeros = _mm512_setr4_epi32(bytes(*b",0.0"), bytes(*b"0000"), bytes(*b"0000"), bytes(*b"0000"));
    let largest = _mm512_setr4_epi32(bytes([1, 9, 0, 9]), bytes([9; 4]), bytes([9; 4]), bytes([9; 4]));
    let places =
        _mm512_setr4_epi32(bytes([0, 1, 2, 3]), bytes([4, 5, 6, 7]), bytes([8, 9, 10, 11]), bytes([12, 13, 14, 15]));
    let digits = |heads, lengths| _mm512_maskz_sub_epi8(_mm512_cmplt_epu8_mask(places, lengths), heads, zeros);
    let even = digits(four(0), _mm512_shuffle_epi8(lengths, _mm512_set1_epi8(0)));
    let odd = digits(four(1), _mm512_shuffle_epi8(lengths, _mm512_set1_epi8(8)));

    let (above_even, above_odd) = (_mm512_subs_epu8(even, largest), _mm512_subs_epu8(odd, largest));
    let (low, high) = (_mm512_unpacklo_epi64(above_even, above_odd), _mm512_unpackhi_epi64(above_even, above_odd));
    let above = _mm512_or_si512(low, high);
    // Where a minus should be there may be another comma, which was overlooked.
    let minuses = _mm512_test_epi64_mask(_mm512_unpacklo_epi64(even, odd), _mm512_set1_epi64(1));
    let are_heads = _mm512_testn_epi64_mask(above, above) & !(minuses ^ negative);

    // Of pairs, of fours, of eights, of all. Sign and point count nothing, so that the first four are a unit and a digit.
    let ten = bytes([10, 1, 10, 1]);
    let pairs = |digits| _mm512_maddubs_epi16(digits, _mm512_setr4_epi32(bytes([0, 1, 0, 1]), ten, ten, ten));
    let hundred = 100 + (1 << 16);
    let fours = |digits| {
        let weights = _mm512_setr4_epi32(10 + (1 << 16), hundred, hundred, hundred);
        _mm512_madd_epi16(pairs(digits), weights)
    };
    let eights = _mm512_madd_epi16(_mm512_packus_epi32(fours(even), fours(odd)), _mm512_set1_epi32(10_000 + (1 << 16)));
    (joined(eights, 100_000_000), are_heads)
}

/// The same of tails.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512dq,avx512bw")]
fn tails(stretch: &[u8; STRETCH], points: &[u16; LANES], lengths: __m512i) -> (__m512d, u8) {
    let tail = |i: usize| {
        let rest = &stretch[usize::from(points[i]) + HEAD..];
        i64::from_le_bytes(*rest.first_chunk().expect("a stretch has all of a window"))
    };
    let tails = _mm512_setr_epi64(tail(0), tail(1), tail(2), tail(3), tail(4), tail(5), tail(6), tail(7));
    let places = _mm512_set1_epi64(i64::from_le_bytes([16, 17, 18, 19, 20, 21, 22, 23]));
    let lengths = _mm512_shuffle_epi8(lengths, _mm512_set4_epi32(0x0808_0808, 0x0808_0808, 0, 0));
    let are_digits = _mm512_cmplt_epu8_mask(places, lengths);
    let digits = _mm512_maskz_sub_epi8(are_digits, tails, _mm512_set1_epi8(b'0'.cast_signed()));
    let above = _mm512_subs_epu8(digits, _mm512_set1_epi8(9));

    let pairs = _mm512_maddubs_epi16(digits, _mm512_set1_epi16(10 + (1 << 8)));
    let fours = _mm512_madd_epi16(pairs, _mm512_set1_epi32(100 + (1 << 16)));
    (joined(fours, 10_000), _mm512_testn_epi64_mask(above, above))
}

/// Of each pair of whole numbers the first, times `weight`, and the second.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn joined(pairs: __m512i, weight: i64) -> __m512d {
    let first = _mm512_mul_epu32(pairs, _mm512_set1_epi64(weight));
    _mm512_cvtepi64_pd(_mm512_add_epi64(first, _mm512_srli_epi64::<32>(pairs)))
}

/// (`upper` 10^8 + `lower`) / 10^21, correctly rounded, where `upper` is below 10^14 and `lower` below 10^8.
///
/// A comment says what a step loses, in units of h / 2^50. That is 1.1 in all; other steps are exact.
#[inline]
#[target_feature(enable = "avx512f")]
fn scaled(upper: __m512d, lower: __m512d) -> __m512d {
    let eight = _mm512_set1_pd(1e8);
    // Together D: what a sum is rounded by is a whole number, and small.
    let sum = _mm512_fmadd_pd(upper, eight, lower);
    let sum_rest = _mm512_add_pd(_mm512_fmsub_pd(upper, eight, sum), lower);
    // Together 10^-21: 0.1.
    let (unit, unit_rest) = (_mm512_set1_pd(1e-21), _mm512_set1_pd(f64::from_bits(0x383f_769f_b7e0_b75e)));
    // Together the product of those without rests.
    let product = _mm512_mul_pd(sum, unit);
    let product_rest = _mm512_fmsub_pd(sum, unit, product);
    // That is at most 2h, and so is what comes to it, so it is rounded as numbers below 4h and 8h are: 0.25 and 0.5. The
    // product of the rests is left out: 0.22.
    let product_rest = _mm512_fmadd_pd(sum_rest, unit, product_rest);
    let product_rest = _mm512_fmadd_pd(sum, unit_rest, product_rest);
    _mm512_add_pd(product, product_rest)
}

/// Four bytes of a register.
const fn bytes(bytes: [u8; 4]) -> i32 {
    i32::from_le_bytes(bytes)
}
