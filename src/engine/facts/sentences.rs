//! From a text to its sentences and their words. Everything is linear in the text's length.

use std::borrow::Cow;

use super::vocabulary::{ABBREVIATIONS, CLOSING_ABBREVIATIONS};

/// One word as written: what stands around it is kept, so that a sentence can be put together
/// again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct Token<'a> {
    pub(in crate::engine) lead: &'a str,
    /// May be empty: a lone dash is a token too.
    pub(in crate::engine) word: Cow<'a, str>,
    pub(in crate::engine) tail: &'a str,
    /// The word in lower case.
    pub(in crate::engine) lower: String,
}

impl<'a> Token<'a> {
    fn new(lead: &'a str, word: impl Into<Cow<'a, str>>, tail: &'a str) -> Self {
        let word = word.into();
        Self { lead, lower: word.to_lowercase(), word, tail }
    }

    /// The token as it stands between its spaces.
    pub(in crate::engine) fn written(&self) -> String {
        format!("{}{}{}", self.lead, self.word, self.tail)
    }

    /// Whether the word is one of these.
    pub(in crate::engine) fn is(&self, words: &[&str]) -> bool {
        words.contains(&self.lower.as_str())
    }

    /// Whether a pause follows: a comma or what stands for one.
    pub(in crate::engine) fn has_pause(&self) -> bool {
        self.tail.contains([',', ';', ':', '!', '.', '…'])
    }

    pub(in crate::engine) fn is_capitalised(&self) -> bool {
        self.word.chars().next().is_some_and(char::is_uppercase)
    }
}

/// Calls `take` with each sentence of a text, trimmed, its closing sign included. Lines end
/// sentences; fenced blocks, headings, quotes and tables of Markdown are skipped.
pub(in crate::engine) fn for_each_sentence<'a>(text: &'a str, mut take: impl FnMut(&'a str)) {
    let mut is_fenced = false;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("```") {
            is_fenced = !is_fenced;
            continue;
        }
        if is_fenced || line.starts_with(['#', '|', '>', '<']) {
            continue;
        }
        let line = line.trim_start_matches(['-', '*', '•', ' ']);
        split_line(line, &mut take);
    }
}

fn split_line<'a>(line: &'a str, take: &mut impl FnMut(&'a str)) {
    let mut start = 0;
    // Where the word before a full stop begins.
    let mut word_start = 0;
    let mut letters = line.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter.is_whitespace() {
            word_start = at + letter.len_utf8();
            continue;
        }
        let is_wide_end = matches!(letter, '。' | '！' | '？' | '।');
        if !is_wide_end && !matches!(letter, '.' | '!' | '?' | '…' | '؟') {
            continue;
        }
        let mut end = at + letter.len_utf8();
        while let Some((next, letter)) = letters.next_if(|(_, letter)| is_closing(*letter)) {
            end = next + letter.len_utf8();
        }
        let after = line.get(end..).unwrap_or_default();
        let next = after.trim_start().chars().next();
        let is_apart = next.is_none() || after.starts_with(char::is_whitespace);
        let signs = line.get(at..end).unwrap_or_default();
        let word = line.get(word_start..at).unwrap_or_default();
        let ends = match letter {
            _ if is_wide_end => true,
            '.' if signs == "." => is_apart && full_stop_ends(word, next),
            // A pause written as dots goes on in lower case.
            '.' | '…' => is_apart && !next.is_some_and(char::is_lowercase),
            _ => is_apart,
        };
        if ends {
            take(line.get(start..end).unwrap_or_default().trim());
            start = end;
            word_start = end;
        }
    }
    let rest = line.get(start..).unwrap_or_default().trim();
    if !rest.is_empty() {
        take(rest);
    }
}

fn is_closing(letter: char) -> bool {
    matches!(letter, '.' | '!' | '?' | '…' | '"' | '”' | '\'' | ')' | '»' | ']')
}

fn full_stop_ends(word: &str, next: Option<char>) -> bool {
    let bare = word.trim_start_matches(|letter: char| !letter.is_alphanumeric());
    let folded = bare.to_lowercase();
    let mut letters = bare.chars();
    let is_initial = letters.next().is_some_and(|letter| letter.is_uppercase() && letter != 'I')
        && letters.next().is_none();
    if next.is_none() {
        return true;
    }
    if ABBREVIATIONS.holds(&folded) || is_initial {
        return false;
    }
    !(CLOSING_ABBREVIATIONS.holds(&folded) && next.is_some_and(char::is_lowercase))
}

/// The words of a sentence, contractions of the first person and negations written out.
pub(in crate::engine) fn tokens(sentence: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    for written in sentence.split_whitespace() {
        let behind = written.trim_start_matches(|letter: char| !letter.is_alphanumeric());
        let word = behind.trim_end_matches(|letter: char| !letter.is_alphanumeric());
        if word.is_empty() {
            found.push(Token::new(written, "", ""));
            continue;
        }
        let lead = written.strip_suffix(behind).unwrap_or_default();
        let tail = behind.strip_prefix(word).unwrap_or_default();
        let folded = word.to_lowercase();
        match write_out(&folded, found.is_empty(), word) {
            Some((first, second)) => {
                found.push(Token::new(lead, first, ""));
                found.push(Token::new("", second, tail));
            }
            None if matches!(folded.as_str(), "can't" | "cant") => {
                found.push(Token::new(lead, "cannot", tail));
            }
            None => found.push(Token::new(lead, word, tail)),
        }
    }
    found
}

/// The two words of a contraction. Those that chats write without an apostrophe are known where
/// no other language has them.
fn write_out<'a>(folded: &str, is_first: bool, word: &'a str) -> Option<(&'a str, &'static str)> {
    match folded {
        "im" if is_first && word == "im" => return Some(("i", "am")),
        "ive" if is_first => return Some(("I", "have")),
        "dont" => return Some(("do", "not")),
        "doesnt" => return Some(("does", "not")),
        "didnt" => return Some(("did", "not")),
        "gonna" => return Some(("going", "to")),
        "wanna" => return Some(("want", "to")),
        "won't" => return Some(("will", "not")),
        "ain't" | "shan't" | "can't" => return None,
        _ => {}
    }
    let (head, ending) = folded.split_once('\'')?;
    let is_subject = matches!(head, "i" | "we");
    let second = match ending {
        "m" if head == "i" => "am",
        "re" if is_subject => "are",
        "ve" if is_subject => "have",
        "ll" if is_subject => "will",
        "d" if is_subject => "'d",
        "t" if head.ends_with('n') => "not",
        _ => return None,
    };
    let letters = if second == "not" { head.len() - 1 } else { head.len() };
    word.get(..letters).map(|first| (first, second))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        for_each_sentence(text, |sentence| found.push(sentence));
        found
    }

    #[test]
    fn full_stops_of_abbreviations_and_numbers_end_no_sentence() {
        let check = |text: &str, count: usize| assert_eq!(sentences(text).len(), count, "{text}");
        check("Dr. Lee moved. She works at Acme Inc. in Rome, e.g. on Mondays.", 2);
        check("i live in austin. i work at acme.", 2);
        check("Version 1.5 is out! Really?! Yes...", 3);
        check("He waited... and left… Then he came back.", 2);
        check("我在北京。她在上海！", 2);
        check("J. Smith works at 5 p.m. Then he sleeps.", 2);
        check("one\n- two\n```\nlet x = 1.\n```\n# three\n", 2);
        check("", 0);
    }

    #[test]
    fn contractions_are_written_out_and_everything_around_words_is_kept() {
        let written = |text| {
            let tokens = tokens(text).iter().map(Token::written).collect::<Vec<_>>();
            tokens.join(" ")
        };
        assert_eq!(written("\"I'm 5% sure, I can't.\""), "\"I am 5% sure, I cannot.\"");
        assert_eq!(written("we've - Don't she's won't"), "we have - Do not she's will not");
        assert_eq!(written("im vegan and Im Haus"), "i am vegan and Im Haus");
    }
}
