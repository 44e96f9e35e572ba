//! Lines become paragraphs. A line that ends only because the page is not wider goes on in the
//! next one; where a line ends early, or more space than usual follows, something new begins.

use super::pdf_lines::{Line, is_without_blanks};
use super::plain_text::PlainText;

/// Times the usual distance of lines: from here on a new paragraph begins.
const PARAGRAPH_GAP: f64 = 1.35;
/// Sizes of an em, where a page has too few lines to have a usual distance.
const LEADING_MAX: f64 = 1.75;
/// Sizes of an em between the rows of a table.
const ROW_GAP: f64 = 3.0;
/// A line this much larger or smaller than the one before is of another kind.
const SIZE_RATIO: f64 = 1.15;
/// Sizes of an em by which lines of one block end apart although they are full.
const RAGGED: f64 = 0.5;

/// From this share of lines on, a hyphen at the end of a line is one that cut a word. A program
/// that cuts no words breaks lines only at the hyphens of compounds, once in a hundred lines.
const CUTS_PER_LINES: usize = 25;

/// Writes the lines of a page, in their order.
pub(super) fn write_page(lines: Vec<Line>, text: &mut PlainText) {
    let leading = usual_leading(&lines);
    let hyphens = lines.iter().filter(|line| ends_in_hyphen(line.text.trim_end())).count();
    let cuts_words = hyphens * CUTS_PER_LINES >= lines.len();
    let mut block: Vec<Line> = Vec::new();
    for line in lines {
        if block.last().is_some_and(|last| !goes_on(last, &line, leading)) {
            write_block(&block, cuts_words, text);
            block.clear();
        }
        block.push(line);
        if text.is_too_much() {
            return;
        }
    }
    write_block(&block, cuts_words, text);
}

/// The distance of a line to the one before it, as it is within paragraphs: a quarter of all are
/// closer. More would do where paragraphs are long, but single lines have them, too.
fn usual_leading(lines: &[Line]) -> Option<f64> {
    let pairs = lines.iter().zip(lines.iter().skip(1));
    let mut distances: Vec<f64> = pairs
        .map(|(one, next)| next.depth - one.depth)
        .filter(|distance| *distance > 0.0)
        .collect();
    distances.sort_by(f64::total_cmp);
    (distances.len() > 2).then(|| distances.get(distances.len() / 4).copied()).flatten()
}

/// Whether a line stands close enough below another to belong to the same block.
fn goes_on(one: &Line, next: &Line, leading: Option<f64>) -> bool {
    let size = one.size.max(next.size);
    let smallest = one.size.min(next.size);
    let distance = next.depth - one.depth;
    let distance_max = match leading {
        // Rows have room around them.
        _ if is_row(one) && is_row(next) => ROW_GAP * size,
        Some(leading) => (leading * PARAGRAPH_GAP).max(size),
        None => LEADING_MAX * size,
    };
    let is_parallel = one.forward.x * next.forward.x + one.forward.y * next.forward.y > 0.99;
    let overlaps = next.start < one.end && one.start < next.end;
    let is_alike = size < smallest * SIZE_RATIO;
    is_parallel && overlaps && is_alike && distance > 0.0 && distance < distance_max
}

fn write_block(block: &[Line], cuts_words: bool, text: &mut PlainText) {
    let right = block.iter().map(|line| line.end).fold(f64::MIN, f64::max);
    let followers = block.iter().skip(1).map(Some).chain([None]);
    for (line, next) in block.iter().zip(followers) {
        let said = line.text.trim();
        let joint = next.map_or(Joint::Break, |next| joint(line, next, right, cuts_words));
        let said = if joint == Joint::Hyphen { without_last(said) } else { said };
        text.as_written(said);
        match joint {
            Joint::Break => text.end_line(),
            Joint::Blank => text.words(" "),
            Joint::Nothing | Joint::Hyphen => {}
        }
    }
    text.end_paragraph();
}

/// What stands between a line and the next one of its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    Break,
    Blank,
    Nothing,
    /// Nothing, and the hyphen at the end of the line goes too.
    Hyphen,
}

fn joint(line: &Line, next: &Line, right: f64, cuts_words: bool) -> Joint {
    let is_full = line.end + next.first_word > right - RAGGED * line.size;
    let (before, after) = (line.text.trim(), next.text.trim());
    let (Some(last), Some(first)) = (before.chars().next_back(), after.chars().next()) else {
        return Joint::Break;
    };
    if !is_full || begins_an_item(after) || is_row(line) || is_row(next) {
        return Joint::Break;
    }
    match last {
        '\u{ad}' => Joint::Hyphen,
        _ if ends_in_hyphen(before) && first.is_lowercase() && cuts_words => Joint::Hyphen,
        _ if ends_in_hyphen(before) && first.is_alphanumeric() => Joint::Nothing,
        _ if is_without_blanks(last) && is_without_blanks(first) => Joint::Nothing,
        _ => Joint::Blank,
    }
}

/// Whether a line has columns.
fn is_row(line: &Line) -> bool {
    line.text.contains('\t')
}

/// Whether a line ends within a word; a dash between blanks is none.
fn ends_in_hyphen(line: &str) -> bool {
    let before = without_last(line).chars().next_back();
    line.ends_with(['-', '\u{2010}']) && before.is_some_and(char::is_alphabetic)
}

fn without_last(text: &str) -> &str {
    let mut characters = text.chars();
    characters.next_back();
    characters.as_str()
}

/// Whether a line begins with what marks an item of a list: a bullet, or a number with a dot.
fn begins_an_item(line: &str) -> bool {
    let mark = line.split_whitespace().next().unwrap_or_default();
    let is_bullet = matches!(mark, "•" | "◦" | "▪" | "‣" | "●" | "○" | "–" | "-" | "*" | "·");
    let number = mark.trim_end_matches(['.', ')']);
    let is_number = number.len() < mark.len()
        && (1..=3).contains(&number.len())
        && number.chars().all(|c| c.is_ascii_digit());
    is_bullet || is_number
}

#[cfg(test)]
mod tests {
    use super::super::pdf_lines::Vector;
    use super::*;

    /// A line of glyphs of half an em, ten high.
    fn line(text: &str, start: f64, depth: f64) -> Line {
        let width = |text: &str| f64::from(u16::try_from(text.chars().count()).unwrap()) * 5.0;
        Line {
            text: text.to_owned(),
            start,
            end: start + width(text),
            first_word: match text.chars().next() {
                Some(c) if is_without_blanks(c) => 5.0,
                _ => width(text.split(' ').next().unwrap_or_default()),
            },
            size: 10.0,
            depth,
            forward: Vector { x: 1.0, y: 0.0 },
        }
    }

    fn check(lines: &[(&str, f64, f64)], expected: &str) {
        let mut text = PlainText::new(1 << 20);
        let lines = lines.iter().map(|(text, start, depth)| line(text, *start, *depth)).collect();
        write_page(lines, &mut text);
        text.end_paragraph();
        assert_eq!(text.finish().unwrap(), expected);
    }

    #[test]
    fn full_lines_go_on_and_short_ones_end() {
        check(
            &[
                ("the lamp was lit in the", 0.0, 0.0),
                ("summer of the year", 0.0, 12.0),
                ("short", 0.0, 24.0),
                ("another line that is full", 0.0, 36.0),
                ("and its end", 0.0, 48.0),
            ],
            "the lamp was lit in the summer of the year\nshort\nanother line that is full and \
             its end",
        );
    }

    #[test]
    fn more_space_than_usual_begins_a_paragraph() {
        check(
            &[
                ("first paragraph one", 0.0, 0.0),
                ("first paragraph two", 0.0, 12.0),
                ("second paragraph is", 0.0, 30.0),
                ("here", 0.0, 42.0),
                ("third in a new column", 200.0, 0.0),
                ("goes on", 200.0, 12.0),
            ],
            "first paragraph one first paragraph two\n\nsecond paragraph is here\n\nthird in a \
             new column goes on",
        );
    }

    #[test]
    fn a_line_that_ends_early_is_not_gone_on_with_where_words_need_no_blanks() {
        check(
            &[("蓝色的灯塔建于", 0.0, 0.0), ("一年。", 0.0, 12.0), ("守塔人", 0.0, 24.0)],
            "蓝色的灯塔建于一年。\n守塔人",
        );
    }

    #[test]
    fn words_that_were_cut_are_whole_again() {
        check(
            &[
                ("Der Donaudampfschiff-", 0.0, 0.0),
                ("fahrtskapitän an Nord-", 0.0, 12.0),
                ("Ostsee und Kanal 17-", 0.0, 24.0),
                ("18 blieb ungesehen", 0.0, 36.0),
            ],
            "Der Donaudampfschifffahrtskapitän an Nord-Ostsee und Kanal 17- 18 blieb ungesehen",
        );
        let mut rarely = vec![("a server that is OpenAI-", 0.0, 0.0), ("compatible", 0.0, 12.0)];
        rarely.extend((2..40_u8).map(|line| ("short", 0.0, f64::from(line) * 12.0)));
        let expected = format!("a server that is OpenAI-compatible{}", "\nshort".repeat(38));
        check(&rarely, &expected);
        check(&[("蓝色的灯塔", 0.0, 0.0), ("建于一年", 0.0, 12.0)], "蓝色的灯塔建于一年");
    }

    #[test]
    fn items_and_rows_keep_their_lines() {
        check(
            &[
                ("• first item as wide", 0.0, 0.0),
                ("• second item as wide", 0.0, 12.0),
                ("12. third item as wide", 0.0, 24.0),
                ("Riga\t9 m and then some", 0.0, 36.0),
                ("Bremen\t11 m and some", 0.0, 48.0),
            ],
            "• first item as wide\n• second item as wide\n12. third item as wide\nRiga\t9 m and \
             then some\nBremen\t11 m and some",
        );
    }
}
