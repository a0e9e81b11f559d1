//! Whether the API server answers, and whether it is young enough.

use super::Check;
use crate::cluster::ClusterError;

/// The oldest minor version of Kubernetes 1 that we were made for, and that KEDA of today takes.
const OLDEST: u32 = 30;
/// The first one with `autoscaling/v2`, which the demo's HPA is read by: nothing works before it.
const FIRST_USABLE: u32 = 23;

pub(super) const TITLE: &str = "Kubernetes API";

/// What the API server at `address` said when it was asked for its version. An old one is a warning as long as
/// everything we use is there: a talk is no time for an upgrade.
pub(super) fn check(version: &Result<String, ClusterError>, address: &str) -> Check {
    match version {
        Ok(version) => judge(version, address),
        // Somebody answers who does not tell us that; whether the rest is told is seen by asking for it.
        Err(error) if matches!(error.code(), Some(403 | 404)) => Check::unknown(
            TITLE,
            format!("{address} does not tell its version: {error}"),
        ),
        Err(error) => Check::stopping(TITLE, error.to_string()),
    }
}

/// Why nothing can be deployed on this version, if that is so.
pub(in crate::stage) fn too_old(version: &str, address: &str) -> Option<String> {
    let old = minor(version).is_some_and(|minor| minor < FIRST_USABLE);
    old.then(|| {
        format!("{version} at {address} is too old: the demo needs autoscaling/v2, Kubernetes 1.{FIRST_USABLE}, and was made for 1.{OLDEST}; upgrade the cluster")
    })
}

fn judge(version: &str, address: &str) -> Check {
    let found = format!("{version} at {address}");
    let upgrade = "kubectl version";
    if let Some(reason) = too_old(version, address) {
        return Check::stopping(TITLE, reason).fix(upgrade);
    }
    match minor(version) {
        None => Check::unknown(TITLE, format!("{found}: not a version we can read")),
        Some(minor) if minor < OLDEST => Check::warning(
            TITLE,
            format!("{found} is older than 1.{OLDEST}, for which the demo was made; it may work, and KEDA of today does not promise to"),
        )
        .fix(upgrade),
        Some(_) => Check::ok(TITLE, found),
    }
}

/// 36 of `v1.36.2+k3s1`.
fn minor(version: &str) -> Option<u32> {
    let rest = version.strip_prefix("v1.")?;
    let end = rest.find(|c: char| !c.is_ascii_digit());
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::preflight::Verdict;

    #[test]
    fn an_old_cluster_is_a_warning_and_one_that_cannot_work_a_failure() {
        for (version, verdict) in [
            ("v1.36.2", Verdict::Ok),
            ("v1.30.0-eks-1234", Verdict::Ok),
            ("v1.29.15+k3s1", Verdict::Warning),
            ("v1.22.17", Verdict::Failed),
            ("nightly", Verdict::Unknown),
        ] {
            assert_eq!(judge(version, "here").verdict, verdict, "{version}");
        }
    }
}
