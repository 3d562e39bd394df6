//! Sums of products of planes and codes, and what asks memory for codes.

use std::{
    arch::x86_64::{
        __m128i, __m256i, __m512i, _MM_HINT_T0, _mm_add_epi32, _mm_load_si128, _mm_prefetch, _mm256_add_epi16,
        _mm256_add_epi32, _mm256_and_si256, _mm256_castsi256_si128, _mm256_cvtepi8_epi16, _mm256_cvtepu8_epi16,
        _mm256_extracti128_si256, _mm256_hadd_epi32, _mm256_load_si256, _mm256_madd_epi16, _mm256_maddubs_epi16,
        _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_srli_epi16,
        _mm512_add_epi32, _mm512_and_si512, _mm512_castsi512_si256, _mm512_dpbusd_epi32, _mm512_extracti64x4_epi64,
        _mm512_load_si512, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_srai_epi32,
        _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
    },
    ptr,
};

use super::super::{Line, QUAD_ROWS, STRIP_ROWS, portable::columns_of};

/// How far ahead codes are fetched, in lines: the CPU fetches ahead by itself, but not beyond a page of memory.
const AHEAD: usize = 128;

/// How many parts a line of a strip has: columns whose bits are in the same place.
const PARTS: usize = 4;

/// How many lines of a strip 16 bits can add up: each product of two bits and eight is at most 384 in magnitude, and there
/// are two in each place and part.
const SHORT: usize = 8;

/// The sums of a strip, half a line at a time: products of two bits with eight can't saturate, nor can a few of their sums.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn strips_256([plane]: [&[Line<i8>]; 1], [strip]: [&[Line<u8>]; 1]) -> [[[i32; STRIP_ROWS]; 1]; 1] {
    let (mask, ones) = (_mm256_set1_epi8(3), _mm256_set1_epi16(1));
    let mut sums = [_mm256_setzero_si256(); 2];
    let mut columns = columns_of(plane);
    for lines in strip.chunks(SHORT) {
        let mut short = [[_mm256_setzero_si256(); 2]; 2];
        for line in lines {
            fetch(ptr::from_ref(line).wrapping_add(AHEAD));
            let columns = columns.next().expect("a plane has as many columns as a strip").as_chunks::<4>().0;
            let parts = [columns[0], columns[1], columns[2], columns[3]];
            let [first, second, third, fourth] = [
                _mm256_set1_epi32(i32::from_le_bytes(parts[0].map(i8::cast_unsigned))),
                _mm256_set1_epi32(i32::from_le_bytes(parts[1].map(i8::cast_unsigned))),
                _mm256_set1_epi32(i32::from_le_bytes(parts[2].map(i8::cast_unsigned))),
                _mm256_set1_epi32(i32::from_le_bytes(parts[3].map(i8::cast_unsigned))),
            ];
            for (half, short) in short.iter_mut().enumerate() {
                // SAFETY: a line has 64 bytes and begins at a multiple of 64; each half has 32.
                let codes = unsafe { _mm256_load_si256(ptr::from_ref(line).cast::<__m256i>().add(half)) };
                let a = _mm256_maddubs_epi16(_mm256_and_si256(codes, mask), first);
                let b = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16::<2>(codes), mask), second);
                let c = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16::<4>(codes), mask), third);
                let d = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16::<6>(codes), mask), fourth);
                short[0] = _mm256_add_epi16(short[0], _mm256_add_epi16(a, b));
                short[1] = _mm256_add_epi16(short[1], _mm256_add_epi16(c, d));
            }
        }
        for (sum, [ab, cd]) in sums.iter_mut().zip(short) {
            let both = _mm256_add_epi32(_mm256_madd_epi16(ab, ones), _mm256_madd_epi16(cd, ones));
            *sum = _mm256_add_epi32(*sum, both);
        }
    }
    // SAFETY: the registers hold eight numbers of 32 bits each, in order.
    [[unsafe { std::mem::transmute::<[__m256i; 2], [i32; STRIP_ROWS]>(sums) }]]
}

/// The sums of strips: each line is loaded once for all planes. Bits are multiplied where they are in their bytes, and the
/// sums of those in the same place moved down at the end: that takes no shifts in between.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
pub(super) fn strips_512<const QUERIES: usize, const STRIPS: usize>(
    planes: [&[Line<i8>]; QUERIES],
    strips: [&[Line<u8>]; STRIPS],
) -> [[[i32; STRIP_ROWS]; QUERIES]; STRIPS] {
    let masks = [_mm512_set1_epi8(3), _mm512_set1_epi8(12), _mm512_set1_epi8(48), _mm512_set1_epi8(-64)];
    let mut sums = [[[_mm512_setzero_si512(); PARTS]; QUERIES]; STRIPS];
    let width = strips[0].len();
    for index in 0..width {
        for (sums, strip) in sums.iter_mut().zip(strips) {
            let line = &strip[index];
            fetch(ptr::from_ref(line).wrapping_add(AHEAD));
            let codes = load_512(line);
            for part in 0..PARTS {
                let codes = _mm512_and_si512(codes, masks[part]);
                for (sums, plane) in sums.iter_mut().zip(planes) {
                    let column = _mm512_set1_epi32(column_of(plane, PARTS * index + part));
                    sums[part] = _mm512_dpbusd_epi32(sums[part], codes, column);
                }
            }
        }
    }
    let mut found = [[[0; STRIP_ROWS]; QUERIES]; STRIPS];
    for (found, sums) in found.as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
        let [a, b, c, d] = *sums;
        let ab = _mm512_add_epi32(a, _mm512_srai_epi32::<2>(b));
        let cd = _mm512_add_epi32(_mm512_srai_epi32::<4>(c), _mm512_srai_epi32::<6>(d));
        // SAFETY: the register holds 16 numbers of 32 bits, in order.
        *found = unsafe { std::mem::transmute::<__m512i, [i32; STRIP_ROWS]>(_mm512_add_epi32(ab, cd)) };
    }
    found
}

/// Four columns of a plane.
#[inline]
fn column_of(plane: &[Line<i8>], index: usize) -> i32 {
    let bytes = plane[index / 16].0.as_chunks::<4>().0[index % 16];
    i32::from_le_bytes(bytes.map(i8::cast_unsigned))
}

/// The sums of fine codes of four rows, which are widened to 16 bits 16 at a time.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn fine_256(planes: [&[Line<i8>]; 2], rows: &[&[Line<u8>]; QUAD_ROWS]) -> [[i32; QUAD_ROWS]; 2] {
    let mut sums = [[_mm256_setzero_si256(); QUAD_ROWS]; 2];
    for index in 0..planes[0].len() {
        for part in 0..4 {
            // SAFETY: a line has 64 bytes and begins at a multiple of 64; each part has 16.
            let load = |line: *const __m128i| unsafe { _mm_load_si128(line.add(part)) };
            let mut codes = [_mm256_setzero_si256(); QUAD_ROWS];
            for (codes, row) in codes.iter_mut().zip(rows) {
                *codes = _mm256_cvtepu8_epi16(load(ptr::from_ref(&row[index]).cast()));
            }
            for (sums, plane) in sums.iter_mut().zip(planes) {
                let plane = _mm256_cvtepi8_epi16(load(ptr::from_ref(&plane[index]).cast()));
                for (sum, codes) in sums.iter_mut().zip(codes) {
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(codes, plane));
                }
            }
        }
    }
    [totals_256(sums[0]), totals_256(sums[1])]
}

/// The sums of fine codes of four rows.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
pub(super) fn fine_512(planes: [&[Line<i8>]; 2], rows: &[&[Line<u8>]; QUAD_ROWS]) -> [[i32; QUAD_ROWS]; 2] {
    let mut sums = [[_mm512_setzero_si512(); QUAD_ROWS]; 2];
    for index in 0..planes[0].len() {
        let planes = [load_512(&planes[0][index]), load_512(&planes[1][index])];
        for (row, codes) in rows.iter().enumerate() {
            let codes = load_512(&codes[index]);
            for (sums, plane) in sums.iter_mut().zip(planes) {
                sums[row] = _mm512_dpbusd_epi32(sums[row], codes, plane);
            }
        }
    }
    [totals_512(sums[0]), totals_512(sums[1])]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_512<T>(line: &Line<T>) -> __m512i {
    const { assert!(size_of::<Line<T>>() == 64) };
    // SAFETY: a line has 64 bytes and begins at a multiple of 64.
    unsafe { _mm512_load_si512(ptr::from_ref(line).cast()) }
}

/// The total of each register's numbers.
#[inline]
#[target_feature(enable = "avx2,avx512f")]
fn totals_512([a, b, c, d]: [__m512i; 4]) -> [i32; 4] {
    // Two numbers of each in each quarter of a register, then one of each.
    let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    let quarters = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    let halves = _mm256_add_epi32(_mm512_castsi512_si256(quarters), _mm512_extracti64x4_epi64::<1>(quarters));
    let totals = _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256::<1>(halves));
    // SAFETY: the register holds four numbers of 32 bits, in order.
    unsafe { std::mem::transmute::<__m128i, [i32; 4]>(totals) }
}

/// Asks memory for a line; an address past the end does no harm.
#[inline]
#[target_feature(enable = "avx2")]
fn fetch(line: *const Line<u8>) {
    _mm_prefetch::<_MM_HINT_T0>(line.cast());
}

/// Asks memory for a row's fine codes.
#[target_feature(enable = "avx2")]
pub(super) fn fetch_row(row: &[Line<u8>]) {
    for line in row {
        fetch(ptr::from_ref(line));
    }
}

/// The total of each register's numbers.
#[inline]
#[target_feature(enable = "avx2")]
fn totals_256([a, b, c, d]: [__m256i; 4]) -> [i32; 4] {
    // `hadd` adds neighbours within each half.
    let neighbours = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    let totals = _mm_add_epi32(_mm256_castsi256_si128(neighbours), _mm256_extracti128_si256::<1>(neighbours));
    // SAFETY: the register holds four numbers of 32 bits, in order.
    unsafe { std::mem::transmute::<__m128i, [i32; 4]>(totals) }
}
