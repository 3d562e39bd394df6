//! `fuzz::sort_key` under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::sort_key(bytes));
