//! Commands on the bits of strings. A run keeps one bit a job: that makes unique completions countable.

use super::{Command, CommandError, Outcome, integer, slice};
use crate::embedded::broker::keyspace::View;
use crate::embedded::broker::number;
use crate::embedded::broker::reply::Reply;
use crate::embedded::broker::value::Text;
use bytes::Bytes;

pub(super) const COMMANDS: &[Command] = &[
    Command::data("bitcount", -2, bitcount),
    Command::data("getbit", 3, getbit),
    Command::data("setbit", 4, setbit),
];

/// One past the highest bit: a string of 64 MB.
const BITS: i64 = 64 << 23;

/// The byte that holds bit `argument`, and the bit's mask in it. Bit 0 is the highest of byte 0.
fn position(argument: &[u8]) -> Result<(usize, u8), CommandError> {
    match number::integer(argument) {
        Some(bit) if (0..BITS).contains(&bit) => Ok((
            usize::try_from(bit / 8).unwrap_or(usize::MAX),
            0x80 >> (bit % 8),
        )),
        _ => Err(CommandError::Text(
            "ERR bit offset is not an integer or out of range",
        )),
    }
}

fn setbit(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let (byte, mask) = position(&args[1])?;
    let on = match &args[2][..] {
        b"0" => false,
        b"1" => true,
        _ => {
            return Err(CommandError::Text(
                "ERR bit is not an integer or out of range",
            ));
        }
    };
    let text: &mut Text = view.entry(&args[0])?;
    if text.len() <= byte {
        text.resize(byte + 1, 0);
    }
    let before = text[byte] & mask != 0;
    if on {
        text[byte] |= mask;
    } else {
        text[byte] &= !mask;
    }
    view.changed(&args[0]);
    Ok(Reply::flag(before))
}

fn getbit(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    let (byte, mask) = position(&args[1])?;
    let text = view.find::<Text>(&args[0])?;
    let byte = text.and_then(|text| text.get(byte));
    Ok(Reply::flag(byte.is_some_and(|byte| byte & mask != 0)))
}

/// As [`slice`], but an end before the start of the string means its first element: only bit commands do that.
fn part(start: i64, stop: i64, len: usize) -> std::ops::Range<usize> {
    if start < 0 && stop < 0 && start > stop {
        return 0..0;
    }
    let size = i64::try_from(len).unwrap_or(i64::MAX);
    slice(start, stop.max(-size), len)
}

fn bitcount(view: &mut View<'_>, args: &[Bytes]) -> Outcome {
    // The key before the arguments: Redis answers 0 for a key that is not there, whatever the rest says.
    let Some(text) = view.find::<Text>(&args[0])? else {
        return Ok(Reply::Integer(0));
    };
    let (start, stop, unit) = match args {
        [_] => (0, -1, b"BYTE".to_vec()),
        [_, start, stop] => (integer(start)?, integer(stop)?, b"BYTE".to_vec()),
        [_, start, stop, unit] => (integer(start)?, integer(stop)?, unit.to_ascii_uppercase()),
        _ => return Err(CommandError::Syntax),
    };
    let ones: u32 = match unit.as_slice() {
        b"BYTE" => text[part(start, stop, text.len())]
            .iter()
            .map(|byte| byte.count_ones())
            .sum(),
        b"BIT" => part(start, stop, text.len() * 8)
            .map(|bit| u32::from(text[bit / 8] & (0x80 >> (bit % 8)) != 0))
            .sum(),
        _ => return Err(CommandError::Syntax),
    };
    Ok(Reply::Integer(i64::from(ones)))
}
