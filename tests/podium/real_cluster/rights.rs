//! The rights that a file of Roles gives against those that were used: each side must cover the other.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// Given and not used by the story, each with what it is for.
const FOR_LATER: &[(&str, &str, &str, &str)] = &[
    (
        "",
        "secrets",
        "watch",
        "a finalizer holds it when it is to go",
    ),
    (
        "",
        "services",
        "watch",
        "a load balancer's finalizer holds it when it is to go",
    ),
    (
        "",
        "limitranges",
        "list",
        "preflight, where there is a quota",
    ),
    (
        "keda.sh",
        "triggerauthentications",
        "get",
        "a Redis of one's own",
    ),
    (
        "keda.sh",
        "triggerauthentications",
        "list",
        "a Redis of one's own",
    ),
    (
        "keda.sh",
        "triggerauthentications",
        "watch",
        "a Redis of one's own",
    ),
    (
        "keda.sh",
        "triggerauthentications",
        "create",
        "a Redis of one's own",
    ),
    (
        "keda.sh",
        "triggerauthentications",
        "patch",
        "a Redis of one's own",
    ),
    (
        "keda.sh",
        "triggerauthentications",
        "delete",
        "a Redis of one's own",
    ),
];

/// Groups whose reviews everybody may send.
const REVIEWS: [&str; 2] = ["authorization.k8s.io", "authentication.k8s.io"];

/// One line of the embedded API's log: somebody may, or may not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Use {
    allowed: bool,
    group: String,
    resource: String,
    verb: String,
    namespace: String,
    name: String,
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            group,
            resource,
            verb,
            namespace,
            name,
            ..
        } = self;
        write!(
            f,
            "{verb} {resource:?} of {group:?} in {namespace:?}, name {name:?}"
        )
    }
}

impl Use {
    /// What `user` did with resources.
    pub(super) fn read(log: &str, user: &str) -> BTreeSet<Self> {
        let may = format!("{user} may ");
        log.lines()
            .filter_map(|line| Self::parse(line.split_once(&may)?.1))
            .collect()
    }

    fn parse(line: &str) -> Option<Self> {
        let field = |key: &str| {
            line.split(' ')
                .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
                .map(str::to_owned)
        };
        Some(Self {
            allowed: !line.starts_with("not "),
            group: field("group")?,
            resource: field("resource")?,
            verb: field("verb")?,
            namespace: field("namespace")?,
            name: field("name")?,
        })
    }
}

/// One verb on one resource that a rule gives.
struct Given {
    group: String,
    resource: String,
    verb: String,
    /// `None` of a ClusterRole.
    namespace: Option<String>,
    names: Vec<String>,
}

impl Given {
    fn covers(&self, used: &Use) -> bool {
        self.group == used.group
            && self.verb == used.verb
            && (self.resource == "*" || self.resource == used.resource)
            && self
                .namespace
                .as_ref()
                .is_none_or(|namespace| *namespace == used.namespace)
            && (self.names.is_empty() || self.names.contains(&used.name))
    }
}

fn given(file: &str) -> Vec<Given> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(file).unwrap();
    let mut all = Vec::new();
    for object in &objects {
        for rule in object["rules"].as_array().into_iter().flatten() {
            for group in texts(rule, "apiGroups") {
                for resource in texts(rule, "resources") {
                    for verb in texts(rule, "verbs") {
                        all.push(Given {
                            group: group.clone(),
                            resource: resource.clone(),
                            verb,
                            namespace: object["metadata"]["namespace"].as_str().map(str::to_owned),
                            names: texts(rule, "resourceNames"),
                        });
                    }
                }
            }
        }
    }
    all
}

fn texts(rule: &Value, field: &str) -> Vec<String> {
    let values = rule[field].as_array().into_iter().flatten();
    values
        .map(|value| value.as_str().unwrap().to_owned())
        .collect()
}

/// Checks that all that was used is given, and that all that is given was used or is for later.
#[track_caller]
pub(super) fn check(file: &str, uses: &BTreeSet<Use>) {
    let given = given(file);
    assert!(
        given.len() > 20 && uses.len() > 20,
        "too little to compare: {uses:#?}"
    );
    let wrong = [beyond(&given, uses), idle(&given, uses)].concat();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What was used or wanted, and is not given.
fn beyond(given: &[Given], uses: &BTreeSet<Use>) -> Vec<String> {
    let mut wrong = Vec::new();
    for used in uses {
        let everybodys = REVIEWS.contains(&used.group.as_str());
        if !used.allowed {
            wrong.push(format!("refused: {used}"));
        } else if used.allowed && !everybodys && !given.iter().any(|right| right.covers(used)) {
            wrong.push(format!("used and not given: {used}"));
        }
    }
    wrong
}

/// What is given and neither used nor for later, and what is said to be for later and used now.
fn idle(given: &[Given], uses: &BTreeSet<Use>) -> Vec<String> {
    let mut wrong = Vec::new();
    for right in given {
        let (group, resource, verb) = (
            right.group.as_str(),
            right.resource.as_str(),
            right.verb.as_str(),
        );
        let used = uses.iter().any(|used| used.allowed && right.covers(used));
        let later = FOR_LATER
            .iter()
            .any(|later| (later.0, later.1, later.2) == (group, resource, verb));
        match (used, later) {
            (false, false) => wrong.push(format!(
                "given and not used: {verb} {resource} of {group:?}"
            )),
            (true, true) => wrong.push(format!(
                "used, so no longer for later: {verb} {resource} of {group:?}"
            )),
            _ => {}
        }
    }
    wrong
}

#[test]
fn a_right_too_many_and_a_right_too_few_are_both_noticed() {
    let log = "x bot may verb=list group= resource=pods namespace=demo name=\n\
               x bot may verb=get group= resource=secrets namespace=demo name=redis\n\
               x bot may not verb=delete group= resource=pods namespace=demo name=a\n\
               x bot may verb=get path=/version\n";
    let uses = Use::read(log, "bot");
    assert_eq!(uses.len(), 3, "{uses:#?}");
    let role = |verbs: &str, name: &str| {
        given(&format!(
            "metadata: {{namespace: demo}}\nrules:\n\
             - {{apiGroups: [''], resources: [pods], verbs: [{verbs}]}}\n\
             - {{apiGroups: [''], resources: [secrets], verbs: [get], resourceNames: [{name}]}}\n"
        ))
    };
    assert_eq!(idle(&role("list", "redis"), &uses), Vec::<String>::new());
    assert_eq!(
        idle(&role("list, watch", "redis"), &uses),
        ["given and not used: watch pods of \"\""]
    );
    let refused = "refused: delete \"pods\" of \"\" in \"demo\", name \"a\"";
    assert_eq!(beyond(&role("list", "redis"), &uses), [refused]);
    assert_eq!(
        beyond(&role("list", "other"), &uses),
        [
            refused,
            "used and not given: get \"secrets\" of \"\" in \"demo\", name \"redis\""
        ]
    );
}
