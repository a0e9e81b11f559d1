//! What a peer may make us hold, and for how long: every number of the connection layer, each with its reason.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::time::Duration;

/// Connections at a time, if the operating system gives us the files for them. Ten thousand viewers hold one each; the
/// rest is for pages on their way.
const CONNECTIONS: usize = 16_384;

/// Files that are not the room's: pipes of four dozen pods, connections of the embedded cluster, the deck, the runs.
const OTHER_FILES: usize = 1_024;

/// Connections of programs to the embedded API: `kubectl` holds two or three, our own client a dozen watches.
const PROGRAMS: usize = 1_024;

/// What a listener grants its peers. Tests make it smaller; nothing else should need to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Of these, how many only this machine's own programs may take. When strangers have taken the others, the speaker
    /// still gets in from the machine that the server runs on.
    pub kept_for_this_machine: usize,
    /// Connections of one address. A browser opens six at most; a small office behind one address has a few dozen
    /// viewers. `None`: no such limit.
    pub per_address: Option<usize>,
    /// From accepting a connection until its first request has arrived, headers and all.
    pub first_request: Duration,
    /// How long a connection may be silent between two requests, or take to send the headers of a later one. More than
    /// the 60 seconds that common reverse proxies keep a connection, so that it is they who close it.
    pub idle: Duration,
    /// From a request's headers until the headers of its answer; the body has to arrive in that time.
    pub answer: Duration,
    /// How long a peer may take no byte of what waits for it.
    pub stall: Duration,
    /// How long a connection in the middle of something may go on after shutdown.
    pub farewell: Duration,
    /// Bytes of a request line and its headers. The longest honest ones carry a cookie and a proxy's remarks.
    pub head_bytes: usize,
    /// Header lines.
    pub header_lines: usize,
    /// Bytes of a request's target.
    pub target_bytes: usize,
    /// Bytes of one connection's buffer in this process, each way. A frame that is being sent counts as a whole; it is
    /// shared with every other viewer.
    pub buffer_bytes: usize,
    /// Bytes that the operating system may hold for a peer that does not read; Linux allows twice what is asked for.
    /// By default that is megabytes, in which a stalled viewer would go unnoticed for a quarter of an hour.
    pub send_buffer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS,
            kept_for_this_machine: 32,
            per_address: Some(256),
            first_request: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            answer: Duration::from_secs(30),
            stall: Duration::from_secs(60),
            farewell: Duration::from_secs(2),
            head_bytes: 32 << 10,
            header_lines: 100,
            target_bytes: 8 << 10,
            buffer_bytes: 64 << 10,
            send_buffer_bytes: 128 << 10,
        }
    }
}

impl Limits {
    /// For the room. Raises this process's limit of open files as far as it may and needs, and grants no more
    /// connections than that leaves.
    ///
    /// `shared_address` says that viewers may come from one address, a reverse proxy's: then there is no limit for an
    /// address, and the proxy has to have one.
    #[must_use]
    pub fn for_the_room(shared_address: bool) -> Self {
        let files = raise_open_files(CONNECTIONS + OTHER_FILES);
        let default = Self::default();
        Self {
            connections: connections_within(files),
            per_address: default.per_address.filter(|_| !shared_address),
            ..default
        }
    }

    /// For programs of this machine that speak to the embedded API. They keep connections in pools of their own; `idle`
    /// outlives the 90 seconds after which these let one go, since a pool that finds its connection closed just as it
    /// sends a request loses that request. Selectors can make a target long.
    #[must_use]
    pub fn for_programs() -> Self {
        Self {
            connections: PROGRAMS,
            idle: Duration::from_secs(100),
            head_bytes: 64 << 10,
            target_bytes: 32 << 10,
            ..Self::default()
        }
    }
}

/// What is left of `files` for connections: all but [`OTHER_FILES`], or three quarters where files are few.
fn connections_within(files: usize) -> usize {
    (files - OTHER_FILES.min(files / 4)).min(CONNECTIONS)
}

/// Raises the soft limit of open files towards `wanted`; what it is then.
fn raise_open_files(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
    let within_reach = limit.maximum.map_or(wanted, |most| most.min(wanted));
    let now = limit.current.unwrap_or(u64::MAX);
    let raised = Rlimit {
        current: Some(within_reach),
        maximum: limit.maximum,
    };
    let files = if now >= within_reach {
        now
    } else if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "cannot raise the limit of open files from {now}; large rooms need more");
        now
    } else {
        within_reach
    };
    usize::try_from(files).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_everything_else() {
        for (files, connections) in [
            (256, 192),
            (1_024, 768),
            (20_000, CONNECTIONS),
            (usize::MAX, CONNECTIONS),
        ] {
            assert_eq!(connections_within(files), connections, "{files} files");
        }
    }

    #[test]
    fn a_shared_address_has_no_limit_of_its_own() {
        assert_eq!(Limits::for_the_room(false).per_address, Some(256));
        assert_eq!(Limits::for_the_room(true).per_address, None);
    }
}
