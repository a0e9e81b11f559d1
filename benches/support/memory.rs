//! What the benchmarks share: how much memory a process has in use.

/// Resident memory of the process `pid` in KiB, as Linux counts it: pages of 4 KiB.
pub(crate) fn resident_kib(pid: u32) -> anyhow::Result<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm"))?;
    let pages: u64 = statm.split(' ').nth(1).unwrap_or("0").parse()?;
    Ok(pages * 4)
}
