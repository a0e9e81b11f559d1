//! The rights that the demo needs, asked for one by one (SelfSubjectAccessReview), one check for each kind of object.

use super::{Check, Ground};
use crate::autoscale::keda::metric_name;
use crate::cluster::Cluster;
use crate::cluster::apply::Manifest;
use crate::cluster::remedy::Right;
use futures::future::join_all;
use std::borrow::Cow;

/// What deploying and removing an object takes. A server-side apply that makes an object needs `create` besides `patch`.
const TO_DEPLOY: &[&str] = &["get", "create", "patch", "delete"];
/// Of these, what no deployment gets past: each object is looked at and patched. One that is there need not be created.
const TO_APPLY: &[&str] = &["get", "patch"];
/// What is asked of the namespace: one that is there and is not ours stays as it is. Whether one may be made that is not
/// there yet is asked with the namespace itself.
const TO_LOOK: &[&str] = &["get"];
/// What a stream to a pod's port takes: which of the two is asked for depends on the server's age and on what is spoken.
const TO_FORWARD: &[&str] = &["create", "get"];
/// What following a kind takes.
const TO_FOLLOW: &[&str] = &["list", "watch"];

/// What the observer and the search for Redis read, whatever the manifests are.
const READ: &[(&str, &str, Option<&str>, &[&str])] = &[
    ("apps", "deployments", None, TO_FOLLOW),
    ("", "pods", None, TO_FOLLOW),
    ("autoscaling", "horizontalpodautoscalers", None, TO_FOLLOW),
    ("keda.sh", "scaledobjects", None, TO_FOLLOW),
    ("", "events", None, TO_FOLLOW),
    ("", "resourcequotas", None, TO_FOLLOW),
    ("", "endpoints", Some("redis"), &["get"]),
];

/// Where KEDA serves what the queue's length is; the metric's name stands there where a resource's does.
const METRICS: &str = "external.metrics.k8s.io";
/// The triggers that look at a list in Redis, wherever it is; they name their metrics alike.
const REDIS_TRIGGERS: &[&str] = &["redis", "redis-sentinel", "redis-cluster"];

/// The kinds that a demo may have. What is not here is not asked about; applying it will tell.
const KINDS: &[(&str, &str, &str)] = &[
    ("Namespace", "", "namespaces"),
    ("Secret", "", "secrets"),
    ("ConfigMap", "", "configmaps"),
    ("Service", "", "services"),
    ("ServiceAccount", "", "serviceaccounts"),
    ("Deployment", "apps", "deployments"),
    ("StatefulSet", "apps", "statefulsets"),
    ("ScaledObject", "keda.sh", "scaledobjects"),
    ("TriggerAuthentication", "keda.sh", "triggerauthentications"),
];

/// All that is needed of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Needed {
    group: &'static str,
    resource: Cow<'static, str>,
    namespace: Option<String>,
    /// The one object that it is about, when it is about one: a right on that is enough.
    name: Option<String>,
    verbs: Vec<&'static str>,
}

impl Needed {
    pub(super) fn title(&self) -> String {
        let resource = match self.group {
            METRICS => "external metric",
            _ => self.resource.as_ref(),
        };
        format!("rights: {resource}")
    }

    /// Whether what is refused lets no deployment through.
    fn stops_deploy(&self, refused: &[&str]) -> bool {
        let deployed = KINDS
            .iter()
            .any(|(_, group, resource)| *group == self.group && *resource == self.resource);
        deployed && refused.iter().any(|verb| TO_APPLY.contains(verb))
    }

    fn right(&self, verb: &str) -> Right {
        // Nobody can be granted to create an object of a certain name.
        let by_name = verb != "create";
        Right {
            verb: verb.to_owned(),
            group: self.group.to_owned(),
            resource: self.resource.clone().into_owned(),
            namespace: self.namespace.clone(),
            name: self.name.clone().filter(|_| by_name),
        }
    }
}

/// What the manifests and the observer need.
pub(super) fn needed(ground: Ground<'_>) -> Vec<Needed> {
    let mut all: Vec<Needed> = Vec::new();
    for manifest in ground.manifests {
        add_to_deploy(&mut all, manifest, ground);
    }
    let here = || Some(ground.namespace.to_owned());
    for (group, resource, name, verbs) in READ {
        let name = name.map(str::to_owned);
        add(&mut all, (*group, (*resource).into()), here(), name, verbs);
    }
    for metric in ground.manifests.iter().flat_map(metrics) {
        add(&mut all, (METRICS, metric.into()), here(), None, &["list"]);
    }
    all
}

fn add_to_deploy(all: &mut Vec<Needed>, manifest: &Manifest, ground: Ground<'_>) {
    let kind = manifest.kind();
    let Some((_, group, resource)) = KINDS.iter().find(|(known, ..)| *known == kind) else {
        return;
    };
    let name = matches!(kind, "Secret" | "Namespace").then(|| manifest.name().to_owned());
    let verbs = match kind {
        "Namespace" => TO_LOOK,
        _ => TO_DEPLOY,
    };
    let place = place(manifest, ground);
    add(all, (*group, (*resource).into()), place, name, verbs);
}

/// What the way to the demo's Redis needs, where it leads through the API server of this version.
pub(super) fn to_forward(ground: Ground<'_>, version: &str) -> Option<Needed> {
    let forwarded = ground.redis.is_none() && ground.cluster.forwards_redis(version);
    forwarded.then(|| Needed {
        group: "",
        resource: "pods/portforward".into(),
        namespace: Some(ground.namespace.to_owned()),
        name: None,
        verbs: TO_FORWARD.to_vec(),
    })
}

/// The metrics that KEDA makes of a ScaledObject: one of each list that it looks at.
fn metrics(manifest: &Manifest) -> Vec<String> {
    let triggers = manifest.object()["spec"]["triggers"].as_array();
    let triggers = triggers.filter(|_| manifest.kind() == "ScaledObject");
    let lists = triggers.into_iter().flatten().enumerate();
    lists
        .filter(|(_, trigger)| REDIS_TRIGGERS.iter().any(|kind| trigger["type"] == *kind))
        .filter_map(|(at, trigger)| {
            Some(metric_name(at, trigger["metadata"]["listName"].as_str()?))
        })
        .collect()
}

fn place(manifest: &Manifest, ground: Ground<'_>) -> Option<String> {
    match manifest.kind() {
        "Namespace" => None,
        _ => Some(manifest.namespace().unwrap_or(ground.namespace).to_owned()),
    }
}

fn add(
    all: &mut Vec<Needed>,
    (group, resource): (&'static str, Cow<'static, str>),
    namespace: Option<String>,
    name: Option<String>,
    verbs: &[&'static str],
) {
    let known = all.iter_mut().find(|one| {
        one.resource == resource
            && one.group == group
            && one.namespace == namespace
            && one.name == name
    });
    let verbs_of = match known {
        Some(known) => &mut known.verbs,
        None => {
            all.push(Needed {
                group,
                resource,
                namespace,
                name,
                verbs: Vec::new(),
            });
            let Some(new) = all.last_mut() else { return };
            &mut new.verbs
        }
    };
    for verb in verbs {
        if !verbs_of.contains(verb) {
            verbs_of.push(verb);
        }
    }
}

/// Asks for each verb; names those that are refused, and the command that grants them.
pub(super) async fn check(cluster: &Cluster, needed: Needed) -> Check {
    let title = needed.title();
    let questions = needed.verbs.iter().map(|verb| async {
        let right = needed.right(verb);
        (*verb, cluster.may(&right).await)
    });
    let mut missing = Vec::new();
    for (verb, answer) in join_all(questions).await {
        match answer {
            Ok(true) => {}
            Ok(false) => missing.push(verb),
            Err(error) => return Check::unanswered(title, &error),
        }
    }
    if missing.is_empty() {
        return Check::ok(title, needed.verbs.join(", "));
    }
    let who = cluster.who().await;
    let who = who.as_deref().unwrap_or("YOU");
    let place = match &needed.namespace {
        Some(namespace) => format!("in namespace {namespace}"),
        None => "in the whole cluster".to_owned(),
    };
    let grant = needed.right("").grant(&missing, who);
    let detail = format!(
        "{who} may not {} {} {place}",
        missing.join(", "),
        needed.resource
    );
    let failed = if needed.stops_deploy(&missing) {
        Check::stopping(title, detail)
    } else {
        Check::failed(title, detail)
    };
    failed.fix(grant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_list_that_keda_looks_at_is_a_metric_of_its_own() {
        let redis = |list: &str| json!({"type": "redis", "metadata": {"listName": list}});
        let of = |kind: &str| {
            metrics(&Manifest::from_object(json!({
                "kind": kind,
                "spec": {"triggers": [{"type": "cron"}, redis("tours"), redis("a:b")]},
            })))
        };
        assert_eq!(of("ScaledObject"), ["s1-redis-tours", "s2-redis-a-b"]);
        assert!(of("Deployment").is_empty());
    }
}
