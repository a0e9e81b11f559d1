//! The embedded cluster's memory: what etcd and the API server's registry are to a real one.
//!
//! Objects go in and out as JSON, keyed by resource, namespace and name. Every change takes the next number of one
//! global, increasing resource version and is appended to one ordered log, from which every watch reads at its own
//! pace; so a slow watcher holds a number, never a queue, and one that falls behind the log's start is told that its
//! version has expired, exactly as etcd compaction tells it. Rules that need no knowledge of a kind live here
//! (identity, optimistic concurrency, generation, finalizers); admission, defaulting and merging belong to `api`.
//!
//! The lock is std's: nothing is awaited while it is held, and each critical section is a map operation.

mod change;
mod error;
mod history;
mod key;
mod life;

pub use change::{Change, ChangeKind, Watch};
pub use error::StoreError;
pub use key::{
    CONFIG_MAPS, DEPLOYMENTS, ENDPOINT_SLICES, ENDPOINTS, EVENTS, HORIZONTAL_POD_AUTOSCALERS, JOBS,
    Key, NAMESPACES, NODES, PODS, REPLICA_SETS, RESOURCE_QUOTAS, Resource, SCALED_OBJECTS, SECRETS,
    SERVICES, TRIGGER_AUTHENTICATIONS, is_deleting, name, namespace, resource_version, uid,
};
pub use life::DEPLOYMENT_REVISION;

use crate::clock::Clock;
use life::{counts_generations, no_finalizers, specification};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// An object as the API shows it. Shared, never changed in place.
pub type Object = Arc<Value>;

/// How many changes the log keeps for watches. A watch that starts further back gets [`StoreError::Expired`].
/// Generous for a demo (a full spike makes about 2,000 changes), small in memory (objects are shared).
const LOG_LENGTH: usize = 20_000;

/// Notes in an object who wrote it: the writer's name, the object before (null when it is new) and after, and now.
pub type Sign = fn(&str, &Value, &mut Value, &str);

/// The cluster's objects. Clone it freely: all clones are the same store.
#[derive(Clone)]
pub struct Store {
    state: Arc<Mutex<State>>,
    latest: watch::Sender<u64>,
    clock: Clock,
    signature: Option<(&'static str, Sign)>,
}

struct State {
    objects: BTreeMap<Key, Object>,
    log: VecDeque<Change>,
    version: u64,
    /// Version of the newest change that was dropped from the log; a watch may start at or after it.
    compacted: u64,
}

impl Store {
    /// An empty store whose timestamps come from `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                objects: BTreeMap::new(),
                log: VecDeque::new(),
                version: 1,
                compacted: 0,
            })),
            latest: watch::Sender::new(1),
            clock,
            signature: None,
        }
    }

    /// A handle of the same store whose writes are signed with `name`.
    #[must_use]
    pub fn signed(&self, name: &'static str, sign: Sign) -> Self {
        Self {
            signature: Some((name, sign)),
            ..self.clone()
        }
    }

    fn sign(&self, before: &Value, object: &mut Value) {
        if let Some((name, sign)) = self.signature {
            sign(name, before, object, &self.timestamp());
        }
    }

    /// The clock that stamps objects.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Now, as Kubernetes writes it in objects: RFC 3339, whole seconds, UTC.
    #[must_use]
    pub fn timestamp(&self) -> String {
        self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The newest resource version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.lock().version
    }

    /// The object at `key`.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Object> {
        self.lock().objects.get(key).cloned()
    }

    /// All objects of a resource, in one namespace or (with `None`) everywhere, in key order, and the resource version
    /// at which that was the truth.
    #[must_use]
    pub fn list(&self, resource: Resource, namespace: Option<&str>) -> (Vec<Object>, u64) {
        let state = self.lock();
        let start = Key::new(resource, namespace.unwrap_or_default(), "");
        let objects = state
            .objects
            .range(start..)
            .take_while(|(key, _)| {
                key.resource == resource && namespace.is_none_or(|wanted| key.namespace == wanted)
            })
            .map(|(_, object)| Arc::clone(object))
            .collect();
        (objects, state.version)
    }

    /// Every object whose controller or owner is `owner_uid`, whatever its kind.
    #[must_use]
    pub fn owned_by(&self, owner_uid: &str) -> Vec<(Key, Object)> {
        let is_owned = |object: &Value| {
            object["metadata"]["ownerReferences"]
                .as_array()
                .is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == owner_uid))
        };
        self.lock()
            .objects
            .iter()
            .filter(|(_, object)| is_owned(object))
            .map(|(key, object)| (key.clone(), Arc::clone(object)))
            .collect()
    }

    /// Every object in `namespace`, whatever its kind.
    #[must_use]
    pub fn contents(&self, namespace: &str) -> Vec<(Key, Object)> {
        self.lock()
            .objects
            .iter()
            .filter(|(key, _)| key.namespace == namespace)
            .map(|(key, object)| (key.clone(), Arc::clone(object)))
            .collect()
    }

    /// Stores a new object, giving it a UID, a creation time, generation 1 and a resource version.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when the name is taken.
    pub fn create(&self, resource: Resource, mut object: Value) -> Result<Object, StoreError> {
        let key = Key::of(resource, &object);
        let mut state = self.lock();
        if state.objects.contains_key(&key) {
            return Err(StoreError::AlreadyExists(key));
        }
        object["metadata"]["uid"] = json!(new_uid());
        object["metadata"]["creationTimestamp"] = json!(self.timestamp());
        if counts_generations(&object) {
            object["metadata"]["generation"] = json!(1);
        }
        self.sign(&Value::Null, &mut object);
        Ok(self.commit(&mut state, ChangeKind::Added, key, object))
    }

    /// Replaces the object at `key` by what `change` makes of it. A change that alters nothing takes no resource
    /// version and wakes no watch, as on a real API server. A change of anything but metadata and status bumps
    /// `metadata.generation`. Identity (name, UID, creation time) cannot be changed. When the last finalizer of an
    /// object in deletion goes, so does the object.
    ///
    /// `expected` is the resource version the caller read, when it cares.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`] on a stale `expected`, or whatever `change` returns.
    pub fn modify(
        &self,
        key: &Key,
        expected: Option<u64>,
        change: impl FnOnce(&mut Value) -> Result<(), StoreError>,
    ) -> Result<Object, StoreError> {
        let mut state = self.lock();
        let Some(current) = state.objects.get(key).cloned() else {
            return Err(StoreError::NotFound(key.clone()));
        };
        if expected.is_some_and(|version| version != resource_version(&current)) {
            return Err(StoreError::Conflict(key.clone()));
        }
        let mut object = Value::clone(&current);
        change(&mut object)?;
        for field in [
            "name",
            "namespace",
            "uid",
            "creationTimestamp",
            "generation",
            "resourceVersion",
        ] {
            if current["metadata"][field].is_null() {
                if let Some(metadata) = object["metadata"].as_object_mut() {
                    metadata.remove(field);
                }
            } else {
                object["metadata"][field] = current["metadata"][field].clone();
            }
        }
        if object == *current {
            return Ok(current);
        }
        self.sign(&current, &mut object);
        if counts_generations(&current) && specification(&object) != specification(&current) {
            let generation = current["metadata"]["generation"].as_i64().unwrap_or(0) + 1;
            object["metadata"]["generation"] = json!(generation);
        }
        let finished = is_deleting(&object)
            && no_finalizers(&object)
            && (!no_finalizers(&current) || object["metadata"]["deletionGracePeriodSeconds"] == 0);
        let kind = if finished {
            ChangeKind::Deleted
        } else {
            ChangeKind::Modified
        };
        Ok(self.commit(&mut state, kind, key.clone(), object))
    }

    /// Asks for the deletion of the object at `key`: with finalizers or a `grace` period (seconds, above 0) it is
    /// marked and stays until they are done, otherwise it goes at once. Asking again can only shorten the grace.
    /// Returns the object's last state and whether it is gone.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::WrongUid`] when `uid` is given and differs.
    pub fn delete(
        &self,
        key: &Key,
        uid_precondition: Option<&str>,
        grace: i64,
    ) -> Result<(Object, bool), StoreError> {
        let mut state = self.lock();
        let Some(current) = state.objects.get(key).cloned() else {
            return Err(StoreError::NotFound(key.clone()));
        };
        if let Some(expected) = uid_precondition.filter(|expected| *expected != uid(&current)) {
            return Err(StoreError::WrongUid {
                expected: expected.to_owned(),
                actual: uid(&current).to_owned(),
            });
        }
        let mut object = Value::clone(&current);
        if no_finalizers(&object) && grace <= 0 {
            let object = self.commit(&mut state, ChangeKind::Deleted, key.clone(), object);
            return Ok((object, true));
        }
        let earlier = current["metadata"]["deletionGracePeriodSeconds"].as_i64();
        if is_deleting(&current) && earlier.unwrap_or(0) <= grace {
            return Ok((current, false));
        }
        let due = self
            .clock
            .now_ms()
            .saturating_add(grace.saturating_mul(1_000));
        let due = k8s_openapi::jiff::Timestamp::from_millisecond(due)
            .unwrap_or(k8s_openapi::jiff::Timestamp::MAX);
        object["metadata"]["deletionTimestamp"] =
            json!(due.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        object["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
        let object = self.commit(&mut state, ChangeKind::Modified, key.clone(), object);
        Ok((object, false))
    }

    /// Removes the object at `key` whatever holds it: the kubelet's last word on a pod. `uid` guards against removing
    /// a namesake that came later. Quietly does nothing when it is not there.
    pub fn remove(&self, key: &Key, uid_precondition: &str) {
        let mut state = self.lock();
        if let Some(current) = state.objects.get(key).cloned()
            && uid(&current) == uid_precondition
        {
            self.commit(
                &mut state,
                ChangeKind::Deleted,
                key.clone(),
                Value::clone(&current),
            );
        }
    }

    /// Every change after version `from`, in order, for ever.
    ///
    /// # Errors
    /// [`StoreError::Expired`] when the log does not reach back that far.
    pub fn watch(&self, from: u64) -> Result<Watch, StoreError> {
        let state = self.lock();
        if from < state.compacted {
            return Err(StoreError::Expired {
                requested: from,
                oldest: state.compacted,
            });
        }
        Ok(Watch {
            store: self.clone(),
            cursor: from,
            latest: self.latest.subscribe(),
        })
    }

    /// Every change from now on.
    #[must_use]
    pub fn watch_from_now(&self) -> Watch {
        Watch {
            store: self.clone(),
            cursor: self.version(),
            latest: self.latest.subscribe(),
        }
    }

    fn commit(&self, state: &mut State, kind: ChangeKind, key: Key, mut object: Value) -> Object {
        state.version += 1;
        object["metadata"]["resourceVersion"] = json!(state.version.to_string());
        let object = Arc::new(object);
        let previous = if kind == ChangeKind::Deleted {
            state.objects.remove(&key)
        } else {
            state.objects.insert(key.clone(), Arc::clone(&object))
        };
        state.log.push_back(Change {
            version: state.version,
            kind,
            key,
            object: Arc::clone(&object),
            previous,
        });
        if state.log.len() > LOG_LENGTH
            && let Some(dropped) = state.log.pop_front()
        {
            state.compacted = dropped.version;
        }
        self.latest.send_replace(state.version);
        object
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held cannot leave a half-made change: `commit` is the only writer.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A random (version 4) UUID.
#[must_use]
pub fn new_uid() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the operating system always has random bytes after boot");
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}
