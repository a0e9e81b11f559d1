//! A run in words: its time, how long things took, the sentence that says what its graph shows.

use super::{Outcome, Run, time_of};
use crate::live::sample::Phase;
use crate::live::story::MilestoneKind;

/// `24 Nov 2026, 18:03 UTC`
#[must_use]
pub fn when(run: &Run) -> String {
    time_of(run.started)
        .strftime("%-d %b %Y, %H:%M UTC")
        .to_string()
}

/// `8.4 s`, `49 s`, `2 min 06 s`
#[must_use]
pub fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    if ms < 9_950 {
        let tenths = (ms + 50) / 100;
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    let seconds = (ms + 500) / 1_000;
    if seconds < 120 {
        format!("{seconds} s")
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

/// `4,812`
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Outcome {
    /// For a list of runs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Overtaken => "overtaken by the next spike",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What the graph shows, for those who do not see it.
#[must_use]
pub fn sentence(run: &Run) -> String {
    let mut text = format!("Recorded {}: ", when(run));
    let jobs = run.deepest.unwrap_or(0);
    text.push_str(&format!("the backlog rose to {} jobs", grouped(jobs)));
    if let Some(drained) = first(run, MilestoneKind::Drained) {
        text.push_str(&format!(
            " and was worked off after {}",
            duration(drained - run.started)
        ));
    }
    if let (Some(baseline), Some(peak)) = (run.baseline, run.peak) {
        text.push_str(&format!("; replicas went from {baseline} to {peak}"));
        if let Some(back) = first(run, MilestoneKind::Baseline) {
            let took = duration(back - run.started);
            text.push_str(&format!(" and were back at {baseline} after {took}"));
        }
    }
    text.push('.');
    text
}

/// The phases of the run that took time, and how long each took, ms.
#[must_use]
pub fn phases(run: &Run) -> Vec<(Phase, i64)> {
    let scaled = run
        .milestones
        .iter()
        .find(|told| told.kind == MilestoneKind::Rescale)
        .map_or(run.ended, |told| told.t);
    let drained = first(run, MilestoneKind::Drained).unwrap_or(run.ended);
    let mut phases = vec![(Phase::Trigger, scaled.min(drained) - run.started)];
    if drained > scaled {
        phases.push((Phase::Response, drained - scaled));
    }
    if run.ended > drained {
        phases.push((Phase::Recovery, run.ended - drained));
    }
    phases
}

fn first(run: &Run, kind: MilestoneKind) -> Option<i64> {
    run.milestones
        .iter()
        .find(|told| told.kind == kind)
        .map(|told| told.t)
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;

    #[test]
    fn a_run_is_told_in_one_sentence() {
        assert_eq!(
            sentence(&run()),
            "Recorded 24 Nov 2025, 18:03 UTC: the backlog rose to 4,999 jobs and was worked off after 49 s; \
             replicas went from 1 to 37 and were back at 1 after 2 min 06 s."
        );
    }

    #[test]
    fn the_phases_fill_the_run() {
        assert_eq!(
            phases(&run()),
            [
                (Phase::Trigger, 8_000),
                (Phase::Response, 41_000),
                (Phase::Recovery, 77_000)
            ]
        );
    }

    #[test]
    fn durations_are_as_exact_as_they_are_short() {
        assert_eq!(duration(8_449), "8.4 s");
        assert_eq!(duration(9_960), "10 s");
        assert_eq!(duration(126_000), "2 min 06 s");
    }
}
