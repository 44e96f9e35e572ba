//! The cache file: what is adopted, and that nothing else ever reaches usearch.

use std::fs;
use std::path::PathBuf;

use super::*;

struct Saved {
    vectors: Vec<QuantizedVector>,
    index: VectorIndex,
    path: PathBuf,
    _directory: tempfile::TempDir,
}

fn saved() -> Saved {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vectors.graph");
    let vectors = clustered(450, 1);
    let index = with_graph(&vectors);
    assert!(index.save(&path, &identity()).unwrap());
    Saved { vectors, index, path, _directory: directory }
}

/// The rows of a restarted server, without a graph.
fn reopened(vectors: &[QuantizedVector]) -> VectorIndex {
    let mut index = VectorIndex::new(DIMENSIONS, SMALL);
    push_all(&mut index, vectors);
    index
}

#[track_caller]
fn check_mismatch(loaded: Loaded, index: &VectorIndex) {
    assert!(matches!(loaded, Loaded::Mismatch(_)), "{loaded:?}");
    assert!(index.scans_exactly());
}

#[test]
fn a_saved_graph_is_adopted_and_answers_the_same() {
    let saved = saved();
    let mut index = reopened(&saved.vectors);
    assert_eq!(index.load(&saved.path, &identity()).unwrap(), Loaded::Adopted);
    assert!(!index.scans_exactly());
    for vector in saved.vectors.iter().take(50) {
        let query = QueryVector::from(vector);
        assert_eq!(index.nearest(&query, 20).unwrap(), saved.index.nearest(&query, 20).unwrap());
    }
    // It can be extended and saved again.
    push_all(&mut index, &clustered(100, 2));
    build_and_adopt(&mut index);
    assert!(recall_at_10(&index) >= 0.95);
    assert!(index.save(&saved.path, &identity()).unwrap());
    let names: Vec<_> = fs::read_dir(saved.path.parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 1, "no temporary file stays: {names:?}");
}

#[test]
fn nothing_to_save_and_nothing_to_load() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vectors.graph");
    let mut index = reopened(&clustered(10, 1));
    assert!(!index.save(&path, &identity()).unwrap());
    assert_eq!(index.load(&path, &identity()).unwrap(), Loaded::Missing);
}

#[test]
fn one_flipped_bit_anywhere_is_noticed() {
    // usearch itself loads such files and then crashes: 7 of 7 when it was tried.
    let saved = saved();
    let sound = fs::read(&saved.path).unwrap();
    let mut index = reopened(&saved.vectors);
    let positions = (0..200).chain((200..sound.len()).step_by(61)).chain([sound.len() - 1]);
    for position in positions {
        let mut damaged = sound.clone();
        damaged[position] ^= 1 << (position % 8);
        fs::write(&saved.path, damaged).unwrap();
        check_mismatch(index.load(&saved.path, &identity()).unwrap(), &index);
    }
}

#[test]
fn a_file_cut_short_or_grown_is_noticed() {
    let saved = saved();
    let sound = fs::read(&saved.path).unwrap();
    let mut index = reopened(&saved.vectors);
    for length in [0, 1, 8, 59, 60, 91, 92, 93, 1_000, sound.len() / 2, sound.len() - 1] {
        fs::write(&saved.path, &sound[..length]).unwrap();
        check_mismatch(index.load(&saved.path, &identity()).unwrap(), &index);
    }
    fs::write(&saved.path, [sound.as_slice(), &[0]].concat()).unwrap();
    check_mismatch(index.load(&saved.path, &identity()).unwrap(), &index);
}

#[test]
fn another_embedder_or_other_settings_make_a_file_useless() {
    let saved = saved();
    let mut index = reopened(&saved.vectors);
    let others = [
        EmbedderIdentity { name: "other".to_owned(), ..identity() },
        EmbedderIdentity { hash: [8; 32], ..identity() },
        EmbedderIdentity { dimensions: DIMENSIONS + 1, ..identity() },
    ];
    for other in others {
        check_mismatch(index.load(&saved.path, &other).unwrap(), &index);
    }
    for settings in
        [IndexSettings { connectivity: 17, ..SMALL }, IndexSettings { expansion_add: 65, ..SMALL }]
    {
        let mut index = VectorIndex::new(DIMENSIONS, settings);
        push_all(&mut index, &saved.vectors);
        check_mismatch(index.load(&saved.path, &identity()).unwrap(), &index);
    }
}

#[test]
fn other_keys_or_other_vectors_make_a_file_useless() {
    let saved = saved();

    let mut shifted = VectorIndex::new(DIMENSIONS, SMALL);
    for (key, vector) in (1..).zip(&saved.vectors) {
        shifted.push(AtomNo(key * 10 + 1), Some(vector)).unwrap();
    }
    check_mismatch(shifted.load(&saved.path, &identity()).unwrap(), &shifted);

    let mut denser = VectorIndex::new(DIMENSIONS, SMALL);
    for (key, vector) in (1..).zip(&saved.vectors) {
        denser.push(AtomNo(key * 10), Some(vector)).unwrap();
        denser.push(AtomNo(key * 10 + 1), Some(vector)).unwrap();
    }
    check_mismatch(denser.load(&saved.path, &identity()).unwrap(), &denser);

    let mut changed = saved.vectors.clone();
    changed[449].values[23] ^= 1;
    let mut changed = reopened(&changed);
    check_mismatch(changed.load(&saved.path, &identity()).unwrap(), &changed);

    let mut empty = reopened(&[]);
    check_mismatch(empty.load(&saved.path, &identity()).unwrap(), &empty);
}

#[test]
fn a_file_older_than_the_rows_is_caught_up_with() {
    // After a crash the file is from the last save.
    let saved = saved();
    let mut index = VectorIndex::new(DIMENSIONS, SMALL);
    let newer = clustered(40, 3);
    for (key, vector) in (1..).zip(saved.vectors.iter().chain(&newer)) {
        index.push(AtomNo(key * 10), Some(vector)).unwrap();
    }
    assert_eq!(index.load(&saved.path, &identity()).unwrap(), Loaded::Adopted);
    assert!(recall_at_10(&index) >= 0.95);
    let newest = index.nearest(&QueryVector::from(&newer[38]), 1).unwrap();
    assert_eq!(index.key_of(newest[0].0), Some(AtomNo(4_890)));
}

/// The file would keep the vector of a row that was deleted, and its next save would too.
#[test]
fn a_file_with_a_vector_whose_row_is_gone_is_not_used() {
    let saved = saved();
    let mut index = VectorIndex::new(DIMENSIONS, SMALL);
    for (key, vector) in (1..).zip(&saved.vectors).filter(|(key, _)| *key != 7) {
        index.push(AtomNo(key * 10), Some(vector)).unwrap();
    }
    check_mismatch(index.load(&saved.path, &identity()).unwrap(), &index);
}

#[test]
fn a_graph_that_holds_a_removed_vector_is_not_saved() {
    let mut saved = saved();
    saved.index.remove(3);
    fs::remove_file(&saved.path).unwrap();
    assert!(!saved.index.save(&saved.path, &identity()).unwrap());
    assert!(!saved.path.exists());
}

#[test]
fn a_failed_save_keeps_the_old_file() {
    let saved = saved();
    let sound = fs::read(&saved.path).unwrap();
    // A directory in the place of the temporary file.
    fs::create_dir(saved.path.with_extension("tmp")).unwrap();
    let error = saved.index.save(&saved.path, &identity()).unwrap_err();
    assert!(matches!(error, IndexError::Io { action: "write", .. }), "{error}");
    assert_eq!(fs::read(&saved.path).unwrap(), sound);
}
