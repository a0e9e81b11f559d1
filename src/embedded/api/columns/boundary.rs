//! The columns of what opens, closes and guards the way to pods: Ingress, NetworkPolicy, PodDisruptionBudget.

use super::super::scale::selector;
use super::{Printer, count, created, name, number, or_none, text};
use serde_json::{Value, json};

/// How many hosts of an Ingress are named before the rest is only counted.
const HOSTS_SHOWN: usize = 3;

pub(super) static INGRESS: Printer = Printer {
    columns: &[
        text("Name"),
        text("Class"),
        text("Hosts"),
        text("Address"),
        text("Ports"),
        text("Age"),
    ],
    cells: |ingress, now| {
        let spec = &ingress["spec"];
        let has_tls = spec["tls"].as_array().is_some_and(|tls| !tls.is_empty());
        vec![
            name(ingress),
            or_none(spec["ingressClassName"].as_str().unwrap_or_default()),
            json!(hosts(spec)),
            json!(addresses(ingress)),
            json!(if has_tls { "80, 443" } else { "80" }),
            created(ingress, now),
        ]
    },
};

fn hosts(spec: &Value) -> String {
    let rules = spec["rules"].as_array().into_iter().flatten();
    let hosts: Vec<&str> = rules
        .filter_map(|rule| rule["host"].as_str().filter(|host| !host.is_empty()))
        .collect();
    match hosts.len() {
        0 => "*".to_owned(),
        few if few <= HOSTS_SHOWN => hosts.join(","),
        many => format!(
            "{} + {} more...",
            hosts[..HOSTS_SHOWN].join(","),
            many - HOSTS_SHOWN
        ),
    }
}

fn addresses(ingress: &Value) -> String {
    let points = ingress["status"]["loadBalancer"]["ingress"].as_array();
    let points = points.into_iter().flatten();
    let addresses: Vec<&str> = points
        .filter_map(|point| point["ip"].as_str().or_else(|| point["hostname"].as_str()))
        .collect();
    addresses.join(",")
}

pub(super) static NETWORK_POLICY: Printer = Printer {
    columns: &[text("Name"), text("Pod-Selector"), text("Age")],
    cells: |policy, now| {
        vec![
            name(policy),
            or_none(&selector(&policy["spec"]["podSelector"])),
            created(policy, now),
        ]
    },
};

pub(super) static POD_DISRUPTION_BUDGET: Printer = Printer {
    columns: &[
        text("Name"),
        text("Min Available"),
        text("Max Unavailable"),
        number("Allowed Disruptions"),
        text("Age"),
    ],
    cells: |budget, now| {
        // A count or a percentage; the one that is not set is not zero.
        let limit = |field: &str| match &budget["spec"][field] {
            Value::String(percentage) => json!(percentage),
            Value::Number(pods) => json!(pods.to_string()),
            _ => json!("N/A"),
        };
        vec![
            name(budget),
            limit("minAvailable"),
            limit("maxUnavailable"),
            json!(count(&budget["status"]["disruptionsAllowed"])),
            created(budget, now),
        ]
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ingress_names_three_hosts_and_counts_the_others() {
        let of = |hosts: &[&str]| {
            let rules: Vec<Value> = hosts.iter().map(|host| json!({"host": host})).collect();
            (INGRESS.cells)(&json!({"spec": {"rules": rules}}), 0)[2].clone()
        };
        assert_eq!(of(&[]), "*");
        assert_eq!(of(&["a", "b", "c"]), "a,b,c");
        assert_eq!(of(&["a", "b", "c", "d", "e"]), "a,b,c + 2 more...");
    }

    #[test]
    fn a_budget_says_which_of_its_two_limits_is_set() {
        let cells = (POD_DISRUPTION_BUDGET.cells)(&json!({"spec": {"maxUnavailable": 0}}), 0);
        assert_eq!(cells[1..4], [json!("N/A"), json!("0"), json!(0)]);
        let cells = (POD_DISRUPTION_BUDGET.cells)(&json!({"spec": {"minAvailable": "50%"}}), 0);
        assert_eq!(cells[1..3], [json!("50%"), json!("N/A")]);
    }
}
