//! From the wire to the service's words and back. Nothing here decides anything about memory.

mod fields;
mod people;

pub(super) use fields::{Fields, parse_body};
pub(super) use people::{Login, login_request, sign_up_form, user_body};
