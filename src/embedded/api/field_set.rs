//! Sets of field paths in the API's own notation (`fieldsV1`): what a manager owns, what a write changed.
//!
//! A step down is `f:` and a field's name, `k:` and the keys of a list item, or `v:` and the member of a set. A path
//! belongs to the set when its node is a leaf or has a `.` among its children.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A set of paths, as the tree of their steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldSet {
    /// Whether the path that leads here is in the set itself.
    pub(super) member: bool,
    /// What is below, by step.
    pub(super) children: BTreeMap<String, FieldSet>,
}

impl FieldSet {
    /// The set of one path: the one that leads here.
    pub(super) fn leaf() -> Self {
        Self {
            member: true,
            children: BTreeMap::new(),
        }
    }

    /// Reads `fieldsV1`.
    pub(super) fn read(fields: &Value) -> Self {
        let mut set = Self::node(fields);
        set.member = false;
        set
    }

    fn node(fields: &Value) -> Self {
        let steps = fields.as_object();
        Self {
            member: steps.is_none_or(|steps| steps.is_empty() || steps.contains_key(".")),
            children: steps
                .into_iter()
                .flatten()
                .filter(|(step, _)| *step != ".")
                .map(|(step, below)| (step.clone(), Self::node(below)))
                .collect(),
        }
    }

    /// Writes `fieldsV1`.
    pub(super) fn write(&self) -> Value {
        let mut fields: Map<String, Value> = self
            .children
            .iter()
            .map(|(step, below)| (step.clone(), below.write()))
            .collect();
        if self.member && !fields.is_empty() {
            fields.insert(".".to_owned(), json!({}));
        }
        Value::Object(fields)
    }

    /// Whether no path is in the set.
    pub(super) fn is_empty(&self) -> bool {
        !self.member && self.children.values().all(Self::is_empty)
    }

    /// Puts `below` at `step`, unless there is nothing in it.
    pub(super) fn put(&mut self, step: String, below: Self) {
        if !below.is_empty() {
            self.children.insert(step, below);
        }
    }

    /// Adds every path of `other`.
    pub(super) fn unite(&mut self, other: &Self) {
        self.member |= other.member;
        for (step, below) in &other.children {
            self.children.entry(step.clone()).or_default().unite(below);
        }
    }

    /// The paths that are in both.
    pub(super) fn shared(&self, other: &Self) -> Self {
        self.combined(Some(other), &|mine, theirs| mine && theirs)
    }

    /// The paths that are not in `other`.
    pub(super) fn without(&self, other: &Self) -> Self {
        self.combined(Some(other), &|mine, theirs| mine && !theirs)
    }

    fn combined(&self, other: Option<&Self>, keep: &impl Fn(bool, bool) -> bool) -> Self {
        let mut result = Self {
            member: keep(self.member, other.is_some_and(|other| other.member)),
            children: BTreeMap::new(),
        };
        for (step, below) in &self.children {
            let theirs = other.and_then(|other| other.children.get(step));
            result.put(step.clone(), below.combined(theirs, keep));
        }
        result
    }

    /// Every path as messages show it: `.spec.containers[name="web"].image`.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect("", &mut paths);
        paths
    }

    fn collect(&self, path: &str, paths: &mut Vec<String>) {
        if self.member {
            paths.push(path.to_owned());
        }
        for (step, below) in &self.children {
            below.collect(&format!("{path}{}", shown(step)), paths);
        }
    }
}

fn shown(step: &str) -> String {
    match step.split_once(':') {
        Some(("k", keys)) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let keys: Vec<String> = keys
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            format!("[{}]", keys.join(","))
        }
        Some(("v", member)) => format!("[={member}]"),
        Some(("i", index)) => format!("[{index}]"),
        Some((_, name)) => format!(".{name}"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(fields: &Value) -> FieldSet {
        FieldSet::read(fields)
    }

    #[test]
    fn the_notation_is_read_and_written_as_it_is() {
        let fields = json!({"f:spec": {"f:replicas": {}, "f:list": {".": {}, "k:{\"name\":\"a\"}": {".": {}, "f:x": {}}}}});
        assert_eq!(set(&fields).write(), fields);
        assert_eq!(
            set(&fields).paths(),
            [
                ".spec.list",
                ".spec.list[name=\"a\"]",
                ".spec.list[name=\"a\"].x",
                ".spec.replicas"
            ]
        );
    }

    #[test]
    fn sets_unite_meet_and_differ_path_by_path() {
        let one = set(&json!({"f:a": {".": {}, "f:b": {}}, "f:c": {}}));
        let other = set(&json!({"f:a": {"f:b": {}, "f:d": {}}}));
        assert_eq!(one.shared(&other).write(), json!({"f:a": {"f:b": {}}}));
        assert_eq!(one.without(&other).write(), json!({"f:a": {}, "f:c": {}}));
        assert!(one.without(&one).is_empty());
        let mut both = one;
        both.unite(&other);
        assert_eq!(
            both.write(),
            json!({"f:a": {".": {}, "f:b": {}, "f:d": {}}, "f:c": {}})
        );
    }
}
