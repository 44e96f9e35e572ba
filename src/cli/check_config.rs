//! `hebbd check-config`: loads the configuration exactly as `serve` would, and prints either
//! every setting in force with its origin or every problem. Starts nothing, writes nothing.

use std::io::Write;
use std::process::ExitCode;

use crate::config::{self, ConfigFlags, Sources};

/// Check the configuration and show what is in force
#[derive(Debug, clap::Args)]
pub(super) struct CheckConfig {
    #[command(flatten)]
    pub flags: ConfigFlags,
    /// Say nothing when the configuration is good
    #[arg(long, short)]
    pub quiet: bool,
}

impl CheckConfig {
    /// Exit code 0 for a configuration that `serve` would accept, 2 for one with problems.
    ///
    /// # Errors
    /// When `output` or `errors` cannot be written.
    pub(super) fn run(
        self,
        environment: Vec<(String, String)>,
        output: &mut dyn Write,
        errors: &mut dyn Write,
    ) -> std::io::Result<ExitCode> {
        let read_file = |path: &std::path::Path| std::fs::read_to_string(path);
        match config::load(Sources { flags: self.flags, environment, read_file: &read_file }) {
            Ok(_) if self.quiet => Ok(ExitCode::SUCCESS),
            Ok(config) => {
                write!(output, "{}", config.redacted())?;
                Ok(ExitCode::SUCCESS)
            }
            Err(problems) => {
                writeln!(errors, "{problems}")?;
                Ok(ExitCode::from(2))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(flags: &[&str], environment: &[(&str, &str)]) -> (String, String, ExitCode) {
        let set = flags.iter().map(|text| (*text).to_owned()).collect();
        let nowhere = Some(std::path::PathBuf::from("/nonexistent"));
        let flags = ConfigFlags { set, data_dir: nowhere, ..ConfigFlags::default() };
        let environment =
            environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let command = CheckConfig { flags, quiet: false };
        let code = command.run(environment, &mut output, &mut errors).unwrap();
        (String::from_utf8(output).unwrap(), String::from_utf8(errors).unwrap(), code)
    }

    #[test]
    fn a_good_configuration_is_shown_with_origins_and_without_secrets() {
        let (output, errors, code) = check(
            &["server.workers=3"],
            &[("HEBBD_EMBEDDING__HTTP__API_KEY", "sesame"), ("HEBBD_SERVER__WORKERS", "4")],
        );
        assert_eq!((errors.as_str(), code), ("", ExitCode::SUCCESS));
        assert!(output.contains("server.workers = 3  # flag --set"), "{output}");
        assert!(output.contains("log.format = \"auto\"  # default"), "{output}");
        assert!(output.contains("embedding.http.api_key = \"[redacted]\""), "{output}");
        assert!(!output.contains("sesame"), "{output}");
    }

    #[test]
    fn problems_go_to_the_error_stream_and_fail_the_command() {
        let (output, errors, code) = check(&["server.wrokers=3"], &[]);
        assert_eq!((output.as_str(), code), ("", ExitCode::from(2)));
        assert!(errors.contains("did you mean `workers`?"), "{errors}");
    }
}
