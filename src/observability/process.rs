//! The process as the operating system sees it. Where `/proc` does not exist, nothing is
//! reported rather than something invented.

/// One reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ProcessReading {
    /// Memory that is in RAM now.
    pub(super) resident_bytes: Option<u64>,
    /// Open file descriptors, the one used for counting them excepted.
    pub(super) open_fds: Option<u64>,
    pub(super) threads: Option<u64>,
}

/// Reads `/proc/self`. Costs three small system calls and one per open descriptor.
pub(super) fn read() -> ProcessReading {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let open_fds = std::fs::read_dir("/proc/self/fd")
        .ok()
        .and_then(|entries| u64::try_from(entries.count()).ok())
        .map(|count| count.saturating_sub(1));
    ProcessReading {
        resident_bytes: status_field(&status, "VmRSS:").map(|kib| kib * 1024),
        open_fds,
        threads: status_field(&status, "Threads:"),
    }
}

/// The number after `name` in the text of `/proc/self/status`.
fn status_field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name_and_absent_ones_are_none() {
        let status = "Name:\thebbd\nVmRSS:\t    1234 kB\nThreads:\t9\nVmBad:\n";
        assert_eq!(status_field(status, "VmRSS:"), Some(1234));
        assert_eq!(status_field(status, "Threads:"), Some(9));
        assert_eq!(status_field(status, "VmBad:"), None);
        assert_eq!(status_field("", "VmRSS:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_files_and_threads() {
        let reading = read();
        assert!(reading.resident_bytes > Some(0));
        assert!(reading.open_fds > Some(0));
        assert!(reading.threads > Some(0));
    }
}
