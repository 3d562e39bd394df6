//! Kernels for AVX2 with FMA.

use super::Kernels;

/// The set, if this CPU can run it.
pub(super) fn avx2() -> Option<&'static Kernels> {
    None
}
