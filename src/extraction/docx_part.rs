//! What one XML part of a Word document says: paragraphs, tables, tabs and breaks. Knows element
//! names and nothing of archives. Deleted text, field codes and the fallbacks of alternatives
//! (which say the same again) are left out.

use quick_xml::events::{BytesStart, Event};

use super::plain_text::PlainText;

/// The state between two events. Depth is counted, never recursed into.
pub(super) struct Walk<'a> {
    text: &'a mut PlainText,
    /// How many elements are open within what is left out, itself included; 0 outside.
    skipped: usize,
    /// Whether a `t` is open: only its content is text.
    in_text: bool,
    /// How many table rows are open within each other.
    rows: usize,
    /// Whether the row has a cell already.
    has_cell: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(text: &'a mut PlainText) -> Self {
        Self { text, skipped: 0, in_text: false, rows: 0, has_cell: false }
    }

    /// Takes the next event; false when no further one is wanted.
    pub(super) fn event(&mut self, event: &Event<'_>) -> bool {
        match event {
            Event::Start(element) if self.skipped > 0 || is_skipped(element) => self.skipped += 1,
            Event::End(_) if self.skipped > 0 => self.skipped -= 1,
            _ if self.skipped > 0 => {}
            Event::Start(element) => self.start(element.local_name().as_ref()),
            Event::Empty(element) if !is_skipped(element) => {
                self.start(element.local_name().as_ref());
                self.end(element.local_name().as_ref());
            }
            Event::End(element) => self.end(element.local_name().as_ref()),
            Event::Text(text) if self.in_text => self.text.words(text),
            Event::CData(text) if self.in_text => self.text.words(text),
            Event::GeneralRef(name) if self.in_text => self.reference(name),
            _ => {}
        }
        !self.text.is_too_much()
    }

    fn start(&mut self, name: &str) {
        match name {
            "t" => self.in_text = true,
            "tab" | "ptab" if self.rows == 0 => self.text.tab(),
            "tab" | "ptab" => self.text.words(" "),
            "br" | "cr" => self.end_line(),
            "noBreakHyphen" => self.text.words("-"),
            "tr" => {
                self.text.end_line();
                self.rows += 1;
                self.has_cell = false;
            }
            "tc" if self.rows > 0 => {
                if self.has_cell {
                    self.text.words(" | ");
                }
                self.has_cell = true;
            }
            "tbl" if self.rows == 0 => self.text.end_paragraph(),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "t" => self.in_text = false,
            "p" if self.rows == 0 => self.text.end_paragraph(),
            "p" => self.text.words(" "),
            "tr" => {
                self.rows = self.rows.saturating_sub(1);
                self.text.end_line();
                self.has_cell = true;
            }
            "tbl" if self.rows == 0 => self.text.end_paragraph(),
            _ => {}
        }
    }

    /// A break within a cell must not look like the end of its row.
    fn end_line(&mut self) {
        if self.rows == 0 { self.text.end_line() } else { self.text.words(" ") }
    }

    /// The entities of XML itself and characters by number; there are no others without a DTD.
    fn reference(&mut self, name: &str) {
        let character = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => name.strip_prefix('#').and_then(|number| {
                let code = match number.strip_prefix('x') {
                    Some(number) => u32::from_str_radix(number, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?)
            }),
        };
        if let Some(character) = character {
            self.text.words(character.encode_utf8(&mut [0; 4]));
        }
    }
}

/// `pPr` and its like hold `tab` elements that are settings, not text.
fn is_skipped(element: &BytesStart<'_>) -> bool {
    match element.local_name().as_ref() {
        "Fallback" | "del" | "moveFrom" | "pPr" | "rPr" | "tblPr" | "trPr" | "tcPr" | "sectPr" => {
            true
        }
        // The lines that stand between text and notes.
        "footnote" | "endnote" => {
            let kind = element.try_get_attribute("w:type").ok().flatten();
            kind.is_some_and(|kind| kind.value.contains("eparator"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;

    use super::*;

    fn check(part: &str, expected: &str) {
        let mut text = PlainText::new(1 << 20);
        let mut walk = Walk::new(&mut text);
        let mut reader = Reader::from_str(part);
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => break,
                event => assert!(walk.event(&event)),
            }
        }
        assert_eq!(text.finish().unwrap(), expected, "{part}");
    }

    #[test]
    fn paragraphs_runs_tabs_and_breaks() {
        check(
            "<w:body><w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:t>a</w:t></w:r><w:r>\
             <w:t xml:space=\"preserve\">b c</w:t><w:tab/><w:t>d</w:t><w:br/><w:t>e</w:t></w:r>\
             </w:p>\n<w:p/><w:p><w:r><w:t>f &amp; &#x416;&#33;</w:t></w:r></w:p></w:body>",
            "ab c\td\ne\n\nf & Ж!",
        );
    }

    #[test]
    fn a_row_is_a_line_and_cells_are_apart() {
        let cell = |text: &str| format!("<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>");
        let row = |one: &str, two: &str| format!("<w:tr>{}{}</w:tr>", cell(one), cell(two));
        check(
            &format!(
                "<w:p><w:t>before</w:t></w:p><w:tbl>{}{}</w:tbl><w:p><w:t>after</w:t></w:p>",
                row("Port", "Depth"),
                row("Riga", "9 m</w:t></w:r></w:p><w:p><w:r><w:t>at ebb")
            ),
            "before\n\nPort | Depth\nRiga | 9 m at ebb\n\nafter",
        );
    }

    #[test]
    fn what_was_deleted_hidden_or_said_twice_is_left_out() {
        check(
            "<w:p><w:del><w:r><w:t>gone</w:t></w:r></w:del><w:instrText>PAGE</w:instrText>\
             <mc:AlternateContent><mc:Choice><w:t>once</w:t></mc:Choice><mc:Fallback><w:t>once\
             </w:t></mc:Fallback></mc:AlternateContent><w:footnote w:type=\"separator\"><w:t>x\
             </w:t></w:footnote></w:p>",
            "once",
        );
    }
}
