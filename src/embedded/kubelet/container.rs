//! The life of one container: prepared, started, watched, stopped or restarted.
//!
//! The task reports each change of state to its pod's task, which alone writes the pod's status. Restarts follow the
//! kubelet: the first at once, then after 10 s, doubled up to 300 s, forgotten after ten good minutes.

use super::backoff::{Backoff, FIRST_BACKOFF};
use super::environment::{self, Environment};
use super::image::{self, Program};
use super::probe::{Finding, Probes};
use super::process::{Output, Process, Recipe};
use super::status::{self, Report, State, Termination};
use super::{Kubelet, POD_IP, StopOrder};
use crate::embedded::events::{self, Severity};
use crate::embedded::store::{self, Object};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep, sleep_until};

/// How soon a container whose configuration is incomplete is tried again. A kubelet takes up to a minute; here nothing
/// is gained by making people wait.
const CONFIG_RETRY: Duration = Duration::from_secs(5);

/// How long `ErrImagePull` is shown before it becomes `ImagePullBackOff`.
const PULL_FAILURE_SHOWN: Duration = Duration::from_secs(2);

/// How long a start counts against the limit of concurrent starts: about what the program's own start-up takes.
const SETTLING: Duration = Duration::from_millis(30);

/// Where the broker listens when its container names no port: Redis's own.
const REDIS_PORT: u16 = 6379;

/// One container of a pod.
pub(super) struct Container {
    pub(super) kubelet: Arc<Kubelet>,
    pub(super) pod: Object,
    /// Its place in `spec.containers`.
    pub(super) index: usize,
    /// Container port → actual port.
    pub(super) ports: BTreeMap<u16, u16>,
    pub(super) stop: StopOrder,
    pub(super) reports: UnboundedSender<(usize, Report)>,
}

/// Why a container cannot start now.
enum Obstacle {
    Pull(String),
    Config(String),
    Start(String),
}

impl Container {
    /// Runs it until it has ended for good.
    pub(super) async fn run(mut self) {
        let mut report = Report::creating();
        let mut backoff = Backoff::default();
        while self.stop.borrow().is_none() {
            match self.start().await {
                Ok(process) => {
                    let began = Instant::now();
                    report.restarts += u32::from(report.last.is_some());
                    let end = self.supervise(process, &mut report).await;
                    let again = self.stop.borrow().is_none() && self.restarts(end.exit_code);
                    report.last = Some(end);
                    if !again {
                        return;
                    }
                    backoff.forget_after(began.elapsed());
                    self.wait_for_restart(&mut report, &mut backoff).await;
                }
                Err(obstacle) => self.wait_out(obstacle, &mut report, &mut backoff).await,
            }
        }
    }

    fn spec(&self) -> &Value {
        &self.pod["spec"]["containers"][self.index]
    }

    fn name(&self) -> &str {
        self.spec()["name"].as_str().unwrap_or_default()
    }

    fn image(&self) -> &str {
        self.spec()["image"].as_str().unwrap_or_default()
    }

    /// Whether the pod's `restartPolicy` brings the container back after this exit code.
    fn restarts(&self, exit_code: i32) -> bool {
        match self.pod["spec"]["restartPolicy"].as_str() {
            Some("Never") => false,
            Some("OnFailure") => exit_code != 0,
            _ => true,
        }
    }

    fn tell(&self, severity: Severity, reason: &str, message: &str) {
        events::record(
            &self.kubelet.store,
            "kubelet",
            &self.pod,
            severity,
            reason,
            message,
        );
    }

    fn tell_of_stop(&self) {
        let message = format!("Stopping container {}", self.name());
        self.tell(Severity::Normal, "Killing", &message);
    }

    fn send(&self, report: &Report) {
        // The pod's task outlives its containers; were it gone, nobody would care.
        let _ = self.reports.send((self.index, report.clone()));
    }

    /// Starts the process, when everything it needs is there.
    async fn start(&self) -> Result<Process, Obstacle> {
        let image = self.image();
        let program = image::program(image).map_err(Obstacle::Pull)?;
        let message = format!("Container image \"{image}\" already present on machine");
        self.tell(Severity::Normal, "Pulled", &message);
        let environment = environment::resolve(
            &self.kubelet.store,
            &self.kubelet.proxy,
            &self.pod,
            self.spec(),
        )
        .map_err(Obstacle::Config)?;
        let output = Output {
            logs: self.kubelet.logs.clone(),
            clock: self.kubelet.store.clock().clone(),
            pod_uid: store::uid(&self.pod).to_owned(),
            container: self.name().to_owned(),
        };
        // The semaphore is never closed; without a permit we would only start a little early.
        let _turn = self.kubelet.starts.acquire().await;
        let (uid, name) = (store::uid(&self.pod), self.name());
        self.kubelet.logs.begin_run(uid, name);
        self.kubelet.ports.vacate(self.ports.values());
        let process = Process::start(self.recipe(program, environment), &output)
            .map_err(|error| Obstacle::Start(error.to_string()))?;
        self.tell(Severity::Normal, "Created", "Container created");
        self.tell(Severity::Normal, "Started", "Container started");
        sleep(SETTLING).await;
        Ok(process)
    }

    fn recipe(&self, program: Program, mut environment: Environment) -> Recipe<'_> {
        let words = |field: &str| -> Vec<String> {
            let words = self.spec()[field].as_array();
            words
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(|word| environment::expand(word, &environment))
                .collect()
        };
        // A `command` names the image's own program, which here is always ours; its further words are arguments.
        let written: Vec<String> = words("command")
            .into_iter()
            .skip(1)
            .chain(words("args"))
            .collect();
        let arguments = match program {
            Program::Podium => written,
            Program::Broker => {
                if let Some(password) = option(&written, "--requirepass") {
                    environment.insert("PODIUM_BROKER_PASSWORD".to_owned(), password.to_owned());
                }
                let port = self.ports.values().next().copied().unwrap_or(REDIS_PORT);
                ["broker", "--listen", &format!("{POD_IP}:{port}")]
                    .map(str::to_owned)
                    .to_vec()
            }
        };
        Recipe {
            program: self.kubelet.program.as_os_str(),
            arguments,
            environment: environment.into_iter().collect(),
        }
    }

    /// Watches a running process: probes it, stops it when ordered, and returns how it ended.
    async fn supervise(&mut self, mut process: Process, report: &mut Report) -> Termination {
        let started = self.kubelet.store.timestamp();
        let counted = process.id().map(|id| {
            let (uid, name) = (store::uid(&self.pod), self.name());
            self.kubelet.usage.count(uid, name, id)
        });
        let mut probes = Probes::of(self.spec(), &self.ports);
        report.container_id = status::container_id();
        report.state = running(&started, probes.ready());
        self.send(report);
        let mut deadline = None;
        // When a probe has found the container dead: until then it may end by itself.
        let mut doomed = None;
        let exit_code = loop {
            let last = [deadline, doomed].into_iter().flatten().min();
            tokio::select! {
                code = process.wait() => break code,
                () = ordered(&mut self.stop, deadline) => {
                    if deadline.is_none() {
                        self.tell_of_stop();
                        process.terminate();
                    }
                    deadline = *self.stop.borrow();
                }
                () = reached(last) => {
                    process.kill();
                    break process.wait().await;
                }
                finding = probes.next(), if last.is_none() => {
                    if self.tell_of(&finding) {
                        process.terminate();
                        doomed = Some(Instant::now() + self.grace());
                    }
                    report.state = running(&started, finding.ready && doomed.is_none());
                    self.send(report);
                }
            }
        };
        // Its number may be another process's from now on.
        drop(counted);
        let end = Termination {
            exit_code,
            started,
            finished: self.kubelet.store.timestamp(),
            container_id: report.container_id.clone(),
        };
        report.state = State::Terminated(end.clone());
        self.send(report);
        let (uid, name) = (store::uid(&self.pod), self.name());
        self.kubelet.logs.end_run(uid, name);
        end
    }

    /// Tells what a probe has found; returns whether the container must go.
    fn tell_of(&self, finding: &Finding) -> bool {
        if let Some(trouble) = &finding.trouble {
            self.tell(Severity::Warning, "Unhealthy", trouble);
        }
        let Some(probe) = finding.fatal else {
            return false;
        };
        let name = self.name();
        let message = format!("Container {name} failed {probe} probe, will be restarted");
        self.tell(Severity::Normal, "Killing", &message);
        true
    }

    /// How long the container may take to stop when the node itself wants it to.
    fn grace(&self) -> Duration {
        let seconds = self.pod["spec"]["terminationGracePeriodSeconds"].as_u64();
        Duration::from_secs(seconds.unwrap_or(30))
    }

    /// The pause before a restart.
    async fn wait_for_restart(&mut self, report: &mut Report, backoff: &mut Backoff) {
        let Some(wait) = backoff.next() else {
            return;
        };
        let (name, pod) = (self.name(), store::name(&self.pod));
        let (namespace, uid) = (store::namespace(&self.pod), store::uid(&self.pod));
        let place = format!("{pod}_{namespace}({uid})");
        let event = format!("Back-off restarting failed container {name} in pod {place}");
        self.tell(Severity::Warning, "BackOff", &event);
        let seconds = wait.as_secs();
        report.state = State::Waiting {
            reason: "CrashLoopBackOff".to_owned(),
            message: format!("back-off {seconds}s restarting failed container={name} pod={place}"),
        };
        self.send(report);
        self.pause(wait).await;
    }

    /// Reports what is in the way and waits before the next attempt.
    async fn wait_out(&mut self, obstacle: Obstacle, report: &mut Report, backoff: &mut Backoff) {
        match obstacle {
            Obstacle::Pull(message) => self.fail_to_pull(&message, report, backoff).await,
            Obstacle::Config(message) => {
                self.tell(Severity::Warning, "Failed", &format!("Error: {message}"));
                self.wait(report, "CreateContainerConfigError", message);
                self.pause(CONFIG_RETRY).await;
            }
            Obstacle::Start(message) => {
                self.tell(Severity::Warning, "Failed", &format!("Error: {message}"));
                self.wait(report, "RunContainerError", message);
                let wait = backoff.next().unwrap_or(FIRST_BACKOFF);
                self.pause(wait).await;
            }
        }
    }

    async fn fail_to_pull(&mut self, error: &str, report: &mut Report, backoff: &mut Backoff) {
        let image = self.image().to_owned();
        let (normal, warning) = (Severity::Normal, Severity::Warning);
        self.tell(normal, "Pulling", &format!("Pulling image \"{image}\""));
        let failed = format!("Failed to pull image \"{image}\": {error}");
        self.tell(warning, "Failed", &failed);
        self.tell(warning, "Failed", "Error: ErrImagePull");
        self.wait(report, "ErrImagePull", error.to_owned());
        self.pause(PULL_FAILURE_SHOWN).await;
        if self.stop.borrow().is_some() {
            return;
        }
        let message = format!("Back-off pulling image \"{image}\"");
        self.tell(normal, "BackOff", &message);
        self.tell(warning, "Failed", "Error: ImagePullBackOff");
        let message = format!("{message}: ErrImagePull: {error}");
        self.wait(report, "ImagePullBackOff", message);
        let wait = backoff.next().unwrap_or(FIRST_BACKOFF);
        self.pause(wait).await;
    }

    fn wait(&self, report: &mut Report, reason: &str, message: String) {
        report.state = State::Waiting {
            reason: reason.to_owned(),
            message,
        };
        self.send(report);
    }

    /// Sleeps, unless ordered to stop.
    async fn pause(&mut self, time: Duration) {
        tokio::select! {
            () = sleep(time) => {}
            () = ordered(&mut self.stop, None) => {}
        }
    }
}

/// Completes when the order to stop differs from what is `known` of it.
async fn ordered(stop: &mut StopOrder, known: Option<Instant>) {
    if stop.wait_for(|order| *order != known).await.is_err() {
        // The kubelet keeps the sender for as long as the pod's task runs; without it no order can come.
        std::future::pending::<()>().await;
    }
}

async fn reached(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn running(since: &str, ready: bool) -> State {
    State::Running {
        since: since.to_owned(),
        ready,
    }
}

/// The value after the option `name`, or attached to it by `=`.
fn option<'a>(words: &'a [String], name: &str) -> Option<&'a str> {
    let at = words
        .iter()
        .position(|word| word == name || word.starts_with(&format!("{name}=")))?;
    match words[at].split_once('=') {
        Some((_, value)) => Some(value),
        None => words.get(at + 1).map(String::as_str),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_the_word_after_requirepass() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let separate = words("--requirepass sesame --save");
        assert_eq!(option(&separate, "--requirepass"), Some("sesame"));
        let attached = words("--requirepass=sesame");
        assert_eq!(option(&attached, "--requirepass"), Some("sesame"));
        assert_eq!(option(&words("--requirepass"), "--requirepass"), None);
    }
}
