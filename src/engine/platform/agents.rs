//! What follows from how agents are called: the slug of one that was given none, and what a search
//! finds them by.

/// Characters in a slug.
pub const SLUG_CHARS_MAX: usize = 64;

/// The slug of an agent of whose name nothing is left.
const SLUG_OF_NOTHING: &str = "agent";

/// The slug that follows from a name: its ASCII letters and digits, in lower case, and one `-` for
/// whatever stands between them. At least 1 and at most [`SLUG_CHARS_MAX`] characters.
#[must_use]
pub fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars() {
        let is_kept = letter.is_ascii_alphanumeric();
        if is_kept && slug.len() < SLUG_CHARS_MAX {
            slug.push(letter.to_ascii_lowercase());
        } else if is_kept {
            break;
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = cut(&slug, SLUG_CHARS_MAX);
    if slug.is_empty() { SLUG_OF_NOTHING.to_owned() } else { slug.to_owned() }
}

/// The first of a slug and those that follow from it, `-2`, `-3` and so on, that is not taken. Asks
/// at most once more than slugs are taken.
#[must_use]
pub fn free_slug(slug: String, is_taken: impl Fn(&str) -> bool) -> String {
    let mut candidate = slug.clone();
    let mut number = 2_u64;
    while is_taken(&candidate) {
        let ending = format!("-{number}");
        candidate = format!("{}{ending}", cut(&slug, SLUG_CHARS_MAX - ending.len()));
        number += 1;
    }
    candidate
}

/// The first characters of a slug, without what then stands open.
fn cut(slug: &str, chars_max: usize) -> &str {
    // A slug is ASCII.
    slug.get(..chars_max).unwrap_or(slug).trim_end_matches('-')
}

/// A text as it is compared in searches: two that differ in case alone become the same.
#[must_use]
pub fn fold_case(text: &str) -> String {
    // Upper case first: what has one form there may have several below, such as a final sigma.
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_slug_keeps_ascii_letters_and_digits_and_joins_what_is_between() {
        for (name, slug) in [
            ("Support Bot", "support-bot"),
            ("  Release -- 2.0 (beta)!", "release-2-0-beta"),
            ("Ünïcode", "n-code"),
            ("客服", "agent"),
            ("---", "agent"),
            ("", "agent"),
            ("A1", "a1"),
        ] {
            assert_eq!(slug_of(name), slug, "{name}");
        }
    }

    #[test]
    fn a_long_slug_is_cut_and_does_not_end_in_a_dash() {
        assert_eq!(slug_of(&"x".repeat(200)), "x".repeat(64));
        let broken = format!("{} end", "x".repeat(63));
        assert_eq!(slug_of(&broken), "x".repeat(63));
        let exact = format!("{}!!!", "x".repeat(64));
        assert_eq!(slug_of(&exact), "x".repeat(64));
    }

    #[test]
    fn a_taken_slug_is_counted_on_and_stays_short_enough() {
        let taken: HashSet<&str> = ["bot", "bot-2", "bot-4"].into();
        assert_eq!(free_slug("bot".to_owned(), |slug| taken.contains(slug)), "bot-3");
        assert_eq!(free_slug("other".to_owned(), |slug| taken.contains(slug)), "other");
        let long = "x".repeat(64);
        let free = free_slug(long.clone(), |slug| slug == long);
        assert_eq!(free, format!("{}-2", "x".repeat(62)));
        let dashed = format!("{}-y", "x".repeat(62));
        let free = free_slug(dashed.clone(), |slug| slug == dashed);
        assert_eq!(free, format!("{}-2", "x".repeat(62)));
    }

    #[test]
    fn folding_makes_spellings_that_differ_in_case_alone_the_same() {
        for (one, other) in [
            ("Support BOT", "support bot"),
            ("ÄÖÜ", "äöü"),
            ("Straße", "STRASSE"),
            ("ΟΔΟΣ", "οδος"),
            ("οδος", "οδοσ"),
            ("ПРИВЕТ", "привет"),
        ] {
            assert_eq!(fold_case(one), fold_case(other), "{one} {other}");
        }
        assert_ne!(fold_case("a"), fold_case("ä"));
    }

    proptest! {
        #[test]
        fn every_name_gives_a_good_slug(name: String) {
            let slug = slug_of(&name);
            prop_assert!((1..=SLUG_CHARS_MAX).contains(&slug.len()), "{slug}");
            let is_plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
            prop_assert!(slug.chars().all(is_plain), "{slug}");
            prop_assert!(!slug.starts_with('-') && !slug.ends_with('-') && !slug.contains("--"));
            prop_assert_eq!(&slug_of(&slug), &slug);
        }

        #[test]
        fn names_that_are_all_the_same_give_slugs_that_all_differ(name in "[a-z]{1,80}", count in 1_usize..120) {
            let mut taken: HashSet<String> = HashSet::new();
            for _ in 0..count {
                let free = free_slug(slug_of(&name), |slug| taken.contains(slug));
                prop_assert!(free.len() <= SLUG_CHARS_MAX);
                prop_assert!(taken.insert(free));
            }
        }
    }
}
