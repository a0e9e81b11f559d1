//! How a token travels: what a request carries, and the kubeconfig that makes a client carry it.
//!
//! `kubectl` sends a bearer token over TLS only; over plain HTTP it drops everything under `users` without a word. What
//! it does send is the user part of the server's URL, as basic authentication. So the kubeconfig has the token in both
//! places, and the server takes it from either: `kube` uses the first, `kubectl` the second.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use k8s_openapi::ByteString;
use serde_json::json;
use std::net::SocketAddr;

/// The user's name in the kubeconfig. Only the token counts.
const USER: &str = "podium";

/// The token that a request carries, as bearer token or as the password of basic authentication.
pub(super) fn token(headers: &HeaderMap) -> Option<String> {
    let authorization = headers.get(AUTHORIZATION)?.to_str().ok()?;
    match authorization.split_once(' ')? {
        ("Bearer", given) => Some(given.to_owned()),
        ("Basic", credentials) => password(credentials),
        _ => None,
    }
}

fn password(credentials: &str) -> Option<String> {
    let decoded: ByteString = serde_json::from_value(json!(credentials)).ok()?;
    let pair = String::from_utf8(decoded.0).ok()?;
    Some(pair.split_once(':')?.1.to_owned())
}

/// A kubeconfig (JSON, hence YAML) for the API at `address`, with `token`, which must need no escaping in a URL.
#[must_use]
pub fn kubeconfig(address: SocketAddr, token: &str) -> String {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": USER, "cluster": {"server": format!("http://{USER}:{token}@{address}")}}],
        "users": [{"name": USER, "user": {"token": token}}],
        "contexts": [{"name": USER, "context": {"cluster": USER, "user": USER}}],
        "current-context": USER,
    });
    format!("{config:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(authorization: &str, carried: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        assert_eq!(token(&headers).as_deref(), carried, "{authorization}");
    }

    #[test]
    fn the_token_is_taken_in_either_form() {
        check("Bearer secret", Some("secret"));
        check("Basic cG9kaXVtOnNlY3JldA==", Some("secret"));
        for nothing in ["Basic !", "secret", "Digest secret"] {
            check(nothing, None);
        }
        assert_eq!(token(&HeaderMap::new()), None);
    }
}
