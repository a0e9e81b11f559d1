//! The story over modelled samples.

use super::*;

/// A sample at `seconds`, of: enqueued, depth, in flight, replicas, ready.
fn at(seconds: i64, numbers: (u64, u64, u64, i64, u64)) -> Sample {
    let (enqueued, depth, in_flight, replicas, ready) = numbers;
    Sample {
        t: 1_000_000 + seconds * 1_000,
        enqueued: Some(enqueued),
        depth: Some(depth),
        in_flight: Some(in_flight),
        replicas: Some(replicas),
        ready: Some(ready),
        terminating: Some(0),
        ..Sample::default()
    }
}

const WHY: &str = "external metric s0-redis-q(&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{},}) above target";

fn told(samples: &[Sample]) -> (Vec<(MilestoneKind, String)>, Vec<Phase>) {
    let mut story = Story::default();
    let mut milestones = Vec::new();
    let mut phases = Vec::new();
    for sample in samples {
        let reason = format!("New size: {}; reason: {WHY}", sample.replicas.unwrap_or(0));
        let new = story.advance(sample, 1, Some(&reason));
        milestones.extend(new.into_iter().map(|told| (told.kind, told.title)));
        phases.push(story.phase().0);
    }
    (milestones, phases)
}

fn spike() -> Vec<Sample> {
    vec![
        at(0, (0, 0, 0, 1, 1)),
        at(1, (2_000, 2_000, 0, 1, 1)),
        at(2, (5_000, 4_999, 1, 1, 1)),
        at(9, (5_000, 4_973, 1, 25, 1)),
        at(11, (5_000, 4_900, 25, 25, 25)),
        at(24, (5_000, 3_477, 25, 37, 37)),
        at(50, (5_000, 0, 0, 37, 37)),
        at(52, (5_000, 0, 0, 22, 22)),
        at(67, (5_000, 0, 0, 13, 13)),
        at(127, (5_000, 0, 0, 1, 1)),
        at(128, (5_000, 0, 0, 1, 1)),
    ]
}

#[test]
fn a_spike_is_told_from_trigger_to_baseline() {
    use MilestoneKind as M;
    let (milestones, phases) = told(&spike());
    let kinds: Vec<_> = milestones.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(
        kinds,
        [
            M::Trigger,
            M::Rescale,
            M::ColdStart,
            M::Dozens,
            M::Rescale,
            M::Drained,
            M::Peak,
            M::ScaleIn,
            M::Rescale,
            M::Rescale,
            M::Baseline
        ]
    );
    assert_eq!(milestones[1].1, "Scaled 1 → 25");
    assert_eq!(milestones[6].1, "Peak: 37 replicas");
    use Phase::{Idle, Recovery, Response, Trigger};
    assert_eq!(
        phases,
        [
            Idle, Trigger, Trigger, Response, Response, Response, Recovery, Recovery, Recovery,
            Idle, Idle
        ]
    );
}

#[test]
fn a_spike_that_pours_in_over_several_samples_is_one_trigger_with_the_whole_count() {
    let mut story = Story::default();
    for sample in &spike()[..3] {
        story.advance(sample, 1, None);
    }
    assert_eq!(story.milestones().len(), 1);
    assert_eq!(story.milestones()[0].title, "5,000 ticket purchases arrive");
}

#[test]
fn an_unknown_number_is_no_event() {
    let mut samples = spike();
    samples.insert(
        5,
        Sample {
            t: samples[4].t + 200,
            ..Sample::default()
        },
    );
    assert_eq!(told(&samples).0.len(), told(&spike()).0.len());
}

#[test]
fn a_small_batch_that_needs_no_scaling_ends_quietly() {
    let (milestones, phases) = told(&[
        at(0, (0, 0, 0, 1, 1)),
        at(1, (20, 20, 0, 1, 1)),
        at(6, (20, 0, 0, 1, 1)),
        at(7, (20, 0, 0, 1, 1)),
    ]);
    let kinds: Vec<_> = milestones.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [MilestoneKind::Trigger, MilestoneKind::Drained]);
    assert_eq!(phases.last(), Some(&Phase::Idle));
}

#[test]
fn a_spike_whose_list_is_read_late_is_not_over_before_it_began() {
    let mut samples = spike();
    for milliseconds in [200, 400, 800] {
        let mut early = at(1, (5_000, 0, 0, 1, 1));
        early.t -= 1_000 - milliseconds;
        samples.insert(samples.len() - 10, early);
    }
    let (milestones, phases) = told(&samples);
    assert_eq!(phases[2..4], [Phase::Trigger, Phase::Trigger]);
    let ends = milestones
        .iter()
        .filter(|(kind, _)| *kind == MilestoneKind::Drained);
    assert_eq!(ends.count(), 1);
}

#[test]
fn a_rescale_waits_for_its_own_reason_but_not_for_ever() {
    let mut story = Story::default();
    let late = |seconds| at(seconds, (0, 0, 0, 9, 1));
    story.advance(&at(0, (0, 0, 0, 1, 1)), 1, None);
    let old = Some("New size: 4; reason: All metrics below target");
    assert!(
        story.advance(&late(1), 1, old).is_empty(),
        "that reason is another rescale's"
    );
    let told = story.advance(&late(2), 1, old);
    assert_eq!(
        (told[0].title.as_str(), told[0].detail.as_str()),
        ("Scaled 1 → 9", "")
    );
}

#[test]
fn the_reason_is_told_without_the_selector() {
    assert_eq!(
        shorten(&format!("New size: 25; reason: {WHY}")),
        "external metric s0-redis-q above target"
    );
    assert_eq!(
        shorten("New size: 22; reason: All metrics below target"),
        "All metrics below target"
    );
}

#[test]
fn a_clock_set_back_in_the_middle_changes_no_duration() {
    const HOUR: i64 = 3_600_000;
    let mut story = Story::default();
    story.advance(&at(0, (0, 0, 0, 1, 1)), 1, None);
    story.advance(&at(1, (100, 100, 0, 1, 1)), 1, None);
    story.shift(-HOUR);
    let mut later = at(9, (100, 0, 0, 1, 1));
    later.t -= HOUR;
    let told = story.advance(&later, 1, None);
    assert_eq!(told[0].kind, MilestoneKind::Drained);
    assert_eq!(told[0].detail, "8.0 s after the trigger");
    assert!(story.milestones().iter().all(|told| told.t <= later.t));
}
