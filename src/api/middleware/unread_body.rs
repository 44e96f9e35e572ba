//! Ends a connection whose request was answered before its chunked body was read. The HTTP
//! library would go on reading such a body, however long and however slow, with no timer running:
//! any caller, with or without a key, could hold a connection for good. It closes instead when
//! the body's reader still exists as the answer ends, so this middleware keeps the reader until
//! then. A body of announced length needs no help; there the library closes by itself.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage};
use futures_util::Stream;

/// The middleware.
///
/// # Errors
/// Those of the inner service.
pub async fn close_on_unread_body<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if !request.headers().contains_key(header::TRANSFER_ENCODING) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let reader = SharedReader(Rc::new(RefCell::new(request.take_payload())));
    request.set_payload(Payload::Stream { payload: Box::pin(reader.clone()) });
    let response = next.call(request).await?;
    Ok(response.map_body(|_head, body| {
        let body = body.boxed();
        BodyWithReader { body, _reader: reader }.boxed()
    }))
}

/// Read by the handler, owned by the middleware as well; never borrowed across a poll.
#[derive(Clone)]
struct SharedReader(Rc<RefCell<Payload>>);

impl Stream for SharedReader {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

/// An answer that outlives nothing but keeps the request's reader as long as itself.
struct BodyWithReader {
    body: BoxBody,
    _reader: SharedReader,
}

impl MessageBody for BodyWithReader {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.body.as_pin_mut().poll_next(context)
    }
}
