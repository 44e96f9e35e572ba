//! What handlers take as arguments, so that one without an identity or a deadline does not
//! compile.

mod deadline;
mod json_body;
mod principal;

pub use deadline::RequestDeadline;
pub use json_body::{BodyError, BodyLimit, JsonBody};
pub use principal::Caller;
