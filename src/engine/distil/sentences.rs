//! What kind of sentence one is: whether it asks, whether it says anything, how sure it is.

use crate::engine::facts::WordList;
use crate::engine::lexicon;
use crate::engine::text::{for_each_word, is_unspaced};

/// Words of politeness and assent: a sentence of nothing but these says nothing.
static IDLE: WordList = WordList::of(
    "hey hi hello howdy heya yo bye goodbye thanks thank thx cheers welcome ok okay \
    okey yes yeah yep yup nope sure totally absolutely definitely exactly agree agreed great good \
    nice cool awesome amazing wow wonderful lovely fantastic perfect haha lol hehe hmm oh ah uh um \
    well really right glad happy hear see talk chat soon later morning afternoon evening night \
    sounds sound like interesting please sorry congrats congratulations care take luck much lot \
    lots appreciate anytime problem worries course indeed true fine got get know let's let way \
    day again back there everyone guys pleasure meet dear true that's it's what's you're i'm",
);

/// Words of doubt.
const HEDGES: [&str; 12] = [
    "maybe",
    "perhaps",
    "probably",
    "possibly",
    "might",
    "guess",
    "apparently",
    "allegedly",
    "supposedly",
    "presumably",
    "unsure",
    "rumour",
];

/// Phrases of doubt.
const HEDGING_PHRASES: [&str; 8] = [
    "i think",
    "i believe",
    "not sure",
    "i suppose",
    "kind of think",
    "could be",
    "may be",
    "it seems",
];

/// Whether a sentence asks.
pub(super) fn is_question(sentence: &str) -> bool {
    let bare = sentence.trim_end_matches(['"', '”', '\'', ')', '»', ' ', '!', '*']);
    bare.ends_with(['?', '？', '؟'])
}

/// Whether a sentence holds a word that is neither a stop word nor mere politeness.
pub(super) fn says_something(sentence: &str) -> bool {
    says_more_than(sentence, |_| false)
}

/// The same without words that are known to say nothing here, such as whom it is said to.
pub(super) fn says_more_than(sentence: &str, is_known: impl Fn(&str) -> bool) -> bool {
    let mut says = false;
    for_each_word(sentence, |word| {
        says |= !lexicon::is_stop(word) && !IDLE.holds(word) && is_word(word) && !is_known(word);
    });
    says
}

/// Whether a text speaks of what it says with doubt.
pub(super) fn is_hedged(text: &str) -> bool {
    let mut words = String::from(" ");
    for_each_word(text, |word| {
        words.push_str(word);
        words.push(' ');
    });
    let holds = |phrase: &&str| words.contains(&format!(" {phrase} "));
    HEDGES.iter().chain(&HEDGING_PHRASES).any(holds)
}

/// A lone letter is none, except in scripts where it may be.
fn is_word(word: &str) -> bool {
    let mut letters = word.chars();
    let first = letters.next();
    first.is_some_and(|letter| {
        letter.is_numeric() || is_unspaced(letter) || letters.next().is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn politeness_says_nothing_and_anything_else_does() {
        for text in ["Hey!", "Thanks, that's really great!", "Wow, cool.", "Yes, I agree.", "", "…"]
        {
            assert!(!says_something(text), "{text}");
        }
        for text in ["I'm vegan.", "Thanks, Anna!", "It costs 5.", "我在北京。", "Ich wohne hier."]
        {
            assert!(says_something(text), "{text}");
        }
    }

    #[test]
    fn questions_end_with_their_sign() {
        assert!(is_question("Where is it?") && is_question("Really?!") && is_question("“Why?”"));
        assert!(!is_question("He asked why.") && !is_question(""));
    }

    #[test]
    fn doubt_is_heard() {
        for text in ["Maybe she moved.", "I think it's Tuesday.", "User: I'm not sure about it."] {
            assert!(is_hedged(text), "{text}");
        }
        for text in ["She moved.", "May is warm.", "Rethinking it helps."] {
            assert!(!is_hedged(text), "{text}");
        }
    }
}
