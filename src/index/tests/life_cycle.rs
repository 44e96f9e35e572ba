//! Building, adopting, extending and replacing graphs while rows come and go.

use super::*;

#[test]
fn few_rows_are_scanned_and_no_build_is_due() {
    let mut index = VectorIndex::new(DIMENSIONS, SMALL);
    push_all(&mut index, &clustered(400, 1));
    assert!(index.scans_exactly());
    assert!(index.plan_build().is_none());
    index.push(AtomNo(1_000_000), None).unwrap();
    assert!(index.plan_build().is_none(), "rows without a vector do not count");
    push_all(&mut index, &clustered(1, 2));
    assert!(index.plan_build().is_some_and(|build| build.starts_afresh()));
}

#[test]
fn recall_survives_churn_extension_and_rebuild() {
    let mut index = with_graph(&clustered(1_500, 1));
    assert!(recall_at_10(&index) >= 0.95, "fresh: {}", recall_at_10(&index));

    let mut random = Random(5);
    for round in 0..3 {
        // A quarter of the rows goes, as many come; the graph knows of neither.
        let before = index.len();
        for _ in 0..before / 8 {
            index.remove(u32::try_from(random.below(before)).unwrap());
        }
        push_all(&mut index, &clustered(before / 8, 100 + round));
        let recall = recall_at_10(&index);
        assert!(recall >= 0.95, "round {round}, before the build: {recall}");
        if index.plan_build().is_some() {
            build_and_adopt(&mut index);
        }
        let recall = recall_at_10(&index);
        assert!(recall >= 0.95, "round {round}, after the build: {recall}");
    }
}

#[test]
fn many_new_rows_extend_the_graph_and_many_removals_replace_it() {
    let mut index = with_graph(&clustered(600, 1));
    push_all(&mut index, &clustered(80, 2));
    assert!(index.plan_build().is_none(), "a short tail is scanned");
    push_all(&mut index, &clustered(1, 3));
    assert!(!index.plan_build().unwrap().starts_afresh());
    build_and_adopt(&mut index);
    assert!(recall_at_10(&index) >= 0.95);

    for row in 0..204 {
        index.remove(row);
    }
    assert!(index.plan_build().is_none(), "204 of 681 is below the bound");
    index.remove(204);
    assert!(index.plan_build().unwrap().starts_afresh());
    build_and_adopt(&mut index);
    assert!(recall_at_10(&index) >= 0.95);
}

#[test]
fn a_graph_of_an_index_that_shrank_is_dropped() {
    let mut index = with_graph(&clustered(500, 1));
    for row in 0..150 {
        index.remove(row);
    }
    assert!(!index.scans_exactly());
    index.remove(150);
    assert!(index.scans_exactly(), "349 vectors left, and too many dead");
    assert!(index.plan_build().is_none());
}

#[test]
fn what_happens_during_a_build_is_caught_up_with() {
    let vectors = clustered(500, 1);
    let mut index = VectorIndex::new(DIMENSIONS, SMALL);
    push_all(&mut index, &vectors);
    let build = index.plan_build().unwrap();

    index.remove(17);
    push_all(&mut index, &clustered(30, 2));
    let newcomer = QuantizedVector::quantize(&[0.9; DIMENSIONS]).unwrap().unwrap();
    push_all(&mut index, std::slice::from_ref(&newcomer));
    assert!(index.adopt(build.build().unwrap()).is_none());

    let removed = QueryVector::from(&vectors[17]);
    assert!(index.nearest(&removed, 100).unwrap().iter().all(|(row, _)| *row != 17));
    let nearest = index.nearest(&QueryVector::from(&newcomer), 1).unwrap();
    assert_eq!(nearest[0].0, 530, "a pushed row is found at once");
    assert!((nearest[0].1 - 1.0).abs() < 1e-6);
}

#[test]
fn an_adopted_graph_survives_compaction_of_the_rows() {
    // The rows are renumbered between plan and adoption; keys still tell them apart.
    let vectors = clustered(600, 1);
    let mut index = VectorIndex::new(DIMENSIONS, SMALL);
    push_all(&mut index, &vectors);
    let build = index.plan_build().unwrap();

    let mut compacted = VectorIndex::new(DIMENSIONS, SMALL);
    for row in (0..600).filter(|row| row % 5 != 0) {
        compacted.push(index.key_of(row).unwrap(), Some(&vectors[row as usize])).unwrap();
    }
    assert!(compacted.adopt(build.build().unwrap()).is_none());
    assert!(!compacted.scans_exactly());
    assert!(recall_at_10(&compacted) >= 0.95);
}

#[test]
fn a_graph_that_lacks_a_row_is_handed_back() {
    let vectors = clustered(600, 1);
    let mut half = VectorIndex::new(DIMENSIONS, SMALL);
    for row in (0..600_u32).filter(|row| row % 4 != 0) {
        half.push(AtomNo(u64::from(row)), Some(&vectors[row as usize])).unwrap();
    }
    let mut whole = VectorIndex::new(DIMENSIONS, SMALL);
    for row in 0..600_u32 {
        whole.push(AtomNo(u64::from(row)), Some(&vectors[row as usize])).unwrap();
    }
    let graph = half.plan_build().unwrap().build().unwrap();
    assert!(whole.adopt(graph).is_some());
    assert!(whole.scans_exactly());
}

#[test]
fn a_wholly_removed_neighbourhood_does_not_shorten_the_answer() {
    let vectors = clustered(600, 1);
    let mut index = with_graph(&vectors);
    let query = QueryVector::from(&vectors[0]);
    for (row, _) in index.nearest(&query, 150).unwrap() {
        index.remove(row);
    }
    let nearest = index.nearest(&query, 20).unwrap();
    assert_eq!(nearest.len(), 20);
    assert!(nearest.iter().all(|(row, _)| index.is_live(*row)));
    assert_eq!(index.nearest(&query, 5_000).unwrap().len(), 450);
}

#[test]
fn identical_vectors_are_all_found() {
    // With a node each, the 450 formed an island: a search from there saw nothing else.
    let mut vectors = vec![clustered(1, 1).remove(0); 450];
    vectors.extend(clustered(450, 2));
    let mut index = with_graph(&vectors);
    push_all(&mut index, &vectors[..50]);
    push_all(&mut index, &vectors[800..850]);
    build_and_adopt(&mut index);
    for row in 0..100 {
        index.remove(row);
    }
    for (probe, expected) in [(0, 100), (600, 600), (899, 899)] {
        let nearest = index.nearest(&QueryVector::from(&vectors[probe]), 60).unwrap();
        assert_eq!(nearest.len(), 60);
        assert_eq!(nearest[0].0, expected);
        assert!((nearest[0].1 - 1.0).abs() < 1e-6, "probe {probe}: {:?}", nearest[0]);
    }
    let all = index.nearest(&QueryVector::from(&vectors[0]), 400).unwrap();
    assert!(all.iter().all(|(_, score)| (score - 1.0).abs() < 1e-6), "350 + 50 are equal");
    assert!(recall_at_10(&index) >= 0.95);
}

#[test]
fn a_shared_index_may_be_searched_from_two_threads() {
    let vectors = clustered(500, 1);
    let index = with_graph(&vectors);
    std::thread::scope(|scope| {
        for half in vectors.chunks(250) {
            let index = &index;
            scope.spawn(move || {
                for vector in half {
                    let nearest = index.nearest(&QueryVector::from(vector), 1).unwrap();
                    assert!((nearest[0].1 - 1.0).abs() < 1e-6);
                }
            });
        }
    });
}

#[test]
fn compaction_is_due_when_most_of_many_rows_are_dead() {
    let mut index = VectorIndex::new(DIMENSIONS, SMALL);
    push_all(&mut index, &clustered(300, 1));
    for row in 0..90 {
        index.remove(row);
    }
    assert!(!index.needs_compaction());
    index.remove(90);
    assert!(index.needs_compaction());
}

#[test]
fn a_query_of_other_dimensions_is_an_error() {
    let index = VectorIndex::new(DIMENSIONS, SMALL);
    let query = QueryVector::from(&QuantizedVector { scale: 1.0, values: vec![1; 3] });
    let error = index.nearest(&query, 1).unwrap_err();
    assert_eq!(error.to_string(), "the vector has 3 dimensions, the index 24");
}
