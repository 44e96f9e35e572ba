//! The text of a JSON document: a line for each value, `path.to.key: value`, in the order of the
//! file. Values are written as they are read, so memory is bounded by the depth, not the size.
//! Several documents one after another (JSON lines) are read too.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::ExtractionError;
use super::charset::decode;
use super::plain_text::PlainText;

/// Reads the values. `null` and empty texts are left out. The depth is limited to 128.
///
/// # Errors
/// [`ExtractionError::Malformed`] and [`ExtractionError::TooMuchText`].
pub(super) fn text_of(bytes: &[u8], bytes_max: usize) -> Result<String, ExtractionError> {
    let document = decode(bytes);
    let mut text = PlainText::new(bytes_max);
    let mut documents = serde_json::Deserializer::from_str(&document);
    while documents.end().is_err() && !text.is_too_much() {
        let line = Line { text: &mut text, path: &mut String::new() };
        let read = line.deserialize(&mut documents);
        if read.is_err() && !text.is_too_much() {
            return Err(ExtractionError::Malformed);
        }
    }
    text.finish()
}

/// Writes the value at `path`.
struct Line<'a> {
    text: &'a mut PlainText,
    path: &'a mut String,
}

impl Line<'_> {
    fn write(&mut self, value: &str) {
        if value.trim().is_empty() {
            return;
        }
        if !self.path.is_empty() {
            self.text.words(self.path);
            self.text.words(": ");
        }
        self.text.words(value);
        self.text.end_line();
    }

    fn inner(&mut self) -> Line<'_> {
        Line { text: self.text, path: self.path }
    }
}

impl<'de> DeserializeSeed<'de> for Line<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Line<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(mut self, value: bool) -> Result<(), E> {
        self.write(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(mut self, value: i64) -> Result<(), E> {
        self.write(&value.to_string());
        Ok(())
    }

    fn visit_u64<E>(mut self, value: u64) -> Result<(), E> {
        self.write(&value.to_string());
        Ok(())
    }

    fn visit_f64<E>(mut self, value: f64) -> Result<(), E> {
        self.write(&value.to_string());
        Ok(())
    }

    fn visit_str<E>(mut self, value: &str) -> Result<(), E> {
        self.write(value);
        Ok(())
    }

    /// Elements have the path of their list: a position says nothing.
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(self.inner())?.is_some() {
            if self.text.is_too_much() {
                return Err(A::Error::custom("too much text"));
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<(), A::Error> {
        let outer = self.path.len();
        while let Some(key) = object.next_key::<String>()? {
            if outer > 0 {
                self.path.push('.');
            }
            self.path.push_str(&key);
            object.next_value_seed(self.inner())?;
            self.path.truncate(outer);
            if self.text.is_too_much() {
                return Err(A::Error::custom("too much text"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(document: &str, expected: &str) {
        assert_eq!(text_of(document.as_bytes(), 1 << 20).unwrap(), expected, "{document}");
    }

    #[test]
    fn each_value_is_a_line_with_the_path_to_it() {
        check(
            r#"{"ship": {"name": "Sea\nHawk", "masts": 3, "draught": 4.5}, "crew": ["Ada", "Bo"],
                "sunk": false, "owner": null, "log": "", "at": [{"x": 1}, {"x": -2}]}"#,
            "ship.name: Sea Hawk\nship.masts: 3\nship.draught: 4.5\ncrew: Ada\ncrew: Bo\n\
             sunk: false\nat.x: 1\nat.x: -2",
        );
        check("\"only this\"", "only this");
        check("", "");
    }

    #[test]
    fn json_lines_are_read_one_after_another() {
        check("{\"a\": 1}\n{\"a\": 2}\r\n\n{\"b\": 3}\n", "a: 1\na: 2\nb: 3");
    }

    #[test]
    fn what_is_no_json_and_what_is_too_deep_is_refused() {
        let deep = "[".repeat(100_000);
        let deep_and_closed = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for document in ["{", "{\"a\": 1} x", "{a: 1}", "\u{1}", &deep, &deep_and_closed] {
            let read = text_of(document.as_bytes(), 1 << 20);
            assert_eq!(read, Err(ExtractionError::Malformed), "{:.20}", document);
        }
    }

    #[test]
    fn too_much_text_is_an_error_also_where_short_values_have_long_paths() {
        let long = format!("{{\"{}\": [1, 2, 3, 4]}}", "k".repeat(400));
        assert_eq!(text_of(long.as_bytes(), 1_000), Err(ExtractionError::TooMuchText));
        assert!(text_of(long.as_bytes(), 2_000).is_ok());
    }
}
