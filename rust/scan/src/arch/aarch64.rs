//! Kernels for ARM: with NEON, which every such CPU of 64 bits has, and with its dot products where there are any. The
//! loops of `portable` that aren't here are NEON's as they are, by the compiler.

use std::{
    arch::{
        aarch64::{
            float64x2_t, int8x16_t, int32x4_t, uint8x16_t, vaddq_f64, vaddvq_s32, vandq_u8, vcvt_f64_f32, vdupq_n_f64,
            vdupq_n_s8, vdupq_n_s32, vdupq_n_u8, veorq_u8, vget_low_s8, vld1_f32, vld1q_f64, vld1q_u8, vmull_high_s8,
            vmull_s8, vmulq_f64, vpadalq_s16, vreinterpretq_s8_u8, vshrq_n_u8, vsliq_n_u8, vsriq_n_u8, vst1q_f64,
            vsubq_f64, vzip1q_f64, vzip2q_f64,
        },
        asm, is_aarch64_feature_detected,
    },
    ptr,
};

use super::{CodedRow, EXACT_ROWS, Kernels, Line, Number, QUAD_ROWS, Quad, Sums, portable};

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
    block_sums: on_this_cpu!(neon::block_sums, planes, quads, sums),
    many_sums: |planes, quads, sums| portable::one_by_one(NEON.block_sums, planes, quads, sums),
    whole_sums: on_this_cpu!(neon::whole_sums, planes, halves, sums),
    two_whole_sums: |planes, halves, sums| portable::two_by_two(NEON.whole_sums, planes, halves, sums),
    row_sums: on_this_cpu!(neon::row_sums, planes, rows),
    dots_f32: on_this_cpu!(exact::<f32, DOTS>, query, rows),
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
    block_sums: on_this_cpu!(dotprod::block_sums, planes, quads, sums),
    many_sums: on_this_cpu!(dotprod::block_sums, planes, quads, sums),
    whole_sums: on_this_cpu!(dotprod::whole_sums, planes, halves, sums),
    two_whole_sums: |planes, halves, sums| portable::two_by_two(DOTPROD.whole_sums, planes, halves, sums),
    row_sums: on_this_cpu!(dotprod::row_sums, planes, rows),
    ..NEON
};

/// The loops over rows and codes around `$add`, which adds the products of 16 codes to four sums.
macro_rules! with_products {
    ($set:ident, $features:literal, $add:ident) => {
        mod $set {
            use super::*;

            #[target_feature(enable = $features)]
            pub(super) fn block_sums<const PLANES: usize>(
                planes: [&[Line<i8>]; PLANES],
                quads: &[Quad],
                sums: &mut Sums<PLANES>,
            ) {
                portable::by_groups(planes, [quads], sums, |[quads]| {
                    group_sums(planes, |line, row, part| {
                        let codes = load(&quads[line][row], part);
                        let next = vandq_u8(codes, vdupq_n_u8(0x0f));
                        [vreinterpretq_s8_u8(vshrq_n_u8::<4>(codes)), vreinterpretq_s8_u8(next)]
                    })
                });
            }

            #[target_feature(enable = $features)]
            pub(super) fn whole_sums(planes: [&[Line<i8>]; 2], halves: [&[Quad]; 2], sums: &mut Sums<2>) {
                let offsets = offsets(planes);
                portable::by_groups(planes, halves, sums, |[upper, lower]| {
                    let found = group_sums(planes, |line, row, part| whole(&upper[line][row], &lower[line][row], part));
                    raised(found, offsets)
                });
            }

            #[target_feature(enable = $features)]
            pub(super) fn row_sums(planes: [&[Line<i8>]; 2], rows: &[CodedRow; QUAD_ROWS]) -> [[i32; QUAD_ROWS]; 2] {
                let found = group_sums(planes, |line, row, part| {
                    let CodedRow { halves: [upper, lower], lane } = rows[row];
                    whole(&upper[line][lane], &lower[line][lane], part)
                });
                raised(found, offsets(planes))
            }

            /// The sums of four rows, of whose codes `codes_of` gives a quarter of two lines at a time.
            #[inline]
            #[target_feature(enable = $features)]
            fn group_sums<const PLANES: usize>(
                planes: [&[Line<i8>]; PLANES],
                codes_of: impl Fn(usize, usize, usize) -> [int8x16_t; 2],
            ) -> [[i32; QUAD_ROWS]; PLANES] {
                let mut sums = [[vdupq_n_s32(0); QUAD_ROWS]; PLANES];
                for line in 0..planes[0].len() / 2 {
                    for part in 0..4 {
                        let mut codes = [[vdupq_n_s8(0); 2]; QUAD_ROWS];
                        for (row, codes) in codes.iter_mut().enumerate() {
                            *codes = codes_of(line, row, part);
                        }
                        for (sums, plane) in sums.iter_mut().zip(planes) {
                            for half in 0..2 {
                                let plane = vreinterpretq_s8_u8(load(&plane[2 * line + half], part));
                                for (sum, codes) in sums.iter_mut().zip(codes) {
                                    *sum = $add(*sum, codes[half], plane);
                                }
                            }
                        }
                    }
                }
                let mut found = [[0; QUAD_ROWS]; PLANES];
                for (found, sums) in found.iter_mut().zip(sums) {
                    for (found, sum) in found.iter_mut().zip(sums) {
                        *found = vaddvq_s32(sum);
                    }
                }
                found
            }
        }
    };
}

with_products!(neon, "neon", multiplied);
with_products!(dotprod, "neon,dotprod", dotted);

/// The part that the sums of whole codes lack of each plane. The instructions multiply numbers with a sign, and codes
/// have none: 128 is taken from each code, and 128 times the plane's sum is added at the end.
fn offsets<const PLANES: usize>(planes: [&[Line<i8>]; PLANES]) -> [i32; PLANES] {
    planes.map(|plane| 128 * plane.iter().flat_map(|line| line.0).map(i32::from).sum::<i32>())
}

/// Sums with what they lack of each plane.
fn raised(mut sums: [[i32; QUAD_ROWS]; 2], offsets: [i32; 2]) -> [[i32; QUAD_ROWS]; 2] {
    for (sums, offset) in sums.iter_mut().zip(offsets) {
        *sums = sums.map(|sum| sum + offset);
    }
    sums
}

/// A quarter of two lines of whole codes, less 128.
#[inline]
#[target_feature(enable = "neon")]
fn whole(upper: &Line<u8>, lower: &Line<u8>, part: usize) -> [int8x16_t; 2] {
    let (upper, lower) = (load(upper, part), load(lower, part));
    // One half is shifted to the right or the left, into four bits of the other.
    let (first, next) = (vsriq_n_u8::<4>(upper, lower), vsliq_n_u8::<4>(lower, upper));
    let bias = vdupq_n_u8(128);
    [vreinterpretq_s8_u8(veorq_u8(first, bias)), vreinterpretq_s8_u8(veorq_u8(next, bias))]
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
    let lower = vmull_s8(vget_low_s8(codes), vget_low_s8(plane));
    vpadalq_s16(vpadalq_s16(sums, lower), vmull_high_s8(codes, plane))
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

const DOTS: bool = false;
const DISTANCES: bool = true;

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
fn exact<T: Pair, const KIND: bool>(query: &[f64], rows: [&[T]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
    let step = |sum, a, column| {
        if KIND == DOTS {
            vaddq_f64(sum, vmulq_f64(a, column))
        } else {
            let difference = vsubq_f64(a, column);
            vaddq_f64(sum, vmulq_f64(difference, difference))
        }
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
