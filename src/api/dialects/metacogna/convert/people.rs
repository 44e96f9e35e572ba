//! Logging in and signing up.

use secrecy::SecretString;

use super::super::error::ApiError;
use super::super::wire::{LoginRequest, Preferences, UserBody};
use super::{Fields, parse_body};
use crate::api::extract::Form;
use crate::control::users::User;
use crate::service::people::{NewPerson, PASSWORD_CHARS_MIN};
use crate::types::Timestamp;
use crate::types::limits::{LABEL_CHARS_MAX, USER_NAME_CHARS_MAX};

/// Who wants to log in, as it was sent.
pub(in super::super) struct Login {
    pub(in super::super) username: String,
    pub(in super::super) password: String,
}

pub(in super::super) fn login_request(body: &str) -> Result<Login, ApiError> {
    let request: LoginRequest<'_> = parse_body(body)?;
    let username = Fields::required_text("username", request.username)?;
    let password = match Fields::text("password", request.password)? {
        Some(password) if !password.trim().is_empty() => password,
        _ => Fields::text("passwordHash", request.password_hash)?
            .filter(|password| !password.trim().is_empty())
            .ok_or_else(|| ApiError::missing_field("password"))?,
    };
    Ok(Login { username, password })
}

/// The parts of a sign-up besides its files, in the order of the contract's checks.
pub(in super::super) fn sign_up_form(form: &Form, plan: &str) -> Result<NewPerson, ApiError> {
    let required = |name: &str| {
        let text = form.text(name).map(str::trim).filter(|text| !text.is_empty());
        text.ok_or_else(|| ApiError::missing_field(name))
    };
    let name = required("name")?.to_owned();
    let is_fit =
        |text: &str, max| text.chars().count() <= max && !text.chars().any(char::is_control);
    if !is_fit(&name, LABEL_CHARS_MAX) {
        return Err(ApiError::invalid_field("name"));
    }
    let email = required("email")?.to_owned();
    if !looks_like_an_address(&email) || !is_fit(&email, USER_NAME_CHARS_MAX) {
        return Err(ApiError::invalid_field("email"));
    }
    let password = form.text("password").filter(|text| !text.trim().is_empty());
    let password = password.ok_or_else(|| ApiError::missing_field("password"))?;
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(ApiError::bad_request(format!(
            "Password must have at least {PASSWORD_CHARS_MIN} characters"
        )));
    }
    Ok(NewPerson {
        username: email.clone(),
        email: Some(email),
        name: Some(name),
        password: SecretString::from(password),
        goals: Some(form.text("goals").unwrap_or_default().to_owned()),
        plan: plan.to_owned(),
        is_admin: false,
    })
}

/// Something, an `@` and a host with a dot or without; no more is certain without sending mail.
fn looks_like_an_address(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let is_fit =
        |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    is_fit(local) && is_fit(host) && !local.contains('@') && !host.starts_with('.')
}

pub(in super::super) fn user_body(user: &User) -> UserBody<'_> {
    UserBody {
        id: user.id.to_string(),
        username: &user.username,
        email: user.email.as_deref(),
        name: user.name.as_deref(),
        goals: user.goals.as_deref(),
        is_admin: user.is_admin,
        last_login: user.last_login_at.map(Timestamp::as_millis),
        preferences: Preferences {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_may_be_called_its_hash() {
        let read = |body: &str| login_request(body).map(|login| login.password);
        assert_eq!(read(r#"{"username":"a","password":"p"}"#).unwrap(), "p");
        assert_eq!(read(r#"{"username":"a","passwordHash":"h"}"#).unwrap(), "h");
        assert_eq!(read(r#"{"username":"a","password":null,"passwordHash":"h"}"#).unwrap(), "h");
        assert_eq!(read(r#"{"username":"a","password":"p","passwordHash":"h"}"#).unwrap(), "p");
        for (body, error) in [
            (r"{}", "Missing required field: username"),
            (r#"{"username":" ","password":"p"}"#, "Missing required field: username"),
            (r#"{"username":"a"}"#, "Missing required field: password"),
            (r#"{"username":"a","password":""}"#, "Missing required field: password"),
            (r#"{"username":7,"password":"p"}"#, "Invalid value for field: username"),
            (r#"{"username":"a","password":7}"#, "Invalid value for field: password"),
            (r#"["a"]"#, "Invalid JSON body"),
            (r#"{"username":"a","username":"b","password":"p"}"#, "Invalid JSON body"),
        ] {
            assert_eq!(read(body).unwrap_err().to_string(), error, "{body}");
        }
    }

    #[test]
    fn an_address_has_something_on_both_sides_of_one_at() {
        for good in ["a@b", "alice@example.com", "é.x+y@mail.example"] {
            assert!(looks_like_an_address(good), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a b@c", "a@b@c", "a@.b", "a@b\nc"] {
            assert!(!looks_like_an_address(bad), "{bad:?}");
        }
    }
}
