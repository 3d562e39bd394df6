//! Exact kernels: the sums of some rows, each added up in order.
//!
//! ```text
//! for each four columns (two of float64):
//!     load them of each row, and transpose: one register a column, one lane a row
//!     for each column: widen, multiply by the query's component, add to the sums
//! ```
//!
//! A sum waits for the one before, some three cycles; meanwhile there is time to transpose. Hence so many rows at once.
//! Nothing goes through closures or the standard library's functions on arrays: those don't have the features, so they
//! would be calls in the middle of the loop.

use std::arch::x86_64::{
    __m128, __m128d, __m256, __m256d, __m512, __m512d, _mm_loadu_pd, _mm_loadu_ps, _mm256_add_pd, _mm256_castpd_ps,
    _mm256_castpd128_pd256, _mm256_castps_pd, _mm256_castps128_ps256, _mm256_castps256_ps128, _mm256_cvtps_pd,
    _mm256_extractf128_ps, _mm256_insertf128_pd, _mm256_insertf128_ps, _mm256_mul_pd, _mm256_set1_pd,
    _mm256_setzero_pd, _mm256_storeu_pd, _mm256_sub_pd, _mm256_unpackhi_pd, _mm256_unpackhi_ps, _mm256_unpacklo_pd,
    _mm256_unpacklo_ps, _mm512_add_pd, _mm512_castpd_ps, _mm512_castpd128_pd512, _mm512_castps_pd,
    _mm512_castps128_ps512, _mm512_castps512_ps256, _mm512_cvtps_pd, _mm512_extractf64x4_pd, _mm512_insertf32x4,
    _mm512_insertf64x2, _mm512_mul_pd, _mm512_set1_pd, _mm512_setzero_pd, _mm512_storeu_pd, _mm512_sub_pd,
    _mm512_unpackhi_pd, _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpacklo_ps,
};

use super::EXACT_ROWS;

/// What is summed: products, or squares of differences.
pub(super) const DOTS: bool = false;
pub(super) const DISTANCES: bool = true;

/// A kernel: the rows in groups of `$lanes`, `$width` columns at a time, by `$columns`; what is left at the end of a row one
/// by one.
macro_rules! exact {
    (
        $name:ident, $features:literal, $number:ty, $columns:ident, $width:literal, $register:ty, $lanes:literal,
        $zero:ident, $same:ident, $add:ident, $subtract:ident, $multiply:ident, $store:ident
    ) => {
        #[target_feature(enable = $features)]
        pub(super) fn $name<const OF: bool>(query: &[f64], rows: [&[$number]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
            let mut totals = [0.0; EXACT_ROWS];
            let (query, query_rest) = query.as_chunks::<$width>();
            let (groups, _) = rows.as_chunks::<{ 2 * $lanes }>();
            let (totals_of, _) = totals.as_chunks_mut::<{ 2 * $lanes }>();
            for (totals, rows) in totals_of.iter_mut().zip(groups) {
                let mut whole: [&[[$number; $width]]; 2 * $lanes] = [&[]; 2 * $lanes];
                for (whole, row) in whole.iter_mut().zip(rows) {
                    let (columns, rest) = row.as_chunks();
                    assert!(
                        columns.len() == query.len() && rest.len() == query_rest.len(),
                        "rows are as long as the query"
                    );
                    *whole = columns;
                }
                let mut sums: [$register; 2] = [$zero(); 2];
                for (index, query) in query.iter().enumerate() {
                    let mut block: [&[$number; $width]; 2 * $lanes] = [&[0.0; $width]; 2 * $lanes];
                    for (block, whole) in block.iter_mut().zip(whole) {
                        *block = &whole[index];
                    }
                    let columns = $columns(block);
                    for (&a, column) in query.iter().zip(columns) {
                        let a = $same(a);
                        for (sum, column) in sums.iter_mut().zip(column) {
                            let factor = if OF == DISTANCES { $subtract(a, column) } else { column };
                            let term = $multiply(if OF == DISTANCES { factor } else { a }, factor);
                            *sum = $add(*sum, term);
                        }
                    }
                }
                for (totals, sum) in totals.as_chunks_mut::<$lanes>().0.iter_mut().zip(sums) {
                    // SAFETY: there is room for a register's numbers.
                    unsafe { $store(totals.as_mut_ptr(), sum) };
                }
                for (total, row) in totals.iter_mut().zip(rows) {
                    for (&a, &b) in query_rest.iter().zip(row.as_chunks::<$width>().1) {
                        let b = f64::from(b);
                        *total += if OF == DISTANCES { (a - b) * (a - b) } else { a * b };
                    }
                }
            }
            totals
        }
    };
}

exact!(
    f32_256,
    "avx2",
    f32,
    columns_f32_256,
    4,
    __m256d,
    4,
    _mm256_setzero_pd,
    _mm256_set1_pd,
    _mm256_add_pd,
    _mm256_sub_pd,
    _mm256_mul_pd,
    _mm256_storeu_pd
);
exact!(
    f64_256,
    "avx2",
    f64,
    columns_f64_256,
    2,
    __m256d,
    4,
    _mm256_setzero_pd,
    _mm256_set1_pd,
    _mm256_add_pd,
    _mm256_sub_pd,
    _mm256_mul_pd,
    _mm256_storeu_pd
);
exact!(
    f32_512,
    "avx512f",
    f32,
    columns_f32_512,
    4,
    __m512d,
    8,
    _mm512_setzero_pd,
    _mm512_set1_pd,
    _mm512_add_pd,
    _mm512_sub_pd,
    _mm512_mul_pd,
    _mm512_storeu_pd
);
exact!(
    f64_512,
    "avx512f,avx512dq",
    f64,
    columns_f64_512,
    2,
    __m512d,
    8,
    _mm512_setzero_pd,
    _mm512_set1_pd,
    _mm512_add_pd,
    _mm512_sub_pd,
    _mm512_mul_pd,
    _mm512_storeu_pd
);

#[inline]
#[target_feature(enable = "avx2")]
fn four(numbers: &[f32; 4]) -> __m128 {
    // SAFETY: four numbers are read from four.
    unsafe { _mm_loadu_ps(numbers.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn two(numbers: &[f64; 2]) -> __m128d {
    // SAFETY: two numbers are read from two.
    unsafe { _mm_loadu_pd(numbers.as_ptr()) }
}

/// Four columns of eight rows, widened: for each the upper and the lower four rows.
#[inline]
#[target_feature(enable = "avx2")]
fn columns_f32_256(rows: [&[f32; 4]; 8]) -> [[__m256d; 2]; 4] {
    // Rows 0 to 3, and beside each the row four below.
    let a = _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(four(rows[0])), four(rows[4]));
    let b = _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(four(rows[1])), four(rows[5]));
    let c = _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(four(rows[2])), four(rows[6]));
    let d = _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(four(rows[3])), four(rows[7]));
    let (ab, ab_high) = (_mm256_castps_pd(_mm256_unpacklo_ps(a, b)), _mm256_castps_pd(_mm256_unpackhi_ps(a, b)));
    let (cd, cd_high) = (_mm256_castps_pd(_mm256_unpacklo_ps(c, d)), _mm256_castps_pd(_mm256_unpackhi_ps(c, d)));
    [
        widened_256(_mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd))),
        widened_256(_mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd))),
        widened_256(_mm256_castpd_ps(_mm256_unpacklo_pd(ab_high, cd_high))),
        widened_256(_mm256_castpd_ps(_mm256_unpackhi_pd(ab_high, cd_high))),
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn widened_256(column: __m256) -> [__m256d; 2] {
    [_mm256_cvtps_pd(_mm256_castps256_ps128(column)), _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(column))]
}

/// Two columns of eight rows: for each the upper and the lower four rows.
#[inline]
#[target_feature(enable = "avx2")]
fn columns_f64_256(rows: [&[f64; 2]; 8]) -> [[__m256d; 2]; 2] {
    // A row, and beside it the row two below.
    let a = _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(two(rows[0])), two(rows[2]));
    let b = _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(two(rows[1])), two(rows[3]));
    let c = _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(two(rows[4])), two(rows[6]));
    let d = _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(two(rows[5])), two(rows[7]));
    [[_mm256_unpacklo_pd(a, b), _mm256_unpacklo_pd(c, d)], [_mm256_unpackhi_pd(a, b), _mm256_unpackhi_pd(c, d)]]
}

/// Four rows, one a quarter of a register.
#[inline]
#[target_feature(enable = "avx512f")]
fn quarters_f32(a: &[f32; 4], b: &[f32; 4], c: &[f32; 4], d: &[f32; 4]) -> __m512 {
    let ab = _mm512_insertf32x4::<1>(_mm512_castps128_ps512(four(a)), four(b));
    _mm512_insertf32x4::<3>(_mm512_insertf32x4::<2>(ab, four(c)), four(d))
}

/// Four columns of sixteen rows, widened: for each the upper and the lower eight rows.
#[inline]
#[target_feature(enable = "avx512f")]
fn columns_f32_512(rows: [&[f32; 4]; 16]) -> [[__m512d; 2]; 4] {
    let a = quarters_f32(rows[0], rows[4], rows[8], rows[12]);
    let b = quarters_f32(rows[1], rows[5], rows[9], rows[13]);
    let c = quarters_f32(rows[2], rows[6], rows[10], rows[14]);
    let d = quarters_f32(rows[3], rows[7], rows[11], rows[15]);
    let (ab, ab_high) = (_mm512_castps_pd(_mm512_unpacklo_ps(a, b)), _mm512_castps_pd(_mm512_unpackhi_ps(a, b)));
    let (cd, cd_high) = (_mm512_castps_pd(_mm512_unpacklo_ps(c, d)), _mm512_castps_pd(_mm512_unpackhi_ps(c, d)));
    [
        widened_512(_mm512_unpacklo_pd(ab, cd)),
        widened_512(_mm512_unpackhi_pd(ab, cd)),
        widened_512(_mm512_unpacklo_pd(ab_high, cd_high)),
        widened_512(_mm512_unpackhi_pd(ab_high, cd_high)),
    ]
}

/// Sixteen numbers of float32, whatever the register's type says.
#[inline]
#[target_feature(enable = "avx512f")]
fn widened_512(column: __m512d) -> [__m512d; 2] {
    let upper = _mm512_castps512_ps256(_mm512_castpd_ps(column));
    let lower = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(column));
    [_mm512_cvtps_pd(upper), _mm512_cvtps_pd(lower)]
}

/// Four rows, one a quarter of a register.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn quarters_f64(a: &[f64; 2], b: &[f64; 2], c: &[f64; 2], d: &[f64; 2]) -> __m512d {
    let ab = _mm512_insertf64x2::<1>(_mm512_castpd128_pd512(two(a)), two(b));
    _mm512_insertf64x2::<3>(_mm512_insertf64x2::<2>(ab, two(c)), two(d))
}

/// Two columns of sixteen rows: for each the upper and the lower eight rows.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn columns_f64_512(rows: [&[f64; 2]; 16]) -> [[__m512d; 2]; 2] {
    let a = quarters_f64(rows[0], rows[2], rows[4], rows[6]);
    let b = quarters_f64(rows[1], rows[3], rows[5], rows[7]);
    let c = quarters_f64(rows[8], rows[10], rows[12], rows[14]);
    let d = quarters_f64(rows[9], rows[11], rows[13], rows[15]);
    [[_mm512_unpacklo_pd(a, b), _mm512_unpacklo_pd(c, d)], [_mm512_unpackhi_pd(a, b), _mm512_unpackhi_pd(c, d)]]
}
