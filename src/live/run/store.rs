//! The last runs, on disk and in memory: `runs/<id>.json` in the state folder.
//!
//! Read once at the start, written when a run ends; pages are served from memory, so that a room full of readers costs
//! no disk. A file is replaced by rename, so that a stop in the middle leaves the old one or none, never half of one.

use super::{Outcome, Run};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many runs are kept.
const KEPT: usize = 20;

/// The runs that are kept. Clones share them.
#[derive(Clone, Debug)]
pub struct Runs(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    /// Newest first. The lock is std's: it guards a vector, never an await or the disk.
    runs: Mutex<Vec<Arc<Run>>>,
}

impl Runs {
    /// The runs in `runs/` of a state folder. What cannot be read there is passed over, with a warning: an old run is
    /// no reason not to start.
    #[must_use]
    pub fn open(state_dir: &Path) -> Self {
        let folder = state_dir.join("runs");
        let mut runs: Vec<_> = files(&folder)
            .into_iter()
            .filter_map(|path| match read(&path) {
                Ok(run) => Some(Arc::new(run)),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "this run cannot be read");
                    None
                }
            })
            .collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.started));
        Self(Arc::new(Shared {
            folder,
            runs: Mutex::new(runs),
        }))
    }

    /// All of them, newest first.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Run>> {
        self.lock().clone()
    }

    /// The run of this name.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<Run>> {
        self.lock().iter().find(|run| run.id == id).cloned()
    }

    /// The run to show where there is room for one: the newest that came to its end, else the newest.
    #[must_use]
    pub fn last(&self) -> Option<Arc<Run>> {
        let runs = self.lock();
        let complete = runs.iter().find(|run| run.outcome == Outcome::Complete);
        complete.or_else(|| runs.first()).cloned()
    }

    /// Keeps a run, and forgets the oldest beyond twenty.
    ///
    /// # Errors
    /// When the disk refuses; the run is then kept in memory alone.
    pub fn save(&self, run: Run) -> io::Result<()> {
        let run = Arc::new(run);
        let forgotten = {
            let mut runs = self.lock();
            runs.retain(|known| known.id != run.id);
            runs.insert(0, Arc::clone(&run));
            let kept = runs.len().min(KEPT);
            runs.split_off(kept)
        };
        fs::create_dir_all(&self.0.folder)?;
        let path = self.path(&run.id);
        let beside = path.with_extension("new");
        fs::write(&beside, serde_json::to_vec(&*run)?)?;
        fs::rename(&beside, &path)?;
        for old in forgotten {
            fs::remove_file(self.path(&old.id))?;
        }
        Ok(())
    }

    fn path(&self, id: &str) -> PathBuf {
        self.0.folder.join(format!("{id}.json"))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Run>>> {
        self.0.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    // No folder yet: no run yet.
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect()
}

fn read(path: &Path) -> io::Result<Run> {
    let run: Run = serde_json::from_slice(&fs::read(path)?)?;
    let rows = run.columns.len();
    let lengths = [
        run.columns.depth.len(),
        run.columns.in_flight.len(),
        run.columns.external_metric.len(),
        run.columns.desired.len(),
        run.columns.replicas.len(),
        run.columns.ready.len(),
        run.columns.service_rate.len(),
        run.columns.active.len(),
    ];
    // Runs that were kept before it was recorded have none.
    let cpu = run.columns.cpu.len();
    if lengths.iter().any(|length| *length != rows) || (cpu != rows && cpu != 0) {
        return Err(io::Error::other("its columns differ in length"));
    }
    // The id makes links and a file name; the file that we would take for it must be this one.
    let is_named_so = path.file_stem().is_some_and(|name| name == run.id.as_str());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !is_named_so || !run.id.bytes().all(plain) {
        return Err(io::Error::other("its id is not its name"));
    }
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;

    #[test]
    fn a_run_is_there_again_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        Runs::open(folder.path()).save(run()).unwrap();
        let again = Runs::open(folder.path());
        assert_eq!(again.find("20251124-180342").as_deref(), Some(&run()));
        assert_eq!(again.last().as_deref(), Some(&run()));
        assert!(again.find("../connection").is_none());
    }

    #[test]
    fn a_run_whose_id_leads_elsewhere_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        Runs::open(folder.path()).save(run()).unwrap();
        for id in ["../connection", "20250101-000000", "a\"b"] {
            let mut forged = run();
            forged.id = id.to_owned();
            let path = folder.path().join("runs/forged.json");
            fs::write(path, serde_json::to_vec(&forged).unwrap()).unwrap();
            assert_eq!(Runs::open(folder.path()).all().len(), 1, "{id}");
        }
    }

    #[test]
    fn the_last_twenty_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let runs = Runs::open(folder.path());
        for number in 0..23 {
            let mut run = run();
            run.id = format!("run-{number:02}");
            run.started += number;
            runs.save(run).unwrap();
        }
        let again = Runs::open(folder.path()).all();
        assert_eq!(again.len(), KEPT);
        assert_eq!(again[0].id, "run-22");
        assert_eq!(again[19].id, "run-03");
    }

    #[test]
    fn a_damaged_file_hides_no_other_run() {
        let folder = tempfile::tempdir().unwrap();
        Runs::open(folder.path()).save(run()).unwrap();
        fs::write(folder.path().join("runs/20250101-000000.json"), "{").unwrap();
        assert_eq!(Runs::open(folder.path()).all().len(), 1);
    }

    #[test]
    fn an_interrupted_run_does_not_take_the_place_of_a_whole_one() {
        let folder = tempfile::tempdir().unwrap();
        let runs = Runs::open(folder.path());
        runs.save(run()).unwrap();
        let mut half = run();
        half.id = "20991124-180342".to_owned();
        half.outcome = Outcome::Interrupted;
        runs.save(half).unwrap();
        assert_eq!(runs.last().unwrap().id, run().id);
        assert_eq!(runs.all()[0].outcome, Outcome::Interrupted);
    }
}
