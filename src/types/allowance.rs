//! What a tenant's plan lets it use, as the tenant needs to know it.

/// `None` means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowance {
    /// Questions per UTC day.
    pub queries_per_day: Option<u64>,
    /// Atoms stored at one time.
    pub atoms_max: Option<u64>,
    /// Metered tokens sent in per UTC day.
    pub tokens_in_per_day: Option<u64>,
    /// Metered tokens answered with per UTC day.
    pub tokens_out_per_day: Option<u64>,
    /// Documents and files of applications kept at one time, together.
    pub documents_max: Option<u64>,
    /// Bytes of them, of documents those of their originals.
    pub document_bytes_max: Option<u64>,
}
