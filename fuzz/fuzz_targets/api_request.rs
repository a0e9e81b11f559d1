//! Requests to the embedded Kubernetes API, several against one cluster, so that what one leaves behind meets the
//! next. None may make it panic or fail with a 500 that is its own fault.
//!
//! An input is text, so that the corpus can be read and written by hand: requests parted by a line `===`, each a line
//! `METHOD path?query`, header lines, an empty line, the body.
#![no_main]

use axum::body::Body;
use axum::http::Request;
use futures::{FutureExt, StreamExt};
use libfuzzer_sys::fuzz_target;
use podium::clock::Clock;
use podium::embedded::api;
use podium::embedded::controllers::keda::ExternalMetrics;
use podium::embedded::logs::Logs;
use podium::embedded::proxy::Proxy;
use podium::embedded::store::Store;
use podium::embedded::usage::Usage;
use std::cell::LazyCell;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// More of a watch than this is the same again.
const CHUNKS: usize = 1_000;

thread_local! {
    static RUNTIME: LazyCell<Runtime> = LazyCell::new(|| {
        Builder::new_current_thread().enable_time().build().expect("a runtime without I/O needs nothing")
    });
}

fuzz_target!(|input: &[u8]| {
    let input = String::from_utf8_lossy(input);
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let store = Store::new(Clock::wall());
            let metrics = ExternalMetrics::new(store.clone(), Proxy::new(store.clone()));
            let shutdown = CancellationToken::new();
            let api = api::router(store, Logs::default(), Usage::default(), metrics, "t".to_owned(), shutdown);
            for request in input.split("\n===\n").filter_map(request) {
                // An answer that is not there at once waits for the network or for a change; neither comes.
                let Some(Ok(response)) = api.clone().oneshot(request).now_or_never() else {
                    continue;
                };
                let mut body = response.into_body().into_data_stream();
                for _ in 0..CHUNKS {
                    let Some(Some(Ok(_))) = body.next().now_or_never() else {
                        break;
                    };
                }
            }
        });
    });
});

/// `None` for what HTTP itself would refuse, and for what would make the API call a Redis.
fn request(text: &str) -> Option<Request<Body>> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, path) = lines.next()?.split_once(' ')?;
    if path.contains("external") {
        return None;
    }
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", "Bearer t");
    for line in lines {
        let (name, value) = line.split_once(':')?;
        request = request.header(name.trim(), value.trim());
    }
    request.body(Body::from(body.to_owned())).ok()
}
