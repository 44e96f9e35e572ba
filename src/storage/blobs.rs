//! Files that tenants keep beside their records: the originals of documents, each under the hash
//! of its bytes. And the spool, where what is being received waits until somebody keeps it.
//!
//! Invariants: a kept file is whole, durable and never changes. A file in the spool belongs to
//! whoever is receiving it and goes with them; what a crash leaves there is removed at the next
//! start. What the records do not name is no tenant's and may be removed.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::StorageError;

/// Names a file by its bytes: their BLAKE3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobHash(pub [u8; 32]);

impl BlobHash {
    fn file_name(self) -> String {
        let mut name = String::with_capacity(64);
        for byte in self.0 {
            // Writing to a string does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    }

    fn of_file_name(name: &str) -> Option<Self> {
        let hash = blake3::Hash::from_hex(name).ok()?;
        (name.len() == 64).then_some(Self(*hash.as_bytes()))
    }
}

/// Where files are received. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Spool {
    directory: Arc<PathBuf>,
    next: Arc<AtomicU64>,
}

impl Spool {
    /// Makes the directory, or empties one that a former process left. Blocks.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn open(directory: &Path) -> Result<Self, StorageError> {
        fs::create_dir_all(directory).map_err(failed)?;
        for entry in fs::read_dir(directory).map_err(failed)? {
            fs::remove_file(entry.map_err(failed)?.path()).map_err(failed)?;
        }
        Ok(Self { directory: Arc::new(directory.to_owned()), next: Arc::default() })
    }

    /// Begins to receive a file, which only its owner can read. Blocks.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn begin(&self) -> Result<SpoolWriter, StorageError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.directory.join(format!("{number}.part"));
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(failed)?;
        let place = SpoolPlace(path);
        Ok(SpoolWriter { file, place, hasher: blake3::Hasher::new(), size_bytes: 0 })
    }
}

/// A path in the spool. What is there goes with it.
#[derive(Debug)]
struct SpoolPlace(PathBuf);

impl Drop for SpoolPlace {
    fn drop(&mut self) {
        // Gone already when it was kept.
        let _ = fs::remove_file(&self.0);
    }
}

/// A file being received.
#[derive(Debug)]
pub struct SpoolWriter {
    file: File,
    place: SpoolPlace,
    hasher: blake3::Hasher,
    size_bytes: u64,
}

impl SpoolWriter {
    /// Blocks.
    ///
    /// # Errors
    /// When the file system fails; the file is of no use then.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.file.write_all(bytes).map_err(failed)?;
        self.hasher.update(bytes);
        self.size_bytes += bytes.len() as u64;
        Ok(())
    }

    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Ends the file. Its bytes are durable on return, its name is not. Blocks for an fsync.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn finish(self) -> Result<SpooledFile, StorageError> {
        self.file.sync_all().map_err(failed)?;
        let hash = BlobHash(*self.hasher.finalize().as_bytes());
        Ok(SpooledFile { place: self.place, hash, size_bytes: self.size_bytes })
    }
}

/// A file that was received whole and is nobody's yet.
#[derive(Debug)]
pub struct SpooledFile {
    place: SpoolPlace,
    hash: BlobHash,
    size_bytes: u64,
}

impl SpooledFile {
    #[must_use]
    pub fn hash(&self) -> BlobHash {
        self.hash
    }

    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

/// The files of one tenant. Cheap to clone; every method blocks.
#[derive(Debug, Clone)]
pub struct Blobs {
    directory: Arc<PathBuf>,
}

impl Blobs {
    /// The files in a directory, which need not be there.
    #[must_use]
    pub fn at(directory: PathBuf) -> Self {
        Self { directory: Arc::new(directory) }
    }

    /// Where the file of this hash is, if there is one.
    #[must_use]
    pub fn path(&self, hash: BlobHash) -> PathBuf {
        self.directory.join(hash.file_name())
    }

    /// Keeps a received file. Durable on return.
    ///
    /// # Errors
    /// When the file system fails; the file is not kept then, or not durably.
    pub fn keep(&self, file: &SpooledFile) -> Result<(), StorageError> {
        let path = self.path(file.hash);
        if path.exists() {
            // The same bytes; its name may not be durable yet.
            return self.sync();
        }
        fs::create_dir_all(&*self.directory).map_err(failed)?;
        if fs::rename(&file.place.0, &path).is_err() {
            // The shard may lie on another file system.
            copy_whole(&file.place.0, &path).map_err(failed)?;
        }
        self.sync()
    }

    /// Removes a file. One that is not there is no error.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn remove(&self, hash: BlobHash) -> Result<(), StorageError> {
        match fs::remove_file(self.path(hash)) {
            Ok(()) => self.sync(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Whether there is a file that `is_named` does not know.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn has_others(&self, is_named: impl Fn(BlobHash) -> bool) -> Result<bool, StorageError> {
        Ok(entries(&self.directory)?.iter().any(|entry| !hash_of(entry).is_some_and(&is_named)))
    }

    /// Removes every file that `is_named` does not know, also what a crash left half made. Answers
    /// how many.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn sweep(&self, is_named: impl Fn(BlobHash) -> bool) -> Result<usize, StorageError> {
        let mut removed = 0;
        for entry in entries(&self.directory)? {
            if !hash_of(&entry).is_some_and(&is_named) {
                fs::remove_file(entry.path()).map_err(failed)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Makes another directory's files these, durably. What is there already is not copied again.
    /// Answers how many bytes were copied. A file that goes meanwhile is left out.
    ///
    /// # Errors
    /// When the file system fails; some may be copied then.
    pub fn mirror_to(&self, other: &Self) -> Result<u64, StorageError> {
        let mut wanted = entries(&self.directory)?;
        wanted.retain(|entry| hash_of(entry).is_some());
        for entry in entries(&other.directory)? {
            if !self.directory.join(entry.file_name()).exists() {
                fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        let mut copied = 0;
        if wanted.is_empty() {
            return Ok(copied);
        }
        fs::create_dir_all(&*other.directory).map_err(failed)?;
        for entry in wanted {
            let target = other.directory.join(entry.file_name());
            if target.exists() {
                continue;
            }
            match copy_whole(&entry.path(), &target) {
                Ok(bytes) => copied += bytes,
                // Its document was deleted.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        other.sync()?;
        Ok(copied)
    }

    /// Removes all of them.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn remove_all(&self) -> Result<(), StorageError> {
        match fs::remove_dir_all(&*self.directory) {
            Ok(()) => sync(self.directory.ancestors().skip(1).take(1)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Makes the names in the directory durable, and its own with those above it.
    fn sync(&self) -> Result<(), StorageError> {
        sync(self.directory.ancestors().take(3))
    }
}

/// Copies a file under its name only when all of it is there and durable. Answers its length.
fn copy_whole(from: &Path, to: &Path) -> io::Result<u64> {
    let temporary = to.with_extension("copy");
    let bytes = fs::copy(from, &temporary)?;
    File::open(&temporary)?.sync_all()?;
    fs::rename(&temporary, to)?;
    Ok(bytes)
}

fn sync<'a>(directories: impl Iterator<Item = &'a Path>) -> Result<(), StorageError> {
    #[cfg(unix)]
    for directory in directories.filter(|directory| !directory.as_os_str().is_empty()) {
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
    }
    #[cfg(not(unix))]
    drop(directories);
    Ok(())
}

fn hash_of(entry: &fs::DirEntry) -> Option<BlobHash> {
    entry.file_name().to_str().and_then(BlobHash::of_file_name)
}

fn entries(directory: &Path) -> Result<Vec<fs::DirEntry>, StorageError> {
    match fs::read_dir(directory) {
        Ok(entries) => entries.collect::<io::Result<_>>().map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn failed(error: io::Error) -> StorageError {
    StorageError::Io { detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spooled(spool: &Spool, bytes: &[u8]) -> SpooledFile {
        let mut writer = spool.begin().unwrap();
        for piece in bytes.chunks(3) {
            writer.write(piece).unwrap();
        }
        assert_eq!(writer.size_bytes(), bytes.len() as u64);
        writer.finish().unwrap()
    }

    fn names_in(directory: &Path) -> Vec<String> {
        let names = entries(directory).unwrap().into_iter();
        let mut names: Vec<_> =
            names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_kept_under_the_hash_of_its_bytes_and_leaves_the_spool() {
        let root = tempfile::tempdir().unwrap();
        let spool = Spool::open(&root.path().join("spool")).unwrap();
        let blobs = Blobs::at(root.path().join("blobs/7"));
        let file = spooled(&spool, b"some bytes");
        assert_eq!(file.hash().0, *blake3::hash(b"some bytes").as_bytes());
        blobs.keep(&file).unwrap();
        assert_eq!(fs::read(blobs.path(file.hash())).unwrap(), b"some bytes");
        assert!(names_in(&root.path().join("spool")).is_empty());
        let again = spooled(&spool, b"some bytes");
        blobs.keep(&again).unwrap();
        drop(again);
        assert_eq!(names_in(&root.path().join("blobs/7")).len(), 1);
        assert!(names_in(&root.path().join("spool")).is_empty(), "it is not needed twice");
        blobs.remove(file.hash()).unwrap();
        blobs.remove(file.hash()).unwrap();
        assert!(names_in(&root.path().join("blobs/7")).is_empty());
    }

    #[test]
    fn what_nobody_keeps_goes_with_its_receiver_or_at_the_next_start() {
        let root = tempfile::tempdir().unwrap();
        let spool = Spool::open(root.path()).unwrap();
        let mut writer = spool.begin().unwrap();
        writer.write(b"half").unwrap();
        drop(writer);
        drop(spooled(&spool, b"whole"));
        assert!(names_in(root.path()).is_empty());
        fs::write(root.path().join("9.part"), b"left by a crash").unwrap();
        let spool = Spool::open(root.path()).unwrap();
        assert!(names_in(root.path()).is_empty());
        assert_eq!(spooled(&spool, b"").size_bytes(), 0);
    }

    #[test]
    fn a_sweep_leaves_only_what_is_named() {
        let root = tempfile::tempdir().unwrap();
        let spool = Spool::open(&root.path().join("spool")).unwrap();
        let blobs = Blobs::at(root.path().join("blobs"));
        assert_eq!(blobs.sweep(|_| false).unwrap(), 0, "there is no directory yet");
        let (kept, other) = (spooled(&spool, b"kept"), spooled(&spool, b"other"));
        blobs.keep(&kept).unwrap();
        blobs.keep(&other).unwrap();
        fs::write(root.path().join("blobs/half.copy"), b"left by a crash").unwrap();
        let named = kept.hash();
        assert_eq!(blobs.sweep(|hash| hash == named).unwrap(), 2);
        assert_eq!(names_in(&root.path().join("blobs")), [kept.hash().file_name()]);
    }

    #[test]
    fn a_mirror_has_the_same_files_and_no_others() {
        let root = tempfile::tempdir().unwrap();
        let spool = Spool::open(&root.path().join("spool")).unwrap();
        let from = Blobs::at(root.path().join("from"));
        let to = Blobs::at(root.path().join("to"));
        from.mirror_to(&to).unwrap();
        let (both, new, gone) =
            (spooled(&spool, b"both"), spooled(&spool, b"new"), spooled(&spool, b"gone"));
        from.keep(&both).unwrap();
        from.mirror_to(&to).unwrap();
        from.keep(&new).unwrap();
        to.keep(&gone).unwrap();
        from.mirror_to(&to).unwrap();
        assert_eq!(names_in(&root.path().join("from")), names_in(&root.path().join("to")));
        assert_eq!(fs::read(to.path(new.hash())).unwrap(), b"new");
        from.remove_all().unwrap();
        from.remove_all().unwrap();
        from.mirror_to(&to).unwrap();
        assert!(names_in(&root.path().join("to")).is_empty());
    }
}
