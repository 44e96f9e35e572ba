//! A dialect's routes as data. The same table mounts the handlers and tells the tests what is
//! mounted, so a route without a contract cannot slip in.

use actix_web::guard;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, Resource, Route, web};

use super::failure::{Failure, RenderFailure};
use super::middleware::panic_guard::panic_guard;

/// The methods the dialects use. `GET` also answers `HEAD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// For an `Allow` header.
    const fn allows(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    fn accepts(self, method: &Method) -> bool {
        match self {
            Self::Get => matches!(*method, Method::GET | Method::HEAD),
            Self::Post => *method == Method::POST,
            Self::Put => *method == Method::PUT,
            Self::Patch => *method == Method::PATCH,
            Self::Delete => *method == Method::DELETE,
        }
    }
}

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Public,
    /// Only an authenticated caller.
    Key,
}

/// One method of one path.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    pub verb: Verb,
    /// The full path pattern, prefix included.
    pub path: &'static str,
    pub access: Access,
    /// Builds the route that calls the handler.
    pub route: fn() -> Route,
}

impl Endpoint {
    const fn new(verb: Verb, path: &'static str, access: Access, route: fn() -> Route) -> Self {
        Self { verb, path, access, route }
    }
}

/// A `GET` that anybody may ask.
#[must_use]
pub const fn public(path: &'static str, route: fn() -> Route) -> Endpoint {
    Endpoint::new(Verb::Get, path, Access::Public, route)
}

/// A `POST` that anybody may send.
#[must_use]
pub const fn public_post(path: &'static str, route: fn() -> Route) -> Endpoint {
    Endpoint::new(Verb::Post, path, Access::Public, route)
}

/// A `GET` for authenticated callers.
#[must_use]
pub const fn get(path: &'static str, route: fn() -> Route) -> Endpoint {
    Endpoint::new(Verb::Get, path, Access::Key, route)
}

/// A `POST` for authenticated callers.
#[must_use]
pub const fn post(path: &'static str, route: fn() -> Route) -> Endpoint {
    Endpoint::new(Verb::Post, path, Access::Key, route)
}

/// A `PUT` for authenticated callers.
#[must_use]
pub const fn put(path: &'static str, route: fn() -> Route) -> Endpoint {
    Endpoint::new(Verb::Put, path, Access::Key, route)
}

/// A `PATCH` for authenticated callers.
#[must_use]
pub const fn patch(path: &'static str, route: fn() -> Route) -> Endpoint {
    Endpoint::new(Verb::Patch, path, Access::Key, route)
}

/// A `DELETE` for authenticated callers.
#[must_use]
pub const fn delete(path: &'static str, route: fn() -> Route) -> Endpoint {
    Endpoint::new(Verb::Delete, path, Access::Key, route)
}

/// Method and path of every endpoint, in the table's order.
///
/// # Panics
/// At compile time, when `N` is not the number of endpoints.
#[must_use]
#[allow(clippy::indexing_slicing, reason = "evaluated at compile time; the bound is asserted")]
pub const fn route_table<const N: usize>(
    endpoints: &[Endpoint],
) -> [(&'static str, &'static str); N] {
    assert!(endpoints.len() == N);
    let mut table = [("", ""); N];
    let mut index = 0;
    while index < N {
        table[index] = (endpoints[index].verb.as_str(), endpoints[index].path);
        index += 1;
    }
    table
}

/// Mounts the endpoints of `access` below `prefix`: one resource per path, in the table's order,
/// with the dialect's own 405 and the panic guard.
pub fn mount(
    config: &mut web::ServiceConfig,
    prefix: &str,
    endpoints: impl IntoIterator<Item = &'static Endpoint>,
    access: Access,
    render: RenderFailure,
) {
    let endpoints: Vec<&Endpoint> = endpoints.into_iter().collect();
    let mut mounted: Vec<&str> = Vec::new();
    for endpoint in endpoints.iter().filter(|endpoint| endpoint.access == access) {
        if mounted.contains(&endpoint.path) {
            continue;
        }
        mounted.push(endpoint.path);
        let on_path: Vec<&Endpoint> =
            endpoints.iter().copied().filter(|other| other.path == endpoint.path).collect();
        let relative = endpoint.path.strip_prefix(prefix).unwrap_or(endpoint.path);
        let resource = resource_of(relative, &on_path, render);
        config.service(
            resource.wrap(from_fn(move |request, next| panic_guard(render, request, next))),
        );
    }
}

/// What answers every path that no route has.
pub fn no_such_path(render: RenderFailure) -> Route {
    web::to(move |request: HttpRequest| {
        let path = request.path().to_owned();
        async move { render(&Failure::PathNotFound { path }) }
    })
}

fn resource_of(path: &str, endpoints: &[&Endpoint], render: RenderFailure) -> Resource {
    let mut resource = web::resource(path);
    let mut allow: Vec<&str> = Vec::new();
    for endpoint in endpoints {
        let verb = endpoint.verb;
        let right_method = guard::fn_guard(move |request| verb.accepts(&request.head().method));
        allow.push(verb.allows());
        resource = resource.route((endpoint.route)().guard(right_method));
    }
    let allow = allow.join(", ");
    resource.default_service(web::to(move |request: HttpRequest| {
        let (path, allow) = (request.path().to_owned(), allow.clone());
        async move { render(&Failure::MethodNotAllowed { path, allow }) }
    }))
}
