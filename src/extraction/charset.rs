//! Bytes to characters: what the file declares, else UTF-8, else what the bytes look like. Never
//! fails: what cannot be decoded becomes U+FFFD.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How far into a page a `<meta charset>` is looked for, as browsers do.
const PRESCAN_BYTES: usize = 1_024;
/// Enough to tell charsets apart; the whole of a large file would only cost time.
const DETECTION_BYTES: usize = 1 << 20;

/// Decodes a text file.
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    decode_declared(bytes, None)
}

/// Decodes an HTML page, which may declare its charset itself.
pub(super) fn decode_html(bytes: &[u8]) -> Cow<'_, str> {
    decode_declared(bytes, declared_in_html(bytes))
}

/// A byte order mark outranks what is declared, and UTF-8 that is valid outranks it too: pages
/// that were converted keep their old declaration.
fn decode_declared<'a>(bytes: &'a [u8], declared: Option<&'static Encoding>) -> Cow<'a, str> {
    if let Some((encoding, mark_length)) = Encoding::for_bom(bytes) {
        let rest = bytes.get(mark_length..).unwrap_or_default();
        return encoding.decode_without_bom_handling(rest).0;
    }
    if let Some(encoding) = utf_16_without_mark(bytes) {
        return encoding.decode_without_bom_handling(bytes).0;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let encoding = declared.unwrap_or_else(|| detect(bytes));
    encoding.decode_without_bom_handling(bytes).0
}

fn detect(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let sample = bytes.get(..DETECTION_BYTES).unwrap_or(bytes);
    detector.feed(sample, sample.len() == bytes.len());
    // Mostly UTF-8 with a damaged place is better read as UTF-8 than as something else.
    let valid = String::from_utf8_lossy(sample);
    let damaged = valid.matches('\u{fffd}').count();
    let beyond_ascii = valid.chars().filter(|c| !c.is_ascii()).count();
    if damaged * 10 < beyond_ascii { UTF_8 } else { detector.guess(None, Utf8Detection::Allow) }
}

/// Text has no NUL; where every other byte is one, it is UTF-16 of mostly ASCII.
fn utf_16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = bytes.get(..PRESCAN_BYTES).unwrap_or(bytes);
    let pairs = sample.len() / 2;
    let nul = |at: usize| sample.iter().skip(at).step_by(2).filter(|byte| **byte == 0).count();
    let (high, low) = (nul(0), nul(1));
    match pairs {
        0..=1 => None,
        _ if high * 10 > pairs * 7 && low == 0 => Some(UTF_16BE),
        _ if low * 10 > pairs * 7 && high == 0 => Some(UTF_16LE),
        _ => None,
    }
}

/// The name after the first `charset=`, which is where both forms of the declaration have it.
fn declared_in_html(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..PRESCAN_BYTES).unwrap_or(bytes).to_ascii_lowercase();
    let head = String::from_utf8_lossy(&head);
    let (_, after) = head.split_once("charset")?;
    let after = after.trim_start().strip_prefix('=')?.trim_start();
    let after = after.trim_start_matches(['"', '\'']);
    let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || "-_:.".contains(c)));
    let encoding = Encoding::for_label(after.get(..end.unwrap_or(after.len()))?.as_bytes())?;
    // A declaration that can be read as ASCII is not in UTF-16.
    Some(if encoding == UTF_16BE || encoding == UTF_16LE { UTF_8 } else { encoding })
}

#[cfg(test)]
mod tests {
    use encoding_rs::{EUC_JP, GBK, KOI8_R, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252, WINDOWS_1253};

    use super::*;

    const GERMAN: &str = "Die Straße über die Brücke führt zu größeren Häusern, süßen Äpfeln.";
    const RUSSIAN: &str = "Синий трамвай номер семнадцать останавливается у старой библиотеки.";
    const GREEK: &str = "Ο φάρος της νήσου άναψε για πρώτη φορά το καλοκαίρι του χίλια εννιακόσια.";
    const JAPANESE: &str = "青い電車は十七番線から出発します。駅の時計は五分進んでいます。";
    const CHINESE: &str = "蓝色的灯塔建于一九零七年，守塔人每天晚上八点点亮它。";

    #[test]
    fn text_in_the_charsets_of_old_files_is_recognised() {
        for (text, encoding) in [
            (GERMAN, WINDOWS_1252),
            (RUSSIAN, WINDOWS_1251),
            (RUSSIAN, KOI8_R),
            (GREEK, WINDOWS_1253),
            (JAPANESE, SHIFT_JIS),
            (JAPANESE, EUC_JP),
            (CHINESE, GBK),
        ] {
            let bytes = encoding.encode(text).0;
            assert_eq!(decode(&bytes), text, "{}", encoding.name());
        }
    }

    #[test]
    fn a_byte_order_mark_tells_the_charset_and_is_no_text() {
        let utf_16 = |text: &str, to_bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(to_bytes).collect()
        };
        for text in [GERMAN, JAPANESE, "a😀b"] {
            let marked = format!("\u{feff}{text}");
            assert_eq!(decode(marked.as_bytes()), text);
            assert_eq!(decode(&utf_16(&marked, u16::to_le_bytes)), text);
            assert_eq!(decode(&utf_16(&marked, u16::to_be_bytes)), text);
        }
        assert_eq!(decode(&utf_16("plain words", u16::to_le_bytes)), "plain words");
        assert_eq!(decode(&utf_16("plain words", u16::to_be_bytes)), "plain words");
    }

    #[test]
    fn a_page_in_the_charset_that_it_declares() {
        for declaration in [
            "<meta charset=koi8-r>",
            "<meta charset = \"KOI8-R\">",
            "<meta http-equiv=Content-Type content='text/html; charset=koi8-r'>",
        ] {
            let page = format!("{declaration}<p>{RUSSIAN}");
            assert_eq!(decode_html(&KOI8_R.encode(&page).0), page, "{declaration}");
        }
        let converted = format!("<meta charset=iso-8859-1>{GERMAN}");
        assert_eq!(decode_html(converted.as_bytes()), converted, "valid UTF-8 is UTF-8");
    }

    #[test]
    fn a_damaged_place_in_utf_8_costs_only_itself() {
        let mut bytes = GREEK.as_bytes().to_vec();
        bytes.push(0xff);
        assert_eq!(decode(&bytes), format!("{GREEK}\u{fffd}"));
        assert_eq!(decode(b""), "");
        assert_eq!(decode(&[0xff]).chars().count(), 1);
    }
}
