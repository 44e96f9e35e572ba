//! The vector indexes' life: caches on disk, graph builds off this thread, and compaction of a
//! domain whose rows are mostly dead.

use std::path::PathBuf;

use super::open::{damaged, vector_from};
use super::{Place, Tenant, TenantError};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::text::Analysis;
use crate::index::{Graph, GraphBuild, IndexError, Loaded};

/// A graph to be built elsewhere: plain data, no reference into the tenant.
pub struct IndexBuild {
    domain_no: u32,
    build: GraphBuild,
}

/// A built graph on its way back.
pub struct BuiltIndex {
    domain_no: u32,
    graph: Graph,
}

impl IndexBuild {
    /// Builds. Takes about 0.1 ms a vector on one core; for the blocking pool.
    ///
    /// # Errors
    /// When usearch has no memory left.
    pub fn run(self) -> Result<BuiltIndex, IndexError> {
        Ok(BuiltIndex { domain_no: self.domain_no, graph: self.build.build()? })
    }
}

impl Tenant {
    /// The next graph that is due, if any.
    pub fn plan_index_build(&mut self) -> Option<IndexBuild> {
        self.domains.iter().find_map(|(number, domain)| {
            let build = domain.vectors.plan_build()?;
            Some(IndexBuild { domain_no: *number, build })
        })
    }

    /// Puts a graph built from an earlier snapshot to use. One of a domain that is gone, or that
    /// was rebuilt since, is dropped.
    pub fn adopt_index(&mut self, built: BuiltIndex) {
        if let Some(domain) = self.domains.get_mut(&built.domain_no) {
            domain.vectors.adopt(built.graph);
        }
    }

    fn index_path(&self, domain_no: u32) -> PathBuf {
        self.index_dir.join(format!("{domain_no}.hnsw"))
    }

    /// Loads what can be trusted; everything else is built again in time.
    pub(super) fn load_index_caches(&mut self) {
        self.remove_caches_of_no_domain();
        for number in self.domains.keys().copied().collect::<Vec<_>>() {
            let path = self.index_path(number);
            let Some(domain) = self.domains.get_mut(&number) else { continue };
            let reason = match domain.vectors.load(&path, &self.embedder) {
                Ok(Loaded::Adopted | Loaded::Missing) => continue,
                Ok(Loaded::Mismatch(reason)) => reason.to_owned(),
                Err(error) => error.to_string(),
            };
            tracing::info!(
                tenant.no = self.no.0,
                domain.no = number,
                reason = %reason,
                "index cache is not usable and will be rebuilt from storage"
            );
            self.remove_index_cache(number);
        }
    }

    /// Saves every graph whose vectors all belong to live atoms; a graph that still holds a
    /// deleted atom's vector never reaches the disk.
    pub(super) fn save_index_caches(&self) {
        for (number, domain) in &self.domains {
            if domain.vectors.scans_exactly() {
                continue;
            }
            let path = self.index_path(*number);
            let saved = std::fs::create_dir_all(&self.index_dir)
                .map_err(|error| error.to_string())
                .and_then(|()| {
                    domain.vectors.save(&path, &self.embedder).map_err(|error| error.to_string())
                });
            match saved {
                Ok(true) => {}
                Ok(false) => self.remove_index_cache(*number),
                Err(reason) => {
                    tracing::warn!(tenant.no = self.no.0, reason, "index cache could not be saved");
                }
            }
        }
    }

    /// A domain may have gone in a crash, before its cache did.
    fn remove_caches_of_no_domain(&self) {
        let Ok(entries) = std::fs::read_dir(&self.index_dir) else { return };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            let is_cache = path.extension().is_some_and(|extension| extension == "hnsw");
            let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u32>().ok());
            if let Some(number) =
                number.filter(|number| is_cache && !self.domains.contains_key(number))
            {
                self.remove_index_cache(number);
            }
        }
    }

    pub(super) fn remove_index_cache(&self, domain_no: u32) {
        let path = self.index_path(domain_no);
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::error!(path = %path.display(), error = %error, "index cache not removed");
        }
    }

    /// Numbers a domain's rows anew from its live entries. Takes about 10 us a live row.
    pub(super) fn rebuild_domain(&mut self, domain_no: u32) -> Result<(), TenantError> {
        let Some(old) = self.domains.remove(&domain_no) else { return Ok(()) };
        let live: Vec<_> = old.live_rows().map(|(_, row)| row.clone()).collect();
        // What follows fills memory from storage; a failure on the way leaves it half filled.
        self.uncommitted = true;
        let belongs = |place: &Place| place.domain_no == domain_no;
        self.external_refs.retain(|_, place| !belongs(place));
        for places in self.fingerprints.values_mut().chain(self.concept_atoms.values_mut()) {
            places.retain(|place| !belongs(place));
        }
        self.add_domain(domain_no, old.name);
        for row in live {
            let entry = self.entry_of(row.no)?;
            // Counted again a moment later.
            if let Some(count) = self.content_counts.get_mut(&Fingerprint(entry.content_print)) {
                *count -= 1;
            }
            let analysis = Analysis::from_bytes(&entry.analysis)
                .ok_or_else(|| damaged("an entry's analysis"))?;
            let vector = entry.vector.as_ref().map(vector_from);
            self.remember(&entry, row, &analysis, vector.as_ref())?;
        }
        self.restore_represented(domain_no);
        self.content_counts.retain(|_, count| *count > 0);
        self.fingerprints.retain(|_, places| !places.is_empty());
        self.concept_atoms.retain(|_, places| !places.is_empty());
        self.uncommitted = false;
        Ok(())
    }
}
