//! The sled engine. One database holds one fixed tree: a tree per tenant costs 80 to 100 kB each
//! on disk and quadratic time, a key prefix costs nothing (docs/decisions). Opening never panics
//! and never deletes anything: a damaged snapshot is moved aside and rebuilt from the log.

use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{AtomicBatch, Change, StorageError, Store, Visit, scan_start};

/// How long the lock of a process that was just killed may linger, and how often to look.
const LOCK_WAIT: Duration = Duration::from_secs(5);
const LOCK_RETRY: Duration = Duration::from_millis(50);

const TREE: &str = "records";

#[derive(Debug, Clone)]
pub struct SledSettings {
    /// Directory of the database; created when missing.
    pub path: PathBuf,
    /// Bytes of page cache. sled's own default is 1 GB, which no shard should take unasked.
    pub cache_bytes: u64,
}

pub struct SledStore {
    db: sled::Db,
    tree: sled::Tree,
    path: PathBuf,
}

impl SledStore {
    /// Opens or creates the database. Waits up to five seconds for a lingering lock.
    ///
    /// # Errors
    /// [`StorageError::Locked`] while another process holds it, [`StorageError::Damaged`] when
    /// the log cannot be read even without its snapshot, [`StorageError::Io`] otherwise.
    pub fn open(settings: &SledSettings) -> Result<Self, StorageError> {
        match Self::open_waiting_for_lock(settings) {
            Err(StorageError::Damaged { path, detail }) => {
                let moved = quarantine_snapshots(&settings.path)?;
                if moved == 0 {
                    return Err(StorageError::Damaged { path, detail });
                }
                tracing::warn!(
                    storage.path = %settings.path.display(),
                    snapshots = moved,
                    "moved damaged snapshots to `quarantine/` and rebuilding from the log"
                );
                Self::open_waiting_for_lock(settings)
            }
            result => result,
        }
    }

    fn open_waiting_for_lock(settings: &SledSettings) -> Result<Self, StorageError> {
        let mut waited = Duration::ZERO;
        loop {
            match Self::open_once(settings) {
                Err(StorageError::Locked { .. }) if waited < LOCK_WAIT => {
                    #[allow(
                        clippy::disallowed_methods,
                        reason = "opening is blocking by contract"
                    )]
                    std::thread::sleep(LOCK_RETRY);
                    waited += LOCK_RETRY;
                }
                result => return result,
            }
        }
    }

    /// sled reports some kinds of damage as an error and some by panicking; both end here.
    fn open_once(settings: &SledSettings) -> Result<Self, StorageError> {
        let path = settings.path.clone();
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let db = sled::Config::new()
                .path(&settings.path)
                .cache_capacity(settings.cache_bytes)
                .flush_every_ms(None)
                .open()?;
            let tree = db.open_tree(TREE)?;
            Ok((db, tree))
        }));
        match opened {
            Ok(Ok((db, tree))) => Ok(Self { db, tree, path }),
            Ok(Err(error)) => Err(describe(&path, &error)),
            Err(_) => Err(StorageError::Damaged {
                path: path.display().to_string(),
                detail: "the storage engine gave up while opening it".to_owned(),
            }),
        }
    }
}

fn describe(path: &Path, error: &sled::Error) -> StorageError {
    let path = path.display().to_string();
    match error {
        sled::Error::Corruption { .. } => {
            StorageError::Damaged { path, detail: "checksum mismatch".to_owned() }
        }
        sled::Error::Io(io) if is_lock_failure(io) => StorageError::Locked { path },
        other => StorageError::Io { detail: other.to_string() },
    }
}

/// sled wraps the lock's `WouldBlock` into an error of kind `Other` with this text.
fn is_lock_failure(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::WouldBlock
        || error.to_string().contains("could not acquire lock")
}

/// Moves `snap.*` files into `quarantine/`, replacing nothing, and says how many.
fn quarantine_snapshots(path: &Path) -> Result<usize, StorageError> {
    let io = |error: std::io::Error| StorageError::Io { detail: error.to_string() };
    let quarantine = path.join("quarantine");
    let mut moved = 0;
    for entry in std::fs::read_dir(path).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        if !name.to_string_lossy().starts_with("snap.") {
            continue;
        }
        std::fs::create_dir_all(&quarantine).map_err(io)?;
        let mut target = quarantine.join(&name);
        let mut attempt = 1;
        while target.exists() {
            attempt += 1;
            target = quarantine.join(format!("{}.{attempt}", name.to_string_lossy()));
        }
        std::fs::rename(entry.path(), target).map_err(io)?;
        moved += 1;
    }
    Ok(moved)
}

/// Prepared records applied at a time: about half a millisecond in which nobody reads.
const PIECE_RECORDS: usize = 48;

impl Store for SledStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let value = self.tree.get(key).map_err(|error| describe(&self.path, &error))?;
        Ok(value.map(|bytes| bytes.to_vec()))
    }

    fn for_each(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> Visit,
    ) -> Result<(), StorageError> {
        let range = (scan_start(prefix, after), Bound::Unbounded);
        for pair in self.tree.range::<&[u8], _>(range) {
            let (key, value) = pair.map_err(|error| describe(&self.path, &error))?;
            if !key.starts_with(prefix) || visit(&key, &value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn apply(&self, batch: &AtomicBatch) -> Result<(), StorageError> {
        let describe = |error: &sled::Error| describe(&self.path, error);
        // sled lets nobody read while it applies a batch.
        let ahead = match batch.len() > PIECE_RECORDS {
            true => batch.prepared.len(),
            false => 0,
        };
        let (pieces, rest) = batch.prepared.split_at(ahead);
        for piece in pieces.chunks(PIECE_RECORDS) {
            let mut native = sled::Batch::default();
            for (key, value) in piece {
                native.insert(key.as_slice(), value.as_slice());
            }
            self.tree.apply_batch(native).map_err(|error| describe(&error))?;
            std::thread::yield_now();
        }
        let mut native = sled::Batch::default();
        for (key, value) in rest {
            native.insert(key.as_slice(), value.as_slice());
        }
        for change in &batch.changes {
            match change {
                Change::Put { key, value } => native.insert(key.as_slice(), value.as_slice()),
                Change::Delete { key } => native.remove(key.as_slice()),
            }
        }
        self.tree.apply_batch(native).map_err(|error| describe(&error))
    }

    fn flush(&self) -> Result<(), StorageError> {
        self.db.flush().map(drop).map_err(|error| describe(&self.path, &error))
    }

    fn disk_bytes(&self) -> u64 {
        self.db.size_on_disk().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(path: &Path) -> SledSettings {
        SledSettings { path: path.to_owned(), cache_bytes: 1 << 20 }
    }

    fn one_put(key: &[u8], value: &[u8]) -> AtomicBatch {
        let mut batch = AtomicBatch::new(1);
        batch.put(key.to_vec(), value.to_vec());
        batch
    }

    #[test]
    fn a_batch_is_seen_whole_and_survives_reopening() {
        let dir = tempfile::tempdir().unwrap();
        {
            let store = SledStore::open(&settings(dir.path())).unwrap();
            let mut batch = one_put(b"a", b"1");
            batch.put(b"b".to_vec(), b"2".to_vec());
            batch.delete(b"a".to_vec());
            store.apply(&batch).unwrap();
            store.flush().unwrap();
        }
        let store = SledStore::open(&settings(dir.path())).unwrap();
        assert_eq!(store.get(b"a").unwrap(), None);
        assert_eq!(store.get(b"b").unwrap(), Some(b"2".to_vec()));
    }

    #[test]
    fn a_scan_stays_inside_its_prefix_and_continues_after_a_key() {
        let dir = tempfile::tempdir().unwrap();
        let store = SledStore::open(&settings(dir.path())).unwrap();
        for key in [&b"aa"[..], b"ab1", b"ab2", b"ab3", b"ac"] {
            store.apply(&one_put(key, b"x")).unwrap();
        }
        let keys = |after: Option<&[u8]>, limit| -> Vec<Vec<u8>> {
            let pairs = store.scan(b"ab", after, limit).unwrap();
            pairs.into_iter().map(|(key, _)| key).collect()
        };
        assert_eq!(keys(None, 2), [b"ab1".to_vec(), b"ab2".to_vec()]);
        assert_eq!(keys(Some(b"ab2"), 10), [b"ab3".to_vec()]);
        assert!(keys(None, 0).is_empty());
        assert_eq!(store.delete_prefix(b"ab", None, 1, 2).unwrap(), 2);
        assert_eq!(keys(None, 10), [b"ab3".to_vec()]);
    }

    #[test]
    fn a_second_opening_reports_the_lock_instead_of_waiting_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let _first = SledStore::open(&settings(dir.path())).unwrap();
        let second = SledStore::open_once(&settings(dir.path()));
        assert!(matches!(second, Err(StorageError::Locked { .. })));
    }

    /// A process killed while it wrote a snapshot leaves a truncated `snap.*.generating` file,
    /// which stops sled's own open.
    #[test]
    fn damaged_snapshots_are_moved_aside_and_the_log_still_has_everything() {
        let dir = tempfile::tempdir().unwrap();
        {
            let store = SledStore::open(&settings(dir.path())).unwrap();
            store.apply(&one_put(b"kept", b"1")).unwrap();
            store.flush().unwrap();
        }
        for name in ["snap.0000000000000001.generating", "snap.00000000000FFFFF"] {
            std::fs::write(dir.path().join(name), b"not a snapshot").unwrap();
        }
        let store = SledStore::open(&settings(dir.path())).unwrap();
        assert_eq!(store.get(b"kept").unwrap(), Some(b"1".to_vec()));
    }

    #[test]
    fn a_destroyed_log_is_an_error_and_not_a_panic() {
        let dir = tempfile::tempdir().unwrap();
        {
            let store = SledStore::open(&settings(dir.path())).unwrap();
            for number in 0..200_u32 {
                store.apply(&one_put(&number.to_be_bytes(), &[7; 512])).unwrap();
            }
            store.flush().unwrap();
        }
        std::fs::write(dir.path().join("conf"), b"\xff\xff garbage").unwrap();
        let reopened = SledStore::open(&settings(dir.path()));
        assert!(reopened.is_err(), "opening must report the damage");
    }
}
