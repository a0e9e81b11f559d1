//! The data: sixteen numbered keyspaces of typed values with expiry times.
//!
//! Commands see it through a [`View`] of the selected keyspace. Two rules keep the rest simple. Expired keys are
//! removed *before* each command (an index ordered by expiry makes that cheap), so no command ever meets one; Redis
//! gets the same picture by checking at each access. And every change goes through `changed`, which drops a
//! collection that became empty, breaks the `WATCH`es on the key and notes lists that blocked clients wait for.

use super::command::CommandError;
use super::value::{Kind, Value};
use bytes::Bytes;
use std::collections::hash_map::Entry as MapEntry;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

/// How many keyspaces there are: the default of `databases` in redis.conf.
pub(super) const KEYSPACES: usize = 16;

/// Identifies a connection for as long as the broker runs.
pub(super) type ClientId = u64;

/// A key in one of the keyspaces.
pub(super) type Slot = (usize, Bytes);

#[derive(Debug)]
struct Entry {
    value: Value,
    /// Milliseconds since the epoch.
    expires_at: Option<i64>,
}

/// All keyspaces, and who watches what in them.
#[derive(Debug, Default)]
pub(super) struct Keyspaces {
    maps: [HashMap<Bytes, Entry>; KEYSPACES],
    expiring: BTreeSet<(i64, usize, Bytes)>,
    watchers: HashMap<Slot, HashSet<ClientId>>,
    broken: HashSet<ClientId>,
    /// Lists that gained elements since blocked clients were last served.
    pub(super) grown: VecDeque<Slot>,
    now_ms: i64,
}

impl Keyspaces {
    /// Moves the clock to `now_ms` and removes what has expired by then.
    pub(super) fn advance(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        while self.expiring.first().is_some_and(|(at, ..)| *at <= now_ms) {
            if let Some((_, index, key)) = self.expiring.pop_first() {
                self.maps[index].remove(&key);
                self.touch(&(index, key));
            }
        }
    }

    pub(super) fn view(&mut self, index: usize) -> View<'_> {
        View { all: self, index }
    }

    /// Milliseconds since the epoch.
    pub(super) fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Keys, and keys with an expiry, of each keyspace.
    pub(super) fn sizes(&self) -> Vec<(usize, usize)> {
        self.maps
            .iter()
            .enumerate()
            .map(|(index, map)| {
                let expiring = self.expiring.iter().filter(|(_, i, _)| *i == index);
                (map.len(), expiring.count())
            })
            .collect()
    }

    pub(super) fn flush_all(&mut self) {
        (0..KEYSPACES).for_each(|index| self.view(index).flush());
    }

    pub(super) fn watch(&mut self, client: ClientId, slot: Slot) {
        self.watchers.entry(slot).or_default().insert(client);
    }

    /// Ends the watches of `client` on `slots`; true when one of the keys changed meanwhile.
    pub(super) fn unwatch(&mut self, client: ClientId, slots: &[Slot]) -> bool {
        for slot in slots {
            if let Some(clients) = self.watchers.get_mut(slot) {
                clients.remove(&client);
                if clients.is_empty() {
                    self.watchers.remove(slot);
                }
            }
        }
        self.broken.remove(&client)
    }

    fn touch(&mut self, slot: &Slot) {
        if let Some(clients) = self.watchers.get(slot) {
            self.broken.extend(clients);
        }
    }
}

/// One keyspace, as a command sees it.
pub(super) struct View<'a> {
    all: &'a mut Keyspaces,
    index: usize,
}

impl View<'_> {
    pub(super) fn now_ms(&self) -> i64 {
        self.all.now_ms
    }

    pub(super) fn value(&self, key: &[u8]) -> Option<&Value> {
        Some(&self.all.maps[self.index].get(key)?.value)
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.all.maps[self.index].contains_key(key)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Bytes> {
        self.all.maps[self.index].keys()
    }

    pub(super) fn len(&self) -> usize {
        self.all.maps[self.index].len()
    }

    /// The value at `key`, when there is one and it is of kind `K`.
    pub(super) fn find<K: Kind>(&self, key: &[u8]) -> Result<Option<&K>, CommandError> {
        self.value(key)
            .map(|value| K::of(value).ok_or(CommandError::WrongType))
            .transpose()
    }

    /// As [`Self::find`], to change it; say `changed` afterwards.
    pub(super) fn find_mut<K: Kind>(&mut self, key: &[u8]) -> Result<Option<&mut K>, CommandError> {
        self.all.maps[self.index]
            .get_mut(key)
            .map(|entry| K::of_mut(&mut entry.value).ok_or(CommandError::WrongType))
            .transpose()
    }

    /// As [`Self::find_mut`], with an empty value put there when there is none.
    pub(super) fn entry<K: Kind>(&mut self, key: &Bytes) -> Result<&mut K, CommandError> {
        let entry = match self.all.maps[self.index].entry(key.clone()) {
            MapEntry::Occupied(entry) => entry.into_mut(),
            MapEntry::Vacant(entry) => entry.insert(Entry {
                value: K::empty(),
                expires_at: None,
            }),
        };
        K::of_mut(&mut entry.value).ok_or(CommandError::WrongType)
    }

    /// Says that the value at `key` was changed in place.
    pub(super) fn changed(&mut self, key: &Bytes) {
        let empty = self.value(key).is_some_and(Value::is_empty_collection);
        if empty {
            self.remove(key);
            return;
        }
        let slot = (self.index, key.clone());
        self.all.touch(&slot);
    }

    /// Says that the list at `key` gained elements.
    pub(super) fn grew(&mut self, key: &Bytes) {
        self.changed(key);
        self.all.grown.push_back((self.index, key.clone()));
    }

    /// Puts `value` at `key` in place of whatever was there, and forgets its expiry.
    pub(super) fn put(&mut self, key: &Bytes, value: Value) {
        self.persist(key);
        let list = matches!(value, Value::List(_));
        self.all.maps[self.index].insert(
            key.clone(),
            Entry {
                value,
                expires_at: None,
            },
        );
        if list {
            self.grew(key);
        } else {
            self.changed(key);
        }
    }

    /// Takes the value at `key` away, with its expiry.
    pub(super) fn remove(&mut self, key: &[u8]) -> Option<(Value, Option<i64>)> {
        let (key, entry) = self.all.maps[self.index].remove_entry(key)?;
        let slot = (self.index, key);
        self.all.touch(&slot);
        if let Some(at) = entry.expires_at {
            self.all.expiring.remove(&(at, slot.0, slot.1));
        }
        Some((entry.value, entry.expires_at))
    }

    pub(super) fn expires_at(&self, key: &[u8]) -> Option<i64> {
        self.all.maps[self.index].get(key)?.expires_at
    }

    /// Lets `key` end at `at` (ms since the epoch); a moment already past ends it now.
    pub(super) fn expire(&mut self, key: &Bytes, at: i64) {
        if at <= self.now_ms() {
            self.remove(key);
            return;
        }
        self.persist(key);
        if let Some(entry) = self.all.maps[self.index].get_mut(key) {
            entry.expires_at = Some(at);
            self.all.expiring.insert((at, self.index, key.clone()));
            self.changed(key);
        }
    }

    /// Forgets the expiry of `key`; true when it had one.
    pub(super) fn persist(&mut self, key: &Bytes) -> bool {
        let entry = self.all.maps[self.index].get_mut(key);
        let Some(at) = entry.and_then(|entry| entry.expires_at.take()) else {
            return false;
        };
        self.all.expiring.remove(&(at, self.index, key.clone()));
        true
    }

    pub(super) fn flush(&mut self) {
        let keys: Vec<Bytes> = self.keys().cloned().collect();
        for key in keys {
            self.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &'static str) -> Bytes {
        Bytes::from_static(name.as_bytes())
    }

    #[test]
    fn an_expired_key_is_gone_and_breaks_its_watches() {
        let mut all = Keyspaces::default();
        all.advance(1_000);
        all.view(0)
            .put(&key("lease"), Value::Text(b"held".to_vec()));
        all.view(0).expire(&key("lease"), 1_500);
        all.watch(7, (0, key("lease")));
        all.advance(1_499);
        assert!(all.view(0).contains(b"lease"));
        all.advance(1_500);
        assert!(!all.view(0).contains(b"lease"));
        assert!(all.unwatch(7, &[(0, key("lease"))]));
        assert!(all.watchers.is_empty() && all.broken.is_empty() && all.expiring.is_empty());
    }

    #[test]
    fn putting_a_value_forgets_the_old_expiry() {
        let mut all = Keyspaces::default();
        all.view(3).put(&key("k"), Value::Text(Vec::new()));
        all.view(3).expire(&key("k"), 10);
        all.view(3).put(&key("k"), Value::Text(Vec::new()));
        all.advance(20);
        assert!(all.view(3).contains(b"k"));
    }
}
