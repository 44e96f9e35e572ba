//! The vocabulary every other module shares: ids, time, limits, vectors and the closed set of
//! error kinds. It imports nothing from this crate, performs no I/O and holds no decisions.

pub mod allowance;
pub mod bound;
pub mod clock;
pub mod deadline;
pub mod error_kind;
pub mod file_kind;
pub mod ids;
pub mod limits;
pub mod query_embedding;
pub mod secret;
pub mod tokens;
pub mod vector;

pub use allowance::Allowance;
pub use bound::Bound;
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use deadline::Deadline;
pub use error_kind::ErrorKind;
pub use file_kind::FileKind;
pub use ids::{
    AtomId, AtomNo, BurialNo, JobNo, KeyId, MessageId, MessageNo, OrganizationId, ProjectId,
    RecordId, RefreshTokenId, ShardNo, TenantId, TenantNo, UserId, WebhookId,
};
pub use query_embedding::{QueryEmbedding, WordVector};
pub use tokens::{TokenDirection, Tokens, YearMonth};
pub use vector::{EmbedderIdentity, QuantizedVector, VectorError};
