//! Decimal numbers are read as the standard library reads them, or left.

use super::{Kernels, available, numbers};

/// The numbers that a set reads, each with a comma behind it: `None` for one that it leaves.
fn decimals(kernels: &Kernels, texts: &[String]) -> Vec<Option<f64>> {
    // Near the beginning and the end of a text numbers are left or read otherwise, so there is something around these.
    let text = format!("{}{},{}", " ".repeat(32), texts.join(","), " ".repeat(2048));
    let (mut start, mut found) = (32, Vec::new());
    while found.len() < texts.len() {
        let mut numbers = Vec::new();
        let stop = (kernels.decimals)(text.as_bytes(), start, &mut numbers);
        found.extend(numbers.into_iter().map(Some));
        if let Some(left) = texts.get(found.len()) {
            assert!(text[stop..].starts_with(&format!("{left},")), "{} stopped elsewhere than at {left}", kernels.name);
            found.push(None);
            start = stop + left.len() + 1;
        }
    }
    found
}

/// Checks that a set reads some numbers as the standard library does, or leaves them. Says how many it read.
fn count_read(kernels: &Kernels, texts: &[String]) -> usize {
    let found = decimals(kernels, texts);
    for (text, number) in texts.iter().zip(&found) {
        let expected = text.parse::<f64>().expect("a number");
        let right = number.is_none_or(|number| number.to_bits() == expected.to_bits());
        assert!(right, "{} {text} {number:?}", kernels.name);
    }
    found.iter().flatten().count()
}

#[test]
fn decimals_are_read_to_the_last_bit() {
    let mut texts = Vec::new();
    for (index, number) in numbers(25_000, 5).into_iter().enumerate() {
        texts.push(format!("{:.*}", 1 + index % 25, number % 10.0));
        texts.push(format!("{}", number % 1.0));
        let simple = ["0.0", "-0.0", "9.5", "-1.0", "0.99999999999999999", "0.00000000000000000001"];
        texts.extend(simple.get(index % 11).map(|&simple| String::from(simple)));
    }
    for kernels in available() {
        let read = count_read(kernels, &texts);
        assert!(read > texts.len() * 2 / 3, "{} read {read} of {}", kernels.name, texts.len());
    }
}

#[test]
fn decimals_near_halfway_points_are_read_to_the_last_bit() {
    let mut texts = Vec::new();
    for count in 15..=21 {
        // From 4 to 8 float64s are 2^-50 apart.
        let unit = 10_u128.pow(count);
        for number in numbers(2_000, 6) {
            let halfway = u128::from((1 << 53) | (number.to_bits() % (1 << 53)) | 1);
            let digits = (halfway * unit) >> 51;
            texts.extend((digits - 2..=digits + 2).map(|near| decimal(near, count)));
        }
    }
    for kernels in available() {
        let read = count_read(kernels, &texts);
        assert!(read > texts.len() / 2, "{} read {read} of {}", kernels.name, texts.len());
    }
}

/// A whole number of 10^-count as text.
fn decimal(digits: u128, count: u32) -> String {
    let unit = 10_u128.pow(count);
    format!("{}.{:0width$}", digits / unit, digits % unit, width = count as usize)
}

#[test]
fn decimals_of_21_digits_nearest_to_halfway_points_are_read_to_the_last_bit() {
    // Such are D / 10^21 with 2^(32 - e) D = 5^21 M + 1 or - 1, where 2^e is the power of two below it.
    let modulus = 5_u128.pow(21);
    let half = modulus.div_ceil(2);
    // Behind one that every set reads, as some read on in another way.
    let mut texts = vec![String::from("0.5")];
    let mut inverse = (0..29).fold(1, |inverse, _| inverse * half % modulus);
    for exponent in (-8..=3).rev() {
        let scaled = |power: i32| (10_u128.pow(21) << 12) >> (12 - power);
        let (low, high) = (scaled(exponent), scaled(exponent + 1).min(10_u128.pow(22)));
        for residue in [inverse, modulus - inverse] {
            let first = low.next_multiple_of(modulus) + residue;
            let step = modulus * ((high - low) / modulus / 2_000).max(1);
            let step = usize::try_from(step).expect("a 64 bit number");
            texts.extend((first..high).step_by(step).map(|digits| decimal(digits, 21)));
        }
        inverse = inverse * half % modulus;
    }
    for kernels in available() {
        count_read(kernels, &texts);
    }
}

#[test]
fn text_that_is_not_a_plain_decimal_is_left() {
    let odd = [
        "1",
        "-1",
        "",
        "-",
        ".5",
        "-.5",
        "1.",
        "-1.",
        "01.5",
        "10.5",
        "+1.5",
        "--1.5",
        "1-1.5",
        "1..5",
        "1.5.5",
        "1e5",
        "1.5e5",
        "1.5E5",
        "1.5e-5",
        " 1.5",
        "1.5 ",
        "1 .5",
        "1.5]",
        "[1.5",
        "\"1.5\"",
        "null",
        "1.5/",
        "1.5:",
        "1.5;5",
        "1.\u{b5}5",
        "1.5\0",
        "x.5",
        "/.5",
        ":.5",
        "........................................................................",
        "1.00000000000000000000000",
        "0.0000000000000000000000001",
    ];
    for (odd, count) in odd.into_iter().flat_map(|odd| [(odd, 1), (odd, 40)]) {
        for (before, length) in (0..18).flat_map(|before| [1, 4, 9, 15].map(|length| (before, length))) {
            // So that they are at every place of a group, and at different ones of a block of 64 bytes.
            let mut texts = vec![format!("-0.{}", "5".repeat(length)); before + count + 12];
            texts[before..before + count].fill(String::from(odd));
            for kernels in available() {
                let read = decimals(kernels, &texts).iter().map(Option::is_some).collect::<Vec<_>>();
                let right =
                    (0..texts.len()).map(|index| !(before..before + count).contains(&index)).collect::<Vec<_>>();
                assert_eq!(read, right, "{} {odd:?}", kernels.name);
            }
        }
    }
}

#[test]
fn an_empty_number_behind_many_commas_is_left() {
    // Where a block of 64 bytes begins with a comma, the shortest numbers leave room in it for a seventeenth.
    for (length, before) in (1..=4).flat_map(|length| (0..40).map(move |before| (length, before))) {
        let mut texts = vec![String::from("0.5"); before + 40];
        texts[0] = String::from("0.25");
        texts[1] = format!("0.{}", "5".repeat(length));
        texts[before + 2] = String::new();
        for kernels in available() {
            let left = decimals(kernels, &texts).iter().position(Option::is_none);
            assert_eq!(left, Some(before + 2), "{} {length}", kernels.name);
        }
    }
}

#[test]
fn every_byte_of_a_decimal_counts() {
    let is_plain = |text: &str| {
        let magnitude = text.strip_prefix('-').unwrap_or(text).as_bytes();
        magnitude.len() > 2
            && magnitude[1] == b'.'
            && magnitude.iter().filter(|byte| byte.is_ascii_digit()).count() == magnitude.len() - 1
    };
    let mut texts = Vec::new();
    for length in 1..=24 {
        for sign in ["", "-"] {
            let right = format!("{sign}7.{}", &"123456789098765432123456"[..length]);
            for (at, byte) in (0..right.len()).flat_map(|at| b"/:.-+eE \n\0\x7f".map(move |byte| (at, byte))) {
                let mut wrong = right.clone();
                wrong.replace_range(at..=at, char::from(byte).encode_utf8(&mut [0]));
                texts.extend([wrong, right.clone(), String::from("-0.25")]);
            }
        }
    }
    for kernels in available() {
        for (text, number) in texts.iter().zip(decimals(kernels, &texts)) {
            let right = number.is_none_or(|number| is_plain(text) && text.parse() == Ok(number));
            assert!(right, "{} {text:?} {number:?}", kernels.name);
        }
    }
}

#[test]
fn decimals_are_read_up_to_the_end_of_a_text() {
    let items: Vec<String> = numbers(200, 8)
        .iter()
        .enumerate()
        .map(|(index, number)| format!("{:.*},", 1 + index % 17, number % 1.0))
        .collect();
    let list = items.concat();
    let cuts = (0..40).map(|before| (before, list.len())).chain((0..list.len()).map(|end| (32, end)));
    for (before, end) in cuts {
        let text = " ".repeat(before) + &list[..end];
        for kernels in available() {
            let mut found = Vec::new();
            let stop = (kernels.decimals)(text.as_bytes(), before, &mut found);
            let read = &items[..found.len()];
            let right: Vec<f64> =
                read.iter().map(|item| item.trim_end_matches(',').parse().expect("a number")).collect();
            assert_eq!((stop, found), (before + read.concat().len(), right), "{} {before} {end}", kernels.name);
            assert!(
                before < 32 || text.len() - stop < 100,
                "{} left {} bytes of {}",
                kernels.name,
                text.len() - stop,
                end
            );
        }
    }
}
