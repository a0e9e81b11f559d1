//! The five kinds of value the broker keeps.
//!
//! Hashes and sets are ordered maps: what `redis-cli HGETALL` prints on stage is then the same each time.

use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

pub(super) type Text = Vec<u8>;
pub(super) type List = VecDeque<Bytes>;
pub(super) type Hash = BTreeMap<Bytes, Bytes>;
pub(super) type Set = BTreeSet<Bytes>;

/// A value of any kind.
#[derive(Debug)]
pub(super) enum Value {
    Text(Text),
    List(List),
    Hash(Hash),
    Set(Set),
    Sorted(SortedSet),
}

impl Value {
    /// The answer of `TYPE`.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::List(_) => "list",
            Self::Hash(_) => "hash",
            Self::Set(_) => "set",
            Self::Sorted(_) => "zset",
        }
    }

    /// Redis keeps no empty collections; an empty string is a value.
    pub(super) fn is_empty_collection(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::List(list) => list.is_empty(),
            Self::Hash(hash) => hash.is_empty(),
            Self::Set(set) => set.is_empty(),
            Self::Sorted(sorted) => sorted.len() == 0,
        }
    }
}

/// A Rust type that is one of the kinds of [`Value`].
pub(super) trait Kind: Sized {
    fn empty() -> Value;
    fn of(value: &Value) -> Option<&Self>;
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
}

macro_rules! kind {
    ($kind:ty, $variant:ident) => {
        impl Kind for $kind {
            fn empty() -> Value {
                Value::$variant(<$kind>::default())
            }

            fn of(value: &Value) -> Option<&Self> {
                match value {
                    Value::$variant(inner) => Some(inner),
                    _ => None,
                }
            }

            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                match value {
                    Value::$variant(inner) => Some(inner),
                    _ => None,
                }
            }
        }
    };
}

kind!(Text, Text);
kind!(List, List);
kind!(Hash, Hash);
kind!(Set, Set);
kind!(SortedSet, Sorted);

/// Members ordered by score, then by name.
#[derive(Debug, Default)]
pub(super) struct SortedSet {
    scores: HashMap<Bytes, f64>,
    order: BTreeSet<Ranked>,
}

/// A score and its member. Scores are never NaN (the command refuses it), so `total_cmp` orders them as numbers; the
/// one exception, `-0.0` before `0.0`, is removed when a score is stored.
#[derive(Clone, Debug)]
pub(super) struct Ranked {
    pub(super) score: f64,
    pub(super) member: Bytes,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.score
            .total_cmp(&other.score)
            .then_with(|| self.member.cmp(&other.member))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

impl SortedSet {
    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.scores.get(member).copied()
    }

    /// Sets the score of `member` and answers the one it had.
    pub(super) fn insert(&mut self, member: &Bytes, score: f64) -> Option<f64> {
        let score = score + 0.0;
        let before = self.remove(member);
        self.scores.insert(member.clone(), score);
        self.order.insert(Ranked {
            score,
            member: member.clone(),
        });
        before
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let (member, score) = self.scores.remove_entry(member)?;
        self.order.remove(&Ranked { score, member });
        Some(score)
    }

    /// From the lowest score to the highest.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Ranked> {
        self.order.iter()
    }
}
