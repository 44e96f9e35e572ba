//! The text that comes out, bounded and clean. Knows no file format. Invariant: it is never longer
//! than allowed and holds no control character but line breaks and tabs.

use super::ExtractionError;

/// What stands between what was written and what comes next; the stronger wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Blank,
    Tab,
    Line,
    Paragraph,
}

impl Gap {
    fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Blank => " ",
            Self::Tab => "\t",
            Self::Line => "\n",
            Self::Paragraph => "\n\n",
        }
    }
}

/// Collects words, lines and paragraphs. Gaps are written only once something follows them, so
/// none stands at the start or the end.
#[derive(Debug)]
pub(super) struct PlainText {
    text: String,
    bytes_max: usize,
    gap: Gap,
    is_too_much: bool,
}

impl PlainText {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { text: String::new(), bytes_max, gap: Gap::None, is_too_much: false }
    }

    /// Text in which any white space only separates words.
    pub(super) fn words(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_whitespace() { self.raise(Gap::Blank) } else { self.character(c) }
        }
    }

    /// Text whose line breaks, tabs and blanks mean what they say.
    pub(super) fn as_written(&mut self, text: &str) {
        let mut last = '\0';
        for c in text.chars() {
            match c {
                '\n' if last == '\r' => {}
                '\n' | '\r' | '\u{c}' | '\u{85}' | '\u{2028}' => self.blank("\n"),
                '\u{2029}' => self.blank("\n\n"),
                '\t' => self.blank("\t"),
                c if c.is_whitespace() => self.blank(" "),
                c => self.character(c),
            }
            last = c;
        }
    }

    /// Separates what is in one line by a tab.
    pub(super) fn tab(&mut self) {
        self.raise(Gap::Tab);
    }

    /// Ends a line; nothing where one has just ended.
    pub(super) fn end_line(&mut self) {
        self.raise(Gap::Line);
    }

    /// Ends a paragraph: an empty line follows.
    pub(super) fn end_paragraph(&mut self) {
        self.raise(Gap::Paragraph);
    }

    /// Whether any further text would be for nothing.
    pub(super) fn is_too_much(&self) -> bool {
        self.is_too_much
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// # Errors
    /// [`ExtractionError::TooMuchText`] when there was more than allowed.
    pub(super) fn finish(self) -> Result<String, ExtractionError> {
        if self.is_too_much { Err(ExtractionError::TooMuchText) } else { Ok(self.text) }
    }

    fn raise(&mut self, gap: Gap) {
        if !self.text.is_empty() {
            self.gap = self.gap.max(gap);
        }
    }

    fn character(&mut self, c: char) {
        if is_noise(c) {
            return;
        }
        let gap = std::mem::replace(&mut self.gap, Gap::None);
        self.push(gap.as_str());
        self.push(c.encode_utf8(&mut [0; 4]));
    }

    fn blank(&mut self, blank: &str) {
        let gap = std::mem::replace(&mut self.gap, Gap::None);
        self.push(gap.as_str());
        self.push(blank);
    }

    fn push(&mut self, piece: &str) {
        if self.is_too_much || self.text.len() + piece.len() > self.bytes_max {
            self.is_too_much = true;
        } else {
            self.text.push_str(piece);
        }
    }
}

/// Decoded text as it stands, but without control characters and with one kind of line break.
///
/// # Errors
/// [`ExtractionError::TooMuchText`] when it is longer than `bytes_max`.
pub(super) fn cleaned(text: &str, bytes_max: usize) -> Result<String, ExtractionError> {
    let mut cleaned = PlainText::new(bytes_max);
    cleaned.as_written(text);
    cleaned.finish()
}

/// What nobody wrote to be read: controls, byte order marks, private and unassigned codes.
fn is_noise(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{200b}' | '\u{2060}')
        || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lines_and_paragraphs_are_apart_by_one_blank_one_break_and_an_empty_line() {
        let mut text = PlainText::new(1_000);
        text.end_paragraph();
        text.words(" one \n\t two");
        text.end_line();
        text.end_line();
        text.words("three ");
        text.tab();
        text.words("four");
        text.end_line();
        text.end_paragraph();
        text.words("   ");
        text.words("five\u{a0}six");
        text.end_paragraph();
        assert_eq!(text.finish().unwrap(), "one two\nthree\tfour\n\nfive six");
    }

    #[test]
    fn text_kept_as_written_loses_nothing_but_control_characters() {
        let written = "\u{feff}a\r\n  b\0\u{1b}[1m\r\rc\u{7}\td\u{c}e\u{85}f\u{e000}g  \n";
        assert_eq!(cleaned(written, 1_000).unwrap(), "a\n  b[1m\n\nc\td\ne\nfg  \n");
    }

    #[test]
    fn what_is_one_byte_too_long_is_too_much() {
        assert_eq!(cleaned("äb", 3).unwrap(), "äb");
        assert_eq!(cleaned("äb", 2), Err(ExtractionError::TooMuchText));
        let mut text = PlainText::new(3);
        text.words("abcd");
        assert!(text.is_too_much());
        text.words("e");
        assert_eq!(text.finish(), Err(ExtractionError::TooMuchText));
    }
}
