//! A server whose clock stands still until a test moves it.

use std::sync::Arc;

use hebbd::config::Config;
use hebbd::types::{Clock, ManualClock, Timestamp};
use tempfile::TempDir;

use crate::support::TestServer;

pub(crate) struct Scene {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) server: TestServer,
    /// Goes after the server.
    _data_dir: TempDir,
}

impl Scene {
    pub(crate) fn at(start: &str) -> Self {
        Self::with(start, |_| {})
    }

    pub(crate) fn with(start: &str, change: impl FnOnce(&mut Config)) -> Self {
        let clock = Arc::new(ManualClock::starting_at(Timestamp::parse(start).unwrap()));
        let data_dir = tempfile::tempdir().unwrap();
        let shared = Arc::clone(&clock) as Arc<dyn Clock>;
        let server = TestServer::start_with(data_dir.path(), shared, change);
        Self { clock, server, _data_dir: data_dir }
    }
}
