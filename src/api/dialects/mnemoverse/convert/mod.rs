//! From the wire to the service's words and back. Requests are checked against the contract's
//! bounds here, once; what comes out needs no further checks.

mod answers;
mod feedback;
mod fields;
mod graph;
mod problems;
mod query;
mod read;
mod recent;
mod write;

pub(super) use answers::{
    atom_envelope, chain_response, consolidate_response, delete_response, feedback_response,
    graph_response, milliseconds, read_batch_response, read_response, recent_response,
    stats_response, write_batch_response, write_response,
};
pub(super) use feedback::{consolidate_request, feedback_request};
pub(super) use graph::graph_request;
pub(super) use problems::Problems;
pub(super) use query::query_request;
pub(super) use read::{read_batch_request, read_request};
pub(super) use recent::{position_of, recent_request};
pub(super) use write::{external_ref_request, is_room, write_batch_request, write_request};
