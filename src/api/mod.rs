//! HTTP and nothing else: the listener, what every request passes through, and one folder per
//! dialect. A handler extracts, converts, calls `service`, converts and replies; no rule about
//! memory lives here, and no dialect imports another.

pub mod admin;
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
mod validation;

pub use dialects::magneteco::{MagnetecoSettings, MagnetecoState};
pub use dialects::metacogna::{MetacognaSettings, MetacognaState};
pub use dialects::metorial::{MetorialSettings, MetorialState};
pub use dialects::tex::{TexSettings, TexState};
pub use server::{AdminSettings, BoundServer, ServerSettings, bind, bind_admin};
pub use settings::ADMIN_TOKEN_CHARS_MIN;
pub use state::ApiState;
