//! What handlers take as arguments, so that one without an identity or a deadline does not
//! compile.

pub mod client_ip;
mod deadline;
mod idempotency_key;
mod json_body;
mod last_segment;
#[allow(dead_code, reason = "also for handlers that keep files")]
mod multipart;
mod principal;

pub use deadline::RequestDeadline;
pub use idempotency_key::{IdempotencyKey, IdempotencyKeyError};
pub use json_body::{BodyError, BodyLimit, JsonBody, OptionalJsonBody};
pub(in crate::api) use json_body::{BodyRule, receive_body};
pub use last_segment::LastSegment;
pub(in crate::api) use multipart::{Dropped, Form, FormError, FormRules, receive_form};
#[allow(unused_imports, reason = "for handlers that keep files or take JSON as well")]
pub(in crate::api) use multipart::{FileSink, FormFile, sends_form};
pub use principal::Caller;
