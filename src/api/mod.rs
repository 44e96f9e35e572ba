//! HTTP and nothing else: the listener, what every request passes through, and one folder per
//! dialect. A handler extracts, converts, calls `service`, converts and replies; no rule about
//! memory lives here, and no dialect imports another.

pub mod dialects;
pub mod extract;
pub mod failure;
mod json_text;
pub mod middleware;
pub mod ops;
pub mod routing;
pub mod server;
mod settings;
mod state;

pub use server::{BoundServer, ServerSettings, bind};
pub use state::ApiState;
