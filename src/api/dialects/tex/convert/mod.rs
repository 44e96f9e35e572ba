//! From the wire to the service's words and back. Requests are checked against the contract's
//! bounds here, once; what comes out needs no further checks.

mod accounts;
mod conversation;
mod fields;
mod hits;
mod ingestion;
mod observation;
mod parameters;
mod problems;
mod recall;
mod remembered;
mod times;
mod usage;

pub(super) use accounts::{
    Exchange, KeyWish, Login, Newcomer, api_key, exchange_request, key_request, login_request,
    refresh_request, sign_up_request,
};
pub(super) use conversation::Speaker;
pub(super) use hits::recalled;
pub(super) use ingestion::{Remembering, ingestion_request};
pub(super) use parameters::{include_revoked, month};
pub(super) use problems::Problems;
pub(super) use recall::{Question, recall_request, recall_response, usage};
pub(super) use times::{with_offset, with_z};
pub(super) use usage::{summary_response, today_response};
