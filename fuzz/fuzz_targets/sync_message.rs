//! `fuzz::sync_message` under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::sync_message(bytes));
