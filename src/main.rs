//! plimsoll: draws the load line for containers on AWS.

use std::io::Write;
use std::process::ExitCode;

use plimsoll::cli::{self, Cli};

fn main() -> ExitCode {
    match Cli::of_process().and_then(|cli| cli::run(&cli)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // Nothing is left to try when stderr is closed, too.
            let _ = std::io::stderr().write_all(cli::explain(&error).as_bytes());
            ExitCode::from(error.kind().exit_code())
        }
    }
}
