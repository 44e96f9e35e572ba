//! The fields of a body or a query, however they were written. A reader looks at them one by one and
//! gathers everything that is wrong, so that all of it is told together. JSON and forms give the same
//! for the same values: what a text means is decided by the field it stands in.
//!
//! A converter is a function from an [`Object`] to what the service is asked; it looks at every field
//! first and gives up only then:
//!
//! ```text
//! fn new_actor(fields: &Object<'_>) -> Option<NewActor> {
//!     let kind = fields.required("type", &choice(KINDS));
//!     let name = fields.required("name", &text_of(1..=200));
//!     let metadata = fields.optional("metadata", &metadata());
//!     Some(NewActor { kind: kind?, name: name?, metadata, .. })
//! }
//! let new = body.read(new_actor)?;
//! ```

mod extract;
mod form;
mod kinds;
mod object;
mod place;

pub(super) use extract::{Body, Query};
pub(super) use kinds::{
    Kind, choice, integer, list, metadata, number, own_id, reference, text, text_as, text_of,
    text_or_object, time_by, time_to_come,
};
pub(super) use object::{Object, Value};
pub(super) use place::{Place, Wrong};

#[cfg(test)]
mod tests;
