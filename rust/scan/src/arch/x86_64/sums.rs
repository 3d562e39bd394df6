//! Sums of products of planes and codes, and what asks memory for codes.

use std::{
    arch::x86_64::{
        __m128i, __m256i, __m512i, _MM_HINT_T0, _mm_add_epi32, _mm_load_si128, _mm_prefetch, _mm256_add_epi16,
        _mm256_add_epi32, _mm256_and_si256, _mm256_castsi256_si128, _mm256_cvtepi8_epi16, _mm256_cvtepu8_epi16,
        _mm256_extracti128_si256, _mm256_hadd_epi32, _mm256_load_si256, _mm256_madd_epi16, _mm256_maddubs_epi16,
        _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_slli_epi16,
        _mm256_srli_epi16, _mm256_xor_si256, _mm512_add_epi32, _mm512_and_si512, _mm512_castsi512_si256,
        _mm512_dpbusd_epi32, _mm512_extracti64x4_epi64, _mm512_load_si512, _mm512_set1_epi8, _mm512_set1_epi32,
        _mm512_setzero_si512, _mm512_slli_epi16, _mm512_srai_epi32, _mm512_srli_epi16, _mm512_ternarylogic_epi32,
        _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
    },
    ptr,
};

use super::super::{Line, QUAD_ROWS, STRIP_ROWS, Sums, portable::by_strips, strip_lines};

/// How far ahead codes are fetched, in lines: the CPU fetches ahead by itself, but not beyond a page of memory.
const AHEAD: usize = 128;

/// How many parts a line of a strip has: columns whose bits are in the same place.
const PARTS: usize = 4;

/// The sums of strips.
#[target_feature(enable = "avx2")]
pub(super) fn strip_sums_256(planes: [&[Line<i8>]; 1], halves: &[&[Line<u8>]], sums: [&mut Sums; 1]) {
    // Of so many lines 16 bits hold the sums: there are four products of each row in them, of at most 384 or 1920.
    match *halves {
        [half] => by_strips(planes, [half], sums, |strip| strip_256::<1, 16>(planes, strip)),
        [upper, lower] => by_strips(planes, [upper, lower], sums, |strip| strip_256::<2, 4>(planes, strip)),
        _ => unreachable!("coarse codes have two halves"),
    }
}

/// The sums of a strip, half a line at a time: products of four bits with eight can't saturate, nor can a few of their sums.
#[inline]
#[target_feature(enable = "avx2")]
fn strip_256<const HALVES: usize, const SHORT: usize>(
    [plane]: [&[Line<i8>]; 1],
    strip: [&[Line<u8>]; HALVES],
) -> [[i32; STRIP_ROWS]; 1] {
    let ones = _mm256_set1_epi16(1);
    let mut sums = [_mm256_setzero_si256(); 2];
    let width = strip[0].len();
    for first in (0..width).step_by(SHORT) {
        let mut short = [[_mm256_setzero_si256(); 2]; 2];
        for index in first..width.min(first + SHORT) {
            let mut columns = [_mm256_setzero_si256(); PARTS];
            for (part, columns) in columns.iter_mut().enumerate() {
                *columns = _mm256_set1_epi32(column_of(plane, PARTS * index + part));
            }
            for (part, short) in short.iter_mut().enumerate() {
                let mut codes = [_mm256_setzero_si256(); HALVES];
                for (codes, half) in codes.iter_mut().zip(strip) {
                    let line = ptr::from_ref(&half[index]);
                    fetch(line.wrapping_add(AHEAD));
                    // SAFETY: a line has 64 bytes and begins at a multiple of 64; each part has 32.
                    *codes = unsafe { _mm256_load_si256(line.cast::<__m256i>().add(part)) };
                }
                let [a, b, c, d] = parts_256(codes);
                let ab = _mm256_add_epi16(_mm256_maddubs_epi16(a, columns[0]), _mm256_maddubs_epi16(b, columns[1]));
                let cd = _mm256_add_epi16(_mm256_maddubs_epi16(c, columns[2]), _mm256_maddubs_epi16(d, columns[3]));
                short[0] = _mm256_add_epi16(short[0], ab);
                short[1] = _mm256_add_epi16(short[1], cd);
            }
        }
        for (sum, [ab, cd]) in sums.iter_mut().zip(short) {
            let both = _mm256_add_epi32(_mm256_madd_epi16(ab, ones), _mm256_madd_epi16(cd, ones));
            *sum = _mm256_add_epi32(*sum, both);
        }
    }
    // SAFETY: the registers hold eight numbers of 32 bits each, in order.
    [unsafe { std::mem::transmute::<[__m256i; 2], [i32; STRIP_ROWS]>(sums) }]
}

/// The codes of each part, of two bits or of four.
#[inline]
#[target_feature(enable = "avx2")]
fn parts_256<const HALVES: usize>(codes: [__m256i; HALVES]) -> [__m256i; PARTS] {
    if let [upper, lower] = codes[..] {
        let (mask, low) = (_mm256_set1_epi8(0x0f), _mm256_set1_epi8(0x33));
        // Exchanges two bits of one with two of the other: their difference is added to both.
        let difference = _mm256_and_si256(_mm256_xor_si256(upper, _mm256_srli_epi16::<2>(lower)), low);
        let odd = _mm256_xor_si256(upper, difference);
        let even = _mm256_xor_si256(lower, _mm256_slli_epi16::<2>(difference));
        [
            _mm256_and_si256(even, mask),
            _mm256_and_si256(odd, mask),
            _mm256_and_si256(_mm256_srli_epi16::<4>(even), mask),
            _mm256_and_si256(_mm256_srli_epi16::<4>(odd), mask),
        ]
    } else {
        let mask = _mm256_set1_epi8(3);
        [
            _mm256_and_si256(codes[0], mask),
            _mm256_and_si256(_mm256_srli_epi16::<2>(codes[0]), mask),
            _mm256_and_si256(_mm256_srli_epi16::<4>(codes[0]), mask),
            _mm256_and_si256(_mm256_srli_epi16::<6>(codes[0]), mask),
        ]
    }
}

/// The sums of strips, so many lines at once.
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn strip_sums_512<const QUERIES: usize, const LINES: usize>(
    planes: [&[Line<i8>]; QUERIES],
    halves: &[&[Line<u8>]],
    sums: [&mut Sums; QUERIES],
) {
    match *halves {
        [half] => by_strips(planes, [half], sums, |strip| strip_512::<_, _, LINES>(planes, strip)),
        [upper, lower] => by_strips(planes, [upper, lower], sums, |strip| strip_512::<_, _, LINES>(planes, strip)),
        _ => unreachable!("coarse codes have two halves"),
    }
}

/// The sums of a strip: each line is loaded once for all planes. A sum waits for the one before; several lines have sums of
/// their own. Bits are multiplied where they are in their bytes, and the sums of those in the same place moved down at the
/// end: that takes no shifts in between.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
fn strip_512<const QUERIES: usize, const HALVES: usize, const LINES: usize>(
    planes: [&[Line<i8>]; QUERIES],
    strip: [&[Line<u8>]; HALVES],
) -> [[i32; STRIP_ROWS]; QUERIES] {
    let width = planes[0].len();
    let mut groups: [&[[Line<u8>; strip_lines(1)]]; HALVES] = [&[]; HALVES];
    for (groups, half) in groups.iter_mut().zip(strip) {
        *groups = half.as_chunks().0;
        assert!(groups.len() == width);
    }
    assert!(planes.iter().all(|plane| plane.len() == width));
    let mut sums = [[[_mm512_setzero_si512(); PARTS]; QUERIES]; LINES];
    for index in 0..width {
        for line in 0..strip_lines(1) {
            let sums = &mut sums[line % LINES];
            let mut codes = [_mm512_setzero_si512(); HALVES];
            for (codes, groups) in codes.iter_mut().zip(groups) {
                let group = &groups[index][line];
                fetch(ptr::from_ref(group).wrapping_add(AHEAD));
                *codes = load_512(group);
            }
            for (part, codes) in parts_512(codes).into_iter().enumerate() {
                for (sums, plane) in sums.iter_mut().zip(planes) {
                    let column = _mm512_set1_epi32(columns_of(&plane[index])[PARTS * line + part]);
                    sums[part] = _mm512_dpbusd_epi32(sums[part], codes, column);
                }
            }
        }
    }
    let mut totals = [[_mm512_setzero_si512(); PARTS]; QUERIES];
    for sums in sums {
        for (total, sum) in totals.as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
            *total = _mm512_add_epi32(*total, *sum);
        }
    }
    let mut found = [[0; STRIP_ROWS]; QUERIES];
    for (found, [a, b, c, d]) in found.iter_mut().zip(totals) {
        let total = if HALVES == 1 {
            let ab = _mm512_add_epi32(a, _mm512_srai_epi32::<2>(b));
            _mm512_add_epi32(ab, _mm512_add_epi32(_mm512_srai_epi32::<4>(c), _mm512_srai_epi32::<6>(d)))
        } else {
            _mm512_add_epi32(_mm512_add_epi32(a, b), _mm512_srai_epi32::<4>(_mm512_add_epi32(c, d)))
        };
        // SAFETY: the register holds 16 numbers of 32 bits, in order.
        *found = unsafe { std::mem::transmute::<__m512i, [i32; STRIP_ROWS]>(total) };
    }
    found
}

/// The codes of each part: two bits of each where they are in their bytes, or four bits, of the last two parts in the upper
/// half.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn parts_512<const HALVES: usize>(codes: [__m512i; HALVES]) -> [__m512i; PARTS] {
    /// For each bit of the third operand that is set the second one's, else the first one's.
    const PICK: i32 = 0b1101_1000;
    if let [upper, lower] = codes[..] {
        let (low, first, next) = (_mm512_set1_epi8(0x33), _mm512_set1_epi8(0x0f), _mm512_set1_epi8(-0x10));
        let even = _mm512_ternarylogic_epi32::<PICK>(_mm512_slli_epi16::<2>(upper), lower, low);
        let odd = _mm512_ternarylogic_epi32::<PICK>(upper, _mm512_srli_epi16::<2>(lower), low);
        [
            _mm512_and_si512(even, first),
            _mm512_and_si512(odd, first),
            _mm512_and_si512(even, next),
            _mm512_and_si512(odd, next),
        ]
    } else {
        [
            _mm512_and_si512(codes[0], _mm512_set1_epi8(3)),
            _mm512_and_si512(codes[0], _mm512_set1_epi8(12)),
            _mm512_and_si512(codes[0], _mm512_set1_epi8(48)),
            _mm512_and_si512(codes[0], _mm512_set1_epi8(-64)),
        ]
    }
}

/// Four columns of a plane.
#[inline]
fn column_of(plane: &[Line<i8>], index: usize) -> i32 {
    columns_of(&plane[index / 16])[index % 16]
}

/// The columns of a line of a plane, by four.
#[inline]
fn columns_of(line: &Line<i8>) -> &[i32; 16] {
    const { assert!(size_of::<Line<i8>>() == size_of::<[i32; 16]>() && cfg!(target_endian = "little")) };
    // SAFETY: a line has 64 bytes and begins at a multiple of 64; any bytes are numbers.
    unsafe { &*ptr::from_ref(line).cast() }
}

/// The sums of fine codes of four rows, which are widened to 16 bits 16 at a time.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn fine_256<const PLANES: usize, const NEIGHBOURS: bool>(
    planes: [&[Line<i8>]; PLANES],
    rows: [&[Line<u8>]; QUAD_ROWS],
) -> [[i32; QUAD_ROWS]; PLANES] {
    let mut sums = [[_mm256_setzero_si256(); QUAD_ROWS]; PLANES];
    for index in 0..planes[0].len() {
        for row in rows {
            if NEIGHBOURS {
                fetch(ptr::from_ref(&row[index]).wrapping_add(AHEAD));
            }
        }
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
    let mut found = [[0; QUAD_ROWS]; PLANES];
    for (found, sums) in found.iter_mut().zip(sums) {
        *found = totals_256(sums);
    }
    found
}

/// The sums of fine codes of four rows: each line is loaded once for all planes, and further ones fetched if the rows are
/// of a block.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
pub(super) fn fine_512<const PLANES: usize, const NEIGHBOURS: bool>(
    planes: [&[Line<i8>]; PLANES],
    rows: [&[Line<u8>]; QUAD_ROWS],
) -> [[i32; QUAD_ROWS]; PLANES] {
    let mut sums = [[_mm512_setzero_si512(); QUAD_ROWS]; PLANES];
    for index in 0..planes[0].len() {
        let mut codes = [_mm512_setzero_si512(); QUAD_ROWS];
        for (codes, row) in codes.iter_mut().zip(rows) {
            if NEIGHBOURS {
                fetch(ptr::from_ref(&row[index]).wrapping_add(AHEAD));
            }
            *codes = load_512(&row[index]);
        }
        for (sums, plane) in sums.iter_mut().zip(planes) {
            let plane = load_512(&plane[index]);
            for (sum, codes) in sums.iter_mut().zip(codes) {
                *sum = _mm512_dpbusd_epi32(*sum, codes, plane);
            }
        }
    }
    let mut found = [[0; QUAD_ROWS]; PLANES];
    for (found, sums) in found.iter_mut().zip(sums) {
        *found = totals_512(sums);
    }
    found
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
