//! Defaulting: what the API server fills in before it stores an object.
//!
//! It is what makes `kubectl diff` clean, `describe` complete, and a controller's life simple: nothing reads a default
//! at use. The rules are those of `pkg/apis/*/v1/defaults.go`; a default is set only where the field is absent.
//! Controllers that create objects in the store directly call [`complete`] first, as their client would have upstream.

use serde_json::{Map, Value, json};

/// Fills in the defaults of `object`'s kind. Kinds without defaults stay as they are.
pub fn complete(object: &mut Value) {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    match kind.as_str() {
        "Deployment" => deployment(&mut object["spec"]),
        "ReplicaSet" => replica_set(object),
        "Job" => job(&mut object["spec"]),
        "Pod" => pod(object),
        "Service" => service(&mut object["spec"]),
        "Secret" => secret(object),
        "Namespace" => namespace(object),
        "NetworkPolicy" => network_policy(&mut object["spec"]),
        "HorizontalPodAutoscaler" => horizontal_pod_autoscaler(&mut object["spec"]),
        _ => {}
    }
}

/// Sets `object[field]` if it is absent or null.
fn default(object: &mut Value, field: &str, value: Value) {
    if object[field].is_null() {
        object[field] = value;
    }
}

fn items<'a>(object: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    object
        .get_mut(field)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

fn deployment(spec: &mut Value) {
    default(spec, "replicas", json!(1));
    default(spec, "revisionHistoryLimit", json!(10));
    default(spec, "progressDeadlineSeconds", json!(600));
    default(spec, "strategy", json!({}));
    let strategy = &mut spec["strategy"];
    default(strategy, "type", json!("RollingUpdate"));
    if strategy["type"] == "RollingUpdate" {
        default(strategy, "rollingUpdate", json!({}));
        default(
            &mut strategy["rollingUpdate"],
            "maxUnavailable",
            json!("25%"),
        );
        default(&mut strategy["rollingUpdate"], "maxSurge", json!("25%"));
    }
    template(spec);
}

fn network_policy(spec: &mut Value) {
    let mut types = vec!["Ingress"];
    if spec["egress"]
        .as_array()
        .is_some_and(|rules| !rules.is_empty())
    {
        types.push("Egress");
    }
    default(spec, "policyTypes", json!(types));
    for direction in ["ingress", "egress"] {
        for rule in items(spec, direction) {
            for port in items(rule, "ports") {
                default(port, "protocol", json!("TCP"));
            }
        }
    }
}

fn replica_set(object: &mut Value) {
    let spec = &mut object["spec"];
    default(spec, "replicas", json!(1));
    template(spec);
    let labels = spec["template"]["metadata"]["labels"].clone();
    if labels.is_object() {
        default(&mut object["metadata"], "labels", labels);
    }
}

fn job(spec: &mut Value) {
    // With parallelism alone it is a work queue, which says itself when it is done.
    if spec["parallelism"].is_null() {
        default(spec, "completions", json!(1));
    }
    default(spec, "parallelism", json!(1));
    default(spec, "backoffLimit", json!(6));
    default(spec, "completionMode", json!("NonIndexed"));
    default(spec, "suspend", json!(false));
    default(spec, "manualSelector", json!(false));
    template(spec);
}

fn template(spec: &mut Value) {
    if spec["template"].is_object() {
        default(&mut spec["template"], "metadata", json!({}));
        if spec["template"]["spec"].is_object() {
            pod_spec(&mut spec["template"]["spec"]);
        }
    }
}

fn pod(object: &mut Value) {
    let spec = &mut object["spec"];
    if !spec.is_object() {
        return;
    }
    pod_spec(spec);
    default(spec, "enableServiceLinks", json!(true));
    default(spec, "priority", json!(0));
    default(spec, "preemptionPolicy", json!("PreemptLowerPriority"));
    default(spec, "serviceAccountName", json!("default"));
    default(spec, "serviceAccount", json!("default"));
    let taken_for = |reason: &str| json!({"effect": "NoExecute", "key": format!("node.kubernetes.io/{reason}"), "operator": "Exists", "tolerationSeconds": 300});
    default(
        spec,
        "tolerations",
        json!([taken_for("not-ready"), taken_for("unreachable")]),
    );
    let class = quality_of_service(spec);
    default(object, "status", json!({}));
    default(&mut object["status"], "phase", json!("Pending"));
    default(&mut object["status"], "qosClass", json!(class));
}

fn pod_spec(spec: &mut Value) {
    default(spec, "dnsPolicy", json!("ClusterFirst"));
    default(spec, "restartPolicy", json!("Always"));
    default(spec, "schedulerName", json!("default-scheduler"));
    default(spec, "securityContext", json!({}));
    default(spec, "terminationGracePeriodSeconds", json!(30));
    for field in ["initContainers", "containers"] {
        items(spec, field).for_each(container);
    }
    items(spec, "volumes").for_each(volume);
}

fn container(container: &mut Value) {
    default(
        container,
        "terminationMessagePath",
        json!("/dev/termination-log"),
    );
    default(container, "terminationMessagePolicy", json!("File"));
    default(container, "resources", json!({}));
    let policy = pull_policy(container["image"].as_str().unwrap_or_default());
    default(container, "imagePullPolicy", json!(policy));
    for port in items(container, "ports") {
        default(port, "protocol", json!("TCP"));
    }
    for variable in items(container, "env") {
        if variable["valueFrom"]["fieldRef"].is_object() {
            default(
                &mut variable["valueFrom"]["fieldRef"],
                "apiVersion",
                json!("v1"),
            );
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if container[name].is_object() {
            probe(&mut container[name]);
        }
    }
    limits_are_requests(&mut container["resources"]);
}

/// Without a tag, or with `latest`, an image may change behind its name.
fn pull_policy(image: &str) -> &'static str {
    let name = image.rsplit('/').next().unwrap_or_default();
    let moving = !name.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest");
    if moving { "Always" } else { "IfNotPresent" }
}

fn probe(probe: &mut Value) {
    for (field, value) in [
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ] {
        default(probe, field, json!(value));
    }
    if probe["httpGet"].is_object() {
        default(&mut probe["httpGet"], "path", json!("/"));
        default(&mut probe["httpGet"], "scheme", json!("HTTP"));
    }
}

fn limits_are_requests(resources: &mut Value) {
    let Some(limits) = resources["limits"].as_object().cloned() else {
        return;
    };
    default(resources, "requests", json!({}));
    for (name, amount) in limits {
        default(&mut resources["requests"], &name, amount);
    }
}

fn volume(volume: &mut Value) {
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if volume[source].is_object() {
            default(&mut volume[source], "defaultMode", json!(420));
        }
    }
    if volume.as_object().is_some_and(|fields| fields.len() <= 1) {
        volume["emptyDir"] = json!({});
    }
}

/// Guaranteed when every container limits cpu and memory and requests just that; BestEffort when nothing is said.
fn quality_of_service(spec: &Value) -> &'static str {
    let containers: Vec<&Value> = spec["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let of = |container: &Value, field: &str| {
        container["resources"][field]
            .as_object()
            .cloned()
            .unwrap_or_default()
    };
    let silent = |container: &&Value| {
        of(container, "limits").is_empty() && of(container, "requests").is_empty()
    };
    let guaranteed = |container: &&Value| {
        let (limits, requests): (Map<_, _>, Map<_, _>) =
            (of(container, "limits"), of(container, "requests"));
        ["cpu", "memory"]
            .iter()
            .all(|name| limits.contains_key(*name) && limits.get(*name) == requests.get(*name))
    };
    if containers.iter().all(silent) {
        "BestEffort"
    } else if containers.iter().all(guaranteed) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

fn service(spec: &mut Value) {
    default(spec, "type", json!("ClusterIP"));
    default(spec, "sessionAffinity", json!("None"));
    if spec["type"] != "ExternalName" {
        default(spec, "internalTrafficPolicy", json!("Cluster"));
        default(spec, "ipFamilies", json!(["IPv4"]));
        default(spec, "ipFamilyPolicy", json!("SingleStack"));
    }
    for port in items(spec, "ports") {
        default(port, "protocol", json!("TCP"));
        let number = port["port"].clone();
        default(port, "targetPort", number);
    }
}

/// `stringData` is for writing only: the server stores it base64-encoded in `data`.
fn secret(object: &mut Value) {
    default(object, "type", json!("Opaque"));
    let plain = object
        .as_object_mut()
        .and_then(|fields| fields.remove("stringData"));
    let Some(Value::Object(plain)) = plain else {
        return;
    };
    default(object, "data", json!({}));
    for (name, text) in plain {
        let bytes = text.as_str().unwrap_or_default().as_bytes().to_vec();
        object["data"][name] = json!(k8s_openapi::ByteString(bytes));
    }
}

fn namespace(object: &mut Value) {
    let name = object["metadata"]["name"].clone();
    default(&mut object["metadata"], "labels", json!({}));
    object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
    default(object, "spec", json!({}));
    default(&mut object["spec"], "finalizers", json!(["kubernetes"]));
    default(object, "status", json!({}));
    default(&mut object["status"], "phase", json!("Active"));
}

/// A `behavior` that is given is filled in field by field; one that is absent stays absent, because that selects the
/// older algorithm.
fn horizontal_pod_autoscaler(spec: &mut Value) {
    default(spec, "minReplicas", json!(1));
    if spec["metrics"].as_array().is_none_or(Vec::is_empty) {
        spec["metrics"] = json!([{
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
        }]);
    }
    if !spec["behavior"].is_object() {
        return;
    }
    let behavior = &mut spec["behavior"];
    default(behavior, "scaleUp", json!({}));
    default(behavior, "scaleDown", json!({}));
    let up = &mut behavior["scaleUp"];
    default(up, "stabilizationWindowSeconds", json!(0));
    default(up, "selectPolicy", json!("Max"));
    default(
        up,
        "policies",
        json!([{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]),
    );
    let down = &mut behavior["scaleDown"];
    default(down, "selectPolicy", json!("Max"));
    default(
        down,
        "policies",
        json!([{"type": "Percent", "value": 100, "periodSeconds": 15}]),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_completed_as_upstream_does() {
        let mut object = json!({"kind": "Deployment", "spec": {"template": {"spec": {
            "terminationGracePeriodSeconds": 5,
            "containers": [{"name": "a", "image": "a:dev"}, {"name": "b", "image": "host:5000/b"}],
        }}}});
        complete(&mut object);
        let spec = &object["spec"];
        assert_eq!(spec["replicas"], 1);
        assert_eq!(spec["strategy"]["rollingUpdate"]["maxSurge"], "25%");
        let pod = &spec["template"]["spec"];
        assert_eq!(pod["terminationGracePeriodSeconds"], 5);
        assert_eq!(pod["containers"][0]["imagePullPolicy"], "IfNotPresent");
        assert_eq!(pod["containers"][1]["imagePullPolicy"], "Always");
        let once = object.clone();
        complete(&mut object);
        assert_eq!(object, once, "completing twice changes nothing");
    }

    #[test]
    fn behavior_is_filled_in_only_where_it_is_given() {
        let mut object = json!({"kind": "HorizontalPodAutoscaler", "spec": {"metrics": [{}]}});
        complete(&mut object);
        assert_eq!(object["spec"].get("behavior"), None);
        object["spec"]["behavior"] = json!({});
        complete(&mut object);
        assert_eq!(
            object["spec"]["behavior"]["scaleUp"]["policies"][1]["value"],
            100
        );
        assert_eq!(
            object["spec"]["behavior"]["scaleDown"].get("stabilizationWindowSeconds"),
            None
        );
    }

    #[test]
    fn plain_secret_text_is_stored_encoded() {
        let mut object = json!({"kind": "Secret", "stringData": {"password": "demo-only"}});
        complete(&mut object);
        assert_eq!(object["data"]["password"], "ZGVtby1vbmx5");
        assert_eq!(object.get("stringData"), None);
    }
}
