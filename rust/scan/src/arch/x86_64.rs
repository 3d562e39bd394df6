//! Kernels for AVX2, and for AVX-512 with VNNI and with VBMI2 where those pay.

mod decimals;
mod exact;

use std::{
    arch::x86_64::{
        __m128i, __m256i, __m512i, _MM_HINT_T0, _mm_add_epi32, _mm_and_si128, _mm_cvtsi128_si64, _mm_load_si128,
        _mm_loadu_si128, _mm_madd_epi16, _mm_maddubs_epi16, _mm_or_si128, _mm_packus_epi32, _mm_prefetch,
        _mm_set1_epi8, _mm_set1_epi16, _mm_set1_epi32, _mm_slli_epi16, _mm_srli_epi16, _mm_subs_epu8, _mm_testz_si128,
        _mm_xor_si128, _mm256_add_epi16, _mm256_add_epi32, _mm256_and_si256, _mm256_castsi256_si128, _mm256_cmpeq_epi8,
        _mm256_cvtepi8_epi16, _mm256_cvtepu8_epi16, _mm256_extracti128_si256, _mm256_hadd_epi32, _mm256_load_si256,
        _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_movemask_epi8, _mm256_set1_epi8,
        _mm256_set1_epi16, _mm256_setzero_si256, _mm256_srli_epi16, _mm512_add_epi32, _mm512_and_si512,
        _mm512_castsi512_si256, _mm512_dpbusd_epi32, _mm512_extracti64x4_epi64, _mm512_load_si512, _mm512_set1_epi8,
        _mm512_setzero_si512, _mm512_slli_epi16, _mm512_srli_epi16, _mm512_ternarylogic_epi32, _mm512_unpackhi_epi32,
        _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
    },
    ptr,
};

use exact::{DISTANCES, DOTS};

use crate::{
    bounds::{CodedQuery, Measured},
    decimal,
    select::Bounds,
};

use super::{
    BLOCK_ROWS, CodedRow, EXACT_ROWS, Encoded, FIRST_ROWS, Kernels, Line, PANEL_ROWS, Planes, Quad, Sums, portable,
};

/// A kernel as an entry of the table, which says nothing of the features that it needs.
macro_rules! on_this_cpu {
    ($kernel:expr, $($argument:ident),+) => {
        |$($argument),+| {
            // SAFETY: `avx2`, `avx512` and `vbmi2` hand out their table only where the CPU has the features of its kernels.
            unsafe { $kernel($($argument),+) }
        }
    };
}

/// The set, if this CPU can run it.
pub(super) fn avx2() -> Option<&'static Kernels> {
    (is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt"))
    .then_some(&AVX2)
}

/// The set, if this CPU can run it.
pub(super) fn avx512() -> Option<&'static Kernels> {
    (is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni")
        && avx2().is_some())
    .then_some(&AVX512)
}

/// The set, if this CPU can run it.
pub(super) fn vbmi2() -> Option<&'static Kernels> {
    (is_x86_feature_detected!("avx512vbmi2") && is_x86_feature_detected!("popcnt") && avx512().is_some())
        .then_some(&VBMI2)
}

static AVX2: Kernels = Kernels {
    name: "avx2",
    encode_f32: on_this_cpu!(avx2::encode::<f32>, row, halves, lane),
    encode_f64: on_this_cpu!(avx2::encode::<f64>, row, halves, lane),
    planes: on_this_cpu!(avx2::planes, query, upper, lower),
    block_sums: on_this_cpu!(avx2::block_sums, planes, quads, sums),
    many_sums: |planes, quads, sums| portable::one_by_one(AVX2.block_sums, planes, quads, sums),
    reaching: on_this_cpu!(avx2::reaching, query, sums, rows, floor),
    fetch: on_this_cpu!(fetch_lower, row),
    whole_sums: on_this_cpu!(avx2::whole_sums, planes, halves, sums),
    two_whole_sums: |planes, halves, sums| portable::two_by_two(AVX2.whole_sums, planes, halves, sums),
    row_sums: on_this_cpu!(avx2::row_sums, planes, rows),
    bounds: on_this_cpu!(avx2::bounds, query, sums, rows, floor, bounds),
    dots_f32: on_this_cpu!(exact::f32_256::<DOTS>, query, rows),
    dots_f64: on_this_cpu!(exact::f64_256::<DOTS>, query, rows),
    distances_f32: on_this_cpu!(exact::f32_256::<DISTANCES>, query, rows),
    distances_f64: on_this_cpu!(exact::f64_256::<DISTANCES>, query, rows),
    panel_dots_f32: on_this_cpu!(avx2::panel_dots::<f32>, query, panel),
    panel_dots_f64: on_this_cpu!(avx2::panel_dots::<f64>, query, panel),
    panel_distances_f32: on_this_cpu!(avx2::panel_distances::<f32>, query, panel),
    panel_distances_f64: on_this_cpu!(avx2::panel_distances::<f64>, query, panel),
    decimals: on_this_cpu!(decimals, text, start, numbers),
};

static AVX512: Kernels = Kernels {
    name: "avx512",
    encode_f32: on_this_cpu!(avx512::encode::<f32>, row, halves, lane),
    encode_f64: on_this_cpu!(avx512::encode::<f64>, row, halves, lane),
    planes: on_this_cpu!(avx512::planes, query, upper, lower),
    block_sums: on_this_cpu!(avx512::block_sums, planes, quads, sums),
    many_sums: on_this_cpu!(avx512::block_sums, planes, quads, sums),
    reaching: on_this_cpu!(avx512::reaching, query, sums, rows, floor),
    whole_sums: on_this_cpu!(avx512::whole_sums, planes, halves, sums),
    two_whole_sums: on_this_cpu!(avx512::whole_sums, planes, halves, sums),
    row_sums: on_this_cpu!(avx512::row_sums, planes, rows),
    bounds: on_this_cpu!(avx512::bounds, query, sums, rows, floor, bounds),
    dots_f32: on_this_cpu!(exact::f32_512::<DOTS>, query, rows),
    dots_f64: on_this_cpu!(exact::f64_512::<DOTS>, query, rows),
    distances_f32: on_this_cpu!(exact::f32_512::<DISTANCES>, query, rows),
    distances_f64: on_this_cpu!(exact::f64_512::<DISTANCES>, query, rows),
    panel_dots_f32: on_this_cpu!(avx512::panel_dots::<f32>, query, panel),
    panel_dots_f64: on_this_cpu!(avx512::panel_dots::<f64>, query, panel),
    panel_distances_f32: on_this_cpu!(avx512::panel_distances::<f32>, query, panel),
    panel_distances_f64: on_this_cpu!(avx512::panel_distances::<f64>, query, panel),
    ..AVX2
};

static VBMI2: Kernels =
    Kernels { name: "vbmi2", decimals: on_this_cpu!(decimals::decimals, text, start, numbers), ..AVX512 };

/// How far ahead codes are fetched, in lines: the CPU fetches ahead by itself, but not beyond a page of memory.
const AHEAD: usize = 128;

/// The loops of `portable` for given features, and around `upper` and `whole` those over a block's rows. Nothing here goes through
/// closures of the standard library's functions on arrays: they don't have the features, so nothing is inlined into them.
macro_rules! with_features {
    ($set:ident, $features:literal, $upper:ident, $whole:ident) => {
        mod $set {
            use super::{super::Number, *};

            #[target_feature(enable = $features)]
            pub(super) fn encode<T: Number>(row: &[T], halves: [&mut [Quad]; 2], lane: usize) -> Encoded {
                portable::encode(row, halves, lane)
            }

            #[target_feature(enable = $features)]
            pub(super) fn planes(query: &[f64], upper: &mut [Line<i8>], lower: &mut [Line<i8>]) -> Planes {
                portable::planes(query, upper, lower)
            }

            #[target_feature(enable = $features)]
            pub(super) fn panel_dots<T: Number>(query: &[f64], panel: &[T]) -> [f64; PANEL_ROWS] {
                portable::panel_dots(query, panel)
            }

            #[target_feature(enable = $features)]
            pub(super) fn panel_distances<T: Number>(query: &[f64], panel: &[T]) -> [f64; PANEL_ROWS] {
                portable::panel_distances(query, panel)
            }

            #[target_feature(enable = $features)]
            pub(super) fn block_sums<const PLANES: usize>(
                planes: [&[Line<i8>]; PLANES],
                quads: &[Quad],
                sums: &mut Sums<PLANES>,
            ) {
                for (group, quads) in portable::quads_of_rows(&planes, quads).enumerate() {
                    for (sums, found) in sums.iter_mut().zip($upper(planes, quads)) {
                        sums.as_chunks_mut().0[group] = found;
                    }
                }
            }

            #[target_feature(enable = $features)]
            pub(super) fn reaching(
                query: &CodedQuery,
                sums: &[i32; BLOCK_ROWS],
                rows: Measured<&[f32], &[f64]>,
                floor: f64,
            ) -> u64 {
                query.reaching(sums, rows, floor)
            }

            #[target_feature(enable = $features)]
            pub(super) fn whole_sums<const PLANES: usize>(
                planes: [&[Line<i8>]; PLANES],
                [upper, lower]: [&[Quad]; 2],
                sums: &mut Sums<PLANES>,
            ) {
                let quads = portable::quads_of_rows(&planes, upper).zip(portable::quads_of_rows(&planes, lower));
                for (group, (upper, lower)) in quads.enumerate() {
                    let found = $whole(planes, |line, row| [&upper[line][row], &lower[line][row]]);
                    for (sums, found) in sums.iter_mut().zip(found) {
                        sums.as_chunks_mut().0[group] = found;
                    }
                }
            }

            #[target_feature(enable = $features)]
            pub(super) fn row_sums(planes: [&[Line<i8>]; 2], rows: &[CodedRow; FIRST_ROWS]) -> [[i32; FIRST_ROWS]; 2] {
                $whole(planes, |line, row| {
                    let CodedRow { halves: [upper, lower], lane } = rows[row];
                    [&upper[line][lane], &lower[line][lane]]
                })
            }

            #[target_feature(enable = $features)]
            pub(super) fn bounds(
                query: &CodedQuery,
                sums: [&[i32]; 2],
                rows: Measured<&[f32], &[f64]>,
                floor: f64,
                bounds: &mut [Bounds],
            ) -> u64 {
                query.bounds(sums, rows, floor, bounds)
            }
        }
    };
}

with_features!(avx2, "avx2", upper_256, whole_256);
with_features!(avx512, "avx2,avx512f,avx512bw,avx512vl,avx512vnni", upper_512, whole_512);

/// The sums of the upper halves of four rows, half a line at a time: products of 4 bits with 8 can't saturate.
#[inline]
#[target_feature(enable = "avx2")]
fn upper_256<const PLANES: usize>(planes: [&[Line<i8>]; PLANES], quads: &[Quad]) -> [[i32; FIRST_ROWS]; PLANES] {
    let (mask, ones) = (_mm256_set1_epi8(0x0f), _mm256_set1_epi16(1));
    let mut sums = [[_mm256_setzero_si256(); FIRST_ROWS]; PLANES];
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
    let mut found = [[0; FIRST_ROWS]; PLANES];
    for (found, sums) in found.iter_mut().zip(sums) {
        *found = totals(sums);
    }
    found
}

/// The sums of whole codes of four rows, of which `lines_of` gives both halves; 16 codes are widened to 16 bits at a time.
#[inline]
#[target_feature(enable = "avx2")]
fn whole_256<'a, const PLANES: usize>(
    planes: [&[Line<i8>]; PLANES],
    lines_of: impl Fn(usize, usize) -> [&'a Line<u8>; 2],
) -> [[i32; FIRST_ROWS]; PLANES] {
    let (first_mask, next_mask) = (_mm_set1_epi8(0xf0_u8.cast_signed()), _mm_set1_epi8(0x0f));
    let mut sums = [[_mm256_setzero_si256(); FIRST_ROWS]; PLANES];
    for line in 0..planes[0].len() / 2 {
        for part in 0..4 {
            // SAFETY: a line has 64 bytes and begins at a multiple of 64; each part has 16.
            let load = |line: *const __m128i| unsafe { _mm_load_si128(line.add(part)) };
            let mut codes = [[_mm256_setzero_si256(); FIRST_ROWS]; 2];
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
    let mut found = [[0; FIRST_ROWS]; PLANES];
    for (found, sums) in found.iter_mut().zip(sums) {
        *found = totals(sums);
    }
    found
}

/// The sums of the upper halves of four rows: each is loaded once for all planes.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
fn upper_512<const PLANES: usize>(planes: [&[Line<i8>]; PLANES], quads: &[Quad]) -> [[i32; FIRST_ROWS]; PLANES] {
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
fn whole_512<'a, const PLANES: usize>(
    planes: [&[Line<i8>]; PLANES],
    lines_of: impl Fn(usize, usize) -> [&'a Line<u8>; 2],
) -> [[i32; FIRST_ROWS]; PLANES] {
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
) -> [[i32; FIRST_ROWS]; PLANES] {
    let mut sums = [[[_mm512_setzero_si512(); FIRST_ROWS]; EACH]; PLANES];
    for line in 0..planes[0].len() / 2 {
        let mut codes = [[_mm512_setzero_si512(); 2]; FIRST_ROWS];
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
    let mut found = [[0; FIRST_ROWS]; PLANES];
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
fn fetch_lower(CodedRow { halves: [_, lower], lane }: CodedRow) {
    for quad in lower {
        fetch(ptr::from_ref(&quad[lane]));
    }
}

/// The total of each register's numbers.
#[inline]
#[target_feature(enable = "avx2")]
fn totals([a, b, c, d]: [__m256i; 4]) -> [i32; 4] {
    // `hadd` adds neighbours within each half.
    let neighbours = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    let totals = _mm_add_epi32(_mm256_castsi256_si128(neighbours), _mm256_extracti128_si256::<1>(neighbours));
    // SAFETY: the register holds four numbers of 32 bits, in order.
    unsafe { std::mem::transmute::<__m128i, [i32; 4]>(totals) }
}

/// Reads decimal numbers.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn decimals(text: &[u8], start: usize, numbers: &mut Vec<f64>) -> usize {
    decimal::read(text, start, numbers, |bytes| commas(bytes), |bytes, keep| sixteen(bytes, keep))
}

/// Where there are commas, as bits.
#[target_feature(enable = "avx2")]
fn commas(bytes: &[u8; 64]) -> u64 {
    let mut bits = 0;
    for (half, bytes) in bytes.as_chunks::<32>().0.iter().enumerate() {
        // SAFETY: 32 bytes are read from 32.
        let bytes = unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) };
        let equal = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b','.cast_signed()));
        bits |= u64::from(_mm256_movemask_epi8(equal).cast_unsigned()) << (32 * half);
    }
    bits
}

/// The number that 16 digits make: of pairs, of fours, of eights, of all.
#[target_feature(enable = "avx2")]
fn sixteen(bytes: &[u8; 16], keep: &[u8; 16]) -> Option<u64> {
    // SAFETY: 16 bytes are read from 16.
    let load = |bytes: &[u8; 16]| unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
    let digits = _mm_and_si128(_mm_xor_si128(load(bytes), _mm_set1_epi8(b'0'.cast_signed())), load(keep));
    let above = _mm_subs_epu8(digits, _mm_set1_epi8(9));
    if _mm_testz_si128(above, above) == 0 {
        return None;
    }
    let pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(10 + (1 << 8)));
    let fours = _mm_madd_epi16(pairs, _mm_set1_epi32(100 + (1 << 16)));
    let eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), _mm_set1_epi32(10_000 + (1 << 16)));
    let both = _mm_cvtsi128_si64(eights).cast_unsigned();
    Some((both & 0xffff_ffff) * 100_000_000 + (both >> 32))
}
