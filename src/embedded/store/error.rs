//! Why the store refused, in the API server's words.

use super::key::Key;

/// Why the store refused.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such object (404 NotFound).
    #[error("{} \"{}\" not found", .0.resource, .0.name)]
    NotFound(Key),
    /// The name is taken (409 AlreadyExists).
    #[error("{} \"{}\" already exists", .0.resource, .0.name)]
    AlreadyExists(Key),
    /// The caller's resource version is stale (409 Conflict). The text is the API server's.
    #[error(
        "Operation cannot be fulfilled on {} \"{}\": the object has been modified; please apply your changes to the latest version and try again",
        .0.resource, .0.name
    )]
    Conflict(Key),
    /// The object changed hands: same name, another UID (409 Conflict).
    #[error("Precondition failed: UID in precondition: {expected}, UID in object meta: {actual}")]
    WrongUid {
        /// What the caller asked for.
        expected: String,
        /// What is stored.
        actual: String,
    },
    /// The log no longer reaches back to this version (410 Expired).
    #[error("too old resource version: {requested} ({oldest})")]
    Expired {
        /// Where the caller wanted to start.
        requested: u64,
        /// The oldest version a watch can start from.
        oldest: u64,
    },
    /// A closure given to [`Store::modify`] refused.
    #[error("{0}")]
    Rejected(String),
}
