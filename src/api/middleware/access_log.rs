//! One log line and two metrics per request. Says which route was asked and how it went, never
//! what was in it: no path, no query, no header, no body. The time runs until the answer's head
//! is ready; a streamed body comes after it.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};

use crate::api::middleware::request_id;
use crate::api::state::Timing;
use crate::types::TenantId;

/// Stands for every path that no route has, so that scanners cannot make new label values.
const UNMATCHED: &str = "unmatched";

/// Left in a request's extensions by whatever found out for whom it acts.
#[derive(Debug, Clone, Copy)]
pub(in crate::api) struct ActingTenant(pub(in crate::api) TenantId);

/// The middleware.
///
/// # Errors
/// Those of the inner service.
pub async fn access_log<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let clock = request.app_data::<web::Data<Timing>>().map(|timing| timing.clock.clone());
    let started_us = clock.as_ref().map_or(0, |clock| clock.monotonic_micros());
    let method = method_label(request.method());
    let answered = next.call(request).await;
    let elapsed_us =
        clock.as_ref().map_or(0, |clock| clock.monotonic_micros().saturating_sub(started_us));
    match &answered {
        Ok(response) => {
            let route = response.request().match_pattern().filter(|route| !route.is_empty());
            let tenant =
                response.request().extensions().get::<ActingTenant>().map(|acting| acting.0);
            record(method, route.as_deref(), response.status(), elapsed_us);
            log(method, route.as_deref(), response.status(), elapsed_us, tenant);
        }
        Err(error) => {
            let status = error.as_response_error().status_code();
            record(method, None, status, elapsed_us);
            log(method, None, status, elapsed_us, None);
        }
    }
    answered
}

fn log(
    method: &'static str,
    route: Option<&str>,
    status: StatusCode,
    elapsed_us: u64,
    tenant: Option<TenantId>,
) {
    tracing::info!(
        http.method = method,
        http.route = route.unwrap_or(UNMATCHED),
        http.status = status.as_u16(),
        duration_ms = milliseconds(elapsed_us),
        request.id = %request_id::current(),
        tenant.id = tenant.map(tracing::field::display),
        "request served"
    );
}

fn record(method: &'static str, route: Option<&str>, status: StatusCode, elapsed_us: u64) {
    let route = route.unwrap_or(UNMATCHED).to_owned();
    metrics::counter!(
        "hebbd_http_requests_total",
        "route" => route.clone(),
        "method" => method,
        "status" => status.as_str().to_owned(),
    )
    .increment(1);
    metrics::histogram!("hebbd_http_request_seconds", "route" => route, "method" => method)
        .record(milliseconds(elapsed_us) / 1_000.0);
}

#[allow(clippy::cast_precision_loss, reason = "exact below 285 years")]
fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

/// A closed set: a caller may invent methods, and each would be a new time series.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}
