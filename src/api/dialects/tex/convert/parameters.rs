//! What stands in the query of an address.

use serde_json::json;

use super::problems::{Complaint, Problems};
use crate::api::validation::{Parameters, Step};
use crate::types::{Timestamp, YearMonth};

/// Whether revoked keys are listed too.
pub(crate) fn include_revoked(query: &str) -> Result<bool, Problems> {
    const NAME: &str = "include_revoked";
    match Parameters::of(query).find(NAME) {
        None => Ok(false),
        Some(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => {
                let msg = "Input should be a valid boolean, unable to interpret input";
                Err(refused(NAME, Complaint::new("bool_parsing", msg), text))
            }
        },
    }
}

/// The month that is asked for; the present one where none is.
pub(crate) fn month(query: &str, now: Timestamp) -> Result<YearMonth, Problems> {
    const NAME: &str = "month";
    let parameters = Parameters::of(query);
    let Some(text) = parameters.find(NAME) else { return Ok(YearMonth::of(now)) };
    YearMonth::parse(text).ok_or_else(|| {
        let msg = "Value error, month must be a month of the calendar as YYYY-MM";
        refused(NAME, Complaint::new("value_error", msg), text)
    })
}

fn refused(name: &'static str, complaint: Complaint, text: &str) -> Problems {
    let input = json!(text).to_string();
    Problems::of(complaint.at(vec![Step::Name("query"), Step::Name(name)], &input))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_one_of_the_calendar() {
        let now = Timestamp::parse("2026-05-08").unwrap();
        let is = |text: &str| YearMonth::parse(text).unwrap();
        for (query, expected) in [
            ("", "2026-05"),
            ("other=2026-01", "2026-05"),
            ("month=2026-12", "2026-12"),
            ("month=2026%2D11&x=&month=2025-01", "2025-01"),
        ] {
            assert_eq!(month(query, now).unwrap(), is(expected), "{query}");
        }
        for query in ["month=2026-13", "month=", "month", "month=may", "month=2026-05-08"] {
            let problems = serde_json::to_string(&month(query, now).unwrap_err()).unwrap();
            assert!(problems.contains(r#"["query","month"]"#), "{query}: {problems}");
        }
    }

    #[test]
    fn revoked_keys_are_listed_when_that_is_said_plainly() {
        for (query, expected) in [
            ("", Some(false)),
            ("include_revoked=true", Some(true)),
            ("include_revoked=1", Some(true)),
            ("include_revoked=False", Some(false)),
            ("include_revoked=0", Some(false)),
            ("include_revoked=maybe", None),
            ("include_revoked=", None),
        ] {
            assert_eq!(include_revoked(query).ok(), expected, "{query}");
        }
    }
}
