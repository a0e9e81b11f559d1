//! Commands on keys of any kind: existence, expiry, names.

use super::pattern::matches;
use super::{Command, CommandError, Outcome, integer};
use crate::embedded::broker::keyspace::View;
use crate::embedded::broker::reply::Reply;
use crate::embedded::broker::value::Value;
use bytes::Bytes;

pub(super) const COMMANDS: &[Command] = &[
    Command::data("dbsize", 1, |view, _| Ok(Reply::count(view.len()))),
    Command::data("del", -2, del),
    Command::data("exists", -2, |view, args| {
        Ok(Reply::count(
            args.iter().filter(|key| view.contains(key)).count(),
        ))
    }),
    Command::data("expire", -3, |view, args| {
        expire(view, args, "expire", 1_000, Base::Now)
    }),
    Command::data("expireat", -3, |view, args| {
        expire(view, args, "expireat", 1_000, Base::Epoch)
    }),
    Command::data("flushdb", -1, |view, _| {
        view.flush();
        Ok(Reply::OK)
    }),
    Command::data("keys", 2, |view, args| {
        let names = view.keys().filter(|key| matches(&args[0], key));
        Ok(Reply::bulks(names.cloned()))
    }),
    Command::data("persist", 2, |view, args| {
        let had = view.persist(&args[0]);
        if had {
            view.changed(&args[0]);
        }
        Ok(Reply::flag(had))
    }),
    Command::data("pexpire", -3, |view, args| {
        expire(view, args, "pexpire", 1, Base::Now)
    }),
    Command::data("pexpireat", -3, |view, args| {
        expire(view, args, "pexpireat", 1, Base::Epoch)
    }),
    Command::data("pttl", 2, |view, args| Ok(ttl(view, &args[0], |ms| ms))),
    Command::data("rename", 3, rename),
    Command::data("scan", -2, scan),
    Command::data("ttl", 2, |view, args| {
        Ok(ttl(view, &args[0], |ms| (ms + 500) / 1_000))
    }),
    Command::data("type", 2, |view, args| {
        Ok(Reply::Status(
            view.value(&args[0]).map_or("none", Value::type_name),
        ))
    }),
    Command::data("unlink", -2, del),
];

#[derive(Clone, Copy)]
enum Base {
    Now,
    Epoch,
}

fn del(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let removed = args.iter().filter(|key| view.remove(key).is_some());
    Ok(Reply::count(removed.count()))
}

fn ttl(view: &View<'_>, key: &[u8], unit: fn(i64) -> i64) -> Reply {
    Reply::Integer(match view.expires_at(key) {
        Some(at) => unit(at - view.now_ms()),
        None if view.contains(key) => -1,
        None => -2,
    })
}

fn expire(view: &mut View<'_>, args: &[Bytes], name: &str, unit_ms: i64, base: Base) -> Outcome {
    let base = match base {
        Base::Now => view.now_ms(),
        Base::Epoch => 0,
    };
    let span = integer(&args[1])?.checked_mul(unit_ms);
    let at = span
        .and_then(|span| base.checked_add(span))
        .ok_or_else(|| {
            CommandError::Owned(format!("ERR invalid expire time in '{name}' command"))
        })?;
    if !view.contains(&args[0]) {
        condition(&args[2..], None, at)?;
        return Ok(Reply::Integer(0));
    }
    if !condition(&args[2..], view.expires_at(&args[0]), at)? {
        return Ok(Reply::Integer(0));
    }
    view.expire(&args[0], at);
    Ok(Reply::Integer(1))
}

/// Whether the conditions `NX`, `XX`, `GT` and `LT` let `at` replace the expiry the key has.
fn condition(options: &[Bytes], current: Option<i64>, at: i64) -> Result<bool, CommandError> {
    let mut holds = true;
    let mut seen = Vec::with_capacity(options.len());
    for option in options {
        let name = option.to_ascii_uppercase();
        holds &= match name.as_slice() {
            b"NX" => current.is_none(),
            b"XX" => current.is_some(),
            // A key without an expiry lives for ever: nothing is later, everything is sooner.
            b"GT" => current.is_some_and(|now| at > now),
            b"LT" => current.is_none_or(|now| at < now),
            _ => {
                let option = String::from_utf8_lossy(option);
                let text = format!("ERR Unsupported option {option}");
                return Err(CommandError::Owned(text));
            }
        };
        seen.push(name);
    }
    let given = |name: &[u8]| seen.iter().any(|one| one == name);
    if given(b"NX") && (given(b"XX") || given(b"GT") || given(b"LT")) {
        return Err(CommandError::Text(
            "ERR NX and XX, GT or LT options at the same time are not compatible",
        ));
    }
    if given(b"GT") && given(b"LT") {
        return Err(CommandError::Text(
            "ERR GT and LT options at the same time are not compatible",
        ));
    }
    Ok(holds)
}

fn rename(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let (value, expires_at) = view
        .remove(&args[0])
        .ok_or(CommandError::Text("ERR no such key"))?;
    view.put(&args[1], value);
    if let Some(at) = expires_at {
        view.expire(&args[1], at);
    }
    Ok(Reply::OK)
}

/// Answers the whole keyspace in one step with cursor 0. `COUNT` is a hint by definition, and a cursor over a hash map
/// that survives changes is not worth its weight at this size.
fn scan(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let cursor = integer(&args[0]).map_err(|_| CommandError::Text("ERR invalid cursor"))?;
    let (mut pattern, mut kind) = (None, None);
    let mut options = &args[1..];
    while let [name, value, after @ ..] = options {
        options = after;
        match name.to_ascii_uppercase().as_slice() {
            b"MATCH" => pattern = Some(value),
            b"TYPE" => kind = Some(value.to_ascii_lowercase()),
            b"COUNT" if integer(value)? >= 1 => {}
            _ => return Err(CommandError::Syntax),
        }
    }
    if !options.is_empty() {
        return Err(CommandError::Syntax);
    }
    let names = view.keys().filter(|key| {
        cursor == 0
            && pattern.is_none_or(|pattern| matches(pattern, key))
            && kind.as_ref().is_none_or(|kind| {
                view.value(key)
                    .is_some_and(|v| v.type_name().as_bytes() == &kind[..])
            })
    });
    let names = Reply::bulks(names.cloned());
    Ok(Reply::Array(vec![Reply::text("0"), names]))
}
