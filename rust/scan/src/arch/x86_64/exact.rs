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
    __m128d, __m256d, __m512, __m512d, _mm_loadu_pd, _mm256_add_pd, _mm256_castpd_ps, _mm256_castpd128_pd256,
    _mm256_castps_pd, _mm256_castps256_ps128, _mm256_cvtps_pd, _mm256_extractf128_ps, _mm256_fmadd_pd,
    _mm256_insertf128_pd, _mm256_loadu_ps, _mm256_mul_pd, _mm256_set1_pd, _mm256_setzero_pd, _mm256_storeu_pd,
    _mm256_sub_pd, _mm256_unpackhi_pd, _mm256_unpackhi_ps, _mm256_unpacklo_pd, _mm256_unpacklo_ps, _mm512_add_pd,
    _mm512_castpd_ps, _mm512_castps_pd, _mm512_castps512_ps256, _mm512_cvtps_pd, _mm512_extractf64x4_pd,
    _mm512_fmadd_pd, _mm512_loadu_pd, _mm512_loadu_ps, _mm512_mul_pd, _mm512_permutex2var_pd, _mm512_set_epi64,
    _mm512_set1_pd, _mm512_setzero_pd, _mm512_shuffle_f64x2, _mm512_storeu_pd, _mm512_sub_pd, _mm512_unpackhi_pd,
    _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpacklo_ps,
};

use super::EXACT_ROWS;

/// The summed terms: products, or squares of differences.
pub(super) const DOTS: u8 = 0;
pub(super) const DISTANCES: u8 = 1;

/// Products that float64 holds exactly: to add one in the same step is to add it in the next.
pub(super) const NARROW_DOTS: u8 = 2;

/// A kernel: the rows in groups of `$lanes`, `$width` columns at a time, by `$columns`; what is left at the end of a row one
/// by one.
macro_rules! exact {
    (
        $name:ident, $features:literal, $number:ty, $columns:ident, $width:literal, $register:ty, $lanes:literal,
        $zero:ident, $same:ident, $add:ident, $subtract:ident, $multiply:ident, $multiply_and_add:ident, $store:ident
    ) => {
        #[target_feature(enable = $features)]
        pub(super) fn $name<const OF: u8>(query: &[f64], rows: [&[$number]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
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
                            *sum = match OF {
                                NARROW_DOTS => $multiply_and_add(a, column, *sum),
                                DISTANCES => {
                                    let difference = $subtract(a, column);
                                    $add(*sum, $multiply(difference, difference))
                                }
                                _ => $add(*sum, $multiply(a, column)),
                            };
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
    "avx2,fma",
    f32,
    columns_f32_256,
    8,
    __m256d,
    4,
    _mm256_setzero_pd,
    _mm256_set1_pd,
    _mm256_add_pd,
    _mm256_sub_pd,
    _mm256_mul_pd,
    _mm256_fmadd_pd,
    _mm256_storeu_pd
);
exact!(
    f64_256,
    "avx2,fma",
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
    _mm256_fmadd_pd,
    _mm256_storeu_pd
);
exact!(
    f32_512,
    "avx512f",
    f32,
    columns_f32_512,
    16,
    __m512d,
    8,
    _mm512_setzero_pd,
    _mm512_set1_pd,
    _mm512_add_pd,
    _mm512_sub_pd,
    _mm512_mul_pd,
    _mm512_fmadd_pd,
    _mm512_storeu_pd
);
exact!(
    f64_512,
    "avx512f",
    f64,
    columns_f64_512,
    8,
    __m512d,
    8,
    _mm512_setzero_pd,
    _mm512_set1_pd,
    _mm512_add_pd,
    _mm512_sub_pd,
    _mm512_mul_pd,
    _mm512_fmadd_pd,
    _mm512_storeu_pd
);

#[inline]
#[target_feature(enable = "avx2")]
fn two(numbers: &[f64; 2]) -> __m128d {
    // SAFETY: two numbers are read from two.
    unsafe { _mm_loadu_pd(numbers.as_ptr()) }
}

/// Eight columns of eight rows, widened: for each the upper and the lower four rows.
#[inline]
#[target_feature(enable = "avx2")]
fn columns_f32_256(rows: [&[f32; 8]; 8]) -> [[__m256d; 2]; 8] {
    let mut columns = [[_mm256_setzero_pd(); 2]; 8];
    for (group, rows) in rows.as_chunks::<4>().0.iter().enumerate() {
        // SAFETY: eight numbers are read from eight.
        let load = |index: usize| unsafe { _mm256_loadu_ps(rows[index].as_ptr()) };
        let (a, b, c, d) = (load(0), load(1), load(2), load(3));
        let (ab, ab_high) = (_mm256_castps_pd(_mm256_unpacklo_ps(a, b)), _mm256_castps_pd(_mm256_unpackhi_ps(a, b)));
        let (cd, cd_high) = (_mm256_castps_pd(_mm256_unpacklo_ps(c, d)), _mm256_castps_pd(_mm256_unpackhi_ps(c, d)));
        // A column, and beside it the one four further.
        let pairs = [
            _mm256_unpacklo_pd(ab, cd),
            _mm256_unpackhi_pd(ab, cd),
            _mm256_unpacklo_pd(ab_high, cd_high),
            _mm256_unpackhi_pd(ab_high, cd_high),
        ];
        for (column, pair) in pairs.into_iter().enumerate() {
            let pair = _mm256_castpd_ps(pair);
            columns[column][group] = _mm256_cvtps_pd(_mm256_castps256_ps128(pair));
            columns[column + 4][group] = _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(pair));
        }
    }
    columns
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

/// Sixteen columns of sixteen rows, widened: for each the upper and the lower eight rows.
#[inline]
#[target_feature(enable = "avx512f")]
fn columns_f32_512(rows: [&[f32; 16]; 16]) -> [[__m512d; 2]; 16] {
    let mut columns = [[_mm512_setzero_pd(); 2]; 16];
    for (group, rows) in rows.as_chunks::<8>().0.iter().enumerate() {
        let (upper, lower) = rows.split_at(4);
        let (upper, lower) = (fours(upper), fours(lower));
        for column in 0..4 {
            // A column of both, and beside it the one four further; then those eight further.
            let (upper, lower) = (upper[column], lower[column]);
            let first = _mm512_permutex2var_pd(upper, _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0), lower);
            let next = _mm512_permutex2var_pd(upper, _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4), lower);
            [columns[column][group], columns[column + 4][group]] = widened(first);
            [columns[column + 8][group], columns[column + 12][group]] = widened(next);
        }
    }
    columns
}

/// Four rows: the numbers of four columns in each register, a column a quarter, of which the next is four further.
#[inline]
#[target_feature(enable = "avx512f")]
fn fours(rows: &[&[f32; 16]]) -> [__m512d; 4] {
    // SAFETY: sixteen numbers are read from sixteen.
    let load = |index: usize| -> __m512 { unsafe { _mm512_loadu_ps(rows[index].as_ptr()) } };
    let (a, b, c, d) = (load(0), load(1), load(2), load(3));
    let (ab, ab_high) = (_mm512_castps_pd(_mm512_unpacklo_ps(a, b)), _mm512_castps_pd(_mm512_unpackhi_ps(a, b)));
    let (cd, cd_high) = (_mm512_castps_pd(_mm512_unpacklo_ps(c, d)), _mm512_castps_pd(_mm512_unpackhi_ps(c, d)));
    [
        _mm512_unpacklo_pd(ab, cd),
        _mm512_unpackhi_pd(ab, cd),
        _mm512_unpacklo_pd(ab_high, cd_high),
        _mm512_unpackhi_pd(ab_high, cd_high),
    ]
}

/// Sixteen numbers of float32, whatever the register's type says.
#[inline]
#[target_feature(enable = "avx512f")]
fn widened(numbers: __m512d) -> [__m512d; 2] {
    let upper = _mm512_castps512_ps256(_mm512_castpd_ps(numbers));
    let lower = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(numbers));
    [_mm512_cvtps_pd(upper), _mm512_cvtps_pd(lower)]
}

/// Eight columns of sixteen rows: for each the upper and the lower eight rows.
#[inline]
#[target_feature(enable = "avx512f")]
fn columns_f64_512(rows: [&[f64; 8]; 16]) -> [[__m512d; 2]; 8] {
    let mut columns = [[_mm512_setzero_pd(); 2]; 8];
    for (group, rows) in rows.as_chunks::<8>().0.iter().enumerate() {
        let (first_rows, next_rows) = (pairs(rows, 0), pairs(rows, 2));
        let (third_rows, last_rows) = (pairs(rows, 4), pairs(rows, 6));
        // Even columns, and then odd ones.
        for parity in 0..2 {
            let [first, next] = quarters(first_rows[parity], next_rows[parity]);
            let [first_below, next_below] = quarters(third_rows[parity], last_rows[parity]);
            [columns[parity][group], columns[parity + 4][group]] = quarters(first, first_below);
            [columns[parity + 2][group], columns[parity + 6][group]] = quarters(next, next_below);
        }
    }
    columns
}

/// Two rows from one on: pairs of their even columns, and of their odd ones.
#[inline]
#[target_feature(enable = "avx512f")]
fn pairs(rows: &[&[f64; 8]; 8], first: usize) -> [__m512d; 2] {
    // SAFETY: eight numbers are read from eight.
    let load = |index: usize| unsafe { _mm512_loadu_pd(rows[index].as_ptr()) };
    let (a, b) = (load(first), load(first + 1));
    [_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b)]
}

/// The first and third quarters of both registers, and the second and fourth.
#[inline]
#[target_feature(enable = "avx512f")]
fn quarters(a: __m512d, b: __m512d) -> [__m512d; 2] {
    [_mm512_shuffle_f64x2::<0b10_00_10_00>(a, b), _mm512_shuffle_f64x2::<0b11_01_11_01>(a, b)]
}
