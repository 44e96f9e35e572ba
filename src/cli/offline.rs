//! Opening a data directory from the command line while no server runs on it.

use std::sync::Arc;

use crate::app;
use crate::config::Config;
use crate::control::Directory;
use crate::types::SystemClock;

/// # Errors
/// When a server runs on the directory (its lock is held), or it cannot be read.
pub(super) async fn open(config: &Config) -> anyhow::Result<Directory> {
    let directory = app::open_directory(config, Arc::new(SystemClock)).await;
    directory.map_err(|error| {
        error.context("stop the server that runs on this data directory, then try again")
    })
}
