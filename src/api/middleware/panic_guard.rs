//! A handler that panics is a defect, and its caller still gets an answer it can parse: the
//! dialect's own 500. Wraps each resource rather than the whole application, because routing
//! needs the only reference to the request and this guard keeps a second one.

use std::panic::AssertUnwindSafe;

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use futures_util::FutureExt;

use crate::api::failure::{Failure, RenderFailure};
use crate::api::middleware::request_id;

/// The middleware. State behind the handler is unwind-safe by design: it is reached by messages,
/// and the request's own is dropped here.
///
/// # Errors
/// Those of the inner service.
pub(in crate::api) async fn panic_guard<B: MessageBody + 'static>(
    render: RenderFailure,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let original = request.request().clone();
    let guarded = AssertUnwindSafe(async move { next.call(request).await }).catch_unwind();
    match guarded.await {
        Ok(answered) => answered.map(ServiceResponse::map_into_boxed_body),
        // The panic's message may quote content; the hook has printed it where operators look.
        Err(_panic) => {
            tracing::error!(
                http.route = original.match_pattern().unwrap_or_default(),
                request.id = %request_id::current(),
                "a handler panicked"
            );
            metrics::counter!("hebbd_http_panics_total").increment(1);
            Ok(ServiceResponse::new(original, render(&Failure::HandlerPanicked)))
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, HttpResponse, web};

    use super::*;

    fn render(failure: &Failure) -> HttpResponse {
        assert_eq!(*failure, Failure::HandlerPanicked);
        HttpResponse::InternalServerError().body("in the dialect's words")
    }

    async fn panics(path: web::Path<String>) -> HttpResponse {
        assert_eq!(*path, "fine", "asked to panic");
        HttpResponse::Ok().finish()
    }

    #[actix_web::test]
    async fn a_panic_is_answered_and_the_next_request_is_served() {
        let resource = web::resource("/{what}")
            .route(web::get().to(panics))
            .wrap(from_fn(|request, next| panic_guard(render, request, next)));
        let app = init_service(App::new().service(resource)).await;
        for (path, status) in [
            ("/fine", StatusCode::OK),
            ("/bad", StatusCode::INTERNAL_SERVER_ERROR),
            ("/fine", StatusCode::OK),
        ] {
            let request = TestRequest::get().uri(path).to_request();
            assert_eq!(call_service(&app, request).await.status(), status, "{path}");
        }
    }
}
