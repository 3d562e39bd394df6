//! Noise: the numbers of vectors in tests.

/// Numbers between -1 and 1, the same ones every time.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut number = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        f64::from(u32::try_from((mixed ^ (mixed >> 27)) >> 32).expect("32 bits")) / f64::from(1_u32 << 31) - 1.0
    };
    (0..len).map(|_| number()).collect()
}
