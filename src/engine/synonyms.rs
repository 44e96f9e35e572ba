//! Words that mean nearly the same: for each common English word the nearest ones by their
//! vectors, distilled once (`tools/distil_embedder.py` describes the file). A question's term is
//! also matched, for less, where a text holds one of its synonyms.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::text::Term;

static TABLE: &[u8] = include_bytes!("../../assets/synonyms.bin");

const MAGIC: &[u8] = b"HEBBSYN1";

/// Cosine at which words begin to count as synonyms. Tuned; the file holds no lesser ones.
pub(super) const SYNONYM_COSINE_MIN: f32 = 0.4;

/// Synonyms of one word at most, after forms of one stem are merged. Tuned.
const PER_WORD_MAX: usize = 16;

type Table = FxHashMap<&'static str, Vec<(u64, f32)>>;

/// The stems (hashes) of a lower-case word's synonyms with their cosines, best first. Empty for
/// a word that is not in the table. The first call parses the table (about 20 ms).
#[must_use]
pub(super) fn of_word(word: &str) -> &'static [(u64, f32)] {
    static PARSED: OnceLock<Table> = OnceLock::new();
    let table = PARSED.get_or_init(|| parse(TABLE).unwrap_or_default());
    table.get(word).map_or(&[], Vec::as_slice)
}

/// Parses the table now, so that no question has to wait for it.
pub fn warm_up() {
    let _ = of_word("");
}

fn parse(bytes: &'static [u8]) -> Option<Table> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let (length, after) = rest.split_first()?;
        let (word, after) = after.split_at_checked(usize::from(*length))?;
        let word = std::str::from_utf8(word).ok()?;
        words.push((word, Term::of_word(word).hash()));
        rest = after;
    }
    let mut table = Table::default();
    for (word, stem) in &words {
        let (count, after) = rest.split_first()?;
        let (entries, after) = after.split_at_checked(usize::from(*count) * 3)?;
        rest = after;
        let mut synonyms: Vec<(u64, f32)> = Vec::new();
        for [low, high, cosine] in entries.as_chunks::<3>().0 {
            let number = usize::from(u16::from_le_bytes([*low, *high]));
            let (_, other) = words.get(number)?;
            let known = synonyms.iter().any(|(synonym, _)| synonym == other);
            if other != stem && !known && synonyms.len() < PER_WORD_MAX {
                synonyms.push((*other, f32::from(*cosine) / 255.0));
            }
        }
        if !synonyms.is_empty() {
            table.insert(word, synonyms);
        }
    }
    rest.is_empty().then_some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_parses_and_knows_that_children_are_kids() {
        let table = parse(TABLE).expect("the committed table is whole");
        assert!(table.len() > 15_000);
        let kid = Term::of_word("kids").hash();
        assert!(of_word("children").iter().any(|(stem, _)| *stem == kid));
        assert!(of_word("notaword").is_empty());
        for synonyms in table.values() {
            assert!(synonyms.len() <= PER_WORD_MAX);
            assert!(synonyms.is_sorted_by(|a, b| a.1 >= b.1));
        }
    }
}
