//! What requests pass through on their way to a handler. The order is `server.rs`'s business.

pub mod access_log;
pub mod authentication;
pub mod ip_limit;
pub mod panic_guard;
pub mod rate_headers;
pub mod request_id;
pub mod unread_body;
