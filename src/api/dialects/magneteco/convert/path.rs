//! Names in the path of an address: decoded once, and whole, also where they hold a slash.

use super::super::error::{ApiError, issue};
use super::fields::check_name;
use crate::api::extract::PathSegment;
use crate::api::validation::Parameters;

/// The app and the user that `/.../{app}/{user}` names, with so many segments behind them.
///
/// # Errors
/// For a user that nobody can be called.
pub(in super::super) fn users_place(
    path: &str,
    behind: usize,
) -> Result<(PathSegment, String), ApiError> {
    let user = PathSegment::from_end(path, behind);
    let user = user.text().ok_or_else(|| ApiError::parameter("userId", issue::VALUE))?;
    check_name(user).map_err(|issue| ApiError::parameter("userId", issue))?;
    Ok((PathSegment::from_end(path, behind + 1), user.to_owned()))
}

/// The app in `/.../{app}/domain-config`.
pub(in super::super) fn app_in(path: &str) -> PathSegment {
    PathSegment::from_end(path, 1)
}

/// The resource in `/.../{resource}/status`.
pub(in super::super) fn resource_in(path: &str) -> PathSegment {
    PathSegment::from_end(path, 1)
}

/// The entity in `/.../{app}/{user}/{entity}`.
pub(in super::super) fn entity_in(path: &str) -> PathSegment {
    PathSegment::from_end(path, 0)
}

/// The user that a query names.
///
/// # Errors
/// Where it names none, or one that nobody can be called.
pub(in super::super) fn user_in_query(query: &str) -> Result<String, ApiError> {
    let parameters = Parameters::of(query);
    let user = parameters.find("userId");
    let user = user.ok_or_else(|| ApiError::parameter("userId", issue::MISSING))?;
    check_name(user).map_err(|issue| ApiError::parameter("userId", issue))?;
    Ok(user.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_hold_any_character() {
        let (app, user) = users_place("/v1/entities/my%20app/a%2Fb%3F", 0).unwrap();
        assert_eq!((app.text(), user.as_str()), (Some("my app"), "a/b?"));
        let path = "/v1/entities/my%20app/a%2Fb/Acme%20%26%2F%20Co%25";
        let (app, user) = users_place(path, 1).unwrap();
        assert_eq!((app.text(), user.as_str()), (Some("my app"), "a/b"));
        assert_eq!(entity_in(path).text(), Some("Acme &/ Co%"));
        assert_eq!(app_in("/api/apps/x%2Fy/domain-config").text(), Some("x/y"));
        assert_eq!(resource_in("/v1/memorize/res-1/status").text(), Some("res-1"));
    }

    #[test]
    fn a_user_that_nobody_can_be_called_is_refused() {
        let long = format!("/v1/context/app/{}", "x".repeat(256));
        for (path, issue) in [("/v1/context/app/%FF", "Invalid value"), (&long, "Too long")] {
            let error = users_place(path, 0).unwrap_err().to_string();
            assert_eq!(error, format!("Invalid query parameters: userId: {issue}"));
        }
        for (query, issue) in [
            ("", "Required field missing"),
            ("user=x", "Required field missing"),
            ("userId=", "Must not be empty"),
        ] {
            let error = user_in_query(query).unwrap_err().to_string();
            assert_eq!(error, format!("Invalid query parameters: userId: {issue}"), "{query}");
        }
        assert_eq!(user_in_query("userId=a%2Fb+c").unwrap(), "a/b c");
    }
}
