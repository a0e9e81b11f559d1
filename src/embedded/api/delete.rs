//! Deleting objects, one by one or as a collection.
//!
//! The rules of finalizers and grace are the store's; here is what depends on the kind: a pod's grace period, a
//! namespace's slow end, and what `propagationPolicy: Orphan` does to dependents. `Foreground` acts as `Background`:
//! the garbage collector follows the owner references either way.

use super::convert;
use super::error::ApiError;
use super::request::{Query, Target};
use super::write;
use crate::embedded::store::{self, Key, NAMESPACES, Object, PODS, Store, StoreError};
use serde_json::{Value, json};

/// `DeleteOptions`, from the body and the query (which wins).
#[derive(Debug, Default)]
pub(super) struct Options {
    grace: Option<i64>,
    orphan: bool,
    uid: Option<String>,
    resource_version: Option<u64>,
    dry_run: bool,
}

impl Options {
    /// Reads the options; the body may be null.
    pub(super) fn parse(body: &Value, query: &Query) -> Result<Self, ApiError> {
        let grace = query
            .number("gracePeriodSeconds")?
            .and_then(|seconds| i64::try_from(seconds).ok());
        let policy = match query.text("propagationPolicy") {
            "" => body["propagationPolicy"].as_str().unwrap_or_default(),
            policy => policy,
        };
        if !matches!(policy, "" | "Orphan" | "Background" | "Foreground") {
            return Err(ApiError::BadRequest(format!(
                "invalid propagationPolicy \"{policy}\": must be one of Foreground, Background, Orphan"
            )));
        }
        let dry_run = body["dryRun"]
            .as_array()
            .is_some_and(|stages| stages.iter().any(|stage| stage == "All"));
        Ok(Self {
            grace: grace.or_else(|| body["gracePeriodSeconds"].as_i64()),
            orphan: policy == "Orphan" || body["orphanDependents"] == true,
            uid: body["preconditions"]["uid"].as_str().map(str::to_owned),
            resource_version: body["preconditions"]["resourceVersion"]
                .as_str()
                .and_then(|text| text.parse().ok()),
            dry_run: dry_run || query.dry_run(),
        })
    }
}

/// Deletes one object. Returns it while something still holds it, otherwise a `Status` of success.
pub(super) fn delete(store: &Store, target: &Target, options: &Options) -> Result<Value, ApiError> {
    let key = target.key(target.name.as_deref().unwrap_or_default());
    let current = store
        .get(&key)
        .ok_or_else(|| StoreError::NotFound(key.clone()))?;
    let wanted = options.resource_version;
    if wanted.is_some_and(|version| version != store::resource_version(&current)) {
        return Err(StoreError::Conflict(key).into());
    }
    let (object, gone) = if key.resource == NAMESPACES {
        (
            terminate_namespace(store, &key.name, options.dry_run)?,
            false,
        )
    } else if options.dry_run {
        (current, true)
    } else {
        if options.orphan {
            orphan_dependents(store, store::uid(&current));
        }
        store.delete(
            &key,
            options.uid.as_deref(),
            grace(target, options, &current),
        )?
    };
    if gone && key.resource != PODS {
        return Ok(json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": {
                "name": key.name,
                "group": target.kind.group,
                "kind": target.kind.resource.plural,
                "uid": store::uid(&object),
            },
        }));
    }
    Ok(convert::outward(target.kind, &object))
}

/// Deletes every one of `objects`; those that went meanwhile are no error.
pub(super) fn delete_all(
    store: &Store,
    target: &Target,
    options: &Options,
    objects: &[Object],
) -> Result<(), ApiError> {
    for object in objects {
        let one = Target {
            namespace: Some(store::namespace(object).to_owned())
                .filter(|namespace| !namespace.is_empty()),
            name: Some(store::name(object).to_owned()),
            ..target.clone()
        };
        match delete(store, &one, options) {
            Ok(_) | Err(ApiError::Store(StoreError::NotFound(_))) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Seconds that the object may take to stop. Only pods have something to stop, and only once they run somewhere.
fn grace(target: &Target, options: &Options, object: &Value) -> i64 {
    let idle = object["spec"]["nodeName"]
        .as_str()
        .unwrap_or_default()
        .is_empty()
        || matches!(
            object["status"]["phase"].as_str(),
            Some("Succeeded" | "Failed")
        );
    if target.kind.resource != PODS || idle {
        return 0;
    }
    options
        .grace
        .or_else(|| object["spec"]["terminationGracePeriodSeconds"].as_i64())
        .unwrap_or(30)
        .max(0)
}

fn orphan_dependents(store: &Store, owner: &str) {
    for (key, _) in store.owned_by(owner) {
        // A dependent that went meanwhile needs no release.
        let _ = store.modify(&key, None, |object| {
            if let Some(owners) = object["metadata"]["ownerReferences"].as_array_mut() {
                owners.retain(|reference| reference["uid"] != owner);
            }
            Ok(())
        });
    }
}

/// Marks a namespace for deletion; its contents, and then it, are removed by the namespace controller.
fn terminate_namespace(store: &Store, name: &str, dry_run: bool) -> Result<Object, ApiError> {
    let key = Key::new(NAMESPACES, "", name);
    if matches!(name, "default" | "kube-system" | "keda") {
        return Err(ApiError::Forbidden {
            message: format!(
                "namespaces \"{name}\" is forbidden: this namespace may not be deleted"
            ),
            key: Some(key),
        });
    }
    let now = store.timestamp();
    write::change(store, &key, dry_run, |live| {
        let mut namespace = live.clone();
        if !store::is_deleting(live) {
            namespace["metadata"]["deletionTimestamp"] = json!(now);
        }
        namespace["status"]["phase"] = json!("Terminating");
        Ok(namespace)
    })
}
