//! The worked examples of the real controller, and what must hold whatever the metric does.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A target whose status follows its spec at once, and an HPA that syncs every 15 s.
struct Run {
    spec: Spec,
    memory: Memory,
    replicas: i32,
    now_ms: i64,
    last: Option<Decision>,
}

impl Run {
    fn new(behavior: &Value, replicas: i32) -> Self {
        Self::of(
            behavior,
            &json!({"type": "AverageValue", "averageValue": "5"}),
            50,
            replicas,
        )
    }

    fn of(behavior: &Value, target: &Value, max: i32, replicas: i32) -> Self {
        let mut spec = json!({"minReplicas": 1, "maxReplicas": max, "metrics": [
            {"type": "External", "external": {"metric": {"name": "s0-redis-jobs"}, "target": target}}]});
        if !behavior.is_null() {
            spec["behavior"] = behavior.clone();
        }
        Self {
            spec: Spec::from_json(&spec).unwrap(),
            memory: Memory::default(),
            replicas,
            now_ms: 0,
            last: None,
        }
    }

    fn sync(&mut self, metric: f64) -> i32 {
        let replicas = self.replicas;
        self.sync_with(metric, replicas, replicas)
    }

    fn sync_with(&mut self, metric: f64, status: i32, ready: i32) -> i32 {
        let metric = (metric * 1_000.0).ceil() as i64;
        let seen = Observation {
            now_ms: self.now_ms,
            namespace: "ns",
            spec_replicas: self.replicas,
            status_replicas: status,
            pods: Pods {
                matching: ready as u32,
                ready: ready as u32,
            },
            metrics: vec![Ok(metric)],
        };
        let mut decision = sync(&self.spec, &mut self.memory, &seen);
        rescaled(
            &self.spec,
            &mut self.memory,
            self.now_ms,
            &mut decision,
            Ok(()),
        );
        self.replicas = decision.desired_replicas.unwrap_or(self.replicas);
        // As on a cluster, where a sync takes its time: a window of 300 s holds the 19 syncs before, never the 20th.
        self.now_ms += 15_001;
        self.last = Some(decision);
        self.replicas
    }

    fn syncs(&mut self, metrics: &[f64]) -> Vec<i32> {
        metrics.iter().map(|metric| self.sync(*metric)).collect()
    }

    fn condition(&self, kind: ConditionKind) -> (bool, &'static str) {
        let decision = self.last.as_ref().unwrap();
        let mut set = decision.conditions.iter().rev();
        let condition = set.find(|condition| condition.kind == kind).unwrap();
        (condition.status, condition.reason)
    }

    fn event(&self) -> &str {
        &self.last.as_ref().unwrap().events[0].message
    }

    fn average(&self) -> String {
        self.last.as_ref().unwrap().metrics[0].text().unwrap()
    }
}

#[track_caller]
fn check(behavior: &Value, start: i32, metrics: &[f64], expected: &[i32]) {
    assert_eq!(Run::new(behavior, start).syncs(metrics), expected);
}

#[test]
fn without_behavior_it_doubles_from_four() {
    check(&Value::Null, 1, &[200.0; 6], &[4, 8, 16, 32, 40, 40]);
}

#[test]
fn an_empty_direction_selects_the_other_algorithm() {
    check(&json!({"scaleUp": {}}), 1, &[200.0; 4], &[5, 10, 20, 40]);
}

#[test]
fn a_tenth_above_or_below_the_target_is_tolerated() {
    check(
        &Value::Null,
        10,
        &[45.0, 50.0, 55.0, 56.0],
        &[10, 10, 10, 12],
    );
}

#[test]
fn a_thousandth_below_the_tolerance_scales_down() {
    let mut run = Run::new(&json!({"scaleDown": {"stabilizationWindowSeconds": 0}}), 10);
    for (metric, replicas, average) in [
        (45.0, 10, "4500m"),
        (44.999, 9, "4500m"),
        (40.0, 8, "4445m"),
    ] {
        assert_eq!(run.sync(metric), replicas);
        assert_eq!(run.average(), average);
    }
}

#[test]
fn without_behavior_it_holds_for_five_minutes_and_then_drops() {
    let mut run = Run::new(&Value::Null, 40);
    assert_eq!(run.syncs(&[200.0, 200.0]), [40, 40]);
    assert_eq!(run.syncs(&[0.0; 20])[18..], [40, 1]);
}

#[test]
fn a_policy_with_a_minute_allows_one_step_a_minute() {
    let behavior =
        json!({"scaleUp": {"policies": [{"type": "Pods", "value": 4, "periodSeconds": 60}]}});
    check(
        &behavior,
        1,
        &[200.0; 10],
        &[5, 5, 5, 5, 9, 9, 9, 9, 13, 13],
    );
}

#[test]
fn the_smaller_of_two_policies_wins_under_min() {
    let behavior = json!({"scaleUp": {"selectPolicy": "Min", "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 50, "periodSeconds": 15}]}});
    check(&behavior, 3, &[200.0; 5], &[5, 8, 12, 16, 20]);
}

#[test]
fn a_disabled_direction_stands_still_and_says_so() {
    let mut run = Run::new(&json!({"scaleUp": {"selectPolicy": "Disabled"}}), 3);
    assert_eq!(run.sync(200.0), 3);
    assert_eq!(
        run.condition(ConditionKind::ScalingLimited),
        (true, "ScaleUpLimit")
    );
}

#[test]
fn a_window_upwards_follows_the_lowest_wish_in_it() {
    let behavior = json!({"scaleUp": {"stabilizationWindowSeconds": 30}});
    check(
        &behavior,
        1,
        &[5.0, 200.0, 100.0, 200.0, 200.0, 200.0],
        &[1, 1, 5, 10, 20, 40],
    );
}

#[test]
fn steps_in_one_direction_count_for_the_other() {
    let behavior = json!({
        "scaleUp": {"policies": [{"type": "Percent", "value": 100, "periodSeconds": 60}]},
        "scaleDown": {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 5, "periodSeconds": 60}]}});
    check(
        &behavior,
        10,
        &[100.0, 20.0, 200.0, 200.0, 200.0, 20.0],
        &[20, 5, 20, 20, 40, 4],
    );
}

#[test]
fn a_quarter_a_sync_makes_stairs_downwards() {
    let behavior = json!({"scaleDown": {"stabilizationWindowSeconds": 30,
        "policies": [{"type": "Percent", "value": 25, "periodSeconds": 15}]}});
    let mut metrics = vec![200.0; 2];
    metrics.extend([0.0; 11]);
    check(
        &behavior,
        40,
        &metrics,
        &[40, 40, 40, 30, 22, 16, 12, 9, 6, 4, 3, 2, 1],
    );
}

#[test]
fn each_direction_has_its_own_tolerance() {
    let behavior = json!({"scaleUp": {"tolerance": "0"},
        "scaleDown": {"tolerance": "200m", "stabilizationWindowSeconds": 0}});
    check(
        &behavior,
        10,
        &[50.0, 51.0, 41.0, 43.0, 39.0],
        &[10, 11, 9, 9, 9],
    );
}

#[test]
fn without_behavior_an_old_wish_keeps_driving_up() {
    let mut run = Run::new(&Value::Null, 3);
    assert_eq!(run.syncs(&[16.0, 5000.0, 1.5]), [3, 6, 12]);
    assert_eq!(
        run.event(),
        "New size: 12; reason: All metrics below target"
    );
}

#[test]
fn what_somebody_else_set_is_undone_without_behavior_and_kept_with_it() {
    for (behavior, expected) in [(Value::Null, [4, 8, 10]), (json!({}), [1, 1, 1])] {
        let mut run = Run::new(&behavior, 10);
        run.sync(50.0);
        run.replicas = 1;
        assert_eq!(run.syncs(&[0.0; 3]), expected);
    }
}

#[test]
fn at_zero_scaling_is_disabled_until_somebody_sets_one() {
    let behavior =
        json!({"scaleUp": {"policies": [{"type": "Pods", "value": 40, "periodSeconds": 15}]}});
    let mut run = Run::new(&behavior, 0);
    assert_eq!(run.sync(200.0), 0);
    assert_eq!(
        run.condition(ConditionKind::ScalingActive),
        (false, "ScalingDisabled")
    );
    run.replicas = 1;
    assert_eq!(run.sync(200.0), 40);
}

#[test]
fn inside_the_tolerance_the_status_is_proposed_and_not_the_spec() {
    let mut run = Run::new(&json!({"scaleDown": {"stabilizationWindowSeconds": 0}}), 20);
    assert_eq!(run.sync_with(60.0, 12, 12), 12);
}

#[test]
fn a_value_target_multiplies_the_ready_pods() {
    let mut run = Run::of(&Value::Null, &json!({"type": "Value", "value": "5"}), 50, 4);
    let sizes: Vec<i32> = [10.0, 5.0, 5.5]
        .map(|metric| run.sync_with(metric, 4, 3))
        .into();
    assert_eq!(sizes, [6, 6, 6]);
}

#[test]
fn above_the_maximum_it_goes_back_without_looking_at_a_metric() {
    let behavior =
        json!({"scaleUp": {"policies": [{"type": "Pods", "value": 40, "periodSeconds": 15}]}});
    let target = json!({"type": "AverageValue", "averageValue": "5"});
    let mut run = Run::of(&behavior, &target, 10, 6);
    assert_eq!(run.syncs(&[200.0; 2]), [10, 10]);
    assert_eq!(
        run.condition(ConditionKind::ScalingLimited),
        (true, "TooManyReplicas")
    );
    run.replicas = 30;
    assert_eq!(run.sync(200.0), 10);
    assert_eq!(
        run.event(),
        "New size: 10; reason: Current number of replicas above Spec.MaxReplicas"
    );
    assert!(run.last.unwrap().metrics.is_empty());
}

#[test]
fn a_rescale_that_failed_is_told_and_not_remembered() {
    let mut run = Run::new(&json!({}), 1);
    let seen = Observation {
        now_ms: 0,
        namespace: "ns",
        spec_replicas: 1,
        status_replicas: 1,
        pods: Pods::default(),
        metrics: vec![Ok(200_000)],
    };
    let mut decision = sync(&run.spec, &mut run.memory, &seen);
    let outcome = Err("no".to_owned());
    rescaled(&run.spec, &mut run.memory, 0, &mut decision, outcome);
    assert_eq!(decision.events[0].reason, "FailedRescale");
    assert_eq!(decision.desired_replicas, None);
    run.now_ms = 1_000;
    assert_eq!(
        run.sync(200.0),
        5,
        "the failed step took nothing from the rate limit"
    );
}

#[test]
fn one_metric_of_two_failing_never_scales_down_but_may_scale_up() {
    let metric = |name: &str| json!({"type": "External", "external": {"metric": {"name": name}, "target": {"averageValue": "5"}}});
    let spec = Spec::from_json(
        &json!({"maxReplicas": 50, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        "metrics": [metric("a"), metric("b")]}),
    )
    .unwrap();
    let decide = |value: i64| {
        let seen = Observation {
            now_ms: 0,
            namespace: "ns",
            spec_replicas: 10,
            status_replicas: 10,
            pods: Pods::default(),
            metrics: vec![Err("no".to_owned()), Ok(value)],
        };
        sync(&spec, &mut Memory::default(), &seen)
    };
    let down = decide(5_000);
    assert_eq!(down.rescale, None);
    assert_eq!(down.desired_replicas, None);
    assert!(
        down.events[1]
            .message
            .starts_with("invalid metrics (1 invalid out of 2), first error is: ")
    );
    assert_eq!(decide(75_000).rescale.unwrap().to, 15);
}

#[test]
fn an_unreadable_scale_stops_the_sync() {
    let decision = scale_unknown(3, "deployments.apps \"w\" not found");
    assert_eq!(decision.events[0].reason, "FailedGetScale");
    assert!(!decision.conditions[0].status);
    assert_eq!(decision.desired_replicas, None);
}

fn any_behavior() -> impl Strategy<Value = Value> {
    let rules = (0_i32..400, 1_i32..200, 1_i32..120, prop::bool::ANY).prop_map(
        |(window, value, period, pods)| {
            let kind = if pods { "Pods" } else { "Percent" };
            json!({"stabilizationWindowSeconds": window,
                "policies": [{"type": kind, "value": value, "periodSeconds": period}]})
        },
    );
    prop_oneof![
        Just(Value::Null),
        Just(json!({})),
        (rules.clone(), rules).prop_map(|(up, down)| json!({"scaleUp": up, "scaleDown": down})),
    ]
}

proptest! {
    #[test]
    fn it_never_leaves_the_bounds(
        behavior in any_behavior(),
        start in 1_i32..=50,
        metrics in prop::collection::vec(0.0_f64..5_000.0, 1..40),
    ) {
        let mut run = Run::new(&behavior, start);
        for metric in metrics {
            let replicas = run.sync(metric);
            prop_assert!((1..=50).contains(&replicas), "{replicas}");
        }
    }

    #[test]
    fn under_a_steady_load_it_comes_to_rest(
        behavior in any_behavior(),
        start in 1_i32..=50,
        before in prop::collection::vec(0.0_f64..500.0, 0..10),
        load in 0.0_f64..400.0,
    ) {
        let mut run = Run::new(&behavior, start);
        run.syncs(&before);
        // The slowest policy here, one pod in two minutes, needs 49 × 8 syncs.
        let settled = run.syncs(&vec![load; 450]).pop();
        prop_assert!(run.syncs(&[load; 40]).iter().all(|replicas| Some(*replicas) == settled));
    }

    #[test]
    fn inside_the_tolerance_nothing_moves(
        behavior in any_behavior(),
        start in 1_i32..=50,
        wobble in prop::collection::vec(0.9_f64..1.1, 1..40),
    ) {
        let mut run = Run::new(&behavior, start);
        for ratio in wobble {
            let load = f64::from(start) * 5.0 * ratio.clamp(0.901, 1.099);
            prop_assert_eq!(run.sync(load), start);
        }
    }
}
