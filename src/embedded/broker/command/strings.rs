//! Commands on strings: `SET` with its options, counters, and the `M` forms.

use super::{Command, CommandError, Outcome, integer};
use crate::embedded::broker::keyspace::View;
use crate::embedded::broker::reply::Reply;
use crate::embedded::broker::value::{Text, Value};
use bytes::Bytes;

pub(super) const COMMANDS: &[Command] = &[
    Command::data("append", 3, append),
    Command::data("decr", 2, |view, args| add(view, &args[0], -1)),
    Command::data("decrby", 3, decrby),
    Command::data("get", 2, |view, args| get(view, &args[0])),
    Command::data("getdel", 2, getdel),
    Command::data("getset", 3, getset),
    Command::data("incr", 2, |view, args| add(view, &args[0], 1)),
    Command::data("incrby", 3, |view, args| {
        let by = integer(&args[1])?;
        add(view, &args[0], by)
    }),
    Command::data("mget", -2, mget),
    Command::data("mset", -3, mset),
    Command::data("psetex", 4, |view, args| setex(view, args, 1)),
    Command::data("set", -3, set),
    Command::data("setex", 4, |view, args| setex(view, args, 1_000)),
    Command::data("setnx", 3, setnx),
    Command::data("strlen", 2, |view, args| {
        Ok(Reply::count(
            view.find::<Text>(&args[0])?.map_or(0, Vec::len),
        ))
    }),
];

/// Longest string that may grow in place: the largest argument a client may send.
const LONGEST: usize = 64 << 20;

fn get(view: &View<'_>, key: &[u8]) -> Outcome {
    let text = view.find::<Text>(key)?;
    Ok(Reply::optional(text.map(|t| Bytes::copy_from_slice(t))))
}

fn getdel(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let found = get(view, &args[0])?;
    view.remove(&args[0]);
    Ok(found)
}

fn getset(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let found = get(view, &args[0])?;
    view.put(&args[0], Value::Text(args[1].to_vec()));
    Ok(found)
}

fn mget(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    // MGET answers nil for a key of another kind; it is the one reader that does not complain.
    let values = args.iter().map(|key| get(view, key).unwrap_or(Reply::Nil));
    Ok(Reply::Array(values.collect()))
}

fn mset(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    if !args.len().is_multiple_of(2) {
        return Err(CommandError::Arity("mset".into()));
    }
    for pair in args.chunks_exact(2) {
        view.put(&pair[0], Value::Text(pair[1].to_vec()));
    }
    Ok(Reply::OK)
}

fn append(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let text: &mut Text = view.entry(&args[0])?;
    if text.len() + args[1].len() > LONGEST {
        return Err(CommandError::Text(
            "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
        ));
    }
    text.extend_from_slice(&args[1]);
    let len = text.len();
    view.changed(&args[0]);
    Ok(Reply::count(len))
}

fn add(view: &mut View<'_>, key: &Bytes, by: i64) -> Outcome {
    let before = match view.find::<Text>(key)? {
        Some(text) => integer(text)?,
        None => 0,
    };
    let after = before.checked_add(by).ok_or(CommandError::Text(
        "ERR increment or decrement would overflow",
    ))?;
    // In place, so that the key keeps its expiry.
    *view.entry::<Text>(key)? = after.to_string().into_bytes();
    view.changed(key);
    Ok(Reply::Integer(after))
}

fn decrby(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let by = integer(&args[1])?
        .checked_neg()
        .ok_or(CommandError::Text("ERR decrement would overflow"))?;
    add(view, &args[0], by)
}

fn setnx(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let absent = !view.contains(&args[0]);
    if absent {
        view.put(&args[0], Value::Text(args[1].to_vec()));
    }
    Ok(Reply::flag(absent))
}

fn setex(view: &mut View<'_>, args: &[Bytes], unit_ms: i64) -> Outcome {
    let at = moment(view, "setex", integer(&args[1])?, unit_ms, Origin::Now)?;
    view.put(&args[0], Value::Text(args[2].to_vec()));
    view.expire(&args[0], at);
    Ok(Reply::OK)
}

#[derive(Clone, Copy)]
enum Origin {
    Now,
    Epoch,
}

/// When an expiry option ends, in ms since the epoch.
fn moment(
    view: &View<'_>,
    command: &str,
    amount: i64,
    unit_ms: i64,
    origin: Origin,
) -> Result<i64, CommandError> {
    let base = match origin {
        Origin::Now => view.now_ms(),
        Origin::Epoch => 0,
    };
    let span = if amount > 0 {
        amount.checked_mul(unit_ms)
    } else {
        None
    };
    span.and_then(|span| base.checked_add(span)).ok_or_else(|| {
        CommandError::Owned(format!("ERR invalid expire time in '{command}' command"))
    })
}

#[derive(Default)]
struct SetOptions {
    only_absent: bool,
    only_present: bool,
    keep_expiry: bool,
    answer_old: bool,
    expires_at: Option<i64>,
}

fn set_options(view: &View<'_>, mut rest: &[Bytes]) -> Result<SetOptions, CommandError> {
    let mut options = SetOptions::default();
    while let Some((option, after)) = rest.split_first() {
        rest = after;
        match option.to_ascii_uppercase().as_slice() {
            b"NX" if !options.only_present => options.only_absent = true,
            b"XX" if !options.only_absent => options.only_present = true,
            b"GET" => options.answer_old = true,
            b"KEEPTTL" if options.expires_at.is_none() => options.keep_expiry = true,
            name @ (b"EX" | b"PX" | b"EXAT" | b"PXAT")
                if !options.keep_expiry && options.expires_at.is_none() =>
            {
                let (amount, after) = rest.split_first().ok_or(CommandError::Syntax)?;
                rest = after;
                let unit = if name.starts_with(b"P") { 1 } else { 1_000 };
                let origin = if name.ends_with(b"AT") {
                    Origin::Epoch
                } else {
                    Origin::Now
                };
                let at = moment(view, "set", integer(amount)?, unit, origin)?;
                options.expires_at = Some(at);
            }
            _ => return Err(CommandError::Syntax),
        }
    }
    Ok(options)
}

fn set(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let (key, value) = (&args[0], &args[1]);
    let options = set_options(view, &args[2..])?;
    let old = if options.answer_old {
        Some(get(view, key)?)
    } else {
        None
    };
    let present = view.contains(key);
    if (options.only_absent && present) || (options.only_present && !present) {
        return Ok(old.unwrap_or(Reply::Nil));
    }
    let kept = if options.keep_expiry {
        view.expires_at(key)
    } else {
        None
    };
    view.put(key, Value::Text(value.to_vec()));
    if let Some(at) = options.expires_at.or(kept) {
        view.expire(key, at);
    }
    Ok(old.unwrap_or(Reply::OK))
}
