//! What is summarised of a user, and under which categories.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::super::convert;
use super::super::limits::{Call, Read};
use super::{Reply, reply};
use crate::api::extract::RequestDeadline;
use crate::api::state::ApiState;

pub(in super::super) async fn context(
    state: Data<ApiState>,
    request: HttpRequest,
    Call { app, .. }: Call<Read>,
    deadline: RequestDeadline,
) -> Reply {
    let (named, user) = convert::users_place(request.uri().path(), 0)?;
    app.check_in_path(&named)?;
    let categories = state.magneteco.facts.categories(app.scope(deadline), &user).await?;
    reply(StatusCode::OK, &convert::context(app.id(), &user, categories))
}

pub(in super::super) async fn categories(
    state: Data<ApiState>,
    request: HttpRequest,
    Call { app, .. }: Call<Read>,
    deadline: RequestDeadline,
) -> Reply {
    let (named, user) = convert::users_place(request.uri().path(), 0)?;
    let asked = convert::page_query(request.query_string())?;
    app.check_in_path(&named)?;
    let all = state.magneteco.facts.categories(app.scope(deadline), &user).await?;
    let total = all.len();
    let listed = convert::listed_categories(&asked, all);
    reply(StatusCode::OK, &convert::categories_page(&asked, &listed, total))
}
