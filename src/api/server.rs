//! The listener. Binds the port, builds the application of each worker and hands back a server
//! that knows its real address and can be stopped.
//!
//! A request passes, from the outside in: the request id (everything after it has one), the
//! access log (it sees the final status), the end of connections with unread bodies, duplicate-slash
//! collapsing (before any route is matched), then the dialect that owns the path: the limit by
//! address, its authentication and admission, its routes, and around each handler the panic guard (so that a panic is answered in the dialect's words
//! and carries the headers the layers outside it add).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::KeepAlive;
use actix_web::middleware::{NormalizePath, TrailingSlash, from_fn};
use actix_web::{App, HttpServer, web};

use super::dialects;
use super::extract::BodyLimit;
use super::middleware::access_log::access_log;
use super::middleware::request_id::request_id;
use super::middleware::unread_body::close_on_unread_body;
use super::ops;
use super::state::ApiState;

pub use super::settings::ServerSettings;

/// A server that holds its port and serves as soon as it is run.
pub struct BoundServer {
    address: SocketAddr,
    server: Server,
}

impl BoundServer {
    /// The address it really listens on: with port 0 asked for, the port that was picked.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the server from elsewhere: `handle().stop(true)` refuses new connections and lets
    /// running requests finish for at most `shutdown_timeout_s`.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Serves until stopped through [`Self::handle`]. Does not watch for signals.
    ///
    /// # Errors
    /// What the listener reports.
    pub async fn run(self) -> io::Result<()> {
        self.server.await
    }
}

/// Binds `settings.listen` and starts the workers. Must run inside a tokio runtime.
///
/// # Errors
/// When the address cannot be bound.
pub fn bind(settings: &ServerSettings, state: ApiState) -> io::Result<BoundServer> {
    let workers = settings.worker_count();
    let body_limit = BodyLimit(settings.body_bytes_max);
    let state = web::Data::new(state);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .app_data(body_limit)
            .configure(dialects::mnemoverse::configure)
            .configure(ops::configure)
            .default_service(web::to(ops::not_found))
            .wrap(NormalizePath::new(TrailingSlash::MergeOnly))
            .wrap(from_fn(close_on_unread_body))
            .wrap(from_fn(access_log))
            .wrap(from_fn(request_id))
    })
    .workers(workers)
    .backlog(settings.backlog)
    .max_connections(settings.connections_max.div_ceil(workers))
    .keep_alive(keep_alive(settings.keep_alive_s))
    .client_request_timeout(Duration::from_secs(settings.client_request_timeout_s))
    .client_disconnect_timeout(Duration::from_secs(settings.client_disconnect_timeout_s))
    .shutdown_timeout(settings.shutdown_timeout_s)
    .disable_signals()
    .bind(settings.listen)?;
    let address = server
        .addrs()
        .first()
        .copied()
        .ok_or_else(|| io::Error::other("the listener has no address"))?;
    Ok(BoundServer { address, server: server.run() })
}

fn keep_alive(seconds: u64) -> KeepAlive {
    match seconds {
        0 => KeepAlive::Disabled,
        seconds => KeepAlive::Timeout(Duration::from_secs(seconds)),
    }
}
