//! The dialect's requests and answers, exactly as published. Nothing in here leaves the dialect's
//! folder.

mod chat;
mod documents;
mod people;
mod search;

pub(super) use chat::*;
pub(super) use documents::*;
pub(super) use people::*;
pub(super) use search::*;
