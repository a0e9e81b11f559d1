//! Who calls: the administrator by the cluster's own token, a service account by one that it was given, and whoever an
//! administrator speaks for (`kubectl --as`).
//!
//! A service account's token is 128 random bits, told once in the answer to a TokenRequest and kept here in memory. It
//! says nothing by itself, unlike the signed one of a real cluster, and clients treat both alike. It ends with its time,
//! and with its account: one of the same name that was created later is another (told by the uid).

use super::attributes::{Attributes, Resource};
use super::error::ApiError;
use super::kind::SERVICE_ACCOUNTS;
use super::rbac::{self, Decision};
use crate::embedded::store::{self, Key, Store};
use axum::http::HeaderMap;
use std::sync::{Arc, Mutex, PoisonError};
use subtle::ConstantTimeEq;

/// The group that may do everything.
pub(super) const MASTERS: &str = "system:masters";
/// The group of everybody who is somebody.
pub(super) const AUTHENTICATED: &str = "system:authenticated";
/// The name of a service account's user begins so; its namespace and name follow.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
/// The most tokens that count at a time; the oldest make room. Each request is compared with all of them.
const MOST_TOKENS: usize = 1_000;

/// A caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    /// `system:serviceaccount:podium:podium`
    pub(super) name: String,
    /// Empty unless it is a service account's.
    pub(super) uid: String,
    /// Its groups.
    pub(super) groups: Vec<String>,
}

impl User {
    fn administrator() -> Self {
        Self {
            name: "podium".to_owned(),
            uid: String::new(),
            groups: vec![MASTERS.to_owned(), AUTHENTICATED.to_owned()],
        }
    }

    /// Somebody called `name`, with the groups that a name brings with it.
    pub(super) fn named(name: &str, mut groups: Vec<String>) -> Self {
        if groups.is_empty()
            && let Some((namespace, _)) = service_account(name)
        {
            groups.push("system:serviceaccounts".to_owned());
            groups.push(format!("system:serviceaccounts:{namespace}"));
        }
        let everybody = match name {
            "system:anonymous" => "system:unauthenticated",
            _ => AUTHENTICATED,
        };
        if !groups.iter().any(|group| group == everybody) {
            groups.push(everybody.to_owned());
        }
        Self {
            name: name.to_owned(),
            uid: String::new(),
            groups,
        }
    }

    /// Whether it is in `group`.
    pub(super) fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }

    /// Whether it is the service account `name` of `namespace`.
    pub(super) fn is_service_account(&self, namespace: &str, name: &str) -> bool {
        service_account(&self.name) == Some((namespace, name))
    }
}

/// Namespace and name of the service account whose user is called `user`.
fn service_account(user: &str) -> Option<(&str, &str)> {
    user.strip_prefix(SERVICE_ACCOUNT)?
        .split_once(':')
        .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty())
}

/// A token that was given to a service account.
struct Issued {
    token: String,
    account: Key,
    uid: String,
    /// ms since the epoch.
    expires: i64,
}

/// Every token that opens the door. Clones share them.
#[derive(Clone)]
pub(super) struct Identities {
    administrator: Arc<str>,
    issued: Arc<Mutex<Vec<Issued>>>,
}

impl Identities {
    /// The administrator's `token`, and none besides.
    pub(super) fn new(token: String) -> Self {
        Self {
            administrator: token.into(),
            issued: Arc::default(),
        }
    }

    /// Whose token it is, if anybody's.
    pub(super) fn holder(&self, store: &Store, token: &str) -> Option<User> {
        if same(token, &self.administrator) {
            return Some(User::administrator());
        }
        let now = store.clock().now_ms();
        let (account, uid) = {
            let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
            let found = issued.iter().find(|issued| same(token, &issued.token))?;
            (found.expires > now).then(|| (found.account.clone(), found.uid.clone()))?
        };
        if store::uid(&*store.get(&account)?) != uid {
            return None;
        }
        let name = format!("{SERVICE_ACCOUNT}{}:{}", account.namespace, account.name);
        let user = User::named(&name, Vec::new());
        Some(User { uid, ..user })
    }

    /// A new token for a service account, good until `expires` (ms since the epoch).
    pub(super) fn issue(
        &self,
        store: &Store,
        namespace: &str,
        name: &str,
        expires: i64,
    ) -> Result<String, ApiError> {
        let account = Key::new(SERVICE_ACCOUNTS, namespace, name);
        let found = store
            .get(&account)
            .ok_or_else(|| store::StoreError::NotFound(account.clone()))?;
        let token = random_token()?;
        let now = store.clock().now_ms();
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.retain(|issued| issued.expires > now);
        if issued.len() >= MOST_TOKENS {
            issued.remove(0);
        }
        issued.push(Issued {
            token: token.clone(),
            uid: store::uid(&found).to_owned(),
            account,
            expires,
        });
        Ok(token)
    }
}

/// In constant time: how much of a guess is right must not show.
fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// Hexadecimal, so that it needs no escaping in a kubeconfig's URL.
fn random_token() -> Result<String, ApiError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whom the request is to be answered as: `user`, or whom the `Impersonate-` headers name, if `user` may speak for them.
/// Of those headers user and groups count; uid and extras decide nothing here and are passed over.
pub(super) fn acting(store: &Store, user: User, headers: &HeaderMap) -> Result<User, ApiError> {
    let named = |header: &str| -> Vec<String> {
        let values = headers.get_all(header).iter();
        values
            .filter_map(|value| value.to_str().ok().map(str::to_owned))
            .collect()
    };
    let (names, groups) = (named("impersonate-user"), named("impersonate-group"));
    let Some(name) = names.first().filter(|name| !name.is_empty()) else {
        if groups.is_empty() {
            return Ok(user);
        }
        return Err(ApiError::Internal(format!(
            "requested {groups:?} without impersonating a user"
        )));
    };
    let (namespace, resource, short) = match service_account(name) {
        Some((namespace, short)) => (namespace, "serviceaccounts", short),
        None => ("", "users", name.as_str()),
    };
    may_speak_for(store, &user, namespace, resource, short)?;
    for group in &groups {
        may_speak_for(store, &user, "", "groups", group)?;
    }
    Ok(User::named(name, groups))
}

fn may_speak_for(
    store: &Store,
    user: &User,
    namespace: &str,
    resource: &str,
    name: &str,
) -> Result<(), ApiError> {
    let asked = Attributes::resource(
        "impersonate",
        Resource {
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..Resource::default()
        },
    );
    match rbac::decide(store, user, &asked) {
        Decision::Allowed(_) => Ok(()),
        Decision::NotAllowed(why) => Err(ApiError::denied(user, &asked, &why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use serde_json::json;
    use std::time::Duration;

    fn account(store: &Store) {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bot", "namespace": "demo"}});
        store.create(SERVICE_ACCOUNTS, account).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_ends_with_its_time_and_with_its_account() {
        let store = Store::new(Clock::following_tokio(0));
        let identities = Identities::new("root".to_owned());
        assert!(identities.issue(&store, "demo", "bot", 1_000).is_err());
        account(&store);
        let short = identities.issue(&store, "demo", "bot", 1_000).unwrap();
        let long = identities.issue(&store, "demo", "bot", 60_000).unwrap();
        let user = identities.holder(&store, &short).unwrap();
        assert_eq!(user.name, "system:serviceaccount:demo:bot");
        assert!(user.is_in("system:serviceaccounts:demo") && user.is_in(AUTHENTICATED));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(identities.holder(&store, &short), None);
        assert!(identities.holder(&store, &long).is_some());
        let key = Key::new(SERVICE_ACCOUNTS, "demo", "bot");
        let uid = store::uid(&store.get(&key).unwrap()).to_owned();
        store.remove(&key, &uid);
        assert_eq!(identities.holder(&store, &long), None);
        account(&store);
        assert_eq!(
            identities.holder(&store, &long),
            None,
            "another of its name"
        );
    }

    #[test]
    fn who_has_no_token_is_nobody() {
        let store = Store::new(Clock::wall());
        let identities = Identities::new("root".to_owned());
        assert!(identities.holder(&store, "root").unwrap().is_in(MASTERS));
        for wrong in ["", "roo", "root2"] {
            assert_eq!(identities.holder(&store, wrong), None);
        }
    }
}
