//! Random operations on an index and on a plain list that does the same naively.

use super::*;
use proptest::prelude::*;

/// Two dimensions and few values, so that ties and identical vectors are common.
type Values = (i8, i8);

#[derive(Debug, Clone)]
enum Operation {
    Push(Option<Values>),
    /// Of the row at this share of all rows, in 1/256; sometimes one that never was.
    Remove(u8),
    /// Takes a plan if one is due; it is built and adopted by the next `Adopt`.
    Plan,
    Adopt,
    Nearest(Values, usize),
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let values = || (-5_i8..=5, 1_i8..=5);
    let operation = prop_oneof![
        8 => proptest::option::weighted(0.9, values()).prop_map(Operation::Push),
        3 => any::<u8>().prop_map(Operation::Remove),
        1 => Just(Operation::Plan),
        1 => Just(Operation::Adopt),
        3 => (values(), 0_usize..30).prop_map(|(v, count)| Operation::Nearest(v, count)),
    ];
    proptest::collection::vec(operation, 1..250)
}

fn quantized(values: Values) -> QuantizedVector {
    QuantizedVector { scale: 1.0, values: vec![values.0, values.1] }
}

fn cosine(a: Values, b: Values) -> f64 {
    let norm = |v: Values| f64::from(v.0).hypot(f64::from(v.1));
    let dot = f64::from(a.0) * f64::from(b.0) + f64::from(a.1) * f64::from(b.1);
    dot / (norm(a) * norm(b))
}

#[derive(Default)]
struct Model {
    /// Per row: its vector, and whether it is live.
    rows: Vec<(Option<Values>, bool)>,
}

impl Model {
    fn score(&self, query: Values, row: usize) -> f64 {
        match self.rows[row] {
            (Some(values), true) => cosine(query, values),
            _ => 0.0,
        }
    }

    /// Scores of what may be found, best first.
    fn best_scores(&self, query: Values, count: usize) -> Vec<f64> {
        let findable = self.rows.iter().filter(|(_, live)| *live).filter_map(|(values, _)| *values);
        let mut scores: Vec<f64> = findable.map(|values| cosine(query, values)).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        scores.truncate(count);
        scores
    }
}

fn check_nearest(index: &VectorIndex, model: &Model, query: Values, count: usize) {
    let prepared = QueryVector::from(&quantized(query));
    let nearest = index.nearest(&prepared, count).unwrap();
    let expected = model.best_scores(query, count);
    assert_eq!(nearest.len(), expected.len());
    assert!(
        nearest.is_sorted_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)).is_lt()),
        "{nearest:?}"
    );
    for (row, score) in &nearest {
        assert!(index.is_live(*row));
        assert!((f64::from(*score) - model.score(query, *row as usize)).abs() < 1e-6);
    }
    if index.scans_exactly() {
        for ((_, score), expected) in nearest.iter().zip(expected) {
            assert!((f64::from(*score) - expected).abs() < 1e-6);
        }
    }
    let mut scores = Vec::new();
    index.score_all(&prepared, &mut scores);
    assert_eq!(scores.len(), model.rows.len());
    for (row, score) in scores.iter().enumerate() {
        assert!((f64::from(*score) - model.score(query, row)).abs() < 1e-6);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn the_index_does_what_a_list_does(operations in operations()) {
        let settings = IndexSettings { exact_rows_max: 20, ..SMALL };
        let mut index = VectorIndex::new(2, settings);
        let mut model = Model::default();
        let mut planned = None;
        for operation in operations {
            match operation {
                Operation::Push(values) => {
                    let vector = values.map(quantized);
                    let key = AtomNo(3 * index.len() as u64);
                    let row = index.push(key, vector.as_ref()).unwrap();
                    prop_assert_eq!(row as usize, model.rows.len());
                    prop_assert_eq!(index.row_of(key), Some(row));
                    model.rows.push((values, true));
                }
                Operation::Remove(share) => {
                    let row = usize::from(share) * (model.rows.len() + 1) / 256;
                    index.remove(u32::try_from(row).unwrap());
                    if let Some((_, live)) = model.rows.get_mut(row) {
                        *live = false;
                    }
                }
                Operation::Plan => planned = index.plan_build(),
                Operation::Adopt => {
                    if let Some(build) = planned.take() {
                        index.adopt(build.build().unwrap());
                    }
                }
                Operation::Nearest(query, count) => check_nearest(&index, &model, query, count),
            }
            let live = model.rows.iter().filter(|(_, live)| *live).count();
            prop_assert_eq!(index.live_count(), live);
            prop_assert_eq!(index.dead_count(), model.rows.len() - live);
        }
    }
}
