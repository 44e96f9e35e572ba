//! A small file that only its owner can read, written whole or not at all. For secrets that must
//! be files; it does not judge what is in them.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes `bytes` as the whole file, readable and writable by its owner alone (mode 0600 where
/// modes exist), in place of an older one. Durable on return: the content, and its name in the
/// directory. A crash leaves the old file or the new one, and perhaps a `.tmp` beside it.
///
/// # Errors
/// When the file system fails; then the old file, if any, is still there.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = PathBuf::from(format!("{}.tmp", path.display()));
    // What a crash left. `create_new` below never writes into a file that others may have open.
    let _ = fs::remove_file(&temporary);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    #[cfg(unix)]
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::File::open(directory)?.sync_all()?;
    }
    Ok(())
}

/// The permissions of an open file beyond its owner's, `0` where there are none (or no modes).
///
/// # Errors
/// When the file system fails.
pub fn others_mode(file: &fs::File) -> io::Result<u32> {
    #[cfg(unix)]
    return Ok(std::os::unix::fs::PermissionsExt::mode(&file.metadata()?.permissions()) & 0o077);
    #[cfg(not(unix))]
    return file.metadata().map(|_| 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_only_its_owner_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        fs::write(path.with_extension("tmp"), b"left by a crash").unwrap();
        for text in ["a long first text", "short"] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(others_mode(&fs::File::open(&path).unwrap()).unwrap(), 0);
        }
        let names = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(names, 1, "no temporary file stays behind");
    }
}
