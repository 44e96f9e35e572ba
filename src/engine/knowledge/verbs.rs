//! The words between two names that join them: which verb, and which of the two does it.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use crate::engine::facts::{Token, is_adverb, third_person};
use crate::engine::lexicon;

use super::vocabulary::Words;

/// Words between two names at most; what joins them over more is seldom one statement.
pub(super) const BETWEEN_WORDS_MAX: usize = 9;

/// What the words between two names say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Joint {
    pub(super) verb: String,
    /// The second name does it to the first ("was founded by").
    pub(super) is_turned: bool,
    /// The words only join what directly follows them ("is a"): a name that says more about the
    /// word behind it is not meant.
    pub(super) needs_end: bool,
}

/// Verbs that state how two things hang together, in their base form.
const VERBS: &str = "use need require support replace implement extend include contain provide offer \
    run build create found write develop design invent discover publish release maintain own acquire \
    buy sell lead manage direct employ hire teach join marry meet know speak love like prefer study \
    visit produce manufacture make power drive enable influence inspire win lose defeat beat call \
    wrap embed expose store read parse generate compile translate depend rely work live belong consist \
    derive descend come originate integrate connect communicate compete collaborate cooperate partner \
    cover describe define explain mention cite reference propose introduce adopt choose recommend \
    follow precede succeed cause prevent treat affect reduce increase improve measure detect predict \
    feed send receive call query hold keep own govern border serve host sponsor fund finance advise \
    represent oppose criticise criticize sign ratify merge combine link join speak understand import \
    export test benchmark monitor deploy schedule handle process encode decode encrypt verify \
    authenticate govern orbit translate tune train outperform resemble interact attend graduate study \
    move migrate switch transfer play star edit record perform launch ship license sue chair head \
    supervise mentor headquarter locate base name back retire move accompany help assist apply target run index rank embed";

/// Participles that may follow a name without an auxiliary and are then passive.
static PASSIVE: Words = Words::of(
    "built written based founded created developed designed implemented made powered owned acquired \
     maintained published released located called derived used headquartered inspired invented hosted \
     compiled embedded known backed funded discovered directed proposed introduced produced \
     supported required stored managed provided replaced adopted described defined driven",
);

/// Auxiliaries before a participle.
static BE: Words = Words::of("is are was were be been being");
static OTHER_AUXILIARY: Words =
    Words::of("has have had will would can could may might should must does did do");
static NEGATION: Words =
    Words::of("not never no neither nor without cannot hardly nicht kein keine не");
static PREPOSITIONS: Words = Words::of(
    "on in at with from as for to into of by using through over against about between under among \
     alongside upon within via",
);
static ARTICLES: Words = Words::of(
    "a an the its his her their our this that these those some any both all each one two three many \
     several most more only another its der die das den dem des ein eine einen einem einer",
);

/// Nouns that a thing is of or for another: "is part of", "is the capital of".
static ROLES: Words = Words::of(
    "part member capital founder co-founder cofounder author creator inventor successor predecessor \
     subset superset subsidiary type kind form version fork extension alternative ceo cto director \
     president head chair chairman maintainer implementation example component branch dialect \
     headquarters developer owner employee student professor teacher son daughter brother sister wife \
     husband friend colleague father mother port clone wrapper client layer field area branch \
     application combination variant generalization generalisation special case replacement set \
     division department unit module feature layer core basis foundation leader minister mayor",
);

/// Adjectives that join two things, with their prepositions.
static ADJECTIVES: Words = Words::of(
    "similar compatible different responsible available known named identical equivalent related \
     faster slower larger smaller older newer better cheaper popular famous active native near close \
     next dependent independent born built interoperable written",
);

/// Nouns that only say what kind of thing the name before them is.
static KIND_NOUNS: Words = Words::of(
    "server database library engine framework project team company protocol language format compiler \
     runtime service platform system tool crate package client app application group itself inc",
);

/// Other languages' joints as they stand between two names, articles left out.
const FOREIGN: &str = "verwendet,nutzt,benutzt,basiert auf,beruht auf,gehört zu,arbeitet bei,arbeitet für,\
    arbeitet an,arbeitet mit,ist,ist teil von,liegt in,lebt in,wohnt in,ersetzt,unterstützt,entwickelt,\
    entwickelte,schrieb,gründete,übernahm,kaufte,erfand,leitet,besteht aus,enthält,hängt ab von,\
    hängt von,läuft auf,studierte an,lehrt an,ist geschrieben in,wurde gegründet in,heiratete,spricht,\
    использует,используют,основан на,основана на,основано на,работает в,работает на,работает с,живёт в,\
    живет в,написал,написала,создал,создала,основал,основала,разработал,разработала,поддерживает,\
    находится в,является,заменяет,входит в,была основана,был основан,была создана,был создан,был разработан,\
    была разработана,utilise,repose sur,travaille chez,fait partie de,utiliza,\
    usa,se basa en,trabaja en,使用,采用,基于,支持,属于,收购,创建,创立,位于,开发,使用了,采用了,创立了,创建了,\
    収購,を使用,に基づく";

/// German passives, whose participle stands behind the second name: `wurde von Y gegründet`.
const GERMAN_PARTICIPLES: [(&str, &str); 8] = [
    ("gegründet", "gründete"),
    ("entwickelt", "entwickelte"),
    ("geschrieben", "schrieb"),
    ("übernommen", "übernahm"),
    ("gekauft", "kaufte"),
    ("erfunden", "erfand"),
    ("geleitet", "leitete"),
    ("verwendet", "verwendet"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Base,
    Third,
    /// Past or participle.
    Past,
    Gerund,
}

/// Reads the words between two names; `first` is the last word of the first name, `behind` the
/// word behind the second.
pub(super) fn read(
    first: &Token<'_>,
    between: &[Token<'_>],
    behind: &[Token<'_>],
) -> Option<Joint> {
    if between.is_empty() || between.len() > BETWEEN_WORDS_MAX {
        return None;
    }
    if first.tail.contains([';', ':', '!', '?']) || between.iter().any(is_broken) {
        return None;
    }
    let has_comma = first.tail.contains(',');
    let words: Vec<&str> = between.iter().map(|token| token.lower.as_str()).collect();
    if words.iter().any(|word| NEGATION.holds(word)) {
        return None;
    }
    let words = match words.as_slice() {
        ["which" | "that" | "who", rest @ ..] => rest,
        [noun, rest @ ..] if !has_comma && KIND_NOUNS.holds(noun) => rest,
        // "HNSW graphs were introduced by"
        [noun, be, ..]
            if !has_comma && BE.holds(be) && form_of(noun).is_none() && !lexicon::is_stop(noun) =>
        {
            words.get(1..).unwrap_or_default()
        }
        words => words,
    };
    if has_comma {
        return apposition(words).or_else(|| clause(words, true));
    }
    foreign(words, behind).or_else(|| clause(words, false))
}

/// Reads the words behind an "and" that goes on with the same subject.
pub(super) fn read_plain(between: &[Token<'_>], behind: &[Token<'_>]) -> Option<Joint> {
    if between.is_empty() || between.len() > BETWEEN_WORDS_MAX || between.iter().any(is_broken) {
        return None;
    }
    let words: Vec<&str> = between.iter().map(|token| token.lower.as_str()).collect();
    if words.iter().any(|word| NEGATION.holds(word)) {
        return None;
    }
    foreign(&words, behind).or_else(|| clause(&words, false))
}

/// Whether the words behind a name begin a statement about it and nothing else.
pub(super) fn opens_relative(between: &[Token<'_>]) -> bool {
    between
        .first()
        .is_some_and(|token| token.is(&["which", "that", "who"]) || PASSIVE.holds(&token.lower))
}

/// Anything but a plain word, or a pause, between two names.
fn is_broken(token: &Token<'_>) -> bool {
    token.word.is_empty() || !token.tail.is_empty() || !token.lead.is_empty()
}

/// "X, a part of Y" and "X, a Y".
fn apposition(words: &[&str]) -> Option<Joint> {
    match words {
        ["a" | "an" | "the", rest @ ..] => noun_phrase("is", rest),
        _ => None,
    }
}

/// A verb and what belongs to it.
fn clause(words: &[&str], after_comma: bool) -> Option<Joint> {
    let mut words = skip_adverbs(words);
    let mut copula = None;
    let mut has_auxiliary = false;
    while let [word, rest @ ..] = words {
        if BE.holds(word) {
            copula = Some(match *word {
                "are" => "is",
                "were" => "was",
                word => word,
            });
        } else if !OTHER_AUXILIARY.holds(word) || rest.is_empty() {
            break;
        }
        has_auxiliary = true;
        words = skip_adverbs(rest);
    }
    let (word, rest) = words.split_first()?;
    if let Some(be) = copula {
        return after_copula(be, word, rest);
    }
    let (base, form) = form_of(word)?;
    let rest = skip_adverbs(rest);
    let preposition = rest.first().filter(|word| PREPOSITIONS.holds(word)).copied();
    if form == Form::Past && !has_auxiliary && PASSIVE.holds(word) && preposition.is_some() {
        return passive("is", word, base, rest);
    }
    let verb = match form {
        // After a comma a lone verb mostly has another subject.
        Form::Base if after_comma && !has_auxiliary => return None,
        Form::Base => third_person(base),
        Form::Gerund if after_comma || base == "use" => third_person(base),
        Form::Gerund => return None,
        Form::Third | Form::Past => (*word).to_owned(),
    };
    active(verb, rest)
}

fn active(verb: String, rest: &[&str]) -> Option<Joint> {
    let (verb, object) = match rest {
        // "writes about", "works at": the preposition belongs to the verb.
        [preposition, object @ ..] if PREPOSITIONS.holds(preposition) && *preposition != "by" => {
            if *preposition == "of" && !verb.starts_with("consist") {
                return None;
            }
            (format!("{verb} {preposition}"), object)
        }
        object => (verb, object),
    };
    is_modifier_chain(object).then_some(Joint { verb, is_turned: false, needs_end: false })
}

fn after_copula(be: &str, word: &str, rest: &[&str]) -> Option<Joint> {
    if matches!(word, "a" | "an" | "the") {
        return noun_phrase(be, rest);
    }
    if ROLES.holds(word) && rest.first() == Some(&"of") {
        return preposition_phrase(format!("{be} {word}"), rest);
    }
    if ADJECTIVES.holds(word) && !PASSIVE.holds(word) {
        return preposition_phrase(format!("{be} {word}"), rest);
    }
    if matches!(word, "in" | "from" | "near") {
        let joint = Joint { verb: format!("{be} {word}"), is_turned: false, needs_end: false };
        return is_modifier_chain(rest).then_some(joint);
    }
    let (base, form) = form_of(word)?;
    match form {
        Form::Past => passive(be, word, base, skip_adverbs(rest)),
        Form::Gerund => active(third_person(base), skip_adverbs(rest)),
        Form::Base | Form::Third => None,
    }
}

/// "was founded by" (turned), "is built on".
fn passive(be: &str, participle: &str, base: &str, rest: &[&str]) -> Option<Joint> {
    match rest {
        ["by", object @ ..] => is_modifier_chain(object).then(|| Joint {
            verb: if be == "is" { third_person(base) } else { past(participle) },
            is_turned: true,
            needs_end: false,
        }),
        _ => preposition_phrase(format!("{be} {participle}"), rest),
    }
}

/// What has a participle of its own is told by its past.
fn past(participle: &str) -> String {
    let simple = match participle {
        "written" => "wrote",
        "driven" => "drove",
        "chosen" => "chose",
        "known" => "knew",
        "given" => "gave",
        "taken" => "took",
        "begun" => "began",
        "run" => "ran",
        other => other,
    };
    simple.to_owned()
}

fn preposition_phrase(head: String, rest: &[&str]) -> Option<Joint> {
    let (preposition, object) = rest.split_first()?;
    let is_joint = (PREPOSITIONS.holds(preposition) || matches!(*preposition, "than" | "after"))
        && is_modifier_chain(object);
    let verb = format!("{head} {preposition}");
    is_joint.then_some(Joint { verb, is_turned: false, needs_end: false })
}

/// After "is a": a role with its preposition, or nothing but modifiers of the name that follows.
fn noun_phrase(be: &str, words: &[&str]) -> Option<Joint> {
    let role = words.iter().take(3).position(|word| ROLES.holds(word));
    if let Some(at) = role
        && let Some([role, preposition, object @ ..]) = words.get(at..)
        && matches!(*preposition, "of" | "for" | "to" | "at" | "in")
        && is_modifier_chain(object)
    {
        let verb = format!("{be} {role} {preposition}");
        return Some(Joint { verb, is_turned: false, needs_end: false });
    }
    (words.len() <= 2 && is_modifier_chain(words)).then(|| Joint {
        verb: format!("{be} a"),
        is_turned: false,
        needs_end: true,
    })
}

/// Words that may stand between a verb and the name it is about.
fn is_modifier_chain(words: &[&str]) -> bool {
    let plain = |word: &&str| {
        ARTICLES.holds(word)
            || !(PREPOSITIONS.holds(word)
                || lexicon::is_stop(word)
                || BE.holds(word)
                || OTHER_AUXILIARY.holds(word)
                || form_of(word).is_some_and(|(_, form)| form == Form::Third))
    };
    words.len() <= 4 && words.iter().all(plain)
}

fn skip_adverbs<'a, 'b>(words: &'a [&'b str]) -> &'a [&'b str] {
    let count = words.iter().take_while(|word| is_adverb(word) || **word == "first").count();
    words.get(count..).unwrap_or_default()
}

fn foreign(words: &[&str], behind: &[Token<'_>]) -> Option<Joint> {
    static TABLE: OnceLock<Vec<&'static str>> = OnceLock::new();
    let table = TABLE.get_or_init(|| FOREIGN.split(',').map(str::trim).collect());
    if let ["wurde" | "wird", rest @ ..] = words
        && matches!(rest.last(), Some(&("von" | "vom" | "durch")))
        && let Some((_, active)) = GERMAN_PARTICIPLES
            .iter()
            .find(|(participle, _)| behind.iter().any(|token| token.lower == *participle))
    {
        return Some(Joint { verb: (*active).to_owned(), is_turned: true, needs_end: false });
    }
    let plain: Vec<&str> = words.iter().filter(|word| !ARTICLES.holds(word)).copied().collect();
    let plain = plain.join(" ");
    let verb = *table.iter().find(|verb| **verb == plain)?;
    let is_copula = matches!(verb, "ist" | "является");
    let verb = if verb == "ist" { "ist ein" } else { verb };
    Some(Joint { verb: verb.to_owned(), is_turned: false, needs_end: is_copula })
}

/// The base of a known verb and the form of it that a word is.
fn form_of(word: &str) -> Option<(&'static str, Form)> {
    static TABLE: OnceLock<FxHashMap<String, (&'static str, Form)>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let mut table = FxHashMap::default();
        for base in VERBS.split_whitespace() {
            let past = match base {
                base if base.ends_with('e') => format!("{base}d"),
                "apply" | "rely" | "study" | "marry" | "ratify" | "verify" | "query" => {
                    format!("{}ied", base.trim_end_matches('y'))
                }
                "run" | "win" | "ship" | "embed" | "wrap" => {
                    let last = base.chars().next_back().unwrap_or('n');
                    format!("{base}{last}ed")
                }
                base => format!("{base}ed"),
            };
            let gerund = match base {
                base if base.ends_with('e') => format!("{}ing", base.trim_end_matches('e')),
                "run" | "win" | "ship" | "embed" | "wrap" => {
                    let last = base.chars().next_back().unwrap_or('n');
                    format!("{base}{last}ing")
                }
                base => format!("{base}ing"),
            };
            table.insert(past, (base, Form::Past));
            table.insert(gerund, (base, Form::Gerund));
            table.insert(third_person(base), (base, Form::Third));
            table.insert(base.to_owned(), (base, Form::Base));
        }
        table
    });
    if let Some(found) = table.get(word) {
        return Some(*found);
    }
    let irregular = lexicon::base_form(word);
    let base = table.get(irregular).filter(|_| irregular != word)?.0;
    Some((base, Form::Past))
}

/// The type of a relation in lower snake case, without auxiliaries: "was built on" is `built_on`.
pub(super) fn relation_type(verb: &str) -> String {
    let folded = verb.to_lowercase();
    let words: Vec<&str> =
        folded.split(|letter: char| !letter.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let is_auxiliary = |word: &&&str| BE.holds(word) || OTHER_AUXILIARY.holds(word);
    let skipped = words.iter().take_while(is_auxiliary).count();
    // "is a" and "is in" say nothing without their verb.
    let skipped = match words.get(skipped..) {
        None | Some([]) => 0,
        Some(["a" | "an" | "in" | "from" | "near"]) => skipped.saturating_sub(1),
        Some(_) => skipped,
    };
    let joined = words.get(skipped..).unwrap_or_default().join("_");
    let joined = match joined.strip_prefix("was_").or_else(|| joined.strip_prefix("are_")) {
        Some(rest) => format!("is_{rest}"),
        None => joined,
    };
    if joined.is_empty() { "relates_to".to_owned() } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::facts::tokens;
    use proptest::prelude::*;

    /// Reads a sentence whose first and last words are the names; a last `…` word is behind them.
    fn joint(sentence: &str) -> Option<(String, bool)> {
        let tokens = tokens(sentence);
        let end = tokens.iter().rposition(|token| token.word.starts_with('Y')).unwrap();
        read(&tokens[0], &tokens[1..end], &tokens[end + 1..])
            .map(|joint| (joint.verb, joint.is_turned))
    }

    #[test]
    fn what_joins_two_names_is_read_in_its_direction() {
        let check = |sentence: &str, verb: &str, is_turned: bool| {
            assert_eq!(joint(sentence), Some((verb.to_owned(), is_turned)), "{sentence}");
        };
        check("X uses Y", "uses", false);
        check("X also uses the embedded store Y", "uses", false);
        check("X can use Y", "uses", false);
        check("X is built on top Y", "is built on", false);
        check("X was founded by Y", "founded", true);
        check("X, founded by Y", "founds", true);
        check("X is maintained by the Y", "maintains", true);
        check("X is written in Y", "is written in", false);
        check("X works at Y", "works at", false);
        check("X depends on Y", "depends on", false);
        check("X, a part of Y", "is part of", false);
        check("X is the capital of Y", "is capital of", false);
        check("X is a Y", "is a", false);
        check("X acquired Y", "acquired", false);
        check("X, which replaces Y", "replaces", false);
        check("X is similar to Y", "is similar to", false);
        check("X wrote Y", "wrote", false);
        check("X verwendet die Y", "verwendet", false);
        check("X basiert auf Y", "basiert auf", false);
        check("X wurde von Y gegründet", "gründete", true);
        check("X использует Y", "использует", false);
    }

    #[test]
    fn what_does_not_join_two_names_is_not_read() {
        for sentence in [
            "X does not use Y",
            "X and Y",
            "X; uses Y",
            "X says that it uses Y",
            "X uses a fork of Y",
            "X never supports Y",
            "X, like Y",
        ] {
            assert_eq!(joint(sentence), None, "{sentence}");
        }
    }

    #[test]
    fn a_relation_type_is_the_verb_in_snake_case_without_auxiliaries() {
        for (verb, expected) in [
            ("is built on", "built_on"),
            ("was built on", "built_on"),
            ("relates to", "relates_to"),
            ("uses", "uses"),
            ("is a", "is_a"),
            ("was a", "is_a"),
            ("is part of", "part_of"),
            ("is in", "is_in"),
            ("Basiert Auf", "basiert_auf"),
            ("使用", "使用"),
            ("is", "is"),
            ("", "relates_to"),
            ("--", "relates_to"),
        ] {
            assert_eq!(relation_type(verb), expected, "{verb}");
        }
    }

    proptest! {
        #[test]
        fn a_relation_type_is_a_word_of_the_wire(verb: String) {
            let found = relation_type(&verb);
            prop_assert!(!found.is_empty());
            prop_assert!(found.chars().all(|letter| letter.is_alphanumeric() || letter == '_'));
            prop_assert_eq!(relation_type(&found.replace('_', " ")), found);
        }
    }
}
