//! What little of English grammar it takes to turn the first person into the third.

use super::vocabulary::{
    ADVERBS, EMPTY_ADVERBS, FINITE, MORE_PAST_FORMS, NOT_PAST_IN_ED, PASSING_VERBS, VAGUE_VERBS,
    VERBS, VERBS_IN_LY,
};
use crate::engine::lexicon;

/// What the lexicon's irregular forms hold beside past forms.
const NO_PAST_FORMS: [&str; 10] =
    ["goes", "gone", "children", "men", "women", "people", "feet", "mice", "wives", "lives"];

/// The third person singular of a verb in its base form.
pub(in crate::engine) fn third_person(verb: &str) -> String {
    match verb {
        "am" | "are" | "be" => return "is".to_owned(),
        "have" => return "has".to_owned(),
        _ => {}
    }
    let stem_in_y =
        verb.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    if let Some(stem) = stem_in_y {
        return format!("{stem}ies");
    }
    let hisses = ["s", "x", "z", "ch", "sh", "o"].iter().any(|ending| verb.ends_with(ending));
    format!("{verb}{}", if hisses { "es" } else { "s" })
}

/// Whether a word can be a past form of a verb.
pub(in crate::engine) fn is_past(word: &str) -> bool {
    if MORE_PAST_FORMS.holds(word) {
        return true;
    }
    if word.ends_with("ed") {
        return word.len() > 3 && !NOT_PAST_IN_ED.holds(word);
    }
    lexicon::base_form(word) != word && !NO_PAST_FORMS.contains(&word)
}

/// The base form of a verb known by one of its forms; other words as they are.
pub(super) fn base_of(word: &str) -> &str {
    let irregular = lexicon::base_form(word);
    if irregular != word && irregular != "life" {
        return irregular;
    }
    let endings = ["ing", "ed", "es", "s", "d"];
    let stems = endings.iter().filter_map(|ending| word.strip_suffix(ending));
    stems.filter(|stem| stem.len() > 1).find(|stem| is_base(stem)).unwrap_or(word)
}

fn is_base(word: &str) -> bool {
    VERBS.holds(word) || PASSING_VERBS.holds(word) || VAGUE_VERBS.holds(word)
}

/// Whether a word is a finite verb of the third person.
pub(in crate::engine) fn is_finite_third(word: &str) -> bool {
    FINITE.holds(word) || is_past(word) || is_inflected(word)
}

/// "lives", "teaches", "studies": a known verb in the third person.
fn is_inflected(word: &str) -> bool {
    let Some(stem) = word.strip_suffix('s') else { return false };
    if VERBS.holds(stem) {
        return true;
    }
    let Some(shorter) = stem.strip_suffix('e') else { return false };
    VERBS.holds(shorter)
        || shorter.strip_suffix('i').is_some_and(|stem| VERBS.holds(&format!("{stem}y")))
}

/// Whether a word is a form of a known verb, past forms included.
pub(in crate::engine) fn is_verb_form(word: &str) -> bool {
    is_finite_third(word) || VERBS.holds(word) || VERBS.holds(base_of(word))
}

/// Whether a word may stand between a subject and its verb.
pub(in crate::engine) fn is_adverb(word: &str) -> bool {
    ADVERBS.holds(word)
        || EMPTY_ADVERBS.holds(word)
        || (word.len() > 4 && word.ends_with("ly") && !VERBS_IN_LY.holds(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_agree_with_a_third_person() {
        for (base, expected) in [
            ("live", "lives"),
            ("go", "goes"),
            ("do", "does"),
            ("have", "has"),
            ("am", "is"),
            ("teach", "teaches"),
            ("study", "studies"),
            ("play", "plays"),
            ("miss", "misses"),
            ("fix", "fixes"),
        ] {
            assert_eq!(third_person(base), expected);
            assert!(is_finite_third(expected), "{expected}");
        }
    }

    #[test]
    fn past_forms_are_told_from_what_only_looks_like_them() {
        for word in ["moved", "bought", "was", "went", "quit", "found", "paid"] {
            assert!(is_past(word), "{word}");
        }
        for word in ["need", "goes", "live", "feed", "children", "red"] {
            assert!(!is_past(word), "{word}");
        }
        assert_eq!(base_of("bought"), "buy");
        assert_eq!(base_of("living"), "living");
        assert_eq!(base_of("working"), "work");
    }
}
