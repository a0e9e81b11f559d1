//! When samples arrive: finds them in a stream's bytes, and counts their delays by the millisecond.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// The longest delay that is told apart, in ms.
const LONGEST: usize = 20_000;

/// No line that is of interest is longer; a snapshot's is, by far.
const LINE: usize = 4 << 10;

/// How many samples took how long, in ms from the sample's `t` to the viewer. All viewers share it.
pub(crate) struct Arrivals(Vec<AtomicU64>);

impl Arrivals {
    pub(crate) fn new() -> Self {
        Self((0..=LONGEST).map(|_| AtomicU64::new(0)).collect())
    }

    /// Notes one arrival.
    pub(crate) fn note(&self, delay_ms: i64) {
        let bucket = usize::try_from(delay_ms.max(0)).unwrap_or(LONGEST);
        self.0[bucket.min(LONGEST)].fetch_add(1, Ordering::Relaxed);
    }

    /// What was noted, to begin anew.
    pub(crate) fn take(&self) -> Delays {
        let counts = self.0.iter();
        Delays(
            counts
                .map(|count| count.swap(0, Ordering::Relaxed))
                .collect(),
        )
    }
}

/// Delays by the millisecond.
pub(crate) struct Delays(Vec<u64>);

impl Delays {
    pub(crate) fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The delay in ms that so many of a hundred do not exceed.
    fn percentile(&self, percent: u64) -> usize {
        let rank = (self.count() * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let reached = |count: &u64| {
            seen += count;
            seen >= rank
        };
        self.0.iter().position(reached).unwrap_or(0)
    }
}

impl fmt::Display for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99, most) = (
            self.percentile(50),
            self.percentile(99),
            self.percentile(100),
        );
        write!(
            f,
            "p50 {p50} ms, p99 {p99} ms, most {most} ms of {}",
            self.count()
        )
    }
}

/// Reads one stream by lines, keeping no more than one of them.
#[derive(Default)]
pub(crate) struct Reader {
    line: Vec<u8>,
    too_long: bool,
    sample: bool,
}

impl Reader {
    /// Takes what came, and tells the `t` of each sample in it.
    pub(crate) fn take(&mut self, mut bytes: &[u8], mut found: impl FnMut(i64)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.keep(&bytes[..end]);
            if let Some(t) = self.line_ended() {
                found(t);
            }
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    fn keep(&mut self, part: &[u8]) {
        self.too_long |= self.line.len() + part.len() > LINE;
        if !self.too_long {
            self.line.extend_from_slice(part);
        }
    }

    /// The `t`, if this was the line of a sample. The lengths of HTTP's chunks are lines of their own.
    fn line_ended(&mut self) -> Option<i64> {
        let whole = !std::mem::take(&mut self.too_long);
        let line = String::from_utf8_lossy(&self.line);
        let mut t = None;
        if let Some(event) = line.strip_prefix("event: ") {
            self.sample = event == "sample";
        } else if let Some(data) = line.strip_prefix("data: ")
            && std::mem::take(&mut self.sample)
            && whole
        {
            t = field_t(data);
        }
        self.line.clear();
        t
    }
}

fn field_t(data: &str) -> Option<i64> {
    let (_, rest) = data.split_once("\"t\":")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}
