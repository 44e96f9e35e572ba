//! Whether a turn stands in what a server returned. Pure. A server may cut a turn into several facts
//! and join several turns into one, so a turn is looked for by its sentences: each must stand word
//! for word in one of the returned texts. Case, punctuation and what is put before a sentence, such
//! as who said it and when, do not matter.

use std::collections::BTreeSet;

/// Signs that end a sentence, wherever they stand.
const SENTENCE_ENDS: [char; 7] = ['.', '!', '?', '\n', '…', '[', ']'];

/// The texts of an answer as words.
pub(super) struct Returned {
    texts: Vec<String>,
}

/// How much of the evidence of one question was returned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    /// Whether any of the evidence was.
    pub(super) any: bool,
    /// Share of the evidence, 0 to 1.
    pub(super) share: f64,
}

impl Returned {
    pub(super) fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self { texts: texts.into_iter().map(words).collect() }
    }

    /// Whether every sentence of a turn stands in some text. A turn without words never does.
    fn holds(&self, turn: &str) -> bool {
        let sentences = turn.split(SENTENCE_ENDS).map(words).filter(|words| words.len() > 1);
        let mut count = 0;
        let is_whole = sentences
            .inspect(|_| count += 1)
            .all(|sentence| self.texts.iter().any(|text| text.contains(&sentence)));
        is_whole && count > 0
    }

    /// `gold` is not empty.
    #[allow(clippy::cast_precision_loss, reason = "a question has few pieces of evidence")]
    pub(super) fn score(&self, gold: &BTreeSet<&str>) -> Found {
        let found = gold.iter().filter(|turn| self.holds(turn)).count();
        Found { any: found > 0, share: found as f64 / gold.len().max(1) as f64 }
    }
}

/// The words of a text in lower case, a space before and after each.
fn words(text: &str) -> String {
    let mut words = String::from(" ");
    for word in text.split(|letter: char| !letter.is_alphanumeric()).filter(|it| !it.is_empty()) {
        words.push_str(&word.to_lowercase());
        words.push(' ');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(texts: &[&str], turn: &str, expected: bool) {
        assert_eq!(Returned::of(texts.iter().copied()).holds(turn), expected, "{turn}");
    }

    #[test]
    fn a_turn_is_found_whole_in_parts_and_under_other_punctuation() {
        let turn = "I painted the shed! It's blue. [image: a blue shed]";
        check(
            &["[8 May 2023] Ana: I painted the shed! It's blue. [image: a blue shed]"],
            turn,
            true,
        );
        check(&["Ana: I painted the shed!", "Ana: It’s BLUE. [image: a blue shed]"], turn, true);
        check(&["Bo: Hello. Ana: i painted the shed, it's blue (image: a blue shed)"], turn, true);
    }

    #[test]
    fn a_part_of_a_turn_or_its_words_in_another_order_are_not_the_turn() {
        let turn = "I painted the shed. It's blue.";
        check(&["I painted the shed."], turn, false);
        check(&["The shed I painted. It's blue."], turn, false);
        check(&["I painted the sheds. It's blue."], turn, false);
        check(&["I painted", "the shed. It's blue."], turn, false);
        check(&[], turn, false);
    }

    #[test]
    fn what_has_no_words_is_never_found() {
        check(&["anything"], "", false);
        check(&["anything ... "], "...", false);
    }

    #[test]
    fn evidence_is_counted_by_turns() {
        let returned = Returned::of(["Ana: I painted the shed.", "Bo: Nice!"]);
        let score = |gold: &[&'static str]| returned.score(&gold.iter().copied().collect());
        assert_eq!(score(&["I painted the shed."]), Found { any: true, share: 1.0 });
        let half = score(&["I painted the shed.", "We sold the house."]);
        assert_eq!(half, Found { any: true, share: 0.5 });
        assert_eq!(score(&["We sold the house."]), Found { any: false, share: 0.0 });
    }
}
