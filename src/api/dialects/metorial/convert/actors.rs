//! Actors, from the wire and back.

use super::super::fields::{Object, choice, metadata, text_as, text_of};
use super::super::paging::page;
use super::super::wire::{ActorBody, OwnObject, Time};
use super::filters::actors_in;
use super::{actor_named, shown_actor};
use crate::service::{Actor, ActorChange, ActorFilter, ActorKind, ActorRef, NewActor, PageRequest};

const KINDS: &[(&str, ActorKind)] =
    &[("user", ActorKind::User), ("assistant", ActorKind::Assistant), ("tool", ActorKind::Tool)];

/// Characters in the id that a caller chooses.
const CHOSEN_CHARS_MAX: usize = 254;

pub(in super::super) fn new_actor(fields: &Object<'_>) -> Option<NewActor> {
    const RULE: &str = "must be 1 to 254 of the characters A-Z a-z 0-9 . _ : @ + ~ = -, and not only one or two dots";
    let chosen = fields.optional("id", &text_as(RULE, chosen));
    let kind = fields.required("type", &choice(KINDS));
    let name = fields.required("name", &text_of(1..=usize::MAX));
    let metadata = fields.optional("metadata", &metadata());
    Some(NewActor { chosen, kind: kind?, name: name?, metadata })
}

/// The id that a caller chose, if it may be one.
fn chosen(text: &str) -> Option<ActorRef> {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"._:@+~=-".contains(&byte);
    let is_good = (1..=CHOSEN_CHARS_MAX).contains(&text.len())
        && text.bytes().all(is_fit)
        // Paths leave them out.
        && !matches!(text, "." | "..");
    is_good.then(|| actor_named(text))
}

pub(in super::super) fn actor_change(fields: &Object<'_>) -> Option<ActorChange> {
    Some(ActorChange {
        name: fields.present("name", &text_of(1..=usize::MAX)),
        metadata: fields.nullable("metadata", &metadata()),
    })
}

/// The id of any actor that was there is a place in the list.
pub(in super::super) fn actor_list(
    fields: &Object<'_>,
) -> Option<(ActorFilter, PageRequest<ActorRef>)> {
    let filter = ActorFilter {
        actors: actors_in(fields, "id"),
        kinds: fields.filter("type", &choice(KINDS)),
        created: fields.time_range("created_at"),
        updated: fields.time_range("updated_at"),
    };
    Some((filter, page(fields, |text| Some(actor_named(text)))?))
}

pub(in super::super) fn actor_body(actor: Actor) -> ActorBody {
    ActorBody {
        object: "actor",
        id: shown_actor(actor.key),
        name: actor.name,
        kind: kind_word(actor.kind),
        metadata: OwnObject(actor.metadata.unwrap_or_default()),
        created_at: Time(actor.created_at),
        updated_at: Time(actor.updated_at),
    }
}

fn kind_word(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::User => "user",
        ActorKind::Assistant => "assistant",
        ActorKind::Tool => "tool",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{at, id, read, read_form, read_query, wrong, wrong_query};
    use super::*;
    use crate::service::{ActorKey, Cursor, Metadata};

    #[test]
    fn an_actor_is_shown_under_the_id_it_was_given() {
        let mut actor = Actor {
            key: ActorKey { id: id(), name: Some("alice@example.com".to_owned()) },
            kind: ActorKind::User,
            name: "Alice".to_owned(),
            metadata: None,
            created_at: at("2026-05-08T10:00:00Z"),
            updated_at: at("2026-05-08T10:00:01Z"),
        };
        let mut expected = json!({
            "object": "actor", "id": "alice@example.com", "name": "Alice", "type": "user",
            "metadata": {},
            "created_at": "2026-05-08T10:00:00.000Z", "updated_at": "2026-05-08T10:00:01.000Z",
        });
        assert_eq!(serde_json::to_value(actor_body(actor.clone())).unwrap(), expected);
        actor.key.name = None;
        actor.metadata = Some(Metadata::from_checked(r#"{"a":1}"#.to_owned()));
        expected["id"] = json!(shown_actor(actor.key.clone()));
        expected["metadata"] = json!({"a": 1});
        for (kind, word) in [(ActorKind::Assistant, "assistant"), (ActorKind::Tool, "tool")] {
            actor.kind = kind;
            expected["type"] = json!(word);
            assert_eq!(serde_json::to_value(actor_body(actor.clone())).unwrap(), expected);
        }
    }

    #[test]
    fn forms_and_json_make_the_same_actor() {
        let body = json!({"type": "user", "name": "A", "metadata": {"team": "blue"}});
        let new = read(&body, new_actor);
        assert_eq!(read_form("type=user&name=A&metadata[team]=blue", new_actor), new);
        assert_eq!(new.metadata.unwrap().as_json(), r#"{"team":"blue"}"#);
        assert_eq!((new.chosen, new.kind, &*new.name), (None, ActorKind::User, "A"));
    }

    #[test]
    fn ids_that_are_chosen_have_1_to_254_plain_characters() {
        let longest = "x".repeat(254);
        for text in ["alice@example.com", "a.b_c:d+e~f=g-h", "...", "act_1", "0", &longest] {
            let new = read(&json!({"id": text, "type": "tool", "name": "A"}), new_actor);
            assert_eq!(new.chosen, Some(actor_named(text)), "{text}");
        }
        let too_long = "x".repeat(255);
        for text in ["", ".", "..", "a b", "a/b", "a%b", "caf\u{e9}", "a\n", &too_long] {
            let body = json!({"id": text, "type": "tool", "name": "A"});
            assert_eq!(wrong(&body, new_actor), "422 id:invalid_regex", "{text}");
        }
    }

    #[test]
    fn all_that_is_wrong_with_an_actor_is_told() {
        for (body, problems) in [
            (json!({}), "422 type:invalid_type name:invalid_type"),
            (
                json!({"type": "person", "name": ""}),
                "422 type:invalid_enum name:invalid_min_length",
            ),
            (json!({"id": 7, "type": "user", "name": "A"}), "422 id:invalid_type"),
            (
                json!({"type": "user", "name": "x".repeat(1_001), "metadata": 1}),
                "422 name:max_length metadata:invalid_type",
            ),
        ] {
            assert_eq!(wrong(&body, new_actor), problems, "{body}");
        }
        assert_eq!(wrong(&json!({"name": null}), actor_change), "422 name:invalid_type");
        let change = read(&json!({"metadata": null}), actor_change);
        assert_eq!(change, ActorChange { name: None, metadata: Some(None) });
    }

    #[test]
    fn any_id_is_a_place_in_the_list() {
        let query = "id=alice&type=user&type=tool&after=bob%40example.com";
        let (filter, page) = read_query(query, actor_list);
        assert_eq!(filter.actors, Some(vec![actor_named("alice")]));
        assert_eq!(filter.kinds, Some(vec![ActorKind::User, ActorKind::Tool]));
        assert_eq!(page.cursor, Cursor::After(actor_named("bob@example.com")));
        assert_eq!(wrong_query("type=person", actor_list), "422 type.0:invalid_enum");
    }
}
