//! The HPA's rules: recorded decisions replayed as `podium conformance hpa` replays them, reading the file and
//! comparing every outcome included.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use anyhow::Context;
use podium::cli::conformance;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

const LONG_ENOUGH: Duration = Duration::from_secs(3);

fn main() -> anyhow::Result<()> {
    let file = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/vectors/hpa-decisions.json"
    ));
    let started = Instant::now();
    let (mut replays, mut decisions) = (0_u32, 0_u32);
    while started.elapsed() < LONG_ENOUGH {
        let mut out = Vec::new();
        anyhow::ensure!(conformance::run(file, false, &mut out)?, "decisions differ");
        let out = String::from_utf8(out)?;
        let count = out.split(' ').next().context("a count")?;
        decisions += count.parse::<u32>()?;
        replays += 1;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "hpa: {replays} replays of {} decisions: {:.0} decisions/s",
        decisions / replays,
        f64::from(decisions) / seconds
    );
    Ok(())
}
