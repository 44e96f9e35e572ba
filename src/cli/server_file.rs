//! The address file: how commands and scripts find the server that runs on a data directory. The server holds
//! a lock on it for as long as it lives, so a file that a killed server left behind deceives
//! nobody, and nobody sends its token to whoever has its port now.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

const FILE: &str = "server.json";

/// The file's content. A reader takes what it knows and leaves the rest.
#[derive(Serialize, Deserialize)]
struct Content {
    /// Where its memory APIs answer, for scripts.
    #[serde(default)]
    url: String,
    admin_url: String,
    token: String,
    pid: u32,
}

/// A server that runs.
pub(super) struct RunningServer {
    pub(super) admin_url: String,
    pub(super) token: SecretString,
}

/// The server's own file; it goes when this is dropped.
pub(super) struct ServerFile {
    path: PathBuf,
    /// Holds the lock.
    _file: File,
}

impl ServerFile {
    /// Says where this process answers at `url` and is administered. The data directory must be
    /// this process's.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn publish(
        data_dir: &Path,
        url: &str,
        admin_url: &str,
        token: &SecretString,
    ) -> io::Result<Self> {
        let path = data_dir.join(FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        // A command may be looking at what a killed server left; it does so for an instant only.
        file.lock()?;
        let content = Content {
            url: url.to_owned(),
            admin_url: admin_url.to_owned(),
            token: token.expose_secret().to_owned(),
            pid: std::process::id(),
        };
        file.set_len(0)?;
        file.rewind()?;
        serde_json::to_writer_pretty(&mut file, &content)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        Ok(Self { path, _file: file })
    }
}

impl Drop for ServerFile {
    fn drop(&mut self) {
        // What stays behind deceives nobody.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The server that runs on a data directory, if one does.
///
/// # Errors
/// When its file cannot be read, for instance because it belongs to another user.
pub(super) fn find(data_dir: &Path) -> io::Result<Option<RunningServer>> {
    let mut file = match File::open(data_dir.join(FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => return Ok(None),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    // A server that is just writing it counts as one that has not yet started.
    let content = serde_json::from_str::<Content>(&text).ok();
    Ok(content.map(|content| RunningServer {
        admin_url: content.admin_url,
        token: SecretString::from(content.token),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_found_while_it_runs_and_its_remains_are_not() {
        let data_dir = tempfile::tempdir().unwrap();
        let path = data_dir.path().join(FILE);
        assert!(find(data_dir.path()).unwrap().is_none());
        let token = SecretString::from("a-token-of-some-length");
        let (url, admin_url) = ("http://127.0.0.1:8", "http://127.0.0.1:9");
        let published = ServerFile::publish(data_dir.path(), url, admin_url, &token).unwrap();
        let found = find(data_dir.path()).unwrap().unwrap();
        assert_eq!(found.admin_url, admin_url);
        assert_eq!(found.token.expose_secret(), token.expose_secret());
        let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);

        let remains = std::fs::read(&path).unwrap();
        drop(published);
        assert!(!path.exists());
        std::fs::write(&path, remains).unwrap();
        assert!(find(data_dir.path()).unwrap().is_none());
    }
}
