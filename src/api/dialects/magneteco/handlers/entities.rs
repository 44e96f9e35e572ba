//! The entities that a user's memory knows.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::super::convert;
use super::super::error::ApiError;
use super::super::limits::{Call, Read};
use super::{Reply, reply};
use crate::api::extract::RequestDeadline;
use crate::api::state::ApiState;
use crate::service::EntityPage;

pub(in super::super) async fn entities(
    state: Data<ApiState>,
    request: HttpRequest,
    Call { app, .. }: Call<Read>,
    deadline: RequestDeadline,
) -> Reply {
    let (named, user) = convert::users_place(request.uri().path(), 0)?;
    let asked = convert::page_query(request.query_string())?;
    app.check_in_path(&named)?;
    let (limit, offset) = (asked.limit, asked.offset);
    let page = EntityPage { entity_type: asked.entity_type.clone(), offset, limit };
    let found = state.magneteco.facts.entities(app.scope(deadline), &user, page).await?;
    let listed = convert::listed_entities(found.entities);
    reply(StatusCode::OK, &convert::entities_page(&asked, &listed, found.total))
}

pub(in super::super) async fn entity(
    state: Data<ApiState>,
    request: HttpRequest,
    Call { app, .. }: Call<Read>,
    deadline: RequestDeadline,
) -> Reply {
    let path = request.uri().path();
    let (named, user) = convert::users_place(path, 1)?;
    app.check_in_path(&named)?;
    let segment = convert::entity_in(path);
    let name = segment.text().ok_or_else(ApiError::not_found)?;
    let entity = state.magneteco.facts.entity(app.scope(deadline), &user, name).await?;
    reply(StatusCode::OK, &convert::entity(entity.ok_or_else(ApiError::not_found)?))
}
