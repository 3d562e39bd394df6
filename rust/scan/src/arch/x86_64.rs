//! Kernels for AVX2 with FMA.
//!
//! Wider registers buy nothing here: the first pass waits for memory, and the exact kernels for their shuffles.

use std::arch::x86_64::{
    __m256, __m256d, _MM_HINT_T0, _mm_add_ps, _mm_loadu_pd, _mm_loadu_ps, _mm_prefetch, _mm_storeu_ps, _mm256_add_pd,
    _mm256_add_ps, _mm256_castpd_ps, _mm256_castpd128_pd256, _mm256_castps_pd, _mm256_castps128_ps256,
    _mm256_castps256_ps128, _mm256_cvtps_pd, _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_hadd_ps,
    _mm256_insertf128_pd, _mm256_insertf128_ps, _mm256_loadu_ps, _mm256_mul_pd, _mm256_set1_pd, _mm256_setzero_pd,
    _mm256_setzero_ps, _mm256_storeu_pd, _mm256_sub_pd, _mm256_sub_ps, _mm256_unpackhi_pd, _mm256_unpackhi_ps,
    _mm256_unpacklo_pd, _mm256_unpacklo_ps,
};

use super::{EXACT_ROWS, FIRST_ROWS, Kernels, LANES};

/// A kernel as an entry of the table, which says nothing of the features that it needs.
macro_rules! on_this_cpu {
    ($kernel:expr) => {
        |query, rows| {
            // SAFETY: `avx2` hands out the table only where the CPU has both features.
            unsafe { $kernel(query, rows) }
        }
    };
}

/// The set, if this CPU can run it.
pub(super) fn avx2() -> Option<&'static Kernels> {
    (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(&AVX2)
}

static AVX2: Kernels = Kernels {
    name: "avx2",
    first_dots: on_this_cpu!(first::<DOTS>),
    first_distances: on_this_cpu!(first::<DISTANCES>),
    dots_f32: on_this_cpu!(exact_f32::<DOTS>),
    dots_f64: on_this_cpu!(exact_f64::<DOTS>),
    distances_f32: on_this_cpu!(exact_f32::<DISTANCES>),
    distances_f64: on_this_cpu!(exact_f64::<DISTANCES>),
};

/// What is summed: products, or squares of differences.
const DOTS: bool = false;
const DISTANCES: bool = true;

/// The first pass: two registers of eight sums for each row.
#[target_feature(enable = "avx2,fma")]
fn first<const OF: bool>(query: &[f32], rows: [&[f32]; FIRST_ROWS]) -> [f32; FIRST_ROWS] {
    assert!(rows.iter().all(|row| row.len() == query.len()));
    let mut sums = [[_mm256_setzero_ps(); 2]; FIRST_ROWS];
    let (query, query_rest) = query.as_chunks::<LANES>();
    let whole = rows.map(|row| &row.as_chunks::<LANES>().0[..query.len()]);
    for (i, query) in query.iter().enumerate() {
        let query = halves(query);
        for (sums, row) in sums.iter_mut().zip(whole) {
            // In a batch the next group follows at once. Each row is too short for the CPU's own prefetcher to get going:
            // without this, 10 000 rows of 768 take twice as long. An address past the end does no harm.
            _mm_prefetch::<_MM_HINT_T0>(row[i].as_ptr().wrapping_add(FIRST_ROWS * row.len() * LANES).cast());
            add::<OF>(sums, query, halves(&row[i]));
        }
    }
    if !query_rest.is_empty() {
        // Zeros fill up the last lanes; they add nothing.
        let query = halves(&padded(query_rest));
        for (sums, row) in sums.iter_mut().zip(rows) {
            add::<OF>(sums, query, halves(&padded(row.as_chunks::<LANES>().1)));
        }
    }
    let [a, b, c, d] = sums.map(|[low, high]| _mm256_add_ps(low, high));
    // Three levels of a tree for four rows at once; `hadd` adds neighbours within each half.
    let neighbours = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    let total = _mm_add_ps(_mm256_castps256_ps128(neighbours), _mm256_extractf128_ps::<1>(neighbours));
    let mut sums = [0.0; FIRST_ROWS];
    // SAFETY: the register holds four numbers, and there is room for four.
    unsafe { _mm_storeu_ps(sums.as_mut_ptr(), total) };
    sums
}

#[target_feature(enable = "avx2,fma")]
fn add<const OF: bool>(sums: &mut [__m256; 2], query: [__m256; 2], row: [__m256; 2]) {
    for half in 0..2 {
        let (a, b) = if OF == DISTANCES {
            let difference = _mm256_sub_ps(query[half], row[half]);
            (difference, difference)
        } else {
            (query[half], row[half])
        };
        sums[half] = _mm256_fmadd_ps(a, b, sums[half]);
    }
}

#[target_feature(enable = "avx2")]
fn halves(numbers: &[f32; LANES]) -> [__m256; 2] {
    // SAFETY: eight numbers from the beginning and eight from the middle of sixteen.
    unsafe { [_mm256_loadu_ps(numbers.as_ptr()), _mm256_loadu_ps(numbers.as_ptr().add(LANES / 2))] }
}

fn padded(numbers: &[f32]) -> [f32; LANES] {
    let mut padded = [0.0; LANES];
    padded[..numbers.len()].copy_from_slice(numbers);
    padded
}

/// An exact kernel: four components of eight rows are transposed, so that each row has its own lane, and added in order.
macro_rules! exact {
    ($name:ident, $number:ty, $columns:ident) => {
        #[target_feature(enable = "avx2")]
        fn $name<const OF: bool>(query: &[f64], rows: [&[$number]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
            assert!(rows.iter().all(|row| row.len() == query.len()));
            let mut sums = [_mm256_setzero_pd(); 2];
            let (query, query_rest) = query.as_chunks::<4>();
            let whole = rows.map(|row| &row.as_chunks::<4>().0[..query.len()]);
            for (i, query) in query.iter().enumerate() {
                for (&a, column) in query.iter().zip($columns(whole.map(|row| &row[i]))) {
                    let a = _mm256_set1_pd(a);
                    for half in 0..2 {
                        let term = if OF == DISTANCES {
                            let difference = _mm256_sub_pd(a, column[half]);
                            _mm256_mul_pd(difference, difference)
                        } else {
                            _mm256_mul_pd(a, column[half])
                        };
                        sums[half] = _mm256_add_pd(sums[half], term);
                    }
                }
            }
            let mut totals = [0.0; EXACT_ROWS];
            // SAFETY: each register holds four numbers, and there is room for eight.
            unsafe {
                _mm256_storeu_pd(totals.as_mut_ptr(), sums[0]);
                _mm256_storeu_pd(totals.as_mut_ptr().add(4), sums[1]);
            }
            for (total, row) in totals.iter_mut().zip(rows) {
                for (&a, &b) in query_rest.iter().zip(row.as_chunks::<4>().1) {
                    let b = f64::from(b);
                    *total += if OF == DISTANCES { (a - b) * (a - b) } else { a * b };
                }
            }
            totals
        }
    };
}

exact!(exact_f32, f32, columns_f32);
exact!(exact_f64, f64, columns_f64);

/// Four columns of eight rows, widened: for each the upper and the lower four rows.
#[target_feature(enable = "avx2")]
fn columns_f32(rows: [&[f32; 4]; EXACT_ROWS]) -> [[__m256d; 2]; 4] {
    // SAFETY: four numbers are read from four.
    let load = |row: &[f32; 4]| unsafe { _mm_loadu_ps(row.as_ptr()) };
    let pair = |i: usize| _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(load(rows[i])), load(rows[i + 4]));
    let (a, b, c, d) = (pair(0), pair(1), pair(2), pair(3));
    let (ab, cd) = (_mm256_castps_pd(_mm256_unpacklo_ps(a, b)), _mm256_castps_pd(_mm256_unpacklo_ps(c, d)));
    let (ab_high, cd_high) = (_mm256_castps_pd(_mm256_unpackhi_ps(a, b)), _mm256_castps_pd(_mm256_unpackhi_ps(c, d)));
    [
        _mm256_unpacklo_pd(ab, cd),
        _mm256_unpackhi_pd(ab, cd),
        _mm256_unpacklo_pd(ab_high, cd_high),
        _mm256_unpackhi_pd(ab_high, cd_high),
    ]
    .map(|column| {
        let column = _mm256_castpd_ps(column);
        [_mm256_cvtps_pd(_mm256_castps256_ps128(column)), _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(column))]
    })
}

/// Four columns of eight rows: for each the upper and the lower four rows.
#[target_feature(enable = "avx2")]
fn columns_f64(rows: [&[f64; 4]; EXACT_ROWS]) -> [[__m256d; 2]; 4] {
    // Components `from` and `from + 1` of a row, and of the row two below.
    let pair = |i: usize, from: usize| {
        // SAFETY: `from` is 0 or 2, so two numbers from there are among four.
        let load = |row: &[f64; 4]| unsafe { _mm_loadu_pd(row.as_ptr().add(from)) };
        _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(load(rows[i])), load(rows[i + 2]))
    };
    // The upper four rows, then the lower four, two columns at a time.
    let two = |from: usize| {
        let [upper, lower] = [0, 4].map(|row| (pair(row, from), pair(row + 1, from)));
        [
            [_mm256_unpacklo_pd(upper.0, upper.1), _mm256_unpacklo_pd(lower.0, lower.1)],
            [_mm256_unpackhi_pd(upper.0, upper.1), _mm256_unpackhi_pd(lower.0, lower.1)],
        ]
    };
    let ([first, second], [third, fourth]) = (two(0), two(2));
    [first, second, third, fourth]
}
