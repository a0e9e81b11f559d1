//! What API servers answer when they refuse, word for word, by the step that is refused, and what is said of each.

use crate::fault_proxy::Fault;
use serde_json::json;

/// Which requests are spoiled how, and what is said of it.
pub(super) type Case = (&'static str, &'static str, Fault, &'static [&'static str]);

pub(in crate::deploy) fn refused(code: u16, message: &str) -> Fault {
    Fault::Refused(code, message.to_owned())
}

pub(super) fn of_namespace_and_secret() -> Vec<Case> {
    const SECRETS: &str = "/namespaces/keda-demo/secrets";
    vec![
        (
            "PATCH",
            "/namespaces/keda-demo",
            refused(
                403,
                r#"namespaces "keda-demo" is forbidden: User "jane" cannot patch resource "namespaces" in API group "" at the cluster scope"#,
            ),
            &[
                "apply namespace/keda-demo: ",
                "kubectl create clusterrole podium-namespaces --verb=patch --resource=namespaces",
            ],
        ),
        (
            "POST",
            SECRETS,
            refused(
                403,
                r#"secrets "redis" is forbidden: exceeded quota: small, requested: secrets=1, used: secrets=0, limited: secrets=0"#,
            ),
            &[
                "create secret/redis: ",
                "exceeded quota: small",
                "kubectl describe resourcequota",
                "let the quota be raised",
            ],
        ),
        (
            "POST",
            SECRETS,
            refused(
                403,
                r#"secrets "redis" is forbidden: unable to create new content in namespace keda-demo because it is being terminated"#,
            ),
            &[
                "create secret/redis: ",
                "wait until the namespace is gone, then try again",
            ],
        ),
        (
            "POST",
            SECRETS,
            refused(
                409,
                r#"object is being deleted: secrets "redis" already exists"#,
            ),
            &[
                "create secret/redis: ",
                "wait until it is gone, then try again",
            ],
        ),
        (
            "POST",
            SECRETS,
            refused(404, r#"namespaces "keda-demo" not found"#),
            &["create secret/redis: ", "deploy again, which makes it anew"],
        ),
    ]
}

pub(super) fn of_admission() -> Vec<Case> {
    const RULE: &str = "a rule of this cluster forbids it (an admission webhook or policy)";
    vec![
        (
            "PATCH",
            "/services/redis",
            refused(
                403,
                r#"admission webhook "team.example" denied the request: label team is missing"#,
            ),
            &[
                "apply service/redis: ",
                "label team is missing",
                RULE,
                "--manifests",
            ],
        ),
        (
            "PATCH",
            "/services/redis",
            refused(
                400,
                r#"admission webhook "team.example" denied the request: no such team"#,
            ),
            &["no such team", RULE],
        ),
        (
            "PATCH",
            "/services/redis",
            refused(
                422,
                r#"services "redis" is forbidden: ValidatingAdmissionPolicy 'ports' with binding 'all' denied request: not this port"#,
            ),
            &["not this port", RULE],
        ),
        (
            "PATCH",
            "/deployments/redis",
            refused(
                500,
                r#"Internal error occurred: failed calling webhook "team.example": failed to call webhook: Post "https://team.ops.svc:443/": dial tcp 10.0.0.1:443: connect: connection refused"#,
            ),
            &[
                "apply deployment/redis: ",
                "a webhook that checks such objects is itself away",
                "kubectl get validatingwebhookconfigurations",
            ],
        ),
        (
            "PATCH",
            "/deployments/redis",
            refused(
                403,
                r#"pods "redis" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false"#,
            ),
            &[
                "violates PodSecurity",
                "see `podium status` for what the namespace allows",
            ],
        ),
        (
            "PATCH",
            "/deployments/redis",
            refused(
                422,
                r#"Deployment.apps "redis" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"#,
            ),
            &[
                "spec.replicas: Invalid value",
                "correct that in the manifests",
                "--dry-run=server",
            ],
        ),
    ]
}

pub(super) fn of_the_server() -> Vec<Case> {
    vec![
        (
            "GET",
            "/apis/apps/v1",
            refused(500, "etcdserver: request timed out"),
            &[
                "look up the kind Deployment of apps/v1: etcdserver: request timed out; something in the cluster is broken",
                "readyz?verbose",
            ],
        ),
        (
            "GET",
            "/apis/apps/v1",
            Fault::Busy(503, 60),
            &["look up the kind Deployment", "readyz?verbose"],
        ),
        (
            "PATCH",
            "/deployments/queue-worker",
            Fault::Busy(429, 60),
            &[
                "apply deployment/queue-worker: ",
                "the API server is throttling",
                "goes on from there",
            ],
        ),
        (
            "PATCH",
            "/deployments/queue-worker",
            refused(401, "Unauthorized"),
            &[
                "apply deployment/queue-worker: Unauthorized",
                "have expired",
                "kubectl create token",
            ],
        ),
        (
            "PATCH",
            "/deployments/queue-worker",
            Fault::Page(502, "<html>Bad gateway</html>"),
            &["answers 502 with a web page", "a proxy or a login page"],
        ),
        (
            "PATCH",
            "/deployments/queue-worker",
            Fault::Half,
            &["the connection was cut", "what was done so far stays"],
        ),
        (
            "GET",
            "/apis/keda.sh/v1alpha1",
            refused(404, "the server could not find the requested resource"),
            &[
                "ScaledObject is not known to this cluster: KEDA is not installed",
                "helm install keda",
            ],
        ),
        (
            "PATCH",
            "/scaledobjects/queue-worker",
            conflict(),
            &[
                "scaledobject/queue-worker was not changed, for others have set what the demo would: .spec.maxReplicaCount (set by chief)",
                "--force-conflicts",
            ],
        ),
        (
            "PATCH",
            "/scaledobjects/queue-worker",
            refused(
                409,
                "Operation cannot be fulfilled: the object has been modified",
            ),
            &["somebody else changed it at that moment: try again"],
        ),
        (
            "PATCH",
            "/scaledobjects/queue-worker",
            refused(410, "too old resource version"),
            &["the cluster no longer knows what was asked for: try again"],
        ),
    ]
}

fn conflict() -> Fault {
    Fault::Status(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Conflict", "code": 409,
        "message": "Apply failed with 1 conflict: conflict with \"chief\" using keda.sh/v1alpha1: .spec.maxReplicaCount",
        "details": {"causes": [{
            "reason": "FieldManagerConflict", "message": "conflict with \"chief\" using keda.sh/v1alpha1",
            "field": ".spec.maxReplicaCount",
        }]},
    }))
}

/// What Deploy waits by, refused: nothing that waiting would mend.
pub(super) fn of_the_rollout() -> Vec<Case> {
    vec![(
        "GET",
        "/deployments?",
        refused(
            403,
            r#"deployments.apps is forbidden: User "jane" cannot list resource "deployments" in API group "apps" in the namespace "keda-demo""#,
        ),
        &[
            "wait for deployment/redis: ",
            "kubectl create role podium-deployments --verb=list --resource=deployments.apps",
        ],
    )]
}

pub(super) fn of_a_job() -> Vec<Case> {
    vec![
        (
            "GET",
            "/deployments/queue-worker",
            refused(500, "etcdserver: no leader"),
            &[
                "get deployment/queue-worker: etcdserver: no leader",
                "readyz?verbose",
            ],
        ),
        (
            "POST",
            "/jobs",
            refused(
                403,
                r#"jobs.batch is forbidden: User "jane" cannot create resource "jobs" in API group "batch" in the namespace "keda-demo""#,
            ),
            &[
                "create job/enqueue-",
                "kubectl create role podium-jobs --verb=create --resource=jobs.batch -n keda-demo",
            ],
        ),
        (
            "POST",
            "/jobs",
            refused(
                403,
                r#"jobs.batch "enqueue" is forbidden: exceeded quota: small, requested: count/jobs.batch=1"#,
            ),
            &["exceeded quota: small", "let the quota be raised"],
        ),
        (
            "GET",
            "/pods?",
            refused(
                403,
                r#"pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "keda-demo""#,
            ),
            &[
                "follow the pod of job/enqueue-",
                "kubectl create role podium-pods --verb=list --resource=pods",
            ],
        ),
        (
            "GET",
            "/jobs?",
            refused(
                403,
                r#"jobs.batch is forbidden: User "jane" cannot list resource "jobs" in API group "batch" in the namespace "keda-demo""#,
            ),
            &[
                "follow job/enqueue-",
                "kubectl create role podium-jobs --verb=list",
            ],
        ),
    ]
}

pub(super) fn of_the_removal() -> Vec<Case> {
    vec![
        (
            "DELETE",
            "/scaledobjects/queue-worker",
            refused(
                403,
                r#"scaledobjects.keda.sh "queue-worker" is forbidden: User "jane" cannot delete resource "scaledobjects" in API group "keda.sh" in the namespace "keda-demo""#,
            ),
            &[
                "delete scaledobject/queue-worker: ",
                "kubectl create role podium-scaledobjects --verb=delete --resource=scaledobjects.keda.sh",
            ],
        ),
        (
            "DELETE",
            "/scaledobjects/queue-worker",
            refused(
                400,
                r#"admission webhook "team.example" denied the request: not on a Friday"#,
            ),
            &["not on a Friday", "a rule of this cluster forbids it"],
        ),
        (
            "DELETE",
            "/deployments/queue-worker",
            refused(500, "etcdserver: request timed out"),
            &["delete deployment/queue-worker: ", "readyz?verbose"],
        ),
        (
            "DELETE",
            "/deployments/redis",
            Fault::Busy(429, 60),
            &["delete deployment/redis: ", "the API server is throttling"],
        ),
        (
            "DELETE",
            "/services/redis",
            Fault::Lost,
            &["the connection was cut"],
        ),
        (
            "DELETE",
            "/services/redis",
            Fault::Cut,
            &["the connection was cut"],
        ),
        (
            "DELETE",
            "/secrets/redis",
            refused(401, "Unauthorized"),
            &["delete secret/redis: Unauthorized", "log in again"],
        ),
    ]
}
