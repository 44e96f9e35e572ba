//! Text to WordPiece ids, exactly as the `tokenizers` crate does it for the built-in model's
//! `tokenizer.json`, several times faster. ASCII goes through a short path of our own; whatever
//! else a text holds goes through the crate. Invariant: both give the same ids (a property test
//! below holds them together), there are no special tokens around a text, unknown pieces are
//! dropped and nothing is truncated.

use rustc_hash::FxHashMap;
use tokenizers::Tokenizer;

/// Characters of a word beyond which the model calls it unknown (`max_input_chars_per_word`).
const WORD_CHARS_MAX: usize = 100;
/// What the model calls a word it cannot spell.
const UNKNOWN: &str = "[UNK]";
/// Marks a piece that continues a word (`continuing_subword_prefix`).
const CONTINUING: &str = "##";
/// Literals that the crate takes out of a text before anything else (`added_tokens`).
const ADDED_TOKENS: [&str; 5] = ["[PAD]", UNKNOWN, "[CLS]", "[SEP]", "[MASK]"];

/// The vocabulary and the rules of the built-in model.
pub(super) struct Pieces {
    tokenizer: Tokenizer,
    unknown_id: u32,
    /// ASCII pieces that start a word.
    initial: Vocabulary,
    /// ASCII pieces that continue one, without their mark.
    continuing: Vocabulary,
}

#[derive(Default)]
struct Vocabulary {
    ids: FxHashMap<Box<[u8]>, u32>,
    /// Bytes of the longest key: no longer one is worth a look.
    bytes_max: usize,
}

impl Pieces {
    /// Reads a `tokenizer.json` whose padding and truncation are off. Most of the model's
    /// loading time.
    ///
    /// # Errors
    /// A sentence for the operator when the file is not what the build put there.
    pub(super) fn parse(tokenizer_json: &[u8]) -> Result<Self, String> {
        let tokenizer = Tokenizer::from_bytes(tokenizer_json).map_err(|error| error.to_string())?;
        if tokenizer.get_padding().is_some() || tokenizer.get_truncation().is_some() {
            return Err("its tokenizer pads or truncates".to_owned());
        }
        let unknown_id = tokenizer.token_to_id(UNKNOWN).ok_or("its tokenizer lacks [UNK]")?;
        let mut initial = Vocabulary::default();
        let mut continuing = Vocabulary::default();
        for (piece, id) in tokenizer.get_vocab(false) {
            if !piece.is_ascii() {
                continue;
            }
            match piece.strip_prefix(CONTINUING) {
                Some(rest) if !rest.is_empty() => continuing.insert(rest, id),
                _ => initial.insert(&piece, id),
            }
        }
        Ok(Self { tokenizer, unknown_id, initial, continuing })
    }

    /// The number of ids, i.e. the rows that a table for this vocabulary has.
    pub(super) fn count(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// Appends the ids of `text` to `ids`. `O(len)`; at worst, for gibberish just under the word
    /// limit, each byte costs one look-up per possible piece length.
    pub(super) fn append_ids(&self, text: &str, ids: &mut Vec<u32>) -> Result<(), String> {
        let mut rest = text;
        while !rest.is_empty() {
            let plain_len = rest.len() - after_plain(rest).len();
            let (plain, others) = rest.split_at(plain_len);
            self.append_plain(plain, ids);
            let others_len = others.len() - after_others(others).len();
            let (others, after) = others.split_at(others_len);
            self.append_others(others, ids)?;
            rest = after;
        }
        Ok(())
    }

    /// The whole work of the crate: its general normaliser, splitter and model.
    fn append_others(&self, text: &str, ids: &mut Vec<u32>) -> Result<(), String> {
        if text.is_empty() {
            return Ok(());
        }
        let encoding =
            self.tokenizer.encode_fast(text, false).map_err(|error| error.to_string())?;
        ids.extend(encoding.get_ids().iter().filter(|id| **id != self.unknown_id));
        Ok(())
    }

    /// ASCII without added tokens. Control characters vanish (and so join what they stand
    /// between), white space ends a word, a punctuation mark is a word of its own.
    fn append_plain(&self, text: &str, ids: &mut Vec<u32>) {
        let mut word = Word::default();
        for byte in text.bytes() {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.end_word(&mut word, ids),
                _ if byte.is_ascii_control() => {}
                _ if byte.is_ascii_punctuation() => {
                    self.end_word(&mut word, ids);
                    ids.extend(self.initial.ids.get([byte].as_slice()));
                }
                _ => word.push(byte.to_ascii_lowercase()),
            }
        }
        self.end_word(&mut word, ids);
    }

    /// Spells `word` with the longest pieces from left to right, and empties it. A word that
    /// cannot be spelled to its end is unknown as a whole: it adds nothing.
    fn end_word(&self, word: &mut Word, ids: &mut Vec<u32>) {
        let known_count = ids.len();
        let mut rest = word.letters();
        let mut vocabulary = &self.initial;
        while !rest.is_empty() {
            let Some((piece_len, id)) = vocabulary.longest_prefix(rest) else {
                ids.truncate(known_count);
                break;
            };
            ids.push(id);
            rest = rest.get(piece_len..).unwrap_or_default();
            vocabulary = &self.continuing;
        }
        word.len = 0;
    }
}

impl Vocabulary {
    fn insert(&mut self, piece: &str, id: u32) {
        self.bytes_max = self.bytes_max.max(piece.len());
        self.ids.insert(piece.as_bytes().into(), id);
    }

    /// The longest piece that `word` starts with: its length and id.
    fn longest_prefix(&self, word: &[u8]) -> Option<(usize, u32)> {
        (1..=word.len().min(self.bytes_max))
            .rev()
            .find_map(|len| Some((len, *self.ids.get(word.get(..len)?)?)))
    }
}

/// The word being read, in lower case.
struct Word {
    bytes: [u8; WORD_CHARS_MAX],
    /// Counts on past the array, so that a longer word is known to be one.
    len: usize,
}

impl Default for Word {
    fn default() -> Self {
        Self { bytes: [0; WORD_CHARS_MAX], len: 0 }
    }
}

impl Word {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
        }
        self.len += 1;
    }

    /// Empty when the word is longer than the model accepts.
    fn letters(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// What follows the longest run of plain chunks at the start of `text`. A chunk ends after white
/// space; no rule of the model looks across ASCII white space, so chunks can go separate ways.
fn after_plain(text: &str) -> &str {
    skip_chunks_while(text, is_plain)
}

/// What follows the longest run of chunks that are not plain.
fn after_others(text: &str) -> &str {
    skip_chunks_while(text, |chunk| !is_plain(chunk))
}

fn skip_chunks_while(text: &str, keep: impl Fn(&str) -> bool) -> &str {
    let mut rest = text;
    for chunk in text.split_inclusive([' ', '\t', '\n', '\r']) {
        if !keep(chunk) {
            break;
        }
        rest = rest.get(chunk.len()..).unwrap_or_default();
    }
    rest
}

fn is_plain(chunk: &str) -> bool {
    chunk.is_ascii()
        && !(chunk.contains('[') && ADDED_TOKENS.iter().any(|token| chunk.contains(token)))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    static PIECES: LazyLock<Pieces> = LazyLock::new(|| {
        Pieces::parse(include_bytes!("../../assets/tokenizer.json")).expect("parses")
    });

    /// The ids by our path and by the crate's alone.
    fn both(text: &str) -> (Vec<u32>, Vec<u32>) {
        let mut ours = Vec::new();
        PIECES.append_ids(text, &mut ours).expect("splits");
        let mut theirs = Vec::new();
        PIECES.append_others(text, &mut theirs).expect("splits");
        (ours, theirs)
    }

    #[track_caller]
    fn check(text: &str) {
        let (ours, theirs) = both(text);
        assert_eq!(ours, theirs, "{text:?}");
    }

    #[test]
    fn corner_cases_match_the_crate() {
        for text in [
            "",
            " ",
            "a\u{b}b \u{c} c\u{7f}d",
            "x\r\ny\tz",
            "[CLS] [UNK]x y[MASK] [cls] [PA\u{1}D] [[SEP]]",
            "## ##ing a##b",
            "naïve café — “quoted” text… and more plain words",
            "zero\u{200b}width non\u{a0}breaking line\u{2028}separator",
            "İstanbul ΣΑΣ ﬁne ß Ǆ",
            "你好 hello 世界hello",
            "\u{fffd}bad\u{0}byte",
        ] {
            check(text);
        }
        for len in [99, 100, 101, 250] {
            check(&format!("{} tail", "a".repeat(len)));
            check(&format!("{} tail", "é".repeat(len)));
        }
    }

    #[test]
    fn long_texts_are_not_truncated() {
        let (ours, theirs) = both(&"one two three ".repeat(700));
        assert_eq!(ours.len(), 2_100);
        assert_eq!(ours, theirs);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn any_text_gives_the_ids_of_the_crate(text in any::<String>()) {
            let (ours, theirs) = both(&text);
            prop_assert_eq!(ours, theirs);
        }

        #[test]
        fn any_ascii_gives_the_ids_of_the_crate(text in "[\\x00-\\x7f]{0,300}") {
            let (ours, theirs) = both(&text);
            prop_assert_eq!(ours, theirs);
        }

        #[test]
        fn any_mix_of_words_gives_the_ids_of_the_crate(
            words in proptest::collection::vec(
                "[a-zA-Z]{1,12}|[0-9]{1,6}|\\[(CLS|UNK|MASK)\\]|[à-ÿА-я一-龥]{1,5}|[!-~]{1,4}|[ \t\n]",
                0..30,
            ),
            between in " |",
        ) {
            let (ours, theirs) = both(&words.join(&between));
            prop_assert_eq!(ours, theirs);
        }
    }
}
