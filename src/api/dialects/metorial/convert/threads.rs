//! Threads, from the wire and back, and messages as they show them.

use super::super::fields::{
    Kind, Object, choice, list, metadata, reference, text_as, text_or_object,
};
use super::super::ids::{self, Prefix};
use super::super::paging::page_of;
use super::super::wire::{
    CodeBody, GroupContentBody, GroupMessageBody, MessageGroupBody, Null, OwnObject,
    ParticipantBody, ThreadBody, Time, TimezoneBody,
};
use super::actors::actor_body;
use super::messages::{attachments, kind_word};
use super::{actor_named, ids_in, record_filter, shown};
use crate::service::{
    ActorRef, FileLink, Message, NewThread, ParticipantRole, RecordPage, Thread, ThreadChange,
    ThreadFilter, ThreadPlace,
};
use crate::types::limits::PARTICIPANTS_MAX;
use crate::types::{RecordId, TenantId};

const ROLES: &[(&str, ParticipantRole)] =
    &[("read_write", ParticipantRole::ReadWrite), ("read_only", ParticipantRole::ReadOnly)];

/// Characters in the name of a time zone, and in a language tag.
const TIMEZONE_CHARS_MAX: usize = 64;
const LANGUAGE_CHARS_MAX: usize = 35;

pub(in super::super) fn new_thread(fields: &Object<'_>) -> Option<NewThread> {
    fields.refuse("id", "is chosen by the server");
    Some(NewThread {
        agent: fields.optional("agent_id", &reference(Prefix::Agent)),
        metadata: fields.optional("metadata", &metadata()),
        participants: fields.optional("participants", &participants()).unwrap_or_default(),
        place: ThreadPlace {
            timezone: fields.optional("timezone", &timezone()),
            country: fields.optional("country", &country()),
            language: fields.optional("language", &language()),
        },
    })
}

pub(in super::super) fn thread_change(fields: &Object<'_>) -> Option<ThreadChange> {
    Some(ThreadChange {
        agent: fields.nullable("agent_id", &reference(Prefix::Agent)),
        metadata: fields.nullable("metadata", &metadata()),
        participants: fields.present("participants", &participants()),
        timezone: fields.nullable("timezone", &timezone()),
        country: fields.nullable("country", &country()),
        language: fields.nullable("language", &language()),
    })
}

pub(in super::super) fn thread_list(fields: &Object<'_>) -> Option<(ThreadFilter, RecordPage)> {
    let base = record_filter(fields, Prefix::Thread);
    let filter = ThreadFilter { base, agents: ids_in(fields, "agent_id", Prefix::Agent) };
    Some((filter, page_of(fields, Prefix::Thread)?))
}

type NewParticipant = (ActorRef, ParticipantRole);

/// Actors, each by its id or with a role.
fn participants() -> impl Kind<Output = Vec<NewParticipant>> {
    let alone = text_as("", |text| Some((actor_named(text), ParticipantRole::default())));
    let with_role = |fields: &Object<'_>| {
        let actor = fields.required("actor_id", &text_as("", |text| Some(actor_named(text))));
        let role = fields.optional("role", &choice(ROLES));
        Some((actor?, role.unwrap_or_default()))
    };
    list(text_or_object(alone, with_role), PARTICIPANTS_MAX)
}

fn timezone() -> impl Kind<Output = String> {
    code("must be the name of a time zone, such as Europe/Rome", |text| {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-/:".contains(&byte);
        (1..=TIMEZONE_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_fit)
    })
}

fn country() -> impl Kind<Output = String> {
    code("must be the two letters of a country", |text| {
        text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
    })
}

fn language() -> impl Kind<Output = String> {
    code("must be the tag of a language, such as en or pt-BR", |text| {
        let mut parts = text.split('-');
        let is_language = |part: &str| {
            (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic())
        };
        let is_subtag = |part: &str| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        text.len() <= LANGUAGE_CHARS_MAX
            && parts.next().is_some_and(is_language)
            && parts.all(is_subtag)
    })
}

/// A code that is one, given as it is or as an object has it that was shown.
fn code(rule: &'static str, is_one: fn(&str) -> bool) -> impl Kind<Output = String> {
    let code = move || text_as(rule, move |text: &str| is_one(text).then(|| text.to_owned()));
    text_or_object(code(), move |fields: &Object<'_>| fields.required("code", &code()))
}

pub(in super::super) fn thread_body(thread: Thread, instance: TenantId) -> ThreadBody {
    let id = shown(Prefix::Thread, thread.id);
    let participants = thread.participants.into_iter().map(|participant| ParticipantBody {
        actor: actor_body(participant.actor),
        role: role_word(participant.role),
        joined_at: Time(participant.joined_at),
        thread_id: id.clone(),
    });
    let ThreadPlace { timezone, country, language } = thread.place;
    ThreadBody {
        object: "thread",
        participants: participants.collect(),
        id,
        agent_id: thread.agent.map(|id| shown(Prefix::Agent, id)),
        instance_id: ids::wire(Prefix::Instance, instance.0),
        timezone: timezone.map(|code| TimezoneBody {
            code,
            utc: Null,
            utc_offset_in_minutes: Null,
        }),
        country: country.map(|code| CodeBody { code }),
        language: language.map(|code| CodeBody { code }),
        metadata: OwnObject(thread.metadata.unwrap_or_default()),
        created_at: Time(thread.created_at),
        updated_at: Time(thread.updated_at),
    }
}

/// A message as the thread it was listed of shows it: alone in its group.
pub(in super::super) fn group_body(
    message: Message,
    thread: RecordId,
    url_of: &dyn Fn(&FileLink) -> Option<String>,
) -> MessageGroupBody {
    let thread_id = shown(Prefix::Thread, thread);
    let group_id = shown(Prefix::MessageGroup, message.id);
    let message_id = shown(Prefix::Message, message.id);
    let content = GroupContentBody {
        id: shown(Prefix::Content, message.id),
        message_item_id: message_id.clone(),
        attachments: attachments(message.id, message.attachments, url_of),
        text: message.text,
    };
    let only = GroupMessageBody {
        id: message_id,
        status: "active",
        kind: "content",
        message_group_id: group_id.clone(),
        thread_id: thread_id.clone(),
        actor: message.sender.map(actor_body),
        content,
    };
    MessageGroupBody {
        id: group_id,
        status: "completed",
        kind: kind_word(message.kind),
        created_at: Time(message.created_at),
        thread_id,
        parent_message_group_id: Null,
        metadata: OwnObject(message.metadata.unwrap_or_default()),
        messages: [only],
        attached_items: [],
    }
}

fn role_word(role: ParticipantRole) -> &'static str {
    match role {
        ParticipantRole::ReadWrite => "read_write",
        ParticipantRole::ReadOnly => "read_only",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::super::testing::{at, id, read, read_form, read_query, wrong};
    use super::*;
    use crate::service::{Actor, ActorKey, ActorKind, MessageKind, Participant};

    fn actor() -> Actor {
        Actor {
            key: ActorKey { id: id(), name: Some("alice".to_owned()) },
            kind: ActorKind::User,
            name: "Alice".to_owned(),
            metadata: None,
            created_at: at("2026-05-08T10:00:00Z"),
            updated_at: at("2026-05-08T10:00:01Z"),
        }
    }

    fn shown_actor() -> Value {
        json!({
            "object": "actor", "id": "alice", "name": "Alice", "type": "user", "metadata": {},
            "created_at": "2026-05-08T10:00:00.000Z", "updated_at": "2026-05-08T10:00:01.000Z",
        })
    }

    #[test]
    fn a_thread_shows_its_codes_and_nothing_that_would_follow_from_them() {
        let joined_at = at("2026-05-08T10:00:02Z");
        let thread = Thread {
            id: id(),
            agent: None,
            metadata: None,
            participants: vec![Participant {
                actor: actor(),
                role: ParticipantRole::ReadOnly,
                joined_at,
            }],
            place: ThreadPlace {
                timezone: Some("Europe/Rome".to_owned()),
                country: Some("IT".to_owned()),
                language: None,
            },
            created_at: joined_at,
            updated_at: joined_at,
        };
        let tenant = TenantId(Uuid::now_v7());
        let thread_id = shown(Prefix::Thread, thread.id);
        let mut participant = shown_actor();
        participant["role"] = json!("read_only");
        participant["joined_at"] = json!("2026-05-08T10:00:02.000Z");
        participant["thread_id"] = json!(thread_id);
        let expected = json!({
            "object": "thread", "id": thread_id, "agent_id": null,
            "instance_id": ids::wire(Prefix::Instance, tenant.0),
            "timezone": {"code": "Europe/Rome", "utc": null, "utc_offset_in_minutes": null},
            "country": {"code": "IT"}, "language": null, "metadata": {},
            "participants": [participant],
            "created_at": "2026-05-08T10:00:02.000Z", "updated_at": "2026-05-08T10:00:02.000Z",
        });
        assert_eq!(serde_json::to_value(thread_body(thread, tenant)).unwrap(), expected);
    }

    #[test]
    fn a_message_stands_alone_in_its_group() {
        let (thread, message) = (id(), id());
        let body = |prefix| shown(prefix, message);
        let said = Message {
            id: message,
            session: id(),
            thread: Some(thread),
            kind: MessageKind::Assistant,
            text: "Hi".to_owned(),
            attachments: Vec::new(),
            sender: Some(actor()),
            metadata: None,
            created_at: at("2026-05-08T10:00:00Z"),
        };
        let thread_id = shown(Prefix::Thread, thread);
        let expected = json!({
            "id": body(Prefix::MessageGroup), "status": "completed", "type": "assistant_message",
            "created_at": "2026-05-08T10:00:00.000Z", "thread_id": thread_id,
            "parent_message_group_id": null, "metadata": {},
            "messages": [{
                "id": body(Prefix::Message), "status": "active", "type": "content",
                "message_group_id": body(Prefix::MessageGroup), "thread_id": thread_id,
                "actor": shown_actor(),
                "content": {
                    "id": body(Prefix::Content), "message_item_id": body(Prefix::Message),
                    "text": "Hi", "attachments": [],
                },
            }],
            "attached_items": [],
        });
        let group = group_body(said, thread, &|_| None);
        assert_eq!(serde_json::to_value(group).unwrap(), expected);
    }

    #[test]
    fn participants_and_codes_are_given_in_two_ways() {
        let short = json!({
            "participants": ["alice", "bob"],
            "timezone": "Europe/Rome", "country": "it", "language": "pt-BR",
        });
        let long = json!({
            "participants": [
                {"actor_id": "alice", "role": "read_write"}, {"actor_id": "bob", "role": null},
            ],
            "timezone": {"code": "Europe/Rome", "utc": null, "utc_offset_in_minutes": null},
            "country": {"code": "it"}, "language": {"code": "pt-BR"},
        });
        let new = read(&short, new_thread);
        assert_eq!(read(&long, new_thread), new);
        let form = "participants[]=alice&participants[]=bob&timezone=Europe%2FRome&\
                    country[code]=it&language=pt-BR";
        assert_eq!(read_form(form, new_thread), new);
        let form = "participants[0][actor_id]=alice&participants[1][actor_id]=bob&\
                    timezone[code]=Europe%2FRome&country=it&language[code]=pt-BR";
        assert_eq!(read_form(form, new_thread), new);
        let both = ["alice", "bob"].map(|name| (actor_named(name), ParticipantRole::ReadWrite));
        assert_eq!(new.participants, both);
        assert_eq!(new.place.country.as_deref(), Some("it"));
        let role = json!({"participants": [{"actor_id": "alice", "role": "read_only"}]});
        let only = read(&role, new_thread).participants;
        assert_eq!(only, [(actor_named("alice"), ParticipantRole::ReadOnly)]);
    }

    #[test]
    fn codes_look_like_what_they_stand_for() {
        let long = "x".repeat(65);
        for (name, good, bad) in [
            (
                "timezone",
                &["UTC", "Etc/GMT+1", "America/Port-au-Prince", "+02:00"][..],
                &["", "Europe Rome", "Rome\u{e9}", &long][..],
            ),
            ("country", &["IT", "it"][..], &["", "I", "ITA", "1T", "\u{e9}"][..]),
            (
                "language",
                &["en", "pt-BR", "zh-Hant-TW", "de-1996", "fil"][..],
                &["", "e", "en-", "en_US", "1n", "en-123456789", &long[..36]][..],
            ),
        ] {
            for code in good {
                for body in [json!({name: code}), json!({name: {"code": code}})] {
                    assert_eq!(wrong(&body, new_thread), "nothing", "{body}");
                }
            }
            for code in bad {
                let body = json!({name: code});
                let problems = format!("422 {name}:invalid_regex");
                assert_eq!(wrong(&body, new_thread), problems, "{body}");
                let body = json!({name: {"code": code}});
                let problems = format!("422 {name}.code:invalid_regex");
                assert_eq!(wrong(&body, thread_change), problems, "{body}");
            }
        }
    }

    #[test]
    fn all_that_is_wrong_with_a_thread_is_told() {
        for (body, problems) in [
            (json!({"id": "thread_1"}), "422 id:invalid_literal"),
            (json!({"agent_id": "x"}), "404 agent"),
            (
                json!({"agent_id": 1, "metadata": []}),
                "422 agent_id:invalid_type metadata:invalid_type",
            ),
            (json!({"participants": "alice"}), "422 participants:invalid_type"),
            (json!({"participants": [1]}), "422 participants.0:invalid_type"),
            (json!({"participants": [{}]}), "422 participants.0.actor_id:invalid_type"),
            (
                json!({"participants": [{"actor_id": "a", "role": "owner"}]}),
                "422 participants.0.role:invalid_enum",
            ),
            (json!({"participants": vec!["a"; 101]}), "422 participants:invalid_max_length"),
            (json!({"timezone": 1}), "422 timezone:invalid_type"),
            (json!({"country": {}}), "422 country.code:invalid_type"),
        ] {
            assert_eq!(wrong(&body, new_thread), problems, "{body}");
        }
        assert_eq!(
            wrong(&json!({"participants": null}), thread_change),
            "422 participants:invalid_type"
        );
        let change = read(&json!({"agent_id": null, "language": null}), thread_change);
        let expected =
            ThreadChange { agent: Some(None), language: Some(None), ..ThreadChange::default() };
        assert_eq!(change, expected);
    }

    #[test]
    fn threads_are_listed_by_agent() {
        let agent = id();
        let query = format!("agent_id[]={}&agent_id[]=x", shown(Prefix::Agent, agent));
        assert_eq!(read_query(&query, thread_list).0.agents, Some(vec![agent]));
    }
}
