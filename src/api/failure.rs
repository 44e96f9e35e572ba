//! Failures that no handler causes. Each dialect gives them its own body, so that a client never
//! meets an answer it cannot parse.

use actix_web::HttpResponse;

/// What went wrong before or around a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No route has this path.
    PathNotFound,
    /// The path exists; `allow` lists its methods, comma-separated.
    MethodNotAllowed { allow: String },
    /// A handler panicked: a defect on our side.
    HandlerPanicked,
}

/// How one dialect words a [`Failure`].
pub type RenderFailure = fn(&Failure) -> HttpResponse;
