//! From what a document holds to sentences that can be read alone: Markdown, tags, fenced code and
//! tables taken apart. Chunks have their lines joined, so marks are known by their form, wherever
//! they stand. Knows nothing of what the sentences are for; everything is linear.

use super::facts::for_each_sentence;
use super::text::is_unspaced;

/// Bytes in which a code span, a tag or the text of a link must end; otherwise its sign is a letter.
const MARK_BYTES_MAX: usize = 200;
/// Words of a sentence at most; a longer one is a list or no prose, and is read in pieces.
const SENTENCE_WORDS_MAX: usize = 80;
/// Stands in for what was taken out, so that the words around it do not become neighbours.
const GAP: &str = " ` ";

/// What becomes of code, addresses and paths inside a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// Kept as written: the sentence is shown to somebody.
    Keep,
    /// Taken out, unless it is a plain name: the sentence is searched for names.
    Drop,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sentence {
    pub(super) text: String,
    /// It begins with a heading, and may go on with what stands below.
    pub(super) is_heading: bool,
    /// Nothing of the part stands before it.
    pub(super) is_first: bool,
}

/// Reads the parts of one document in order.
#[derive(Debug)]
pub(super) struct Reader {
    code: Code,
    /// The last part ended inside of a fenced block.
    is_fenced: bool,
}

impl Reader {
    pub(super) fn new(code: Code) -> Self {
        Self { code, is_fenced: false }
    }

    /// Calls `take` with each sentence of a part.
    pub(super) fn for_each_sentence(&mut self, part: &str, mut take: impl FnMut(Sentence)) {
        let mut is_first = true;
        for segment in self.segments(part) {
            let mut is_heading = segment.is_heading;
            for_each_sentence(&segment.text, |sentence| {
                for text in pieces(sentence) {
                    take(Sentence { text, is_heading, is_first });
                    (is_heading, is_first) = (false, false);
                }
            });
        }
    }

    fn segments(&mut self, part: &str) -> Vec<Segment> {
        let mut segments = Segments { list: vec![Segment::default()], code: self.code };
        let mut rest = part;
        while !rest.is_empty() {
            if self.is_fenced {
                let Some(end) = rest.find("```") else { break };
                rest = rest.get(end + 3..).unwrap_or_default();
                self.is_fenced = false;
                segments.break_off(false);
            } else if let Some(after) = rest.strip_prefix("```") {
                self.is_fenced = true;
                rest = after;
            } else {
                rest = segments.take_next(rest);
            }
        }
        segments.list
    }
}

/// A sentence in pieces that are not too long to be looked at closely.
fn pieces(sentence: &str) -> Vec<String> {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    words.chunks(SENTENCE_WORDS_MAX).map(|words| words.join(" ")).collect()
}

#[derive(Debug, Default)]
struct Segment {
    text: String,
    is_heading: bool,
}

struct Segments {
    list: Vec<Segment>,
    code: Code,
}

impl Segments {
    fn break_off(&mut self, is_heading: bool) {
        match self.list.last_mut() {
            Some(last) if last.text.trim().is_empty() => last.is_heading = is_heading,
            _ => self.list.push(Segment { text: String::new(), is_heading }),
        }
    }

    fn push(&mut self, text: &str) {
        if let Some(last) = self.list.last_mut() {
            last.text.push_str(text);
        }
    }

    /// The letter before the one that comes next; a space where there is none.
    fn before(&self) -> char {
        self.list.last().and_then(|last| last.text.chars().next_back()).unwrap_or(' ')
    }

    /// Takes one mark, word or letter off the beginning of a text; the rest is never longer.
    fn take_next<'a>(&mut self, rest: &'a str) -> &'a str {
        let mut letters = rest.chars();
        let Some(first) = letters.next() else { return "" };
        let after = letters.as_str();
        let before = self.before();
        if before.is_whitespace() && !first.is_whitespace() {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (token, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
            if let Some(is_heading) = marker(token) {
                self.break_off(is_heading);
                return behind;
            }
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b',' | b'.');
            if !token.starts_with("www.")
                && first.is_ascii_alphabetic()
                && token.bytes().all(is_plain)
            {
                self.push(token);
                return behind;
            }
            if self.code == Code::Drop && is_code(token) {
                self.push(GAP);
                return behind;
            }
        }
        match first {
            '`' => self.take_code_span(after),
            '!' if after.starts_with('[') => after,
            '[' if is_link(after) => after,
            ']' if after.starts_with('(') => skip_past(after, ')').unwrap_or(after),
            '<' if after
                .starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!')) =>
            {
                if let Some(behind) = skip_past(after, '>') {
                    return behind;
                }
                self.push("<");
                after
            }
            '|' => {
                self.break_off(false);
                after
            }
            '*' => after,
            '_' if !before.is_alphanumeric() || !after.starts_with(char::is_alphanumeric) => after,
            '\n' if after.trim_start_matches([' ', '\t', '\r']).starts_with('\n') => {
                self.break_off(false);
                after
            }
            '\n' => {
                // The line goes on.
                self.push(" ");
                after
            }
            '/' if self.code == Code::Drop => {
                self.push(" / ");
                after
            }
            _ => {
                self.push_letter(before, first);
                after
            }
        }
    }

    /// Where names are searched, those in Latin letters stand apart from scripts without spaces.
    fn push_letter(&mut self, before: char, letter: char) {
        let parts = |one: char, other: char| is_unspaced(one) && other.is_ascii_alphanumeric();
        if self.code == Code::Drop && (parts(before, letter) || parts(letter, before)) {
            self.push(" ");
        }
        let is_dropped = self.code == Code::Drop;
        if is_dropped && matches!(letter, '《' | '「' | '『' | '（') {
            self.push(" ");
        }
        self.push(letter.encode_utf8(&mut [0; 4]));
        let is_pause = matches!(letter, '，' | '、' | '；' | '：' | '）' | '》' | '」' | '』');
        if is_dropped && is_pause {
            self.push(" ");
        }
    }

    fn take_code_span<'a>(&mut self, after: &'a str) -> &'a str {
        let end = after.bytes().take(MARK_BYTES_MAX).position(|byte| byte == b'`');
        let span = end.and_then(|end| Some((after.get(..end)?, after.get(end + 1..)?)));
        let Some((inside, behind)) = span else { return after };
        match self.code {
            Code::Keep => {
                self.push("`");
                self.push(inside);
                self.push("`");
            }
            Code::Drop if is_plain_name(inside) => self.push(inside),
            Code::Drop => self.push(GAP),
        }
        behind
    }
}

/// Whether a word between spaces is a mark of Markdown, and if so, whether that of a heading.
fn marker(token: &str) -> Option<bool> {
    if token.chars().all(|letter| letter == '#') {
        return Some(true);
    }
    let is_rule = token.chars().all(|c| matches!(c, '-' | '*' | '+' | '•' | '=' | '>' | '|' | ':'));
    let is_number = token.len() <= 3
        && token.strip_suffix(['.', ')']).is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    (is_rule || is_number).then_some(false)
}

/// Addresses, paths, and what only programs are written in.
fn is_code(token: &str) -> bool {
    // A link is read by its text.
    let token = token.split("](").next().unwrap_or(token).trim_start_matches(['[', '!']);
    let inner = token.trim_matches(|letter: char| !letter.is_alphanumeric());
    let signs = ["://", "::", "()", "=>", "->", "&&", "||", "==", "{", "}", "$"];
    let is_address = inner.starts_with("www.")
        || inner.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    let has_slashes = token.matches('/').count() > 1
        || token.starts_with(['/', '~'])
        || (token.contains('/') && inner.contains('.'));
    is_address
        || has_slashes
        || inner.contains(['_', '\\', '='])
        || (token.starts_with("--") && token.len() > 2)
        || signs.iter().any(|sign| token.contains(sign))
}

/// A code span that holds a name as one would write it in prose.
fn is_plain_name(inside: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '+');
    inside.len() >= 3
        && inside.len() <= 30
        && inside.starts_with(|c: char| c.is_ascii_alphabetic())
        && !inside.ends_with('.')
        && inside.chars().all(letters)
}

fn is_link(after: &str) -> bool {
    let end = after.bytes().take(MARK_BYTES_MAX).position(|byte| byte == b']');
    end.and_then(|end| after.get(end + 1..)).is_some_and(|behind| behind.starts_with('('))
}

/// What stands behind the next such sign, where it is near and on the same line.
fn skip_past(text: &str, sign: char) -> Option<&str> {
    let end = text.bytes().take(MARK_BYTES_MAX).position(|byte| char::from(byte) == sign)?;
    let inside = text.get(..end)?;
    (!inside.contains('\n')).then(|| text.get(end + 1..)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(code: Code, parts: &[&str]) -> Vec<String> {
        let mut reader = Reader::new(code);
        let mut found = Vec::new();
        for part in parts {
            reader.for_each_sentence(part, |sentence| found.push(sentence.text));
        }
        found
    }

    #[test]
    fn marks_of_markdown_part_sentences_and_disappear() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(read(Code::Drop, &[text]), expected, "{text}");
        };
        check("# Title Text. - one - two", &["Title Text.", "one", "two"]);
        check("| a | b | |---|---| | c | d |", &["a", "b", "c", "d"]);
        check("A **bold** and _soft_ [link](docs/a.md), done.", &["A bold and soft link, done."]);
        check("See <b>this</b> ![image](x.png) now.", &["See this image now."]);
        check("Paragraph one\ngoes on\n\nTwo", &["Paragraph one goes on", "Two"]);
    }

    #[test]
    fn code_is_dropped_where_names_are_sought_and_kept_where_it_is_shown() {
        let text = "Run `cargo run --release` of `tokio` at https://example.org/x today.";
        assert_eq!(read(Code::Drop, &[text]), ["Run ` of tokio at ` today."]);
        assert_eq!(read(Code::Keep, &[text]), [text]);
        assert_eq!(
            read(Code::Drop, &["Before ```rust let x = 1;", "let y; ``` After"]),
            ["Before", "After"]
        );
        assert_eq!(read(Code::Drop, &["mail a.b@example.org or /etc/passwd"]), ["mail ` or `"]);
        assert_eq!(read(Code::Drop, &["我们使用PostgreSQL，很好"]), ["我们使用 PostgreSQL， 很好"]);
    }

    proptest! {
        #[test]
        fn any_text_gives_sentences_that_are_not_blank_nor_too_long(text: String) {
            for code in [Code::Keep, Code::Drop] {
                for sentence in read(code, &[&text]) {
                    prop_assert!(!sentence.trim().is_empty());
                    prop_assert!(sentence.split(' ').count() <= SENTENCE_WORDS_MAX);
                }
            }
        }
    }
}
