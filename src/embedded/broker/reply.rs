//! The writing half of RESP: replies become bytes.
//!
//! Commands answer in the richer vocabulary of RESP3; a client that never said `HELLO 3` gets it flattened to RESP2
//! here, in one place, so that no command needs to know which protocol is spoken.

use bytes::{Bytes, BytesMut};

/// The version of the protocol that a client asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Protocol {
    /// What a connection starts with.
    #[default]
    Resp2,
    /// After `HELLO 3`.
    Resp3,
}

/// An answer to one command.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reply {
    Status(&'static str),
    /// Code and text, as `WRONGTYPE Operation …`.
    Error(String),
    Integer(i64),
    Bulk(Bytes),
    Double(f64),
    /// No such value.
    Nil,
    /// No such list: distinct from `Nil` in RESP2 alone.
    NilArray,
    Array(Vec<Reply>),
    Set(Vec<Reply>),
    Map(Vec<(Reply, Reply)>),
}

impl Reply {
    pub(super) const OK: Self = Self::Status("OK");

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Bulk(Bytes::from(text.into()))
    }

    /// A count; no collection of ours outgrows an `i64`.
    pub(super) fn count(count: usize) -> Self {
        Self::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }

    pub(super) fn flag(flag: bool) -> Self {
        Self::Integer(i64::from(flag))
    }

    pub(super) fn optional(value: Option<Bytes>) -> Self {
        value.map_or(Self::Nil, Self::Bulk)
    }

    pub(super) fn bulks(values: impl IntoIterator<Item = Bytes>) -> Self {
        Self::Array(values.into_iter().map(Self::Bulk).collect())
    }

    /// Appends the reply to `out` as `protocol` spells it.
    pub(super) fn encode(&self, protocol: Protocol, out: &mut BytesMut) {
        match self {
            Self::Status(text) => line(out, b'+', text),
            // A line end inside an error would be read as the start of the next reply.
            Self::Error(text) => line(out, b'-', &text.replace(['\r', '\n'], " ")),
            Self::Integer(value) => line(out, b':', &value.to_string()),
            Self::Bulk(value) => bulk(out, value),
            Self::Double(value) => match protocol {
                Protocol::Resp2 => bulk(out, super::number::print_float(*value).as_bytes()),
                Protocol::Resp3 => line(out, b',', &super::number::print_float(*value)),
            },
            Self::Nil => out.extend_from_slice(match protocol {
                Protocol::Resp2 => b"$-1\r\n",
                Protocol::Resp3 => b"_\r\n",
            }),
            Self::NilArray => out.extend_from_slice(match protocol {
                Protocol::Resp2 => b"*-1\r\n",
                Protocol::Resp3 => b"_\r\n",
            }),
            Self::Array(items) => sequence(b'*', items, protocol, out),
            Self::Set(items) => match protocol {
                Protocol::Resp2 => sequence(b'*', items, protocol, out),
                Protocol::Resp3 => sequence(b'~', items, protocol, out),
            },
            Self::Map(pairs) => {
                match protocol {
                    Protocol::Resp2 => line(out, b'*', &(pairs.len() * 2).to_string()),
                    Protocol::Resp3 => line(out, b'%', &pairs.len().to_string()),
                }
                for (key, value) in pairs {
                    key.encode(protocol, out);
                    value.encode(protocol, out);
                }
            }
        }
    }
}

fn line(out: &mut BytesMut, kind: u8, text: &str) {
    out.extend_from_slice(&[kind]);
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn bulk(out: &mut BytesMut, value: &[u8]) {
    line(out, b'$', &value.len().to_string());
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn sequence(kind: u8, items: &[Reply], protocol: Protocol, out: &mut BytesMut) {
    line(out, kind, &items.len().to_string());
    for item in items {
        item.encode(protocol, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reply: &Reply, resp2: &str, resp3: &str) {
        for (protocol, expected) in [(Protocol::Resp2, resp2), (Protocol::Resp3, resp3)] {
            let mut out = BytesMut::new();
            reply.encode(protocol, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }

    #[test]
    fn each_reply_is_spelled_for_both_protocols() {
        check(&Reply::OK, "+OK\r\n", "+OK\r\n");
        check(&Reply::Nil, "$-1\r\n", "_\r\n");
        check(&Reply::NilArray, "*-1\r\n", "_\r\n");
        check(&Reply::Double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n");
        check(
            &Reply::Map(vec![(Reply::text("a"), Reply::Integer(1))]),
            "*2\r\n$1\r\na\r\n:1\r\n",
            "%1\r\n$1\r\na\r\n:1\r\n",
        );
        check(
            &Reply::Set(vec![Reply::text("")]),
            "*1\r\n$0\r\n\r\n",
            "~1\r\n$0\r\n\r\n",
        );
    }

    #[test]
    fn an_error_stays_on_its_line() {
        check(
            &Reply::Error("ERR a\r\nb".into()),
            "-ERR a  b\r\n",
            "-ERR a  b\r\n",
        );
    }
}
