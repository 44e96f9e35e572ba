//! Settings of shards and of the registry: plain data with defaults, ranges and the pure
//! functions that turn the shard file into the list of shards to open. Nothing here starts an
//! actor or touches a disk. Invariant: no edit of the shard file makes a shard that exists on
//! disk disappear from the resolved list.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

pub use super::consolidation_settings::ConsolidationSettings;
pub use super::delivery_settings::DeliverySettings;
pub use super::indexing_settings::DocumentSettings;
pub use super::jobs::JobSettings;
use super::restart::RestartPolicy;
use crate::index::IndexSettings;
use crate::types::ShardNo;

const MIB: u64 = 1024 * 1024;
/// More shards than this are a mistake: each costs a thread, files and a cache.
pub const SHARDS_MAX: u16 = 1024;

/// When a write counts as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// A write is acknowledged after the flush that covers it. Nothing acknowledged is lost.
    #[default]
    Fsync,
    /// A write is acknowledged at once and flushed within `flush_interval_ms`. A crash of the
    /// process or the machine **loses acknowledged writes** of up to that interval. For data
    /// that can be made again.
    Interval,
}

/// What one shard may use, with every override applied. The keys are those of [`ShardDefaults`],
/// where units and ranges stand.
#[derive(Debug, Clone, PartialEq)]
pub struct ShardSettings {
    pub cache_bytes: u64,
    pub durability: Durability,
    pub flush_interval_ms: u64,
    pub mailbox_capacity: usize,
    pub tenant_permits: usize,
    pub shard_permits: usize,
    pub idle_evict_s: u64,
    pub index: IndexSettings,
}

impl Default for ShardSettings {
    fn default() -> Self {
        ShardDefaults::default().resolve(&IndexSettings::default())
    }
}

/// The `[defaults]` of the shard file: what holds for every shard that does not say otherwise.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShardDefaults {
    /// Page cache of the shard's store. 1 MiB to 1 TiB.
    pub cache_bytes: u64,
    pub durability: Durability,
    /// Longest time between a write and its flush with `durability = "interval"`; not read
    /// otherwise. 1 to 60,000.
    pub flush_interval_ms: u64,
    /// Messages that wait at one tenant's actor. At least `tenant_permits`, so that whoever has
    /// a permit also finds room. 1 to 65,536.
    pub mailbox_capacity: usize,
    /// Requests in flight for one tenant; more are refused at once as overloaded. 1 to 65,536.
    pub tenant_permits: usize,
    /// Requests in flight for all tenants of the shard. At least `tenant_permits`. 1 to 65,536.
    pub shard_permits: usize,
    /// A tenant without a request for this long is closed. 1 to 604,800 (a week).
    pub idle_evict_s: u64,
    pub index: IndexOverrides,
}

impl Default for ShardDefaults {
    fn default() -> Self {
        Self {
            cache_bytes: 64 * MIB,
            durability: Durability::Fsync,
            flush_interval_ms: 200,
            mailbox_capacity: 512,
            tenant_permits: 256,
            shard_permits: 1024,
            idle_evict_s: 600,
            index: IndexOverrides::default(),
        }
    }
}

impl ShardDefaults {
    /// With the index keys that are unset here taken from `index`.
    #[must_use]
    pub fn resolve(&self, index: &IndexSettings) -> ShardSettings {
        ShardSettings {
            cache_bytes: self.cache_bytes,
            durability: self.durability,
            flush_interval_ms: self.flush_interval_ms,
            mailbox_capacity: self.mailbox_capacity,
            tenant_permits: self.tenant_permits,
            shard_permits: self.shard_permits,
            idle_evict_s: self.idle_evict_s,
            index: self.index.over(index),
        }
    }

    /// What is out of range and which limits contradict each other, each sentence beginning
    /// with its key. The ranges of the index keys are the index's own and are judged where the
    /// overrides are applied.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        check_range(&mut problems, "cache_bytes", self.cache_bytes, MIB, MIB * MIB);
        check_range(&mut problems, "flush_interval_ms", self.flush_interval_ms, 1, 60_000);
        check_range(&mut problems, "mailbox_capacity", self.mailbox_capacity, 1, 65_536);
        check_range(&mut problems, "tenant_permits", self.tenant_permits, 1, 65_536);
        check_range(&mut problems, "shard_permits", self.shard_permits, 1, 65_536);
        check_range(&mut problems, "idle_evict_s", self.idle_evict_s, 1, 604_800);
        if self.tenant_permits > self.shard_permits {
            problems.push(format!(
                "tenant_permits is {}, more than shard_permits ({}), so one tenant could never use \
                 it; lower tenant_permits or raise shard_permits",
                self.tenant_permits, self.shard_permits
            ));
        }
        if self.mailbox_capacity < self.tenant_permits {
            problems.push(format!(
                "mailbox_capacity is {}, less than tenant_permits ({}), so admitted requests would \
                 find the mailbox full; raise it to at least {}",
                self.mailbox_capacity, self.tenant_permits, self.tenant_permits
            ));
        }
        problems
    }
}

/// Index parameters that differ from the `[index]` section of the main configuration. An absent
/// key keeps that section's value; meanings and ranges are described there.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IndexOverrides {
    pub exact_rows_max: Option<usize>,
    pub connectivity: Option<usize>,
    pub expansion_add: Option<usize>,
    pub expansion_search: Option<usize>,
    pub dead_share_max: Option<f32>,
}

impl IndexOverrides {
    /// The keys set here over those of `base`.
    #[must_use]
    pub fn over(&self, base: &IndexSettings) -> IndexSettings {
        IndexSettings {
            exact_rows_max: self.exact_rows_max.unwrap_or(base.exact_rows_max),
            connectivity: self.connectivity.unwrap_or(base.connectivity),
            expansion_add: self.expansion_add.unwrap_or(base.expansion_add),
            expansion_search: self.expansion_search.unwrap_or(base.expansion_search),
            dead_share_max: self.dead_share_max.unwrap_or(base.dead_share_max),
        }
    }
}

/// One `[[shard]]` of the shard file. Every key but `no` is optional: an absent one keeps the
/// value of `[defaults]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardEntry {
    /// The shard's number. Tenants are assigned to it for good, so it is never reused for
    /// another shard. 0 to 1,023.
    pub no: u16,
    /// The shard's directory; relative to the data directory. Absent: `shards/<no>`.
    pub path: Option<PathBuf>,
    pub cache_bytes: Option<u64>,
    pub durability: Option<Durability>,
    pub flush_interval_ms: Option<u64>,
    pub mailbox_capacity: Option<usize>,
    pub tenant_permits: Option<usize>,
    pub shard_permits: Option<usize>,
    pub idle_evict_s: Option<u64>,
    #[serde(default)]
    pub index: IndexOverrides,
}

impl ShardEntry {
    /// The shard's directory as written, or the one that follows from its number.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.path.clone().unwrap_or_else(|| default_path(ShardNo(self.no)))
    }

    /// What this shard asks for: its own keys over `defaults`.
    #[must_use]
    pub fn over(&self, defaults: &ShardDefaults) -> ShardDefaults {
        let (own, base) = (&self.index, &defaults.index);
        ShardDefaults {
            cache_bytes: self.cache_bytes.unwrap_or(defaults.cache_bytes),
            durability: self.durability.unwrap_or(defaults.durability),
            flush_interval_ms: self.flush_interval_ms.unwrap_or(defaults.flush_interval_ms),
            mailbox_capacity: self.mailbox_capacity.unwrap_or(defaults.mailbox_capacity),
            tenant_permits: self.tenant_permits.unwrap_or(defaults.tenant_permits),
            shard_permits: self.shard_permits.unwrap_or(defaults.shard_permits),
            idle_evict_s: self.idle_evict_s.unwrap_or(defaults.idle_evict_s),
            index: IndexOverrides {
                exact_rows_max: own.exact_rows_max.or(base.exact_rows_max),
                connectivity: own.connectivity.or(base.connectivity),
                expansion_add: own.expansion_add.or(base.expansion_add),
                expansion_search: own.expansion_search.or(base.expansion_search),
                dead_share_max: own.dead_share_max.or(base.dead_share_max),
            },
        }
    }
}

/// The shard file. An empty list of shards means one shard per core.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShardsFile {
    pub defaults: ShardDefaults,
    pub shard: Vec<ShardEntry>,
}

impl ShardsFile {
    /// What is wrong with the defaults, with each shard's effective settings, and with the list
    /// as a whole. Sentences begin with `defaults.<key>` or `shard[<position>].<key>`.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let in_defaults = self.defaults.problems();
        let mut problems: Vec<_> =
            in_defaults.iter().map(|problem| format!("defaults.{problem}")).collect();
        let mut number_taken = BTreeMap::new();
        let mut path_taken = BTreeMap::new();
        for (position, entry) in self.shard.iter().enumerate() {
            let place = format!("shard[{position}]");
            for problem in entry.over(&self.defaults).problems() {
                // A value inherited from the defaults is reported once, there.
                if !in_defaults.contains(&problem) {
                    problems.push(format!("{place}.{problem}"));
                }
            }
            check_range(&mut problems, &format!("{place}.no"), entry.no, 0, SHARDS_MAX - 1);
            if let Some(first) = number_taken.insert(entry.no, position) {
                problems.push(format!(
                    "{place}.no is {}, the number of shard[{first}] too; give every shard its own",
                    entry.no
                ));
                continue;
            }
            let path = entry.directory();
            if path.as_os_str().is_empty() {
                problems.push(format!(
                    "{place}.path is empty; name a directory, or leave the key out for shards/<no>"
                ));
            }
            if let Some(first) = path_taken.insert(path.clone(), position) {
                problems.push(format!(
                    "{place}.path is {}, the directory of shard[{first}] too; two shards cannot \
                     share one",
                    path.display()
                ));
            }
        }
        problems
    }
}

/// One shard to open.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedShard {
    pub no: ShardNo,
    /// The shard's directory; absolute when the data directory or the entry's path is.
    pub path: PathBuf,
    pub settings: ShardSettings,
    /// False for a shard that exists on disk but is no longer asked for: it keeps serving the
    /// tenants it has and is given no new ones.
    pub takes_new_tenants: bool,
}

/// Which shards to open: those of the file, or one per core where it lists none, and besides
/// them every shard whose directory exists, because tenants live there. `existing` are the
/// numbers found as `shards/<no>` in the data directory. `index` holds for what a shard does not
/// override. Ordered by number; never empty.
#[must_use]
pub fn resolve_shards(
    file: &ShardsFile,
    index: &IndexSettings,
    data_dir: &Path,
    cores: usize,
    existing: &[ShardNo],
) -> Vec<ResolvedShard> {
    let mut resolved: BTreeMap<ShardNo, ResolvedShard> = BTreeMap::new();
    for entry in &file.shard {
        let no = ShardNo(entry.no);
        let shard = ResolvedShard {
            no,
            path: data_dir.join(entry.directory()),
            settings: entry.over(&file.defaults).resolve(index),
            takes_new_tenants: true,
        };
        resolved.insert(no, shard);
    }
    let wanted = if file.shard.is_empty() {
        u16::try_from(cores).unwrap_or(SHARDS_MAX).clamp(1, SHARDS_MAX)
    } else {
        0
    };
    let unlisted: BTreeSet<_> = (0..wanted).map(ShardNo).chain(existing.iter().copied()).collect();
    for no in unlisted {
        resolved.entry(no).or_insert_with(|| ResolvedShard {
            no,
            path: data_dir.join(default_path(no)),
            settings: file.defaults.resolve(index),
            takes_new_tenants: no.0 < wanted,
        });
    }
    resolved.into_values().collect()
}

/// How the registry opens, closes and restarts tenants.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistrySettings {
    /// How long a request waits for its tenant to be read from disk. 10 to 600,000.
    pub tenant_open_timeout_ms: u64,
    /// How often idle tenants are looked for. 1 to 3,600, and at most every shard's
    /// `idle_evict_s`.
    pub eviction_interval_s: u64,
    /// Crashes of one tenant are counted over this long. 1 to 86,400.
    pub crash_window_s: u64,
    /// So many crashes within the window put the tenant into quarantine. 1 to 1,000.
    pub crashes_max: u32,
    /// Pause after the second crash within the window; it doubles with each further one. 1 to 60,000.
    pub restart_backoff_initial_ms: u64,
    /// Upper bound of that pause. From `restart_backoff_initial_ms` to 600,000.
    pub restart_backoff_max_ms: u64,
    /// A tenant in quarantine is refused for this long, then tried once more. 1 to 604,800.
    pub quarantine_s: u64,
    /// Tenants open at one time; past it the longest idle one is closed first. 1 to 10,000,000.
    pub open_tenants_max: usize,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self {
            tenant_open_timeout_ms: 10_000,
            eviction_interval_s: 30,
            crash_window_s: 60,
            crashes_max: 5,
            restart_backoff_initial_ms: 100,
            restart_backoff_max_ms: 5_000,
            quarantine_s: 300,
            open_tenants_max: 10_000,
        }
    }
}

impl RegistrySettings {
    /// The part that decides about restarts.
    #[must_use]
    pub fn restart_policy(&self) -> RestartPolicy {
        RestartPolicy {
            window: Duration::from_secs(self.crash_window_s),
            crashes_max: usize::try_from(self.crashes_max).unwrap_or(usize::MAX),
            backoff_initial: Duration::from_millis(self.restart_backoff_initial_ms),
            backoff_max: Duration::from_millis(self.restart_backoff_max_ms),
            quarantine: Duration::from_secs(self.quarantine_s),
        }
    }

    /// What is out of range and what contradicts, each sentence beginning with its key.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let (initial, most) = (self.restart_backoff_initial_ms, self.restart_backoff_max_ms);
        let timeout = self.tenant_open_timeout_ms;
        let mut problems = Vec::new();
        check_range(&mut problems, "tenant_open_timeout_ms", timeout, 10, 600_000);
        check_range(&mut problems, "eviction_interval_s", self.eviction_interval_s, 1, 3_600);
        check_range(&mut problems, "crash_window_s", self.crash_window_s, 1, 86_400);
        check_range(&mut problems, "crashes_max", self.crashes_max, 1, 1_000);
        check_range(&mut problems, "restart_backoff_initial_ms", initial, 1, 60_000);
        check_range(&mut problems, "restart_backoff_max_ms", most, 1, 600_000);
        check_range(&mut problems, "quarantine_s", self.quarantine_s, 1, 604_800);
        check_range(&mut problems, "open_tenants_max", self.open_tenants_max, 1, 10_000_000);
        if !problems.is_empty() {
            // The relations below would only repeat what a value out of range causes.
            return problems;
        }
        if initial > most {
            problems.push(format!(
                "restart_backoff_max_ms is {most}, less than restart_backoff_initial_ms \
                 ({initial}); raise it to at least {initial}"
            ));
        }
        let pauses_ms = self.restart_pauses_ms();
        if pauses_ms >= self.crash_window_s.saturating_mul(1_000) {
            problems.push(format!(
                "crash_window_s is {}, but the pauses before {} crashes take {} s, so a tenant \
                 that keeps crashing would never be put into quarantine; widen the window, or \
                 lower crashes_max or the backoff",
                self.crash_window_s,
                self.crashes_max,
                pauses_ms.div_ceil(1_000),
            ));
        }
        problems
    }

    /// All pauses between the first crash and the one that leads into quarantine.
    fn restart_pauses_ms(&self) -> u64 {
        let mut pause_ms = self.restart_backoff_initial_ms;
        let mut total_ms = 0_u64;
        // A first crash has no pause, and none follows the last.
        for _ in 2..self.crashes_max {
            total_ms = total_ms.saturating_add(pause_ms);
            pause_ms = pause_ms.saturating_mul(2).min(self.restart_backoff_max_ms);
        }
        total_ms
    }
}

pub(in crate::actors) fn check_range<T: PartialOrd + fmt::Display>(
    problems: &mut Vec<String>,
    key: &str,
    actual: T,
    least: T,
    most: T,
) {
    if actual < least || actual > most {
        problems.push(format!("{key} is {actual}, must be {least} to {most}"));
    }
}

fn default_path(no: ShardNo) -> PathBuf {
    Path::new("shards").join(no.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(problems: &[String]) -> Vec<&str> {
        problems.iter().map(|problem| problem.split(' ').next().unwrap()).collect()
    }

    fn numbers(shards: &[ResolvedShard]) -> Vec<(u16, bool)> {
        shards.iter().map(|shard| (shard.no.0, shard.takes_new_tenants)).collect()
    }

    fn resolve(file: &str, cores: usize, existing: &[u16]) -> Vec<ResolvedShard> {
        let file: ShardsFile = toml::from_str(file).unwrap();
        let existing: Vec<_> = existing.iter().copied().map(ShardNo).collect();
        let index = IndexSettings { expansion_add: 99, ..IndexSettings::default() };
        resolve_shards(&file, &index, Path::new("/data"), cores, &existing)
    }

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(ShardsFile::default().problems(), Vec::<String>::new());
        assert_eq!(RegistrySettings::default().problems(), Vec::<String>::new());
    }

    #[test]
    fn an_empty_file_means_one_shard_per_core_and_never_none() {
        assert_eq!(numbers(&resolve("", 3, &[])), [(0, true), (1, true), (2, true)]);
        assert_eq!(numbers(&resolve("", 0, &[])), [(0, true)]);
        assert_eq!(resolve("", usize::MAX, &[]).len(), usize::from(SHARDS_MAX));
        assert_eq!(resolve("", 1, &[]).first().unwrap().path, Path::new("/data/shards/0"));
    }

    #[test]
    fn shards_on_disk_stay_when_cores_or_the_file_shrink() {
        assert_eq!(numbers(&resolve("", 1, &[0, 1, 7])), [(0, true), (1, false), (7, false)]);
        assert_eq!(numbers(&resolve("[[shard]]\nno = 3\n", 8, &[0, 3])), [(0, false), (3, true)]);
    }

    #[test]
    fn an_entry_overrides_the_defaults_key_by_key() {
        let text = "[defaults]\ntenant_permits = 8\nindex.connectivity = 24\n\
                    [[shard]]\nno = 1\npath = \"/fast/one\"\nshard_permits = 16\n\
                    durability = \"interval\"\nindex.expansion_search = 200\n\
                    [[shard]]\nno = 0\n";
        let shards = resolve(text, 4, &[]);
        assert_eq!(numbers(&shards), [(0, true), (1, true)]);
        let one = shards.last().unwrap();
        assert_eq!(one.path, Path::new("/fast/one"));
        assert_eq!(one.settings.tenant_permits, 8);
        assert_eq!(one.settings.shard_permits, 16);
        assert_eq!(one.settings.durability, Durability::Interval);
        let index = one.settings.index;
        assert_eq!(
            (index.connectivity, index.expansion_search, index.expansion_add),
            (24, 200, 99)
        );
        let base = IndexSettings::default().expansion_search;
        assert_eq!(shards.first().unwrap().settings.index.expansion_search, base);
    }

    #[test]
    fn contradicting_limits_are_told_once_where_they_are_set() {
        let file: ShardsFile = toml::from_str(
            "[defaults]\nmailbox_capacity = 2\ntenant_permits = 4\nshard_permits = 4\n\
             [[shard]]\nno = 0\n[[shard]]\nno = 1\nshard_permits = 3\n",
        )
        .unwrap();
        let problems = file.problems();
        assert_eq!(keys(&problems), ["defaults.mailbox_capacity", "shard[1].tenant_permits"]);
    }

    #[test]
    fn numbers_and_directories_of_shards_are_their_own() {
        let file: ShardsFile = toml::from_str(
            "[[shard]]\nno = 1\n[[shard]]\nno = 1\n[[shard]]\nno = 2\npath = \"shards/1\"\n\
             [[shard]]\nno = 1024\n[[shard]]\nno = 5\npath = \"\"\n",
        )
        .unwrap();
        assert_eq!(
            keys(&file.problems()),
            ["shard[1].no", "shard[2].path", "shard[3].no", "shard[4].path"]
        );
    }

    #[test]
    fn a_crash_budget_that_the_backoff_makes_unreachable_is_a_problem() {
        let settings = RegistrySettings {
            crashes_max: 30,
            restart_backoff_max_ms: 60_000,
            ..RegistrySettings::default()
        };
        assert_eq!(keys(&settings.problems()), ["crash_window_s"]);
        let settings =
            RegistrySettings { restart_backoff_max_ms: 50, ..RegistrySettings::default() };
        assert_eq!(keys(&settings.problems()), ["restart_backoff_max_ms"]);
        let settings = RegistrySettings { crashes_max: 0, ..RegistrySettings::default() };
        assert_eq!(keys(&settings.problems()), ["crashes_max"]);
    }
}
