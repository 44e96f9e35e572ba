//! Asking the documents, by an address or by a body, and the graph of what they say.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::super::access::LoggedIn;
use super::super::limits::{Counted, CountedBody, Search};
use super::super::{convert, wire};
use super::{Reply, reply};
use crate::api::extract::RequestDeadline;
use crate::api::state::ApiState;
use crate::api::validation::Parameters;

pub(in super::super) async fn search(
    state: Data<ApiState>,
    request: HttpRequest,
    counted: Counted<Search>,
    deadline: RequestDeadline,
) -> Reply {
    let search = convert::search_parameters(request.query_string())?;
    answer(&state, &counted.caller, deadline, search).await
}

pub(in super::super) async fn search_by_body(
    state: Data<ApiState>,
    counted: CountedBody<Search>,
    deadline: RequestDeadline,
) -> Reply {
    let search = convert::search_request(&counted.json)?;
    answer(&state, &counted.caller, deadline, search).await
}

async fn answer(
    state: &ApiState,
    caller: &LoggedIn,
    deadline: RequestDeadline,
    search: convert::Search,
) -> Reply {
    let scope = caller.acting_for(state, search.user_id.as_deref())?.scope(deadline.0);
    let found = state.documents.search(scope, &search.query, search.top_k, search.threshold);
    let results = found.await?.into_iter().map(convert::search_result).collect();
    reply(StatusCode::OK, &wire::SearchResponse { results })
}

pub(in super::super) async fn graph(
    state: Data<ApiState>,
    request: HttpRequest,
    caller: LoggedIn,
    deadline: RequestDeadline,
) -> Reply {
    let parameters = Parameters::of(request.query_string());
    let person = caller.acting_for(&state, parameters.find("userId"))?;
    let (kept, is_cached) = state.documents.graph(person.scope(deadline.0)).await?;
    reply(StatusCode::OK, &convert::graph_response(&kept, is_cached))
}
