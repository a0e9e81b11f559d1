//! Arguments → tracing → command → exit code.

use clap::Parser as _;
use podium::{cli, config};
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = config::Args::parse();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(config::log_filter()))
        .with_writer(std::io::stderr)
        // A pod's output goes to a log, which colours would only litter.
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match cli::run(args) {
        Ok(code) => code,
        Err(error) => {
            // Nowhere to say it means nothing left to do about it.
            let _ = writeln!(std::io::stderr(), "podium: {error:#}");
            ExitCode::FAILURE
        }
    }
}
