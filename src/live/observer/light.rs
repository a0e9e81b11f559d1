//! The sources' lights: whether each one's numbers are current, since when, and if not, why.

use super::deployment::Deployment;
use crate::cluster::view::View;
use crate::live::hub::SourceHealth;

/// A source other than the cluster: why it cannot be read now, if so, and since when (ms since the epoch; 0 before the
/// first attempt).
pub(super) type Told = (Option<String>, i64);

/// The light of the cluster. Before the first lists are in, it need not be on.
pub(super) fn of_cluster(view: &View) -> SourceHealth {
    let (ok, reason, since) = match &view.stale {
        Some((reason, since)) => (false, reason.clone(), *since),
        None if view.complete => (true, String::new(), 0),
        None => (
            false,
            "reading the cluster for the first time".to_owned(),
            0,
        ),
    };
    SourceHealth {
        name: "cluster",
        ok,
        due: view.complete || view.stale.is_some(),
        reason,
        since,
    }
}

/// The light of a source that the demo brings along: a demo that is not deployed has no queue and no metric, and that is
/// no fault. `ours` is false for a Redis that is there without the demo.
pub(super) fn of_demo(
    name: &'static str,
    (error, since): Told,
    deployment: Deployment,
    ours: bool,
) -> SourceHealth {
    let due = since != 0 && (!ours || deployment == Deployment::Deployed);
    let reason = match error.as_deref() {
        Some(_) if ours && deployment == Deployment::Absent => "the queue demo is not deployed",
        Some(reason) => reason,
        None => "",
    };
    SourceHealth {
        name,
        ok: error.is_none(),
        due,
        reason: reason.to_owned(),
        since,
    }
}

/// The light of what the workers use of CPU. Nothing of the demo hangs on it, so it is never missed: while it is out, its
/// number is not there and its light says why.
pub(super) fn of_cpu((error, since): Told) -> SourceHealth {
    SourceHealth {
        name: "cpu",
        ok: error.is_none(),
        due: false,
        reason: error.unwrap_or_default(),
        since,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_missed_only_where_there_should_be_one() {
        let gone = || (Some("connection refused".to_owned()), 1);
        for (deployment, ours, due, reason) in [
            (
                Deployment::Absent,
                true,
                false,
                "the queue demo is not deployed",
            ),
            (Deployment::Deploying, true, false, "connection refused"),
            (Deployment::Deployed, true, true, "connection refused"),
            (Deployment::Absent, false, true, "connection refused"),
        ] {
            let light = of_demo("redis", gone(), deployment, ours);
            assert_eq!(
                (light.reason.as_str(), light.due),
                (reason, due),
                "{deployment:?} {ours}"
            );
        }
        let untried = (Some("not read yet".to_owned()), 0);
        let light = of_demo("redis", untried, Deployment::Unknown, false);
        assert!(!light.due, "it has not been tried");
    }

    #[test]
    fn a_cluster_that_was_never_reached_is_missed_too() {
        let stale = View {
            stale: Some(("Connection refused".to_owned(), 7)),
            ..View::default()
        };
        let light = of_cluster(&stale);
        assert!(!light.ok && light.due && light.since == 7);
        assert!(!of_cluster(&View::default()).due, "still being read");
    }
}
