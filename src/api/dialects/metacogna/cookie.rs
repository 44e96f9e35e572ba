//! The session's cookie: how it is set, taken back and found in a request.

use actix_web::http::header::{self, HeaderMap};

const NAME: &str = "pratejra_session";

/// How long a session lasts from its login, used or not: seven days.
pub(super) const SESSION_LIFETIME_S: u64 = 7 * 24 * 3_600;

/// What gives a client its token. The token is made of characters that a cookie may hold.
pub(super) fn set(token: &str, is_secure: bool) -> String {
    attributes(token, SESSION_LIFETIME_S, is_secure)
}

/// What takes it back.
pub(super) fn clear(is_secure: bool) -> String {
    attributes("", 0, is_secure)
}

fn attributes(token: &str, max_age_s: u64, is_secure: bool) -> String {
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{NAME}={token}; Path=/; HttpOnly; Max-Age={max_age_s}; SameSite=Strict{secure}")
}

/// The tokens in the request's cookies: a browser may send one of a former path along.
pub(super) fn find_all(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    let values = pairs.filter(|(name, _)| name.trim() == NAME).map(|(_, value)| value.trim());
    values.map(|value| value.trim_matches('"')).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn the_attributes_are_the_documented_ones() {
        assert_eq!(
            set("abc", false),
            "pratejra_session=abc; Path=/; HttpOnly; Max-Age=604800; SameSite=Strict"
        );
        assert!(set("abc", true).ends_with("; Secure"));
        assert!(
            clear(false).starts_with("pratejra_session=; ") && clear(false).contains("Max-Age=0")
        );
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        for (lines, expected) in [
            (&["pratejra_session=abc"][..], &["abc"][..]),
            (&["a=b; pratejra_session=abc;c=d"], &["abc"]),
            (&["a=b", "pratejra_session=\"abc\""], &["abc"]),
            (&["pratejra_session=abc; pratejra_session=def"], &["abc", "def"]),
            (&["xpratejra_session=abc"], &[]),
            (&["pratejra_session="], &[]),
            (&["pratejra_session"], &[]),
            (&[], &[]),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, HeaderValue::from_static(line));
            }
            assert_eq!(find_all(&headers).collect::<Vec<_>>(), expected, "{lines:?}");
        }
    }
}
