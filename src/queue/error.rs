//! What can go wrong with a queue, and what the errors of the `redis` crate mean.

use redis::{ErrorKind, RedisError, ServerError, ServerErrorKind};
use thiserror::Error;

/// Why something about the queue did not work. No message contains a password.
#[derive(Debug, Error)]
pub enum QueueError {
    /// The URL cannot be read. It is not repeated, because it may carry a password.
    #[error(
        "the Redis address is not valid ({cause}): write it as redis://[:PASSWORD@]HOST:PORT[/DB], or rediss:// for TLS"
    )]
    Address {
        /// What is wrong with it.
        cause: String,
    },
    /// Nobody answers.
    #[error(
        "Redis at {address} is not reachable ({cause}): check that it runs and that the address is right"
    )]
    Unreachable {
        /// `host:port`.
        address: String,
        /// What the attempt ended with.
        cause: String,
    },
    /// It speaks TLS, and we do not trust it.
    #[error(
        "Redis at {address} showed a certificate that is not accepted ({cause}): name its authority with --redis-ca FILE, and see that the certificate is for this host"
    )]
    Certificate {
        /// `host:port`.
        address: String,
        /// What is wrong with the certificate.
        cause: String,
    },
    /// The password is wrong or missing.
    #[error(
        "Redis at {address} refused the password ({cause}): check the password in the address or in the Secret"
    )]
    Password {
        /// `host:port`.
        address: String,
        /// Redis's own words.
        cause: String,
    },
    /// The connection broke, or the answer took too long. What was asked may or may not have been done.
    #[error(
        "the connection to Redis at {address} was lost ({cause}): it is tried again on the next use"
    )]
    Lost {
        /// `host:port`.
        address: String,
        /// What happened.
        cause: String,
    },
    /// Redis is there, and is laid out in another way than the URL says, or does not lead to the queue.
    #[error("{found}: {remedy}")]
    Layout {
        /// What was found, and where.
        found: String,
        /// What to do about it.
        remedy: String,
    },
    /// Redis answered, but not what the queue needs.
    #[error(
        "Redis at {address} answered unexpectedly ({cause}): check that nothing else uses the keys of the queue"
    )]
    Answer {
        /// `host:port`.
        address: String,
        /// Redis's own words.
        cause: String,
    },
    /// A value that the caller gave is not acceptable.
    #[error("{field} cannot be {value:?}: {remedy}")]
    Invalid {
        /// Which value.
        field: &'static str,
        /// The value, shortened.
        value: String,
        /// What would be accepted.
        remedy: &'static str,
    },
    /// There is no dead letter of this name, or no longer.
    #[error("no such dead letter {id:?}: it was retried or discarded meanwhile")]
    NoSuchLetter {
        /// The name, shortened.
        id: String,
    },
    /// The dead letter holds nothing that a worker could do.
    #[error("dead letter {id} cannot be retried ({cause}): discard it")]
    NotRetriable {
        /// Its name.
        id: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Others changed the queue again and again between looking and acting.
    #[error("the queue at {address} is too busy to do this in one step: try again")]
    Busy {
        /// `host:port`.
        address: String,
    },
}

impl QueueError {
    pub(crate) fn invalid(field: &'static str, value: &str, remedy: &'static str) -> Self {
        Self::Invalid {
            field,
            // A form may send a megabyte; the message quotes enough to recognise it.
            value: value.chars().take(60).collect(),
            remedy,
        }
    }

    /// What `error`, which came while connecting to `address`, means.
    pub(super) fn connecting(address: String, error: &RedisError) -> Self {
        let cause = error.to_string();
        if is_refused_password(error) {
            Self::Password { address, cause }
        } else if cause.contains("certificate") {
            // rustls's own words for whatever is wrong with one: by then it is text.
            Self::Certificate { address, cause }
        } else if error.is_io_error() {
            Self::Unreachable { address, cause }
        } else {
            Self::Answer { address, cause }
        }
    }

    /// What `error`, which came instead of an answer of `address`, means.
    pub(super) fn asking(address: String, error: &RedisError) -> Self {
        let cause = error.to_string();
        if error.code() == Some("NOAUTH") {
            Self::Password { address, cause }
        } else if error.is_io_error() {
            Self::Lost { address, cause }
        } else {
            Self::Answer { address, cause }
        }
    }

    pub(super) fn layout(found: String, remedy: impl Into<String>) -> Self {
        let remedy = remedy.into();
        Self::Layout { found, remedy }
    }
}

/// Whether an error is about who we say we are.
pub(super) fn is_refused_password(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed
        || refusals(error)
            .iter()
            .any(|refusal| matches!(refusal.code(), "NOAUTH" | "WRONGPASS"))
}

/// What the server refused, command by command, when it was the server.
pub(super) fn refusals(error: &RedisError) -> Vec<ServerError> {
    let refusals = error.clone().into_server_errors();
    let refusals = refusals.iter().flat_map(|refusals| refusals.iter());
    refusals.map(|(_, refusal)| refusal.clone()).collect()
}

/// A refusal in the server's own words, as `MOVED 719 10.0.0.2:6379`.
pub(super) fn words(refusal: &ServerError) -> String {
    let details = refusal.details().unwrap_or_default();
    format!("{} {details}", refusal.code())
        .trim_end()
        .to_owned()
}

/// Whether an error says that its connection is of no more use: broken, or leading to a server that was a master once
/// and takes no more writes, or that does not have the queue any more.
pub(super) fn is_worn_out(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ExecAbort)
        || refusals(error)
            .iter()
            .any(|refusal| is_demoted(refusal) || is_elsewhere(refusal))
        || error.is_io_error()
        || error.is_unrecoverable_error()
}

/// Whether a node says that it is no master, or has lost its own.
pub(super) fn is_demoted(refusal: &ServerError) -> bool {
    use ServerErrorKind::{MasterDown, ReadOnly};
    matches!(refusal.kind(), Some(ReadOnly | MasterDown))
}

/// Whether a node of a cluster says that the queue is not, or not wholly, with it, or that the cluster is down.
pub(super) fn is_elsewhere(refusal: &ServerError) -> bool {
    use ServerErrorKind::{Ask, ClusterDown, Moved, TryAgain};
    matches!(refusal.kind(), Some(Moved | Ask | TryAgain | ClusterDown))
}
