//! Sessions, from the wire and back.

use super::super::fields::{Object, choice, metadata, reference, text};
use super::super::ids::Prefix;
use super::super::paging::page_of;
use super::super::version::Version;
use super::super::wire::{
    Null, OwnObject, SessionBody, SessionMembers, SessionProviderUsage, SessionUsage, Time,
};
use super::filters::actors_in;
use super::{DELETED, actor_named, ids_in, record_filter, shown, shown_actor};
use crate::service::{NewSession, RecordPage, RecordStatus, Session, SessionChange, SessionFilter};

/// Nobody is connected to anything here.
const DISCONNECTED: &str = "disconnected";

/// What may be asked for of what can be put away; nothing that is deleted is left to be listed.
const STATUSES: &[(&str, &[RecordStatus])] =
    &[("active", &[RecordStatus::Active]), ("archived", &[RecordStatus::Archived]), (DELETED, &[])];

/// The same in the version that does not know of archives.
const OLDER_STATUSES: &[(&str, &[RecordStatus])] =
    &[("active", &[RecordStatus::Active, RecordStatus::Archived]), (DELETED, &[])];

/// What a caller may make of it.
pub(super) const SETTABLE_STATUSES: &[(&str, RecordStatus)] =
    &[("active", RecordStatus::Active), ("archived", RecordStatus::Archived)];

pub(in super::super) fn new_session(fields: &Object<'_>) -> Option<NewSession> {
    fields.refuse("id", "is chosen by the server");
    fields.refuse_entries("providers", "must be empty: this server runs no providers");
    fields.refuse_entries("server_deployments", "must be empty: this server runs no servers");
    Some(NewSession {
        name: fields.optional("name", &text()),
        description: fields.optional("description", &text()),
        metadata: fields.optional("metadata", &metadata()),
        agent: fields.optional("agent_id", &reference(Prefix::Agent)),
        actor: fields.optional("actor_id", &text()).map(|text| actor_named(&text)),
        thread: fields.optional("thread_id", &reference(Prefix::Thread)),
    })
}

pub(in super::super) fn session_change(fields: &Object<'_>) -> Option<SessionChange> {
    Some(SessionChange {
        name: fields.nullable("name", &text()),
        description: fields.nullable("description", &text()),
        metadata: fields.nullable("metadata", &metadata()),
        status: fields.present("status", &choice(SETTABLE_STATUSES)),
    })
}

pub(in super::super) fn session_list(
    fields: &Object<'_>,
    version: Version,
) -> Option<(SessionFilter, RecordPage)> {
    let words = match version {
        Version::V2025 => OLDER_STATUSES,
        Version::V2026 => STATUSES,
    };
    let filter = SessionFilter {
        base: record_filter(fields, Prefix::Session),
        statuses: statuses_in(fields, words),
        agents: ids_in(fields, "agent_id", Prefix::Agent),
        actors: actors_in(fields, "actor_id"),
        threads: ids_in(fields, "thread_id", Prefix::Thread),
    };
    Some((filter, page_of(fields, Prefix::Session)?))
}

/// The statuses that a list is filtered by, in these words.
fn statuses_in(
    fields: &Object<'_>,
    words: &'static [(&'static str, &'static [RecordStatus])],
) -> Option<Vec<RecordStatus>> {
    Some(fields.filter("status", &choice(words))?.concat())
}

/// The same where both versions know all of them.
pub(super) fn all_statuses_in(fields: &Object<'_>) -> Option<Vec<RecordStatus>> {
    statuses_in(fields, STATUSES)
}

pub(in super::super) fn session_body(session: Session, version: Version) -> SessionBody {
    let (client, assistant) = (session.client_messages, session.assistant_messages);
    let members = match version {
        Version::V2025 => SessionMembers::V2025 {
            connection_status: DISCONNECTED,
            client_secret: Null,
            server_deployments: [],
            usage: SessionUsage {
                total_productive_message_count: client.saturating_add(assistant),
                total_productive_client_message_count: client,
                total_productive_server_message_count: assistant,
            },
        },
        Version::V2026 => SessionMembers::V2026 {
            name: session.name,
            description: session.description,
            connection_state: DISCONNECTED,
            connection_url: Null,
            client_secret: Null,
            usage: SessionProviderUsage {
                total_productive_client_message_count: client,
                total_productive_provider_message_count: assistant,
            },
            providers: [],
            from_template_ids: [],
            has_errors: false,
            has_warnings: false,
            identity_actor_id: Null,
            identity_id: Null,
        },
    };
    let metadata = match version {
        Version::V2025 => Some(session.metadata.unwrap_or_default()),
        Version::V2026 => session.metadata,
    };
    SessionBody {
        object: "session",
        id: shown(Prefix::Session, session.id),
        status: session_status(session.status, version),
        metadata: metadata.map(OwnObject),
        agent_id: session.agent.map(|id| shown(Prefix::Agent, id)),
        actor_id: session.actor.map(shown_actor),
        thread_id: session.thread.map(|id| shown(Prefix::Thread, id)),
        version: members,
        created_at: Time(session.created_at),
        updated_at: Time(session.updated_at),
    }
}

/// One that has just been deleted.
pub(in super::super) fn deleted_session_body(session: Session, version: Version) -> SessionBody {
    SessionBody { status: DELETED, ..session_body(session, version) }
}

fn session_status(status: RecordStatus, version: Version) -> &'static str {
    match version {
        Version::V2025 => "active",
        Version::V2026 => status_word(status),
    }
}

/// A status as whoever knows of archives calls it.
pub(super) fn status_word(status: RecordStatus) -> &'static str {
    match status {
        RecordStatus::Active => "active",
        RecordStatus::Archived => "archived",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{
        at, id, read, read_form, read_query, wrong, wrong_form, wrong_query,
    };
    use super::*;
    use crate::service::{ActorKey, Metadata};

    fn session() -> Session {
        Session {
            id: id(),
            status: RecordStatus::Archived,
            name: Some("Trip".to_owned()),
            description: None,
            metadata: None,
            agent: Some(id()),
            actor: Some(ActorKey { id: id(), name: Some("alice".to_owned()) }),
            thread: None,
            client_messages: 3,
            assistant_messages: 2,
            created_at: at("2026-05-08T10:00:00.0009Z"),
            updated_at: at("2026-05-08T10:00:01Z"),
        }
    }

    fn shown_as(session: &Session, version: Version) -> Value {
        serde_json::to_value(session_body(session.clone(), version)).unwrap()
    }

    #[test]
    fn the_first_version_shows_connections_that_there_are_none_of() {
        let session = session();
        let expected = json!({
            "object": "session", "id": shown(Prefix::Session, session.id), "status": "active",
            "metadata": {}, "agent_id": shown(Prefix::Agent, session.agent.unwrap()),
            "actor_id": "alice", "thread_id": null,
            "connection_status": "disconnected", "client_secret": null, "server_deployments": [],
            "usage": {
                "total_productive_message_count": 5,
                "total_productive_client_message_count": 3,
                "total_productive_server_message_count": 2,
            },
            "created_at": "2026-05-08T10:00:00.000Z", "updated_at": "2026-05-08T10:00:01.000Z",
        });
        assert_eq!(shown_as(&session, Version::V2025), expected);
    }

    #[test]
    fn the_second_version_shows_names_archives_and_no_metadata_as_null() {
        let mut session = session();
        let mut expected = json!({
            "object": "session", "id": shown(Prefix::Session, session.id), "status": "archived",
            "metadata": null, "agent_id": shown(Prefix::Agent, session.agent.unwrap()),
            "actor_id": "alice", "thread_id": null,
            "name": "Trip", "description": null,
            "connection_state": "disconnected", "connection_url": null, "client_secret": null,
            "usage": {
                "total_productive_client_message_count": 3,
                "total_productive_provider_message_count": 2,
            },
            "providers": [], "from_template_ids": [], "has_errors": false, "has_warnings": false,
            "identity_actor_id": null, "identity_id": null,
            "created_at": "2026-05-08T10:00:00.000Z", "updated_at": "2026-05-08T10:00:01.000Z",
        });
        assert_eq!(shown_as(&session, Version::V2026), expected);
        session.metadata = Some(Metadata::from_checked(r#"{"a":[1]}"#.to_owned()));
        expected["metadata"] = json!({"a": [1]});
        assert_eq!(shown_as(&session, Version::V2026), expected);
    }

    #[test]
    fn what_was_deleted_says_so_in_both_versions() {
        for version in Version::ALL {
            assert_eq!(deleted_session_body(session(), version).status, "deleted");
        }
    }

    #[test]
    fn forms_and_json_make_the_same_session() {
        let (agent, thread) = (id(), id());
        let (agent_id, thread_id) = (shown(Prefix::Agent, agent), shown(Prefix::Thread, thread));
        let body = json!({
            "name": "Trip", "description": "", "metadata": {"team": "blue"},
            "agent_id": agent_id, "actor_id": "alice", "thread_id": thread_id,
            "providers": [], "server_deployments": [], "unknown": 1,
        });
        let new = read(&body, new_session);
        let form = format!(
            "name=Trip&description=&metadata[team]=blue&agent_id={agent_id}&actor_id=alice&\
             thread_id={thread_id}&unknown=1"
        );
        assert_eq!(read_form(&form, new_session), new);
        assert_eq!((new.agent, new.thread), (Some(agent), Some(thread)));
        assert_eq!(new.actor, Some(actor_named("alice")));
        assert_eq!(read(&json!({"name": null}), new_session), NewSession::default());
    }

    #[test]
    fn what_would_be_ignored_to_somebody_s_surprise_is_refused() {
        for (body, problems) in [
            (json!({"id": "ses_1"}), "422 id:invalid_literal"),
            (json!({"id": null}), "422 id:invalid_literal"),
            (json!({"providers": [{}]}), "422 providers:invalid_literal"),
            (json!({"server_deployments": ["x"]}), "422 server_deployments:invalid_literal"),
            (json!({"providers": "x"}), "422 providers:invalid_type"),
            (json!({"name": 1, "metadata": []}), "422 name:invalid_type metadata:invalid_type"),
            (json!({"name": "x".repeat(1_001)}), "422 name:max_length"),
            (
                json!({"agent_id": 1, "actor_id": {}}),
                "422 agent_id:invalid_type actor_id:invalid_type",
            ),
            // References come after the fields.
            (json!({"agent_id": "agent_1"}), "404 agent"),
            (json!({"thread_id": "agent_1"}), "404 thread"),
            (json!({"thread_id": "x", "name": 1}), "422 name:invalid_type"),
            (json!([]), "422 :invalid_type"),
        ] {
            assert_eq!(wrong(&body, new_session), problems, "{body}");
        }
        for (form, problems) in [
            ("id=ses_1", "422 id:invalid_literal"),
            ("providers[]=x", "422 providers:invalid_literal"),
            ("server_deployments[0][id]=x", "422 server_deployments:invalid_literal"),
            ("metadata=x", "422 metadata:invalid_type"),
        ] {
            assert_eq!(wrong_form(form, new_session), problems, "{form}");
        }
    }

    #[test]
    fn a_change_tells_what_is_cleared_from_what_is_left() {
        let change = read(&json!({"name": null, "status": "archived"}), session_change);
        let expected = SessionChange {
            name: Some(None),
            status: Some(RecordStatus::Archived),
            ..SessionChange::default()
        };
        assert_eq!(change, expected);
        assert_eq!(read(&json!({}), session_change), SessionChange::default());
        for (body, problems) in [
            (json!({"status": "deleted"}), "422 status:invalid_enum"),
            (json!({"status": null}), "422 status:invalid_type"),
            (json!({"description": []}), "422 description:invalid_type"),
        ] {
            assert_eq!(wrong(&body, session_change), problems, "{body}");
        }
    }

    #[test]
    fn lists_are_filtered_in_the_words_of_the_version() {
        let statuses = |query: &str, version| {
            read_query(query, |fields| session_list(fields, version)).0.statuses
        };
        let both = vec![RecordStatus::Active, RecordStatus::Archived];
        for query in ["status=active&status=deleted", "status[]=active", "status[0]=active"] {
            assert_eq!(statuses(query, Version::V2025), Some(both.clone()), "{query}");
            let active = Some(vec![RecordStatus::Active]);
            assert_eq!(statuses(query, Version::V2026), active, "{query}");
        }
        assert_eq!(statuses("status=deleted", Version::V2025), Some(Vec::new()));
        assert_eq!(statuses("status=archived", Version::V2026), Some(vec![both[1]]));
        assert_eq!(statuses("", Version::V2026), None);
        let archived = "status=archived";
        let older = wrong_query(archived, |fields| session_list(fields, Version::V2025));
        assert_eq!(older, "422 status.0:invalid_enum");
    }

    #[test]
    fn an_id_that_nothing_can_have_matches_nothing() {
        let known = id();
        let query = format!("id=x&id={}&agent_id=&actor_id=alice", shown(Prefix::Session, known));
        let (filter, _) = read_query(&query, |fields| session_list(fields, Version::V2025));
        assert_eq!(filter.base.ids, Some(vec![known]));
        assert_eq!(filter.agents, Some(Vec::new()));
        assert_eq!(filter.actors, Some(vec![actor_named("alice")]));
        assert_eq!(filter.threads, None);
    }
}
