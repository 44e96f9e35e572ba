//! From the wire to the service's words and back. Nothing here decides anything about memory.

mod chat;
mod documents;
mod fields;
mod graph;
mod people;
mod search;

pub(super) use chat::{Chat, Sources, chat_request, found_sources};
pub(super) use documents::{
    Ingest, document_body, file_of, ingest_form, ingest_request, r2_key, reason_of, tracking,
    uploaded_file,
};
pub(super) use fields::{Fields, parse_body};
pub(super) use graph::graph_response;
pub(super) use people::{Login, login_request, sign_up_form, user_body};
pub(super) use search::{Search, search_parameters, search_request, search_result};
