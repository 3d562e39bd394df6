//! Sums of products of planes and codes, four rows at once, and what asks memory for codes.

use std::{
    arch::x86_64::{
        __m128i, __m256i, __m512i, _MM_HINT_T0, _mm_add_epi32, _mm_and_si128, _mm_load_si128, _mm_or_si128,
        _mm_prefetch, _mm_set1_epi8, _mm_slli_epi16, _mm_srli_epi16, _mm256_add_epi16, _mm256_add_epi32,
        _mm256_and_si256, _mm256_castsi256_si128, _mm256_cvtepi8_epi16, _mm256_cvtepu8_epi16, _mm256_extracti128_si256,
        _mm256_hadd_epi32, _mm256_load_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi8,
        _mm256_set1_epi16, _mm256_setzero_si256, _mm256_srli_epi16, _mm512_add_epi32, _mm512_and_si512,
        _mm512_castsi512_si256, _mm512_dpbusd_epi32, _mm512_extracti64x4_epi64, _mm512_load_si512, _mm512_set1_epi8,
        _mm512_setzero_si512, _mm512_slli_epi16, _mm512_srli_epi16, _mm512_ternarylogic_epi32, _mm512_unpackhi_epi32,
        _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
    },
    ptr,
};

use super::super::{CodedRow, Line, QUAD_ROWS, Quad};

/// How far ahead codes are fetched, in lines: the CPU fetches ahead by itself, but not beyond a page of memory.
const AHEAD: usize = 128;

/// The sums of the upper halves of four rows, half a line at a time: products of 4 bits with 8 can't saturate.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn upper_256<const PLANES: usize>(
    planes: [&[Line<i8>]; PLANES],
    quads: &[Quad],
) -> [[i32; QUAD_ROWS]; PLANES] {
    let (mask, ones) = (_mm256_set1_epi8(0x0f), _mm256_set1_epi16(1));
    let mut sums = [[_mm256_setzero_si256(); QUAD_ROWS]; PLANES];
    for (line, quad) in quads.iter().enumerate() {
        for part in 0..2 {
            // SAFETY: a line has 64 bytes and begins at a multiple of 64; each part has 32.
            let load = |line: *const __m256i| unsafe { _mm256_load_si256(line.add(part)) };
            for (row, codes) in quad.iter().enumerate() {
                fetch(ptr::from_ref(codes).wrapping_add(AHEAD));
                let codes = load(ptr::from_ref(codes).cast());
                let first = _mm256_and_si256(_mm256_srli_epi16::<4>(codes), mask);
                let next = _mm256_and_si256(codes, mask);
                for (sums, plane) in sums.iter_mut().zip(planes) {
                    let [first_plane, next_plane] =
                        [&plane[2 * line], &plane[2 * line + 1]].map(|line| load(ptr::from_ref(line).cast()));
                    let pairs = _mm256_add_epi16(
                        _mm256_maddubs_epi16(first, first_plane),
                        _mm256_maddubs_epi16(next, next_plane),
                    );
                    sums[row] = _mm256_add_epi32(sums[row], _mm256_madd_epi16(pairs, ones));
                }
            }
        }
    }
    totals(sums)
}

/// The sums of whole codes of four rows, of which `lines_of` gives both halves; 16 codes are widened to 16 bits at a time.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn whole_256<'a, const PLANES: usize>(
    planes: [&[Line<i8>]; PLANES],
    lines_of: impl Fn(usize, usize) -> [&'a Line<u8>; 2],
) -> [[i32; QUAD_ROWS]; PLANES] {
    let (first_mask, next_mask) = (_mm_set1_epi8(0xf0_u8.cast_signed()), _mm_set1_epi8(0x0f));
    let mut sums = [[_mm256_setzero_si256(); QUAD_ROWS]; PLANES];
    for line in 0..planes[0].len() / 2 {
        for part in 0..4 {
            // SAFETY: a line has 64 bytes and begins at a multiple of 64; each part has 16.
            let load = |line: *const __m128i| unsafe { _mm_load_si128(line.add(part)) };
            let mut codes = [[_mm256_setzero_si256(); QUAD_ROWS]; 2];
            let [first_codes, next_codes] = &mut codes;
            for (row, (first_codes, next_codes)) in first_codes.iter_mut().zip(next_codes).enumerate() {
                let [upper, lower] = lines_of(line, row);
                let (upper, lower) = (load(ptr::from_ref(upper).cast()), load(ptr::from_ref(lower).cast()));
                let first = _mm_or_si128(
                    _mm_and_si128(upper, first_mask),
                    _mm_and_si128(_mm_srli_epi16::<4>(lower), next_mask),
                );
                let next = _mm_or_si128(
                    _mm_and_si128(_mm_slli_epi16::<4>(upper), first_mask),
                    _mm_and_si128(lower, next_mask),
                );
                *first_codes = _mm256_cvtepu8_epi16(first);
                *next_codes = _mm256_cvtepu8_epi16(next);
            }
            for (sums, plane) in sums.iter_mut().zip(planes) {
                for (half, codes) in codes.iter().enumerate() {
                    let plane = _mm256_cvtepi8_epi16(load(ptr::from_ref(&plane[2 * line + half]).cast()));
                    for (sum, codes) in sums.iter_mut().zip(codes) {
                        *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(*codes, plane));
                    }
                }
            }
        }
    }
    totals(sums)
}

/// The sums of the upper halves of four rows: each is loaded once for all planes.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
pub(super) fn upper_512<const PLANES: usize>(
    planes: [&[Line<i8>]; PLANES],
    quads: &[Quad],
) -> [[i32; QUAD_ROWS]; PLANES] {
    let mask = _mm512_set1_epi8(0x0f);
    let codes_of = |line: usize, row: usize| {
        fetch(ptr::from_ref(&quads[line][row]).wrapping_add(AHEAD));
        let codes = load_512(&quads[line][row]);
        [_mm512_and_si512(_mm512_srli_epi16::<4>(codes), mask), _mm512_and_si512(codes, mask)]
    };
    // An addition takes as long as four can be begun in, and sums for four planes fill the registers.
    if PLANES == 1 { sums_512::<PLANES, 2>(planes, codes_of) } else { sums_512::<PLANES, 1>(planes, codes_of) }
}

/// The sums of whole codes of four rows, of which `lines_of` gives both halves.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
pub(super) fn whole_512<'a, const PLANES: usize>(
    planes: [&[Line<i8>]; PLANES],
    lines_of: impl Fn(usize, usize) -> [&'a Line<u8>; 2],
) -> [[i32; QUAD_ROWS]; PLANES] {
    let mask = _mm512_set1_epi8(0x0f);
    sums_512::<PLANES, 1>(planes, |line, row| {
        let [upper, lower] = lines_of(line, row);
        let (upper, lower) = (load_512(upper), load_512(lower));
        // Bits of the mask come from the second number, the others from the first.
        [
            _mm512_ternarylogic_epi32::<PICK>(upper, _mm512_srli_epi16::<4>(lower), mask),
            _mm512_ternarylogic_epi32::<PICK>(_mm512_slli_epi16::<4>(upper), lower, mask),
        ]
    })
}

/// For each bit of the third operand that is set the second one's, else the first one's.
const PICK: i32 = 0b1101_1000;

#[inline]
#[target_feature(enable = "avx512f")]
fn load_512<T>(line: &Line<T>) -> __m512i {
    const { assert!(size_of::<Line<T>>() == 64) };
    // SAFETY: a line has 64 bytes and begins at a multiple of 64.
    unsafe { _mm512_load_si512(ptr::from_ref(line).cast()) }
}

/// The sums of four rows, of whose codes `codes_of` gives two lines at a time; in so many registers for each.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
fn sums_512<const PLANES: usize, const EACH: usize>(
    planes: [&[Line<i8>]; PLANES],
    codes_of: impl Fn(usize, usize) -> [__m512i; 2],
) -> [[i32; QUAD_ROWS]; PLANES] {
    let mut sums = [[[_mm512_setzero_si512(); QUAD_ROWS]; EACH]; PLANES];
    for line in 0..planes[0].len() / 2 {
        let mut codes = [[_mm512_setzero_si512(); 2]; QUAD_ROWS];
        for (row, codes) in codes.iter_mut().enumerate() {
            *codes = codes_of(line, row);
        }
        for (sums, plane) in sums.iter_mut().zip(planes) {
            for half in 0..2 {
                let plane = load_512(&plane[2 * line + half]);
                for (sum, codes) in sums[half % EACH].iter_mut().zip(codes) {
                    *sum = _mm512_dpbusd_epi32(*sum, codes[half], plane);
                }
            }
        }
    }
    let mut found = [[0; QUAD_ROWS]; PLANES];
    for (found, sums) in found.iter_mut().zip(sums) {
        let mut total = sums[0];
        for sums in &sums[1..] {
            for (total, sum) in total.iter_mut().zip(sums) {
                *total = _mm512_add_epi32(*total, *sum);
            }
        }
        *found = totals_512(total);
    }
    found
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

/// Asks memory for the lower half of a row.
#[target_feature(enable = "avx2")]
pub(super) fn fetch_lower(CodedRow { halves: [_, lower], lane }: CodedRow) {
    for quad in lower {
        fetch(ptr::from_ref(&quad[lane]));
    }
}

/// The totals of each row's sums, plane by plane.
#[inline]
#[target_feature(enable = "avx2")]
fn totals<const PLANES: usize>(sums: [[__m256i; QUAD_ROWS]; PLANES]) -> [[i32; QUAD_ROWS]; PLANES] {
    let mut found = [[0; QUAD_ROWS]; PLANES];
    for (found, sums) in found.iter_mut().zip(sums) {
        *found = totals_256(sums);
    }
    found
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
