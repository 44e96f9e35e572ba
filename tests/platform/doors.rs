//! Every way in which something comes to be kept in an environment, with a name in every part of it
//! that is anybody's to choose.

use serde_json::{Value, json};

use crate::caller::Caller;

/// What came in under one name, by the list it is in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entered {
    pub(crate) sessions: Vec<String>,
    pub(crate) messages: Vec<String>,
    pub(crate) threads: Vec<String>,
    pub(crate) actors: Vec<String>,
    pub(crate) agents: Vec<String>,
    pub(crate) files: Vec<String>,
    pub(crate) links: Vec<String>,
}

impl Entered {
    /// The path of every record.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        for (list, ids) in [
            ("/sessions", &self.sessions),
            ("/session-messages", &self.messages),
            ("/threads", &self.threads),
            ("/actors", &self.actors),
            ("/agents", &self.agents),
            ("/files", &self.files),
            ("/file-links", &self.links),
        ] {
            paths.extend(ids.iter().map(|id| format!("{list}/{id}")));
        }
        paths
    }
}

fn metadata(name: &str) -> Value {
    json!({"of": name, name: [{"deep": [name]}]})
}

/// The name must do as a slug.
pub(crate) fn enter(caller: &mut Caller, name: &str) -> Entered {
    let mut entered = Entered::default();
    for body in [
        json!({"id": format!("{name}@example.com"), "type": "user", "name": format!("Ann {name}")}),
        json!({"type": "tool", "name": name}),
    ] {
        let mut body = body;
        body["metadata"] = metadata(name);
        entered.actors.push(caller.create("/actors", &body));
    }
    let body = json!({
        "name": format!("Guide {name}"), "slug": name, "description": format!("Of {name}"),
        "metadata": metadata(name), "actor_id": entered.actors[1],
    });
    entered.agents.push(caller.create("/agents", &body));
    let body = json!({"name": format!("Another {name}")});
    entered.agents.push(caller.create("/agents", &body));
    let file_name = format!("{name}.txt");
    let content = format!("The plan {name} of the barn.");
    let file = caller.upload(&format!("Plan {name}"), &file_name, &content);
    entered.links.push(caller.create("/file-links", &json!({"file_id": file})));
    entered.files.push(file);
    let body = json!({
        "agent_id": entered.agents[0], "participants": entered.actors, "metadata": metadata(name),
    });
    entered.threads.push(caller.create("/threads", &body));
    let body = json!({
        "name": format!("Call {name}"), "description": format!("About {name}"),
        "metadata": metadata(name), "actor_id": entered.actors[0], "agent_id": entered.agents[0],
        "thread_id": entered.threads[0],
    });
    let session = caller.create("/sessions", &body);
    let path = format!("/sessions/{session}/messages");
    for (kind, text) in [
        ("user_message", format!("Anna {name} lives in Rome and works at {name} Labs.")),
        ("assistant_message", format!("The roof of {name} Labs leaks when it rains.")),
        ("tool_message", format!("Called the roofer of {name}: nobody answers.")),
        ("system_message", format!("Be brief with {name}.")),
    ] {
        let body = json!({
            "type": kind, "metadata": metadata(name), "actor_id": entered.actors[0],
            "content": {"text": text, "attachments": [{"file_id": entered.files[0]}]},
        });
        entered.messages.push(caller.create(&path, &body));
    }
    entered.sessions.push(session);
    entered
}
