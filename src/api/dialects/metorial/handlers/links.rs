//! Links to files, under their file and by themselves.

use actix_web::HttpRequest;
use actix_web::web::Data;

use super::super::access::Secret;
use super::super::convert;
use super::super::error::ApiError;
use super::super::fields::{Body, Query};
use super::super::ids::{self, Prefix};
use super::super::paging::List;
use super::super::wire::reply;
use super::{Reply, allowed, inner, kept, kept_within, link_urls};
use crate::api::extract::PathSegment;
use crate::api::state::ApiState;
use crate::service::{Collection, FileLinkFilter, NewFileLink, Refusal};
use crate::types::RecordId;

/// Where links are followed they may be made.
fn check_links_are_followed(state: &ApiState) -> Result<(), ApiError> {
    match state.metorial.settings.public_links {
        true => Ok(()),
        false => Err(ApiError::links_are_off()),
    }
}

pub(in super::super) async fn list_links(
    caller: Secret,
    query: Query,
    state: Data<ApiState>,
    request: HttpRequest,
) -> Reply {
    let (filter, page) = query.read(convert::link_list)?;
    let url_of = link_urls(&request, &state, caller.scope.tenant);
    let links = state.metorial.platform.links(caller.scope, filter, page).await?;
    let show = |link| convert::link_body(link, &url_of);
    Ok(reply(&List::of(allowed(links)?, show)))
}

pub(in super::super) async fn create_link(
    caller: Secret,
    body: Body,
    state: Data<ApiState>,
    request: HttpRequest,
) -> Reply {
    let now = state.clock.now();
    let (file, expires_at) = body.read(|fields| convert::new_link(fields, now))?;
    check_links_are_followed(&state)?;
    let new = NewFileLink { file, expires_at };
    let link = state.metorial.platform.create_link(caller.scope, new).await?;
    let url_of = link_urls(&request, &state, caller.scope.tenant);
    Ok(reply(&convert::link_body(allowed(link)?, url_of)))
}

pub(in super::super) async fn link(
    caller: Secret,
    state: Data<ApiState>,
    request: HttpRequest,
    segment: PathSegment,
) -> Reply {
    let id = ids::addressed(Prefix::FileLink, &segment)?;
    let link = state.metorial.platform.link(caller.scope, id, None).await?;
    let url_of = link_urls(&request, &state, caller.scope.tenant);
    Ok(reply(&convert::link_body(kept(link, &segment)?, url_of)))
}

pub(in super::super) async fn change_link(
    caller: Secret,
    body: Body,
    state: Data<ApiState>,
    request: HttpRequest,
    segment: PathSegment,
) -> Reply {
    let now = state.clock.now();
    let end = body.read(|fields| convert::new_end(fields, now))?;
    let id = ids::addressed(Prefix::FileLink, &segment)?;
    let link = state.metorial.platform.change_link(caller.scope, id, None, end).await?;
    let url_of = link_urls(&request, &state, caller.scope.tenant);
    Ok(reply(&convert::link_body(kept(link, &segment)?, url_of)))
}

pub(in super::super) async fn delete_link(
    caller: Secret,
    state: Data<ApiState>,
    request: HttpRequest,
    segment: PathSegment,
) -> Reply {
    let id = ids::addressed(Prefix::FileLink, &segment)?;
    let link = state.metorial.platform.delete_link(caller.scope, id, None).await?;
    let url_of = link_urls(&request, &state, caller.scope.tenant);
    Ok(reply(&convert::deleted_link_body(kept(link, &segment)?, url_of)))
}

pub(in super::super) async fn list_links_of_file(
    caller: Secret,
    query: Query,
    state: Data<ApiState>,
    request: HttpRequest,
) -> Reply {
    let (base, page) = query.read(|fields| convert::record_list(fields, Prefix::FileLink))?;
    let segment = PathSegment::from_end(request.uri().path(), 1);
    let file = ids::addressed(Prefix::File, &segment)?;
    let filter = FileLinkFilter { base, within: Some(file), files: None };
    let url_of = link_urls(&request, &state, caller.scope.tenant);
    let links = state.metorial.platform.links(caller.scope, filter, page).await?;
    let show = |link| convert::link_body(link, &url_of);
    Ok(reply(&List::of(kept(links, &segment)?, show)))
}

pub(in super::super) async fn create_link_of_file(
    caller: Secret,
    body: Body,
    state: Data<ApiState>,
    request: HttpRequest,
) -> Reply {
    let now = state.clock.now();
    let expires_at = body.read(|fields| convert::end_of_new_link(fields, now))?;
    let segment = PathSegment::from_end(request.uri().path(), 1);
    let file = ids::addressed(Prefix::File, &segment)?;
    check_links_are_followed(&state)?;
    let new = NewFileLink { file, expires_at };
    let link = state.metorial.platform.create_link(caller.scope, new).await?;
    // Here the file is what was addressed, and not referred to.
    let link = link.map_err(|refusal| match refusal {
        Refusal::NoReference(Collection::Files) => Refusal::NoSuch(Collection::Files),
        other => other,
    });
    let url_of = link_urls(&request, &state, caller.scope.tenant);
    Ok(reply(&convert::link_body(kept(link, &segment)?, url_of)))
}

/// A link as a path names it, below its file.
struct Addressed {
    outer: PathSegment,
    inner: PathSegment,
    file: RecordId,
    link: RecordId,
}

impl Addressed {
    fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let path = request.uri().path();
        let (outer, segment) = (PathSegment::from_end(path, 2), PathSegment::of_path(path));
        let file = ids::addressed(Prefix::File, &outer)?;
        let link = inner(Prefix::FileLink, &segment);
        Ok(Self { outer, inner: segment, file, link })
    }
}

pub(in super::super) async fn link_of_file(
    caller: Secret,
    state: Data<ApiState>,
    request: HttpRequest,
) -> Reply {
    let Addressed { outer, inner, file, link } = Addressed::of(&request)?;
    let link = state.metorial.platform.link(caller.scope, link, Some(file)).await?;
    let url_of = link_urls(&request, &state, caller.scope.tenant);
    Ok(reply(&convert::link_body(kept_within(link, &outer, &inner)?, url_of)))
}

pub(in super::super) async fn change_link_of_file(
    caller: Secret,
    body: Body,
    state: Data<ApiState>,
    request: HttpRequest,
) -> Reply {
    let now = state.clock.now();
    let end = body.read(|fields| convert::new_end(fields, now))?;
    let Addressed { outer, inner, file, link } = Addressed::of(&request)?;
    let link = state.metorial.platform.change_link(caller.scope, link, Some(file), end).await?;
    let url_of = link_urls(&request, &state, caller.scope.tenant);
    Ok(reply(&convert::link_body(kept_within(link, &outer, &inner)?, url_of)))
}

pub(in super::super) async fn delete_link_of_file(
    caller: Secret,
    state: Data<ApiState>,
    request: HttpRequest,
) -> Reply {
    let Addressed { outer, inner, file, link } = Addressed::of(&request)?;
    let link = state.metorial.platform.delete_link(caller.scope, link, Some(file)).await?;
    let url_of = link_urls(&request, &state, caller.scope.tenant);
    Ok(reply(&convert::deleted_link_body(kept_within(link, &outer, &inner)?, url_of)))
}
