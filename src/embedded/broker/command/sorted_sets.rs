//! Commands on sorted sets.

use super::{Command, CommandError, Outcome, integer, slice};
use crate::embedded::broker::keyspace::View;
use crate::embedded::broker::number;
use crate::embedded::broker::reply::Reply;
use crate::embedded::broker::value::{Ranked, SortedSet};
use bytes::Bytes;

pub(super) const COMMANDS: &[Command] = &[
    Command::data("zadd", -4, zadd),
    Command::data("zcard", 2, |view, args| {
        let set = view.find::<SortedSet>(&args[0])?;
        Ok(Reply::count(set.map_or(0, SortedSet::len)))
    }),
    Command::data("zincrby", 4, zincrby),
    Command::data("zrange", -4, zrange),
    Command::data("zrangebyscore", -4, |view, args| {
        let mut options = RangeOptions::parse(&args[3..])?;
        options.by_score = true;
        by_score(view, args, &options)
    }),
    Command::data("zrem", -3, zrem),
    Command::data("zscore", 3, |view, args| {
        let set = view.find::<SortedSet>(&args[0])?;
        let score = set.and_then(|set| set.score(&args[1]));
        Ok(score.map_or(Reply::Nil, Reply::Double))
    }),
];

fn float(argument: &[u8]) -> Result<f64, CommandError> {
    number::float(argument).ok_or(CommandError::NotAFloat)
}

#[derive(Default)]
struct AddOptions {
    only_new: bool,
    only_present: bool,
    count_changed: bool,
}

fn zadd(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let mut options = AddOptions::default();
    let mut rest = &args[1..];
    while let Some((option, after)) = rest.split_first() {
        match option.to_ascii_uppercase().as_slice() {
            b"NX" => options.only_new = true,
            b"XX" => options.only_present = true,
            b"CH" => options.count_changed = true,
            _ => break,
        }
        rest = after;
    }
    if rest.is_empty() || !rest.len().is_multiple_of(2) {
        return Err(CommandError::Syntax);
    }
    if options.only_new && options.only_present {
        return Err(CommandError::Text(
            "ERR XX and NX options at the same time are not compatible",
        ));
    }
    let pairs = rest
        .chunks_exact(2)
        .map(|pair| Ok((float(&pair[0])?, &pair[1])))
        .collect::<Result<Vec<_>, CommandError>>()?;
    let set: &mut SortedSet = view.entry(&args[0])?;
    let counted = pairs
        .into_iter()
        .filter(|(score, member)| add_one(set, *score, member, &options))
        .count();
    view.changed(&args[0]);
    Ok(Reply::count(counted))
}

/// Whether the pair counts in the answer of `ZADD`.
fn add_one(set: &mut SortedSet, score: f64, member: &Bytes, options: &AddOptions) -> bool {
    let before = set.score(member);
    if (options.only_new && before.is_some()) || (options.only_present && before.is_none()) {
        return false;
    }
    set.insert(member, score);
    before.is_none() || (options.count_changed && before != Some(score))
}

fn zincrby(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let by = float(&args[1])?;
    let set = view.find::<SortedSet>(&args[0])?;
    let score = set.and_then(|set| set.score(&args[2])).unwrap_or(0.0) + by;
    if score.is_nan() {
        return Err(CommandError::Text(
            "ERR resulting score is not a number (NaN)",
        ));
    }
    view.entry::<SortedSet>(&args[0])?.insert(&args[2], score);
    view.changed(&args[0]);
    Ok(Reply::Double(score))
}

fn zrem(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let Some(set) = view.find_mut::<SortedSet>(&args[0])? else {
        return Ok(Reply::Integer(0));
    };
    let removed = args[1..]
        .iter()
        .filter(|member| set.remove(member).is_some());
    let removed = removed.count();
    if removed > 0 {
        view.changed(&args[0]);
    }
    Ok(Reply::count(removed))
}

#[derive(Default)]
struct RangeOptions {
    by_score: bool,
    reverse: bool,
    with_scores: bool,
    limit: Option<(i64, i64)>,
}

impl RangeOptions {
    fn parse(mut rest: &[Bytes]) -> Result<Self, CommandError> {
        let mut options = Self::default();
        while let Some((option, after)) = rest.split_first() {
            rest = after;
            match option.to_ascii_uppercase().as_slice() {
                b"BYSCORE" => options.by_score = true,
                b"REV" => options.reverse = true,
                b"WITHSCORES" => options.with_scores = true,
                b"LIMIT" => {
                    let [offset, limit, after @ ..] = rest else {
                        return Err(CommandError::Syntax);
                    };
                    options.limit = Some((integer(offset)?, integer(limit)?));
                    rest = after;
                }
                _ => return Err(CommandError::Syntax),
            }
        }
        Ok(options)
    }

    fn reply<'a>(&self, ranked: impl Iterator<Item = &'a Ranked>) -> Reply {
        let mut items = Vec::new();
        for one in ranked {
            items.push(Reply::Bulk(one.member.clone()));
            if self.with_scores {
                items.push(Reply::Double(one.score));
            }
        }
        Reply::Array(items)
    }
}

fn zrange(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let options = RangeOptions::parse(&args[3..])?;
    if options.by_score {
        return by_score(view, args, &options);
    }
    if options.limit.is_some() {
        return Err(CommandError::Text(
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ));
    }
    let (start, stop) = (integer(&args[1])?, integer(&args[2])?);
    let Some(set) = view.find::<SortedSet>(&args[0])? else {
        return Ok(Reply::Array(Vec::new()));
    };
    let range = slice(start, stop, set.len());
    let (skip, take) = (range.start, range.len());
    Ok(if options.reverse {
        options.reply(set.iter().rev().skip(skip).take(take))
    } else {
        options.reply(set.iter().skip(skip).take(take))
    })
}

/// An end of a range of scores: `(` excludes the score itself.
struct Bound {
    score: f64,
    exclusive: bool,
}

impl Bound {
    fn parse(argument: &[u8]) -> Result<Self, CommandError> {
        let (exclusive, text) = match argument.strip_prefix(b"(") {
            Some(text) => (true, text),
            None => (false, argument),
        };
        let score =
            number::float(text).ok_or(CommandError::Text("ERR min or max is not a float"))?;
        Ok(Self { score, exclusive })
    }

    fn lets_from(&self, score: f64) -> bool {
        score > self.score || (!self.exclusive && score == self.score)
    }

    fn lets_to(&self, score: f64) -> bool {
        score < self.score || (!self.exclusive && score == self.score)
    }
}

fn by_score(view: &mut View<'_>, args: &[Bytes], options: &RangeOptions) -> Outcome {
    let (mut low, mut high) = (Bound::parse(&args[1])?, Bound::parse(&args[2])?);
    if options.reverse {
        std::mem::swap(&mut low, &mut high);
    }
    let Some(set) = view.find::<SortedSet>(&args[0])? else {
        return Ok(Reply::Array(Vec::new()));
    };
    let (offset, limit) = options.limit.unwrap_or((0, -1));
    let Ok(offset) = usize::try_from(offset) else {
        return Ok(Reply::Array(Vec::new()));
    };
    // A negative limit means all, in Redis too.
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let inside = |one: &&Ranked| low.lets_from(one.score) && high.lets_to(one.score);
    Ok(if options.reverse {
        options.reply(set.iter().rev().filter(inside).skip(offset).take(limit))
    } else {
        options.reply(set.iter().filter(inside).skip(offset).take(limit))
    })
}
