//! Remembering turns.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use uuid::Uuid;

use super::super::access::AuthorizedBody;
use super::super::{convert, wire};
use super::{Reply, reply};
use crate::api::extract::RequestDeadline;
use crate::api::state::ApiState;
use crate::service::compute;
use crate::types::TokenDirection;

pub(in super::super) async fn ingest(
    state: Data<ApiState>,
    deadline: RequestDeadline,
    body: AuthorizedBody,
) -> Reply {
    let AuthorizedBody { identity, json } = body;
    let (speaker, scope, size) = (identity.speaker(), identity.caller.scope(deadline), json.len());
    let turns = compute(size, move || convert::ingestion_request(&json, &speaker)).await??;
    // Looked at again where it is charged; here it keeps refusals cheap.
    state.memory.check_tokens(scope, &[TokenDirection::Input]).await?;
    let convert::Remembering { ingestion, fragment_ids } =
        compute(size, move || turns.into_remembering()).await?;
    let ingested = state.memory.ingest(scope, ingestion).await?;
    reply(
        StatusCode::ACCEPTED,
        &wire::IngestionResponse {
            job_id: Uuid::new_v4().simple().to_string(),
            active_fragment_ids: fragment_ids,
            passive_job_id: None,
            usage: convert::usage(ingested.tokens),
        },
    )
}
