//! Linux' own accounts, `/proc`: CPU time and memory of one process, and of the whole machine.
//!
//! Times there are in hundredths of a second whatever the kernel's own tick is (`USER_HZ`, part of its interface); the
//! kernel scales them to what it measured in nanoseconds, so a process that works in short bursts is not missed.

use std::fs::read_to_string;
use std::time::Duration;

/// CPU time so far and resident memory, bytes, of a process; `None` when there is no such process.
///
/// Resident memory counts the pages of the program itself once a process, which a container's working set does not.
pub(super) fn process(pid: u32) -> Option<(Duration, u64)> {
    let stat = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some((cpu_of_process(&stat)?, kibibytes(&status, "VmRSS:")?))
}

/// CPU time since the machine was started and memory in use, bytes.
pub(super) fn node() -> Option<(Duration, u64)> {
    let stat = read_to_string("/proc/stat").ok()?;
    let memory = read_to_string("/proc/meminfo").ok()?;
    let free = kibibytes(&memory, "MemAvailable:")?;
    let used = kibibytes(&memory, "MemTotal:")?.saturating_sub(free);
    Some((cpu_of_node(&stat)?, used))
}

/// `utime` and `stime`. The second field is the program's name, which may hold spaces and parentheses.
fn cpu_of_process(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(hundredths(ticks()? + ticks()?))
}

/// All of the first line but `idle` and `iowait`; what guests used is part of `user` already.
fn cpu_of_node(stat: &str) -> Option<Duration> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = fields
        .split_ascii_whitespace()
        .map_while(|field| field.parse().ok())
        .collect();
    let busy = ticks.get(..3)?.iter().chain(ticks.get(5..8)?);
    Some(hundredths(busy.sum()))
}

/// The value of a line such as `VmRSS:   1234 kB`, in bytes.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1_024)
}

fn hundredths(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accounts_are_read_whatever_the_program_is_called() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 900 0 3 0 125 75 0 0 20 0 4 0 880 91000000 2500 1844";
        assert_eq!(cpu_of_process(stat), Some(Duration::from_secs(2)));
        assert_eq!(cpu_of_process("42 (short) S 1"), None);
        let stat = "cpu  100 20 30 9000 500 6 7 8 0 0\ncpu0 1 2 3\n";
        assert_eq!(cpu_of_node(stat), Some(Duration::from_millis(1_710)));
        assert_eq!(
            kibibytes("VmHWM:  9 kB\nVmRSS:\t  12 kB\n", "VmRSS:"),
            Some(12_288)
        );
    }
}
