//! What makes two texts the same text. Two notions: the episodic fingerprint (the text itself)
//! and the wording (the text regardless of case, spacing and what closes it).

use unicode_normalization::UnicodeNormalization;

/// 128 bits of BLAKE3. Equal inputs give equal prints on every machine and in every version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    fn of_bytes(bytes: &[u8]) -> Self {
        let mut short = [0; 16];
        for (to, from) in short.iter_mut().zip(blake3::hash(bytes).as_bytes()) {
            *to = *from;
        }
        Self(short)
    }

    /// The episodic fingerprint: Unicode NFC, trimmed, case kept.
    #[must_use]
    pub fn of_content(text: &str) -> Self {
        let trimmed = text.trim();
        if trimmed.is_ascii() {
            return Self::of_bytes(trimmed.as_bytes());
        }
        Self::of_bytes(trimmed.nfc().collect::<String>().as_bytes())
    }

    /// The wording: case folded, white space collapsed, and what only closes a sentence or quotes
    /// it dropped from the ends of the text. Everything within it stays, since it may carry
    /// meaning: the order of the words, digits, signs, and commas above all.
    #[must_use]
    pub fn of_wording(text: &str) -> Self {
        let folded = text.nfc().collect::<String>().to_lowercase();
        let wording = folded.split_whitespace().collect::<Vec<_>>().join(" ");
        let bare = wording
            .trim_start_matches(|letter| is_quote(letter) || letter == ' ')
            .trim_end_matches(|letter| is_quote(letter) || is_end(letter) || letter == ' ');
        if bare.is_empty() {
            // Nothing but punctuation: then the punctuation is what it says.
            return Self::of_content(text);
        }
        Self::of_bytes(bare.as_bytes())
    }

    /// A caller's own fingerprint, an external reference, or any other opaque string.
    #[must_use]
    pub fn of_opaque(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }
}

fn is_quote(letter: char) -> bool {
    matches!(letter, '"' | '“' | '”' | '„' | '«' | '»')
}

/// Not the question mark: a question says something else.
fn is_end(letter: char) -> bool {
    matches!(letter, '.' | '!' | '…' | '。' | '！')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn composed_and_decomposed_letters_are_the_same_content_but_case_differs() {
        let print = Fingerprint::of_content;
        assert_eq!(print("  caf\u{e9} "), print("cafe\u{301}"));
        assert_ne!(print("Café"), print("café"));
    }

    #[test]
    fn wording_ignores_form_and_keeps_everything_that_can_mean_something() {
        let print = Fingerprint::of_wording;
        assert_eq!(print("We deploy on  Fridays."), print("we deploy on fridays!"));
        for (one, other) in [
            ("We deploy on Fridays", "We no longer deploy on Fridays"),
            ("You moved to Paris.", "You moved to Paris?"),
            ("Anna beat Ben", "Ben beat Anna"),
            ("It is 5 degrees", "It is -5 degrees"),
            ("Version 1.5", "Version 15"),
            ("I write C", "I write C++"),
            ("...", "!"),
            ("Let's invite Paul, my brother and Kim", "Let's invite Paul, my brother, and Kim"),
            ("Wir warten, nicht starten", "Wir warten nicht, starten"),
            ("He left. She stayed", "He left she. Stayed"),
            (".NET is installed", "Net is installed"),
        ] {
            assert_ne!(print(one), print(other), "{one} / {other}");
        }
    }

    proptest! {
        #[test]
        fn same_content_implies_same_wording(text: String, pad in "[ \t\n]{0,3}") {
            let padded = format!("{pad}{text}{pad}");
            prop_assert_eq!(Fingerprint::of_content(&text), Fingerprint::of_content(&padded));
            prop_assert_eq!(Fingerprint::of_wording(&text), Fingerprint::of_wording(&padded));
        }
    }
}
