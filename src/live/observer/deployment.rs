//! Where the demo stands, read out of what the cluster shows: a state machine, pure.

use crate::cluster::view::View;

/// Where the demo stands, as the page's buttons need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deployment {
    Unknown,
    Absent,
    Deploying,
    Deployed,
    Removing,
}

impl Deployment {
    /// As the pages call it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Absent => "absent",
            Self::Deploying => "deploying",
            Self::Deployed => "deployed",
            Self::Removing => "removing",
        }
    }

    /// The state that the view shows. Half a demo is on its way up or down; which, the past tells: what was whole, or
    /// going, is going.
    pub(super) fn next(self, view: &View, redis_is_ours: bool) -> Self {
        if !view.complete || view.stale.is_some() {
            return Self::Unknown;
        }
        let worker_ready = view.worker.map(|(_, _, ready)| ready >= 1);
        // With a minimum of zero a worker at rest has no replicas, and the demo is whole all the same.
        let worker_whole = view
            .worker
            .is_some_and(|(wanted, _, ready)| ready >= wanted.min(1));
        let redis_ready = view
            .redis_ready
            .or((!redis_is_ours && view.worker.is_some()).then_some(true));
        match (worker_ready, redis_ready) {
            (None, None) if view.pods.is_empty() => Self::Absent,
            // What was whole and has all its objects is deployed, even while a part of it is broken: its light says so.
            (Some(_), Some(_)) if self == Self::Deployed && view.scaled_object.is_some() => {
                Self::Deployed
            }
            (Some(_), Some(true)) if worker_whole && view.scaled_object.is_some() => Self::Deployed,
            _ if matches!(self, Self::Deployed | Self::Removing) && view.worker.is_none() => {
                Self::Removing
            }
            _ if self == Self::Removing => Self::Removing,
            _ => Self::Deploying,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(worker: Option<(i64, i64, i64)>, redis_ready: Option<bool>, scaled: bool) -> View {
        View {
            complete: true,
            worker,
            redis_ready,
            scaled_object: scaled.then_some(Some(false)),
            ..View::default()
        }
    }

    #[test]
    fn half_a_demo_is_on_its_way_up_unless_it_was_whole() {
        let half = view(None, Some(false), false);
        assert_eq!(Deployment::Absent.next(&half, true), Deployment::Deploying);
        assert_eq!(Deployment::Deployed.next(&half, true), Deployment::Removing);
        assert_eq!(Deployment::Removing.next(&half, true), Deployment::Removing);
    }

    #[test]
    fn a_demo_scaled_to_zero_is_whole() {
        let asleep = view(Some((0, 0, 0)), Some(true), true);
        assert_eq!(
            Deployment::Deploying.next(&asleep, true),
            Deployment::Deployed
        );
    }

    #[test]
    fn a_demo_with_a_broken_part_is_still_deployed() {
        let broken = view(Some((1, 1, 0)), Some(false), true);
        assert_eq!(
            Deployment::Deployed.next(&broken, true),
            Deployment::Deployed
        );
        assert_eq!(
            Deployment::Absent.next(&broken, true),
            Deployment::Deploying
        );
    }

    #[test]
    fn a_cluster_that_does_not_answer_makes_its_state_unknown() {
        let mut stale = view(Some((1, 1, 1)), Some(true), true);
        stale.stale = Some(("gone".to_owned(), 0));
        assert_eq!(Deployment::Deployed.next(&stale, true), Deployment::Unknown);
    }
}
