//! Newtypes for every identifier, so that two ids of different things never meet in one
//! signature. Ids carry no meaning beyond equality and order.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The 16 bytes in network order; their order is the order of the ids.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id!(
    /// One atom. Version 7, so ids sort by creation time within a tenant.
    AtomId
);
uuid_id!(
    /// One tenant: the unit of isolation, quota and placement.
    TenantId
);
uuid_id!(
    /// One long-lived API key (its public id, never the secret). Of version 7, or 4 where the
    /// dialect shows a part of it: not for telling which key is older.
    KeyId
);
uuid_id!(
    /// One organization: the owner of projects.
    OrganizationId
);
uuid_id!(
    /// One project: a group of tenants of an organization.
    ProjectId
);

uuid_id!(
    /// One user: a person who logs in. Random (version 4): it tells nothing of when or in which
    /// order users were made.
    UserId
);
uuid_id!(
    /// One refresh token: the `jti` of the signed token that carries it.
    RefreshTokenId
);
uuid_id!(
    /// One webhook that a tenant sends notices to. Random (version 4).
    WebhookId
);
uuid_id!(
    /// One notice on its way to one webhook, through all attempts. Version 7.
    MessageId
);

uuid_id!(
    /// One record that an application keeps: a session, a message, a file. Version 7; ids of one
    /// tenant sort as its records and atoms were created.
    RecordId
);

/// A tenant's number: the first eight bytes of all its storage keys. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantNo(pub u64);

/// An atom's number within its tenant: assigned in order of creation, never reused, so it can
/// key the vector index. Records of what applications keep take theirs from the same row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AtomNo(pub u64);

/// The number of a deletion within its tenant, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BurialNo(pub u64);

/// A job's number within its tenant: assigned in the order of enqueueing, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobNo(pub u64);

/// A message's place among all that a tenant sends: assigned in the order of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageNo(pub u64);

/// A shard's number, stable across restarts and edits of the shard file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardNo(pub u16);

impl fmt::Display for TenantNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for JobNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ShardNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
