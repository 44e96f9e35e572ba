//! The rules of memory. PURE: no I/O, no async, no clock, no hidden randomness, no logging. A
//! function here takes data and returns data; `tenant` does what it says.

pub mod atom;
pub mod concepts;
mod dates;
pub mod fingerprint;
pub mod gate;
pub mod graph;
mod lexical;
mod lexicon;
pub mod memory;
pub mod params;
pub mod query;
pub mod retrieval;
pub mod synonyms;
pub mod text;
mod timeline;
