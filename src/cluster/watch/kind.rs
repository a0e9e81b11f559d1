//! One kind's watch, for ever: list, watch, and after a failure again, with pauses that grow.
//!
//! kube's watcher does most of it. Two things it leaves to us. Its back-off starts over with every list that *begins*,
//! so a list that is refused would be asked for without end at the first pause; here only quiet ends an outage. And a
//! watch that is refused because its version is gone (410, as the answer's status and not as an event in it) would be
//! asked for with that same version again and again; here it begins anew with a list.

use super::{FIRST_PAUSE, LONGEST_PAUSE, Seen};
use crate::backoff::Backoff;
use crate::cluster::root_cause;
use futures::stream::{BoxStream, StreamExt as _, unfold};
use kube::api::Api;
use kube::runtime::watcher;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// So long after its last failure a watch counts as well again.
const WELL_AFTER: Duration = Duration::from_secs(10);

/// HTTP 410 Gone: the version asked for is no longer known.
const GONE: u16 = 410;

struct Following<K> {
    api: Api<K>,
    config: watcher::Config,
    events: BoxStream<'static, watcher::Result<watcher::Event<K>>>,
    backoff: Backoff,
    failed: Option<Instant>,
    pause: Duration,
}

/// Follows one kind; `what` is its plural.
pub(super) fn follow<K>(
    api: Api<K>,
    config: watcher::Config,
    what: &'static str,
    seen: fn(watcher::Event<K>) -> Seen,
) -> BoxStream<'static, Seen>
where
    K: kube::Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let following = Following {
        events: watcher(api.clone(), config.clone()).boxed(),
        api,
        config,
        backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
        failed: None,
        pause: Duration::ZERO,
    };
    unfold(following, move |mut following| async move {
        let event = following.next().await?;
        let event = event.map_or_else(|reason| Seen::Failed(what, reason), seen);
        Some((event, following))
    })
    .boxed()
}

impl<K> Following<K>
where
    K: kube::Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    async fn next(&mut self) -> Option<Result<watcher::Event<K>, String>> {
        sleep(std::mem::take(&mut self.pause)).await;
        let error = match self.events.next().await? {
            Ok(event) => return Some(Ok(event)),
            Err(error) => error,
        };
        let now = Instant::now();
        if self.failed.is_none_or(|failed| now - failed > WELL_AFTER) {
            self.backoff.succeeded();
        }
        self.failed = Some(now);
        self.pause = self.backoff.next_pause();
        if is_gone(&error) {
            self.events = watcher(self.api.clone(), self.config.clone()).boxed();
        }
        Some(Err(root_cause(&error)))
    }
}

/// Whether the watch could not begin because its version is gone.
fn is_gone(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == GONE)
}
