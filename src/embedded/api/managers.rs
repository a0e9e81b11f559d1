//! `metadata.managedFields`: which manager owns which fields, and what follows from it.
//!
//! An applier owns what it applies; whoever writes otherwise owns what the write changed, and takes it from everybody
//! else. An applier that would change a field of somebody else is told of a conflict instead, unless it forces. A
//! manager is told apart by its name, its operation, the API version (updates alone) and the subresource.

use super::compare::Difference;
use super::field_set::FieldSet;
use serde_json::{Value, json};

/// How many managers other than appliers an object keeps apart (`DefaultMaxUpdateManagers`).
const MOST_UPDATERS: usize = 10;

/// Whose the fields of the oldest of them are then, as upstream names them.
const ANCIENT: &str = "ancient-changes";

/// How a manager writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    /// Server-side apply.
    Apply,
    /// Everything else.
    Update,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// Who writes, how, as what and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer<'a> {
    /// `fieldManager` of the request, or the program named by its user agent.
    pub(super) manager: &'a str,
    /// How.
    pub(super) operation: Operation,
    /// API version of the written object.
    pub(super) api_version: &'a str,
    /// `status`, `scale`; empty for the object itself.
    pub(super) subresource: &'a str,
    /// Now, as Kubernetes writes it.
    pub(super) now: &'a str,
}

/// Fields that belong to others and that an applier would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    /// Whose they are, in the API server's words.
    pub(super) manager: String,
    /// Which.
    pub(super) fields: FieldSet,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    operation: Operation,
    time: Option<String>,
    manager: String,
    api_version: String,
    subresource: String,
    fields: FieldSet,
}

impl Entry {
    fn new(writer: &Writer<'_>) -> Self {
        Self {
            operation: writer.operation,
            time: Some(writer.now.to_owned()),
            manager: writer.manager.to_owned(),
            api_version: writer.api_version.to_owned(),
            subresource: writer.subresource.to_owned(),
            fields: FieldSet::default(),
        }
    }

    fn read(entry: &Value) -> Option<Self> {
        let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
        let operation = match entry["operation"].as_str() {
            Some("Apply") => Operation::Apply,
            Some("Update") => Operation::Update,
            _ => return None,
        };
        Some(Self {
            operation,
            time: entry["time"].as_str().map(str::to_owned),
            manager: text("manager"),
            api_version: text("apiVersion"),
            subresource: text("subresource"),
            fields: FieldSet::read(&entry["fieldsV1"]),
        })
    }

    fn write(&self) -> Value {
        let mut entry = json!({
            "manager": self.manager,
            "operation": self.operation.name(),
            "apiVersion": self.api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": self.fields.write(),
        });
        if let Some(time) = &self.time {
            entry["time"] = json!(time);
        }
        if !self.subresource.is_empty() {
            entry["subresource"] = json!(self.subresource);
        }
        entry
    }

    fn is_of(&self, writer: &Writer<'_>) -> bool {
        self.manager == writer.manager
            && self.operation == writer.operation
            && self.subresource == writer.subresource
            && (self.operation == Operation::Apply || self.api_version == writer.api_version)
    }

    /// As the API server names a manager in a conflict.
    fn shown(&self) -> String {
        let mut shown = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            shown = format!("{shown} with subresource {:?}", self.subresource);
        }
        if self.operation == Operation::Update {
            shown = format!("{shown} using {}", self.api_version);
        }
        shown
    }
}

/// The managers of one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Managers(Vec<Entry>);

impl Managers {
    /// Reads `metadata.managedFields`; entries that make no sense are left out.
    pub(super) fn of(object: &Value) -> Self {
        let entries = object["metadata"]["managedFields"].as_array();
        Self(
            entries
                .into_iter()
                .flatten()
                .filter_map(Entry::read)
                .collect(),
        )
    }

    /// Writes `metadata.managedFields`, in the API server's order.
    pub(super) fn put_into(mut self, object: &mut Value) {
        self.0.retain(|entry| !entry.fields.is_empty());
        let key = |entry: &Entry| {
            let (manager, version) = (entry.manager.clone(), entry.api_version.clone());
            (entry.operation, entry.time.clone(), manager, version)
        };
        self.0.sort_by_key(key);
        if self.0.is_empty() {
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.remove("managedFields");
            }
            return;
        }
        object["metadata"]["managedFields"] = self.0.iter().map(Entry::write).collect();
    }

    /// What `writer` owns so far.
    pub(super) fn owned_by(&self, writer: &Writer<'_>) -> FieldSet {
        let mine = self.0.iter().find(|entry| entry.is_of(writer));
        mine.map(|entry| entry.fields.clone()).unwrap_or_default()
    }

    /// What the others own, all together.
    pub(super) fn owned_by_others(&self, writer: &Writer<'_>) -> FieldSet {
        let mut owned = FieldSet::default();
        for entry in self.0.iter().filter(|entry| !entry.is_of(writer)) {
            owned.unite(&entry.fields);
        }
        owned
    }

    /// Notes a write that is no apply.
    pub(super) fn updated(&mut self, writer: &Writer<'_>, difference: &Difference) {
        self.take_from_others(writer, difference);
        let mut owned = self.owned_by(writer).without(&difference.removed);
        owned.unite(&difference.changed);
        self.set(writer, owned);
        self.cap_updaters();
    }

    /// Merges the oldest updaters into one for each API version, until there are few enough. The first of a version is
    /// left alone while it has nobody to be merged with.
    fn cap_updaters(&mut self) {
        let mut updaters: Vec<usize> = (0..self.0.len())
            .filter(|at| self.0[*at].operation == Operation::Update)
            .collect();
        let mut surplus = updaters.len().saturating_sub(MOST_UPDATERS);
        // What was merged before is as old as the youngest of it, and so comes first of its version.
        updaters.sort_by_key(|at| {
            let entry = &self.0[*at];
            let name = &entry.manager;
            (entry.time.clone(), name != ANCIENT, name.clone())
        });
        // The entry that holds what was merged, for each version met so far.
        let mut buckets: Vec<usize> = Vec::new();
        for at in updaters {
            if surplus == 0 {
                break;
            }
            let version = &self.0[at].api_version;
            let Some(bucket) = buckets
                .iter()
                .find(|bucket| self.0[**bucket].api_version == *version)
            else {
                buckets.push(at);
                continue;
            };
            let fields = std::mem::take(&mut self.0[at].fields);
            let time = self.0[at].time.clone();
            let bucket = &mut self.0[*bucket];
            bucket.fields.unite(&fields);
            ANCIENT.clone_into(&mut bucket.manager);
            bucket.subresource.clear();
            bucket.time = time;
            surplus -= 1;
        }
        self.0.retain(|entry| !entry.fields.is_empty());
    }

    /// The others' fields that an apply by `writer` would change.
    pub(super) fn conflicts(&self, writer: &Writer<'_>, difference: &Difference) -> Vec<Conflict> {
        self.0
            .iter()
            .filter(|entry| !entry.is_of(writer))
            .map(|entry| Conflict {
                manager: entry.shown(),
                fields: entry.fields.shared(&difference.changed),
            })
            .filter(|conflict| !conflict.fields.is_empty())
            .collect()
    }

    /// Notes an apply of `owned`, which changed the object so.
    pub(super) fn applied(
        &mut self,
        writer: &Writer<'_>,
        owned: FieldSet,
        difference: &Difference,
    ) {
        self.take_from_others(writer, difference);
        self.set(writer, owned);
    }

    fn take_from_others(&mut self, writer: &Writer<'_>, difference: &Difference) {
        for entry in self.0.iter_mut().filter(|entry| !entry.is_of(writer)) {
            entry.fields = entry
                .fields
                .without(&difference.changed)
                .without(&difference.removed);
        }
    }

    /// Gives `writer` exactly `owned`. Owning the same as before is not a change, so it does not even move the time.
    fn set(&mut self, writer: &Writer<'_>, owned: FieldSet) {
        let position = self.0.iter().position(|entry| entry.is_of(writer));
        let entry = match position {
            Some(position) if self.0[position].fields == owned => return,
            Some(position) => &mut self.0[position],
            None => {
                self.0.push(Entry::new(writer));
                let Some(entry) = self.0.last_mut() else {
                    return;
                };
                entry
            }
        };
        entry.fields = owned;
        entry.time = Some(writer.now.to_owned());
        entry.api_version = writer.api_version.to_owned();
    }
}
