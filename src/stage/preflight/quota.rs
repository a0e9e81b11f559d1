//! Whether the namespace's quotas leave room for the demo with every worker up.
//!
//! What of the demo runs already is in a quota's use and in our demand; it is counted once.

use super::demand::{Crowd, crowds, milli};
use super::{Check, Ground};
use serde_json::Value;

pub(super) const TITLE: &str = "quota";

pub(super) async fn check(ground: Ground<'_>) -> Check {
    let list = |plural: &str| format!("/api/v1/namespaces/{}/{plural}", ground.namespace);
    let crowds = crowds(ground.manifests);
    let quotas = match ground.cluster.ask(&list("resourcequotas")).await {
        Ok(quotas) => quotas,
        Err(error) => return Check::unanswered(TITLE, &error),
    };
    let all = quotas["items"].as_array().map_or(&[][..], Vec::as_slice);
    let most: i64 = crowds.iter().map(|crowd| crowd.most).sum();
    if all.is_empty() {
        return Check::ok(TITLE, format!("none stands in the way of {most} pods"));
    }
    let pods = match ground.cluster.ask(&list("pods")).await {
        Ok(pods) => pods,
        Err(error) => return Check::unanswered(TITLE, &error),
    };
    // A LimitRange fills in what containers leave out; who may not read it gets the warning that it would spare.
    let ranges = ground.cluster.ask(&list("limitranges")).await;
    let filled = ranges.is_ok_and(|ranges| {
        ranges["items"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    });
    let pods = pods["items"].as_array().map_or(&[][..], Vec::as_slice);
    judge(all, &crowds, pods, filled, ground.namespace)
}

fn judge(
    quotas: &[Value],
    crowds: &[Crowd<'_>],
    pods: &[Value],
    filled: bool,
    namespace: &str,
) -> Check {
    let mut found = Vec::new();
    for quota in quotas {
        let name = quota["metadata"]["name"].as_str().unwrap_or("?");
        let hard = quota["status"]["hard"]
            .as_object()
            .or(quota["spec"]["hard"].as_object());
        for (resource, hard) in hard.into_iter().flatten() {
            let used = quota["status"]["used"][resource]
                .as_str()
                .and_then(milli)
                .unwrap_or(0);
            let Some(hard) = hard.as_str().and_then(milli) else {
                continue;
            };
            let Some(missing) = missing(resource, hard - used, crowds, pods) else {
                if !filled {
                    return unsaid(resource, name, namespace);
                }
                continue;
            };
            if missing > 0 {
                let total = hard.saturating_add(missing);
                let words = format!(
                    "{resource} of quota {name}: {} allowed, {} needed",
                    written(resource, hard),
                    written(resource, total)
                );
                found.push((words, name, resource, total));
            }
        }
    }
    let Some((_, name, resource, total)) = found.first() else {
        return Check::ok(TITLE, format!("room for {} pods", most(crowds)));
    };
    let fix = format!(
        "kubectl patch resourcequota {name} -n {namespace} --type merge -p '{{\"spec\":{{\"hard\":{{\"{resource}\":\"{}\"}}}}}}'",
        written(resource, *total)
    );
    let words: Vec<_> = found.iter().map(|(words, ..)| words.as_str()).collect();
    let detail = format!("not all workers fit: {}", words.join("; "));
    // The demo runs with fewer workers; that it meets the quota may even be what is to be shown.
    Check::warning(TITLE, detail).fix(fix)
}

fn most(crowds: &[Crowd<'_>]) -> i64 {
    crowds.iter().map(|crowd| crowd.most).sum()
}

/// What is missing of `resource` in thousandths; `None` when a container does not say what it needs.
fn missing(resource: &str, free: i64, crowds: &[Crowd<'_>], pods: &[Value]) -> Option<i64> {
    let mut needed = 0_i64;
    for crowd in crowds {
        let ended = |pod: &Value| {
            matches!(
                pod["status"]["phase"].as_str(),
                Some("Succeeded" | "Failed")
            )
        };
        let here = pods
            .iter()
            .filter(|pod| crowd.owns(pod) && !ended(pod))
            .count();
        let more = crowd.most - i64::try_from(here).unwrap_or(i64::MAX);
        needed = needed.saturating_add(crowd.counts(resource)?.saturating_mul(more.max(0)));
    }
    Some(needed.saturating_sub(free))
}

fn unsaid(resource: &str, name: &str, namespace: &str) -> Check {
    let detail = format!(
        "quota {name} counts {resource}, and the demo's containers do not say how much they take: their pods will be refused"
    );
    Check::failed(TITLE, detail).fix(format!(
        "kubectl patch resourcequota {name} -n {namespace} --type json -p '[{{\"op\":\"remove\",\"path\":\"/spec/hard/{resource}\"}}]'"
    ))
}

/// A number of thousandths as people write that resource.
fn written(resource: &str, milli: i64) -> String {
    const MEBI: i64 = 1024 * 1024 * 1000;
    if resource.ends_with("memory") {
        return format!(
            "{}Mi",
            milli.div_euclid(MEBI) + i64::from(milli.rem_euclid(MEBI) > 0)
        );
    }
    if milli % 1000 == 0 {
        (milli / 1000).to_string()
    } else {
        format!("{milli}m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::stage::manifests;
    use crate::stage::preflight::Verdict;
    use serde_json::json;

    #[track_caller]
    fn judged(hard: &Value, used: &Value, workers: usize) -> Check {
        let manifests = manifests::load(&Config::default()).unwrap();
        let quota = json!({"metadata": {"name": "q"}, "status": {"hard": hard, "used": used}});
        let worker = json!({
            "metadata": {"labels": {"app.kubernetes.io/name": "queue-worker"}}, "status": {"phase": "Running"},
        });
        let pods = vec![worker; workers];
        judge(&[quota], &crowds(&manifests), &pods, false, "keda-demo")
    }

    #[test]
    fn a_quota_with_room_for_48_workers_and_redis_is_well() {
        let check = judged(
            &json!({"pods": "49", "requests.cpu": "1060m", "requests.memory": "1600Mi", "services": "5"}),
            &json!({"pods": "0"}),
            0,
        );
        assert_eq!(check.verdict, Verdict::Ok, "{}", check.detail);
        assert!(check.detail.contains("49 pods"), "{}", check.detail);
    }

    #[test]
    fn what_runs_already_is_not_counted_twice() {
        let check = judged(&json!({"pods": "49"}), &json!({"pods": "10"}), 10);
        assert_eq!(check.verdict, Verdict::Ok, "{}", check.detail);
    }

    #[test]
    fn a_tight_quota_is_named_with_what_would_do() {
        let check = judged(
            &json!({"pods": "30", "memory": "1Gi"}),
            &json!({"pods": "2"}),
            0,
        );
        assert_eq!(check.verdict, Verdict::Warning);
        for part in [
            "pods of quota q: 30 allowed, 51 needed",
            "memory of quota q: 1024Mi allowed, 1600Mi needed",
        ] {
            assert!(check.detail.contains(part), "{}", check.detail);
        }
        assert!(
            check.fixes[0]
                .command
                .contains("kubectl patch resourcequota q -n keda-demo")
        );
    }

    #[test]
    fn a_quota_on_what_the_containers_do_not_say_refuses_them() {
        let check = judged(&json!({"limits.cpu": "10"}), &json!({}), 0);
        assert_eq!(check.verdict, Verdict::Failed);
        assert!(check.detail.contains("limits.cpu"), "{}", check.detail);
    }
}
