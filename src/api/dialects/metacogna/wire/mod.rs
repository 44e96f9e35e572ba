//! The dialect's requests and answers, exactly as published. Nothing in here leaves the dialect's
//! folder.

mod people;

pub(super) use people::*;
