//! Kernels for AVX2, and for AVX-512 with VNNI where that pays.

mod exact;

use std::{
    arch::x86_64::{
        __m128i, __m256i, __m512i, _MM_HINT_T0, _mm_add_epi32, _mm_and_si128, _mm_cvtsi128_si64, _mm_load_si128,
        _mm_loadu_si128, _mm_madd_epi16, _mm_maddubs_epi16, _mm_packus_epi32, _mm_prefetch, _mm_set1_epi8,
        _mm_set1_epi16, _mm_set1_epi32, _mm_subs_epu8, _mm_testz_si128, _mm_xor_si128, _mm256_add_epi32,
        _mm256_castsi256_si128, _mm256_cmpeq_epi8, _mm256_cvtepi8_epi16, _mm256_cvtepu8_epi16,
        _mm256_extracti128_si256, _mm256_hadd_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_movemask_epi8,
        _mm256_set1_epi8, _mm256_setzero_si256, _mm512_castsi512_si256, _mm512_dpbusd_epi32, _mm512_extracti64x4_epi64,
        _mm512_load_si512, _mm512_setzero_si512,
    },
    ptr,
};

use exact::{DISTANCES, DOTS};

use crate::{
    bounds::{FirstPass, Measured, Precision},
    decimal,
};

use super::{CodedRow, EXACT_ROWS, Encoded, FIRST_ROWS, Kernels, Line, PANEL_ROWS, Planes, Quad, Sums, portable};

/// A kernel as an entry of the table, which says nothing of the features that it needs.
macro_rules! on_this_cpu {
    ($kernel:expr, $($argument:ident),+) => {
        |$($argument),+| {
            // SAFETY: `avx2` and `avx512` hand out their table only where the CPU has the features of its kernels.
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

static AVX2: Kernels = Kernels {
    name: "avx2",
    encode_f32: on_this_cpu!(avx2::encode::<f32>, row, quads, lane),
    encode_f64: on_this_cpu!(avx2::encode::<f64>, row, quads, lane),
    planes: on_this_cpu!(avx2::planes, query, upper, lower),
    // Widening the codes is half of the work, and the second plane would be half as much again.
    block_sums: |planes, quads, sums| {
        let upper = sums.as_chunks_mut::<1>().0;
        // SAFETY: as above.
        unsafe { avx2::block_sums([planes[0]], quads, &mut upper[0]) };
        Precision::Upper
    },
    many_sums: |planes, quads, sums| portable::one_by_one(AVX2.block_sums, planes, quads, sums),
    row_sums: on_this_cpu!(avx2::row_sums, planes, rows),
    reaching: on_this_cpu!(avx2::reaching, first, precision, sums, rows, floor),
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
    encode_f32: on_this_cpu!(avx512::encode::<f32>, row, quads, lane),
    encode_f64: on_this_cpu!(avx512::encode::<f64>, row, quads, lane),
    planes: on_this_cpu!(avx512::planes, query, upper, lower),
    // Waiting for the codes takes longer than multiplying them twice.
    block_sums: |planes, quads, sums| {
        // SAFETY: as above.
        unsafe { avx512::block_sums(planes, quads, sums) };
        Precision::Both
    },
    many_sums: on_this_cpu!(avx512::block_sums, planes, quads, sums),
    row_sums: on_this_cpu!(avx512::row_sums, planes, rows),
    reaching: on_this_cpu!(avx512::reaching, first, precision, sums, rows, floor),
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

/// How far ahead codes are fetched, in lines: the CPU fetches ahead by itself, but not beyond a page of memory.
const AHEAD: usize = 128;

/// The loops of `portable` for given features, and around `sums` those over rows. Nothing here goes through closures of
/// the standard library's functions on arrays: they don't have the features, so nothing is inlined into them.
macro_rules! with_features {
    ($set:ident, $features:literal, $sums:ident) => {
        mod $set {
            use super::{super::Number, *};

            #[target_feature(enable = $features)]
            pub(super) fn encode<T: Number>(row: &[T], quads: &mut [Quad], lane: usize) -> Encoded {
                portable::encode(row, quads, lane)
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
                    let line = |row: usize, line: usize| {
                        fetch(&quads[line][row]);
                        &quads[line][row]
                    };
                    for (sums, found) in sums.iter_mut().zip($sums(planes, line)) {
                        sums.as_chunks_mut().0[group] = found;
                    }
                }
            }

            #[target_feature(enable = $features)]
            pub(super) fn row_sums(planes: [&[Line<i8>]; 2], rows: [CodedRow; FIRST_ROWS]) -> [[i32; FIRST_ROWS]; 2] {
                $sums(planes, |row, line| &rows[row].quads[line][rows[row].lane])
            }

            #[target_feature(enable = $features)]
            pub(super) fn reaching(
                first: &FirstPass,
                precision: Precision,
                sums: [&[i32]; 2],
                rows: Measured,
                floor: f64,
            ) -> u64 {
                first.reaching(precision, sums, rows, floor)
            }
        }
    };
}

with_features!(avx2, "avx2", sums_256);
with_features!(avx512, "avx2,avx512f,avx512bw,avx512vl,avx512vnni", sums_512);

/// The sums of four rows, whose lines `line_of` gives, 16 codes widened to 16 bits at a time. `maddubs` would take 32 at
/// once, but saturates.
#[inline]
#[target_feature(enable = "avx2")]
fn sums_256<'a, const PLANES: usize>(
    planes: [&[Line<i8>]; PLANES],
    line_of: impl Fn(usize, usize) -> &'a Line<u8>,
) -> [[i32; FIRST_ROWS]; PLANES] {
    let mut sums = [[_mm256_setzero_si256(); FIRST_ROWS]; PLANES];
    for line in 0..planes[0].len() {
        let mut rows = [line_of(0, line); FIRST_ROWS];
        for (row, codes) in rows.iter_mut().enumerate().skip(1) {
            *codes = line_of(row, line);
        }
        for part in 0..4 {
            let mut widened = [_mm256_setzero_si256(); FIRST_ROWS];
            for (widened, codes) in widened.iter_mut().zip(rows) {
                // SAFETY: a line has 64 bytes and begins at a multiple of 64; each part has 16.
                let codes = unsafe { _mm_load_si128(ptr::from_ref(codes).cast::<__m128i>().add(part)) };
                *widened = _mm256_cvtepu8_epi16(codes);
            }
            for (sums, plane) in sums.iter_mut().zip(planes) {
                // SAFETY: as above.
                let plane = unsafe { _mm_load_si128(ptr::from_ref(&plane[line]).cast::<__m128i>().add(part)) };
                let plane = _mm256_cvtepi8_epi16(plane);
                for (sum, codes) in sums.iter_mut().zip(widened) {
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(codes, plane));
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

/// The sums of four rows, whose lines `line_of` gives: each is loaded once for all planes.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512vnni")]
fn sums_512<'a, const PLANES: usize>(
    planes: [&[Line<i8>]; PLANES],
    line_of: impl Fn(usize, usize) -> &'a Line<u8>,
) -> [[i32; FIRST_ROWS]; PLANES] {
    let mut sums = [[_mm512_setzero_si512(); FIRST_ROWS]; PLANES];
    for line in 0..planes[0].len() {
        let mut codes = [_mm512_setzero_si512(); FIRST_ROWS];
        for (row, codes) in codes.iter_mut().enumerate() {
            // SAFETY: a line has 64 bytes and begins at a multiple of 64.
            *codes = unsafe { _mm512_load_si512(ptr::from_ref(line_of(row, line)).cast::<__m512i>()) };
        }
        for (sums, plane) in sums.iter_mut().zip(planes) {
            // SAFETY: as above.
            let plane = unsafe { _mm512_load_si512(ptr::from_ref(&plane[line]).cast::<__m512i>()) };
            for (sum, codes) in sums.iter_mut().zip(codes) {
                *sum = _mm512_dpbusd_epi32(*sum, codes, plane);
            }
        }
    }
    let mut found = [[0; FIRST_ROWS]; PLANES];
    for (found, sums) in found.iter_mut().zip(sums) {
        *found = totals(folded(sums));
    }
    found
}

/// The upper half of each register added to the lower.
#[inline]
#[target_feature(enable = "avx2,avx512f")]
fn folded(sums: [__m512i; 4]) -> [__m256i; 4] {
    let mut halves = [_mm256_setzero_si256(); 4];
    for (half, sum) in halves.iter_mut().zip(sums) {
        *half = _mm256_add_epi32(_mm512_castsi512_si256(sum), _mm512_extracti64x4_epi64::<1>(sum));
    }
    halves
}

/// Fetches the codes some way ahead; an address past the end does no harm.
#[inline]
#[target_feature(enable = "avx2")]
fn fetch(line: &Line<u8>) {
    _mm_prefetch::<_MM_HINT_T0>(ptr::from_ref(line).wrapping_add(AHEAD).cast());
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
