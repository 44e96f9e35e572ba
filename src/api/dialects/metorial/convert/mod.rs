//! From the wire to the service and back, one file per resource.

mod actors;
mod agents;
mod events;
mod files;
mod filters;
mod keys;
mod management;
mod messages;
mod references;
mod sessions;
#[cfg(test)]
mod testing;
mod threads;

pub(super) use actors::{actor_body, actor_change, actor_list, new_actor};
pub(super) use agents::{
    agent_body, agent_change, agent_list, deleted_agent_body, is_shown, new_agent,
};
pub(super) use events::{event_body, event_list};
pub(super) use files::{
    deleted_file_body, deleted_link_body, end_of_new_link, file_body, file_list, link_body,
    link_list, new_end, new_file, new_link, new_title,
};
pub(super) use filters::{ids_in, record_filter, record_list};
pub(super) use keys::{
    instance_token, key_body, key_change, key_list, management_token, new_key, rotation,
};
pub(super) use management::{
    deleted_instance_body, deleted_project_body, instance_body, instance_change, instance_list,
    new_instance, new_project, project_body, project_change, project_list,
};
pub(super) use messages::{match_body, message_body, message_list, message_query, new_message};
pub(super) use references::{actor_named, shown, shown_actor};
pub(super) use sessions::{
    deleted_session_body, new_session, session_body, session_change, session_list,
};
pub(super) use threads::{group_body, new_thread, thread_body, thread_change, thread_list};

/// The status of what has just been deleted.
const DELETED: &str = "deleted";
