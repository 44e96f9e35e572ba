//! Glyphs at their places become lines of words. Pure geometry; knows no PDF. Glyphs are taken in
//! the order in which they are drawn, which is the order of reading in what programs write today;
//! nothing is sorted.
//!
//! A file need not hold blanks (TeX writes none) and may hold a text twice, once over the other, to
//! make it bold. Both are told from the places.

use unicode_normalization::UnicodeNormalization;

use super::ExtractionError;

/// All in sizes of the glyph: the least gap that is a blank. Letters are kerned apart by a tenth
/// at most, a blank of a tightly set line is a fifth.
const BLANK_GAP: f64 = 0.16;
/// The least gap that separates columns.
const TAB_GAP: f64 = 2.0;
/// A glyph this far off the line is on another one; indices and exponents are not.
const LINE_SHIFT: f64 = 0.6;
/// A glyph this far back begins anew.
const BACK_SHIFT: f64 = 0.3;
/// The same glyph within this distance is the same glyph again.
const DOUBLE_SHIFT: f64 = 0.12;
/// Glyphs that are looked at to find a double.
const DOUBLES_WINDOW: usize = 512;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Vector {
    pub(super) x: f64,
    pub(super) y: f64,
}

impl Vector {
    fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y
    }

    fn minus(self, other: Self) -> Self {
        Self { x: self.x - other.x, y: self.y - other.y }
    }

    fn plus(self, other: Self, times: f64) -> Self {
        Self { x: self.x + other.x * times, y: self.y + other.y * times }
    }

    fn length(self) -> f64 {
        self.x.hypot(self.y)
    }

    fn unit(self) -> Option<Self> {
        let length = self.length();
        let is_usable = length.is_finite() && length > 1e-9;
        is_usable.then(|| Self { x: self.x / length, y: self.y / length })
    }
}

/// A glyph where the page has it.
#[derive(Debug, Clone)]
pub(super) struct PlacedGlyph {
    /// Empty for a glyph that says nothing by itself but takes its place.
    pub(super) text: String,
    pub(super) origin: Vector,
    /// Towards the next glyph; of any length.
    pub(super) forward: Vector,
    /// Towards the next line; of any length.
    pub(super) down: Vector,
    /// Height of an em on the page.
    pub(super) size: f64,
    /// Width on the page.
    pub(super) advance: f64,
}

/// A finished line. Places are along its own direction.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// Words apart by blanks, columns by tabs.
    pub(super) text: String,
    /// Where the line begins and ends.
    pub(super) start: f64,
    pub(super) end: f64,
    /// How wide its first word is; its first character, where a line may end behind any.
    pub(super) first_word: f64,
    /// The height of the largest em.
    pub(super) size: f64,
    /// How far down the baseline is.
    pub(super) depth: f64,
    /// The unit vector along it.
    pub(super) forward: Vector,
}

/// Collects the lines of one page.
#[derive(Debug)]
pub(super) struct PageLines {
    lines: Vec<Line>,
    open: Option<OpenLine>,
    bytes_left: usize,
    is_too_much: bool,
}

#[derive(Debug)]
struct OpenLine {
    line: Line,
    down: Vector,
    /// Where the next glyph would stand.
    pen: Vector,
    is_first_word: bool,
    /// What was written where, for finding doubles.
    placed: Vec<(Vector, String)>,
    /// Where an accent starts in the text that waits for its letter.
    accent: Option<(usize, char)>,
}

impl PageLines {
    /// The text of all lines is bounded by `bytes_max`.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { lines: Vec::new(), open: None, bytes_left: bytes_max, is_too_much: false }
    }

    pub(super) fn take(&mut self, glyph: PlacedGlyph) {
        let (Some(forward), Some(down)) = (glyph.forward.unit(), glyph.down.unit()) else { return };
        let is_placed = [glyph.origin.x, glyph.origin.y, glyph.size, glyph.advance]
            .into_iter()
            .all(f64::is_finite);
        if !is_placed || glyph.size <= 1e-9 || self.is_too_much {
            return;
        }
        // A gap costs a byte too.
        match self.bytes_left.checked_sub(glyph.text.len() + 1) {
            Some(left) => self.bytes_left = left,
            None => self.is_too_much = true,
        }
        if let Some(open) = &mut self.open
            && open.goes_on_with(&glyph, forward)
        {
            open.add(&glyph);
            return;
        }
        self.close();
        self.open = Some(OpenLine::begin(&glyph, forward, down));
    }

    /// The lines in the order in which they were drawn, without empty ones.
    ///
    /// # Errors
    /// [`ExtractionError::TooMuchText`].
    pub(super) fn finish(mut self) -> Result<Vec<Line>, ExtractionError> {
        self.close();
        if self.is_too_much { Err(ExtractionError::TooMuchText) } else { Ok(self.lines) }
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            let mut line = open.line;
            if !line.text.trim().is_empty() {
                if open.is_first_word {
                    line.first_word = line.end - line.start;
                }
                self.lines.push(line);
            }
        }
    }
}

impl OpenLine {
    fn begin(glyph: &PlacedGlyph, forward: Vector, down: Vector) -> Self {
        let start = glyph.origin.dot(forward);
        let line = Line {
            text: String::new(),
            start,
            end: start,
            first_word: 0.0,
            size: glyph.size,
            depth: glyph.origin.dot(down),
            forward,
        };
        let pen = glyph.origin;
        let mut open =
            Self { line, down, pen, is_first_word: true, placed: Vec::new(), accent: None };
        open.add(glyph);
        open
    }

    fn goes_on_with(&self, glyph: &PlacedGlyph, forward: Vector) -> bool {
        let step = glyph.origin.minus(self.pen);
        let size = glyph.size.max(self.line.size);
        let along = step.dot(self.line.forward);
        let is_parallel = forward.dot(self.line.forward) > 0.99;
        let is_beside = step.dot(self.down).abs() < LINE_SHIFT * size;
        let is_ahead = along > -BACK_SHIFT * size;
        is_parallel
            && is_beside
            && (is_ahead || self.is_double(glyph) || self.accented(glyph).is_some())
    }

    fn add(&mut self, glyph: &PlacedGlyph) {
        let along = glyph.origin.minus(self.pen).dot(self.line.forward);
        if along < -0.5 * glyph.advance && self.is_double(glyph) {
            return;
        }
        match self.accented(glyph) {
            Some((at, letter)) => {
                self.line.text.truncate(at);
                self.write(&letter);
            }
            None => {
                self.gap(along, glyph);
                self.write(&glyph.text);
            }
        }
        let end = glyph.origin.plus(self.line.forward, glyph.advance.max(0.0));
        if !glyph.text.trim().is_empty() {
            self.placed.push((glyph.origin, glyph.text.clone()));
            self.line.size = self.line.size.max(glyph.size);
            self.line.end = self.line.end.max(end.dot(self.line.forward));
            if self.is_first_word && glyph.text.chars().all(is_without_blanks) {
                self.is_first_word = false;
                self.line.first_word = self.line.end - self.line.start;
            }
        }
        // An accent may reach beyond its letter.
        let is_back = end.minus(self.pen).dot(self.line.forward) < 0.0;
        if !is_back || self.accent.is_none() {
            self.pen = end;
        }
        self.accent = self.accent_at_end();
    }

    fn gap(&mut self, along: f64, glyph: &PlacedGlyph) {
        let gap = along / glyph.size;
        let blank = if gap > TAB_GAP {
            "\t"
        } else if gap > BLANK_GAP {
            " "
        } else {
            ""
        };
        let is_apart = self.line.text.is_empty() || self.line.text.ends_with([' ', '\t']);
        if !is_apart {
            self.line.text.push_str(blank);
        }
        let is_blank = !blank.is_empty() || glyph.text.chars().any(char::is_whitespace);
        if is_blank && self.is_first_word && !self.line.text.trim().is_empty() {
            self.is_first_word = false;
            self.line.first_word = self.line.end - self.line.start;
        }
    }

    /// Ligatures are written as their letters.
    fn write(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '\u{fb00}'..='\u{fb06}' => self.line.text.extend(std::iter::once(c).nfkd()),
                c => self.line.text.push(c),
            }
        }
    }

    /// Whether the same glyph stands there already.
    fn is_double(&self, glyph: &PlacedGlyph) -> bool {
        let within = DOUBLE_SHIFT * glyph.size;
        self.placed.iter().rev().take(DOUBLES_WINDOW).any(|(origin, text)| {
            *text == glyph.text && origin.minus(glyph.origin).length() < within
        })
    }

    /// The letter with the accent that was drawn before it, if the glyph is drawn below one.
    fn accented(&self, glyph: &PlacedGlyph) -> Option<(usize, String)> {
        let (at, accent) = self.accent?;
        let is_below =
            glyph.origin.minus(self.pen).dot(self.line.forward) < -BLANK_GAP * glyph.size;
        let mut letters = glyph.text.chars();
        let (Some(letter), None) = (letters.next(), letters.next()) else { return None };
        // Letters without dot are set below accents only.
        let letter = match letter {
            'ı' => 'i',
            'ȷ' => 'j',
            letter => letter,
        };
        let whole: String = [letter, accent].into_iter().nfc().collect();
        (is_below && letter.is_alphabetic()).then_some((at, whole))
    }

    fn accent_at_end(&self) -> Option<(usize, char)> {
        let last = self.line.text.chars().next_back()?;
        let combining = match last {
            '`' => '\u{300}',
            '´' => '\u{301}',
            'ˆ' | '^' => '\u{302}',
            '˜' | '~' => '\u{303}',
            '¯' => '\u{304}',
            '˘' => '\u{306}',
            '˙' => '\u{307}',
            '¨' => '\u{308}',
            '˚' => '\u{30a}',
            '˝' => '\u{30b}',
            'ˇ' => '\u{30c}',
            '¸' => '\u{327}',
            '˛' => '\u{328}',
            _ => return None,
        };
        Some((self.line.text.len() - last.len_utf8(), combining))
    }
}

/// Chinese and Japanese have no blanks between words, and a line may end anywhere.
pub(super) fn is_without_blanks(c: char) -> bool {
    matches!(c,
        '\u{2e80}'..='\u{30ff}' | '\u{31c0}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Glyphs of half an em, ten high, beginning at the given place.
    fn set(lines: &mut PageLines, text: &str, x: f64, y: f64) {
        for (position, c) in (0_u32..).zip(text.chars()) {
            glyph(lines, c, x + f64::from(position) * 5.0, y);
        }
    }

    fn glyph(lines: &mut PageLines, c: char, x: f64, y: f64) {
        lines.take(PlacedGlyph {
            text: c.to_string(),
            origin: Vector { x, y },
            forward: Vector { x: 10.0, y: 0.0 },
            down: Vector { x: 0.0, y: -10.0 },
            size: 10.0,
            advance: 5.0,
        });
    }

    fn texts(lines: PageLines) -> Vec<String> {
        lines.finish().unwrap().into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn gaps_become_blanks_and_wide_gaps_tabs() {
        let mut lines = PageLines::new(1_000);
        set(&mut lines, "ab", 0.0, 0.0);
        set(&mut lines, "cd", 11.0, 0.0);
        set(&mut lines, "ef", 23.5, 0.0);
        set(&mut lines, "gh", 80.0, 0.0);
        assert_eq!(texts(lines), ["abcd ef\tgh"]);
    }

    #[test]
    fn what_is_lower_or_further_back_is_another_line() {
        let mut lines = PageLines::new(1_000);
        set(&mut lines, "one", 0.0, 0.0);
        set(&mut lines, "2", 15.0, 4.0);
        set(&mut lines, "two", 0.0, -12.0);
        set(&mut lines, "over", 0.0, -12.0 + 1.0);
        assert_eq!(texts(lines), ["one2", "two", "over"]);
    }

    #[test]
    fn a_text_that_is_drawn_twice_is_written_once() {
        let mut lines = PageLines::new(1_000);
        set(&mut lines, "hello", 0.0, 0.0);
        set(&mut lines, "hello", 0.4, 0.0);
        set(&mut lines, "!", 25.0, 0.0);
        for (position, c) in (0_u32..).zip("bold".chars()) {
            glyph(&mut lines, c, f64::from(position) * 5.0, -20.0);
            glyph(&mut lines, c, f64::from(position) * 5.0 + 0.3, -20.0);
        }
        assert_eq!(texts(lines), ["hello!", "bold"]);
    }

    #[test]
    fn an_accent_below_which_a_letter_is_drawn_belongs_to_it() {
        let mut lines = PageLines::new(1_000);
        set(&mut lines, "M¨", 0.0, 0.0);
        set(&mut lines, "uller, ", 5.0, 0.0);
        set(&mut lines, "´", 40.0, 2.0);
        set(&mut lines, "ıa`a", 40.0, 0.0);
        assert_eq!(texts(lines), ["Müller, ía`a"]);
    }

    #[test]
    fn ligatures_are_written_as_letters() {
        let mut lines = PageLines::new(1_000);
        set(&mut lines, "o\u{fb03}ce \u{fb02}ag", 0.0, 0.0);
        assert_eq!(texts(lines), ["office flag"]);
    }

    #[test]
    fn glyphs_without_a_place_and_too_many_glyphs_end_in_no_panic() {
        let mut lines = PageLines::new(10);
        glyph(&mut lines, 'x', f64::NAN, 0.0);
        glyph(&mut lines, 'y', 0.0, f64::INFINITY);
        set(&mut lines, "abcd", 0.0, 0.0);
        set(&mut lines, "efgh", 0.0, -20.0);
        assert_eq!(lines.finish(), Err(ExtractionError::TooMuchText));
    }
}
