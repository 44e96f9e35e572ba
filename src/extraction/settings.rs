//! The `[extraction]` section of the configuration. Owns defaults and ranges; reads no file and
//! no environment.

use serde::Deserialize;

const PROCESSES_LIMIT: usize = 64;
const TIMEOUT_LEAST_MS: u64 = 100;
const TIMEOUT_LIMIT_MS: u64 = 3_600_000;
/// The binary itself, the parser's stack and its fonts take a third of this.
const MEMORY_LEAST_BYTES: u64 = 256 << 20;
const MEMORY_LIMIT_BYTES: u64 = 64 << 30;
const TEXT_LEAST_BYTES: usize = 1 << 10;
const TEXT_LIMIT_BYTES: usize = 256 << 20;

/// How much reading the text of one file may cost.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExtractionSettings {
    /// Files read at once, each in a process of its own, 1 to 64. Further ones wait.
    pub processes_max: usize,
    /// From start to end of one such process, as time passed and as time computed, 100 to
    /// 3,600,000.
    pub timeout_ms: u64,
    /// Address space of one such process, 256 MiB to 64 GiB. Enforced on Linux.
    pub memory_bytes_max: u64,
    /// Text of one file, 1 KiB to 256 MiB. A file with more gives an error and no text.
    pub text_bytes_max: usize,
}

impl Default for ExtractionSettings {
    fn default() -> Self {
        Self {
            processes_max: 2,
            timeout_ms: 60_000,
            memory_bytes_max: 1 << 30,
            text_bytes_max: 16 << 20,
        }
    }
}

impl ExtractionSettings {
    /// Every reason why these settings cannot work, each naming its key; empty when they can.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let processes = self.processes_max;
        check_range(&mut problems, "processes_max", processes, 1, PROCESSES_LIMIT);
        let timeout_ms = self.timeout_ms;
        check_range(&mut problems, "timeout_ms", timeout_ms, TIMEOUT_LEAST_MS, TIMEOUT_LIMIT_MS);
        let memory = self.memory_bytes_max;
        let (least, most) = (MEMORY_LEAST_BYTES, MEMORY_LIMIT_BYTES);
        check_range(&mut problems, "memory_bytes_max", memory, least, most);
        let text = self.text_bytes_max;
        check_range(&mut problems, "text_bytes_max", text, TEXT_LEAST_BYTES, TEXT_LIMIT_BYTES);
        problems
    }
}

fn check_range<T: PartialOrd + std::fmt::Display>(
    problems: &mut Vec<String>,
    key: &str,
    value: T,
    least: T,
    most: T,
) {
    if value < least || value > most {
        problems.push(format!("extraction.{key} is {value}, must be {least} to {most}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_have_no_problems() {
        assert_eq!(ExtractionSettings::default().problems(), Vec::<String>::new());
    }

    #[test]
    fn every_problem_is_listed_and_names_its_key() {
        let settings = ExtractionSettings {
            processes_max: 0,
            timeout_ms: 99,
            memory_bytes_max: 1 << 20,
            text_bytes_max: usize::MAX,
        };
        let problems = settings.problems();
        assert_eq!(problems.len(), 4, "{problems:?}");
        for key in ["processes_max", "timeout_ms", "memory_bytes_max", "text_bytes_max"] {
            assert!(problems.join("\n").contains(&format!("extraction.{key} is")), "{problems:?}");
        }
    }

    #[test]
    fn unknown_keys_are_refused() {
        let error = toml::from_str::<ExtractionSettings>("timeout_s = 1").unwrap_err();
        assert!(error.to_string().contains("timeout_s"), "{error}");
    }
}
