//! Commands on sets.

use super::{Command, Outcome};
use crate::embedded::broker::keyspace::View;
use crate::embedded::broker::reply::Reply;
use crate::embedded::broker::value::Set;
use bytes::Bytes;

pub(super) const COMMANDS: &[Command] = &[
    Command::data("sadd", -3, sadd),
    Command::data("scard", 2, |view, args| {
        Ok(Reply::count(
            view.find::<Set>(&args[0])?.map_or(0, Set::len),
        ))
    }),
    Command::data("sismember", 3, |view, args| {
        let set = view.find::<Set>(&args[0])?;
        Ok(Reply::flag(set.is_some_and(|s| s.contains(&args[1]))))
    }),
    Command::data("smembers", 2, |view, args| {
        let members = view.find::<Set>(&args[0])?.into_iter().flatten();
        Ok(Reply::Set(members.cloned().map(Reply::Bulk).collect()))
    }),
    Command::data("srem", -3, srem),
];

fn sadd(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let set: &mut Set = view.entry(&args[0])?;
    let new = args[1..]
        .iter()
        .filter(|member| set.insert((*member).clone()));
    let new = new.count();
    if new > 0 {
        view.changed(&args[0]);
    }
    Ok(Reply::count(new))
}

fn srem(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let Some(set) = view.find_mut::<Set>(&args[0])? else {
        return Ok(Reply::Integer(0));
    };
    let removed = args[1..].iter().filter(|member| set.remove(*member));
    let removed = removed.count();
    if removed > 0 {
        view.changed(&args[0]);
    }
    Ok(Reply::count(removed))
}
