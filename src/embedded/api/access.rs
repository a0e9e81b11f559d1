//! Who may call: whoever has the token, and the kubeconfig that carries it.
//!
//! `kubectl` sends a bearer token over TLS only; over plain HTTP it drops everything under `users` without a word. What
//! it does send is the user part of the server's URL, as basic authentication. So the kubeconfig has the token in both
//! places, and the server takes it from either: `kube` uses the first, `kubectl` the second.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use k8s_openapi::ByteString;
use serde_json::json;
use std::net::SocketAddr;
use subtle::ConstantTimeEq;

/// The user's name in the kubeconfig. Only the token counts.
const USER: &str = "podium";

/// Whether a request carries `token`, as bearer token or as the password of basic authentication.
pub(super) fn is_granted(headers: &HeaderMap, token: &str) -> bool {
    let Some(authorization) = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let given = match authorization.split_once(' ') {
        Some(("Bearer", given)) => given.to_owned(),
        Some(("Basic", credentials)) => password(credentials).unwrap_or_default(),
        _ => return false,
    };
    given.as_bytes().ct_eq(token.as_bytes()).into()
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
    fn check(authorization: &str, granted: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        assert_eq!(is_granted(&headers, "secret"), granted, "{authorization}");
    }

    #[test]
    fn the_token_opens_the_door_in_either_form() {
        check("Bearer secret", true);
        check("Basic cG9kaXVtOnNlY3JldA==", true);
        for wrong in [
            "Bearer nope",
            "Bearer ",
            "Basic cG9kaXVtOm5vcGU=",
            "Basic !",
            "secret",
            "Digest secret",
        ] {
            check(wrong, false);
        }
        assert!(!is_granted(&HeaderMap::new(), "secret"));
    }
}
