//! Every set of kernels that this CPU can run keeps to the contract.

use super::*;

/// Numbers of all magnitudes with both signs, the same ones every time.
fn numbers(len: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            #[expect(clippy::cast_precision_loss, reason = "any number will do")]
            let unit = (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
            unit * [1.0, 1e-3, 1e6, 1e-30][(state >> 5) as usize % 4]
        })
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "a float32 is wanted")]
fn narrow(numbers: &[f64]) -> Vec<f32> {
    numbers.iter().map(|&x| x as f32).collect()
}

#[test]
fn exact_kernels_have_the_bits_of_sequential_sums() {
    for kernels in available() {
        for dimension in (0..70).chain([384, 1536]) {
            let query = numbers(dimension, 7);
            let wide: Vec<Vec<f64>> = (0..EXACT_ROWS as u64).map(|seed| numbers(dimension, seed)).collect();
            let small: Vec<Vec<f32>> = wide.iter().map(|row| narrow(row)).collect();
            let wide: [&[f64]; EXACT_ROWS] = std::array::from_fn(|i| &wide[i][..]);
            let small: [&[f32]; EXACT_ROWS] = std::array::from_fn(|i| &small[i][..]);
            exact_kernels_match(kernels, &query, wide);
            exact_kernels_match(kernels, &query, small);
        }
    }
}

fn exact_kernels_match<T: Number>(kernels: &Kernels, query: &[f64], rows: [&[T]; EXACT_ROWS]) {
    let sum = |row: &[T], term: fn(f64, f64) -> f64| {
        query.iter().zip(row).fold(0.0, |sum, (&a, &b)| sum + term(a, b.into())).to_bits()
    };
    let at = format!("{} {}", kernels.name, query.len());
    let bits = |sums: [f64; EXACT_ROWS]| sums.map(f64::to_bits);
    assert_eq!(bits(T::dots(kernels, query, rows)), rows.map(|row| sum(row, |a, b| a * b)), "{at}");
    assert_eq!(bits(T::distances(kernels, query, rows)), rows.map(|row| sum(row, |a, b| (a - b) * (a - b))), "{at}");
}

#[test]
fn panels_have_the_bits_of_sequential_sums() {
    for kernels in available() {
        for dimension in (0..20).chain([384]) {
            let query = numbers(dimension, 7);
            let wide = numbers(dimension * PANEL_ROWS, 3);
            panels_match(kernels, &query, &wide);
            panels_match(kernels, &query, &narrow(&wide));
        }
    }
}

fn panels_match<T: Number>(kernels: &Kernels, query: &[f64], panel: &[T]) {
    let sums = |term: fn(f64, f64) -> f64| {
        let sum = |lane| {
            query
                .iter()
                .zip(panel[lane..].iter().step_by(PANEL_ROWS))
                .fold(0.0, |sum, (&a, &b)| sum + term(a, b.into()))
        };
        (0..PANEL_ROWS.min(panel.len())).map(sum).map(f64::to_bits).collect::<Vec<_>>()
    };
    let bits = |sums: [f64; PANEL_ROWS]| {
        sums[..PANEL_ROWS.min(panel.len())].iter().map(|sum| sum.to_bits()).collect::<Vec<_>>()
    };
    let at = format!("{} {}", kernels.name, query.len());
    assert_eq!(bits(T::panel_dots(kernels, query, panel)), sums(|a, b| a * b), "{at}");
    assert_eq!(bits(T::panel_distances(kernels, query, panel)), sums(|a, b| (a - b) * (a - b)), "{at}");
}

#[test]
fn codes_and_their_sums_are_the_same_on_every_cpu() {
    for dimension in (1..200).chain([384, 1536, 4096]) {
        let query = numbers(dimension, 7);
        let lines = Line::<u8>::needed(dimension);
        let empty = || vec![Line::default(); lines];
        let (mut upper, mut lower) = (empty(), empty());
        let planes = (portable::KERNELS.planes)(&query, &mut upper, &mut lower);
        let rows: Vec<Vec<f64>> = (0..2 * FIRST_ROWS as u64 + 3).map(|seed| numbers(dimension, seed)).collect();
        let encode = |kernels: &Kernels| {
            let mut codes = vec![Quad::default(); lines * rows.len().div_ceil(FIRST_ROWS)];
            let mut encoded = Vec::new();
            for (index, row) in rows.iter().enumerate() {
                let (codes, lane) = (&mut codes[index / FIRST_ROWS * lines..][..lines], index % FIRST_ROWS);
                // The same rows in float32 are coded first, and their codes then written over.
                let narrow = f32::encode(kernels, &narrow(row), codes, lane);
                let sum: i32 = codes.iter().flat_map(|quad| quad[lane].0).map(i32::from).sum();
                encoded.push((narrow.inverse, narrow.squares, sum));
                let wide = f64::encode(kernels, row, codes, lane);
                encoded.push((wide.inverse, wide.squares, 0));
            }
            (codes, encoded)
        };
        let (codes, encoded) = encode(&portable::KERNELS);
        let row =
            |index: usize| CodedRow { quads: &codes[index / FIRST_ROWS * lines..][..lines], lane: index % FIRST_ROWS };
        for kernels in available() {
            let at = format!("{} {dimension}", kernels.name);
            let (mut same_upper, mut same_lower) = (empty(), empty());
            let same = (kernels.planes)(&query, &mut same_upper, &mut same_lower);
            assert_eq!((same.inverse, same.sums, same.squares), (planes.inverse, planes.sums, planes.squares), "{at}");
            let (same_codes, same_encoded) = encode(kernels);
            assert_eq!(same_encoded, encoded, "{at}");
            assert!(same_codes.iter().flatten().zip(codes.iter().flatten()).all(|(a, b)| a.0 == b.0), "{at}");
            for (plane, same_plane) in [(&upper, &same_upper), (&lower, &same_lower)] {
                assert!(plane.iter().zip(same_plane).all(|(a, b)| a.0 == b.0), "{at}");
            }
            let sum = |plane: &[Line<i8>], row: CodedRow| -> i32 {
                let products = |(a, b): (&Line<i8>, &Line<u8>)| {
                    a.0.iter().zip(b.0).map(|(&a, b)| i32::from(a) * i32::from(b)).sum::<i32>()
                };
                plane.iter().zip(row.quads.iter().map(|quad| &quad[row.lane])).map(products).sum()
            };
            let mixed = [3, 0, 5, 1].map(row);
            let planes = [&upper[..], &lower];
            assert_eq!((kernels.row_sums)(planes, mixed), planes.map(|plane| mixed.map(|row| sum(plane, row))), "{at}");
            for count in (0..rows.len()).step_by(FIRST_ROWS) {
                let block = &codes[..count / FIRST_ROWS * lines];
                let right =
                    |plane: &[Line<i8>], sums: &[i32]| (0..count).all(|index| sums[index] == sum(plane, row(index)));
                let mut sums = [[-1; BLOCK_ROWS]; 2];
                let precision = (kernels.block_sums)(planes, block, &mut sums);
                assert!(right(&upper, &sums[0]), "{at}");
                assert!(precision == Precision::Upper || right(&lower, &sums[1]), "{at}");
                let planes = [&upper[..], &lower, &lower, &upper];
                let mut sums = [[-1; BLOCK_ROWS]; FIRST_QUERIES];
                (kernels.many_sums)(planes, block, &mut sums);
                assert!(planes.iter().zip(sums).all(|(plane, sums)| right(plane, &sums)), "{at}");
            }
        }
    }
}

#[test]
fn sums_of_the_longest_vectors_do_not_overflow() {
    let lines = *crate::bounds::DIMENSIONS.end() / Line::<u8>::LEN;
    let quads = &vec![[Line([255; Line::<u8>::LEN]); FIRST_ROWS]; lines][..];
    let row = CodedRow { quads, lane: 1 };
    for kernels in available() {
        for extreme in [-128, 127] {
            let plane = vec![Line([extreme; Line::<i8>::LEN]); lines];
            let sum = 255 * i32::from(extreme) * (1 << 16);
            let sums = (kernels.row_sums)([&plane; 2], [row; FIRST_ROWS]);
            assert_eq!(sums, [[sum; FIRST_ROWS]; 2], "{}", kernels.name);
        }
    }
}

/// What a set reads of numbers with a comma behind each: `None` for one that it leaves.
fn decimals(kernels: &Kernels, texts: &[String]) -> Vec<Option<f64>> {
    // Numbers at the very beginning or end of a text are left, so there is something around these.
    let text = format!("{}{},{}", " ".repeat(32), texts.join(","), " ".repeat(64));
    let (mut start, mut found) = (32, Vec::new());
    while found.len() < texts.len() {
        let mut numbers = Vec::new();
        let stop = (kernels.decimals)(text.as_bytes(), start, &mut numbers);
        found.extend(numbers.into_iter().map(Some));
        if let Some(left) = texts.get(found.len()) {
            found.push(None);
            start = stop + left.len() + 1;
        }
    }
    found
}

#[test]
fn decimals_are_read_to_the_last_bit() {
    let simple = ["0.0", "-0.0", "9.5", "-1.0", "0.99999999999999999", "0.00000000000000000001"];
    let mut texts: Vec<String> = simple.map(String::from).into();
    for (index, number) in numbers(20_000, 5).into_iter().enumerate() {
        texts.push(format!("{:.*}", 1 + index % 24, number % 10.0));
        texts.push(format!("{}", number % 1.0));
    }
    // As near to halfway between two float64s as 18 digits get: from 4 to 8 they are 2^-50 apart.
    let unit = 10_u128.pow(18);
    for number in numbers(5_000, 6) {
        let halfway = u128::from((1 << 53) | (number.to_bits() % (1 << 53)) | 1);
        let digits = (halfway * unit) >> 51;
        texts.extend((digits - 2..=digits + 2).map(|near| format!("{}.{:018}", near / unit, near % unit)));
    }
    for kernels in available() {
        let found = decimals(kernels, &texts);
        let read = found.iter().flatten().count();
        for (text, number) in texts.iter().zip(found) {
            let expected = text.parse::<f64>().expect("a number");
            let right = number.is_none_or(|number| number.to_bits() == expected.to_bits());
            assert!(right, "{} {text} {number:?}", kernels.name);
        }
        assert!(read > texts.len() / 2, "{} read {read} of {}", kernels.name, texts.len());
    }
}

#[test]
fn what_is_not_a_plain_decimal_is_left() {
    for odd in [
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
        "1.00000000000000000000000",
        "0.0000000000000000000000001",
        "0.12345678901234567890",
        "1.0000000000000000000",
    ] {
        for length in 1..=16 {
            // So that its comma is at different places of a block of 64 bytes.
            let texts = [format!("0.{}", "5".repeat(length)), String::from(odd), String::from("-0.5")];
            for kernels in available() {
                let read = decimals(kernels, &texts).iter().map(Option::is_some).collect::<Vec<_>>();
                assert_eq!(read, [true, false, true], "{} {odd:?}", kernels.name);
            }
        }
    }
}
