//! The text of a PDF document: opens it, lets every page draw itself, and takes down which glyphs
//! it draws where. Owns the parser; words, lines and paragraphs are made by `pdf_lines` and
//! `pdf_paragraphs`. Images are never decoded.

use std::sync::Arc;

use hayro_interpret::font::{Glyph, GlyphRun, PositionedGlyph};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::hayro_syntax::object::{Dict, String as PdfString};
use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect, Vec2};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps,
    InterpreterCache, InterpreterSettings, SoftMask, interpret_page,
};

use super::ExtractionError;
use super::pdf_lines::{PageLines, PlacedGlyph, Vector};
use super::pdf_paragraphs::write_page;
use super::plain_text::PlainText;

/// The glyph space of every font, as the interpreter scales it.
const UNITS_PER_EM: f64 = 1_000.0;
/// A dictionary key: the text that a piece of content stands for.
const ACTUAL_TEXT: &[u8] = b"ActualText";

/// Reads the text of a document. One that is encrypted, but not against reading, is read.
///
/// # Errors
/// [`ExtractionError::Encrypted`], [`ExtractionError::Malformed`], [`ExtractionError::NoText`] and
/// [`ExtractionError::TooMuchText`].
pub(super) fn text_of(bytes: Vec<u8>, bytes_max: usize) -> Result<String, ExtractionError> {
    let pdf = Pdf::new(Arc::new(bytes)).map_err(|error| match error {
        LoadPdfError::Decryption(
            DecryptionError::PasswordProtected | DecryptionError::UnsupportedAlgorithm,
        ) => ExtractionError::Encrypted,
        LoadPdfError::Decryption(_) | LoadPdfError::Invalid => ExtractionError::Malformed,
    })?;
    if pdf.pages().is_empty() {
        return Err(ExtractionError::Malformed);
    }
    let settings = InterpreterSettings::default();
    let cache = InterpreterCache::new();
    let nowhere = Rect::new(0.0, 0.0, 1.0, 1.0);
    let mut text = PlainText::new(bytes_max);
    for page in pdf.pages().iter() {
        let mut context =
            Context::new(Affine::IDENTITY, nowhere, &cache, pdf.xref(), settings.clone());
        let mut taker = GlyphTaker::new(bytes_max);
        interpret_page(page, &mut context, &mut taker);
        write_page(taker.lines.finish()?, &mut text);
        text.end_paragraph();
        if text.is_too_much() {
            break;
        }
    }
    let text = text.finish()?;
    if text.is_empty() { Err(ExtractionError::NoText) } else { Ok(text) }
}

/// The device that a page draws on.
struct GlyphTaker {
    lines: PageLines,
    /// For each open piece of marked content the text that stands for all of it, if it has one.
    marked: Vec<Option<ActualText>>,
}

#[derive(Debug)]
struct ActualText {
    text: String,
    is_written: bool,
}

impl GlyphTaker {
    fn new(bytes_max: usize) -> Self {
        Self { lines: PageLines::new(bytes_max), marked: Vec::new() }
    }

    /// What this glyph says; empty where something before it said that already.
    fn text_of(&mut self, glyph: &Glyph<'_>) -> String {
        if let Some(actual) = self.marked.iter_mut().find_map(Option::as_mut) {
            let is_written = std::mem::replace(&mut actual.is_written, true);
            return if is_written { String::new() } else { actual.text.clone() };
        }
        match glyph.as_unicode() {
            Some(BfString::Char(c)) => c.to_string(),
            Some(BfString::String(text)) => text,
            None => String::new(),
        }
    }

    fn take(&mut self, glyph: &PositionedGlyph<'_>, to_page: Affine, run: RunShape) {
        let to_page = to_page * glyph.transform();
        let origin = to_page * Point::ZERO;
        let em = |x: f64, y: f64| (to_page * Point::new(x, y)) - origin;
        let (right, up) = (em(UNITS_PER_EM, 0.0), em(0.0, UNITS_PER_EM));
        let advance = match &**glyph {
            Glyph::Outline(glyph) => glyph.advance_width(),
            Glyph::Type3(glyph) => glyph.advance_width(),
        };
        let advance = f64::from(advance.unwrap_or(0.0)) / UNITS_PER_EM;
        let size = up.hypot();
        let vector = |vector: Vec2| Vector { x: vector.x, y: vector.y };
        let text = self.text_of(glyph);
        let (forward, down, advance) = match run.writing_mode {
            WritingMode::Horizontal => (right, -up, advance * size * run.stretch),
            // Vertical glyphs are as high as wide.
            WritingMode::Vertical => (-up, -right, size),
        };
        self.lines.take(PlacedGlyph {
            text,
            origin: Vector { x: origin.x, y: origin.y },
            forward: vector(forward),
            down: vector(down),
            size,
            advance,
        });
    }
}

/// What all glyphs of a run share.
#[derive(Debug, Clone, Copy)]
struct RunShape {
    writing_mode: WritingMode,
    /// Width per height of an em.
    stretch: f64,
}

impl RunShape {
    /// A stand-in for a font that is not in the file is stretched glyph by glyph to the widths
    /// that the file tells, so there the width of an em says nothing and is taken to be its height.
    fn of(run: &GlyphRun<'_, '_>, to_page: Affine) -> Self {
        let mut stretches = run.glyphs().iter().map(|glyph| {
            let [a, b, c, d, ..] = (to_page * glyph.transform()).as_coeffs();
            a.hypot(b) / c.hypot(d)
        });
        let first = stretches.next().unwrap_or(1.0);
        let is_uniform = stretches.all(|stretch| (stretch - first).abs() < first * 0.01);
        let is_usable = is_uniform && first.is_finite();
        Self { writing_mode: run.writing_mode(), stretch: if is_usable { first } else { 1.0 } }
    }
}

impl<'a> Device<'a> for GlyphTaker {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        let shape = RunShape::of(run, props.transform);
        for glyph in run.glyphs() {
            self.take(glyph, props.transform, shape);
        }
    }

    fn begin_marked_content(&mut self, _: &[u8], properties: Option<&Dict<'_>>) {
        let actual = properties
            .and_then(|properties| properties.get::<PdfString<'_>>(ACTUAL_TEXT))
            .map(|text| ActualText { text: text_string(text.as_bytes()), is_written: false });
        self.marked.push(actual);
    }

    fn end_marked_content(&mut self) {
        self.marked.pop();
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}

/// A text string of PDF: UTF-16 or UTF-8 with a mark, else Latin.
fn text_string(bytes: &[u8]) -> String {
    let rest = bytes.get(2..).unwrap_or_default();
    match bytes {
        [0xfe, 0xff, ..] => encoding_rs::UTF_16BE.decode_without_bom_handling(rest).0.into_owned(),
        [0xff, 0xfe, ..] => encoding_rs::UTF_16LE.decode_without_bom_handling(rest).0.into_owned(),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => encoding_rs::mem::decode_latin1(bytes).into_owned(),
    }
}
