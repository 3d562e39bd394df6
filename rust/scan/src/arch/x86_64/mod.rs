//! Kernels for AVX2, and for AVX-512 with VNNI and with VBMI2 where those pay.

mod decimals;
mod exact;
mod sums;

use std::arch::x86_64::{
    __cpuid, _mm_and_si128, _mm_cvtsi128_si64, _mm_loadu_si128, _mm_madd_epi16, _mm_maddubs_epi16, _mm_packus_epi32,
    _mm_set1_epi8, _mm_set1_epi16, _mm_set1_epi32, _mm_subs_epu8, _mm_testz_si128, _mm_xor_si128, _mm256_cmpeq_epi8,
    _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_set1_epi8,
};

use exact::{DISTANCES, DOTS, NARROW_DOTS};
use sums::{fetch_row, fine_256, fine_512, strip_sums_256, strip_sums_512};

use crate::{
    bounds::{CodedQuery, Measured, Precision},
    decimal,
};

use super::{
    BLOCK_ROWS, EXACT_ROWS, Encoded, FIRST_QUERIES, Kernels, Line, Merits, OUTLINE, PANEL_ROWS, Place, Planes, Sums,
    portable,
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
        && is_x86_feature_detected!("fma")
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

/// The set, if this CPU is one that it is for: of AMD's family 25, Zen 4 alone has AVX-512.
pub(super) fn zen4() -> Option<&'static Kernels> {
    let vendor = __cpuid(0);
    let signature = __cpuid(1).eax;
    let family = (signature >> 8 & 0xf) + (signature >> 20 & 0xff);
    let is_amd = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes).as_flattened() == b"AuthenticAMD";
    (is_amd && family == 25 && vbmi2().is_some()).then_some(&ZEN4)
}

static AVX2: Kernels = Kernels {
    name: "avx2",
    project: on_this_cpu!(avx2::project, rows, matrix, projected),
    encode_f32: on_this_cpu!(avx2::encode::<f32>, row, norm, place),
    encode_f64: on_this_cpu!(avx2::encode::<f64>, row, norm, place),
    planes: on_this_cpu!(avx2::planes, query, upper, lower),
    strip_sums: on_this_cpu!(strip_sums_256, planes, halves, sums),
    many_sums: |planes, halves, sums| portable::one_by_one(AVX2.strip_sums, planes, halves, sums),
    many_share: false,
    merits: on_this_cpu!(avx2::merits, query, precision, sums, rows, counted, merits),
    reaching: on_this_cpu!(avx2::reaching, query, precision, sums, rows, floor),
    fetch: on_this_cpu!(fetch_row, row),
    one_plane_sums: on_this_cpu!(avx2::block_sums::<1>, planes, block, sums),
    two_plane_sums: on_this_cpu!(avx2::block_sums::<2>, planes, block, sums),
    four_plane_sums: |planes, block, sums| portable::two_by_two(AVX2.two_plane_sums, planes, block, sums),
    row_sums: on_this_cpu!(avx2::row_sums, planes, rows, sums),
    bounds: on_this_cpu!(avx2::bounds, query, sums, rows, floor, bounds),
    dots_f32: on_this_cpu!(exact::f32_256::<DOTS>, query, rows),
    narrow_dots: on_this_cpu!(exact::f32_256::<NARROW_DOTS>, query, rows),
    dots_f64: on_this_cpu!(exact::f64_256::<DOTS>, query, rows),
    distances_f32: on_this_cpu!(exact::f32_256::<DISTANCES>, query, rows),
    distances_f64: on_this_cpu!(exact::f64_256::<DISTANCES>, query, rows),
    panel_dots_f32: on_this_cpu!(avx2::panel_dots::<f32>, query, panel),
    narrow_panel_dots: on_this_cpu!(avx2::narrow_panel_dots, query, panel),
    panel_dots_f64: on_this_cpu!(avx2::panel_dots::<f64>, query, panel),
    panel_distances_f32: on_this_cpu!(avx2::panel_distances::<f32>, query, panel),
    panel_distances_f64: on_this_cpu!(avx2::panel_distances::<f64>, query, panel),
    decimals: on_this_cpu!(decimals, text, start, numbers),
};

static AVX512: Kernels = Kernels {
    name: "avx512",
    project: on_this_cpu!(avx512::project, rows, matrix, projected),
    encode_f32: on_this_cpu!(avx512::encode::<f32>, row, norm, place),
    encode_f64: on_this_cpu!(avx512::encode::<f64>, row, norm, place),
    planes: on_this_cpu!(avx512::planes, query, upper, lower),
    strip_sums: on_this_cpu!(strip_sums_512::<1, 2>, planes, halves, sums),
    many_sums: on_this_cpu!(strip_sums_512::<FIRST_QUERIES, 1>, planes, halves, sums),
    many_share: true,
    merits: on_this_cpu!(avx512::merits, query, precision, sums, rows, counted, merits),
    reaching: on_this_cpu!(avx512::reaching, query, precision, sums, rows, floor),
    one_plane_sums: on_this_cpu!(avx512::block_sums::<1>, planes, block, sums),
    two_plane_sums: on_this_cpu!(avx512::block_sums::<2>, planes, block, sums),
    four_plane_sums: on_this_cpu!(avx512::block_sums::<4>, planes, block, sums),
    row_sums: on_this_cpu!(avx512::row_sums, planes, rows, sums),
    bounds: on_this_cpu!(avx512::bounds, query, sums, rows, floor, bounds),
    dots_f32: on_this_cpu!(exact::f32_512::<DOTS>, query, rows),
    narrow_dots: on_this_cpu!(exact::f32_512::<NARROW_DOTS>, query, rows),
    dots_f64: on_this_cpu!(exact::f64_512::<DOTS>, query, rows),
    distances_f32: on_this_cpu!(exact::f32_512::<DISTANCES>, query, rows),
    distances_f64: on_this_cpu!(exact::f64_512::<DISTANCES>, query, rows),
    panel_dots_f32: on_this_cpu!(avx512::panel_dots::<f32>, query, panel),
    narrow_panel_dots: on_this_cpu!(avx512::narrow_panel_dots, query, panel),
    panel_dots_f64: on_this_cpu!(avx512::panel_dots::<f64>, query, panel),
    panel_distances_f32: on_this_cpu!(avx512::panel_distances::<f32>, query, panel),
    panel_distances_f64: on_this_cpu!(avx512::panel_distances::<f64>, query, panel),
    ..AVX2
};

static VBMI2: Kernels =
    Kernels { name: "vbmi2", decimals: on_this_cpu!(decimals::decimals, text, start, numbers), ..AVX512 };

/// Zen 4 takes two cycles for 512 bits. It widens float32 numbers faster by 256 bits, a quarter of an exact kernel's time.
static ZEN4: Kernels = Kernels {
    name: "zen4",
    dots_f32: AVX2.dots_f32,
    narrow_dots: AVX2.narrow_dots,
    distances_f32: AVX2.distances_f32,
    panel_dots_f32: AVX2.panel_dots_f32,
    narrow_panel_dots: AVX2.narrow_panel_dots,
    panel_distances_f32: AVX2.panel_distances_f32,
    ..VBMI2
};

/// The loops of `portable` for given features, and around `$fine` those over rows. Nothing here goes through closures of the
/// standard library's functions on arrays: they don't have the features, so nothing is inlined into them.
macro_rules! with_features {
    ($set:ident, $features:literal, $lanes:literal, $fine:ident) => {
        mod $set {
            use super::{super::Number, *};

            #[target_feature(enable = $features)]
            pub(super) fn project(rows: &[&[f32]], matrix: &[[f32; OUTLINE]], projected: &mut [[f32; OUTLINE]]) {
                portable::project::<$lanes>(rows, matrix, projected);
            }

            #[target_feature(enable = $features)]
            pub(super) fn encode<T: Number>(row: &[T], norm: f64, place: Place) -> Encoded {
                portable::encode(row, norm, place)
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
            pub(super) fn narrow_panel_dots(query: &[f64], panel: &[f32]) -> [f64; PANEL_ROWS] {
                portable::narrow_panel_dots(query, panel)
            }

            #[target_feature(enable = $features)]
            pub(super) fn panel_distances<T: Number>(query: &[f64], panel: &[T]) -> [f64; PANEL_ROWS] {
                portable::panel_distances(query, panel)
            }

            #[target_feature(enable = $features)]
            pub(super) fn block_sums<const PLANES: usize>(
                planes: [&[Line<i8>]; PLANES],
                block: &[Line<u8>],
                sums: [&mut Sums; PLANES],
            ) {
                portable::by_neighbours(planes, block, sums, |planes, rows| $fine::<PLANES, true>(planes, rows));
            }

            #[target_feature(enable = $features)]
            pub(super) fn row_sums(planes: [&[Line<i8>]; 2], rows: &[&[Line<u8>]], sums: [&mut Sums; 2]) {
                portable::by_quads(
                    planes,
                    rows.len(),
                    |index| rows[index],
                    sums,
                    |planes, rows| $fine::<2, false>(planes, rows),
                );
            }

            #[target_feature(enable = $features)]
            pub(super) fn merits(
                query: &CodedQuery,
                precision: Precision,
                sums: &Sums,
                rows: Measured<&[f32], &[f64]>,
                counted: u64,
                merits: &mut [f32; BLOCK_ROWS],
            ) -> Merits {
                query.merits(precision, sums, rows, counted, merits)
            }

            #[target_feature(enable = $features)]
            pub(super) fn reaching(
                query: &CodedQuery,
                precision: Precision,
                sums: &Sums,
                rows: Measured<&[f32], &[f64]>,
                floor: f64,
            ) -> u64 {
                query.reaching(precision, sums, rows, floor)
            }

            #[target_feature(enable = $features)]
            pub(super) fn bounds(
                query: &CodedQuery,
                sums: &[Sums; 2],
                rows: Measured<&[f32], &[f64]>,
                floor: f64,
                bounds: [&mut [f64]; 2],
            ) -> u64 {
                query.bounds(sums, rows, floor, bounds)
            }
        }
    };
}

with_features!(avx2, "avx2,fma", 16, fine_256);
with_features!(avx512, "avx2,avx512f,avx512bw,avx512vl,avx512vnni", 32, fine_512);

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
