//! Admission: whether an object may be what it is, and the rules that span objects.
//!
//! Validation collects every broken rule as a `Cause`, so that the client sees them all at once. The KEDA rules come
//! from `scaled_object`; its words are those of KEDA's webhook.

mod autoscaler;
mod metadata;
mod trigger_authentication;
mod unsupported;
mod workload;

use super::error::ApiError;
use super::kind::Kind;
use super::request::Target;
use super::scaled_object;
use crate::autoscale::keda::Neighbours;
use crate::embedded::controllers::workloads::quota;
use crate::embedded::store::{
    self, DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, JOBS, Key, PODS, REPLICA_SETS, SCALED_OBJECTS,
    SERVICES, Store, TRIGGER_AUTHENTICATIONS,
};
use serde_json::Value;

/// Whether a new object may be created in `home`: the namespace must exist and not be on its way out.
pub(super) fn namespace_takes(store: &Store, home: &Key, new: &Key) -> Result<(), ApiError> {
    let namespace = store
        .get(home)
        .ok_or_else(|| store::StoreError::NotFound(home.clone()))?;
    if store::is_deleting(&namespace) {
        return Err(ApiError::Forbidden {
            key: Some(new.clone()),
            message: format!(
                "{} \"{}\" is forbidden: unable to create new content in namespace {} because it is being terminated",
                new.resource, new.name, home.name
            ),
        });
    }
    Ok(())
}

/// Whether the quotas of its namespace leave room for a new object.
pub(super) fn quota_allows(store: &Store, new: &Key, object: &Value) -> Result<(), ApiError> {
    if new.resource != PODS {
        return Ok(());
    }
    quota::admit(store, object).map_err(|message| ApiError::Forbidden {
        key: Some(new.clone()),
        message,
    })
}

/// What KEDA's webhook compares the object of a write with. `None` when it is not asked: it knows ScaledObjects alone,
/// and not their status. Read before the write, so that it may be used while the store is locked for it; upstream's
/// webhook sees a moment ago too.
pub(super) fn neighbours(store: &Store, target: &Target, dry_run: bool) -> Option<Neighbours> {
    let asked = target.kind.resource == SCALED_OBJECTS && target.subresource.is_none();
    let namespace = target.namespace.as_deref().filter(|_| asked)?;
    Some(scaled_object::neighbours(store, namespace, dry_run))
}

/// Checks the rules of `kind` on `object`; `previous` is what it replaces. Returns warnings.
pub(super) fn check(
    kind: &'static Kind,
    object: &Value,
    previous: Option<&Value>,
    neighbours: Option<&Neighbours>,
) -> Result<Vec<String>, ApiError> {
    let mut causes = metadata::check(kind, &object["metadata"]);
    let resource = kind.resource;
    if resource == DEPLOYMENTS || resource == REPLICA_SETS {
        workload::scalable(
            &object["spec"],
            previous.map(|previous| &previous["spec"]),
            &mut causes,
        );
    } else if resource == PODS {
        workload::containers(&object["spec"], "spec", &mut causes);
    } else if resource == JOBS {
        workload::job(&object["spec"], &mut causes);
    } else if resource == SERVICES {
        workload::service(&object["spec"], &mut causes);
    } else if resource == HORIZONTAL_POD_AUTOSCALERS {
        autoscaler::check(&object["spec"], &mut causes);
    } else if resource == SCALED_OBJECTS {
        scaled_object::schema(&object["spec"], &mut causes);
    } else if resource == TRIGGER_AUTHENTICATIONS {
        trigger_authentication::schema(&object["spec"], &mut causes);
    }
    if !causes.is_empty() {
        return Err(ApiError::Invalid {
            kind,
            name: store::name(object).to_owned(),
            causes,
        });
    }
    let mut warnings = unsupported::warnings(resource, object);
    if let Some(neighbours) = neighbours {
        warnings.extend(scaled_object::webhook(object, previous, neighbours)?);
    }
    Ok(warnings)
}

#[cfg(test)]
#[track_caller]
fn refuses(group: &str, version: &str, plural: &str, object: &Value, message: &str) {
    let kind = super::kind::find(group, version, plural).unwrap();
    let error = check(kind, object, None, None).unwrap_err();
    assert_eq!(error.to_string(), message);
}
