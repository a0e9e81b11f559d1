//! Moving replicas between ReplicaSets: pure scaling, RollingUpdate and Recreate.

use super::super::ownership;
use super::super::pod;
use super::{DESIRED_REPLICAS, MAX_REPLICAS, Rollout, annotated, counted, replicas};
use crate::embedded::store::{Object, PODS};
use std::cmp::Ordering;

impl Rollout<'_> {
    /// The Deployment's number changed, its template did not: sizes the ReplicaSet in use directly. In the middle of a
    /// rollout every ReplicaSet in use gets its share.
    pub(super) fn scale(&self) {
        let active: Vec<&Object> = self.active().collect();
        match active.as_slice() {
            [] => {
                if let Some(set) = self.new_set().or(self.sets.last()) {
                    self.size(set, self.replicas());
                }
            }
            [only] => self.size(only, self.replicas()),
            several if self.is_saturated() => {
                for set in several {
                    let is_new = self.new_set().is_some_and(|new| new == *set);
                    self.size(set, if is_new { self.replicas() } else { 0 });
                }
            }
            several => self.scale_proportionally(several),
        }
    }

    /// Whether the new ReplicaSet has everything the Deployment wants, all available.
    fn is_saturated(&self) -> bool {
        self.new_set().is_some_and(|set| {
            replicas(set) == self.replicas()
                && annotated(set, DESIRED_REPLICAS) == Some(self.replicas())
                && counted(set, "availableReplicas") == self.replicas()
        })
    }

    /// Gives each ReplicaSet its share of what is added or taken away, by its share of the size before; what rounding
    /// leaves goes to the largest, and of equals to the newest when growing, to the oldest when shrinking.
    fn scale_proportionally(&self, sets: &[&Object]) {
        let change = self.most() - self.total();
        let mut sets = sets.to_vec();
        if change > 0 {
            sets.reverse();
        }
        // Stable: equals keep their order by age.
        sets.sort_by_key(|set| -replicas(set));
        let mut left = change;
        let mut sizes = Vec::new();
        for set in &sets {
            let share = match change.cmp(&0) {
                Ordering::Greater => self.share_of(set).min(left),
                Ordering::Less => self.share_of(set).max(left),
                Ordering::Equal => 0,
            };
            left -= share;
            sizes.push(replicas(set) + share);
        }
        if let Some(largest) = sizes.first_mut() {
            *largest = (*largest + left).max(0);
        }
        for (set, size) in sets.iter().zip(sizes) {
            self.size(set, size);
        }
    }

    /// By how much `set` would grow if it grew as the whole does: from the size that the rollout was allowed when the
    /// set was last sized, to the size it is allowed now.
    fn share_of(&self, set: &Object) -> i64 {
        if self.replicas() == 0 {
            return -replicas(set);
        }
        let before = annotated(set, MAX_REPLICAS)
            .filter(|most| *most > 0)
            .unwrap_or_else(|| counted(&self.deployment, "replicas"));
        if before == 0 {
            return 0;
        }
        // Rounded to the nearest.
        let size = (2 * replicas(set) * self.most() + before) / (2 * before);
        size - replicas(set)
    }

    /// One step of the rollout towards the current template.
    pub(super) fn step(&self) {
        if self.is_recreate() {
            self.recreate();
        } else {
            self.roll();
        }
    }

    /// Recreate: all old pods are gone before the first new one comes.
    fn recreate(&self) {
        let old: Vec<&Object> = self.old_sets().filter(|set| replicas(set) > 0).collect();
        if !old.is_empty() {
            for set in old {
                self.size(set, 0);
            }
            return;
        }
        let still_running = self.old_sets().any(|set| {
            ownership::controlled(self.store, PODS, set)
                .iter()
                .any(|pod| !pod::is_finished(pod))
        });
        if still_running {
            return;
        }
        self.ensure_new_set();
        if let Some(set) = self.new_set() {
            self.size(set, self.replicas());
        }
    }

    /// RollingUpdate: either the new ReplicaSet grows or the old ones shrink, within surge and unavailability.
    fn roll(&self) {
        self.ensure_new_set();
        let Some(set) = self.new_set() else {
            return;
        };
        let size = self.next_size(replicas(set));
        if size == replicas(set) {
            self.shrink_old();
        } else {
            self.size(set, size);
        }
    }

    /// The size a new ReplicaSet is created with.
    pub(super) fn first_size(&self) -> i64 {
        if self.is_recreate() {
            self.replicas()
        } else {
            self.next_size(0)
        }
    }

    /// How far the new ReplicaSet may grow (or must shrink) from `size` in this step.
    fn next_size(&self, size: i64) -> i64 {
        let wanted = self.replicas();
        if size >= wanted {
            return wanted;
        }
        let room = wanted + self.fenceposts().0 - self.total();
        size + room.clamp(0, wanted - size)
    }

    /// Shrinks old ReplicaSets as far as availability allows: first what is unavailable anyway, then the oldest.
    fn shrink_old(&self) {
        let least = self.replicas() - self.max_unavailable();
        let new = self.new_set();
        let new_unavailable =
            new.map_or(0, |set| replicas(set) - counted(set, "availableReplicas"));
        let mut budget = self.total() - least - new_unavailable;
        let mut sizes: Vec<(&Object, i64)> =
            self.old_sets().map(|set| (set, replicas(set))).collect();
        for (set, size) in &mut sizes {
            let unavailable = *size - counted(set, "availableReplicas").min(*size);
            let cut = unavailable.min(budget).max(0);
            *size -= cut;
            budget -= cut;
        }
        let available: i64 = self
            .sets
            .iter()
            .map(|set| counted(set, "availableReplicas"))
            .sum();
        let mut spare = (available - least).min(budget);
        for (_, size) in &mut sizes {
            let cut = (*size).min(spare).max(0);
            *size -= cut;
            spare -= cut;
        }
        for (set, size) in sizes {
            if size != replicas(set) {
                self.size(set, size);
            }
        }
    }
}
