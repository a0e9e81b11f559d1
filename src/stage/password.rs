//! The password of the demo's own Redis: made here, kept in its Secret, and never in a manifest.

use crate::cluster::apply::{Manifest, secret_value};
use crate::cluster::{Cluster, ClusterError};
use crate::config::RedisUrl;
use serde_json::Value;

/// Which password the Redis Secret gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Password {
    /// The one in the manifest: that Redis is not ours and has its own.
    AsGiven,
    /// The one the Secret has already, else a random one.
    OwnRandom,
}

impl Password {
    /// What suits a demo on `redis`, or on a Redis of its own.
    #[must_use]
    pub fn suiting(redis: Option<&RedisUrl>) -> Self {
        match redis {
            Some(_) => Self::AsGiven,
            None => Self::OwnRandom,
        }
    }
}

/// Gives the Redis Secret a password of its own: the one it has, when it is there already (running pods know it), or
/// a random one. The manifest's literal is for people who apply it by hand. Answers whether there is such a Secret yet;
/// one without a password in its manifest is left as it is.
pub(super) async fn fill_in(
    cluster: &Cluster,
    manifest: &mut Manifest,
) -> Result<Standing, ClusterError> {
    let existing = secret(cluster, manifest).await?;
    let literal = manifest.object_mut().pointer("/stringData/password");
    if literal.is_none() {
        return Ok(Standing::Settled);
    }
    let there = existing.is_some();
    put(manifest, existing.as_ref().and_then(password_of));
    Ok(if there {
        Standing::Settled
    } else {
        Standing::New
    })
}

/// What [`fill_in`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The Secret is not there; its password was made just now.
    New,
    /// Nothing is new about its password.
    Settled,
}

/// Creates the Secret, or applies it when it is there. Answers whether it was created here.
///
/// A new Secret is created, not applied: of two who deploy at the same moment, from the button and from a terminal, one
/// creates it and the other takes its password over. Two applies would leave pods with the first password and a Secret
/// with the second.
pub(super) async fn create(
    cluster: &Cluster,
    manifest: &mut Manifest,
) -> Result<bool, ClusterError> {
    if fill_in(cluster, manifest).await? == Standing::Settled {
        return Ok(false);
    }
    if cluster.create(manifest).await? {
        return Ok(true);
    }
    let theirs = secret(cluster, manifest).await?;
    put(manifest, theirs.as_ref().and_then(password_of));
    Ok(false)
}

async fn secret(cluster: &Cluster, manifest: &Manifest) -> Result<Option<Value>, ClusterError> {
    cluster.get(manifest).await.or_else(|error| match error {
        // The namespace may not be there yet in a dry world; then there is no Secret either.
        ClusterError::Refused { code: 404, .. } => Ok(None),
        other => Err(other),
    })
}

fn password_of(secret: &Value) -> Option<Value> {
    secret.pointer("/data/password").cloned()
}

/// As `data`, the way it is stored: then applying it again changes nothing.
fn put(manifest: &mut Manifest, password: Option<Value>) {
    let object = manifest.object_mut();
    object["data"]["password"] = password.unwrap_or_else(|| secret_value(&random_key()));
    if let Some(fields) = object.as_object_mut() {
        fields.remove("stringData");
    }
}

/// 128 random bits in hexadecimal.
#[must_use]
pub fn random_key() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the operating system always has random bytes after boot");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
