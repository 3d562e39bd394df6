//! Each target on its corpus, and on random changes of it. `FUZZ_SECONDS` is the time for each, `FUZZ_SEED` the seed.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use fuzz::{TARGETS, Target};

/// A small generator of random numbers (Vigna's splitmix64), so that a seed gives the same inputs everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).expect("it is below a usize")
    }
}

/// Bytes at which formats change their course.
const TELLING: &[u8] = b"\0\x01\x7f\x80\xff\"\\{}[],:.-+eE019$@_ \n";

/// An input of the corpus with some changes: other bytes, removed and repeated parts, parts of other inputs.
fn changed(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(input.len() + 1);
        let end = at + random.below((input.len() - at).min(16) + 1);
        match random.below(6) {
            0 if at < input.len() => input[at] = random.next().to_le_bytes()[0],
            1 => input.insert(at, TELLING[random.below(TELLING.len())]),
            2 => drop(input.drain(at..end)),
            3 => {
                let part = input[at..end].to_vec();
                input.splice(at..at, part);
            }
            4 if at < input.len() => input[at] ^= 1 << random.below(8),
            _ => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                let to = from + random.below((other.len() - from).min(64) + 1);
                input.splice(at..end, other[from..to].iter().copied());
            }
        }
    }
    input
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("it is a number"))
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("each target has a corpus")
        .map(|file| file.expect("it is listed").path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("it is a file")).collect()
}

/// Runs a target, and shows the input if it panics.
fn run(name: &str, target: Target, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        eprintln!("{name} on \"{}\"", input.escape_ascii());
        resume_unwind(panic);
    }
}

/// Runs a target on its corpus, and on changes of it until its time is over.
fn fuzz(name: &str) {
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).expect("there is such a target");
    let (seconds, seed) = (number("FUZZ_SECONDS", 1), number("FUZZ_SEED", 1));
    let corpus = corpus(name);
    corpus.iter().for_each(|input| run(name, target, input));
    let (mut random, began, mut count) = (Random(seed), Instant::now(), 0_u64);
    while began.elapsed() < Duration::from_secs(seconds) {
        run(name, target, &changed(&corpus, &mut random));
        count += 1;
    }
    println!("{name}: {count} inputs");
}

/// A test for each target, so that they run side by side.
macro_rules! tests {
    ($($target:ident),+) => {
        $(
            #[test]
            fn $target() {
                fuzz(stringify!($target));
            }
        )+

        #[test]
        fn every_target_has_a_test() {
            assert_eq!(TARGETS.map(|(name, _)| name), [$(stringify!($target)),+]);
        }
    };
}

tests!(archive, client_message, document_id, filter, page, server_message, sort_key, token, value_json);
