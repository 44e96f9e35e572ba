//! One function per route: extract, convert, call the service, convert, reply.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, http::header};
use serde::Serialize;

use super::convert::{self, Problems};
use super::error::ApiError;
use super::export::Export;
use super::wire;
use crate::api::extract::{Caller, JsonBody, RequestDeadline};
use crate::api::state::ApiState;
use crate::types::AtomId;

type Body = JsonBody<ApiError>;
type Reply = Result<HttpResponse, ApiError>;

pub(super) async fn write(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    body: Body,
) -> Reply {
    let atom = convert::write_request(body.text())?;
    let outcome = state.memory.write(caller.scope(deadline), atom).await?;
    reply(&convert::write_response(&outcome))
}

pub(super) async fn write_batch(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    body: Body,
) -> Reply {
    let atoms = convert::write_batch_request(body.text())?;
    let outcomes = state.memory.write_batch(caller.scope(deadline), atoms).await?;
    reply(&convert::write_batch_response(&outcomes))
}

pub(super) async fn read(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    body: Body,
) -> Reply {
    let plan = convert::read_request(body.text())?;
    let mut result = state.memory.read(caller.scope(deadline), plan.query.clone()).await?;
    plan.arrange(&mut result.items);
    reply(&convert::read_response(&result))
}

pub(super) async fn read_batch(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    body: Body,
) -> Reply {
    let plans = convert::read_batch_request(body.text())?;
    let queries = plans.iter().map(|plan| plan.query.clone()).collect();
    let mut results = state.memory.read_batch(caller.scope(deadline), queries).await?;
    for (plan, result) in plans.iter().zip(&mut results) {
        plan.arrange(&mut result.items);
    }
    reply(&convert::read_batch_response(&results))
}

pub(super) async fn stats(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
) -> Reply {
    let stats = state.memory.stats(caller.scope(deadline)).await?;
    reply(&convert::stats_response(&stats))
}

pub(super) async fn domains(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
) -> Reply {
    let stats = state.memory.stats(caller.scope(deadline)).await?;
    reply(&wire::DomainsResponse { domains: &stats.domains })
}

pub(super) async fn get_atom(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    atom_id: Path<String>,
) -> Reply {
    let id: AtomId = atom_id.parse().map_err(|_cause| {
        let msg = "atom_id must be a UUID".to_owned();
        Problems::of_path("atom_id", "uuid_parsing", msg)
    })?;
    let atom = state.memory.get_atom(caller.scope(deadline), id).await?;
    reply(&convert::atom_envelope(&atom))
}

pub(super) async fn get_atom_by_external_ref(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    body: Body,
) -> Reply {
    let external_ref = convert::external_ref_request(body.text())?;
    let scope = caller.scope(deadline);
    let atom = state.memory.get_atom_by_external_ref(scope, external_ref).await?;
    reply(&convert::atom_envelope(&atom))
}

/// Never a 404: what is not there is gone. That holds for an id that never could be one, too.
pub(super) async fn delete_atom(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    atom_id: Path<String>,
) -> Reply {
    let Ok(id) = atom_id.parse::<AtomId>() else {
        return reply(&wire::DeleteResponse { deleted: 0, atom_id: &atom_id });
    };
    let deleted = state.memory.delete_atom(caller.scope(deadline), id).await?;
    reply(&wire::DeleteResponse { deleted: u8::from(deleted), atom_id: &id.to_string() })
}

/// The first page is fetched before the answer begins, so that a failure still has a status.
pub(super) async fn export(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
) -> Reply {
    let scope = caller.scope(deadline);
    let first_page = state.memory.export_page(scope, None).await?;
    let memory = state.memory.clone();
    let export = Export::starting_with(memory, scope.tenant, state.request_timeout, first_page);
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/x-ndjson"))
        .streaming(export.into_stream()))
}

pub(super) async fn health(state: Data<ApiState>) -> Reply {
    reply(&wire::HealthResponse { status: "ok", database: false, version: &state.version })
}

/// 200 whatever the checks say: the contract's word.
pub(super) async fn health_ready(state: Data<ApiState>) -> Reply {
    let readiness = state.memory.readiness();
    reply(&wire::ReadyResponse {
        ready: readiness.is_ready(),
        checks: wire::ReadyChecks {
            database: readiness.storage,
            engine: readiness.engine,
            embedding: readiness.embedding,
        },
        version: &state.version,
    })
}

fn reply<T: Serialize>(body: &T) -> Reply {
    let text = serde_json::to_string(body).map_err(|_cause| ApiError::internal())?;
    Ok(HttpResponse::Ok().insert_header(header::ContentType::json()).body(text))
}
