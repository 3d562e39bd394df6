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
fn dots_of_float32_numbers_have_the_bits_of_sequential_sums() {
    for kernels in available() {
        for dimension in (0..40).chain([384]) {
            // Their products reach from the least to the largest, and cancel each other.
            let extremes = [0.0, -0.0, 1e-45, -1e-45, f32::MIN_POSITIVE, f32::MAX, f32::MIN, 1.0, -1.0];
            let float32 = |seed: usize| {
                let number = |(index, x): (usize, f32)| match (index + 3) * (index + seed) % 19 {
                    extreme @ ..9 => extremes[extreme],
                    _ => x,
                };
                narrow(&numbers(dimension, seed as u64))
                    .into_iter()
                    .enumerate()
                    .map(number)
                    .map(f64::from)
                    .collect::<Vec<_>>()
            };
            let (query, rows) = (float32(7), (0..PANEL_ROWS).map(float32).collect::<Vec<_>>());
            let sum = |row: &[f64]| query.iter().zip(row).fold(0.0, |sum, (a, b)| sum + a * b).to_bits();
            let right: Vec<u64> = rows.iter().map(|row| sum(row)).collect();
            let rows: Vec<Vec<f32>> = rows.iter().map(|row| narrow(row)).collect();
            let some: [&[f32]; EXACT_ROWS] = std::array::from_fn(|i| &rows[i][..]);
            let at = format!("{} {dimension}", kernels.name);
            assert_eq!((kernels.narrow_dots)(&query, some).map(f64::to_bits)[..], right[..EXACT_ROWS], "{at}");
            let panel: Vec<f32> = (0..dimension).flat_map(|column| rows.iter().map(move |row| row[column])).collect();
            assert_eq!((kernels.narrow_panel_dots)(&query, &panel).map(f64::to_bits)[..], right, "{at}");
        }
    }
}

#[test]
fn projections_are_the_same_on_every_set() {
    for dimension in [0, 1, 300] {
        let matrix: Vec<[f32; OUTLINE]> =
            (0..dimension as u64).map(|seed| std::array::from_fn(|i| narrow(&numbers(OUTLINE, seed))[i])).collect();
        for count in 0..2 * PROJECTED_ROWS {
            let rows: Vec<Vec<f32>> = (0..count as u64).map(|seed| narrow(&numbers(dimension, 7 + seed))).collect();
            let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
            let sum = |row: &[f32], lane: usize| {
                row.iter().zip(&matrix).fold(0.0_f32, |sum, (x, column)| sum + x * column[lane]).to_bits()
            };
            for kernels in available() {
                let mut projected = vec![[f32::NAN; OUTLINE]; count];
                (kernels.project)(&rows, &matrix, &mut projected);
                for (row, projected) in rows.iter().zip(projected) {
                    assert_eq!(
                        projected.map(f32::to_bits),
                        std::array::from_fn(|lane| sum(row, lane)),
                        "{}",
                        kernels.name
                    );
                }
            }
        }
    }
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

/// The codes of rows one after the other.
struct Coded {
    dimension: usize,
    strips: [Vec<Line<u8>>; 2],
    fine: Vec<Line<u8>>,
}

impl Coded {
    fn new(dimension: usize, rows: usize) -> Self {
        let strips = rows.div_ceil(STRIP_ROWS) * strip_lines(dimension);
        Self {
            dimension,
            strips: [(); 2].map(|()| vec![Line::default(); strips]),
            fine: vec![Line::default(); rows * row_lines(dimension)],
        }
    }

    fn encode<T: Number>(&mut self, kernels: &Kernels, index: usize, row: &[T]) -> Encoded {
        let (lines, width) = (strip_lines(self.dimension), row_lines(self.dimension));
        let norm = row.iter().fold(0.0, |sum, &x| sum + x.into() * x.into()).sqrt();
        let place = Place {
            strips: self.strips.each_mut().map(|strips| &mut strips[index / STRIP_ROWS * lines..][..lines]),
            lane: index % STRIP_ROWS,
            fine: &mut self.fine[index * width..][..width],
        };
        T::encode(kernels, row, norm, place)
    }

    /// The bits of a row's coarse codes in a half of strips, in order.
    fn two_bits(&self, half: usize, row: usize) -> Vec<u8> {
        let lines = &self.strips[half][row / STRIP_ROWS * strip_lines(self.dimension)..];
        let code = |column: usize| {
            let byte = lines[column / 16].0[4 * (row % STRIP_ROWS) + column % 4];
            byte >> (2 * (column % 16 / 4)) & 3
        };
        (0..self.dimension).map(code).collect()
    }

    fn fine(&self, row: usize) -> &[Line<u8>] {
        let width = row_lines(self.dimension);
        &self.fine[row * width..][..width]
    }

    fn bytes(&self) -> Vec<u8> {
        self.strips.iter().flatten().chain(&self.fine).flat_map(|line| line.0).collect()
    }
}

/// The sum of products of a plane and codes.
fn sum(plane: &[Line<i8>], codes: impl IntoIterator<Item = u8>) -> i32 {
    let plane = plane.iter().flat_map(|line| line.0);
    plane.zip(codes).map(|(a, code)| i32::from(a) * i32::from(code)).sum()
}

#[test]
fn codes_are_components_in_steps() {
    for dimension in [1, 64, 65, 128, 129, 384] {
        let row = numbers(dimension, 3);
        let mut rows = Coded::new(dimension, 1);
        let Encoded { coarse_inverse, two, four, fine_inverse, eight } = rows.encode(&portable::KERNELS, 0, &row);
        let (upper, lower) = (rows.two_bits(0, 0), rows.two_bits(1, 0));
        let coded = |code: u8, largest: f64| 2.0 * f64::from(code) - largest;
        let by_two: Vec<f64> = upper.iter().map(|&code| coded(code, 3.0)).collect();
        let by_four: Vec<f64> = upper.iter().zip(&lower).map(|(upper, lower)| coded(4 * upper + lower, 15.0)).collect();
        let fine = rows.fine(0).iter().flat_map(|line| line.0).take(dimension);
        let by_eight: Vec<f64> = fine.map(|code| f64::from(code) - f64::from(BIAS)).collect();
        let all = [
            (two, by_two, coarse_inverse, f64::from(crate::bounds::TWO_BITS)),
            (four, by_four, coarse_inverse, 0.5),
            (eight, by_eight, fine_inverse, 1.0),
        ];
        for (found, codes, inverse, step) in all {
            let lost: f64 = row.iter().zip(&codes).map(|(x, code)| (x * inverse - step * code).powi(2)).sum();
            assert!((f64::from(found.lost) - lost).abs() <= 1e-4 * lost, "{dimension}: {found:?} {lost}");
            assert_eq!(found.squares.to_bits(), codes.iter().map(|code| code * code).sum::<f64>().to_bits());
        }
    }
}

#[test]
fn codes_and_their_sums_are_the_same_on_every_set() {
    for dimension in [1, 31, 64, 65, 128, 129, 384, 1000] {
        let query = numbers(dimension, 7);
        let empty = || vec![Line::default(); row_lines(dimension)];
        let (mut upper, mut lower) = (empty(), empty());
        let planes = (portable::KERNELS.planes)(&query, &mut upper, &mut lower);
        let rows: Vec<Vec<f64>> = (0..2 * STRIP_ROWS as u64 + 3).map(|seed| numbers(dimension, seed)).collect();
        let encode = |kernels: &Kernels| {
            let mut coded = Coded::new(dimension, rows.len());
            let mut encoded = Vec::new();
            for (index, row) in rows.iter().enumerate() {
                // The same rows in float32 are coded first, and their codes then written over.
                let narrow = coded.encode(kernels, index, &narrow(row));
                let sum: u32 = coded.bytes().into_iter().map(u32::from).sum();
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
            for count in 0..8 {
                let mixed = [3, 0, 5, 1, 34, 2, 2, 20];
                let fine: Vec<&[Line<u8>]> = mixed[..count].iter().map(|&row| coded.fine(row)).collect();
                let mut sums = [[-1; BLOCK_ROWS]; 2];
                (kernels.row_sums)([&upper, &lower], &fine, sums.each_mut());
                for (plane, sums) in [&upper, &lower].into_iter().zip(sums) {
                    let right = |row: &[Line<u8>]| sum(plane, row.iter().flat_map(|line| line.0));
                    assert!(fine.iter().zip(sums).all(|(row, found)| right(row) == found), "{at}");
                }
                let block = &coded.fine[..count * row_lines(dimension)];
                let planes = [&upper[..], &lower, &lower, &upper];
                let (mut sums, mut two_sums) = ([[-1; BLOCK_ROWS]; 2], [[-1; BLOCK_ROWS]; 4]);
                let mut one_sum = [[-1; BLOCK_ROWS]];
                (kernels.one_plane_sums)([&upper], block, one_sum.each_mut());
                (kernels.two_plane_sums)([&upper, &lower], block, sums.each_mut());
                (kernels.four_plane_sums)(planes, block, two_sums.each_mut());
                let all = one_sum.iter().chain(&sums).chain(&two_sums);
                for (plane, sums) in planes[..1].iter().chain(&planes[..2]).chain(&planes).zip(all) {
                    let right = |row| sum(plane, coded.fine(row).iter().flat_map(|line| line.0));
                    assert!((0..count).all(|row| right(row) == sums[row]), "{at}");
                }
            }
            for halves in [&[0][..], &[1], &[0, 1]] {
                for count in 0..=3 {
                    let block: Vec<&[Line<u8>]> =
                        halves.iter().map(|&half| &coded.strips[half][..count * strip_lines(dimension)]).collect();
                    let right = |plane: &[Line<i8>], sums: &Sums| {
                        let sum = |row| {
                            let bits = halves.iter().map(|&half| sum(plane, coded.two_bits(half, row)));
                            bits.fold(0, |upper, lower| 4 * upper + lower)
                        };
                        (0..rows.len().min(count * STRIP_ROWS)).all(|row| sums[row] == sum(row))
                    };
                    let mut sums = [-1; BLOCK_ROWS];
                    (kernels.strip_sums)([&upper], &block, [&mut sums]);
                    assert!(right(&upper, &sums), "{at}");
                    let planes = [&upper[..], &lower, &lower, &upper];
                    let mut sums = [[-1; BLOCK_ROWS]; FIRST_QUERIES];
                    (kernels.many_sums)(planes, &block, sums.each_mut());
                    assert!(planes.iter().zip(sums).all(|(plane, sums)| right(plane, &sums)), "{at}");
                }
            }
        }
    }
}

#[test]
fn sums_of_the_longest_vectors_do_not_overflow() {
    let dimension = *crate::bounds::DIMENSIONS.end();
    let strip = &vec![Line([255; Line::<u8>::LEN]); strip_lines(dimension)][..];
    let row = &strip[..row_lines(dimension)];
    for kernels in available() {
        for extreme in [-128, 127] {
            let plane = &vec![Line([extreme; Line::<i8>::LEN]); row.len()][..];
            let sum = i32::from(extreme) * (1 << 16);
            let mut sums = [[0; BLOCK_ROWS]; 2];
            (kernels.row_sums)([plane; 2], &[row; 3], sums.each_mut());
            assert!(sums.iter().all(|sums| sums[..3] == [255 * sum; 3]), "{}", kernels.name);
            let mut sums = [[0; BLOCK_ROWS]; 4];
            (kernels.four_plane_sums)([plane; 4], row, sums.each_mut());
            assert!(sums.iter().all(|sums| sums[0] == 255 * sum), "{}", kernels.name);
            let mut sums = [[0; BLOCK_ROWS]];
            (kernels.one_plane_sums)([plane], row, sums.each_mut());
            assert_eq!(sums[0][0], 255 * sum, "{}", kernels.name);
            for (halves, largest) in [(&[strip][..], 3), (&[strip, strip], 15)] {
                let mut sums = [0; BLOCK_ROWS];
                (kernels.strip_sums)([plane], halves, [&mut sums]);
                assert_eq!(sums[..STRIP_ROWS], [largest * sum; STRIP_ROWS], "{}", kernels.name);
                let mut sums = [[0; BLOCK_ROWS]; FIRST_QUERIES];
                (kernels.many_sums)([plane; FIRST_QUERIES], halves, sums.each_mut());
                assert!(sums.iter().all(|sums| sums[..STRIP_ROWS] == [largest * sum; STRIP_ROWS]), "{}", kernels.name);
            }
        }
    }
}
