//! Conflicts of a server-side apply: which fields somebody else set to another value, who, and what the values are.
//!
//! The API server names manager and field. The values are read off the object as it is and off the manifest, because a
//! speaker can only decide about a field who sees what would be lost. Values travel to every browser of the room, so that
//! nothing that may be a secret is among them.

use super::field;
use kube::core::Status;
use serde::Serialize;
use serde_json::Value;

/// What to do about fields that another manager owns and that the manifest has other values for.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Conflicts {
    /// Change nothing of the object, and name them.
    #[default]
    Refuse,
    /// Take them over: the other manager loses them.
    TakeOver,
    /// Take these over, which somebody has seen and agreed to, and refuse if there are others.
    TakeOverOnly(Vec<FieldConflict>),
}

impl Conflicts {
    /// Whether all that was `found` may be taken over. A field that got another value in the meantime is another conflict.
    pub(super) fn allow(&self, found: &[FieldConflict]) -> bool {
        match self {
            Self::Refuse => false,
            Self::TakeOver => true,
            Self::TakeOverOnly(seen) => found.iter().all(|conflict| seen.contains(conflict)),
        }
    }
}

/// A field, who owns it, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldConflict {
    /// The object: `deployment/queue-worker`.
    pub object: String,
    /// The field: `.spec.maxReplicaCount`.
    pub field: String,
    /// The field manager: `kubectl-edit`.
    pub manager: String,
    /// The value it has there; `None` when that is not known, or not for everybody to see.
    pub held: Option<Value>,
    /// The value that the manifest has.
    pub wanted: Option<Value>,
}

impl FieldConflict {
    /// Adds the values, as far as they may be told.
    pub(super) fn with_values(mut self, there: Option<&Value>, manifest: &Value) -> Self {
        if may_be_told(manifest["kind"].as_str().unwrap_or_default(), &self.field) {
            let told = |object: &Value| {
                field::value(object, &self.field)
                    .filter(|value| is_plain(value))
                    .cloned()
            };
            self.held = there.and_then(told);
            self.wanted = told(manifest);
        }
        self
    }
}

/// Not what is in a Secret or a ConfigMap, nor what a container is told by its environment or its command line.
fn may_be_told(kind: &str, field: &str) -> bool {
    const PRIVATE: [&str; 4] = [".env", ".args", ".command", ".annotations"];
    !matches!(kind, "Secret" | "ConfigMap") && !PRIVATE.iter().any(|part| field.contains(part))
}

/// A number, a yes or no, or a few words: what fits a line.
fn is_plain(value: &Value) -> bool {
    const LONGEST: usize = 120;
    match value {
        Value::Number(_) | Value::Bool(_) => true,
        Value::String(text) => text.len() <= LONGEST,
        _ => false,
    }
}

/// The reason of a cause that is such a conflict (`metav1.CauseTypeFieldManagerConflict`).
const REASON: &str = "FieldManagerConflict";

/// The conflicts that a refusal names; none when it was refused for something else.
/// `object` is the object's title.
pub(super) fn of(status: &Status, object: &str) -> Vec<FieldConflict> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes
        .filter(|cause| cause.reason == REASON)
        .map(|cause| FieldConflict {
            object: object.to_owned(),
            // `conflict with "kubectl-edit" using apps/v1`
            manager: match cause.message.split('"').nth(1) {
                Some(manager) => manager.to_owned(),
                None => cause.message.clone(),
            },
            field: cause.field.clone(),
            held: None,
            wanted: None,
        })
        .collect()
}

/// `.spec.maxReplicaCount (set by kubectl-edit)`, a few of them.
pub(super) fn list(conflicts: &[FieldConflict]) -> String {
    const SHOWN: usize = 3;
    let mut texts: Vec<String> = conflicts
        .iter()
        .take(SHOWN)
        .map(|conflict| format!("{} (set by {})", conflict.field, conflict.manager))
        .collect();
    if conflicts.len() > SHOWN {
        texts.push(format!("{} more", conflicts.len() - SHOWN));
    }
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_conflict_names_field_and_manager() {
        let causes: Vec<_> = ["a", "b", "c", "d"]
            .iter()
            .map(|name| {
                json!({
                    "reason": REASON,
                    "message": "conflict with \"kubectl-edit\" using apps/v1",
                    "field": format!(".spec.{name}"),
                })
            })
            .collect();
        let status = json!({"code": 409, "reason": "Conflict", "details": {"causes": causes}});
        let conflicts = of(&serde_json::from_value(status).unwrap(), "so/x");
        assert_eq!(
            list(&conflicts),
            ".spec.a (set by kubectl-edit), .spec.b (set by kubectl-edit), .spec.c (set by kubectl-edit), 1 more"
        );
    }

    fn conflict(object: &Value, field: &str) -> FieldConflict {
        let named = FieldConflict {
            object: "x".to_owned(),
            field: field.to_owned(),
            manager: "chief".to_owned(),
            held: None,
            wanted: None,
        };
        named.with_values(Some(object), object)
    }

    #[test]
    fn values_are_told_unless_they_may_be_secret() {
        let deployment = json!({"kind": "Deployment", "spec": {"replicas": 7, "env": {"KEY": "s3cret"}, "template": {}}});
        assert_eq!(conflict(&deployment, ".spec.replicas").held, Some(json!(7)));
        assert_eq!(conflict(&deployment, ".spec.env.KEY").held, None);
        assert_eq!(conflict(&deployment, ".spec.template").held, None);
        let secret = json!({"kind": "Secret", "data": {"password": "czNjcmV0"}});
        assert_eq!(conflict(&secret, ".data.password").wanted, None);
    }

    #[test]
    fn what_was_agreed_to_is_taken_over_and_nothing_else() {
        let of =
            |replicas: u8| conflict(&json!({"spec": {"replicas": replicas}}), ".spec.replicas");
        let agreed = Conflicts::TakeOverOnly(vec![of(7)]);
        assert!(agreed.allow(&[of(7)]));
        assert!(!agreed.allow(&[of(8)]), "somebody has changed it since");
        assert!(Conflicts::TakeOver.allow(&[of(8)]));
        assert!(!Conflicts::Refuse.allow(&[of(7)]));
    }
}
