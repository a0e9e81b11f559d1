//! The commands: one file each, which owns its output and its exit code.
//!
//! `0` done, `1` failed (the message is on standard error), `2` usage (clap's). Results go to standard output, progress
//! to standard error, so that a script can read the one and a person the other.

pub mod check;
mod confirm;
pub mod conformance;
pub mod dead_letters;
pub mod demo;
pub mod enqueue;
pub mod export;
pub mod new;
pub mod pod;
pub mod queue_depth;
pub mod rotate_key;
pub mod serve;
pub mod status;
pub mod world;

use crate::config::{Args, Command, Config, Conformance};
use crate::stage::spike;
use anyhow::Result;
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;

/// Runs what the arguments ask for.
///
/// # Errors
/// Whatever went wrong, in words for a person.
pub fn run(args: Args) -> Result<ExitCode> {
    let config = Config::check(args.common)?;
    if config.exit_with_parent {
        pod::exit_with_parent();
    }
    let command = args.command.unwrap_or(Command::Serve(args.serve));
    let mut runtime = if matches!(command, Command::Serve(_)) {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        // Pods run by the dozen: one thread each is enough for one job at a time.
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = runtime.enable_all().build()?;
    let result = runtime.block_on(run_command(&config, command));
    // A thread that still waits for the disk must not hold the end up: what had to be written was waited for.
    runtime.shutdown_background();
    result
}

async fn run_command(config: &Config, command: Command) -> Result<ExitCode> {
    match command {
        Command::Serve(serve) => serve::run(config.clone(), serve).await?,
        Command::DeployQueueDemo(args) => demo::deploy(config, args).await?,
        Command::RemoveQueueDemo { yes } => demo::remove(config, yes).await?,
        Command::Enqueue {
            count,
            prefix,
            delay_ms,
            as_job,
        } => {
            let request = spike::enqueue_request(&count, &prefix, &delay_ms)?;
            if as_job {
                enqueue::as_job(config, &request).await?;
            } else {
                enqueue::enqueue(config, request).await?;
            }
        }
        Command::Spike { count } => enqueue::spike(config, &count).await?,
        Command::DeadLetters(args) => return dead_letters::run(config, args).await,
        Command::QueueDepth { watch } => queue_depth::run(config, watch).await?,
        Command::Export(args) => export::run(config, args).await?,
        Command::RotateKey => rotate_key::run(config).await?,
        Command::Status { format } => return status::run(config, format).await,
        Command::Worker { name } => pod::worker(config, name).await?,
        Command::Broker { listen, password } => pod::broker(listen, password).await?,
        Command::Check {
            deck,
            strict,
            format,
        } => {
            let out = &mut std::io::stdout().lock();
            return Ok(exit_code(check::run(deck, strict, format, out)?));
        }
        Command::New { folder } => new::run(&folder, &mut std::io::stdout().lock())?,
        Command::Conformance {
            what: Conformance::Hpa { file, verbose },
        } => {
            let out = &mut std::io::stdout().lock();
            return Ok(exit_code(conformance::run(&file, verbose, out)?));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn exit_code(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What a shell reports for a process that a signal ended is 128 and the signal's number; we report the same.
const ENDED_BY_SIGNAL: i32 = 128;

/// A token that SIGTERM and SIGINT cancel. Whoever sends a second one does not want to wait: it ends the process at
/// once. The pods' processes leave by themselves when their pipes close.
///
/// # Errors
/// When the signals cannot be caught.
pub fn until_told_to_stop() -> std::io::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let token = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = token.clone();
    tokio::spawn(async move {
        let mut told = async || {
            tokio::select! {
                _ = terminate.recv() => SignalKind::terminate(),
                _ = interrupt.recv() => SignalKind::interrupt(),
            }
        };
        told().await;
        stop.cancel();
        let again = told().await;
        std::process::exit(ENDED_BY_SIGNAL + again.as_raw_value());
    });
    Ok(token)
}
