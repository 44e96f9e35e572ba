//! The text of an HTML page, from its tags in order. There is no tree, so nesting costs nothing.
//! Text that no reader sees (scripts, styles, templates, the head but the title) is left out.

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

use super::ExtractionError;
use super::charset::decode_html;
use super::plain_text::PlainText;

/// What a tag does to the text around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Nothing,
    EndsLine,
    EndsParagraph,
    /// A cell of a table, apart from the one before it by a tab.
    Tab,
    /// Its content is no text.
    Hides,
    /// White space in its content is kept.
    Keeps,
}

/// Reads the text of a page. An empty page is an empty text.
///
/// # Errors
/// [`ExtractionError::TooMuchText`].
pub(super) fn text_of(bytes: &[u8], bytes_max: usize) -> Result<String, ExtractionError> {
    let page = decode_html(bytes);
    let mut reader = Reader { text: PlainText::new(bytes_max), hidden_by: None, kept: 0 };
    let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| {
        reader.event(&event);
        reader.text.is_too_much().then_some(())
    });
    // Scripts, styles and text areas end only at their own end tag.
    emitter.naively_switch_states(true);
    let Ok(_) = Tokenizer::new_with_emitter(page.as_ref(), emitter).next().transpose();
    reader.text.finish()
}

struct Reader {
    text: PlainText,
    /// The element whose content is left out, and how often it is open within itself.
    hidden_by: Option<(Vec<u8>, usize)>,
    /// How many `pre` are open.
    kept: usize,
}

impl Reader {
    fn event(&mut self, event: &CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => self.start(name),
            CallbackEvent::EndTag { name } => self.end(name),
            CallbackEvent::String { value } if self.hidden_by.is_none() => {
                let value = String::from_utf8_lossy(value);
                if self.kept > 0 { self.text.as_written(&value) } else { self.text.words(&value) }
            }
            _ => {}
        }
    }

    fn start(&mut self, name: &[u8]) {
        if let Some((hider, depth)) = &mut self.hidden_by {
            *depth += usize::from(hider == name);
            return;
        }
        match effect(name) {
            Effect::Nothing => {}
            Effect::EndsLine => self.text.end_line(),
            Effect::EndsParagraph => self.text.end_paragraph(),
            Effect::Tab => self.text.tab(),
            Effect::Hides => self.hidden_by = Some((name.to_vec(), 1)),
            Effect::Keeps => {
                self.text.end_paragraph();
                self.kept += 1;
            }
        }
    }

    fn end(&mut self, name: &[u8]) {
        if let Some((hider, depth)) = &mut self.hidden_by {
            *depth -= usize::from(hider == name);
            if *depth == 0 {
                self.hidden_by = None;
            }
            return;
        }
        match effect(name) {
            Effect::Nothing | Effect::Hides | Effect::Tab => {}
            Effect::EndsLine => self.text.end_line(),
            Effect::EndsParagraph => self.text.end_paragraph(),
            Effect::Keeps => {
                self.text.end_paragraph();
                self.kept = self.kept.saturating_sub(1);
            }
        }
    }
}

fn effect(name: &[u8]) -> Effect {
    match name {
        b"script" | b"style" | b"template" | b"noscript" | b"svg" | b"math" | b"iframe"
        | b"noembed" | b"noframes" | b"object" | b"select" | b"textarea" => Effect::Hides,
        b"pre" | b"listing" | b"xmp" | b"plaintext" => Effect::Keeps,
        b"td" | b"th" => Effect::Tab,
        b"br" | b"div" | b"li" | b"dt" | b"dd" | b"tr" | b"caption" | b"option" | b"legend"
        | b"summary" | b"figcaption" | b"thead" | b"tbody" | b"tfoot" => Effect::EndsLine,
        b"p" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"hr" | b"ul" | b"ol" | b"dl"
        | b"menu" | b"table" | b"blockquote" | b"section" | b"article" | b"aside" | b"header"
        | b"footer" | b"nav" | b"main" | b"address" | b"figure" | b"form" | b"fieldset"
        | b"details" | b"dialog" | b"title" | b"body" => Effect::EndsParagraph,
        _ => Effect::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(page: &str) -> String {
        text_of(page.as_bytes(), 1 << 20).unwrap()
    }

    #[test]
    fn blocks_end_lines_and_inline_elements_do_not() {
        let page = "<!DOCTYPE html><html><head><title>The lamp</title><meta charset=utf-8></head>\
            <body><h1>One</h1><p>two <b>th</b>ree<br>four\n  five</p><ul><li>six<li>seven</ul>\
            <div>eight<div>nine</div></div>ten";
        assert_eq!(
            text(page),
            "The lamp\n\nOne\n\ntwo three\nfour five\n\nsix\nseven\n\neight\nnine\nten"
        );
    }

    #[test]
    fn what_no_reader_sees_is_left_out() {
        let page = "<head><style>p { }</style><script>if (a < b) '</p>secret'</script></head>a\
            <SCRIPT>secret</SCRIPT><template><p>secret<template>secret</template>secret</template>\
            <noscript>secret</noscript><!-- secret -->b<svg><title>secret</title></svg>c\
            <textarea>secret</textarea>";
        assert_eq!(text(page), "abc");
    }

    #[test]
    fn entities_are_characters() {
        assert_eq!(
            text("&lt;&amp;&eacute;&#x20AC;&#0;&nbsp;x&unknown;"),
            "<&é€\u{fffd} x&unknown;"
        );
    }

    #[test]
    fn a_table_has_a_line_for_each_row_and_a_tab_between_cells() {
        let page = "<table><tr><th>Port<th>Depth</tr><tr><td>Riga</td> <td>9 m</td></tr></table>";
        assert_eq!(text(page), "Port\tDepth\nRiga\t9 m");
    }

    #[test]
    fn preformatted_text_keeps_its_lines() {
        assert_eq!(text("a<pre>b\n  c\td</pre>e  f"), "a\n\nb\n  c\td\n\ne f");
    }

    #[test]
    fn depth_and_stray_ends_cost_nothing() {
        let deep = format!("{}middle{}end", "<div><b>".repeat(10_000), "</div>".repeat(20_000));
        assert_eq!(text(&deep), "middle\nend");
        assert_eq!(text("</pre></p></script>a<p"), "a");
        assert_eq!(text(""), "");
    }

    #[test]
    fn too_much_text_is_an_error() {
        assert_eq!(text_of(b"<p>abcd", 3), Err(ExtractionError::TooMuchText));
    }
}
