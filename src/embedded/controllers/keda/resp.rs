//! Just enough of a Redis client for a scaler: one request, one reply, over any stream.
//!
//! The `redis` crate belongs to the queue; a scaler needs PING, AUTH, SELECT, TYPE, a length and a sentinel's
//! word, and must be testable without a socket. Replies are bounded: what does not fit a scaler's questions is a protocol error.

use std::io;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

/// A two-way stream to a Redis.
pub(in crate::embedded::controllers) trait Stream:
    AsyncRead + AsyncWrite + Send + Unpin
{
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The longest line or string a scaler's question is answered with.
const LONGEST_REPLY: usize = 64 * 1024;

/// The longest list: a sentinel answers with host and port.
const LONGEST_LIST: usize = 8;

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A status or a string.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Nothing.
    Null,
    /// Several of these, none of them a list.
    List(Vec<Reply>),
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(super) enum RespError {
    /// Redis answered with an error.
    #[error("{0}")]
    Refused(String),
    /// The connection broke.
    #[error("{0}")]
    Broken(#[from] io::Error),
    /// What came is no reply to such a question.
    #[error("unexpected reply {0:?}")]
    Unexpected(String),
}

/// A connection.
pub(super) struct Connection {
    stream: BufReader<Box<dyn Stream>>,
}

impl Connection {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Sends a command and reads its reply.
    pub(super) async fn ask(&mut self, command: &[&str]) -> Result<Reply, RespError> {
        let mut request = format!("*{}\r\n", command.len());
        for word in command {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.stream.write_all(request.as_bytes()).await?;
        self.stream.flush().await?;
        self.reply().await
    }

    async fn reply(&mut self) -> Result<Reply, RespError> {
        let line = self.line().await?;
        let Some(count) = line.strip_prefix('*') else {
            return self.single(line).await;
        };
        if count == "-1" {
            return Ok(Reply::Null);
        }
        let count = count.parse().ok().filter(|count| *count <= LONGEST_LIST);
        let count: usize = count.ok_or_else(|| RespError::Unexpected(line.clone()))?;
        let mut replies = Vec::with_capacity(count);
        for _ in 0..count {
            let line = self.line().await?;
            replies.push(self.single(line).await?);
        }
        Ok(Reply::List(replies))
    }

    /// The reply that begins with `line`.
    async fn single(&mut self, line: String) -> Result<Reply, RespError> {
        let unexpected = || RespError::Unexpected(line.clone());
        let Some((kind, rest)) = line.split_at_checked(1) else {
            return Err(unexpected());
        };
        match kind {
            "+" => Ok(Reply::Text(rest.to_owned())),
            "-" => Err(RespError::Refused(rest.to_owned())),
            ":" => rest.parse().map(Reply::Integer).map_err(|_| unexpected()),
            "$" if rest == "-1" => Ok(Reply::Null),
            "$" => {
                let length = rest.parse().ok().filter(|length| *length <= LONGEST_REPLY);
                self.text(length.ok_or_else(unexpected)?).await
            }
            "_" => Ok(Reply::Null),
            _ => Err(unexpected()),
        }
    }

    async fn line(&mut self) -> Result<String, RespError> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.stream).take(LONGEST_REPLY as u64);
        bounded.read_until(b'\n', &mut line).await?;
        if line.pop() != Some(b'\n') {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    async fn text(&mut self, length: usize) -> Result<Reply, RespError> {
        let mut text = vec![0; length + 2];
        self.stream.read_exact(&mut text).await?;
        text.truncate(length);
        Ok(Reply::Text(String::from_utf8_lossy(&text).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks something of a Redis that answers with `bytes` and hangs up.
    async fn ask(bytes: &[u8]) -> Result<Reply, RespError> {
        let (ours, mut theirs) = tokio::io::duplex(256 * 1024);
        theirs.write_all(bytes).await.unwrap();
        let reply = {
            let mut connection = Connection::new(Box::new(ours));
            theirs.shutdown().await.unwrap();
            connection.ask(&["LLEN", "jobs"]).await
        };
        let mut sent = String::new();
        theirs.read_to_string(&mut sent).await.unwrap();
        assert_eq!(sent, "*2\r\n$4\r\nLLEN\r\n$4\r\njobs\r\n");
        reply
    }

    #[tokio::test]
    async fn every_reply_a_scaler_may_get_is_understood() {
        assert_eq!(ask(b":42\r\n").await.unwrap(), Reply::Integer(42));
        assert_eq!(
            ask(b"+list\r\n").await.unwrap(),
            Reply::Text("list".to_owned())
        );
        assert_eq!(
            ask(b"$4\r\nlist\r\n").await.unwrap(),
            Reply::Text("list".to_owned())
        );
        assert_eq!(ask(b"$-1\r\n").await.unwrap(), Reply::Null);
        let address = ["10.0.0.1", "6379"].map(|text| Reply::Text(text.to_owned()));
        assert_eq!(
            ask(b"*2\r\n$8\r\n10.0.0.1\r\n$4\r\n6379\r\n")
                .await
                .unwrap(),
            Reply::List(address.to_vec())
        );
        assert_eq!(ask(b"*-1\r\n").await.unwrap(), Reply::Null);
        let refused = ask(b"-NOAUTH Authentication required.\r\n")
            .await
            .unwrap_err();
        assert_eq!(refused.to_string(), "NOAUTH Authentication required.");
    }

    #[tokio::test]
    async fn what_is_no_reply_is_an_error_and_never_a_panic_or_a_flood() {
        let flood = vec![b'x'; 2 * LONGEST_REPLY];
        let replies: [&[u8]; 10] = [
            b"",
            b"\r\n",
            b":x\r\n",
            b"$99999999999\r\n",
            b"$-7\r\n",
            b"*1\r\n",
            b"*99999999999\r\n",
            b"*1\r\n*1\r\n:1\r\n",
            "é\r\n".as_bytes(),
            &flood,
        ];
        for bytes in replies {
            assert!(
                ask(bytes).await.is_err(),
                "{:?}",
                &bytes[..bytes.len().min(20)]
            );
        }
    }
}
