//! Commands that move an element from list to list or wait for one: how a worker takes a job.

use super::lists::End;
use super::{Command, CommandError, Outcome};
use crate::embedded::broker::blocking::{Action, Wish};
use crate::embedded::broker::keyspace::View;
use crate::embedded::broker::number;
use crate::embedded::broker::reply::Reply;
use bytes::Bytes;
use std::time::Duration;

pub(super) const COMMANDS: &[Command] = &[
    Command::blocking("blmove", 6, |args| {
        wish_to_move(args, End::parse(&args[2])?, End::parse(&args[3])?, &args[4])
    }),
    Command::blocking("blpop", -3, |args| wish_to_pop(args, End::Left)),
    Command::blocking("brpop", -3, |args| wish_to_pop(args, End::Right)),
    Command::blocking("brpoplpush", 4, |args| {
        wish_to_move(args, End::Right, End::Left, &args[2])
    }),
    Command::data("lmove", 5, |view, args| {
        move_now(view, args, End::parse(&args[2])?, End::parse(&args[3])?)
    }),
    Command::data("rpoplpush", 3, |view, args| {
        move_now(view, args, End::Right, End::Left)
    }),
];

fn move_now(view: &mut View<'_>, args: &[Bytes], from: End, to: End) -> Outcome {
    let action = Action::Move {
        from,
        to,
        destination: args[1].clone(),
    };
    Ok(action.attempt(view, &args[0])?.unwrap_or(Reply::Nil))
}

fn wish_to_move(args: &[Bytes], from: End, to: End, wait: &[u8]) -> Result<Wish, CommandError> {
    Ok(Wish {
        keys: vec![args[0].clone()],
        action: Action::Move {
            from,
            to,
            destination: args[1].clone(),
        },
        wait: timeout(wait)?,
    })
}

fn wish_to_pop(args: &[Bytes], end: End) -> Result<Wish, CommandError> {
    let (wait, keys) = args.split_last().ok_or(CommandError::Syntax)?;
    Ok(Wish {
        keys: keys.to_vec(),
        action: Action::Pop(end),
        wait: timeout(wait)?,
    })
}

/// How long to wait; `None` is for ever, which Redis spells 0.
fn timeout(argument: &[u8]) -> Result<Option<Duration>, CommandError> {
    let seconds = number::float(argument).ok_or(CommandError::Text(
        "ERR timeout is not a float or out of range",
    ))?;
    if seconds < 0.0 {
        return Err(CommandError::Text("ERR timeout is negative"));
    }
    if seconds == 0.0 {
        return Ok(None);
    }
    Duration::try_from_secs_f64(seconds)
        .map(Some)
        .map_err(|_| CommandError::Text("ERR timeout is out of range"))
}
