//! What every client of an HTTP endpoint elsewhere shares: addresses, the client, the key, the
//! pauses before a request is repeated; and the courier, which posts to addresses that an operator
//! did not choose. Knows no endpoint's API. Invariant: nothing that a caller
//! shows or logs from here holds a key, a text, or anything an endpoint answered.

mod addresses;
mod courier;
mod endpoint;
mod retry;

pub use addresses::is_public;
pub use courier::{Courier, CourierSettings, Lookup, PostError, TargetProblem};
pub use endpoint::{address_problem, broken_by, client, is_key, read_key, route, shown};
pub use retry::{Retry, pause};
