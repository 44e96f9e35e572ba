//! Every fixed bound in one place. What an operator may tune lives in a `Settings` struct of the
//! module it concerns; what is here is a property of a contract or of the design.

/// Characters (Unicode scalar values) in one atom's content.
pub const CONTENT_CHARS_MAX: usize = 10_000;
/// Characters in one query.
pub const QUERY_CHARS_MAX: usize = 5_000;
/// Concepts of one atom. Linking them pairwise costs the square of this.
pub const ATOM_CONCEPTS_MAX: usize = 256;
/// Concepts sent with one query.
pub const QUERY_CONCEPTS_MAX: usize = 50;
/// Characters in one concept.
pub const CONCEPT_CHARS_MAX: usize = 200;
/// Characters in a domain name.
pub const DOMAIN_CHARS_MAX: usize = 100;
/// Bytes of one atom's metadata as compact JSON.
pub const METADATA_BYTES_MAX: usize = 65_536;
/// Characters in an external reference.
pub const EXTERNAL_REF_CHARS_MAX: usize = 255;
/// Characters in a caller's fingerprint.
pub const FINGERPRINT_CHARS_MAX: usize = 512;
/// Items of one write batch.
pub const WRITE_BATCH_MAX: usize = 500;
/// Queries of one read batch.
pub const READ_BATCH_MAX: usize = 50;
/// Results of one read.
pub const TOP_K_MAX: usize = 100;
/// Atoms in one page of an export.
pub const EXPORT_PAGE_MAX: usize = 256;
/// Stored bytes after which a page of an export ends.
pub const EXPORT_PAGE_BYTES: usize = 1024 * 1024;
/// Bytes of one request body: a batch of 500 atoms of ordinary size with metadata.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Concepts taken from the text of one atom, and of one query.
pub const EXTRACTED_CONCEPTS_MAX: usize = 10;
/// Edges kept at one concept; the weakest make room.
pub const CONCEPT_DEGREE_MAX: usize = 64;
