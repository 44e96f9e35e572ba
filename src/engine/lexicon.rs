//! Small closed word lists of English. A word in another language is simply in none of them.

use std::sync::OnceLock;

use rustc_hash::{FxHashMap, FxHashSet};

/// Words that say little about what a text is about, question words and auxiliaries among them.
const STOP: &str = "a about above after again against all also am an and any are as at be because \
    been before being below between both but by can could d did do does doing don during each \
    ever few for from further had has have having he her here hers herself him himself his how i \
    if in into is it its itself just ll m me might more most must my myself no nor not o of on \
    once only or our ours ourselves re s same shall she should so some such t than that the their \
    theirs them themselves then there these they this those through to too under until ve very \
    was we were what when where which while who whom whose why will with would y you your yours \
    yourself yourselves";

/// What is left of a negated auxiliary before its apostrophe.
const NEGATED: &str = "don doesn didn isn wasn can couldn won wouldn aren weren haven hasn hadn \
    shouldn";

/// Irregular forms: the first of each group stands for the others.
const IRREGULAR: &str = "go went gone goes|make made|take took taken|get got gotten|see saw seen|\
    come came|know knew known|think thought|give gave given|find found|tell told|feel felt|\
    become became|leave left|begin began begun|keep kept|write wrote written|run ran|meet met|\
    buy bought|bring brought|teach taught|catch caught|eat ate eaten|drink drank drunk|\
    drive drove driven|ride rode ridden|speak spoke spoken|break broke broken|choose chose chosen|\
    wear wore worn|win won|lose lost|sell sold|send sent|spend spent|build built|hold held|\
    stand stood|hear heard|grow grew grown|draw drew drawn|fly flew flown|sing sang sung|\
    swim swam swum|sleep slept|fall fell fallen|say said|pay paid|lead led|child children|man men|\
    woman women|person people|foot feet|mouse mice|wife wives|life lives|\
    understand understood|forget forgot forgotten|hang hung|fight fought|seek sought|\
    throw threw thrown|steal stole stolen|wake woke woken|shoot shot|sit sat|dig dug|feed fed|\
    swing swung|stick stuck|strike struck|tear tore torn|sink sank sunk|rise rose risen|\
    freeze froze frozen|hide hid hidden|shake shook shaken|bite bit bitten|blow blew blown|\
    mean meant|deal dealt|bend bent|lend lent";

/// Words that place an event in time.
const TEMPORAL: &str = "yesterday today tonight tomorrow ago last week weekend month year day \
    night morning evening afternoon monday tuesday wednesday thursday friday saturday sunday \
    january february march april may june july august september october november december \
    recently next since summer winter spring fall";

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

fn set(words: &'static str) -> FxHashSet<&'static str> {
    words.split_whitespace().collect()
}

/// Whether a lower-case word is a stop word; contractions of one are (`don't`, `we're`).
#[must_use]
pub(super) fn is_stop(word: &str) -> bool {
    static SETS: OnceLock<[FxHashSet<&'static str>; 2]> = OnceLock::new();
    let [stop, negated] = SETS.get_or_init(|| [set(STOP), set(NEGATED)]);
    match word.split_once('\'') {
        None => stop.contains(word),
        Some((head, "t" | "re" | "ve" | "ll" | "d" | "m" | "s")) => {
            stop.contains(head) || negated.contains(head)
        }
        Some(_) => false,
    }
}

/// The base form of an irregular word, or the word itself.
#[must_use]
pub(super) fn base_form(word: &str) -> &str {
    static FORMS: OnceLock<FxHashMap<&'static str, &'static str>> = OnceLock::new();
    let forms = FORMS.get_or_init(|| {
        let mut forms = FxHashMap::default();
        for group in IRREGULAR.split('|') {
            let mut words = group.split_whitespace();
            let Some(base) = words.next() else { continue };
            forms.extend(words.map(|word| (word, base)));
        }
        forms
    });
    forms.get(word).copied().unwrap_or(word)
}

/// Whether a lower-case word places an event in time.
#[must_use]
pub(super) fn is_temporal(word: &str) -> bool {
    static SET: OnceLock<FxHashSet<&'static str>> = OnceLock::new();
    SET.get_or_init(|| set(TEMPORAL)).contains(word)
}

/// The number of a month, 1 to 12, by its lower-case English name.
#[must_use]
pub(super) fn month_number(word: &str) -> Option<i8> {
    (1..).zip(MONTHS).find_map(|(number, name)| (name == word).then_some(number))
}

/// The months of a season of the northern hemisphere, by its lower-case English name.
#[must_use]
pub(super) fn season_months(word: &str) -> Option<[i8; 3]> {
    match word {
        "spring" => Some([3, 4, 5]),
        "summer" => Some([6, 7, 8]),
        "fall" | "autumn" => Some([9, 10, 11]),
        "winter" => Some([12, 1, 2]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contractions_of_stop_words_are_stop_words_and_names_are_not() {
        for word in ["the", "what", "don't", "we're", "can't", "i'm"] {
            assert!(is_stop(word), "{word}");
        }
        for word in ["o'brien", "deploy", "friday", "café"] {
            assert!(!is_stop(word), "{word}");
        }
    }

    #[test]
    fn irregular_forms_meet_in_their_base_and_others_stay() {
        assert_eq!(base_form("went"), "go");
        assert_eq!(base_form("children"), "child");
        assert_eq!(base_form("deploy"), "deploy");
        assert_eq!(month_number("december"), Some(12));
        assert_eq!(month_number("smarch"), None);
    }
}
