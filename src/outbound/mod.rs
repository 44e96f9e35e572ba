//! What every client of an HTTP endpoint elsewhere shares: addresses, the client, the key, the
//! pauses before a request is repeated. Knows no endpoint's API. Invariant: nothing that a caller
//! shows or logs from here holds a key, a text, or anything an endpoint answered.

mod endpoint;
mod retry;

pub use endpoint::{address_problem, broken_by, client, is_key, read_key, route, shown};
pub use retry::{Retry, pause};
