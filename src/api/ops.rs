//! What operators and load balancers ask: is the process alive, can it work, what does it count.
//! Public; tells nothing about any tenant.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::failure::{Failure, whole_seconds};
use super::middleware::request_id;
use super::routing::{self, Access, Endpoint, public};
use super::state::ApiState;

const ENDPOINTS: &[Endpoint] = &[
    public("/livez", || web::route().to(livez)),
    public("/readyz", || web::route().to(readyz)),
    public("/metrics", || web::route().to(metrics)),
];

/// Method and path of every route mounted here.
pub const ROUTES: &[(&str, &str)] = &routing::route_table::<{ ENDPOINTS.len() }>(ENDPOINTS);

/// Mounts the routes at the root.
pub fn configure(config: &mut web::ServiceConfig) {
    routing::mount(config, "", ENDPOINTS, Access::Public, render_failure);
}

/// The answer to a path that belongs to no dialect.
pub async fn not_found(request: HttpRequest) -> HttpResponse {
    render_failure(&Failure::PathNotFound { path: request.path().to_owned() })
}

#[derive(Serialize)]
struct LivezAnswer {
    status: &'static str,
}

async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(LivezAnswer { status: "ok" })
}

#[derive(Serialize)]
struct ReadyzAnswer<'a> {
    ready: bool,
    checks: Checks,
    version: &'a str,
}

#[derive(Serialize)]
struct Checks {
    storage: bool,
    engine: bool,
    embedding: bool,
}

/// 503 until every part can work, so that a load balancer waits.
async fn readyz(state: web::Data<ApiState>) -> HttpResponse {
    let readiness = state.memory.readiness();
    let answer = ReadyzAnswer {
        ready: readiness.is_ready(),
        checks: Checks {
            storage: readiness.storage,
            engine: readiness.engine,
            embedding: readiness.embedding,
        },
        version: &state.version,
    };
    if answer.ready {
        HttpResponse::Ok().json(answer)
    } else {
        HttpResponse::ServiceUnavailable().json(answer)
    }
}

async fn metrics(state: web::Data<ApiState>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body((state.render_metrics)())
}

#[derive(Serialize)]
struct FailureAnswer<'a> {
    error: &'a str,
    message: &'a str,
    request_id: &'a str,
}

fn render_failure(failure: &Failure) -> HttpResponse {
    let request_id = request_id::current();
    let (mut response, error, message) = match failure {
        Failure::PathNotFound { .. } => {
            (HttpResponse::NotFound(), "not_found", "no API of this server has this path")
        }
        Failure::MethodNotAllowed { allow, .. } => {
            let mut response = HttpResponse::MethodNotAllowed();
            response.insert_header((header::ALLOW, allow.as_str()));
            (response, "method_not_allowed", "this path does not answer this method")
        }
        Failure::TooManyRequests { retry_after } => {
            let mut response = HttpResponse::TooManyRequests();
            response.insert_header((header::RETRY_AFTER, whole_seconds(*retry_after)));
            (response, "too_many_requests", "this address has called too often")
        }
        Failure::HandlerPanicked => {
            (HttpResponse::InternalServerError(), "internal", "the server made a mistake")
        }
    };
    response.json(FailureAnswer { error, message, request_id: request_id.as_str() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::body::to_bytes;

    use super::*;

    #[actix_web::test]
    async fn a_caller_that_calls_too_often_is_told_for_how_long_to_wait() {
        let retry_after = Duration::from_millis(1_500);
        let response = render_failure(&Failure::TooManyRequests { retry_after });
        assert_eq!(response.status().as_u16(), 429);
        assert_eq!(response.headers().get(header::RETRY_AFTER).unwrap(), "2");
        let body = to_bytes(response.into_body()).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"], "too_many_requests");
    }
}
