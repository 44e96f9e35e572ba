//! What handlers take as arguments, so that one without an identity or a deadline does not
//! compile.

pub mod client_ip;
mod deadline;
mod idempotency_key;
mod json_body;
mod last_segment;
mod multipart;
mod principal;

pub use deadline::RequestDeadline;
pub use idempotency_key::{IdempotencyKey, IdempotencyKeyError};
pub use json_body::{BodyError, BodyLimit, JsonBody, OptionalJsonBody};
pub(in crate::api) use json_body::{BodyRule, receive_body};
pub use last_segment::LastSegment;
pub(in crate::api) use multipart::{
    FileSink, Form, FormError, FormFile, FormRules, receive_form, sends_form,
};
pub use principal::Caller;
