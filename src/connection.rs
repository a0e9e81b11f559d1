//! `connection.json`: how commands in another terminal find the running `podium serve`.
//!
//! `serve` writes it into its state folder, readable by its owner alone, since it carries the speaker's key. Commands
//! read it. It is replaced by rename, so that a reader never sees half a file. What a killed server left behind names a
//! server that does not answer, which commands say; the next `serve` replaces it. [`lock`] keeps a second server out.

pub mod lock;

use serde::{Deserialize, Serialize};
use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The permission of the group and of everybody to write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The bit of folders in which everybody may make files, such as `/tmp`.
const STICKY: u32 = 0o1000;

/// What `connection.json` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The web server, as `http://127.0.0.1:3030/`.
    pub url: String,
    /// Path of a kubeconfig for the cluster it drives.
    pub kubeconfig: PathBuf,
    /// The kubeconfig's context that is used, when it is not the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The demo's Redis, password included; `None` until the demo is deployed.
    pub redis_url: Option<String>,
    /// The authority that vouches for it, in PEM, when it is not one that this machine trusts anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis_ca: Option<String>,
    /// What opens `/login` and authorises actions.
    pub speaker_key: String,
}

/// Why there is no connection to use.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// No server has written a file here.
    #[error(
        "no running Podium found ({} is missing); start `podium serve` first, or name its folder with --state-dir",
        .0.display()
    )]
    NotRunning(PathBuf),
    /// Another server has this state folder.
    #[error(
        "{} belongs to a Podium that is running ({who}); use that one, stop it with `kill {pid}`, or give this one a folder of its own with --state-dir",
        folder.display()
    )]
    Taken {
        /// The state folder.
        folder: PathBuf,
        /// Its process and, once it is on, its address.
        who: String,
        /// Its process id.
        pid: String,
    },
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The folder is not ours alone to write in.
    #[error(
        "{} belongs to another user or is shared by all; name a folder of your own with --state-dir, for the speaker's key goes there",
        .0.display()
    )]
    Shared(PathBuf),
    /// The file is not what `serve` writes.
    #[error("{}: {source}; remove the file and start `podium serve` again", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Connection {
    /// The kubeconfigs, of which there may be several in one path list, as `KUBECONFIG` has it.
    #[must_use]
    pub fn kubeconfigs(&self) -> Vec<PathBuf> {
        if self.kubeconfig.is_file() {
            return vec![self.kubeconfig.clone()];
        }
        std::env::split_paths(&self.kubeconfig).collect()
    }

    /// The file's path in a state folder.
    #[must_use]
    pub fn path(state_dir: &Path) -> PathBuf {
        state_dir.join("connection.json")
    }

    /// Reads the file in `state_dir`.
    ///
    /// # Errors
    /// [`ConnectionError`] says what to do.
    pub fn read(state_dir: &Path) -> Result<Self, ConnectionError> {
        let path = Self::path(state_dir);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ConnectionError::NotRunning(path));
            }
            Err(source) => return Err(ConnectionError::Io { path, source }),
        };
        serde_json::from_str(&text).map_err(|source| ConnectionError::Malformed { path, source })
    }

    /// Writes the file into `state_dir`, mode 0600.
    ///
    /// # Errors
    /// [`ConnectionError::Io`].
    pub fn write(&self, state_dir: &Path) -> Result<PathBuf, ConnectionError> {
        let path = Self::path(state_dir);
        let text = serde_json::to_string_pretty(self).expect("strings and a path are valid JSON");
        write_private(&path, text.as_bytes())?;
        Ok(path)
    }

    /// The link that makes a browser the speaker's.
    #[must_use]
    pub fn speaker_link(&self) -> String {
        format!("{}login?key={}", self.url, self.speaker_key)
    }

    /// Removes the file, if it is still ours (another server may have taken the folder over).
    pub fn remove(&self, state_dir: &Path) {
        if Self::read(state_dir).is_ok_and(|there| there.speaker_key == self.speaker_key) {
            // Nothing is lost if this fails: the next start replaces the file, and readers find nobody listening.
            let _ = fs::remove_file(Self::path(state_dir));
        }
    }
}

/// The file of a server that runs, kept true while what it says changes. Clones share it.
#[derive(Clone)]
pub struct ConnectionFile(Arc<Kept>);

struct Kept {
    state_dir: PathBuf,
    connection: Mutex<Connection>,
}

impl ConnectionFile {
    /// Writes `connection` into `state_dir`.
    ///
    /// # Errors
    /// [`ConnectionError::Io`].
    pub fn create(connection: Connection, state_dir: PathBuf) -> Result<Self, ConnectionError> {
        connection.write(&state_dir)?;
        let connection = Mutex::new(connection);
        Ok(Self(Arc::new(Kept {
            state_dir,
            connection,
        })))
    }

    /// Changes what the file says, and answers with it. Whoever reads the file meanwhile finds the old or the new.
    ///
    /// # Errors
    /// [`ConnectionError::Io`]; the file then says what it said.
    pub fn update(
        &self,
        change: impl FnOnce(&mut Connection),
    ) -> Result<Connection, ConnectionError> {
        // The lock is held while writing, or two changes could undo each other on the disk.
        let mut kept = self.lock();
        let mut next = kept.clone();
        change(&mut next);
        next.write(&self.0.state_dir)?;
        kept.clone_from(&next);
        Ok(next)
    }

    /// Removes the file, if it is still ours.
    pub fn remove(&self) {
        self.lock().remove(&self.0.state_dir);
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes `folder` if need be, readable by its owner alone.
///
/// One that is there already stays readable to whom it is, for every file with a secret is private by itself; but
/// nobody else may write in it, or they could put a file of theirs in a secret's place. If it is ours, that
/// permission is taken away. If it belongs to somebody else, or is shared on purpose as `/tmp` is, it is refused.
///
/// # Errors
/// [`ConnectionError::Io`] and [`ConnectionError::Shared`].
pub fn make_private_folder(folder: &Path) -> Result<(), ConnectionError> {
    let io = |source| ConnectionError::Io {
        path: folder.to_owned(),
        source,
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(io)?;
    let metadata = fs::metadata(folder).map_err(io)?;
    let mode = metadata.permissions().mode();
    if metadata.uid() != rustix::process::geteuid().as_raw() || mode & STICKY != 0 {
        return Err(ConnectionError::Shared(folder.to_owned()));
    }
    if mode & WRITABLE_BY_OTHERS == 0 {
        return Ok(());
    }
    tracing::warn!(
        "others could write in {}; that permission is taken away",
        folder.display()
    );
    let kept = Permissions::from_mode(mode & 0o7777 & !WRITABLE_BY_OTHERS);
    fs::set_permissions(folder, kept).map_err(io)
}

/// Replaces the file at `path` by `content`, mode 0600. Neither a link nor a file that somebody put there beforehand is
/// written through: what is in the way is removed, and the new file must be new.
///
/// # Errors
/// [`ConnectionError::Io`].
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), ConnectionError> {
    let beside = path.with_extension("new");
    let attempt = || -> io::Result<()> {
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(content)?;
        fs::rename(&beside, path)
    };
    attempt().map_err(|source| ConnectionError::Io {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn connection() -> Connection {
        Connection {
            url: "http://127.0.0.1:3030/".to_owned(),
            kubeconfig: PathBuf::from("/somewhere/kubeconfig"),
            context: None,
            redis_url: None,
            redis_ca: None,
            speaker_key: "abc".to_owned(),
        }
    }

    #[test]
    fn what_is_written_is_read_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = connection().write(folder.path()).unwrap();
        assert_eq!(Connection::read(folder.path()).unwrap(), connection());
        assert_eq!(
            fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_missing_file_says_to_start_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let message = Connection::read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("start `podium serve` first"), "{message}");
    }

    #[test]
    fn removing_leaves_the_file_of_another_server() {
        let folder = tempfile::tempdir().unwrap();
        let other = Connection {
            speaker_key: "other".to_owned(),
            ..connection()
        };
        other.write(folder.path()).unwrap();
        connection().remove(folder.path());
        assert_eq!(Connection::read(folder.path()).unwrap(), other);
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_planted_link_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, "mine").unwrap();
        symlink(&victim, folder.path().join("connection.new")).unwrap();
        symlink(&victim, folder.path().join("connection.json")).unwrap();
        let path = connection().write(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(Connection::read(folder.path()).unwrap(), connection());
    }

    #[test]
    fn a_file_that_was_readable_by_all_is_private_once_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["connection.new", "connection.json"] {
            let file = folder.path().join(name);
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
        }
        assert_eq!(mode(&connection().write(folder.path()).unwrap()), 0o600);
    }

    #[test]
    fn a_new_folder_is_private_and_others_lose_the_right_to_write_in_an_old_one() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("state");
        make_private_folder(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
        fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        make_private_folder(&folder).unwrap();
        assert_eq!(mode(&folder), 0o755);
    }

    #[test]
    fn a_folder_that_is_shared_on_purpose_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
        let message = make_private_folder(folder.path()).unwrap_err().to_string();
        assert!(message.contains("--state-dir"), "{message}");
        assert_eq!(mode(folder.path()), 0o1777);
    }
}
