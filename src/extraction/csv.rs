//! The text of a table in CSV: a line for each row, `header: value; header: value.`, so that a row
//! says what it means when it is read alone. Where the first row is no header, values are joined.

use std::borrow::Cow;

use super::ExtractionError;
use super::charset::decode;
use super::plain_text::PlainText;

/// Rows that are looked at to find the delimiter.
const SAMPLE_ROWS: usize = 20;
const DELIMITERS: [u8; 3] = *b",;\t";

/// Reads the rows. A row may have more or fewer values than the header. No rows give no text.
///
/// # Errors
/// [`ExtractionError::TooMuchText`].
pub(super) fn text_of(bytes: &[u8], bytes_max: usize) -> Result<String, ExtractionError> {
    let table = decode(bytes);
    let delimiter = delimiter_of(&table);
    let mut text = PlainText::new(bytes_max);
    let mut header: Option<Vec<String>> = None;
    for (position, row) in rows(&table, delimiter).enumerate() {
        let row = row?;
        if position == 0 && is_header(&row) {
            header = Some(row.iter().map(|name| name.trim().to_owned()).collect());
            continue;
        }
        write_row(&mut text, header.as_deref().unwrap_or_default(), &row);
        if text.is_too_much() {
            break;
        }
    }
    // A header alone is still what the file says.
    if let (true, Some(header)) = (text.is_empty(), header) {
        write_row(&mut text, &[], &csv::StringRecord::from(header));
    }
    text.finish()
}

type Row = Result<csv::StringRecord, ExtractionError>;

fn rows(table: &str, delimiter: u8) -> impl Iterator<Item = Row> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(table.as_bytes())
        .into_records()
        .map(|row| row.map_err(|_| ExtractionError::Malformed))
}

/// The delimiter that makes the most columns in the same number of rows; a comma where none does.
fn delimiter_of(table: &str) -> u8 {
    let columns_with = |delimiter: u8| {
        let sample = rows(table, delimiter).take(SAMPLE_ROWS).filter_map(Result::ok);
        let widths: Vec<usize> = sample.map(|row| row.len()).collect();
        let first = widths.first().copied().unwrap_or(1);
        let alike = widths.iter().filter(|width| **width == first).count();
        // Hundredths, so that rows cut short by a comma in prose do not win by one column.
        if first < 2 { 0 } else { first * (alike * 100 / widths.len().max(1)) }
    };
    let best = DELIMITERS.into_iter().rev().max_by_key(|delimiter| columns_with(*delimiter));
    best.filter(|delimiter| columns_with(*delimiter) > 0).unwrap_or(b',')
}

/// Names are short, all there, all different, and no numbers.
fn is_header(row: &csv::StringRecord) -> bool {
    let mut names: Vec<Cow<'_, str>> = row.iter().map(|name| Cow::Borrowed(name.trim())).collect();
    let is_name =
        |name: &Cow<'_, str>| !name.is_empty() && name.len() <= 100 && name.parse::<f64>().is_err();
    let all_names = names.len() > 1 && names.iter().all(is_name);
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    all_names && names.len() == count
}

fn write_row(text: &mut PlainText, header: &[String], row: &csv::StringRecord) {
    let mut is_first = true;
    for (column, value) in row.iter().enumerate() {
        if value.trim().is_empty() {
            continue;
        }
        if !is_first {
            text.words("; ");
        }
        is_first = false;
        if let Some(name) = header.get(column) {
            text.words(name);
            text.words(": ");
        }
        text.words(value);
    }
    if !is_first {
        text.words(".");
        text.end_line();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(table: &str, expected: &str) {
        assert_eq!(text_of(table.as_bytes(), 1 << 20).unwrap(), expected, "{table:?}");
    }

    #[test]
    fn each_row_says_its_headers() {
        check(
            "port,depth m,pilot\nRiga,9,yes\n\nBremen,\"11,5\",\n",
            "port: Riga; depth m: 9; pilot: yes.\nport: Bremen; depth m: 11,5.",
        );
    }

    #[test]
    fn the_delimiter_is_the_one_that_makes_columns() {
        check("a;b\n1,5;2\n3,5;4\n", "a: 1,5; b: 2.\na: 3,5; b: 4.");
        check("a\tb\nx, y; z\tw\n", "a: x, y; z; b: w.");
        check("one line of prose\n", "one line of prose.");
    }

    #[test]
    fn without_a_header_values_are_joined() {
        check("1,2\n3,4\n", "1; 2.\n3; 4.");
        check("same,same\nx,y\n", "same; same.\nx; y.");
        check("name,size\n", "name; size.");
    }

    #[test]
    fn line_breaks_in_values_do_not_break_rows_and_long_rows_lose_nothing() {
        check("k,v\n\"a\nb\",c,d\n", "k: a b; v: c; d.");
        check("", "");
        check("k,v\n\"open, quote", "k: open, quote.");
    }

    #[test]
    fn too_much_text_is_an_error() {
        assert_eq!(text_of(b"1,2\n", 4), Err(ExtractionError::TooMuchText));
    }
}
