//! What handlers take as arguments, so that one without an identity or a deadline does not
//! compile.

mod bearer;
pub mod client_ip;
mod deadline;
mod idempotency_key;
mod json_body;
mod multipart;
mod path_segment;
mod principal;
mod upload_sink;

pub use bearer::bearer_token;
pub use deadline::RequestDeadline;
pub use idempotency_key::{IdempotencyKey, IdempotencyKeyError};
pub use json_body::{BodyError, BodyLimit, JsonBody, OptionalJsonBody};
pub(in crate::api) use json_body::{BodyRule, receive_body};
pub(in crate::api) use json_body::{body_text, receive_bytes};
pub(in crate::api) use multipart::{
    Form, FormError, FormFile, FormRules, receive_form, sends_form,
};
pub use path_segment::PathSegment;
pub use principal::Caller;
pub(in crate::api) use upload_sink::UploadSink;
