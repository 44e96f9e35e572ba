//! Actors: those who take part. One is addressed by the name that its maker chose, or else by its
//! id; whoever refers to one keeps its number, so another actor of the same name, made after it was
//! deleted, is nobody they know.

use std::collections::HashMap;
use std::sync::Arc;

use super::records::stored_id;
use super::{Identified, Records, id_from};
use crate::engine::atom::Metadata;
use crate::engine::fingerprint::Fingerprint;
use crate::engine::paging::{Page, PageRequest, page};
use crate::engine::platform::{
    Actor, ActorChange, ActorFilter, ActorKey, ActorKind, ActorRef, Collection, Kept, NewActor,
    Refusal,
};
use crate::storage::encode;
use crate::storage::keys::{self, Kind};
use crate::storage::records::ActorRecord;
use crate::tenant::open::damaged;
use crate::tenant::store::Pending;
use crate::tenant::{Tenant, TenantError};
use crate::types::limits::PLATFORM_RECORDS_MAX;
use crate::types::{AtomNo, RecordId, Timestamp};

/// What lists and references need of an actor.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KnownActor {
    id: RecordId,
    chosen_name: Option<Arc<str>>,
    kind: ActorKind,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Identified for KnownActor {
    fn id(&self) -> RecordId {
        self.id
    }
}

#[derive(Debug, Default)]
pub(super) struct Actors {
    all: Records<KnownActor>,
    /// Those with a chosen name. Callers choose them, so their hashes are keyed.
    names: HashMap<Arc<str>, AtomNo>,
}

impl Actors {
    fn insert(&mut self, no: AtomNo, known: KnownActor) {
        if let Some(name) = &known.chosen_name {
            self.names.insert(Arc::clone(name), no);
        }
        self.all.insert(no, known);
    }

    fn remove(&mut self, no: AtomNo) {
        let known = self.all.remove(no);
        if let Some(name) = known.and_then(|known| known.chosen_name) {
            self.names.remove(&name);
        }
    }

    /// Whoever is meant. One with a chosen name has no other.
    fn find(&self, actor: &ActorRef) -> Option<AtomNo> {
        let named = self.names.get(actor.text.as_str()).copied();
        named.or_else(|| {
            let (no, known) = self.all.find(actor.id?)?;
            known.chosen_name.is_none().then_some(no)
        })
    }
}

fn is_let_through(filter: &ActorFilter, known: &KnownActor) -> bool {
    filter.kinds.as_ref().is_none_or(|kinds| kinds.contains(&known.kind))
        && filter.created.contains(known.created_at)
        && filter.updated.contains(known.updated_at)
}

impl Tenant {
    /// Makes an actor. Refused when the chosen name is what another one is addressed by, and when
    /// there are too many.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn create_actor(
        &mut self,
        pending: &mut Pending,
        new: NewActor,
    ) -> Result<Kept<Actor>, TenantError> {
        self.check_before(pending)?;
        if new.chosen.as_ref().is_some_and(|chosen| self.find_actor_no(chosen).is_some()) {
            return Ok(Err(Refusal::NameTaken));
        }
        if self.platform.actors.all.len() >= PLATFORM_RECORDS_MAX {
            let collection = Collection::Actors;
            return Ok(Err(Refusal::Full { collection, limit: PLATFORM_RECORDS_MAX }));
        }
        let (id, no, created_at) = self.new_record();
        let actor = Actor {
            key: ActorKey { id, name: new.chosen.map(|chosen| chosen.text) },
            kind: new.kind,
            name: new.name,
            metadata: new.metadata,
            created_at,
            updated_at: created_at,
        };
        self.put_actor(pending, no, &actor)?;
        Ok(Ok(actor))
    }

    /// Whoever is meant, if that is somebody.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn find_actor(&self, actor: &ActorRef) -> Result<Option<Actor>, TenantError> {
        self.check_usable()?;
        self.find_actor_no(actor).map_or(Ok(None), |no| self.actor_at(no))
    }

    /// Changes what an actor is called or bears.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn change_actor(
        &mut self,
        pending: &mut Pending,
        actor: &ActorRef,
        change: ActorChange,
    ) -> Result<Kept<Actor>, TenantError> {
        self.check_before(pending)?;
        let Some(no) = self.find_actor_no(actor) else {
            return Ok(Err(Refusal::NoSuch(Collection::Actors)));
        };
        let mut actor = self.get_actor(no)?;
        actor.name = change.name.unwrap_or(actor.name);
        actor.metadata = change.metadata.unwrap_or(actor.metadata);
        actor.updated_at = self.change_time(actor.updated_at);
        self.put_actor(pending, no, &actor)?;
        Ok(Ok(actor))
    }

    /// Deletes an actor, and answers what it was. What it said and whatever else refers to it
    /// stays; its name is free.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn delete_actor(
        &mut self,
        pending: &mut Pending,
        actor: &ActorRef,
    ) -> Result<Option<Actor>, TenantError> {
        self.check_before(pending)?;
        let Some(no) = self.find_actor_no(actor) else { return Ok(None) };
        let actor = self.get_actor(no)?;
        self.uncommitted = true;
        pending.batch.delete(keys::by_atom(self.no, Kind::Actor, no));
        let ActorKey { id, name } = &actor.key;
        self.bury(&mut pending.batch, Collection::Actors, *id, name.as_deref())?;
        self.platform.actors.remove(no);
        Ok(Some(actor))
    }

    /// A page of the actors that a filter lets through.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn list_actors(
        &self,
        filter: &ActorFilter,
        request: PageRequest<ActorRef>,
    ) -> Result<Kept<Page<Actor>>, TenantError> {
        self.check_usable()?;
        let Some(request) = request.resolve(|actor| self.place_of_actor(&actor)) else {
            return Ok(Err(Refusal::UnknownCursor));
        };
        let actors = &self.platform.actors;
        let known_id = |actor| Some(actors.all.get(actors.find(actor)?)?.id);
        let ids: Option<Vec<RecordId>> =
            filter.actors.as_ref().map(|actors| actors.iter().filter_map(known_id).collect());
        let list = actors.all.filtered(ids.as_deref(), |_, known| is_let_through(filter, known));
        page(&list, &request).try_map(|(no, _)| self.get_actor(no)).map(Ok)
    }

    /// The number of an actor that is there.
    pub(super) fn find_actor_no(&self, actor: &ActorRef) -> Option<AtomNo> {
        self.platform.actors.find(actor)
    }

    /// The number of an actor that a request refers to, if it does.
    pub(super) fn referred_actor(&self, actor: Option<&ActorRef>) -> Kept<Option<AtomNo>> {
        let Some(actor) = actor else { return Ok(None) };
        let no = self.find_actor_no(actor);
        no.map(Some).ok_or(Refusal::NoReference(Collection::Actors))
    }

    /// How an actor is addressed; `None` when it is gone.
    pub(super) fn actor_key(&self, no: AtomNo) -> Option<ActorKey> {
        let known = self.platform.actors.all.get(no)?;
        let name = known.chosen_name.as_deref().map(str::to_owned);
        Some(ActorKey { id: known.id, name })
    }

    /// An actor; `None` when it is gone.
    pub(super) fn actor_at(&self, no: AtomNo) -> Result<Option<Actor>, TenantError> {
        if self.platform.actors.all.get(no).is_none() {
            return Ok(None);
        }
        self.get_actor(no).map(Some)
    }

    fn get_actor(&self, no: AtomNo) -> Result<Actor, TenantError> {
        let record = self.stored::<ActorRecord>(Kind::Actor, no)?;
        actor_from(record).ok_or_else(|| damaged("an actor"))
    }

    /// Where an actor stands in the list, or stood.
    fn place_of_actor(&self, actor: &ActorRef) -> Option<AtomNo> {
        let tombstones = &self.platform.tombstones;
        let print = Fingerprint::of_opaque(&actor.text);
        self.find_actor_no(actor)
            .or_else(|| tombstones.place_of_name(print))
            .or_else(|| tombstones.place_of(Collection::Actors, actor.id?))
    }

    /// Writes an actor, and makes it known as it is now.
    fn put_actor(
        &mut self,
        pending: &mut Pending,
        no: AtomNo,
        actor: &Actor,
    ) -> Result<(), TenantError> {
        self.uncommitted = true;
        let record = record_of(actor);
        pending.batch.put(keys::by_atom(self.no, Kind::Actor, no), encode(&record)?);
        self.platform.actors.insert(no, known_from(&record).ok_or_else(|| damaged("an actor"))?);
        Ok(())
    }

    /// Reads what is stored of actors.
    pub(super) fn load_actors(&mut self) -> Result<(), TenantError> {
        let mut actors = Actors::default();
        self.visit(Kind::Actor, |key, record: ActorRecord| {
            let no = keys::atom_in(key).ok_or_else(|| damaged("an actor's key"))?;
            actors.insert(no, known_from(&record).ok_or_else(|| damaged("an actor"))?);
            Ok(())
        })?;
        self.platform.actors = actors;
        Ok(())
    }
}

fn known_from(record: &ActorRecord) -> Option<KnownActor> {
    Some(KnownActor {
        id: id_from(record.id),
        chosen_name: record.chosen_name.as_deref().map(Arc::from),
        kind: kind_from(record.kind)?,
        created_at: Timestamp::from_micros(record.created_at_us),
        updated_at: Timestamp::from_micros(record.updated_at_us),
    })
}

/// `None` for a record that another version wrote.
fn actor_from(record: ActorRecord) -> Option<Actor> {
    Some(Actor {
        key: ActorKey { id: id_from(record.id), name: record.chosen_name },
        kind: kind_from(record.kind)?,
        name: record.name,
        metadata: record.metadata.map(Metadata::from_checked),
        created_at: Timestamp::from_micros(record.created_at_us),
        updated_at: Timestamp::from_micros(record.updated_at_us),
    })
}

fn record_of(actor: &Actor) -> ActorRecord {
    ActorRecord {
        id: stored_id(actor.key.id),
        chosen_name: actor.key.name.clone(),
        kind: code_of(actor.kind),
        name: actor.name.clone(),
        metadata: actor.metadata.as_ref().map(|metadata| metadata.as_json().to_owned()),
        created_at_us: actor.created_at.as_micros(),
        updated_at_us: actor.updated_at.as_micros(),
    }
}

fn code_of(kind: ActorKind) -> u8 {
    match kind {
        ActorKind::User => 0,
        ActorKind::Assistant => 1,
        ActorKind::Tool => 2,
    }
}

fn kind_from(code: u8) -> Option<ActorKind> {
    [ActorKind::User, ActorKind::Assistant, ActorKind::Tool]
        .into_iter()
        .find(|kind| code_of(*kind) == code)
}
