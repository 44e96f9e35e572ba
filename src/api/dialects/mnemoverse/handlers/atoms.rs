//! Single atoms by name, and all of them as a stream.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Path};

use super::super::convert::{self, Problems};
use super::super::export::Export;
use super::{Body, Reply, reply};
use crate::api::extract::{Caller, RequestDeadline};
use crate::api::state::ApiState;
use crate::service::AtomDeletion;
use crate::types::AtomId;

pub(in super::super) async fn get_atom(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    atom_id: Path<String>,
) -> Reply {
    let id = parse_id(&atom_id)?;
    let atom = state.memory.get_atom(caller.scope(deadline), id).await?;
    reply(&convert::atom_envelope(&atom))
}

pub(in super::super) async fn get_chain(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    atom_id: Path<String>,
) -> Reply {
    let id = parse_id(&atom_id)?;
    let chain = state.memory.get_chain(caller.scope(deadline), id).await?;
    reply(&convert::chain_response(id, &chain))
}

pub(in super::super) async fn get_atom_by_external_ref(
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
pub(in super::super) async fn delete_atom(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    atom_id: Path<String>,
) -> Reply {
    let Ok(id) = atom_id.parse::<AtomId>() else {
        return reply(&convert::delete_response(&atom_id, &AtomDeletion::default()));
    };
    let deletion = state.memory.delete_atom(caller.scope(deadline), id).await?;
    reply(&convert::delete_response(&id.to_string(), &deletion))
}

/// The first page is fetched before the answer begins, so that a failure still has a status.
pub(in super::super) async fn export(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
) -> Reply {
    let scope = caller.scope(deadline);
    let first_page = state.memory.export_page(scope, None).await?;
    let memory = state.memory.clone();
    let export = Export::starting_with(memory, scope, state.request_timeout, first_page);
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/x-ndjson"))
        .streaming(export.into_stream()))
}

fn parse_id(text: &str) -> Result<AtomId, Problems> {
    text.parse().map_err(|_cause| {
        let msg = "atom_id must be a UUID".to_owned();
        Problems::of_path("atom_id", "uuid_parsing", msg)
    })
}
