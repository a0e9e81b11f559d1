//! RBAC: who may do what, by the Roles, ClusterRoles and bindings that are stored.
//!
//! In goes a [`User`] and what is asked ([`Attributes`]), out comes a [`Decision`]; nothing is cached, so a binding
//! counts from the request after its creation. The group `system:masters` may do everything, whatever is stored. What
//! every user may (discovery, asking about oneself) comes from the bindings that `seed` stores, as in a real cluster.
//!
//! Not done: aggregated ClusterRoles (their `rules` count as they are stored), and the check that whoever writes a role
//! or a binding holds the rights that it gives away: whoever is given the right to write those here has every right.

use super::attributes::{Attributes, On, Resource};
use super::identity::{AUTHENTICATED, MASTERS, User};
use super::kind::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES};
use crate::embedded::store::{self, Key, Object, Store};
use serde_json::Value;

/// Whether somebody may, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Yes; by which binding, or empty for `system:masters`.
    Allowed(String),
    /// No rule allows it; with what went wrong in looking for one, or empty.
    NotAllowed(String),
}

/// Whether `user` may do what is asked.
pub(super) fn decide(store: &Store, user: &User, asked: &Attributes) -> Decision {
    if user.is_in(MASTERS) {
        return Decision::Allowed(String::new());
    }
    let (grants, missing) = grants(store, user, asked.namespace());
    let found = grants
        .into_iter()
        .find(|grant| list(&grant.role, "rules").any(|rule| allows(rule, asked)));
    match found {
        Some(grant) => Decision::Allowed(format!("RBAC: allowed by {}", grant.by)),
        None => Decision::NotAllowed(match missing.as_slice() {
            [] => String::new(),
            [one] => format!("RBAC: {one}"),
            several => format!("RBAC: [{}]", several.join(", ")),
        }),
    }
}

/// Every rule that holds for `user` in `namespace`.
pub(super) fn rules(store: &Store, user: &User, namespace: &str) -> Vec<Value> {
    let (grants, _) = grants(store, user, namespace);
    grants
        .iter()
        .flat_map(|grant| list(&grant.role, "rules").cloned().collect::<Vec<_>>())
        .collect()
}

/// A role that is bound to a user.
struct Grant {
    role: Object,
    /// The binding, in upstream's words.
    by: String,
}

/// What is bound to `user` for requests in `namespace` (empty: for those in none), cluster-wide bindings first, and
/// which of the roles are not there.
fn grants(store: &Store, user: &User, namespace: &str) -> (Vec<Grant>, Vec<String>) {
    let (mut grants, mut missing) = (Vec::new(), Vec::new());
    let (mut bindings, _) = store.list(CLUSTER_ROLE_BINDINGS, None);
    if !namespace.is_empty() {
        bindings.extend(store.list(ROLE_BINDINGS, Some(namespace)).0);
    }
    for binding in bindings {
        let Some(subject) = list(&binding, "subjects").find(|subject| is_meant(subject, user))
        else {
            continue;
        };
        let role = role_of(&binding);
        match store.get(&role) {
            Some(role) => grants.push(Grant {
                role,
                by: description(&binding, subject),
            }),
            None => missing.push(format!(
                "{}.rbac.authorization.k8s.io {:?} not found",
                role.resource.plural.trim_end_matches('s'),
                role.name
            )),
        }
    }
    (grants, missing)
}

fn role_of(binding: &Value) -> Key {
    let reference = &binding["roleRef"];
    let name = text(reference, "name");
    if reference["kind"] == "Role" {
        Key::new(ROLES, store::namespace(binding), name)
    } else {
        Key::new(CLUSTER_ROLES, "", name)
    }
}

/// Whether the subject of a binding is `user` or a group of theirs.
fn is_meant(subject: &Value, user: &User) -> bool {
    let name = text(subject, "name");
    match text(subject, "kind") {
        "User" => name == user.name,
        "Group" => user.is_in(name),
        "ServiceAccount" => {
            let namespace = text(subject, "namespace");
            !namespace.is_empty() && user.is_service_account(namespace, name)
        }
        _ => false,
    }
}

fn description(binding: &Value, subject: &Value) -> String {
    let (kind, name) = match store::namespace(binding) {
        "" => ("ClusterRoleBinding", store::name(binding).to_owned()),
        namespace => (
            "RoleBinding",
            format!("{}/{namespace}", store::name(binding)),
        ),
    };
    let role = &binding["roleRef"];
    let subject_name = match text(subject, "namespace") {
        "" => text(subject, "name").to_owned(),
        namespace => format!("{}/{namespace}", text(subject, "name")),
    };
    format!(
        "{kind} {name:?} of {} {:?} to {} {subject_name:?}",
        text(role, "kind"),
        text(role, "name"),
        text(subject, "kind")
    )
}

/// Whether one rule of a role allows what is asked.
fn allows(rule: &Value, asked: &Attributes) -> bool {
    any(rule, "verbs", |verb| verb == "*" || verb == asked.verb)
        && match &asked.on {
            On::Path(path) => any(rule, "nonResourceURLs", |pattern| covers(pattern, path)),
            On::Resource(resource) => {
                any(rule, "apiGroups", |group| {
                    group == "*" || group == resource.group
                }) && any(rule, "resources", |pattern| names(pattern, resource))
                    && (list(rule, "resourceNames").next().is_none()
                        || any(rule, "resourceNames", |name| name == resource.name))
            }
        }
}

/// `*`, `pods`, `pods/log` and `*/scale` name resources.
fn names(pattern: &str, resource: &Resource) -> bool {
    let of_any = pattern.strip_prefix("*/");
    pattern == "*"
        || pattern == resource.with_subresource()
        || (!resource.subresource.is_empty() && of_any == Some(&resource.subresource))
}

/// `/apis/*` covers every path that begins so.
fn covers(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => pattern == path,
    }
}

fn list<'a>(object: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    object[field].as_array().into_iter().flatten()
}

fn any(rule: &Value, field: &str, fits: impl Fn(&str) -> bool) -> bool {
    list(rule, field).filter_map(Value::as_str).any(fits)
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

/// What a fresh cluster's bootstrap policy has of these: `(ClusterRole, its rules, the group that it is bound to)`.
pub(super) fn bootstrap() -> [(&'static str, Value, &'static str); 3] {
    let own = |group: &str, resources: &[&str]| serde_json::json!({"verbs": ["create"], "apiGroups": [group], "resources": resources});
    [
        (
            "cluster-admin",
            serde_json::json!([
                {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
                {"verbs": ["*"], "nonResourceURLs": ["*"]},
            ]),
            MASTERS,
        ),
        (
            "system:basic-user",
            serde_json::json!([
                own(
                    "authorization.k8s.io",
                    &["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
                ),
                own("authentication.k8s.io", &["selfsubjectreviews"]),
            ]),
            AUTHENTICATED,
        ),
        (
            "system:discovery",
            serde_json::json!([{"verbs": ["get"], "nonResourceURLs": [
                "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz",
                "/version", "/version/",
            ]}]),
            AUTHENTICATED,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(rule: &Value, verb: &str, resource: (&str, &str, &str), name: &str, allowed: bool) {
        let (group, plural, subresource) = resource;
        let asked = Attributes::resource(
            verb,
            Resource {
                group: group.to_owned(),
                resource: plural.to_owned(),
                subresource: subresource.to_owned(),
                namespace: "demo".to_owned(),
                name: name.to_owned(),
            },
        );
        assert_eq!(allows(rule, &asked), allowed, "{asked} by {rule}");
    }

    #[test]
    fn a_rule_allows_its_verbs_on_its_resources_and_nothing_else() {
        let rule =
            json!({"verbs": ["get", "list"], "apiGroups": ["apps"], "resources": ["deployments"]});
        check(&rule, "get", ("apps", "deployments", ""), "web", true);
        check(&rule, "delete", ("apps", "deployments", ""), "web", false);
        check(&rule, "get", ("", "deployments", ""), "web", false);
        check(&rule, "get", ("apps", "replicasets", ""), "web", false);
        check(&rule, "get", ("apps", "deployments", "scale"), "web", false);
        let every = json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]});
        check(
            &every,
            "patch",
            ("apps", "deployments", "scale"),
            "web",
            true,
        );
    }

    #[test]
    fn a_subresource_is_named_by_itself_or_of_any_resource() {
        let rule =
            |resource: &str| json!({"verbs": ["get"], "apiGroups": [""], "resources": [resource]});
        check(&rule("pods/log"), "get", ("", "pods", "log"), "a", true);
        check(&rule("*/log"), "get", ("", "pods", "log"), "a", true);
        check(&rule("*/log"), "get", ("", "pods", ""), "a", false);
        check(&rule("pods/log"), "get", ("", "pods", ""), "a", false);
    }

    #[test]
    fn resource_names_allow_the_objects_that_they_name_and_no_collection() {
        let rule = json!({"verbs": ["*"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["redis"]});
        check(&rule, "get", ("", "secrets", ""), "redis", true);
        check(&rule, "get", ("", "secrets", ""), "other", false);
        check(&rule, "list", ("", "secrets", ""), "", false);
    }

    #[test]
    fn a_path_is_covered_by_itself_or_by_what_it_begins_with() {
        assert!(covers("/version", "/version") && !covers("/version", "/version/x"));
        assert!(covers("/apis/*", "/apis/apps/v1") && !covers("/apis/*", "/api"));
        assert!(covers("*", "/anything"));
    }
}
