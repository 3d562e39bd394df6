//! Numbers of vectors, ordinary and awkward.

use proptest::{prelude::*, sample::select, test_runner::RngSeed};

pub(crate) fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() }
}

pub(crate) fn f32_exactly(x: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "a float32 is wanted")]
    f64::from(x as f32)
}

/// Numbers as embeddings have them, float32 more often than not.
pub(crate) fn ordinary() -> impl Strategy<Value = f64> {
    prop_oneof![3 => (-1.0..1.0).prop_map(f32_exactly), 1 => -1.0..1.0]
}

/// Numbers that break careless code.
pub(crate) fn awkward() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => ordinary(),
        2 => select(vec![0.0, -0.0, 1.0, -1.0, 0.5, 2.0]),
        1 => select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
        1 => select(vec![5e-324, -5e-324, 1e-310, f64::from(f32::MIN_POSITIVE), 1e-45, 1e-30, -1e-20]),
        1 => select(vec![1e200, -1e200, 1e155, 1e19, 3e38, -3.4e38, 1e30, 1e18]),
    ]
}

/// Numbers between -1 and 1 with 24 bits, the same ones every time.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let bits = u32::try_from((mixed ^ (mixed >> 27)) >> 40).expect("24 bits");
            f64::from(bits) / f64::from(1 << 23) - 1.0
        })
        .collect()
}
