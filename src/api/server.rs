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
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::KeepAlive;
use actix_web::middleware::{NormalizePath, TrailingSlash, from_fn};
use actix_web::{App, HttpServer, web};

use super::admin::{self, AdminState};
use super::dialects;
use super::extract::BodyLimit;
use super::middleware::access_log::access_log;
use super::middleware::request_id::request_id;
use super::middleware::unread_body::close_on_unread_body;
use super::ops;
use super::state::{ApiState, Timing};
use crate::types::Clock;

pub use super::settings::{AdminSettings, ServerSettings};

/// A server that holds its ports and serves as soon as it is run.
pub struct BoundServer {
    address: SocketAddr,
    admin_address: SocketAddr,
    servers: Vec<Server>,
}

impl BoundServer {
    /// The address it really listens on: with port 0 asked for, the port that was picked.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Where the admin API answers.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Stops the server from elsewhere.
    #[must_use]
    pub fn handle(&self) -> StopHandle {
        StopHandle(self.servers.iter().map(Server::handle).collect())
    }

    /// Serves until stopped through [`Self::handle`]. Does not watch for signals.
    ///
    /// # Errors
    /// What a listener reports.
    pub async fn run(self) -> io::Result<()> {
        futures_util::future::try_join_all(self.servers).await?;
        Ok(())
    }
}

/// Stops all listeners of a server.
pub struct StopHandle(Vec<ServerHandle>);

impl StopHandle {
    /// Refuses new connections and lets running requests finish for at most `shutdown_timeout_s`.
    pub async fn stop(&self) {
        futures_util::future::join_all(self.0.iter().map(|server| server.stop(true))).await;
    }
}

/// Binds `settings.listen` and starts the workers; the admin API answers there too, or at an
/// address of its own. Must run inside a tokio runtime.
///
/// # Errors
/// When an address cannot be bound.
pub fn bind(
    settings: &ServerSettings,
    admin_settings: &AdminSettings,
    state: ApiState,
    admin: AdminState,
) -> io::Result<BoundServer> {
    let workers = settings.worker_count();
    let clock = Arc::clone(&state.clock);
    let Some(admin_listen) = admin_settings.listen else {
        let apis = Apis { memory: Some(state), admin: Some(admin) };
        let (address, server) = listen(settings, settings.listen, workers, &clock, apis)?;
        return Ok(BoundServer { address, admin_address: address, servers: vec![server] });
    };
    let apis = Apis { memory: Some(state), admin: None };
    let (address, server) = listen(settings, settings.listen, workers, &clock, apis)?;
    let apart = bind_admin(settings, admin_listen, admin)?;
    let servers = [server].into_iter().chain(apart.servers).collect();
    Ok(BoundServer { address, admin_address: apart.address, servers })
}

/// A server of the admin API alone.
///
/// # Errors
/// When the address cannot be bound.
pub fn bind_admin(
    settings: &ServerSettings,
    address: SocketAddr,
    state: AdminState,
) -> io::Result<BoundServer> {
    let clock = Arc::clone(&state.clock);
    let apis = Apis { memory: None, admin: Some(state) };
    let (address, server) = listen(settings, address, 1, &clock, apis)?;
    Ok(BoundServer { address, admin_address: address, servers: vec![server] })
}

/// What one listener answers.
struct Apis {
    memory: Option<ApiState>,
    admin: Option<AdminState>,
}

fn listen(
    settings: &ServerSettings,
    address: SocketAddr,
    workers: usize,
    clock: &Arc<dyn Clock>,
    apis: Apis,
) -> io::Result<(SocketAddr, Server)> {
    let body_limit = BodyLimit(settings.body_bytes_max);
    let (clock, request_timeout) = (Arc::clone(clock), settings.request_timeout());
    let timing = web::Data::new(Timing { clock, request_timeout });
    let memory = apis.memory.map(web::Data::new);
    let admin = apis.admin.map(web::Data::new);
    let server = HttpServer::new(move || {
        let (memory, admin) = (memory.clone(), admin.clone());
        App::new()
            .app_data(timing.clone())
            .app_data(body_limit)
            .configure(|config| {
                let state = memory.clone();
                if let Some(memory) = memory {
                    config.app_data(memory);
                    config.configure(dialects::mnemoverse::configure).configure(ops::configure);
                }
                if let Some(admin) = admin {
                    config.app_data(admin).configure(admin::configure);
                }
                if let Some(state) = state {
                    let base = state.magneteco.base();
                    config.configure(|config| dialects::magneteco::configure(config, base));
                    // Where its keys are presented it takes every path that no other API has.
                    config.configure(|config| dialects::metorial::configure(config, base));
                    // It takes every path under `/api` that is left, and the root.
                    config.configure(dialects::metacogna::configure);
                    // Last: it takes every path that is left.
                    config.configure(dialects::tex::configure);
                }
            })
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
    .bind(address)?;
    let bound = server.addrs().first().copied();
    let bound = bound.ok_or_else(|| io::Error::other("the listener has no address"))?;
    Ok((bound, server.run()))
}

fn keep_alive(seconds: u64) -> KeepAlive {
    match seconds {
        0 => KeepAlive::Disabled,
        seconds => KeepAlive::Timeout(Duration::from_secs(seconds)),
    }
}
