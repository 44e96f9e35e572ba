//! The rules of memory. PURE: no I/O, no async, no clock, no hidden randomness, no logging. A
//! function here takes data and returns data; `tenant` does what it says.

pub mod answer;
pub mod atom;
pub mod centring;
pub mod chunking;
pub mod concepts;
pub mod confidence;
pub mod consolidation;
pub mod cues;
mod dates;
pub mod documents;
mod enumeration;
pub mod facts;
pub mod feedback;
pub mod fingerprint;
pub mod gate;
pub mod graph;
mod graph_view;
pub mod jobs;
pub mod knowledge;
mod lexical;
mod lexicon;
pub mod memory;
pub mod metadata_filter;
pub mod params;
pub mod prepared;
mod prose;
pub mod query;
pub mod recollection;
mod reinforcement;
pub mod retrieval;
pub mod second_pass;
pub mod synonyms;
pub mod text;
mod timeline;
