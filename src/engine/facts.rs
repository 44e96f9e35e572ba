//! PLACEHOLDER until the facts branch is merged.
/// Domain of derived facts.
#[must_use]
pub fn derived_domain(domain: &str) -> String {
    format!("{domain}~facts")
}
