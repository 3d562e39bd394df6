//! Kernels for ARM: with NEON, which every such CPU of 64 bits has, and with its dot products where there are any. The
//! loops of `portable` that aren't here are NEON's as they are, by the compiler.

use std::{
    arch::{
        aarch64::{
            float64x2_t, int8x16_t, int32x4_t, uint8x16_t, vaddq_f64, vaddq_s32, vaddvq_s32, vandq_u8, vcvt_f64_f32,
            vdupq_n_f64, vdupq_n_s8, vdupq_n_s32, vdupq_n_u8, veorq_u8, vfmaq_f64, vget_low_s8, vld1_f32, vld1q_f64,
            vld1q_u8, vmull_high_s8, vmull_s8, vmulq_f64, vpaddlq_s16, vpaddq_s32, vreinterpretq_s8_s32,
            vreinterpretq_s8_u8, vshlq_u8, vst1q_f64, vst1q_s32, vsubq_f64, vzip1q_f64, vzip2q_f64,
        },
        asm, is_aarch64_feature_detected,
    },
    ptr,
};

use super::{EXACT_ROWS, Kernels, Line, Number, QUAD_ROWS, STRIP_ROWS, Sums, portable};

/// A kernel as an entry of the table, which says nothing of the features that it needs.
macro_rules! on_this_cpu {
    ($kernel:expr, $($argument:ident),+) => {
        |$($argument),+| {
            // SAFETY: every CPU has NEON, and `dotprod` hands out its table only where the CPU has those.
            unsafe { $kernel($($argument),+) }
        }
    };
}

/// The set of every CPU.
pub(super) static NEON: Kernels = Kernels {
    name: "neon",
    strip_sums: on_this_cpu!(neon::strip_sums, planes, halves, sums),
    many_sums: |planes, halves, sums| portable::one_by_one(NEON.strip_sums, planes, halves, sums),
    one_plane_sums: on_this_cpu!(neon::block_sums::<1>, planes, block, sums),
    two_plane_sums: on_this_cpu!(neon::block_sums::<2>, planes, block, sums),
    four_plane_sums: |planes, block, sums| portable::two_by_two(NEON.two_plane_sums, planes, block, sums),
    row_sums: on_this_cpu!(neon::row_sums, planes, rows, sums),
    dots_f32: on_this_cpu!(exact::<f32, DOTS>, query, rows),
    narrow_dots: on_this_cpu!(exact::<f32, NARROW_DOTS>, query, rows),
    narrow_panel_dots: portable::narrow_panel_dots,
    dots_f64: on_this_cpu!(exact::<f64, DOTS>, query, rows),
    distances_f32: on_this_cpu!(exact::<f32, DISTANCES>, query, rows),
    distances_f64: on_this_cpu!(exact::<f64, DISTANCES>, query, rows),
    ..portable::KERNELS
};

/// The set of CPUs with dot products, if this is one.
pub(super) fn dotprod() -> Option<&'static Kernels> {
    is_aarch64_feature_detected!("dotprod").then_some(&DOTPROD)
}

static DOTPROD: Kernels = Kernels {
    name: "dotprod",
    strip_sums: on_this_cpu!(dotprod::strip_sums, planes, halves, sums),
    many_sums: |planes, halves, sums| portable::one_by_one(DOTPROD.strip_sums, planes, halves, sums),
    one_plane_sums: on_this_cpu!(dotprod::block_sums::<1>, planes, block, sums),
    two_plane_sums: on_this_cpu!(dotprod::block_sums::<2>, planes, block, sums),
    four_plane_sums: |planes, block, sums| portable::two_by_two(DOTPROD.two_plane_sums, planes, block, sums),
    row_sums: on_this_cpu!(dotprod::row_sums, planes, rows, sums),
    ..NEON
};

/// The loops over rows and codes around `$add`, which adds the products of four codes each to four sums.
macro_rules! with_products {
    ($set:ident, $features:literal, $add:ident) => {
        mod $set {
            use super::*;

            #[target_feature(enable = $features)]
            pub(super) fn strip_sums(planes: [&[Line<i8>]; 1], halves: &[&[Line<u8>]], [sums]: [&mut Sums; 1]) {
                portable::half_by_half(halves, sums, |half, sums| {
                    portable::by_strips(planes, [half], [sums], |[strip]| [strip_sum(planes[0], strip)]);
                });
            }

            /// The sums of two bits of a strip.
            #[inline]
            #[target_feature(enable = $features)]
            fn strip_sum(plane: &[Line<i8>], strip: &[Line<u8>]) -> [i32; STRIP_ROWS] {
                let mut sums = [vdupq_n_s32(0); 4];
                for (columns, line) in portable::columns_of(plane).zip(strip) {
                    for (part, column) in columns.as_chunks::<4>().0.iter().enumerate() {
                        let column = i32::from_le_bytes(column.map(i8::cast_unsigned));
                        let column = vreinterpretq_s8_s32(vdupq_n_s32(column));
                        let down = vdupq_n_s8([0, -2, -4, -6][part]);
                        for (rows, sum) in sums.iter_mut().enumerate() {
                            let codes = vandq_u8(vshlq_u8(load(line, rows), down), vdupq_n_u8(3));
                            *sum = $add(*sum, vreinterpretq_s8_u8(codes), column);
                        }
                    }
                }
                let mut found = [0; STRIP_ROWS];
                for (found, sum) in found.as_chunks_mut::<4>().0.iter_mut().zip(sums) {
                    // SAFETY: four numbers are written to four.
                    unsafe { vst1q_s32(found.as_mut_ptr(), sum) };
                }
                found
            }

            #[target_feature(enable = $features)]
            pub(super) fn block_sums<const PLANES: usize>(
                planes: [&[Line<i8>]; PLANES],
                block: &[Line<u8>],
                sums: [&mut Sums; PLANES],
            ) {
                let offsets = offsets(planes);
                portable::by_neighbours(planes, block, sums, |planes, rows| fine(planes, rows, offsets));
            }

            #[target_feature(enable = $features)]
            pub(super) fn row_sums(planes: [&[Line<i8>]; 2], rows: &[&[Line<u8>]], sums: [&mut Sums; 2]) {
                let offsets = offsets(planes);
                portable::by_quads(
                    planes,
                    rows.len(),
                    |index| rows[index],
                    sums,
                    |planes, rows| fine(planes, rows, offsets),
                );
            }

            /// The sums of fine codes of four rows.
            #[inline]
            #[target_feature(enable = $features)]
            fn fine<const PLANES: usize>(
                planes: [&[Line<i8>]; PLANES],
                rows: [&[Line<u8>]; QUAD_ROWS],
                offsets: [i32; PLANES],
            ) -> [[i32; QUAD_ROWS]; PLANES] {
                let mut sums = [[vdupq_n_s32(0); QUAD_ROWS]; PLANES];
                for line in 0..planes[0].len() {
                    for part in 0..4 {
                        for (row, codes) in rows.iter().enumerate() {
                            let codes = veorq_u8(load(&codes[line], part), vdupq_n_u8(128));
                            for (sums, plane) in sums.iter_mut().zip(planes) {
                                let plane = vreinterpretq_s8_u8(load(&plane[line], part));
                                sums[row] = $add(sums[row], vreinterpretq_s8_u8(codes), plane);
                            }
                        }
                    }
                }
                let mut found = [[0; QUAD_ROWS]; PLANES];
                for ((found, sums), offset) in found.iter_mut().zip(sums).zip(offsets) {
                    for (found, sum) in found.iter_mut().zip(sums) {
                        *found = vaddvq_s32(sum) + offset;
                    }
                }
                found
            }
        }
    };
}

with_products!(neon, "neon", multiplied);
with_products!(dotprod, "neon,dotprod", dotted);

/// The part that the sums of fine codes lack of each plane. The instructions multiply numbers with a sign, and codes
/// have none: 128 is taken from each code, and 128 times the plane's sum is added at the end.
fn offsets<const PLANES: usize>(planes: [&[Line<i8>]; PLANES]) -> [i32; PLANES] {
    planes.map(|plane| 128 * plane.iter().flat_map(|line| line.0).map(i32::from).sum::<i32>())
}

/// A quarter of a line.
#[inline]
#[target_feature(enable = "neon")]
fn load<T>(line: &Line<T>, part: usize) -> uint8x16_t {
    const { assert!(size_of::<Line<T>>() == 64) };
    assert!(part < 4);
    // SAFETY: a line has 64 bytes; each part has 16.
    unsafe { vld1q_u8(ptr::from_ref(line).cast::<u8>().add(16 * part)) }
}

/// By way of 16 bits, into which each product fits, and two don't.
#[inline]
#[target_feature(enable = "neon")]
fn multiplied(sums: int32x4_t, codes: int8x16_t, plane: int8x16_t) -> int32x4_t {
    let lower = vpaddlq_s16(vmull_s8(vget_low_s8(codes), vget_low_s8(plane)));
    vaddq_s32(sums, vpaddq_s32(lower, vpaddlq_s16(vmull_high_s8(codes, plane))))
}

/// By the instruction for it, to which stable Rust gives no name.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dotted(mut sums: int32x4_t, codes: int8x16_t, plane: int8x16_t) -> int32x4_t {
    // SAFETY: it reads and writes nothing but these registers.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {codes:v}.16b, {plane:v}.16b",
            sums = inout(vreg) sums, codes = in(vreg) codes, plane = in(vreg) plane,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sums
}

const DOTS: u8 = 0;
const DISTANCES: u8 = 1;

/// Products that float64 holds exactly: to add one in the same step is to add it in the next.
const NARROW_DOTS: u8 = 2;

/// Two numbers side by side, as float64.
trait Pair: Number {
    fn pair(numbers: &[Self; 2]) -> float64x2_t;
}

impl Pair for f32 {
    #[inline]
    fn pair(numbers: &[Self; 2]) -> float64x2_t {
        // SAFETY: two numbers are read from two, and every CPU has NEON.
        unsafe { vcvt_f64_f32(vld1_f32(numbers.as_ptr())) }
    }
}

impl Pair for f64 {
    #[inline]
    fn pair(numbers: &[Self; 2]) -> float64x2_t {
        // SAFETY: as above.
        unsafe { vld1q_f64(numbers.as_ptr()) }
    }
}

/// The sums of rows in the reference's order: a register holds those of two rows, and takes two columns, turned, at a time.
#[target_feature(enable = "neon")]
fn exact<T: Pair, const OF: u8>(query: &[f64], rows: [&[T]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
    let step = |sum, a, column| match OF {
        NARROW_DOTS => vfmaq_f64(sum, a, column),
        DISTANCES => {
            let difference = vsubq_f64(a, column);
            vaddq_f64(sum, vmulq_f64(difference, difference))
        }
        _ => vaddq_f64(sum, vmulq_f64(a, column)),
    };
    let rows = rows.map(|row| &row[..query.len()]);
    let mut sums = [vdupq_n_f64(0.0); EXACT_ROWS / 2];
    let (pairs, last) = query.as_chunks::<2>();
    for (index, &[first, second]) in pairs.iter().enumerate() {
        let (first, second) = (vdupq_n_f64(first), vdupq_n_f64(second));
        for (sum, [upper, lower]) in sums.iter_mut().zip(rows.as_chunks().0) {
            let (upper, lower) = (T::pair(&upper.as_chunks().0[index]), T::pair(&lower.as_chunks().0[index]));
            *sum = step(*sum, first, vzip1q_f64(upper, lower));
            *sum = step(*sum, second, vzip2q_f64(upper, lower));
        }
    }
    if let &[last] = last {
        let at = query.len() - 1;
        for (sum, [upper, lower]) in sums.iter_mut().zip(rows.as_chunks().0) {
            *sum = step(*sum, vdupq_n_f64(last), f64::pair(&[upper[at].into(), lower[at].into()]));
        }
    }
    let mut found = [0.0; EXACT_ROWS];
    for (found, sum) in found.as_chunks_mut::<2>().0.iter_mut().zip(sums) {
        // SAFETY: two numbers are written to two.
        unsafe { vst1q_f64(found.as_mut_ptr(), sum) };
    }
    found
}
