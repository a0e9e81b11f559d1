//! Commands on lists, apart from those that move or wait.

use super::{Command, CommandError, Outcome, count, integer, slice};
use crate::embedded::broker::keyspace::View;
use crate::embedded::broker::reply::Reply;
use crate::embedded::broker::value::List;
use bytes::Bytes;

pub(super) const COMMANDS: &[Command] = &[
    Command::data("lindex", 3, lindex),
    Command::data("linsert", 5, linsert),
    Command::data("llen", 2, |view, args| {
        Ok(Reply::count(
            view.find::<List>(&args[0])?.map_or(0, List::len),
        ))
    }),
    Command::data("lpop", -2, |view, args| pop(view, args, End::Left)),
    Command::data("lpos", -3, lpos),
    Command::data("lpush", -3, |view, args| push(view, args, End::Left)),
    Command::data("lpushx", -3, |view, args| {
        push_existing(view, args, End::Left)
    }),
    Command::data("lrange", 4, lrange),
    Command::data("lrem", 4, lrem),
    Command::data("lset", 4, lset),
    Command::data("ltrim", 4, ltrim),
    Command::data("rpop", -2, |view, args| pop(view, args, End::Right)),
    Command::data("rpush", -3, |view, args| push(view, args, End::Right)),
    Command::data("rpushx", -3, |view, args| {
        push_existing(view, args, End::Right)
    }),
];

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::embedded::broker) enum End {
    Left,
    Right,
}

impl End {
    /// Reads `LEFT` or `RIGHT`.
    pub(super) fn parse(word: &[u8]) -> Result<Self, CommandError> {
        match word.to_ascii_uppercase().as_slice() {
            b"LEFT" => Ok(Self::Left),
            b"RIGHT" => Ok(Self::Right),
            _ => Err(CommandError::Syntax),
        }
    }

    pub(in crate::embedded::broker) fn take(self, list: &mut List) -> Option<Bytes> {
        match self {
            Self::Left => list.pop_front(),
            Self::Right => list.pop_back(),
        }
    }

    pub(in crate::embedded::broker) fn add(self, list: &mut List, value: Bytes) {
        match self {
            Self::Left => list.push_front(value),
            Self::Right => list.push_back(value),
        }
    }
}

fn push(view: &mut View<'_>, args: &[Bytes], end: End) -> Outcome {
    let list: &mut List = view.entry(&args[0])?;
    for value in &args[1..] {
        end.add(list, value.clone());
    }
    let len = list.len();
    view.grew(&args[0]);
    Ok(Reply::count(len))
}

fn push_existing(view: &mut View<'_>, args: &[Bytes], end: End) -> Outcome {
    match view.find::<List>(&args[0])? {
        Some(_) => push(view, args, end),
        None => Ok(Reply::Integer(0)),
    }
}

fn pop(view: &mut View<'_>, args: &[Bytes], end: End) -> Outcome {
    let wanted = match args {
        [_] => None,
        [_, wanted] => Some(count(wanted)?),
        _ => {
            return Err(CommandError::Arity(
                if end == End::Left { "lpop" } else { "rpop" }.into(),
            ));
        }
    };
    let Some(list) = view.find_mut::<List>(&args[0])? else {
        return Ok(wanted.map_or(Reply::Nil, |_| Reply::NilArray));
    };
    let reply = match wanted {
        None => Reply::optional(end.take(list)),
        Some(0) => return Ok(Reply::Array(Vec::new())),
        Some(wanted) => {
            let number = wanted.min(list.len());
            Reply::bulks((0..number).filter_map(|_| end.take(list)))
        }
    };
    view.changed(&args[0]);
    Ok(reply)
}

/// The index in a list of `len` that `argument` means.
fn index(argument: &[u8], len: usize) -> Result<Option<usize>, CommandError> {
    let index = integer(argument)?;
    let size = i64::try_from(len).unwrap_or(i64::MAX);
    let index = if index < 0 {
        size.saturating_add(index)
    } else {
        index
    };
    Ok(usize::try_from(index).ok().filter(|index| *index < len))
}

fn lindex(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let Some(list) = view.find::<List>(&args[0])? else {
        return Ok(Reply::Nil);
    };
    let at = index(&args[1], list.len())?;
    Ok(Reply::optional(at.and_then(|at| list.get(at).cloned())))
}

fn lset(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let list = view
        .find_mut::<List>(&args[0])?
        .ok_or(CommandError::Text("ERR no such key"))?;
    let at = index(&args[1], list.len())?.ok_or(CommandError::Text("ERR index out of range"))?;
    list[at] = args[2].clone();
    view.changed(&args[0]);
    Ok(Reply::OK)
}

fn lrange(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let (start, stop) = (integer(&args[1])?, integer(&args[2])?);
    let Some(list) = view.find::<List>(&args[0])? else {
        return Ok(Reply::Array(Vec::new()));
    };
    let range = slice(start, stop, list.len());
    Ok(Reply::bulks(list.range(range).cloned()))
}

fn ltrim(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let (start, stop) = (integer(&args[1])?, integer(&args[2])?);
    if let Some(list) = view.find_mut::<List>(&args[0])? {
        let range = slice(start, stop, list.len());
        list.truncate(range.end);
        list.drain(..range.start);
        view.changed(&args[0]);
    }
    Ok(Reply::OK)
}

fn lrem(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let wanted = integer(&args[1])?;
    let Some(list) = view.find_mut::<List>(&args[0])? else {
        return Ok(Reply::Integer(0));
    };
    let limit = match wanted {
        0 => usize::MAX,
        n => usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX),
    };
    let mut removed = 0;
    while removed < limit {
        let found = if wanted < 0 {
            list.iter().rposition(|value| *value == args[2])
        } else {
            list.iter().position(|value| *value == args[2])
        };
        let Some(at) = found else { break };
        list.remove(at);
        removed += 1;
    }
    if removed > 0 {
        view.changed(&args[0]);
    }
    Ok(Reply::count(removed))
}

fn linsert(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let offset = match args[1].to_ascii_uppercase().as_slice() {
        b"BEFORE" => 0,
        b"AFTER" => 1,
        _ => return Err(CommandError::Syntax),
    };
    let Some(list) = view.find_mut::<List>(&args[0])? else {
        return Ok(Reply::Integer(0));
    };
    let Some(at) = list.iter().position(|value| *value == args[2]) else {
        return Ok(Reply::Integer(-1));
    };
    list.insert(at + offset, args[3].clone());
    let len = list.len();
    view.grew(&args[0]);
    Ok(Reply::count(len))
}

struct Search {
    rank: i64,
    wanted: Option<usize>,
    longest: usize,
}

fn search(mut options: &[Bytes]) -> Result<Search, CommandError> {
    let mut search = Search {
        rank: 1,
        wanted: None,
        longest: usize::MAX,
    };
    while let [name, value, after @ ..] = options {
        options = after;
        match name.to_ascii_uppercase().as_slice() {
            b"RANK" => {
                search.rank = integer(value)?;
                if search.rank == 0 || search.rank == i64::MIN {
                    return Err(CommandError::Text(
                        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
                    ));
                }
            }
            b"COUNT" => {
                let wanted =
                    count(value).map_err(|_| CommandError::Text("ERR COUNT can't be negative"))?;
                search.wanted = Some(if wanted == 0 { usize::MAX } else { wanted });
            }
            b"MAXLEN" => {
                let longest =
                    count(value).map_err(|_| CommandError::Text("ERR MAXLEN can't be negative"))?;
                search.longest = if longest == 0 { usize::MAX } else { longest };
            }
            _ => return Err(CommandError::Syntax),
        }
    }
    if options.is_empty() {
        Ok(search)
    } else {
        Err(CommandError::Syntax)
    }
}

fn lpos(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let search = search(&args[2..])?;
    let nothing = search
        .wanted
        .map_or(Reply::Nil, |_| Reply::Array(Vec::new()));
    let Some(list) = view.find::<List>(&args[0])? else {
        return Ok(nothing);
    };
    let skip = usize::try_from(search.rank.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let places: Box<dyn Iterator<Item = usize>> = if search.rank > 0 {
        Box::new(0..list.len())
    } else {
        Box::new((0..list.len()).rev())
    };
    let mut hits = places
        .take(search.longest)
        .filter(|at| list[*at] == args[1])
        .skip(skip)
        .map(Reply::count);
    Ok(match search.wanted {
        None => hits.next().unwrap_or(Reply::Nil),
        Some(wanted) => Reply::Array(hits.take(wanted).collect()),
    })
}
