//! From the text of a document to the chunks that are embedded and found: sentences, put together
//! as long as they fit. The rule is a published one; what a client may rely on is in its contract.
//!
//! A chunk is never longer than the rule allows, never blank, and begins with the last whole words
//! of the one before it. Taking those away, the chunks hold every word of the text once, in order.

use std::ops::Range;

use text_splitter::{ChunkConfig, TextSplitter};

use super::text::is_unspaced;

/// How long chunks are. Lengths are in characters, that is Unicode scalar values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRule {
    /// Characters of a chunk at most; 0 counts as 1.
    pub chars_max: usize,
    /// Characters at most that a chunk repeats of the one before it; 0 repeats nothing.
    pub overlap_chars: usize,
}

impl Default for ChunkRule {
    fn default() -> Self {
        Self { chars_max: 512, overlap_chars: 50 }
    }
}

/// Chunks' worth of an over-long word that are cut at a time, which keeps the cost linear.
const WINDOW_CHUNKS: usize = 8;

/// Cuts a text into chunks. Linear in its length; a blank text has none.
#[must_use]
pub fn chunk(text: &str, rule: ChunkRule) -> Vec<String> {
    let rule = ChunkRule { chars_max: rule.chars_max.max(1), ..rule };
    let mut chunks = Chunks { rule, done: Vec::new(), open: String::new(), open_chars: 0 };
    for_each_sentence(text, |sentence| {
        let chars = sentence.chars().count();
        if chars <= rule.chars_max {
            chunks.add(sentence, chars);
        } else {
            cut(sentence, rule, |piece| chunks.add(piece, piece.chars().count()));
        }
    });
    chunks.close();
    chunks.done
}

/// Bytes at the beginning of a chunk that repeat the end of the chunk before it; 0 for none. Two
/// chunks that do not follow each other seldom share any.
#[must_use]
pub(super) fn overlap_bytes(before: &str, after: &str, rule: ChunkRule) -> usize {
    let whole_words = |bytes: &usize| {
        let (Some(head), Some(rest)) = (after.get(..*bytes), after.get(*bytes..)) else {
            return false;
        };
        rest.starts_with(' ')
            && before.strip_suffix(head).is_some_and(|b| b.is_empty() || b.ends_with(is_blank))
    };
    let looked_at = after.char_indices().take(rule.overlap_chars.saturating_add(1));
    looked_at.map(|(at, _)| at).filter(|at| *at > 0).filter(whole_words).last().unwrap_or(0)
}

struct Chunks {
    rule: ChunkRule,
    done: Vec<String>,
    /// The chunk that still grows, overlap included.
    open: String,
    open_chars: usize,
}

impl Chunks {
    fn add(&mut self, piece: &str, chars: usize) {
        if !self.open.is_empty() && self.open_chars + 1 + chars > self.rule.chars_max {
            let room = self.rule.chars_max.saturating_sub(chars + 1);
            let overlap = last_words(&self.open, self.rule.overlap_chars.min(room)).to_owned();
            self.close();
            self.open_chars = overlap.chars().count();
            self.open = overlap;
        }
        if !self.open.is_empty() {
            self.open.push(' ');
            self.open_chars += 1;
        }
        self.open.push_str(piece);
        self.open_chars += chars;
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.done.push(std::mem::take(&mut self.open));
        }
    }
}

/// The last whole words of a text that take at most so many characters.
fn last_words(text: &str, chars_max: usize) -> &str {
    let mut begin = text.len();
    let mut letters = text.char_indices().rev().peekable();
    for _ in 0..chars_max {
        let Some((at, letter)) = letters.next() else { break };
        if !is_blank(letter) && letters.peek().is_none_or(|(_, before)| is_blank(*before)) {
            begin = at;
        }
    }
    text.get(begin..).unwrap_or_default()
}

fn is_blank(letter: char) -> bool {
    letter.is_whitespace()
}

/// Calls `take` with each sentence of a text: trimmed, not blank, its closing signs included.
fn for_each_sentence(text: &str, mut take: impl FnMut(&str)) {
    let mut take = |range: Range<usize>| {
        let sentence = text.get(range).unwrap_or_default().trim();
        if !sentence.is_empty() {
            take(sentence);
        }
    };
    let mut start = 0;
    let mut before = None;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let mut end = at + letter.len_utf8();
        if is_line_break(letter) {
            take(start..at);
            start = end;
        } else if is_sentence_end(letter) {
            // Further signs, quotes and brackets belong to the sentence they close.
            while let Some((next, closing)) = letters.next_if(|(_, next)| is_closing(*next)) {
                end = next + closing.len_utf8();
            }
            let after = letters.peek().map(|(_, after)| *after);
            if !is_inside_word(letter, before, after) {
                take(start..end);
                start = end;
            }
        }
        before = Some(letter);
    }
    take(start..text.len());
}

fn is_line_break(letter: char) -> bool {
    matches!(letter, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_sentence_end(letter: char) -> bool {
    matches!(letter, '.' | '!' | '?' | '…') || is_wide_end(letter)
}

fn is_wide_end(letter: char) -> bool {
    matches!(letter, '。' | '！' | '？')
}

fn is_closing(letter: char) -> bool {
    is_sentence_end(letter)
        || matches!(letter, '"' | '”' | '\'' | '’' | ')' | ']' | '»' | '」' | '』')
}

/// "3.14", "main.rs", "example.org/?q=1": cutting there, the space that joins sentences would
/// change what is written.
fn is_inside_word(sign: char, before: Option<char>, after: Option<char>) -> bool {
    let is_unspaced = |letter: Option<char>| letter.is_some_and(is_unspaced);
    !is_wide_end(sign)
        && !is_unspaced(before)
        && !is_unspaced(after)
        && after.is_some_and(char::is_alphanumeric)
}

/// Cuts an over-long sentence between words into pieces that leave room for the overlap before
/// them. Without words there is no overlap, and pieces fill a chunk.
fn cut(sentence: &str, rule: ChunkRule, mut take: impl FnMut(&str)) {
    let leaves_room = sentence.contains(is_blank) && rule.overlap_chars < rule.chars_max / 2;
    let reserved = if leaves_room && rule.overlap_chars > 0 { rule.overlap_chars + 1 } else { 0 };
    let piece_chars = rule.chars_max - reserved;
    let mut piece: Range<usize> = 0..0;
    let mut piece_length = 0;
    for (range, gap, length) in words(sentence) {
        if piece_length + gap + length > piece_chars && !piece.is_empty() {
            take(sentence.get(piece.clone()).unwrap_or_default());
            piece = range.start..range.start;
            piece_length = 0;
        }
        if length > piece_chars {
            cut_word(sentence.get(range.clone()).unwrap_or_default(), piece_chars, &mut take);
            piece = range.end..range.end;
            piece_length = 0;
            continue;
        }
        let begins = piece.is_empty();
        piece_length = if begins { length } else { piece_length + gap + length };
        piece = if begins { range } else { piece.start..range.end };
    }
    if !piece.is_empty() {
        take(sentence.get(piece).unwrap_or_default());
    }
}

/// The words between a sentence's spaces: where each stands, the characters of the space before
/// it, and its own.
fn words(sentence: &str) -> impl Iterator<Item = (Range<usize>, usize, usize)> {
    let mut at = 0;
    sentence
        .split_inclusive(is_blank)
        .scan(0, move |gap, part| {
            let word = part.trim_end_matches(is_blank);
            let range = at..at + word.len();
            at += part.len();
            let (gap_before, length) = (*gap, word.chars().count());
            let behind = usize::from(word.len() < part.len());
            *gap = if word.is_empty() { gap_before + behind } else { behind };
            Some((range, gap_before, length))
        })
        .filter(|(range, _, _)| !range.is_empty())
}

/// Cuts what has no spaces where Unicode sees words (as in Chinese), else between characters.
fn cut_word(word: &str, piece_chars: usize, take: &mut impl FnMut(&str)) {
    let splitter = TextSplitter::new(ChunkConfig::new(piece_chars));
    let mut rest = word;
    while !rest.is_empty() {
        let window_chars = piece_chars.saturating_mul(WINDOW_CHUNKS);
        let end = rest.char_indices().nth(window_chars).map_or(rest.len(), |(at, _)| at);
        let window = rest.get(..end).unwrap_or(rest);
        let mut pieces: Vec<(usize, &str)> = splitter.chunk_indices(window).collect();
        // The last piece of a window may end within a word: it begins the next window.
        let next = if end == rest.len() || pieces.len() < 2 { None } else { pieces.pop() };
        pieces.iter().for_each(|(_, piece)| take(piece));
        rest = rest.get(next.map_or(end, |(at, _)| at)..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn small(chars_max: usize, overlap_chars: usize) -> ChunkRule {
        ChunkRule { chars_max, overlap_chars }
    }

    fn lengths(chunks: &[String]) -> Vec<usize> {
        chunks.iter().map(|chunk| chunk.chars().count()).collect()
    }

    /// The chunks without what they repeat, as one text.
    fn joined(chunks: &[String], rule: ChunkRule) -> String {
        let mut text = String::new();
        let mut before = "";
        for chunk in chunks {
            text.push_str(&chunk[overlap_bytes(before, chunk, rule)..]);
            text.push(' ');
            before = chunk;
        }
        text
    }

    fn letters(text: &str) -> String {
        text.chars().filter(|letter| !letter.is_whitespace()).collect()
    }

    #[test]
    fn a_blank_text_has_no_chunks_and_a_short_one_has_one() {
        for text in ["", "  ", "\n\r\n\t\u{2028}"] {
            assert!(chunk(text, ChunkRule::default()).is_empty());
        }
        assert_eq!(
            chunk(" One.\n\nTwo!  Three?\tFour", ChunkRule::default()),
            ["One. Two! Three? Four"]
        );
    }

    #[test]
    fn a_sign_inside_a_number_a_name_or_an_address_ends_no_sentence() {
        let check = |text: &str, expected: &[&str]| {
            let mut found = Vec::new();
            for_each_sentence(text, |sentence| found.push(sentence.to_owned()));
            assert_eq!(found, expected, "{text}");
        };
        check("Pi is 3.14. Or so.", &["Pi is 3.14.", "Or so."]);
        check("See main.rs and example.org/?q=1 now", &["See main.rs and example.org/?q=1 now"]);
        check(
            "He said \"no!\" Then: (yes.) Well...",
            &["He said \"no!\"", "Then: (yes.)", "Well..."],
        );
        check("我在北京。她在上海！谁？", &["我在北京。", "她在上海！", "谁？"]);
        check("我在北京.她在上海", &["我在北京.", "她在上海"]);
        check("Подожди… Хорошо.", &["Подожди…", "Хорошо."]);
        check("...", &["..."]);
    }

    #[test]
    fn sentences_are_joined_while_they_fit_and_the_next_chunk_repeats_whole_words() {
        let chunks = chunk("One two three. Four five. Six seven eight. Nine.", small(26, 12));
        assert_eq!(
            chunks,
            ["One two three. Four five.", "five. Six seven eight.", "seven eight. Nine."]
        );
        let chunks = chunk("One two three. Four five. Six seven eight. Nine.", small(26, 0));
        assert_eq!(chunks, ["One two three. Four five.", "Six seven eight. Nine."]);
    }

    #[test]
    fn the_overlap_is_dropped_where_the_next_sentence_leaves_no_room_for_it() {
        let long = format!("{}.", "b".repeat(511));
        let chunks = chunk(&format!("A word.\n{long}"), ChunkRule::default());
        assert_eq!(chunks, ["A word.".to_owned(), long]);
    }

    #[test]
    fn an_over_long_sentence_is_cut_between_words_or_else_anywhere() {
        let chunks = chunk(&"A".repeat(2_000), ChunkRule::default());
        assert_eq!(lengths(&chunks), [512, 512, 512, 464]);
        let words = "lorem ipsum dolor ".repeat(200);
        let chunks = chunk(&words, ChunkRule::default());
        assert!(
            lengths(&chunks).iter().all(|length| (400..=512).contains(length) || *length < 400)
        );
        assert!(
            chunks
                .iter()
                .all(|chunk| chunk.split(' ').all(|word| "lorem ipsum dolor".contains(word)))
        );
        assert_eq!(letters(&joined(&chunks, ChunkRule::default())), letters(&words));
        let chunks = chunk(&"北京是中国的首都".repeat(300), ChunkRule::default());
        assert!(
            lengths(&chunks).iter().all(|length| (480..=512).contains(length) || *length < 480)
        );
        assert_eq!(chunks.concat(), "北京是中国的首都".repeat(300));
    }

    #[test]
    fn hostile_texts_are_bounded_too() {
        for text in [".".repeat(100_000), "a\u{301}".repeat(50_000), "a.".repeat(50_000)] {
            let chunks = chunk(&text, ChunkRule::default());
            assert!(lengths(&chunks).iter().all(|length| *length <= 512));
            assert_eq!(letters(&chunks.concat()), letters(&text));
        }
        assert_eq!(chunk("ab. c", small(0, 0)), ["a", "b", ".", "c"]);
        assert_eq!(chunk(".NET and a...b", small(99, 9)), [".NET and a...b"]);
    }

    proptest! {
        #[test]
        fn chunks_are_bounded_not_blank_and_hold_every_word_in_order(
            text in "([a-z]{1,9}[ .!?\n]{1,2}|[^a]|ж\\. |文字。){0,120}",
            chars_max in 1..60_usize,
            overlap_chars in 0..70_usize,
        ) {
            let rule = small(chars_max, overlap_chars);
            let chunks = chunk(&text, rule);
            prop_assert_eq!(&chunks, &chunk(&text, rule));
            for chunk in &chunks {
                prop_assert!(chunk.chars().count() <= chars_max);
                prop_assert!(!chunk.trim().is_empty());
                prop_assert_eq!(chunk.trim(), chunk);
            }
            let without = chunk(&text, small(chars_max, 0));
            prop_assert_eq!(letters(&without.concat()), letters(&text));
        }

        #[test]
        fn what_a_chunk_repeats_is_whole_words_within_the_bound(
            words in proptest::collection::vec("[a-z]{1,12}[.]?", 0..200),
        ) {
            // Every word is told from every other, so nothing looks repeated that is not.
            let words: Vec<String> =
                words.iter().enumerate().map(|(n, word)| format!("{n}x{word}")).collect();
            let rule = small(64, 20);
            let chunks = chunk(&words.join(" "), rule);
            for pair in chunks.windows(2) {
                let overlap = &pair[1][..overlap_bytes(&pair[0], &pair[1], rule)];
                prop_assert!(overlap.chars().count() <= 20);
                let before = format!(" {}", pair[0]);
                let is_repeated = overlap.is_empty() || before.ends_with(&format!(" {overlap}"));
                prop_assert!(is_repeated);
            }
            let kept = joined(&chunks, rule);
            prop_assert_eq!(kept.split_whitespace().collect::<Vec<_>>(), words);
        }
    }
}
