//! How an app takes what providers deliver.

use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::super::access::App;
use super::super::convert;
use super::super::error::{ApiError, issue};
use super::super::limits::{Call, CallBody, Configure, ReadConfig};
use super::super::wire::SourceRemoved;
use super::{Reply, parse, reply};
use crate::api::extract::PathSegment;
use crate::api::state::ApiState;
use crate::control::webhook_sources::WebhookProvider;
use crate::service::ConfiguredSource;
use crate::types::ErrorKind;

/// Replaces what was configured, but for a secret that is not sent again.
pub(in super::super) async fn configure_source(
    state: Data<ApiState>,
    source: PathSegment,
    CallBody { app, text, .. }: CallBody<Configure>,
) -> Reply {
    let provider = provider_in(&source)?;
    let incoming = &state.magneteco.incoming;
    let known = incoming.source(app.tenant_id(), provider);
    let has_secret = known.is_some_and(|known| known.has_secret);
    let new = parse(text, move |text| convert::source_request(text, provider, has_secret)).await?;
    app.check_named(new.app_id.as_deref())?;
    let configuring = incoming.configure(app.tenant_id(), provider, new.rules, new.secret);
    let configured = configuring.await.map_err(|error| match error.kind() {
        // All else was checked: the texts are too many bytes together.
        ErrorKind::InvalidInput => ApiError::field("users", issue::TOO_LONG),
        _ => error.into(),
    })?;
    show(&state, &app, provider, &configured)
}

pub(in super::super) async fn show_source(
    state: Data<ApiState>,
    source: PathSegment,
    Call { app, .. }: Call<ReadConfig>,
) -> Reply {
    let provider = provider_in(&source)?;
    let configured = state.magneteco.incoming.source(app.tenant_id(), provider);
    show(&state, &app, provider, &configured.ok_or_else(ApiError::not_found)?)
}

/// From here on its deliveries are refused.
pub(in super::super) async fn remove_source(
    state: Data<ApiState>,
    source: PathSegment,
    Call { app, .. }: Call<Configure>,
) -> Reply {
    let provider = provider_in(&source)?;
    match state.magneteco.incoming.remove(app.tenant_id(), provider).await? {
        true => {
            let source = provider.as_str();
            let removed = SourceRemoved { status: "removed", app_id: app.id(), source };
            reply(StatusCode::OK, &removed)
        }
        false => Err(ApiError::not_found()),
    }
}

fn show(
    state: &ApiState,
    app: &App,
    provider: WebhookProvider,
    configured: &ConfiguredSource,
) -> Reply {
    let base = state.magneteco.base();
    let shown = convert::source_response(app.id(), &app.handle(), base, provider, configured);
    reply(StatusCode::OK, &shown)
}

/// What is delivered with a key alone needs no configuration, so there is none of it.
fn provider_in(segment: &PathSegment) -> Result<WebhookProvider, ApiError> {
    segment.text().and_then(WebhookProvider::find).ok_or_else(ApiError::not_found)
}
