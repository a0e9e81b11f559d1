//! The columns of everything around the workloads: events, namespaces, nodes, services, configuration.

use super::super::age::age;
use super::super::scale::selector;
use super::{Column, Printer, count, created, name, number, or_none, text, wide};
use serde_json::{Value, json};

fn string<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

fn entries(object: &Value, field: &str) -> usize {
    object[field].as_object().map_or(0, serde_json::Map::len)
}

fn list<'a>(object: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    object[field].as_array().into_iter().flatten()
}

const WIDE_COUNT: Column = Column {
    name: "Count",
    kind: "integer",
    priority: 1,
};

pub(super) static EVENT: Printer = Printer {
    columns: &[
        text("Last Seen"),
        text("Type"),
        text("Reason"),
        text("Object"),
        wide("Subobject"),
        wide("Source"),
        text("Message"),
        wide("First Seen"),
        WIDE_COUNT,
        wide("Name"),
    ],
    cells: |event, now| {
        let involved = &event["involvedObject"];
        let object = format!(
            "{}/{}",
            string(involved, "kind").to_lowercase(),
            string(involved, "name")
        );
        let source = match string(&event["source"], "component") {
            "" => string(event, "reportingComponent"),
            component => component,
        };
        let source = match string(&event["source"], "host") {
            "" => source.to_owned(),
            host => format!("{source}, {host}"),
        };
        vec![
            json!(last_seen(event, now)),
            json!(string(event, "type")),
            json!(string(event, "reason")),
            json!(object),
            json!(string(involved, "fieldPath")),
            json!(source),
            json!(string(event, "message").trim()),
            json!(age(first_time(event), now)),
            json!(event["count"].as_i64().unwrap_or(1)),
            name(event),
        ]
    },
};

fn first_time(event: &Value) -> &Value {
    if event["firstTimestamp"].is_string() {
        &event["firstTimestamp"]
    } else {
        &event["eventTime"]
    }
}

fn last_seen(event: &Value, now: i64) -> String {
    let first = first_time(event);
    let (last, times) = if event["series"].is_object() {
        (
            &event["series"]["lastObservedTime"],
            count(&event["series"]["count"]),
        )
    } else if event["lastTimestamp"].is_string() {
        (&event["lastTimestamp"], count(&event["count"]))
    } else {
        (first, 1)
    };
    if times > 1 {
        format!("{} (x{times} over {})", age(last, now), age(first, now))
    } else {
        age(last, now)
    }
}

pub(super) static NAMESPACE: Printer = Printer {
    columns: &[text("Name"), text("Status"), text("Age")],
    cells: |object, now| {
        vec![
            name(object),
            json!(string(&object["status"], "phase")),
            created(object, now),
        ]
    },
};

pub(super) static NODE: Printer = Printer {
    columns: &[
        text("Name"),
        text("Status"),
        text("Roles"),
        text("Age"),
        text("Version"),
        wide("Internal-IP"),
        wide("External-IP"),
        wide("OS-Image"),
        wide("Kernel-Version"),
        wide("Container-Runtime"),
    ],
    cells: |node, now| {
        let info = &node["status"]["nodeInfo"];
        let shown = |field: &str| match string(info, field) {
            "" => json!("<unknown>"),
            known => json!(known),
        };
        let address = |kind: &str| {
            let found = list(&node["status"], "addresses").find(|address| address["type"] == kind);
            or_none(found.map_or("", |address| string(address, "address")))
        };
        vec![
            name(node),
            json!(node_status(node)),
            or_none(&roles(node)),
            created(node, now),
            json!(string(info, "kubeletVersion")),
            address("InternalIP"),
            address("ExternalIP"),
            shown("osImage"),
            shown("kernelVersion"),
            shown("containerRuntimeVersion"),
        ]
    },
};

fn node_status(node: &Value) -> String {
    let ready = list(&node["status"], "conditions").find(|condition| condition["type"] == "Ready");
    let status = match ready.map(|condition| condition["status"] == "True") {
        Some(true) => "Ready",
        Some(false) => "NotReady",
        None => "Unknown",
    };
    if node["spec"]["unschedulable"] == true {
        format!("{status},SchedulingDisabled")
    } else {
        status.to_owned()
    }
}

fn roles(node: &Value) -> String {
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let roles: Vec<&str> = labels
        .filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/"))
        .collect();
    roles.join(",")
}

pub(super) static SERVICE: Printer = Printer {
    columns: &[
        text("Name"),
        text("Type"),
        text("Cluster-IP"),
        text("External-IP"),
        text("Port(s)"),
        text("Age"),
        wide("Selector"),
    ],
    cells: |object, now| {
        let spec = &object["spec"];
        let ports: Vec<String> = list(spec, "ports").map(port).collect();
        vec![
            name(object),
            json!(string(spec, "type")),
            or_none(string(spec, "clusterIP")),
            json!("<none>"),
            or_none(&ports.join(",")),
            created(object, now),
            or_none(&selector(&json!({"matchLabels": spec["selector"]}))),
        ]
    },
};

fn port(port: &Value) -> String {
    let protocol = port["protocol"].as_str().unwrap_or("TCP");
    match count(&port["nodePort"]) {
        0 => format!("{}/{protocol}", count(&port["port"])),
        node => format!("{}:{node}/{protocol}", count(&port["port"])),
    }
}

/// Addresses shown before `+ N more...`.
const ENDPOINTS_SHOWN: usize = 3;

fn several(texts: &[String]) -> Value {
    if texts.len() > ENDPOINTS_SHOWN {
        return json!(format!(
            "{} + {} more...",
            texts[..ENDPOINTS_SHOWN].join(","),
            texts.len() - ENDPOINTS_SHOWN
        ));
    }
    or_none(&texts.join(","))
}

pub(super) static ENDPOINTS: Printer = Printer {
    columns: &[text("Name"), text("Endpoints"), text("Age")],
    cells: |object, now| {
        let addresses: Vec<String> = list(object, "subsets")
            .flat_map(|subset| {
                list(subset, "ports").flat_map(move |port| {
                    list(subset, "addresses").map(move |address| {
                        format!("{}:{}", string(address, "ip"), count(&port["port"]))
                    })
                })
            })
            .collect();
        vec![name(object), several(&addresses), created(object, now)]
    },
};

pub(super) static ENDPOINT_SLICE: Printer = Printer {
    columns: &[
        text("Name"),
        text("AddressType"),
        text("Ports"),
        text("Endpoints"),
        text("Age"),
    ],
    cells: |object, now| {
        let unset = |texts: Vec<String>| {
            if texts.is_empty() {
                json!("<unset>")
            } else {
                several(&texts)
            }
        };
        let ports = list(object, "ports")
            .map(|port| count(&port["port"]).to_string())
            .collect();
        let addresses = list(object, "endpoints")
            .flat_map(|endpoint| list(endpoint, "addresses"))
            .filter_map(|address| address.as_str().map(str::to_owned))
            .collect();
        vec![
            name(object),
            json!(string(object, "addressType")),
            unset(ports),
            unset(addresses),
            created(object, now),
        ]
    },
};

pub(super) static SECRET: Printer = Printer {
    columns: &[text("Name"), text("Type"), number("Data"), text("Age")],
    cells: |object, now| {
        vec![
            name(object),
            json!(string(object, "type")),
            json!(entries(object, "data")),
            created(object, now),
        ]
    },
};

pub(super) static CONFIG_MAP: Printer = Printer {
    columns: &[text("Name"), number("Data"), text("Age")],
    cells: |object, now| {
        let data = entries(object, "data") + entries(object, "binaryData");
        vec![name(object), json!(data), created(object, now)]
    },
};

pub(super) static RESOURCE_QUOTA: Printer = Printer {
    columns: &[text("Name"), text("Request"), text("Limit"), text("Age")],
    cells: |object, now| {
        let used = &object["status"]["used"];
        let hard = if object["status"]["hard"].is_object() {
            &object["status"]["hard"]
        } else {
            &object["spec"]["hard"]
        };
        let side = |limits: bool| {
            let mut parts: Vec<String> = hard
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(resource, _)| resource.starts_with("limits") == limits)
                .map(|(resource, most)| {
                    let used = used[resource].as_str().unwrap_or("0");
                    format!("{resource}: {used}/{}", most.as_str().unwrap_or_default())
                })
                .collect();
            parts.sort();
            json!(parts.join(", "))
        };
        vec![name(object), side(false), side(true), created(object, now)]
    },
};

pub(super) static LEASE: Printer = Printer {
    columns: &[text("Name"), text("Holder"), text("Age")],
    cells: |object, now| {
        vec![
            name(object),
            json!(string(&object["spec"], "holderIdentity")),
            created(object, now),
        ]
    },
};

pub(super) static CREATED_AT: Printer = Printer {
    columns: &[text("Name"), text("Created At")],
    cells: |object, _| {
        vec![
            name(object),
            object["metadata"]["creationTimestamp"].clone(),
        ]
    },
};

pub(super) static BINDING: Printer = Printer {
    columns: &[
        text("Name"),
        text("Role"),
        text("Age"),
        wide("Users"),
        wide("Groups"),
        wide("ServiceAccounts"),
    ],
    cells: |object, now| {
        let role = format!(
            "{}/{}",
            string(&object["roleRef"], "kind"),
            string(&object["roleRef"], "name")
        );
        let subjects = |kind: &str| {
            let names: Vec<String> = list(object, "subjects")
                .filter(|subject| subject["kind"] == kind)
                .map(|subject| match string(subject, "namespace") {
                    "" => string(subject, "name").to_owned(),
                    namespace => format!("{namespace}/{}", string(subject, "name")),
                })
                .collect();
            json!(names.join(", "))
        };
        vec![
            name(object),
            json!(role),
            created(object, now),
            subjects("User"),
            subjects("Group"),
            subjects("ServiceAccount"),
        ]
    },
};

pub(super) static API_SERVICE: Printer = Printer {
    columns: &[
        text("Name"),
        text("Service"),
        text("Available"),
        text("Age"),
    ],
    cells: |object, now| {
        let service = &object["spec"]["service"];
        let shown = if service.is_object() {
            format!(
                "{}/{}",
                string(service, "namespace"),
                string(service, "name")
            )
        } else {
            "Local".to_owned()
        };
        let available = list(&object["status"], "conditions")
            .find(|condition| condition["type"] == "Available")
            .map_or("Unknown", |condition| string(condition, "status"));
        vec![
            name(object),
            json!(shown),
            json!(available),
            created(object, now),
        ]
    },
};
