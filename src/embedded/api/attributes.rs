//! What a request asks to be allowed: a verb on a resource or on a path, in the terms that RBAC's rules are written in.
//!
//! Read from the method and the path alone, as the API server's `RequestInfo`, and not from the table of kinds: who may
//! not look is told so even where there is nothing to see. A review asks the same question in its body.

use super::request::Query;
use axum::http::Method;
use serde_json::Value;
use std::fmt;

/// The parts of a path that belong to a Namespace itself and not to what is in it.
const OF_A_NAMESPACE: [&str; 2] = ["status", "finalize"];

/// One question to the authorizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attributes {
    /// `list`, `patch`; for a path the method in lower case.
    pub(super) verb: String,
    /// What it is to be done to.
    pub(super) on: On,
}

/// What a verb is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// A path that is no object's: `/version`.
    Path(String),
    /// A resource.
    Resource(Resource),
}

/// A resource, or one object of it. What does not apply is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Resource {
    /// The API group.
    pub(super) group: String,
    /// `pods`; in a metrics API the metric's name.
    pub(super) resource: String,
    /// `log`
    pub(super) subresource: String,
    /// The namespace; a Namespace is in itself.
    pub(super) namespace: String,
    /// The object, as far as the path or a field selector names it.
    pub(super) name: String,
}

impl Attributes {
    /// Of a request; `segments` is its path, split at the slashes.
    pub(super) fn of(method: &Method, path: &str, segments: &[&str], query: &Query) -> Self {
        let (group, parts) = match segments {
            ["api", _, parts @ ..] if !parts.is_empty() => ("", parts),
            ["apis", group, _, parts @ ..] if !parts.is_empty() => (*group, parts),
            _ => return Self::path(&method.as_str().to_ascii_lowercase(), path),
        };
        let (namespace, parts) = match parts {
            ["namespaces", name, part, ..] if OF_A_NAMESPACE.contains(part) => (*name, parts),
            ["namespaces", name] => (*name, parts),
            ["namespaces", name, parts @ ..] => (*name, parts),
            _ => ("", parts),
        };
        let part = |index: usize| parts.get(index).copied().unwrap_or_default().to_owned();
        let mut resource = Resource {
            group: group.to_owned(),
            resource: part(0),
            subresource: part(2),
            namespace: namespace.to_owned(),
            name: part(1),
        };
        let verb = verb(method, &mut resource, query);
        Self {
            verb,
            on: On::Resource(resource),
        }
    }

    /// Of a verb on a path.
    pub(super) fn path(verb: &str, path: &str) -> Self {
        Self {
            verb: verb.to_owned(),
            on: On::Path(path.to_owned()),
        }
    }

    /// Of a verb on a resource.
    pub(super) fn resource(verb: &str, resource: Resource) -> Self {
        Self {
            verb: verb.to_owned(),
            on: On::Resource(resource),
        }
    }

    /// Of the `spec` of a review; `None` unless it asks about exactly one of a resource and a path.
    pub(super) fn asked(spec: &Value) -> Option<Self> {
        let text = |part: &Value, field: &str| part[field].as_str().unwrap_or_default().to_owned();
        match (&spec["resourceAttributes"], &spec["nonResourceAttributes"]) {
            (asked @ Value::Object(_), Value::Null) => Some(Self::resource(
                &text(asked, "verb"),
                Resource {
                    group: text(asked, "group"),
                    resource: text(asked, "resource"),
                    subresource: text(asked, "subresource"),
                    namespace: text(asked, "namespace"),
                    name: text(asked, "name"),
                },
            )),
            (Value::Null, asked @ Value::Object(_)) => {
                Some(Self::path(&text(asked, "verb"), &text(asked, "path")))
            }
            _ => None,
        }
    }

    /// The same with another verb.
    pub(super) fn to(&self, verb: &str) -> Self {
        Self {
            verb: verb.to_owned(),
            on: self.on.clone(),
        }
    }

    /// The namespace it is in; empty for what is in none.
    pub(super) fn namespace(&self) -> &str {
        match &self.on {
            On::Path(_) => "",
            On::Resource(resource) => &resource.namespace,
        }
    }

    /// That `user` may not, in the API server's words.
    pub(super) fn refusal(&self, user: &str) -> String {
        let verb = &self.verb;
        let resource = match &self.on {
            On::Path(path) => return format!("User {user:?} cannot {verb} path {path:?}"),
            On::Resource(resource) => resource,
        };
        let place = match resource.namespace.as_str() {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        format!(
            "User {user:?} cannot {verb} resource {:?} in API group {:?} {place}",
            resource.with_subresource(),
            resource.group
        )
    }
}

impl Resource {
    /// `pods/log`, as rules name it.
    pub(super) fn with_subresource(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }

    /// `deployments.apps`, as messages name it.
    pub(super) fn with_group(&self) -> String {
        if self.group.is_empty() {
            self.resource.clone()
        } else {
            format!("{}.{}", self.resource, self.group)
        }
    }
}

impl fmt::Display for Attributes {
    /// For the log, as `key=value` words: `verb=get group=apps resource=deployments namespace=demo name=web`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.on {
            On::Path(path) => write!(f, "verb={} path={path}", self.verb),
            On::Resource(resource) => write!(
                f,
                "verb={} group={} resource={} namespace={} name={}",
                self.verb,
                resource.group,
                resource.with_subresource(),
                resource.namespace,
                resource.name
            ),
        }
    }
}

/// The verb of a method. A list or a watch whose field selector names one object counts as one of that object.
fn verb(method: &Method, resource: &mut Resource, query: &Query) -> String {
    let collection = resource.name.is_empty();
    let verb = match *method {
        Method::GET | Method::HEAD if !collection => "get",
        Method::GET | Method::HEAD => {
            resource.name = query.selected_name().unwrap_or_default().to_owned();
            if query.flag("watch") { "watch" } else { "list" }
        }
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if collection => "deletecollection",
        Method::DELETE => "delete",
        _ => "",
    };
    verb.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderMap;

    #[track_caller]
    fn check(method: &Method, uri: &str, expected: &str) {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let pairs = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let query = Query::new(pairs, &HeaderMap::new());
        let attributes = Attributes::of(method, path, &segments, &query);
        assert_eq!(attributes.to_string(), expected, "{method} {uri}");
    }

    #[test]
    fn a_request_is_a_verb_on_a_resource_or_on_a_path() {
        let apps = "/apis/apps/v1/namespaces/demo/deployments";
        let of =
            |verb: &str, rest: &str| format!("verb={verb} group=apps resource=deployments{rest}");
        check(&Method::GET, apps, &of("list", " namespace=demo name="));
        check(
            &Method::GET,
            &format!("{apps}?watch=true&fieldSelector=metadata.name=web"),
            &of("watch", " namespace=demo name=web"),
        );
        check(
            &Method::DELETE,
            apps,
            &of("deletecollection", " namespace=demo name="),
        );
        check(
            &Method::PATCH,
            &format!("{apps}/web/scale"),
            &of("patch", "/scale namespace=demo name=web"),
        );
        check(
            &Method::GET,
            "/api/v1/pods",
            "verb=list group= resource=pods namespace= name=",
        );
        check(&Method::GET, "/apis/apps/v1", "verb=get path=/apis/apps/v1");
        check(&Method::HEAD, "/version", "verb=head path=/version");
    }

    #[test]
    fn a_namespace_is_in_itself() {
        let itself = |verb: &str, resource: &str| {
            format!("verb={verb} group= resource={resource} namespace=demo name=demo")
        };
        check(
            &Method::GET,
            "/api/v1/namespaces/demo",
            &itself("get", "namespaces"),
        );
        check(
            &Method::PUT,
            "/api/v1/namespaces/demo/finalize",
            &itself("update", "namespaces/finalize"),
        );
    }

    #[test]
    fn an_external_metric_is_the_resource_of_a_list() {
        check(
            &Method::GET,
            "/apis/external.metrics.k8s.io/v1beta1/namespaces/demo/s0-redis-q?labelSelector=a",
            "verb=list group=external.metrics.k8s.io resource=s0-redis-q namespace=demo name=",
        );
    }

    #[test]
    fn a_refusal_is_in_the_api_servers_words() {
        let pods = |namespace: &str, subresource: &str| Resource {
            resource: "pods".to_owned(),
            namespace: namespace.to_owned(),
            subresource: subresource.to_owned(),
            ..Resource::default()
        };
        for (attributes, said) in [
            (
                Attributes::resource("list", pods("x", "")),
                r#"User "a" cannot list resource "pods" in API group "" in the namespace "x""#,
            ),
            (
                Attributes::resource("get", pods("", "log")),
                r#"User "a" cannot get resource "pods/log" in API group "" at the cluster scope"#,
            ),
            (
                Attributes::path("get", "/metrics"),
                r#"User "a" cannot get path "/metrics""#,
            ),
        ] {
            assert_eq!(attributes.refusal("a"), said);
        }
    }
}
