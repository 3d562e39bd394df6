//! Searches of all kinds over rows of all kinds.

use proptest::{prelude::*, sample::select};
use scan::{Mask, Metric, Search};

use crate::{
    model::{Model, borrowed, check, pushed},
    numbers::{awkward, config, f32_exactly, ordinary},
};

fn dimensions() -> impl Strategy<Value = usize> {
    prop_oneof![1_usize..=40, 32_usize..=80, select(vec![0, 1, 15, 16, 17, 31, 32, 33, 64, 100])]
}

/// How a row relates to a base row of its batch.
#[derive(Clone, Copy, Debug)]
enum Kin {
    Copy,
    Scaled(f64),
    Negated,
    /// One component differs by very little.
    Near(f64),
    Zero,
    Missing,
    Short,
    Own,
}

fn kin() -> impl Strategy<Value = Kin> {
    prop_oneof![
        3 => Just(Kin::Own),
        2 => Just(Kin::Copy),
        1 => select(vec![2.0, 3.0, 0.1, -1.0, 1e-12, 1e-25, 1e-39, 1e19, 1e25, 1e-160, 1e160]).prop_map(Kin::Scaled),
        1 => Just(Kin::Negated),
        3 => select(vec![1e-13, -1e-13, 1e-7, -3e-8, 1e-16]).prop_map(Kin::Near),
        1 => Just(Kin::Zero),
        1 => Just(Kin::Missing),
        1 => Just(Kin::Short),
    ]
}

fn related(kin: Kin, base: &[f64], own: Vec<f64>) -> Option<Vec<f64>> {
    let map = |change: &dyn Fn(f64) -> f64| Some(base.iter().map(|&x| change(x)).collect());
    match kin {
        Kin::Own => Some(own),
        Kin::Copy => Some(base.to_vec()),
        Kin::Scaled(by) => map(&|x| x * by),
        Kin::Negated => map(&|x| -x),
        Kin::Near(by) => {
            let mut near = base.to_vec();
            if let Some(first) = near.first_mut() {
                *first += by;
            }
            Some(near)
        }
        Kin::Zero => map(&|_| 0.0),
        Kin::Missing => None,
        Kin::Short => Some(own[..own.len().saturating_sub(1)].to_vec()).filter(|short| short.len() != own.len()),
    }
}

#[derive(Debug)]
struct Case {
    dimension: usize,
    rows: Model,
    query: Vec<f64>,
    metric: Metric,
    top_k: usize,
    mask: Option<Vec<bool>>,
    min_score: Option<f64>,
}

fn case(number: BoxedStrategy<f64>) -> impl Strategy<Value = Case> {
    (dimensions(), prop_oneof![0_usize..12, 0_usize..150]).prop_flat_map(move |(dimension, count)| {
        let vector = || prop::collection::vec(number.clone(), dimension);
        let row = (kin(), vector(), prop::bool::weighted(0.9)).prop_map(|(kin, own, live)| (kin, own, live));
        (
            prop::collection::vec(row, count),
            vector(),
            prop::collection::vec(number.clone().prop_filter("queries are finite", |x| x.is_finite()), dimension),
            prop::bool::weighted(0.3),
            select(Metric::ALL.to_vec()),
            prop_oneof![1_usize..6, 1_usize..200],
            prop::option::of(prop::collection::vec(any::<bool>(), count)),
            prop::option::weighted(0.3, select(vec![0.0, 0.5, -0.5, 1.0, 0.9, f64::NAN, f64::NEG_INFINITY, 1e10])),
        )
            .prop_map(move |(rows, base, query, base_is_query, metric, top_k, mask, min_score)| {
                let rows: Model =
                    rows.into_iter().map(|(kin, own, live)| live.then(|| related(kin, &base, own))).collect();
                let query = if base_is_query && base.iter().all(|x| x.is_finite()) { base } else { query };
                Case { dimension, rows, query, metric, top_k, mask, min_score }
            })
    })
}

fn check_case(case: &Case) {
    let Case { dimension, rows, query, metric, top_k, mask, min_score } = case;
    let mask = mask.as_ref().map(|mask| Mask::from_bools(mask));
    let search = Search { metric: *metric, top_k: *top_k, mask: mask.as_ref(), min_score: *min_score, threads: 1 };
    check(&pushed(*dimension, rows), rows, query, &search);
    check(&borrowed(*dimension, rows), rows, query, &search);
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn ordinary_rows_rank_as_by_the_reference(case in case(ordinary().boxed())) {
        check_case(&case);
    }

    #[test]
    fn float32_rows_rank_as_by_the_reference(case in case(ordinary().prop_map(f32_exactly).boxed())) {
        check_case(&case);
    }

    #[test]
    fn awkward_rows_rank_as_by_the_reference(case in case(awkward().boxed())) {
        check_case(&case);
    }

    #[test]
    fn awkward_float32_rows_rank_as_by_the_reference(case in case(awkward().prop_map(f32_exactly).boxed())) {
        check_case(&case);
    }
}
