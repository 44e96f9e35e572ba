//! A limit as an operator writes it.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// `None` means no limit. Written as a number or the word `unlimited`: TOML has no null, and zero
/// would read as "nothing allowed".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound<T>(pub Option<T>);

impl<'de, T: TryFrom<u64>> Deserialize<'de> for Bound<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BoundVisitor<T>(std::marker::PhantomData<T>);

        impl<T: TryFrom<u64>> Visitor<'_> for BoundVisitor<T> {
            type Value = Bound<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, or the text \"unlimited\"")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
                let unexpected = de::Unexpected::Unsigned(value);
                let number = T::try_from(value);
                number.map(|n| Bound(Some(n))).map_err(|_| E::invalid_value(unexpected, &self))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
                match u64::try_from(value) {
                    Ok(value) => self.visit_u64(value),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Signed(value), &self)),
                }
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
                if value == "unlimited" {
                    Ok(Bound(None))
                } else {
                    Err(E::invalid_value(de::Unexpected::Str(value), &self))
                }
            }
        }

        deserializer.deserialize_any(BoundVisitor(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Settings {
        bound: Bound<u32>,
    }

    fn parse(text: &str) -> Result<Bound<u32>, toml::de::Error> {
        toml::from_str::<Settings>(&format!("bound = {text}")).map(|settings| settings.bound)
    }

    #[test]
    fn a_bound_is_a_number_or_unlimited_and_nothing_else() {
        assert_eq!(parse("7"), Ok(Bound(Some(7))));
        assert_eq!(
            parse("0"),
            Ok(Bound(Some(0))),
            "whether zero makes sense is its owner's business"
        );
        assert_eq!(parse("\"unlimited\""), Ok(Bound(None)));
        for text in ["\"lots\"", "\"7\"", "-1", "1.5", "true", "4294967296"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
