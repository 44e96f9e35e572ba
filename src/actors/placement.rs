//! Where a new tenant goes: rendezvous hashing over the shards there are. Pure. The choice is
//! made once and stored, so the shard file can change without moving anybody.

use crate::types::{ShardNo, TenantId};

/// The shard with the highest hash of (tenant, shard). Adding a shard changes the choice for one
/// tenant in n only (Thaler and Ravishankar, 1998). `None` when there are no shards.
#[must_use]
pub fn choose_shard(tenant: TenantId, shards: &[ShardNo]) -> Option<ShardNo> {
    shards.iter().copied().max_by_key(|shard| {
        let mut hasher = blake3::Hasher::new();
        hasher.update(tenant.as_bytes()).update(&shard.0.to_be_bytes());
        (*hasher.finalize().as_bytes(), *shard)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn tenants_spread_evenly_and_few_would_choose_a_new_shard() {
        let shards: Vec<_> = (0..4).map(ShardNo).collect();
        let more: Vec<_> = (0..5).map(ShardNo).collect();
        let mut counts = [0_usize; 4];
        let mut moved = 0;
        for number in 0..4_000_u128 {
            let tenant = TenantId(Uuid::from_u128(number));
            let chosen = choose_shard(tenant, &shards).unwrap();
            counts[usize::from(chosen.0)] += 1;
            let later = choose_shard(tenant, &more).unwrap();
            assert!(later == chosen || later == ShardNo(4));
            moved += usize::from(later != chosen);
        }
        assert!(counts.iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
        assert!((650..950).contains(&moved), "{moved}");
        assert_eq!(choose_shard(TenantId(Uuid::nil()), &[]), None);
    }
}
