//! One fault a second, chosen by chance, and how many of each were made.

use crate::forwarder::Forwarder;
use crate::load::kill_a_producer;
use crate::random::Random;
use crate::server::Server;
use crate::workers::Workers;
use anyhow::Result;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// Seconds from one restart of Redis to the next, at most and at least.
const RESTART_EVERY: (u64, u64) = (25, 35);

/// What faults are made to.
pub(crate) struct World<'a> {
    pub(crate) server: &'a mut Server,
    pub(crate) way: &'a Forwarder,
    pub(crate) workers: &'a mut Workers,
    pub(crate) folder: &'a Path,
}

/// Makes faults and counts them.
pub(crate) struct Faults {
    random: Random,
    until_restart: u64,
    killed: u64,
    ended: u64,
    paused: u64,
    producers: u64,
    cuts: u64,
    restarts: u64,
}

impl Faults {
    pub(crate) fn new(random: Random) -> Self {
        Self {
            random,
            until_restart: RESTART_EVERY.0,
            killed: 0,
            ended: 0,
            paused: 0,
            producers: 0,
            cuts: 0,
            restarts: 0,
        }
    }

    /// Makes this second's fault.
    pub(crate) async fn make(&mut self, world: World<'_>) -> Result<()> {
        self.until_restart -= 1;
        if self.until_restart == 0 {
            self.until_restart = self.random.between(RESTART_EVERY.0, RESTART_EVERY.1);
            if world.server.kind.persists() {
                let away = Duration::from_millis(self.random.between(50, 1_500));
                self.restarts += 1;
                return world.server.restart(away).await;
            }
        }
        // Out of a hundred: kills the most, and no more pauses than leave workers enough to keep up with the load.
        match self.random.between(0, 99) {
            0..60 => self.killed += u64::from(world.workers.kill(&mut self.random)),
            60..72 => self.ended += u64::from(world.workers.end(&mut self.random)),
            72..80 => self.paused += u64::from(world.workers.pause(&mut self.random)),
            80..88 => {
                self.producers += 1;
                let alive = Duration::from_millis(self.random.between(100, 600));
                kill_a_producer(&world.way.url(), world.folder, alive).await?;
            }
            _ => {
                self.cuts += 1;
                world.way.cut();
            }
        }
        Ok(())
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} workers killed, {} asked to end, {} stopped past their lease; {} producers killed; \
             all connections cut {} times; Redis killed and restarted {} times",
            self.killed, self.ended, self.paused, self.producers, self.cuts, self.restarts
        )
    }
}
