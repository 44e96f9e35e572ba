//! Agents, from the wire and back.

use super::super::fields::{Object, choice, metadata, text, text_as, text_of};
use super::super::ids::Prefix;
use super::super::paging::page_of;
use super::super::version::Version;
use super::super::wire::{AgentBody, InnerAgentMembers, NewerAgentMembers, OwnObject, Time};
use super::sessions::{SETTABLE_STATUSES, all_statuses_in, status_word};
use super::{DELETED, actor_named, record_filter, shown, shown_actor};
use crate::service::{Agent, AgentChange, AgentFilter, NewAgent, RecordPage, RecordStatus};

/// Characters in a slug.
const SLUG_CHARS_MAX: usize = 64;

const SLUG_RULE: &str = "must be 1 to 64 of the characters a-z 0-9 -";

pub(in super::super) fn new_agent(fields: &Object<'_>) -> Option<NewAgent> {
    fields.refuse("id", "is chosen by the server");
    let slug = fields.optional("slug", &text_as(SLUG_RULE, slug));
    let name = fields.required("name", &text_of(1..=usize::MAX));
    let description = fields.optional("description", &text());
    let metadata = fields.optional("metadata", &metadata());
    let actor = fields.optional("actor_id", &text()).map(|text| actor_named(&text));
    Some(NewAgent { slug, name: name?, description, metadata, actor })
}

pub(in super::super) fn agent_change(fields: &Object<'_>) -> Option<AgentChange> {
    let actor = fields.nullable("actor_id", &text());
    Some(AgentChange {
        slug: fields.present("slug", &text_as(SLUG_RULE, slug)),
        name: fields.present("name", &text_of(1..=usize::MAX)),
        description: fields.nullable("description", &text()),
        metadata: fields.nullable("metadata", &metadata()),
        actor: actor.map(|text| text.map(|text| actor_named(&text))),
        status: fields.present("status", &choice(SETTABLE_STATUSES)),
    })
}

fn slug(text: &str) -> Option<String> {
    let is_fit = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let is_good = (1..=SLUG_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_fit);
    is_good.then(|| text.to_owned())
}

/// What is asked of the list of agents. For a publishable key there are none but active ones.
pub(in super::super) fn agent_list(
    fields: &Object<'_>,
    is_public: bool,
) -> Option<(AgentFilter, RecordPage)> {
    let mut statuses = all_statuses_in(fields);
    if is_public {
        let asked = statuses.is_none_or(|statuses| statuses.contains(&RecordStatus::Active));
        statuses = Some(if asked { vec![RecordStatus::Active] } else { Vec::new() });
    }
    let base = record_filter(fields, Prefix::Agent);
    let filter = AgentFilter { base, statuses, search: fields.present("search", &text()) };
    Some((filter, page_of(fields, Prefix::Agent)?))
}

/// Whether a key may know of an agent.
pub(in super::super) fn is_shown(agent: &Agent, is_public: bool) -> bool {
    !is_public || agent.status == RecordStatus::Active
}

/// An agent as a key sees it; `is_public` for a publishable one.
pub(in super::super) fn agent_body(agent: Agent, version: Version, is_public: bool) -> AgentBody {
    let inner = InnerAgentMembers {
        metadata: OwnObject(agent.metadata.unwrap_or_default()),
        actor_id: agent.actor.map(shown_actor),
    };
    let newer = NewerAgentMembers {
        kind: "custom",
        status: status_word(agent.status),
        description: agent.description,
        archived_at: agent.archived_at.map(Time),
        inner: (!is_public).then_some(inner),
    };
    AgentBody {
        object: "agent",
        id: shown(Prefix::Agent, agent.id),
        slug: agent.slug,
        name: agent.name,
        newer: (version == Version::V2026).then_some(newer),
        created_at: Time(agent.created_at),
        updated_at: Time(agent.updated_at),
    }
}

/// One that has just been deleted.
pub(in super::super) fn deleted_agent_body(agent: Agent, version: Version) -> AgentBody {
    let mut body = agent_body(agent, version, false);
    if let Some(newer) = &mut body.newer {
        newer.status = DELETED;
    }
    body
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{at, id, read, read_form, read_query, wrong, wrong_query};
    use super::*;
    use crate::service::{ActorKey, Metadata};

    fn agent() -> Agent {
        Agent {
            id: id(),
            slug: "helper".to_owned(),
            name: "Helper".to_owned(),
            description: Some("Helps".to_owned()),
            metadata: Some(Metadata::from_checked(r#"{"a":1}"#.to_owned())),
            status: RecordStatus::Archived,
            actor: Some(ActorKey { id: id(), name: Some("bot".to_owned()) }),
            created_at: at("2026-05-08T10:00:00Z"),
            updated_at: at("2026-05-08T10:00:01Z"),
            archived_at: Some(at("2026-05-08T10:00:01Z")),
        }
    }

    fn json_of(body: &AgentBody) -> Value {
        serde_json::to_value(body).unwrap()
    }

    #[test]
    fn the_first_version_shows_little_to_everybody() {
        let agent = agent();
        let expected = json!({
            "object": "agent", "id": shown(Prefix::Agent, agent.id), "slug": "helper",
            "name": "Helper",
            "created_at": "2026-05-08T10:00:00.000Z", "updated_at": "2026-05-08T10:00:01.000Z",
        });
        for is_public in [false, true] {
            let body = agent_body(agent.clone(), Version::V2025, is_public);
            assert_eq!(json_of(&body), expected);
        }
        assert_eq!(json_of(&deleted_agent_body(agent, Version::V2025)), expected);
    }

    #[test]
    fn the_second_version_shows_everything_to_secret_keys() {
        let agent = agent();
        let mut expected = json!({
            "object": "agent", "id": shown(Prefix::Agent, agent.id), "slug": "helper",
            "name": "Helper", "type": "custom", "status": "archived", "description": "Helps",
            "archived_at": "2026-05-08T10:00:01.000Z",
            "created_at": "2026-05-08T10:00:00.000Z", "updated_at": "2026-05-08T10:00:01.000Z",
        });
        let public = agent_body(agent.clone(), Version::V2026, true);
        assert_eq!(json_of(&public), expected);
        expected["metadata"] = json!({"a": 1});
        expected["actor_id"] = json!("bot");
        assert_eq!(json_of(&agent_body(agent.clone(), Version::V2026, false)), expected);
        expected["status"] = json!("deleted");
        assert_eq!(json_of(&deleted_agent_body(agent.clone(), Version::V2026)), expected);
        let bare = Agent {
            description: None,
            metadata: None,
            status: RecordStatus::Active,
            actor: None,
            archived_at: None,
            ..agent
        };
        expected["status"] = json!("active");
        expected["metadata"] = json!({});
        for name in ["description", "actor_id", "archived_at"] {
            expected[name] = Value::Null;
        }
        assert_eq!(json_of(&agent_body(bare, Version::V2026, false)), expected);
    }

    #[test]
    fn a_publishable_key_knows_of_active_agents_only() {
        let statuses = |query: &str, is_public| {
            read_query(query, |fields| agent_list(fields, is_public)).0.statuses
        };
        let active = Some(vec![RecordStatus::Active]);
        for (query, public, secret) in [
            ("", active.clone(), None),
            ("status=active", active.clone(), active.clone()),
            ("status=archived", Some(Vec::new()), Some(vec![RecordStatus::Archived])),
            ("status=deleted", Some(Vec::new()), Some(Vec::new())),
            (
                "status[0]=archived&status[1]=active",
                active,
                Some(vec![RecordStatus::Archived, RecordStatus::Active]),
            ),
        ] {
            assert_eq!(statuses(query, true), public, "{query}");
            assert_eq!(statuses(query, false), secret, "{query}");
        }
        let unknown = wrong_query("status=x", |fields| agent_list(fields, true));
        assert_eq!(unknown, "422 status.0:invalid_enum");
        let agent = agent();
        assert_eq!((is_shown(&agent, true), is_shown(&agent, false)), (false, true));
        let (filter, _) = read_query("search=help", |fields| agent_list(fields, false));
        assert_eq!(filter.search.as_deref(), Some("help"));
    }

    #[test]
    fn forms_and_json_make_the_same_agent() {
        let body = json!({
            "slug": "a-1", "name": "A", "description": "d", "metadata": {"x": "y"},
            "actor_id": "bot",
        });
        let new = read(&body, new_agent);
        let form = "slug=a-1&name=A&description=d&metadata[x]=y&actor_id=bot";
        assert_eq!(read_form(form, new_agent), new);
        assert_eq!(new.slug.as_deref(), Some("a-1"));
        assert_eq!(new.actor, Some(actor_named("bot")));
    }

    #[test]
    fn all_that_is_wrong_with_an_agent_is_told() {
        let long = "a".repeat(65);
        for slug in ["", "A", "a b", "a_b", "\u{e9}", &long] {
            let body = json!({"name": "A", "slug": slug});
            assert_eq!(wrong(&body, new_agent), "422 slug:invalid_regex", "{slug}");
            assert_eq!(wrong(&body, agent_change), "422 slug:invalid_regex", "{slug}");
        }
        for (body, problems) in [
            (json!({}), "422 name:invalid_type"),
            (json!({"id": "x", "name": ""}), "422 id:invalid_literal name:invalid_min_length"),
            (json!({"name": "A", "description": 1}), "422 description:invalid_type"),
            (
                json!({"name": "A", "metadata": 1, "actor_id": 1}),
                "422 metadata:invalid_type actor_id:invalid_type",
            ),
        ] {
            assert_eq!(wrong(&body, new_agent), problems, "{body}");
        }
        for (body, problems) in [
            (json!({"name": null}), "422 name:invalid_type"),
            (json!({"slug": null}), "422 slug:invalid_type"),
            (json!({"status": "deleted"}), "422 status:invalid_enum"),
        ] {
            assert_eq!(wrong(&body, agent_change), problems, "{body}");
        }
        let change = read(&json!({"actor_id": null, "status": "archived"}), agent_change);
        let expected = AgentChange {
            actor: Some(None),
            status: Some(RecordStatus::Archived),
            ..AgentChange::default()
        };
        assert_eq!(change, expected);
    }
}
