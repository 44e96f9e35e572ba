//! Messages, from the wire and back, and what a search finds.

use uuid::Uuid;

use super::super::fields::{
    Kind, Object, Place, Value, Wrong, choice, integer, list, metadata, number, reference, text,
    text_of, text_or_object, time_by,
};
use super::super::ids::Prefix;
use super::super::paging::page_of;
use super::super::version::Version;
use super::super::wire::{
    AttachmentBody, ContentBody, MatchBody, MessageBody, OwnObject, SenderBody, Time,
};
use super::{actor_named, ids_in, record_filter, shown, shown_actor};
use crate::service::{
    Attachment, FileLink, FoundMessage, Message, MessageFilter, MessageKind, MessageQuery,
    Metadata, NewMessage, RecordPage,
};
use crate::types::limits::{ATTACHMENTS_MAX, QUERY_CHARS_MAX, TOP_K_MAX};
use crate::types::{RecordId, Timestamp};

const KINDS: &[(&str, MessageKind)] = &[
    ("user_message", MessageKind::User),
    ("assistant_message", MessageKind::Assistant),
    ("tool_message", MessageKind::Tool),
    ("system_message", MessageKind::System),
];

/// How many matches a search finds unless it says otherwise, and how good they are at least.
const MATCHES_DEFAULT: usize = 10;
const RELEVANCE_DEFAULT: f32 = 0.3;

/// A message, said by `now` at the latest, of whatever session it is then put into.
pub(in super::super) fn new_message(
    fields: &Object<'_>,
    now: Timestamp,
) -> Option<impl FnOnce(RecordId) -> NewMessage + use<>> {
    fields.refuse("id", "is chosen by the server");
    let kind = fields.required("type", &choice(KINDS));
    let content = fields.required("content", &text_or_object(TextAlone, content));
    let sender = fields.optional("actor_id", &text()).map(|text| actor_named(&text));
    let metadata = fields.optional("metadata", &metadata());
    let created_at = fields.optional("created_at", &time_by(now));
    let (kind, Content { text, attachments }) = (kind?, content?);
    Some(move |session| NewMessage {
        session,
        kind,
        text,
        attachments,
        sender,
        metadata,
        created_at,
        atom_metadata: atom_metadata(session, kind),
    })
}

struct Content {
    text: String,
    attachments: Vec<RecordId>,
}

fn content(fields: &Object<'_>) -> Option<Content> {
    let attachment = text_or_object(reference(Prefix::File), |fields: &Object<'_>| {
        fields.required("file_id", &reference(Prefix::File))
    });
    let content = fields.required("text", &TextAlone);
    let attachments = fields.optional("attachments", &list(attachment, ATTACHMENTS_MAX));
    Some(Content { attachments: attachments.unwrap_or_default(), ..content? })
}

/// A content's text, with something to read in it.
#[derive(Debug, Clone, Copy)]
struct TextAlone;

impl Kind for TextAlone {
    type Output = Content;

    fn expected(&self) -> &'static str {
        "string"
    }

    fn read(&self, value: Value<'_>, place: &Place<'_>) -> Option<Content> {
        let text = text_of(1..=usize::MAX).read(value, place)?;
        if text.trim().is_empty() {
            place.add(Wrong::Pattern("must hold something besides white space".into()));
            return None;
        }
        Some(Content { text, attachments: Vec::new() })
    }
}

/// What whoever reads a message as a memory is told of where it comes from.
fn atom_metadata(session: RecordId, kind: MessageKind) -> Metadata {
    let (session, kind) = (shown(Prefix::Session, session), kind_word(kind));
    Metadata::from_checked(format!(r#"{{"session_id":"{session}","message_type":"{kind}"}}"#))
}

/// What is asked of the list of all messages.
pub(in super::super) fn message_list(fields: &Object<'_>) -> Option<(MessageFilter, RecordPage)> {
    let filter = MessageFilter {
        base: record_filter(fields, Prefix::Message),
        within: None,
        sessions: ids_in(fields, "session_id", Prefix::Session),
    };
    Some((filter, page_of(fields, Prefix::Message)?))
}

pub(in super::super) fn message_query(fields: &Object<'_>) -> Option<MessageQuery> {
    let query = fields.required("query", &text_of(1..=QUERY_CHARS_MAX));
    let limit = fields.optional("limit", &integer(1..=TOP_K_MAX as i64));
    let min_relevance = fields.optional("min_relevance", &number(0..=1));
    #[allow(clippy::cast_possible_truncation, reason = "between 0 and 1, it loses digits only")]
    let min_relevance = min_relevance.map_or(RELEVANCE_DEFAULT, |least| least as f32);
    Some(MessageQuery {
        text: query?,
        top_k: limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(MATCHES_DEFAULT),
        min_relevance,
        session_id: fields.optional("session_id", &text()),
    })
}

pub(in super::super) fn message_body(
    message: Message,
    version: Version,
    url_of: &dyn Fn(&FileLink) -> Option<String>,
) -> MessageBody {
    let attachments = attachments(message.id, message.attachments, url_of);
    MessageBody {
        object: "session.message",
        id: shown(Prefix::Message, message.id),
        kind: kind_word(message.kind),
        sender: SenderBody {
            object: "session.message.sender",
            kind: sender_word(message.kind),
            id: message.sender.map(|actor| shown_actor(actor.key)),
        },
        content: ContentBody { text: message.text, attachments },
        metadata: OwnObject(message.metadata.unwrap_or_default()),
        session_id: shown(Prefix::Session, message.session),
        thread_id: message.thread.map(|id| shown(Prefix::Thread, id)),
        created_at: Time(message.created_at),
        older: (version == Version::V2025).then(Default::default),
    }
}

pub(in super::super) fn match_body(
    found: FoundMessage,
    version: Version,
    url_of: &dyn Fn(&FileLink) -> Option<String>,
) -> MatchBody {
    MatchBody {
        object: "session.message.match",
        score: found.relevance,
        message: message_body(found.message, version, url_of),
    }
}

/// What came with a message and is still there.
pub(super) fn attachments(
    message: RecordId,
    attachments: Vec<Attachment>,
    url_of: &dyn Fn(&FileLink) -> Option<String>,
) -> Vec<AttachmentBody> {
    let shown = attachments.into_iter().map(|attachment| AttachmentBody {
        id: attachment_id(message, attachment.index),
        kind: "file",
        file_id: shown(Prefix::File, attachment.file),
        url: attachment.link.as_ref().and_then(url_of),
    });
    shown.collect()
}

/// Follows from its message and its place there.
fn attachment_id(message: RecordId, index: usize) -> String {
    const PLACES: u128 = 0x3f;
    const { assert!(ATTACHMENTS_MAX as u128 <= PLACES + 1) };
    let id = message.0.as_u128() & !PLACES | (index as u128 & PLACES);
    shown(Prefix::Attachment, RecordId(Uuid::from_u128(id)))
}

/// The `type` of a message.
pub(super) fn kind_word(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::User => "user_message",
        MessageKind::Assistant => "assistant_message",
        MessageKind::Tool => "tool_message",
        MessageKind::System => "system_message",
    }
}

fn sender_word(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::User => "user",
        MessageKind::Assistant => "assistant",
        MessageKind::Tool => "tool",
        MessageKind::System => "system",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{at, id, read, read_form, read_query, wrong, wrong_form};
    use super::*;
    use crate::service::{Actor, ActorKey, ActorKind};

    const NOW: &str = "2026-05-08T10:00:00Z";

    fn message(attachments: Vec<Attachment>) -> Message {
        let sender = Actor {
            key: ActorKey { id: id(), name: Some("alice".to_owned()) },
            kind: ActorKind::User,
            name: "Alice".to_owned(),
            metadata: None,
            created_at: at(NOW),
            updated_at: at(NOW),
        };
        Message {
            id: id(),
            session: id(),
            thread: Some(id()),
            kind: MessageKind::User,
            text: " Hi ".to_owned(),
            attachments,
            sender: Some(sender),
            metadata: None,
            created_at: at(NOW),
        }
    }

    fn attachment(index: usize, is_linked: bool) -> Attachment {
        let link = FileLink {
            id: id(),
            file: id(),
            secret: "s".to_owned(),
            created_at: at(NOW),
            updated_at: at(NOW),
            expires_at: None,
        };
        Attachment { index, file: link.file, link: is_linked.then_some(link) }
    }

    fn url_of(link: &FileLink) -> Option<String> {
        Some(format!("http://h/{}", link.secret))
    }

    fn check(message: &Message, version: Version, mut own: Value) {
        let [plain, linked] = &*message.attachments else { panic!("two are expected") };
        let mut expected = json!({
            "object": "session.message", "id": shown(Prefix::Message, message.id),
            "type": "user_message",
            "sender": {"object": "session.message.sender", "type": "user", "id": "alice"},
            "content": {"text": " Hi ", "attachments": [
                {"id": attachment_id(message.id, 0), "type": "file",
                 "file_id": shown(Prefix::File, plain.file), "url": null},
                {"id": attachment_id(message.id, 31), "type": "file",
                 "file_id": shown(Prefix::File, linked.file), "url": "http://h/s"},
            ]},
            "metadata": {}, "session_id": shown(Prefix::Session, message.session),
            "thread_id": message.thread.map(|id| shown(Prefix::Thread, id)),
            "created_at": "2026-05-08T10:00:00.000Z",
        });
        expected.as_object_mut().unwrap().append(own.as_object_mut().unwrap());
        let body = message_body(message.clone(), version, &url_of);
        assert_eq!(serde_json::to_value(body).unwrap(), expected);
    }

    #[test]
    fn messages_have_what_their_version_names_and_nothing_else() {
        let message = message(vec![attachment(0, false), attachment(31, true)]);
        let older = json!({"mcp_message": null, "server_session_id": null});
        check(&message, Version::V2025, older);
        check(&message, Version::V2026, json!({}));
    }

    #[test]
    fn kinds_and_senders_go_together_and_an_unknown_sender_is_null() {
        for (kind, word, sender) in [
            (MessageKind::User, "user_message", "user"),
            (MessageKind::Assistant, "assistant_message", "assistant"),
            (MessageKind::Tool, "tool_message", "tool"),
            (MessageKind::System, "system_message", "system"),
        ] {
            let said = Message { kind, sender: None, ..message(Vec::new()) };
            let found = FoundMessage { message: said, relevance: 0.5 };
            let body = serde_json::to_value(match_body(found, Version::V2026, &url_of)).unwrap();
            assert_eq!(body["object"], "session.message.match");
            assert_eq!(body["score"], 0.5);
            assert_eq!(body.as_object().unwrap().len(), 3);
            assert_eq!(body["message"]["type"], word);
            assert_eq!(body["message"]["sender"]["type"], sender);
            assert_eq!(body["message"]["sender"]["id"], Value::Null);
        }
    }

    #[test]
    fn every_place_of_a_message_has_an_id_of_its_own() {
        let message = id();
        let ids: Vec<String> =
            (0..ATTACHMENTS_MAX).map(|index| attachment_id(message, index)).collect();
        assert!(ids.is_sorted() && ids.iter().all(|id| id.starts_with("att_")), "{ids:?}");
        let distinct: std::collections::HashSet<&String> = ids.iter().collect();
        assert_eq!(distinct.len(), ATTACHMENTS_MAX);
    }

    fn new_at(body: &Value) -> NewMessage {
        let session = RecordId(Uuid::from_u128(7 << 76 | 0b10 << 62));
        read(body, |fields| new_message(fields, at(NOW)))(session)
    }

    #[test]
    fn content_is_a_text_or_an_object_in_json_and_in_forms() {
        let file = id();
        let file_id = shown(Prefix::File, file);
        let short = new_at(&json!({"type": "tool_message", "content": " Hi "}));
        let long = json!({"type": "tool_message", "content": {
            "text": " Hi ", "attachments": [file_id, {"file_id": file_id}],
        }});
        let long = new_at(&long);
        assert_eq!(short, NewMessage { attachments: Vec::new(), ..long.clone() });
        assert_eq!((&*long.text, &*long.attachments), (" Hi ", &[file, file][..]));
        let told = r#"{"session_id":"ses_0000000000000000000000","message_type":"tool_message"}"#;
        assert_eq!(long.atom_metadata.as_json(), told);
        let form =
            |text: &str| read_form(text, |fields| new_message(fields, at(NOW)))(long.session);
        assert_eq!(form("type=tool_message&content=%20Hi+"), short);
        let form = form(&format!(
            "type=tool_message&content[text]=+Hi+&content[attachments][0]={file_id}&\
             content[attachments][1][file_id]={file_id}"
        ));
        assert_eq!(form, long);
    }

    #[test]
    fn messages_may_be_of_the_past_and_of_somebody() {
        let body = json!({
            "type": "user_message", "content": "Hi", "actor_id": "alice",
            "metadata": {"n": 1.0}, "created_at": NOW,
        });
        let new = new_at(&body);
        assert_eq!(new.sender, Some(actor_named("alice")));
        assert_eq!(new.metadata.unwrap().as_json(), r#"{"n":1.0}"#);
        assert_eq!(new.created_at, Some(at(NOW)));
    }

    #[test]
    fn all_that_is_wrong_with_a_message_is_told() {
        let read = |fields: &Object<'_>| new_message(fields, at(NOW)).map(|_| ());
        for (change, problems) in [
            (json!({"id": "msg_1"}), "422 id:invalid_literal"),
            (json!({"type": "request"}), "422 type:invalid_enum"),
            (json!({"type": null}), "422 type:invalid_type"),
            (json!({"content": null}), "422 content:invalid_type"),
            (json!({"content": 1}), "422 content:invalid_type"),
            (json!({"content": ""}), "422 content:invalid_min_length"),
            (json!({"content": " \n\u{3000}"}), "422 content:invalid_regex"),
            (json!({"content": "x".repeat(1_001)}), "422 content:max_length"),
            (json!({"content": {}}), "422 content.text:invalid_type"),
            (json!({"content": {"text": " "}}), "422 content.text:invalid_regex"),
            (
                json!({"content": {"text": "x", "attachments": [1]}}),
                "422 content.attachments.0:invalid_type",
            ),
            (
                json!({"content": {"text": "x", "attachments": [{}]}}),
                "422 content.attachments.0.file_id:invalid_type",
            ),
            (
                json!({"content": {"text": "x", "attachments": vec!["file_1"; 33]}}),
                "422 content.attachments:invalid_max_length",
            ),
            (json!({"content": {"text": "x", "attachments": ["file_1"]}}), "404 file"),
            (json!({"metadata": "x"}), "422 metadata:invalid_type"),
            (json!({"created_at": "2026-05-08T10:00:00.001Z"}), "422 created_at:invalid_literal"),
            (json!({"created_at": "2026-05-08"}), "422 created_at:invalid_regex"),
            (json!({"created_at": 1}), "422 created_at:invalid_type"),
        ] {
            let mut body = json!({"type": "user_message", "content": "x"});
            for (name, value) in change.as_object().unwrap() {
                body[name] = value.clone();
            }
            assert_eq!(wrong(&body, read), problems, "{change}");
        }
        let missing = "422 type:invalid_type content:invalid_type";
        assert_eq!(wrong(&json!({}), read), missing);
        assert_eq!(wrong_form("", read), missing);
    }

    #[test]
    fn a_search_has_defaults_and_bounds() {
        let asked = read(&json!({"query": "tea"}), message_query);
        let expected = MessageQuery {
            text: "tea".to_owned(),
            top_k: 10,
            min_relevance: 0.3,
            session_id: None,
        };
        assert_eq!(asked, expected);
        let form = "query=tea&limit=100&min_relevance=0.5&session_id=ses_1";
        let expected = MessageQuery {
            top_k: 100,
            min_relevance: 0.5,
            session_id: Some("ses_1".to_owned()),
            ..expected
        };
        assert_eq!(read_form(form, message_query), expected);
        for (body, problems) in [
            (json!({}), "422 query:invalid_type"),
            (json!({"query": ""}), "422 query:invalid_min_length"),
            (json!({"query": "x".repeat(5_001)}), "422 query:invalid_max_length"),
            (json!({"query": "x", "limit": 0}), "422 limit:invalid_min"),
            (json!({"query": "x", "limit": 101}), "422 limit:invalid_max"),
            (json!({"query": "x", "limit": 1.5}), "422 limit:invalid_integer"),
            (json!({"query": "x", "min_relevance": 1.1}), "422 min_relevance:invalid_max"),
            (json!({"query": "x", "min_relevance": -0.1}), "422 min_relevance:invalid_min"),
            (json!({"query": "x", "session_id": 1}), "422 session_id:invalid_type"),
        ] {
            assert_eq!(wrong(&body, message_query), problems, "{body}");
        }
    }

    #[test]
    fn all_messages_are_listed_by_session() {
        let session = id();
        let query = format!("session_id={}&session_id=x", shown(Prefix::Session, session));
        let (filter, page) = read_query(&query, message_list);
        assert_eq!((filter.within, filter.sessions), (None, Some(vec![session])));
        assert_eq!(page.limit, 20);
    }
}
