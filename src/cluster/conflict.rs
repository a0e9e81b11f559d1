//! Conflicts of a server-side apply: which fields somebody else set to another value, and who.

use kube::core::Status;

/// What to do about fields that another manager owns and that the manifest has other values for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conflicts {
    /// Change nothing of the object, and name them.
    #[default]
    Refuse,
    /// Take them over: the other manager loses them.
    TakeOver,
}

/// A field and who owns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldConflict {
    /// The field manager: `kubectl-edit`.
    pub manager: String,
    /// The field: `.spec.maxReplicaCount`.
    pub field: String,
}

/// The reason of a cause that is such a conflict (`metav1.CauseTypeFieldManagerConflict`).
const REASON: &str = "FieldManagerConflict";

/// The conflicts that a refusal names; none when it was refused for something else.
pub(super) fn of(status: &Status) -> Vec<FieldConflict> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes
        .filter(|cause| cause.reason == REASON)
        .map(|cause| FieldConflict {
            // `conflict with "kubectl-edit" using apps/v1`
            manager: match cause.message.split('"').nth(1) {
                Some(manager) => manager.to_owned(),
                None => cause.message.clone(),
            },
            field: cause.field.clone(),
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
        let conflicts = of(&serde_json::from_value(status).unwrap());
        assert_eq!(
            list(&conflicts),
            ".spec.a (set by kubectl-edit), .spec.b (set by kubectl-edit), .spec.c (set by kubectl-edit), 1 more"
        );
    }
}
