//! Whether a question asks for several things ("which books has she read", "what do both like").
//! The parts of such an answer are told on several days, mostly by the one they are about. English
//! forms; a question in another language asks for one thing.

/// What ends the words that say what kind of thing is asked for.
const AUXILIARIES: &str =
    "has have had does do did is are was were would can might will could should";

/// Words after "what" or "which" among which a plural is looked for.
const KIND_WORDS_MAX: usize = 4;

/// Words at the beginning of a question among which "has" tells that all of a life counts.
const OPENING_WORDS: usize = 8;

/// Reads the lower-case words of a question. `is_name` tells the names of speakers.
#[must_use]
pub(super) fn asks_for_several(words: &[String], is_name: impl Fn(&str) -> bool) -> bool {
    let opening = || words.iter().take(OPENING_WORDS).map(String::as_str);
    if opening().any(|word| matches!(word, "has" | "have")) {
        return true;
    }
    if words.iter().any(|word| matches!(word.as_str(), "both" | "common")) {
        return true;
    }
    if let [first, second, ..] = words
        && first == "where"
        && matches!(second.as_str(), "do" | "does")
    {
        return true;
    }
    let mut names: Vec<&str> =
        words.iter().map(String::as_str).filter(|word| is_name(word)).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() > 1 && words.iter().any(|word| word == "and") {
        return true;
    }
    let kind = words.iter().skip_while(|word| !matches!(word.as_str(), "what" | "which")).skip(1);
    kind.take_while(|word| !is_auxiliary(word) && !is_name(word))
        .take(KIND_WORDS_MAX)
        .any(|word| is_plural(word))
}

fn is_auxiliary(word: &str) -> bool {
    AUXILIARIES.split(' ').any(|auxiliary| auxiliary == word)
}

/// By its ending; "this", "class" and "bus" are none.
fn is_plural(word: &str) -> bool {
    word.len() > 3
        && word.ends_with('s')
        && !["ss", "us", "is"].iter().any(|end| word.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::text::words;
    use proptest::prelude::*;

    fn asks(question: &str) -> bool {
        asks_for_several(&words(question), |word| matches!(word, "anna" | "james"))
    }

    #[test]
    fn plurals_perfects_and_pairs_ask_for_several() {
        for question in [
            "What books did Anna read?",
            "Which kinds of music does Anna like?",
            "Where has Anna been?",
            "Where does Anna work out?",
            "What do both of them like?",
            "How do Anna and James relax?",
        ] {
            assert!(asks(question), "{question}");
        }
    }

    #[test]
    fn a_single_thing_is_one() {
        for question in [
            "What did Anna buy?",
            "What is James's job?",
            "Which bus did Anna take?",
            "What does Anna say about books?",
            "When did they meet?",
            "",
        ] {
            assert!(!asks(question), "{question}");
        }
    }

    proptest! {
        #[test]
        fn any_question_can_be_read(question: String) {
            let _ = asks(&question);
        }
    }
}
