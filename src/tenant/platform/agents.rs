//! Agents: the directory that everybody with a publishable key may read. Each has a slug of its
//! own, which is free again when it is deleted.

use std::collections::HashMap;

use super::records::stored_id;
use super::{Identified, Records, id_from};
use crate::engine::atom::Metadata;
use crate::engine::paging::{Page, page};
use crate::engine::platform::agents::{fold_case, free_slug, slug_of};
use crate::engine::platform::{
    Agent, AgentChange, AgentFilter, Collection, Kept, NewAgent, RecordPage, RecordStatus, Refusal,
};
use crate::storage::encode;
use crate::storage::keys::{self, Kind};
use crate::storage::records::AgentRecord;
use crate::tenant::open::damaged;
use crate::tenant::store::Pending;
use crate::tenant::{Tenant, TenantError};
use crate::types::limits::AGENTS_MAX;
use crate::types::{AtomNo, RecordId, Timestamp};

/// What lists and references need of an agent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KnownAgent {
    id: RecordId,
    slug: String,
    /// Name and description, folded.
    searched: [String; 2],
    status: RecordStatus,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Identified for KnownAgent {
    fn id(&self) -> RecordId {
        self.id
    }
}

#[derive(Debug, Default)]
pub(super) struct Agents {
    all: Records<KnownAgent>,
    /// Callers choose the slugs, so their hashes are keyed.
    slugs: HashMap<String, AtomNo>,
}

impl KnownAgent {
    /// Whether a folded text is in its slug, its name or its description.
    fn has(&self, folded: &str) -> bool {
        // A slug is folded as it is.
        self.slug.contains(folded) || self.searched.iter().any(|text| text.contains(folded))
    }
}

impl Agents {
    fn insert(&mut self, no: AtomNo, known: KnownAgent) {
        self.remove(no);
        self.slugs.insert(known.slug.clone(), no);
        self.all.insert(no, known);
    }

    fn remove(&mut self, no: AtomNo) {
        if let Some(known) = self.all.remove(no) {
            self.slugs.remove(&known.slug);
        }
    }

    /// The slug as it was chosen, or one that follows from the name; `None` where another agent
    /// has the chosen one.
    fn slug_for(&self, chosen: Option<String>, name: &str) -> Option<String> {
        let is_taken = |slug: &str| self.slugs.contains_key(slug);
        match chosen {
            Some(slug) => (!is_taken(&slug)).then_some(slug),
            None => Some(free_slug(slug_of(name), is_taken)),
        }
    }
}

impl Tenant {
    /// Makes an agent. Refused when its actor is not there, when another one has the slug that was
    /// chosen, and when there are too many.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn create_agent(
        &mut self,
        pending: &mut Pending,
        new: NewAgent,
    ) -> Result<Kept<Agent>, TenantError> {
        self.check_before(pending)?;
        let actor_no = match self.referred_actor(new.actor.as_ref()) {
            Ok(actor) => actor.map(|no| no.0),
            Err(refusal) => return Ok(Err(refusal)),
        };
        if self.platform.agents.all.len() >= AGENTS_MAX {
            let collection = Collection::Agents;
            return Ok(Err(Refusal::Full { collection, limit: AGENTS_MAX }));
        }
        let Some(slug) = self.platform.agents.slug_for(new.slug, &new.name) else {
            return Ok(Err(Refusal::NameTaken));
        };
        let (id, no, created_at) = self.new_record();
        let record = AgentRecord {
            id: stored_id(id),
            slug,
            name: new.name,
            description: new.description,
            metadata: new.metadata.map(|metadata| metadata.as_json().to_owned()),
            actor_no,
            created_at_us: created_at.as_micros(),
            updated_at_us: created_at.as_micros(),
            archived_at_us: None,
        };
        self.put_agent(pending, no, record).map(Ok)
    }

    /// An agent, if there is one of this id.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn find_agent(&self, id: RecordId) -> Result<Option<Agent>, TenantError> {
        self.check_usable()?;
        let Some((no, _)) = self.platform.agents.all.find(id) else { return Ok(None) };
        self.get_agent(no).map(Some)
    }

    /// Changes an agent. Its slug stays unless another one is chosen. Refused as making one is.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn change_agent(
        &mut self,
        pending: &mut Pending,
        id: RecordId,
        change: AgentChange,
    ) -> Result<Kept<Agent>, TenantError> {
        self.check_before(pending)?;
        let Some((no, _)) = self.platform.agents.all.find(id) else {
            return Ok(Err(Refusal::NoSuch(Collection::Agents)));
        };
        let mut record = self.stored::<AgentRecord>(Kind::Agent, no)?;
        if let Some(actor) = change.actor {
            record.actor_no = match self.referred_actor(actor.as_ref()) {
                Ok(actor) => actor.map(|no| no.0),
                Err(refusal) => return Ok(Err(refusal)),
            };
        }
        if let Some(slug) = change.slug {
            let holder = self.platform.agents.slugs.get(&slug);
            if holder.is_some_and(|holder| *holder != no) {
                return Ok(Err(Refusal::NameTaken));
            }
            record.slug = slug;
        }
        let updated_at = Timestamp::from_micros(record.updated_at_us);
        record.name = change.name.unwrap_or(record.name);
        record.description = change.description.unwrap_or(record.description);
        if let Some(metadata) = change.metadata {
            record.metadata = metadata.map(|metadata| metadata.as_json().to_owned());
        }
        record.updated_at_us = self.change_time(updated_at).as_micros();
        match change.status {
            None => {}
            Some(RecordStatus::Active) => record.archived_at_us = None,
            Some(RecordStatus::Archived) => {
                record.archived_at_us = record.archived_at_us.or(Some(record.updated_at_us));
            }
        }
        self.put_agent(pending, no, record).map(Ok)
    }

    /// Deletes an agent, and answers what it was. What refers to it stays.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn delete_agent(
        &mut self,
        pending: &mut Pending,
        id: RecordId,
    ) -> Result<Option<Agent>, TenantError> {
        self.check_before(pending)?;
        let Some((no, _)) = self.platform.agents.all.find(id) else { return Ok(None) };
        let agent = self.get_agent(no)?;
        self.uncommitted = true;
        pending.batch.delete(keys::by_atom(self.no, Kind::Agent, no));
        self.bury(&mut pending.batch, Collection::Agents, id, None)?;
        self.platform.agents.remove(no);
        Ok(Some(agent))
    }

    /// A page of the agents that a filter lets through. A search looks at all of them.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn list_agents(
        &self,
        filter: &AgentFilter,
        request: RecordPage,
    ) -> Result<Kept<Page<Agent>>, TenantError> {
        self.check_usable()?;
        let agents = &self.platform.agents.all;
        let request = match self.numbered(Collection::Agents, agents, request) {
            Ok(request) => request,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let search = filter.search.as_deref().map(fold_case);
        let base = &filter.base;
        let list = agents.filtered(base.ids.as_deref(), |_, known| {
            base.created.contains(known.created_at)
                && base.updated.contains(known.updated_at)
                && filter.statuses.as_ref().is_none_or(|all| all.contains(&known.status))
                && search.as_ref().is_none_or(|search| known.has(search))
        });
        page(&list, &request).try_map(|(no, _)| self.get_agent(no)).map(Ok)
    }

    pub(super) fn agent_is_there(&self, id: RecordId) -> bool {
        self.platform.agents.all.has(id)
    }

    fn get_agent(&self, no: AtomNo) -> Result<Agent, TenantError> {
        Ok(self.agent_from(self.stored(Kind::Agent, no)?))
    }

    /// Writes an agent, and makes it known as it is now.
    fn put_agent(
        &mut self,
        pending: &mut Pending,
        no: AtomNo,
        record: AgentRecord,
    ) -> Result<Agent, TenantError> {
        self.uncommitted = true;
        pending.batch.put(keys::by_atom(self.no, Kind::Agent, no), encode(&record)?);
        self.platform.agents.insert(no, known_from(&record));
        Ok(self.agent_from(record))
    }

    fn agent_from(&self, record: AgentRecord) -> Agent {
        Agent {
            id: id_from(record.id),
            slug: record.slug,
            name: record.name,
            description: record.description,
            metadata: record.metadata.map(Metadata::from_checked),
            status: status_from(record.archived_at_us),
            actor: record.actor_no.and_then(|no| self.actor_key(AtomNo(no))),
            created_at: Timestamp::from_micros(record.created_at_us),
            updated_at: Timestamp::from_micros(record.updated_at_us),
            archived_at: record.archived_at_us.map(Timestamp::from_micros),
        }
    }

    /// Reads what is stored of agents.
    pub(super) fn load_agents(&mut self) -> Result<(), TenantError> {
        let mut agents = Agents::default();
        self.visit(Kind::Agent, |key, record: AgentRecord| {
            let no = keys::atom_in(key).ok_or_else(|| damaged("an agent's key"))?;
            agents.insert(no, known_from(&record));
            Ok(())
        })?;
        self.platform.agents = agents;
        Ok(())
    }
}

fn known_from(record: &AgentRecord) -> KnownAgent {
    let description = record.description.as_deref().unwrap_or_default();
    KnownAgent {
        id: id_from(record.id),
        slug: record.slug.clone(),
        searched: [fold_case(&record.name), fold_case(description)],
        status: status_from(record.archived_at_us),
        created_at: Timestamp::from_micros(record.created_at_us),
        updated_at: Timestamp::from_micros(record.updated_at_us),
    }
}

fn status_from(archived_at_us: Option<i64>) -> RecordStatus {
    match archived_at_us {
        None => RecordStatus::Active,
        Some(_) => RecordStatus::Archived,
    }
}
