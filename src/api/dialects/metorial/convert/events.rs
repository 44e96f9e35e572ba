//! What happened to sessions.

use super::super::fields::Object;
use super::super::ids::Prefix;
use super::super::paging::page_of;
use super::super::version::Version;
use super::super::wire::{EventBody, Time};
use super::{ids_in, record_filter, shown};
use crate::service::{Event, EventFilter, EventKind, RecordPage};

/// What is asked of the list of all events.
pub(in super::super) fn event_list(fields: &Object<'_>) -> Option<(EventFilter, RecordPage)> {
    let filter = EventFilter {
        base: record_filter(fields, Prefix::Event),
        within: None,
        sessions: ids_in(fields, "session_id", Prefix::Session),
    };
    Some((filter, page_of(fields, Prefix::Event)?))
}

pub(in super::super) fn event_body(event: Event, version: Version) -> EventBody {
    EventBody {
        object: "session.event",
        id: shown(Prefix::Event, event.id),
        kind: match event.kind {
            EventKind::SessionCreated => "session_created",
            EventKind::MessageCreated => "message_created",
            EventKind::MessageProcessed => "message_processed",
        },
        session_id: shown(Prefix::Session, event.session),
        message_id: event.message.map(|id| shown(Prefix::Message, id)),
        created_at: Time(event.created_at),
        older: (version == Version::V2025).then(Default::default),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::types::{RecordId, Timestamp};

    fn event(kind: EventKind, message: Option<RecordId>) -> Event {
        Event {
            id: RecordId(Uuid::now_v7()),
            kind,
            session: RecordId(Uuid::now_v7()),
            message,
            created_at: Timestamp::parse("2026-05-08T10:00:00.5Z").unwrap(),
        }
    }

    fn check(event: &Event, version: Version, kind: &str, mut own: Value) {
        let mut expected = json!({
            "object": "session.event", "id": shown(Prefix::Event, event.id), "type": kind,
            "session_id": shown(Prefix::Session, event.session),
            "message_id": event.message.map(|id| shown(Prefix::Message, id)),
            "created_at": "2026-05-08T10:00:00.500Z",
        });
        expected.as_object_mut().unwrap().append(own.as_object_mut().unwrap());
        let body = event_body(event.clone(), version);
        assert_eq!(serde_json::to_value(body).unwrap(), expected);
    }

    #[test]
    fn events_have_what_their_version_names_and_nothing_else() {
        let message = Some(RecordId(Uuid::now_v7()));
        for (kind, message, word) in [
            (EventKind::SessionCreated, None, "session_created"),
            (EventKind::MessageCreated, message, "message_created"),
            (EventKind::MessageProcessed, message, "message_processed"),
        ] {
            let event = event(kind, message);
            let older = json!({"server_run": null, "server_run_error": null, "log_lines": []});
            check(&event, Version::V2025, word, older);
            check(&event, Version::V2026, word, json!({}));
        }
    }
}
