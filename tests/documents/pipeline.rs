//! A text of three megabytes: cut as the rule says, and the same after each indexing.

use hebbd::engine::chunking::{ChunkRule, chunk};
use serde_json::{Value, json};

use crate::owner::{Owner, Upload};
use crate::{kept, mnemoverse, start};

const BYTES: usize = 3_000_000;

/// Sentences of made-up words, with a fact in the beginning, the middle and the end.
fn long_text() -> String {
    let facts = [
        "The keeper's parrot learnt to swear in Finnish.",
        "Seventeen umbrellas were stolen from the observatory.",
        "The mayor's wooden leg is shown in the town hall.",
    ];
    let mut text = String::with_capacity(BYTES + 1_024);
    let mut facts = facts.into_iter();
    let mut number = 0_u64;
    while text.len() < BYTES {
        if text.len() * 2 >= BYTES * (3 - facts.len()).min(2) {
            text.extend(facts.next());
            text.push('\n');
        }
        let digest = blake3::hash(&number.to_be_bytes());
        let (last, words) = digest.as_bytes().split_last().unwrap();
        for pair in words.chunks(2).take(5 + usize::from(last % 10)) {
            for byte in pair {
                let (consonant, vowel) = (usize::from(byte / 16), usize::from(byte % 5));
                text.push_str(&"bdfghklmnprstvwz"[consonant..=consonant]);
                text.push_str(&"aeiou"[vowel..=vowel]);
            }
            text.push(' ');
        }
        text.push_str(&format!("{number}.{}", if last % 7 == 0 { "\n\n" } else { " " }));
        number += 1;
    }
    text.extend(facts);
    text
}

/// What a search answers, but for scores' last digits.
fn answers(owner: &Owner) -> Vec<(Value, Value, i64)> {
    let questions = [
        "Which language did the parrot learn to swear in?",
        "What was stolen from the observatory?",
        "Where is the mayor's wooden leg shown?",
        "bada fego hiku",
    ];
    let found = questions.iter().flat_map(|question| owner.search(question, 10));
    let answers = found.map(|result| {
        #[allow(clippy::cast_possible_truncation, reason = "a score lies in [0, 1]")]
        let score = (result["score"].as_f64().unwrap() * 1e4).round() as i64;
        (result["id"].clone(), result["text"].clone(), score)
    });
    answers.collect()
}

#[test]
fn a_text_of_three_megabytes_is_cut_by_the_rule_and_is_the_same_after_each_indexing() {
    let text = long_text();
    assert!(text.len() >= BYTES);
    let expected = chunk(&text, ChunkRule::default());
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let owner = Owner::new(&server);
    let answer = owner.try_upload(&Upload::of("long.txt", text)).ok();
    assert_eq!(answer["chunks"], expected.len(), "{answer}");
    let id = answer["documentId"].as_str().unwrap();
    let before = answers(&owner);
    for (at, part) in [(0, "Finnish"), (10, "umbrellas"), (20, "town hall")] {
        let (_, text, _) = &before[at];
        assert!(text.as_str().unwrap().contains(part), "{text}");
    }
    for _ in 0..2 {
        assert_eq!(owner.reindex(), 1);
        let document = owner.document(id);
        assert_eq!(document["status"], "indexed", "{document}");
        assert_eq!(document["chunkCount"], expected.len());
        let status = owner.status(id).ok()["status"].clone();
        assert_eq!(status["chunksTotal"], expected.len(), "{status}");
        assert_eq!(status["chunksProcessed"], expected.len(), "{status}");
        assert_eq!(answers(&owner), before);
    }

    // The other API sees the chunks in the order of the text, each where it says it is.
    let mut atoms = mnemoverse(&server, owner.tenant).export();
    atoms.sort_by_key(|atom| atom["metadata"]["chunk_index"].as_u64());
    assert_eq!(atoms.len(), expected.len());
    for (index, (atom, text)) in atoms.iter().zip(&expected).enumerate() {
        assert_eq!(
            (&atom["content"], &atom["metadata"]["chunk_index"]),
            (&json!(text), &json!(index))
        );
    }
    owner.delete(id).ok();
    assert_eq!(mnemoverse(&server, owner.tenant).stats()["total_atoms"], 0);
    assert_eq!(kept::files_of(data_dir.path(), "blobs").len(), 0);
}
