//! The reading half of RESP: bytes from a socket become requests.
//!
//! Both forms Redis accepts are here: the array of bulk strings that every client library sends, and the inline form
//! (`LLEN keda-demo-queue` and a line end) that somebody with `nc` types. The parser is pure and incremental: it is
//! given whatever has arrived and either takes one whole request off the front or leaves the buffer as it is. What it
//! accepts is bounded before anything is allocated, because the length fields come from the peer.

use super::limits::Limits;
use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

/// One request: the command's name and its arguments, at least one element long.
pub(super) type Request = Vec<Bytes>;

/// Why a peer is told `ERR Protocol error` and closed. The texts are Redis's own.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum ProtocolError {
    #[error("invalid multibulk length")]
    MultibulkLength,
    #[error("unauthenticated multibulk length")]
    UnauthenticatedMultibulk,
    #[error("invalid bulk length")]
    BulkLength,
    #[error("unauthenticated bulk length")]
    UnauthenticatedBulk,
    #[error("expected '$', got '{0}'")]
    ExpectedBulk(char),
    #[error("too big inline request")]
    InlineTooBig,
    #[error("too big mbulk count string")]
    CountTooBig,
    #[error("too big bulk count string")]
    BulkCountTooBig,
    #[error("unbalanced quotes in request")]
    Quotes,
}

/// Takes the next request off the front of `buffer`; `None` when it has not arrived in full.
pub(super) fn next_request(
    buffer: &mut BytesMut,
    limits: Limits,
) -> Result<Option<Request>, ProtocolError> {
    loop {
        let parsed = match buffer.first() {
            None => return Ok(None),
            Some(b'*') => multibulk(buffer, limits)?,
            Some(_) => inline(buffer, limits)?,
        };
        let Some((request, consumed)) = parsed else {
            return Ok(None);
        };
        buffer.advance(consumed);
        // An empty line or `*0` asks for nothing and is answered with nothing, as Redis does.
        if !request.is_empty() {
            return Ok(Some(request));
        }
    }
}

type Parsed = Option<(Request, usize)>;

fn multibulk(buffer: &[u8], limits: Limits) -> Result<Parsed, ProtocolError> {
    let Some((count, mut at)) = number(buffer, 1, limits)
        .map_err(|()| ProtocolError::CountTooBig)?
        .transpose(ProtocolError::MultibulkLength)?
    else {
        return Ok(None);
    };
    if count > limits.arguments {
        return Err(limits.multibulk_refusal());
    }
    // Capacity is bounded apart from the peer's word: a count alone must not reserve memory.
    let mut request = Vec::with_capacity(usize::try_from(count).unwrap_or(0).min(64));
    for _ in 0..count {
        let Some((argument, next)) = bulk(buffer, at, limits)? else {
            return Ok(None);
        };
        request.push(argument);
        at = next;
    }
    Ok(Some((request, at)))
}

fn bulk(buffer: &[u8], at: usize, limits: Limits) -> Result<Option<(Bytes, usize)>, ProtocolError> {
    match buffer.get(at) {
        None => return Ok(None),
        Some(b'$') => {}
        Some(other) => return Err(ProtocolError::ExpectedBulk(char::from(*other))),
    }
    let Some((length, start)) = number(buffer, at + 1, limits)
        .map_err(|()| ProtocolError::BulkCountTooBig)?
        .transpose(ProtocolError::BulkLength)?
    else {
        return Ok(None);
    };
    let length = usize::try_from(length).map_err(|_| ProtocolError::BulkLength)?;
    if length > limits.bulk {
        return Err(limits.bulk_refusal());
    }
    // Redis does not look at the two bytes after the bulk either: it skips them.
    let end = start + length;
    if buffer.len() < end + 2 {
        return Ok(None);
    }
    // Copied, not sliced: a slice would keep the whole read buffer alive for one small job.
    Ok(Some((Bytes::copy_from_slice(&buffer[start..end]), end + 2)))
}

/// A decimal number that ends with CRLF, as found in the stream.
enum Number {
    Partial,
    Malformed,
    Complete(i64, usize),
}

impl Number {
    fn transpose(self, malformed: ProtocolError) -> Result<Option<(i64, usize)>, ProtocolError> {
        match self {
            Self::Partial => Ok(None),
            Self::Malformed => Err(malformed),
            Self::Complete(value, next) => Ok(Some((value, next))),
        }
    }
}

/// Reads the number that starts at `at`; `Err` when its line is longer than any number may be.
fn number(buffer: &[u8], at: usize, limits: Limits) -> Result<Number, ()> {
    let rest = &buffer[at..];
    let Some(end) = rest.iter().take(limits.inline).position(|b| *b == b'\r') else {
        return if rest.len() >= limits.inline {
            Err(())
        } else {
            Ok(Number::Partial)
        };
    };
    if rest.len() < end + 2 {
        return Ok(Number::Partial);
    }
    Ok(match super::number::integer(&rest[..end]) {
        Some(value) => Number::Complete(value, at + end + 2),
        None => Number::Malformed,
    })
}

fn inline(buffer: &[u8], limits: Limits) -> Result<Parsed, ProtocolError> {
    let Some(end) = buffer.iter().take(limits.inline).position(|b| *b == b'\n') else {
        return if buffer.len() >= limits.inline {
            Err(ProtocolError::InlineTooBig)
        } else {
            Ok(None)
        };
    };
    let line = buffer[..end].strip_suffix(b"\r").unwrap_or(&buffer[..end]);
    let words = split_words(line).ok_or(ProtocolError::Quotes)?;
    Ok(Some((words, end + 1)))
}

/// Splits as Redis's inline form does: blanks part words, single and double quotes hold them together. `None` when a
/// quote is not closed or is followed by something other than a blank.
fn split_words(line: &[u8]) -> Option<Request> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Some(words);
        }
        let (word, after) = word(rest)?;
        words.push(Bytes::from(word));
        rest = after;
    }
}

fn word(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    while let Some((first, after)) = rest.split_first() {
        match first {
            b if b.is_ascii_whitespace() => break,
            b'"' | b'\'' => {
                rest = quoted(*first, after, &mut word)?;
                match rest.first() {
                    Some(b) if !b.is_ascii_whitespace() => return None,
                    _ => return Some((word, rest)),
                }
            }
            b => word.push(*b),
        }
        rest = after;
    }
    Some((word, rest))
}

fn quoted<'a>(quote: u8, mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (first, after) = rest.split_first()?;
        rest = after;
        match *first {
            b if b == quote => return Some(rest),
            b'\\' if quote == b'"' => {
                let (escaped, after) = rest.split_first()?;
                rest = after;
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    b'x' => {
                        let digits = rest.get(..2).and_then(|d| std::str::from_utf8(d).ok());
                        match digits.and_then(|d| u8::from_str_radix(d, 16).ok()) {
                            Some(byte) => {
                                rest = &rest[2..];
                                byte
                            }
                            None => b'x',
                        }
                    }
                    other => *other,
                });
            }
            b'\\' if rest.first() == Some(&b'\'') => {
                word.push(b'\'');
                rest = &rest[1..];
            }
            b => word.push(b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(input: &[u8], expected: Result<Option<&[&str]>, ProtocolError>) {
        let mut buffer = BytesMut::from(input);
        let found = next_request(&mut buffer, Limits::FULL);
        let expected = expected.map(|request| {
            request.map(|words| {
                words
                    .iter()
                    .map(|w| Bytes::copy_from_slice(w.as_bytes()))
                    .collect::<Vec<_>>()
            })
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn requests_arrive_as_arrays_and_as_lines() {
        check(b"*2\r\n$4\r\nLLEN\r\n$1\r\nq\r\n", Ok(Some(&["LLEN", "q"])));
        check(b"LLEN q\r\n", Ok(Some(&["LLEN", "q"])));
        check(b"\r\n*0\r\nPING\n", Ok(Some(&["PING"])));
        check(
            b"SET k \"a b\\x41\\n\" 'it\\'s'\n",
            Ok(Some(&["SET", "k", "a bA\n", "it's"])),
        );
    }

    #[test]
    fn half_a_request_waits_for_the_rest() {
        for input in [
            &b"*"[..],
            b"*1\r\n",
            b"*1\r\n$4\r\nPIN",
            b"*1\r\n$4\r\nPING\r",
            b"PING",
        ] {
            check(input, Ok(None));
        }
    }

    #[test]
    fn garbage_is_named_as_redis_names_it() {
        check(b"*x\r\n", Err(ProtocolError::MultibulkLength));
        check(b"*99999999\r\n", Err(ProtocolError::MultibulkLength));
        check(b"*1\r\n:1\r\n", Err(ProtocolError::ExpectedBulk(':')));
        check(b"*1\r\n$-1\r\n", Err(ProtocolError::BulkLength));
        check(b"*1\r\n$99999999999\r\n", Err(ProtocolError::BulkLength));
        check(b"SET \"a\n", Err(ProtocolError::Quotes));
        check(&[b'a'; 70_000], Err(ProtocolError::InlineTooBig));
    }

    #[test]
    fn a_stranger_gets_little_memory() {
        let mut buffer = BytesMut::from(&b"*1\r\n$20000\r\n"[..]);
        assert_eq!(
            next_request(&mut buffer, Limits::BEFORE_AUTH),
            Err(ProtocolError::UnauthenticatedBulk)
        );
    }

    fn encode(request: &[Vec<u8>]) -> Vec<u8> {
        let mut wire = format!("*{}\r\n", request.len()).into_bytes();
        for argument in request {
            wire.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            wire.extend_from_slice(argument);
            wire.extend_from_slice(b"\r\n");
        }
        wire
    }

    proptest! {
        #[test]
        fn no_input_makes_the_parser_panic(input in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut buffer = BytesMut::from(&input[..]);
            while let Ok(Some(_)) = next_request(&mut buffer, Limits::FULL) {}
        }

        #[test]
        fn no_resp_like_input_makes_the_parser_panic(input in "([*$:+]-?[0-9]{0,3}\r?\n?[a-z\"'\\\\ ]{0,4}){0,12}") {
            let mut buffer = BytesMut::from(input.as_bytes());
            while let Ok(Some(_)) = next_request(&mut buffer, Limits::FULL) {}
        }

        #[test]
        fn what_a_client_encodes_is_what_arrives_however_it_is_cut(
            request in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..8),
            cut in 0usize..200,
        ) {
            let wire = encode(&request);
            let cut = cut.min(wire.len() - 1);
            let mut buffer = BytesMut::from(&wire[..cut]);
            prop_assert_eq!(next_request(&mut buffer, Limits::FULL).expect("a prefix is no error"), None);
            buffer.extend_from_slice(&wire[cut..]);
            let found = next_request(&mut buffer, Limits::FULL).expect("valid").expect("whole");
            prop_assert_eq!(found.iter().map(|b| b.to_vec()).collect::<Vec<_>>(), request);
            prop_assert!(buffer.is_empty());
        }
    }
}
