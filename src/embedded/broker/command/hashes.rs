//! Commands on hashes.

use super::{Command, CommandError, Outcome, integer};
use crate::embedded::broker::keyspace::View;
use crate::embedded::broker::number::{self, print_integer};
use crate::embedded::broker::reply::Reply;
use crate::embedded::broker::value::Hash;
use bytes::Bytes;

pub(super) const COMMANDS: &[Command] = &[
    Command::data("hdel", -3, hdel),
    Command::data("hexists", 3, |view, args| {
        let hash = view.find::<Hash>(&args[0])?;
        Ok(Reply::flag(hash.is_some_and(|h| h.contains_key(&args[1]))))
    }),
    Command::data("hget", 3, |view, args| {
        let hash = view.find::<Hash>(&args[0])?;
        Ok(Reply::optional(hash.and_then(|h| h.get(&args[1])).cloned()))
    }),
    Command::data("hgetall", 2, hgetall),
    Command::data("hincrby", 4, hincrby),
    Command::data("hkeys", 2, |view, args| {
        let hash = view.find::<Hash>(&args[0])?;
        Ok(Reply::bulks(
            hash.into_iter().flat_map(|h| h.keys().cloned()),
        ))
    }),
    Command::data("hlen", 2, |view, args| {
        Ok(Reply::count(
            view.find::<Hash>(&args[0])?.map_or(0, Hash::len),
        ))
    }),
    Command::data("hmget", -3, hmget),
    Command::data("hmset", -4, |view, args| {
        put(view, args, "hmset").map(|_| Reply::OK)
    }),
    Command::data("hset", -4, |view, args| {
        put(view, args, "hset").map(Reply::count)
    }),
    Command::data("hsetnx", 4, hsetnx),
    Command::data("hvals", 2, |view, args| {
        let hash = view.find::<Hash>(&args[0])?;
        Ok(Reply::bulks(
            hash.into_iter().flat_map(|h| h.values().cloned()),
        ))
    }),
];

/// Sets fields; answers how many are new.
fn put(view: &mut View<'_>, args: &[Bytes], command: &str) -> Result<usize, CommandError> {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::Arity(command.into()));
    }
    let hash: &mut Hash = view.entry(&args[0])?;
    let mut new = 0;
    for pair in args[1..].chunks_exact(2) {
        if hash.insert(pair[0].clone(), pair[1].clone()).is_none() {
            new += 1;
        }
    }
    view.changed(&args[0]);
    Ok(new)
}

fn hsetnx(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let hash: &mut Hash = view.entry(&args[0])?;
    let absent = !hash.contains_key(&args[1]);
    if absent {
        hash.insert(args[1].clone(), args[2].clone());
        view.changed(&args[0]);
    }
    Ok(Reply::flag(absent))
}

fn hdel(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let Some(hash) = view.find_mut::<Hash>(&args[0])? else {
        return Ok(Reply::Integer(0));
    };
    let removed = args[1..]
        .iter()
        .filter(|field| hash.remove(*field).is_some());
    let removed = removed.count();
    if removed > 0 {
        view.changed(&args[0]);
    }
    Ok(Reply::count(removed))
}

fn hgetall(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let hash = view.find::<Hash>(&args[0])?;
    let pairs = hash
        .into_iter()
        .flatten()
        .map(|(field, value)| (Reply::Bulk(field.clone()), Reply::Bulk(value.clone())));
    Ok(Reply::Map(pairs.collect()))
}

fn hmget(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let hash = view.find::<Hash>(&args[0])?;
    let values = args[1..]
        .iter()
        .map(|field| Reply::optional(hash.and_then(|h| h.get(field)).cloned()));
    Ok(Reply::Array(values.collect()))
}

fn hincrby(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let by = integer(&args[2])?;
    let hash = view.find::<Hash>(&args[0])?;
    let before = match hash.and_then(|h| h.get(&args[1])) {
        Some(text) => {
            number::integer(text).ok_or(CommandError::Text("ERR hash value is not an integer"))?
        }
        None => 0,
    };
    let after = before.checked_add(by).ok_or(CommandError::Text(
        "ERR increment or decrement would overflow",
    ))?;
    view.entry::<Hash>(&args[0])?
        .insert(args[1].clone(), print_integer(after));
    view.changed(&args[0]);
    Ok(Reply::Integer(after))
}
