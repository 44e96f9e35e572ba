//! Metered tokens of texts: pieces of the encoding `cl100k_base`. The only code that names
//! `tiktoken_rs`.
//!
//! A long text is counted in parts. The encoding first splits a text into pieces, and no piece
//! goes across a lone space but by beginning with it; so a part that ends before such a space
//! changes no count. A text without one for thousands of bytes is cut anyway: the library's
//! regular expression would give up on it, and a count that is off by one there hurts nobody.

use tiktoken_rs::cl100k_base_singleton;

/// Bytes of a part after which it ends before the next lone space, and where it ends at the latest.
const PART_BYTES: usize = 4_096;
const PART_BYTES_MAX: usize = 16_384;

/// The tokens of a text. What looks like a special token is ordinary text. Some 5 MB a second;
/// the first call of a process takes a quarter of a second, to build the encoding.
#[must_use]
pub fn count_tokens(text: &str) -> u64 {
    let encoding = cl100k_base_singleton();
    parts(text).map(|part| encoding.encode_ordinary(part).len() as u64).sum()
}

/// The tokens of a text alone, and of the text behind a prefix. Costs little more than one of the
/// two: what comes after the first part is counted once.
#[must_use]
pub fn count_tokens_behind(prefix: &str, text: &str) -> (u64, u64) {
    let (first, rest) = text.split_at(end_of_part(text));
    let rest = count_tokens(rest);
    (count_tokens(first) + rest, count_tokens(&format!("{prefix}{first}")) + rest)
}

/// Builds the encoding in the background, so that no request waits for it.
pub fn warm_up() {
    tokio::task::spawn_blocking(cl100k_base_singleton);
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (part, after) = rest.split_at(end_of_part(rest));
        rest = after;
        Some(part)
    })
}

fn end_of_part(text: &str) -> usize {
    if text.len() <= PART_BYTES {
        return text.len();
    }
    let is_lone_space = |at: &usize| {
        let around = text.split_at_checked(*at).and_then(|(before, after)| {
            Some((before.chars().next_back()?, after.strip_prefix(' ')?.chars().next()?))
        });
        around.is_some_and(|(before, after)| !before.is_whitespace() && !after.is_whitespace())
    };
    let most = text.len().min(PART_BYTES_MAX);
    (PART_BYTES..most)
        .find(is_lone_space)
        .or_else(|| (1..=most).rev().find(|at| text.is_char_boundary(*at)))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Verified with the reference implementation of the encoding.
    #[test]
    fn counts_are_those_of_the_encoding() {
        for (text, count) in [
            ("I'm allergic to shellfish", 6),
            ("what does the user prefer?", 6),
            ("[Date: 2026-05-08T14:00:00Z] [user] I'm allergic to shellfish", 27),
            ("I'm allergic to shellfish.", 7),
            ("Got it.", 3),
            ("hello", 1),
            ("any food restrictions?", 4),
            ("I just moved from Seattle to Austin for a job at Acme.", 14),
            ("Acme", 2),
            ("héllo wörld", 6),
            ("日本語のテキスト", 8),
            ("<|endoftext|>", 7),
            ("", 0),
        ] {
            assert_eq!(count_tokens(text), count, "{text:?}");
        }
    }

    #[test]
    fn parts_change_no_count() {
        let sentence = "It's 12345 o'clock;  said <Anna> (twice),\n\n\tthen left... \u{1f600} ";
        let russian = "Вчера мы переехали из Казани в Самару, и я нашла работу в школе. ";
        for (text, repeats) in [(sentence, 1), (sentence, 100), (sentence, 500), (russian, 500)] {
            let text = text.repeat(repeats);
            let whole = cl100k_base_singleton().encode_ordinary(&text).len() as u64;
            assert_eq!(count_tokens(&text), whole, "{repeats}");
        }
    }

    #[test]
    fn a_text_behind_a_prefix_is_counted_as_if_it_were_one_text() {
        for repeats in [0, 1, 50, 400] {
            let text = "I'm allergic to shellfish, and so is my sister. ".repeat(repeats);
            let prefix = "[Date: 2026-05-08T14:00:00Z] [user] ";
            let (alone, behind) = count_tokens_behind(prefix, &text);
            assert_eq!(alone, count_tokens(&text), "{repeats}");
            assert_eq!(behind, count_tokens(&format!("{prefix}{text}")), "{repeats}");
        }
    }

    #[test]
    fn texts_without_spaces_are_counted_too() {
        for unit in ["a", " ", "\n", "\u{3000}", "é", "1", "!", "ab!", " \n"] {
            let count = count_tokens(&unit.repeat(200_000));
            assert!((1..=600_000).contains(&count), "{unit:?}: {count}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn parts_make_up_the_text(text in "[a b\u{e9}\u{3042}\n!]{0,200}", repeats in 0_usize..400) {
            let text = text.repeat(repeats);
            prop_assert_eq!(parts(&text).collect::<String>(), text.clone());
            prop_assert!(parts(&text).all(|part| part.len() <= PART_BYTES_MAX));
        }
    }
}
