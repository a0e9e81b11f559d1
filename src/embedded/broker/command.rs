//! The commands: one table of names, arities and what runs them.
//!
//! Commands on data are plain functions of a keyspace and arguments, grouped by the type they work on. Those that
//! may wait (`BLMOVE` and friends) only describe what they wait for; `blocking` does the waiting. Those about the
//! connection itself (`AUTH`, `MULTI`, …) are known to the table by arity and carried out by `session`.

pub(super) mod bits;
pub(super) mod hashes;
pub(super) mod keys;
pub(super) mod list_moves;
pub(super) mod lists;
pub(super) mod pattern;
pub(super) mod sets;
pub(super) mod sorted_sets;
pub(super) mod strings;

use super::blocking::Wish;
use super::keyspace::View;
use super::number;
use super::reply::Reply;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::LazyLock;
use thiserror::Error;

/// Why a command was refused, in Redis's own words: clients match on them.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum CommandError {
    #[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
    WrongType,
    #[error("ERR syntax error")]
    Syntax,
    #[error("ERR value is not an integer or out of range")]
    NotAnInteger,
    #[error("ERR value is not a valid float")]
    NotAFloat,
    #[error("ERR wrong number of arguments for '{0}' command")]
    Arity(String),
    #[error("ERR unknown command '{name}', with args beginning with: {arguments}")]
    Unknown { name: String, arguments: String },
    #[error("{0}")]
    Text(&'static str),
    #[error("{0}")]
    Owned(String),
}

impl From<CommandError> for Reply {
    fn from(error: CommandError) -> Self {
        Self::Error(error.to_string())
    }
}

pub(super) type Outcome = Result<Reply, CommandError>;

/// What runs a command.
#[derive(Clone, Copy, Debug)]
pub(super) enum Run {
    Data(fn(&mut View<'_>, &[Bytes]) -> Outcome),
    Blocking(fn(&[Bytes]) -> Result<Wish, CommandError>),
    Session,
}

/// An entry of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Command {
    /// Lower case.
    pub(super) name: &'static str,
    /// Words including the name; negative: at least so many.
    arity: i32,
    pub(super) run: Run,
}

impl Command {
    const fn data(
        name: &'static str,
        arity: i32,
        run: fn(&mut View<'_>, &[Bytes]) -> Outcome,
    ) -> Self {
        Self {
            name,
            arity,
            run: Run::Data(run),
        }
    }

    const fn blocking(
        name: &'static str,
        arity: i32,
        run: fn(&[Bytes]) -> Result<Wish, CommandError>,
    ) -> Self {
        Self {
            name,
            arity,
            run: Run::Blocking(run),
        }
    }

    const fn session(name: &'static str, arity: i32) -> Self {
        Self {
            name,
            arity,
            run: Run::Session,
        }
    }

    /// The table's entry for `request`, when the number of words is right too.
    pub(super) fn find(request: &[Bytes]) -> Result<Self, CommandError> {
        let (name, arguments) = request.split_first().ok_or(CommandError::Syntax)?;
        let lower = String::from_utf8_lossy(name).to_ascii_lowercase();
        let command = TABLE
            .get(lower.as_str())
            .ok_or_else(|| unknown(name, arguments))?;
        let words = i32::try_from(request.len()).unwrap_or(i32::MAX);
        if words < command.arity.abs() || (command.arity > 0 && words != command.arity) {
            return Err(CommandError::Arity(lower));
        }
        Ok(*command)
    }

    /// How many commands there are.
    pub(super) fn count() -> usize {
        TABLE.len()
    }

    /// Names and arities, for `COMMAND`.
    pub(super) fn all() -> impl Iterator<Item = (&'static str, i64)> {
        TABLE.values().map(|c| (c.name, i64::from(c.arity)))
    }
}

/// Redis quotes at most 128 bytes of name and of arguments back.
fn unknown(name: &[u8], arguments: &[Bytes]) -> CommandError {
    let mut quoted = String::new();
    for argument in arguments {
        if quoted.len() >= 128 {
            break;
        }
        let shown: String = String::from_utf8_lossy(argument)
            .chars()
            .take(128 - quoted.len())
            .collect();
        quoted.push_str(&format!("'{shown}' "));
    }
    CommandError::Unknown {
        name: String::from_utf8_lossy(name).chars().take(128).collect(),
        arguments: quoted,
    }
}

const SESSION: &[Command] = &[
    Command::session("auth", -2),
    Command::session("client", -2),
    Command::session("command", -1),
    Command::session("config", -2),
    Command::session("discard", 1),
    Command::session("echo", 2),
    Command::session("exec", 1),
    Command::session("flushall", -1),
    Command::session("hello", -1),
    Command::session("info", -1),
    Command::session("multi", 1),
    Command::session("ping", -1),
    Command::session("quit", -1),
    Command::session("reset", 1),
    Command::session("role", 1),
    Command::session("select", 2),
    Command::session("shutdown", -1),
    Command::session("time", 1),
    Command::session("unwatch", 1),
    Command::session("wait", 3),
    Command::session("watch", -2),
];

static TABLE: LazyLock<HashMap<&'static str, Command>> = LazyLock::new(|| {
    [
        SESSION,
        bits::COMMANDS,
        hashes::COMMANDS,
        keys::COMMANDS,
        list_moves::COMMANDS,
        lists::COMMANDS,
        sets::COMMANDS,
        sorted_sets::COMMANDS,
        strings::COMMANDS,
    ]
    .into_iter()
    .flatten()
    .map(|command| (command.name, *command))
    .collect()
});

/// Reads an argument as an integer.
pub(super) fn integer(argument: &[u8]) -> Result<i64, CommandError> {
    number::integer(argument).ok_or(CommandError::NotAnInteger)
}

/// Reads an argument as a number of things.
fn count(argument: &[u8]) -> Result<usize, CommandError> {
    match number::integer(argument).map(usize::try_from) {
        Some(Ok(count)) => Ok(count),
        _ => Err(CommandError::Text(
            "ERR value is out of range, must be positive",
        )),
    }
}

/// The part of a sequence of `len` that Redis's `start` and `stop` (both inclusive, negative from the end) mean.
fn slice(start: i64, stop: i64, len: usize) -> std::ops::Range<usize> {
    let size = i64::try_from(len).unwrap_or(i64::MAX);
    let from_end = |index: i64| {
        if index < 0 {
            size.saturating_add(index)
        } else {
            index
        }
    };
    let start = from_end(start).max(0);
    let stop = from_end(stop).min(size - 1);
    if start > stop {
        return 0..0;
    }
    // Both lie within 0..len here, which is a usize.
    let to_index = |index: i64| usize::try_from(index).unwrap_or(len);
    to_index(start)..to_index(stop) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_count_from_either_end_and_never_leave_the_list() {
        let cases = [
            ((0, -1), 0..5),
            ((-2, -1), 3..5),
            ((1, 2), 1..3),
            ((3, 1), 0..0),
            ((9, 12), 0..0),
            ((i64::MIN, i64::MAX), 0..5),
        ];
        for ((start, stop), expected) in cases {
            assert_eq!(slice(start, stop, 5), expected, "{start} {stop}");
        }
        assert_eq!(slice(0, -1, 0), 0..0);
    }

    #[test]
    fn the_wrong_number_of_words_is_named_with_the_command() {
        let request = [Bytes::from_static(b"LLEN")];
        let error = Command::find(&request).err().map(|e| e.to_string());
        assert_eq!(
            error.as_deref(),
            Some("ERR wrong number of arguments for 'llen' command")
        );
    }
}
