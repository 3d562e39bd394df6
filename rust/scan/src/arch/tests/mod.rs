//! Every set of kernels that this CPU can run keeps to the contract.

mod decimals;

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

/// The halves of the codes of rows one after the other, and the rows among them.
struct Coded {
    lines: usize,
    halves: [Vec<Quad>; 2],
}

impl Coded {
    fn new(dimension: usize, rows: usize) -> Self {
        let lines = half_lines(dimension);
        Self { lines, halves: [(); 2].map(|()| vec![Quad::default(); lines * rows.div_ceil(QUAD_ROWS)]) }
    }

    fn encode<T: Number>(&mut self, kernels: &Kernels, index: usize, row: &[T]) -> Encoded {
        let quads = index / QUAD_ROWS * self.lines..(index / QUAD_ROWS + 1) * self.lines;
        T::encode(kernels, row, self.halves.each_mut().map(|half| &mut half[quads.clone()]), index % QUAD_ROWS)
    }

    fn row(&self, index: usize) -> CodedRow<'_> {
        let quads = index / QUAD_ROWS * self.lines..(index / QUAD_ROWS + 1) * self.lines;
        CodedRow { halves: self.halves.each_ref().map(|half| &half[quads.clone()]), lane: index % QUAD_ROWS }
    }

    fn bytes(&self) -> Vec<u8> {
        self.halves.iter().flatten().flatten().flat_map(|line| line.0).collect()
    }
}

/// The upper halves of a row's codes, or the whole, in order and filled up with zeros.
fn codes_of(CodedRow { halves, lane }: CodedRow, whole: bool) -> Vec<u8> {
    let half = |half: &[Quad]| -> Vec<u8> {
        let lines = half.iter().map(|quad| quad[lane].0);
        lines.flat_map(|line| line.map(|byte| byte >> 4).into_iter().chain(line.map(|byte| byte & 0x0f))).collect()
    };
    let [upper, lower] = halves.map(half);
    if whole { upper.iter().zip(lower).map(|(upper, lower)| 16 * upper + lower).collect() } else { upper }
}

/// The sum of products of a plane and codes.
fn sum(plane: &[Line<i8>], codes: &[u8]) -> i32 {
    let plane: Vec<i8> = plane.iter().flat_map(|line| line.0).collect();
    assert_eq!(plane.len(), codes.len());
    plane.into_iter().zip(codes).map(|(a, &b)| i32::from(a) * i32::from(b)).sum()
}

#[test]
fn codes_are_components_in_steps() {
    for dimension in [1, 64, 65, 128, 129, 384] {
        let row = numbers(dimension, 3);
        let mut rows = Coded::new(dimension, 1);
        let Encoded { inverse, upper, whole } = rows.encode(&portable::KERNELS, 0, &row);
        let codes = codes_of(rows.row(0), true);
        let lost = |value: fn(u8) -> f64| {
            row.iter().zip(&codes).map(|(x, &code)| (x * inverse - value(code)).powi(2)).sum::<f64>()
        };
        let upper_lost = lost(|code| f64::from(code & 0xf0) - 16.0 * f64::from(UPPER_BIAS));
        let whole_lost = lost(|code| f64::from(code) - f64::from(BIAS));
        for (found, expected) in [(upper.lost, upper_lost), (whole.lost, whole_lost)] {
            assert!((f64::from(found) - expected).abs() <= 1e-4 * expected, "{dimension}: {found} {expected}");
        }
        let codes = &codes[..dimension];
        let squares = |value: fn(i32) -> i32| codes.iter().map(|&code| value(code.into()).pow(2)).sum::<i32>();
        let upper_squares = squares(|code| code / 16 - i32::from(UPPER_BIAS)).into();
        assert_eq!(upper, Coding { squares: upper_squares, ..upper }, "{dimension}");
        let whole_squares = squares(|code| code - i32::from(BIAS)).into();
        assert_eq!(whole, Coding { squares: whole_squares, ..whole }, "{dimension}");
        for (x, &code) in row.iter().zip(codes) {
            let code = f64::from(code) - f64::from(BIAS);
            assert!((x * inverse - code).abs() <= 0.501 && code.abs() <= f64::from(LARGEST_CODE), "{dimension}");
        }
    }
}

#[test]
fn codes_and_their_sums_are_the_same_on_every_cpu() {
    for dimension in (1..200).chain([384, 1536, 4096]) {
        let query = numbers(dimension, 7);
        let empty = || vec![Line::default(); 2 * half_lines(dimension)];
        let (mut upper, mut lower) = (empty(), empty());
        let planes = (portable::KERNELS.planes)(&query, &mut upper, &mut lower);
        let rows: Vec<Vec<f64>> = (0..2 * QUAD_ROWS as u64 + 3).map(|seed| numbers(dimension, seed)).collect();
        let encode = |kernels: &Kernels| {
            let mut coded = Coded::new(dimension, rows.len());
            let mut encoded = Vec::new();
            for (index, row) in rows.iter().enumerate() {
                // The same rows in float32 are coded first, and their codes then written over.
                let narrow = coded.encode(kernels, index, &narrow(row));
                let sum: u32 = codes_of(coded.row(index), true).into_iter().map(u32::from).sum();
                let wide = coded.encode(kernels, index, row);
                encoded.push((narrow, sum, wide));
            }
            (coded, encoded)
        };
        let (coded, encoded) = encode(&portable::KERNELS);
        for kernels in available() {
            let at = format!("{} {dimension}", kernels.name);
            let (mut same_upper, mut same_lower) = (empty(), empty());
            let same = (kernels.planes)(&query, &mut same_upper, &mut same_lower);
            assert_eq!(same, planes, "{at}");
            let (same_coded, same_encoded) = encode(kernels);
            assert_eq!(same_encoded, encoded, "{at}");
            assert_eq!(same_coded.bytes(), coded.bytes(), "{at}");
            for (plane, same_plane) in [(&upper, &same_upper), (&lower, &same_lower)] {
                assert!(plane.iter().zip(same_plane).all(|(a, b)| a.0 == b.0), "{at}");
            }
            let mixed = [3, 0, 5, 1].map(|index| coded.row(index));
            let planes = [&upper[..], &lower];
            let expected = planes.map(|plane| mixed.map(|row| sum(plane, &codes_of(row, true))));
            assert_eq!((kernels.row_sums)(planes, &mixed), expected, "{at}");
            for count in (0..rows.len()).step_by(QUAD_ROWS) {
                let block = &coded.halves[0][..count / QUAD_ROWS * coded.lines];
                let right = |plane: &[Line<i8>], sums: &[i32]| {
                    (0..count).all(|index| sums[index] == sum(plane, &codes_of(coded.row(index), false)))
                };
                let mut sums = [[-1; BLOCK_ROWS]];
                (kernels.block_sums)([&upper], block, &mut sums);
                assert!(right(&upper, &sums[0]), "{at}");
                let halves = coded.halves.each_ref().map(|half| &half[..block.len()]);
                let swapped = [planes[0], planes[1], planes[1], planes[0]];
                let (mut one, mut two) = ([[-1; BLOCK_ROWS]; 2], [[-1; BLOCK_ROWS]; 4]);
                (kernels.whole_sums)(planes, halves, &mut one);
                (kernels.two_whole_sums)(swapped, halves, &mut two);
                for (plane, sums) in planes.iter().chain(&swapped).zip(one.iter().chain(&two)) {
                    assert!(
                        (0..count).all(|index| sums[index] == sum(plane, &codes_of(coded.row(index), true))),
                        "{at}"
                    );
                }
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
    let lines = half_lines(*crate::bounds::DIMENSIONS.end());
    let quads = &vec![[Line([255; Line::<u8>::LEN]); QUAD_ROWS]; lines][..];
    for kernels in available() {
        for extreme in [-128, 127] {
            let plane = &vec![Line([extreme; Line::<i8>::LEN]); 2 * lines][..];
            let sum = i32::from(extreme) * (1 << 16);
            let sums = (kernels.row_sums)([plane; 2], &[CodedRow { halves: [quads; 2], lane: 1 }; QUAD_ROWS]);
            assert_eq!(sums, [[255 * sum; QUAD_ROWS]; 2], "{}", kernels.name);
            let mut sums = [[0; BLOCK_ROWS]];
            (kernels.block_sums)([plane], quads, &mut sums);
            assert_eq!(sums[0][..QUAD_ROWS], [15 * sum; QUAD_ROWS], "{}", kernels.name);
        }
    }
}
