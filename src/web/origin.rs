//! Where a request was made: by our own pages, by a person, or by a page elsewhere that has no business here.
//!
//! Browsers say it in two ways. `Sec-Fetch-Site` tells it of every request, but only where they trust the way to us
//! (HTTPS or loopback). `Origin` tells it of every request that changes something, everywhere. What is not a browser
//! sends neither, and has no cookie that a stranger could borrow. So:
//!
//! - what changes something comes from our own page: neither header says otherwise;
//! - what is only read may be asked for from elsewhere as a page of its own, which is what a link does. It may not be
//!   framed, and no script, picture or `fetch` of another site gets it: then nobody can measure from afar whether this
//!   browser is the speaker's, or guess keys with the speaker's own browser.
//!
//! tower-http's `csrf` layer holds the first half, but not the second, and takes the browser's word for the site even
//! when the origin contradicts it.

use super::error::Error;
use super::guard::host_of;
use super::qr::RoomAddress;
use axum::extract::{Request, State};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::Next;
use axum::response::Response;

/// Refuses what another site's page asks for.
pub async fn check_origin(
    State(room): State<RoomAddress>,
    request: Request,
    next: Next,
) -> Response {
    match refusal(request.method(), request.uri(), request.headers(), &room) {
        Some(error) => error.answer(request.headers()),
        None => next.run(request).await,
    }
}

fn refusal(method: &Method, uri: &Uri, headers: &HeaderMap, room: &RoomAddress) -> Option<Error> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let reads = method == Method::GET || method == Method::HEAD;
    if !reads && let Some(origin) = headers.get(ORIGIN) {
        let origin = origin.to_str().unwrap_or("an unreadable origin");
        let host = host_of(headers, uri).unwrap_or_default();
        // A proxy may have put our own host in the place of the public one, so that one is ours as well.
        let ours = origin
            .split_once("://")
            .is_some_and(|(_, authority)| authority == host || room.is_public(authority));
        if !ours {
            return Some(Error::ForeignOrigin(origin.to_owned()));
        }
    }
    let followed_a_link = reads
        && header("sec-fetch-mode") == Some("navigate")
        && header("sec-fetch-dest") == Some("document");
    match header("sec-fetch-site") {
        None | Some("same-origin" | "none") => None,
        Some(_) if followed_a_link => None,
        Some(_) => Some(Error::ForeignOrigin("another site".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &str, headers: &[(&'static str, &'static str)], welcome: bool) {
        let public = "https://talk.example.org/".parse().unwrap();
        let room = RoomAddress::new("127.0.0.1:3030".parse().unwrap(), Some(public));
        let mut map = HeaderMap::new();
        map.insert("host", "127.0.0.1:3030".parse().unwrap());
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let uri = Uri::from_static("/control");
        let refused = refusal(&method.parse().unwrap(), &uri, &map, &room);
        assert_eq!(refused.is_none(), welcome, "{method} {headers:?}");
    }

    #[test]
    fn what_changes_something_comes_from_our_own_page_or_from_no_browser() {
        check("POST", &[], true);
        check("POST", &[("origin", "http://127.0.0.1:3030")], true);
        check("POST", &[("origin", "https://talk.example.org")], true);
        check("POST", &[("sec-fetch-site", "same-origin")], true);
        for origin in [
            "https://elsewhere.example",
            "http://127.0.0.1:3031",
            "null",
            "127.0.0.1:3030",
        ] {
            check("POST", &[("origin", origin)], false);
            check(
                "POST",
                &[("origin", origin), ("sec-fetch-site", "same-origin")],
                false,
            );
        }
        for site in ["cross-site", "same-site", "something new"] {
            let navigates = [
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
            ];
            check(
                "POST",
                &[("sec-fetch-site", site), navigates[0], navigates[1]],
                false,
            );
            check("DELETE", &[("sec-fetch-site", site)], false);
        }
    }

    #[test]
    fn what_is_read_may_be_linked_to_but_neither_framed_nor_loaded_into_another_page() {
        check(
            "GET",
            &[("sec-fetch-site", "none"), ("sec-fetch-dest", "document")],
            true,
        );
        let from = |mode, dest| {
            [
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", mode),
                ("sec-fetch-dest", dest),
            ]
        };
        check("GET", &from("navigate", "document"), true);
        for (mode, dest) in [
            ("navigate", "iframe"),
            ("navigate", "object"),
            ("no-cors", "image"),
            ("no-cors", "script"),
            ("cors", "empty"),
        ] {
            check("GET", &from(mode, dest), false);
        }
    }
}
