//! Ids of records as they are shown, and actors as callers name them.

use super::super::ids::{self, Prefix};
use crate::service::{ActorKey, ActorRef};
use crate::types::RecordId;

/// The actor that a text names: every text may be the name of one.
pub(in super::super) fn actor_named(text: &str) -> ActorRef {
    ActorRef { text: text.to_owned(), id: ids::record(Prefix::Actor, text) }
}

/// A record's id as it is shown.
pub(in super::super) fn shown(prefix: Prefix, id: RecordId) -> String {
    ids::wire(prefix, id.0)
}

/// An actor's id as it is shown: the name its maker chose, if any.
pub(in super::super) fn shown_actor(key: ActorKey) -> String {
    let ActorKey { id, name } = key;
    name.unwrap_or_else(|| shown(Prefix::Actor, id))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn actors_are_named_by_what_their_maker_chose_or_by_their_ids() {
        let id = RecordId(Uuid::now_v7());
        let generated = shown_actor(ActorKey { id, name: None });
        assert!(generated.starts_with("act_"), "{generated}");
        let named = actor_named(&generated);
        assert_eq!(named, ActorRef { text: generated, id: Some(id) });
        let chosen = shown_actor(ActorKey { id, name: Some("alice@example.com".to_owned()) });
        assert_eq!(chosen, "alice@example.com");
        assert_eq!(actor_named(&chosen), ActorRef { text: chosen, id: None });
    }
}
