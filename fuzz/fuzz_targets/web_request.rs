//! Requests to the web server, several against one room: cookies, `Last-Event-ID`, hosts, origins, forms and JSON.
//!
//! None may make it panic or fail with a 500, a stranger's must never open what is the speaker's, and a stream must
//! begin with the frames that its `Last-Event-ID` says are missing, or with a snapshot.
//!
//! An input is text as in `api_request`. A line `speaker` in a request's head makes it the speaker's.
#![no_main]

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use futures::{FutureExt, StreamExt};
use libfuzzer_sys::fuzz_target;
use podium::clock::Clock;
use podium::cluster::Cluster;
use podium::config::Config;
use podium::deck::{self, reload::DeckHandle};
use podium::live::hub::Hub;
use podium::live::room::Room;
use podium::live::run::Runs;
use podium::live::sample::Sample;
use podium::stage::actions::Actions;
use podium::web::auth::SpeakerKey;
use podium::web::qr::RoomAddress;
use podium::web::{self, AppState, DeckFolder};
use std::cell::LazyCell;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// New in each process, so that no corpus knows it and whoever gets in without it found a hole.
static KEY: LazyLock<String> =
    LazyLock::new(|| format!("{:016x}", RandomState::new().hash_one("key")));

/// Where only the speaker may go; a stranger is sent to the door or refused, and never gets an answer.
const SPEAKERS: [&str; 7] = [
    "/control",
    "/notes",
    "/presenter",
    "/remote",
    "/deck-problems",
    "/dead-letters",
    "/preflight",
];

/// What the hub has sent before a request comes: more than its ring keeps.
const SENT: u64 = 300;

thread_local! {
    static RUNTIME: LazyCell<Runtime> = LazyCell::new(|| {
        Builder::new_current_thread().enable_all().build().expect("a runtime")
    });
    static WORLD: LazyCell<(DeckHandle, Cluster)> = LazyCell::new(|| {
        let kubeconfig = podium::embedded::api::kubeconfig(([127, 0, 0, 1], 1).into(), "t");
        let cluster = RUNTIME.with(|runtime| runtime.block_on(Cluster::from_kubeconfig_text(&kubeconfig)));
        (DeckHandle::new(deck::embedded()), cluster.expect("our own"))
    });
}

fuzz_target!(|input: &[u8]| {
    let input = String::from_utf8_lossy(input);
    // Before the runtime is entered, which its making needs.
    WORLD.with(|world| {
        LazyCell::force(world);
    });
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let router = room();
            for (speaker, request) in input.split("\n===\n").filter_map(request) {
                let path = request.uri().path().to_owned();
                let last = request.headers().get("last-event-id");
                let last = last
                    .and_then(|id| id.to_str().ok())
                    .and_then(|id| id.parse().ok());
                // An answer that is not there at once waits for a file or for the cluster, which does not exist.
                let Some(Ok(response)) = router.clone().oneshot(request).now_or_never() else {
                    continue;
                };
                check(&path, speaker, &response);
                if path == "/events" && response.status() == StatusCode::OK {
                    check_frames(last, response.into_body());
                }
            }
        });
    });
});

fn room() -> Router {
    WORLD.with(|world| {
        let (deck, cluster) = (**world).clone();
        let (clock, shutdown) = (Clock::wall(), CancellationToken::new());
        let hub = Hub::new(1);
        let (publish, _) = mpsc::unbounded_channel();
        let room = Room::new(hub.clone(), clock.clone(), "1");
        while hub.subscribe(None).first[0].id < SENT {
            hub.sample(Sample::default());
        }
        web::router(AppState {
            deck,
            deck_folder: DeckFolder(None),
            hub,
            room,
            runs: Runs::open(std::path::Path::new("/nowhere")),
            actions: Actions::new(cluster, Config::default(), clock, publish, shutdown.clone()),
            room_address: RoomAddress::new(([127, 0, 0, 1], 3030).into(), None),
            key: SpeakerKey::new(KEY.clone(), |_| Ok(())),
            shutdown,
        })
    })
}

fn check(path: &str, speaker: bool, response: &Response<Body>) {
    let status = response.status();
    assert!(status != StatusCode::INTERNAL_SERVER_ERROR, "{path} failed");
    assert!(
        response.headers().contains_key("content-security-policy"),
        "{path} has no policy"
    );
    let speakers = SPEAKERS.iter().any(|prefix| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let opened = status.is_success() && speakers;
    assert!(speaker || !opened, "{path} opened to a stranger");
    let given = response.headers().contains_key("set-cookie");
    assert!(speaker || !given, "{path} gave a session away");
}

/// The stream's first frames: those after `last`, one after the other, or a snapshot.
fn check_frames(last: Option<u64>, body: Body) {
    let mut text = Vec::new();
    let mut stream = body.into_data_stream();
    while let Some(Some(Ok(bytes))) = stream.next().now_or_never() {
        text.extend_from_slice(&bytes);
    }
    let text = String::from_utf8_lossy(&text);
    let ids: Vec<u64> = text
        .lines()
        .filter_map(|line| line.strip_prefix("id: ")?.parse().ok())
        .collect();
    let snapshot = text.contains("event: snapshot");
    let missed = last.is_some_and(|last| {
        ids.first()
            .is_none_or(|first| first.checked_sub(1) == Some(last))
    });
    assert!(snapshot != missed || ids.is_empty(), "{last:?}: {ids:?}");
    assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
}

/// The request and whether it is the speaker's; `None` for what HTTP itself would refuse, and for the speaker's
/// actions, which need a cluster.
fn request(text: &str) -> Option<(bool, Request<Body>)> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, path) = lines.next()?.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(path);
    let mut speaker = false;
    for line in lines {
        if line == "speaker" {
            speaker = true;
            request = request.header("authorization", format!("Bearer {}", *KEY));
            continue;
        }
        let (name, value) = line.split_once(':')?;
        request = request.header(name.trim(), value.trim());
    }
    if speaker && (path.contains("action") || path.contains("dead-letters")) {
        return None;
    }
    Some((speaker, request.body(Body::from(body.to_owned())).ok()?))
}
