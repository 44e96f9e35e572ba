//! hebbd: a memory server for AI agents. Modules in dependency order; `tests/architecture.rs`
//! enforces who may import whom, `ARCHITECTURE.md` says why.

pub mod actors; // mailboxes, supervision, shards
pub mod api; // HTTP and the dialects
pub mod app; // the composition root
pub mod cli;
pub mod config; // one value holding every module's settings
pub mod control; // who exists and what they are allowed
pub mod embedding; // text to vectors
pub mod engine; // pure rules of memory: analysis, ranking, gate, graph
pub mod extraction; // files to plain text, the hard formats in a child process
pub mod index; // nearest neighbours; the only code that names usearch
pub mod llm; // answers of language models
pub mod observability; // logs and metrics
pub mod outbound; // how clients of endpoints elsewhere are built and when they ask again
pub mod service; // what any dialect may ask for
pub mod storage; // durable keys and values; the only code that names sled
pub mod tenant; // one tenant's state: store, indexes and graph in step
pub mod types; // ids, time, limits, vectors, error kinds // the command line
