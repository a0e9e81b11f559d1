//! KEDA and the HPA on one target: what must hold whatever the queue does.

use super::{object, redis_of};
use crate::autoscale::hpa::{self, Memory, Observation, Pods, Spec};
use crate::autoscale::keda::{Poll, Redis, ScaledObject, generated_hpa, step};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Seconds between two polls; the HPA syncs at every third.
const POLL_MS: i64 = 5_000;

/// Jobs for each replica.
const LENGTH: i64 = 100;

/// A target whose status follows its spec at once, scaled by both.
struct Pair {
    object: ScaledObject,
    redis: Redis,
    hpa: Spec,
    memory: Memory,
    replicas: i32,
    now_ms: i64,
    last_active_ms: Option<i64>,
    ticks: u32,
}

impl Pair {
    fn new(min: i32, max: i32, replicas: i32, behavior: &Value) -> Self {
        let mut spec = json!({"minReplicaCount": min, "maxReplicaCount": max,
            "pollingInterval": 5, "cooldownPeriod": 60});
        if !behavior.is_null() {
            spec["advanced"] = json!({"horizontalPodAutoscalerConfig": {"behavior": behavior}});
        }
        let stored = object(&spec);
        let object = ScaledObject::from_json(&stored).unwrap();
        let redis =
            redis_of(&json!({"address": "r:1", "listName": "j", "listLength": "100"})).unwrap();
        let wanted = generated_hpa(&stored, &object, std::slice::from_ref(&redis));
        let hpa = Spec::from_json(&hpa::defaulted(&wanted["spec"])).unwrap();
        Self {
            object,
            redis,
            hpa,
            memory: Memory::default(),
            replicas,
            now_ms: 0,
            last_active_ms: Some(0),
            ticks: 0,
        }
    }

    /// One poll, and at every third an HPA sync before it. Returns the sizes that the two set.
    fn tick(&mut self, depth: i64) -> Vec<i32> {
        let mut set = Vec::new();
        if self.ticks % 3 == 2 {
            set.extend(self.sync(depth));
        }
        set.extend(self.poll(depth));
        // A little more than an interval, as on a cluster.
        self.now_ms += POLL_MS + 1;
        self.ticks += 1;
        set
    }

    fn poll(&mut self, depth: i64) -> Option<i32> {
        let active = self.redis.is_active(depth);
        let poll = Poll {
            now_ms: self.now_ms,
            created_ms: 0,
            last_active_ms: self.last_active_ms,
            replicas: self.replicas,
            active: active
                .then(|| "s0-redis-j".to_owned())
                .into_iter()
                .collect(),
            failed: false,
        };
        let step = step(&self.object, &poll);
        if step.was_active {
            self.last_active_ms = Some(self.now_ms);
        }
        let to = step.scaling?.to;
        self.replicas = to;
        Some(to)
    }

    fn sync(&mut self, depth: i64) -> Option<i32> {
        let pods = u32::try_from(self.replicas).unwrap();
        let seen = Observation {
            now_ms: self.now_ms,
            namespace: "ns",
            spec_replicas: self.replicas,
            status_replicas: self.replicas,
            pods: Pods {
                matching: pods,
                ready: pods,
            },
            metrics: vec![Ok(depth * 1_000)],
        };
        let mut decision = hpa::sync(&self.hpa, &mut self.memory, &seen);
        let to = decision.rescale.clone()?.to;
        hpa::rescaled(
            &self.hpa,
            &mut self.memory,
            self.now_ms,
            &mut decision,
            Ok(()),
        );
        self.replicas = to;
        Some(to)
    }
}

fn behaviors() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!({})),
        Just(json!({
            "scaleUp": {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 24, "periodSeconds": 15}]},
            "scaleDown": {"stabilizationWindowSeconds": 30, "policies": [{"type": "Percent", "value": 40, "periodSeconds": 15}]}})),
        Just(json!({"scaleUp": {"stabilizationWindowSeconds": 60}})),
    ]
}

proptest! {
    #[test]
    fn they_keep_within_the_bounds_and_never_sleep_on_work(
        min in 0_i32..4,
        more in 0_i32..40,
        start in 0_i32..45,
        behavior in behaviors(),
        depths in prop::collection::vec(prop_oneof![Just(0_i64), 0_i64..20_000], 1..120),
    ) {
        let max = min.max(1) + more;
        let mut pair = Pair::new(min, max, start.clamp(min, max), &behavior);
        for depth in depths {
            for size in pair.tick(depth) {
                prop_assert!(size <= max, "{size} above {max}");
                prop_assert!(size >= min, "{size} below {min}");
                let since = pair.now_ms - pair.last_active_ms.unwrap_or(0);
                prop_assert!(size > 0 || since > 60_000, "asleep after {since} ms");
            }
        }
    }

    #[test]
    fn a_steady_queue_brings_them_to_rest(
        min in 0_i32..4,
        behavior in behaviors(),
        before in prop::collection::vec(0_i64..20_000, 0..40),
        depth in prop_oneof![Just(0_i64), 1_i64..20_000],
    ) {
        let max = 48;
        let mut pair = Pair::new(min, max, min, &behavior);
        for depth in before {
            pair.tick(depth);
        }
        // Five minutes of window and the whole way up or down.
        for _ in 0..180 {
            pair.tick(depth);
        }
        let rest = pair.replicas;
        for _ in 0..120 {
            prop_assert_eq!(pair.tick(depth), Vec::<i32>::new());
        }
        if depth == 0 {
            prop_assert_eq!(rest, min);
        } else {
            let ratio = depth as f64 / (f64::from(rest) * LENGTH as f64);
            let at_bound = rest == max || rest == min.max(1);
            prop_assert!(at_bound || (0.9..=1.1).contains(&ratio) || rest == i32::try_from((depth + LENGTH - 1) / LENGTH).unwrap());
        }
    }

    #[test]
    fn inside_the_tolerance_nothing_flaps(
        replicas in 1_i32..48,
        behavior in behaviors(),
        wobble in prop::collection::vec(0.901_f64..1.099, 60..120),
    ) {
        let mut pair = Pair::new(0, 48, replicas, &behavior);
        for share in wobble {
            // Whole jobs, rounded towards the target so that they stay inside.
            let exact = f64::from(replicas) * LENGTH as f64;
            let depth = (exact + (exact * (share - 1.0)).trunc()) as i64;
            prop_assert_eq!(pair.tick(depth), Vec::<i32>::new());
        }
    }
}
