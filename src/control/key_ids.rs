//! The ids of keys. Most are UUIDs of version 7. Where a dialect shows the first characters of an
//! id as the name of the key, ids are random and no two keys of an owner begin alike: the first
//! half of a time would be the same for keys that are made within a minute.

use uuid::{Builder, Uuid};

use super::keys::{self, KeyKind, KeyOwner};
use super::{ControlError, Directory};
use crate::types::KeyId;

/// The first eight characters of an id as it is written.
const HEAD_BYTES: usize = 4;

impl Directory {
    /// An id for a key to be made, for a caller that is making a change.
    pub(super) fn draw_key_id(
        &self,
        kind: KeyKind,
        owner: KeyOwner,
    ) -> Result<KeyId, ControlError> {
        if !kind.has_telling_ids() {
            return Ok(KeyId(Uuid::now_v7()));
        }
        let known = self.key_ids_of(owner);
        draw_unlike(&known, || Ok(KeyId(Builder::from_random_bytes(keys::draw()?).into_uuid())))
    }
}

/// Draws until an id begins like none of those known. With thousands of them out of 2^32, the
/// first one does.
fn draw_unlike(
    known: &[KeyId],
    mut draw: impl FnMut() -> Result<KeyId, ControlError>,
) -> Result<KeyId, ControlError> {
    loop {
        let id = draw()?;
        if !known.iter().any(|known| head(known) == head(&id)) {
            return Ok(id);
        }
    }
}

fn head(id: &KeyId) -> Option<&[u8]> {
    id.as_bytes().get(..HEAD_BYTES)
}

#[cfg(test)]
mod tests {
    use super::super::identity_fixture::Fixture;
    use super::super::keys::KeyOrder;
    use super::*;
    use std::time::Duration;

    fn id(head: u32, tail: u128) -> KeyId {
        KeyId(Uuid::from_u128((u128::from(head) << 96) | tail))
    }

    #[test]
    fn an_id_that_begins_like_a_known_one_is_drawn_again() {
        let known = [id(7, 1), id(9, 1)];
        let mut drawn = [id(9, 2), id(7, 1), id(7, 3), id(8, 1), id(6, 1)].into_iter();
        let found = draw_unlike(&known, || drawn.next().ok_or(ControlError::Randomness));
        assert_eq!(found, Ok(id(8, 1)));
        assert_eq!(draw_unlike(&known, || Err(ControlError::Randomness)).ok(), None);
    }

    #[test]
    fn ids_are_random_where_they_tell_and_of_the_time_elsewhere() {
        let fixture = Fixture::new();
        let tenant = fixture.tenant();
        for kind in KeyKind::ALL.into_iter().filter(|kind| !kind.is_for_organizations()) {
            let key = fixture.directory.create_key(KeyOrder::for_tenant(tenant, kind, "")).unwrap();
            let version = if kind == KeyKind::Tex { 4 } else { 7 };
            assert_eq!(key.info.id.0.get_version_num(), version, "{kind:?}");
        }
    }

    /// Random ids do not sort as they were made: with twelve keys, once in half a billion runs.
    #[test]
    fn keys_are_listed_as_they_were_made_also_after_a_restart() {
        let fixture = Fixture::new();
        let (tenant, other) = (fixture.tenant(), fixture.tenant());
        let mut made = Vec::new();
        for turn in 0..16 {
            fixture.clock.advance(Duration::from_millis(1));
            let kind = if turn % 4 == 3 { KeyKind::Mnemoverse } else { KeyKind::Tex };
            let owner = if turn % 5 == 4 { other } else { tenant };
            let order = KeyOrder::for_tenant(owner, kind, "");
            let info = fixture.directory.create_key(order).unwrap().info;
            made.push((KeyOwner::Tenant(owner), info.id));
        }
        fixture.directory.revoke_key(made[5].1).unwrap();
        for fixture in [&fixture, &fixture.after_power_cut()] {
            let directory = &fixture.directory;
            let all: Vec<_> = directory.keys().iter().map(|key| (key.owner, key.id)).collect();
            assert_eq!(all, made);
            for owner in [tenant, other].map(KeyOwner::Tenant) {
                let of_owner = directory.keys_of(owner);
                let of_owner: Vec<_> = of_owner.iter().map(|key| (key.owner, key.id)).collect();
                let expected: Vec<_> =
                    made.iter().filter(|made| made.0 == owner).copied().collect();
                assert_eq!(of_owner, expected);
            }
        }
    }
}
