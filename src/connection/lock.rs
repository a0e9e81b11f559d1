//! One server a state folder: two would overwrite each other's connection.json and kubeconfig, and commands would go
//! now to the one and now to the other.
//!
//! The lock is the operating system's, on a file that stays: it dies with the process, however that ends, so there is
//! never a stale one to remove. The file says who holds it, for the message that the second one gives.

use super::{Connection, ConnectionError};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The right to serve from a state folder. Dropping it gives it back.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock lives as long as the open file")] File);

/// Takes the state folder.
///
/// # Errors
/// [`ConnectionError::Taken`] by a server that is running; [`ConnectionError::Io`] when the folder cannot be written.
pub fn take(state_dir: &Path) -> Result<Lock, ConnectionError> {
    let path = state_dir.join("serve.lock");
    let wrong = |source| ConnectionError::Io {
        path: path.clone(),
        source,
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        // Not before it is ours: it names the other.
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => sign(&file).map_err(wrong)?,
        Err(TryLockError::WouldBlock) => return Err(taken(state_dir, &path)),
        // Some network file systems have no locks. A talk must not fail for that; only a second server would notice.
        Err(TryLockError::Error(error)) => {
            tracing::warn!(%error, path = %path.display(), "the state folder cannot be locked; start one server only");
        }
    }
    Ok(Lock(file))
}

fn sign(mut file: &File) -> io::Result<()> {
    file.set_len(0)?;
    write!(file, "{}", std::process::id())
}

fn taken(state_dir: &Path, path: &Path) -> ConnectionError {
    // Read a moment after it was found locked: the other may be just starting, or just gone.
    let pid = fs::read_to_string(path).unwrap_or_default();
    let pid = if pid.is_empty() { "PID" } else { pid.trim() };
    let address = match Connection::read(state_dir) {
        Ok(connection) => format!(", {}", connection.url),
        Err(_) => String::new(),
    };
    ConnectionError::Taken {
        folder: state_dir.to_owned(),
        who: format!("process {pid}{address}"),
        pid: pid.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_taken_once_and_free_again_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let first = take(folder.path()).unwrap();
        let message = take(folder.path()).unwrap_err().to_string();
        let pid = std::process::id().to_string();
        assert!(message.contains(&format!("kill {pid}")), "{message}");
        drop(first);
        take(folder.path()).unwrap();
    }
}
