//! From the wire to the service's words and back. Requests are checked against the contract's
//! bounds here, once; what comes out needs no further checks.

mod answers;
mod fields;
mod problems;
mod read;
mod write;

pub(super) use answers::{
    atom_envelope, read_batch_response, read_response, stats_response, write_batch_response,
    write_response,
};
pub(super) use problems::Problems;
pub(super) use read::{read_batch_request, read_request};
pub(super) use write::{external_ref_request, write_batch_request, write_request};
