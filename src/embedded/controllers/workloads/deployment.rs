//! The Deployment controller: a ReplicaSet a template, and a gentle way from one to the next.
//!
//! One pass reads the Deployment and the ReplicaSets it controls into a [`Rollout`], takes at most one step (a pure
//! scale goes straight to the ReplicaSet, without surge; anything else is a step of the rollout), and writes the
//! status. `revision` makes and finds ReplicaSets, `rollout` moves replicas between them, `status` sums up.

mod revision;
mod rollout;
mod status;

use super::ownership;
use super::reconcile::{self, Reconciler};
use crate::embedded::events::{self, Severity};
use crate::embedded::store::{self, Change, DEPLOYMENTS, Key, Object, REPLICA_SETS, Store};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const COMPONENT: &str = "deployment-controller";

/// What the Deployment wanted when this ReplicaSet was last sized; differs from the spec after a pure scale.
const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";

/// The most replicas the rollout may have, surge included, when this ReplicaSet was last sized.
const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";

/// Rolls Deployments out until `shutdown`.
pub(super) async fn run(store: Store, shutdown: CancellationToken) {
    let controller = Deployments {
        store: store.clone(),
    };
    reconcile::drive(&store, controller, shutdown).await;
}

struct Deployments {
    store: Store,
}

impl Reconciler for Deployments {
    fn affected(&mut self, change: &Change) -> Vec<Key> {
        match change.key.resource {
            DEPLOYMENTS => vec![change.key.clone()],
            REPLICA_SETS => match ownership::controller_of(&change.object) {
                Some(_) => ownership::controller_key(&change.object, "Deployment", DEPLOYMENTS)
                    .into_iter()
                    .collect(),
                None => ownership::adopters(&self.store, DEPLOYMENTS, &change.object),
            },
            _ => Vec::new(),
        }
    }

    fn all(&self) -> Vec<Key> {
        let (deployments, _) = self.store.list(DEPLOYMENTS, None);
        deployments
            .iter()
            .map(|deployment| Key::of(DEPLOYMENTS, deployment))
            .collect()
    }

    fn reconcile(&mut self, key: &Key) -> Option<Duration> {
        let rollout = Rollout::read(&self.store, key)?;
        if store::is_deleting(&rollout.deployment) {
            return None;
        }
        if rollout.is_paused() || rollout.is_scaling() {
            rollout.scale();
            return Rollout::read(&self.store, key)?.write_status(status::Progress::LeaveAlone);
        }
        rollout.step();
        let deadline = Rollout::read(&self.store, key)?.write_status(status::Progress::Judge);
        Rollout::read(&self.store, key)?.clean_up();
        deadline
    }
}

/// One Deployment and its ReplicaSets, as of one moment.
struct Rollout<'a> {
    store: &'a Store,
    deployment: Object,
    /// Oldest first.
    sets: Vec<Object>,
}

impl<'a> Rollout<'a> {
    fn read(store: &'a Store, key: &Key) -> Option<Self> {
        let deployment = store.get(key)?;
        let mut sets = ownership::claim(store, REPLICA_SETS, &deployment);
        // Revisions order what whole-second creation times cannot.
        sets.sort_by_key(|set| (created(set).to_owned(), revision::number(set)));
        Some(Self {
            store,
            deployment,
            sets,
        })
    }

    fn key(&self) -> Key {
        Key::of(DEPLOYMENTS, &self.deployment)
    }

    /// `spec.replicas`; one when absent.
    fn replicas(&self) -> i64 {
        replicas(&self.deployment)
    }

    fn is_paused(&self) -> bool {
        self.deployment["spec"]["paused"] == true
    }

    fn is_recreate(&self) -> bool {
        self.deployment["spec"]["strategy"]["type"] == "Recreate"
    }

    /// Whether the last change was to `replicas` alone: some ReplicaSet in use was sized for another number.
    fn is_scaling(&self) -> bool {
        self.active().any(|set| {
            annotated(set, DESIRED_REPLICAS).is_some_and(|desired| desired != self.replicas())
        })
    }

    /// The ReplicaSet of the current template.
    fn new_set(&self) -> Option<&Object> {
        self.sets
            .iter()
            .find(|set| revision::has_template_of(set, &self.deployment))
    }

    /// The ReplicaSets of earlier templates, oldest first.
    fn old_sets(&self) -> impl Iterator<Item = &Object> {
        let new = self.new_set().map_or("", |set| store::uid(set));
        self.sets.iter().filter(move |set| store::uid(set) != new)
    }

    fn active(&self) -> impl Iterator<Item = &Object> {
        self.sets.iter().filter(|set| replicas(set) > 0)
    }

    /// Σ `spec.replicas` of all ReplicaSets.
    fn total(&self) -> i64 {
        self.sets.iter().map(|set| replicas(set)).sum()
    }

    /// `(maxSurge, maxUnavailable)` in replicas: percentages of `spec.replicas`, the first rounded up, the second
    /// down; never both zero, or nothing could move.
    fn fenceposts(&self) -> (i64, i64) {
        if self.is_recreate() {
            return (0, 0);
        }
        let rolling = &self.deployment["spec"]["strategy"]["rollingUpdate"];
        let surge = share(&rolling["maxSurge"], self.replicas(), Rounding::Up);
        let unavailable = share(&rolling["maxUnavailable"], self.replicas(), Rounding::Down);
        if surge == 0 && unavailable == 0 {
            (0, 1)
        } else {
            (surge, unavailable)
        }
    }

    /// The most replicas the rollout may have, surge included.
    fn most(&self) -> i64 {
        if self.replicas() == 0 {
            0
        } else {
            self.replicas() + self.fenceposts().0
        }
    }

    /// How many of the replicas may be unavailable before the Deployment counts as unavailable.
    fn max_unavailable(&self) -> i64 {
        self.fenceposts().1.min(self.replicas())
    }

    /// Sizes `set` and notes for which wish; tells about it when the size changes.
    fn size(&self, set: &Value, size: i64) {
        let before = replicas(set);
        let key = Key::of(REPLICA_SETS, set);
        let sized = self.store.modify(&key, None, |set| {
            set["spec"]["replicas"] = json!(size);
            self.note_wish(set);
            Ok(())
        });
        if sized.is_ok() && before != size {
            let direction = if size > before { "up" } else { "down" };
            self.tell(&format!(
                "Scaled {direction} replica set {} from {before} to {size}",
                store::name(set)
            ));
        }
    }

    fn note_wish(&self, set: &mut Value) {
        let most = self.most();
        let annotations = &mut set["metadata"]["annotations"];
        annotations[DESIRED_REPLICAS] = json!(self.replicas().to_string());
        annotations[MAX_REPLICAS] = json!(most.to_string());
    }

    fn tell(&self, message: &str) {
        events::record(
            self.store,
            COMPONENT,
            &self.deployment,
            Severity::Normal,
            "ScalingReplicaSet",
            message,
        );
    }
}

/// `spec.replicas`; one when absent.
fn replicas(object: &Value) -> i64 {
    object["spec"]["replicas"].as_i64().unwrap_or(1)
}

/// A number that an annotation of `set` holds.
fn annotated(set: &Value, annotation: &str) -> Option<i64> {
    set["metadata"]["annotations"][annotation]
        .as_str()?
        .parse()
        .ok()
}

/// A count of the status; zero when absent.
fn counted(object: &Value, field: &str) -> i64 {
    object["status"][field].as_i64().unwrap_or(0)
}

fn created(object: &Value) -> &str {
    object["metadata"]["creationTimestamp"]
        .as_str()
        .unwrap_or_default()
}

#[derive(Clone, Copy)]
enum Rounding {
    Up,
    Down,
}

/// An `IntOrString` as a number of replicas; 25 % when absent, as the API defaults it.
fn share(value: &Value, replicas: i64, rounding: Rounding) -> i64 {
    if let Some(number) = value.as_i64() {
        return number.max(0);
    }
    let percent: i64 = value
        .as_str()
        .and_then(|text| text.strip_suffix('%'))
        .and_then(|percent| percent.parse().ok())
        .unwrap_or(25);
    let hundredfold = replicas.saturating_mul(percent.max(0));
    match rounding {
        Rounding::Up => hundredfold.saturating_add(99) / 100,
        Rounding::Down => hundredfold / 100,
    }
}

#[cfg(test)]
mod tests;
