//! Creating, replacing and patching objects.
//!
//! Every way to write ends in the same steps: fit the object to its path, drop or refuse unknown fields, convert to
//! the stored form, keep what this path may not change, complete the defaults, check the rules, store. A change runs
//! inside the store's [`Store::modify`], so that a patch applies to the object as it is at that moment; an error in
//! there is carried out beside the store's own.

mod dry_run;

use super::admission;
use super::convert;
use super::decode::{Source, decode};
use super::defaults;
use super::error::{ApiError, Cause};
use super::last_applied;
use super::managers::{Operation, Writer};
use super::ownership;
use super::patch;
use super::request::{self, Query, Target};
use super::schema::Place;
use super::strict::Validation;
use crate::embedded::store::{self, Key, Object, Store, StoreError};
use serde_json::{Value, json};
use std::sync::Arc;

/// What a write did.
pub(super) struct Written {
    /// The object as stored.
    pub(super) object: Object,
    /// Whether it is new.
    pub(super) created: bool,
    /// For the `Warning` headers.
    pub(super) warnings: Vec<String>,
}

/// `POST` to a collection.
pub(super) fn create(
    store: &Store,
    target: &Target,
    query: &Query,
    mut object: Value,
) -> Result<Written, ApiError> {
    query.check_write("CreateOptions", false)?;
    request::fit(target, &mut object)?;
    insert(store, target, query, object, Source::Body)
}

/// `PUT` of an object or its status.
pub(super) fn replace(
    store: &Store,
    target: &Target,
    query: &Query,
    object: Value,
) -> Result<Written, ApiError> {
    query.check_write("UpdateOptions", false)?;
    revise(store, target, query, Source::Body, |_| {
        let mut object = object;
        request::fit(target, &mut object)?;
        let blind = object["metadata"]["resourceVersion"]
            .as_str()
            .is_none_or(str::is_empty);
        if blind && target.kind.is_custom() {
            let cause = Cause {
                reason: "FieldValueInvalid",
                field: "metadata.resourceVersion".to_owned(),
                message: "Invalid value: 0x0: must be specified for an update".to_owned(),
            };
            return Err(invalid(target, cause));
        }
        Ok(object)
    })
}

/// `PATCH` of an object or its status, in the format of `media_type`.
pub(super) fn patch(
    store: &Store,
    target: &Target,
    query: &Query,
    media_type: &str,
    body: &[u8],
) -> Result<Written, ApiError> {
    let apply = media_type == patch::APPLY;
    query.check_write("PatchOptions", apply)?;
    if apply {
        let config = request::parse_yaml(body)
            .map_err(|why| ApiError::BadRequest(format!("error decoding YAML: {why}")))?;
        return server_side_apply(store, target, query, config);
    }
    let patch = patch::read(target, media_type, body)?;
    revise(store, target, query, Source::Patch, |live| {
        let mut object = live.clone();
        patch::merge(target, media_type, &mut object, &patch)?;
        Ok(object)
    })
}

fn server_side_apply(
    store: &Store,
    target: &Target,
    query: &Query,
    mut config: Value,
) -> Result<Written, ApiError> {
    let sent = config.clone();
    request::fit(target, &mut config)?;
    if query.text("fieldManager").is_empty() {
        return Err(ApiError::InvalidOptions {
            kind: "PatchOptions",
            cause: Cause::required("fieldManager", "is required for apply patch"),
        });
    }
    if !config["metadata"]["managedFields"].is_null() {
        return Err(ApiError::BadRequest(
            "metadata.managedFields must be nil".to_owned(),
        ));
    }
    decode(target, &mut config, Source::Apply, Validation::Strict)?;
    if target.subresource.is_none()
        && target.kind.has("status")
        && let Some(fields) = config.as_object_mut()
    {
        fields.remove("status");
    }
    let place = Place::top(target.kind.group);
    let version = target.kind.api_version();
    let now = store.timestamp();
    let writer = writer(target, query, &version, &now, Operation::Apply);
    let force = query.flag("force");
    let apply = |live: &Value| {
        last_applied::apply(live, &config, &sent, &writer, &place, force)
            .map_err(ApiError::ApplyConflict)
    };
    let exists = target
        .name
        .as_deref()
        .is_some_and(|name| store.get(&target.key(name)).is_some());
    if !exists && target.subresource.is_none() {
        match insert(store, target, query, apply(&Value::Null)?, Source::Apply) {
            Err(ApiError::Store(StoreError::AlreadyExists(_))) => {}
            outcome => return outcome,
        }
    }
    revise(store, target, query, Source::Apply, apply)
}

/// Who writes with this request. Subresources other than a status or a scale write the object itself.
pub(super) fn writer<'a>(
    target: &'a Target,
    query: &'a Query,
    api_version: &'a str,
    now: &'a str,
    operation: Operation,
) -> Writer<'a> {
    let subresource = target.subresource.as_deref();
    Writer {
        manager: query.manager(),
        operation,
        api_version,
        subresource: subresource
            .filter(|name| matches!(*name, "status" | "scale"))
            .unwrap_or_default(),
        now,
    }
}

/// Notes who made `object` of `live` by any write but an apply, which notes it itself.
pub(super) fn sign(
    store: &Store,
    target: &Target,
    query: &Query,
    live: &Value,
    object: &mut Value,
) {
    let api_version = object["apiVersion"].as_str().unwrap_or_default().to_owned();
    let now = store.timestamp();
    let writer = writer(target, query, &api_version, &now, Operation::Update);
    ownership::note(live, object, &writer, target.kind.resource.group);
}

fn insert(
    store: &Store,
    target: &Target,
    query: &Query,
    mut object: Value,
    source: Source,
) -> Result<Written, ApiError> {
    let kind = target.kind;
    if object["metadata"]["resourceVersion"]
        .as_str()
        .is_some_and(|version| !version.is_empty())
    {
        return Err(ApiError::BadRequest(
            "resourceVersion should not be set on objects to be created".to_owned(),
        ));
    }
    let validation = Validation::parse(query.text("fieldValidation"))?;
    let mut warnings = decode(target, &mut object, source, validation)?;
    let mut object = convert::inward(kind, object);
    give_name(&mut object["metadata"]);
    if kind.has("status") {
        object.as_object_mut().map(|fields| fields.remove("status"));
    }
    defaults::complete(&mut object);
    let key = Key::of(kind.resource, &object);
    if let Some(home) = target.home() {
        admission::namespace_takes(store, &home, &key)?;
    }
    let neighbours = admission::neighbours(store, target, query.dry_run());
    warnings.extend(admission::check(kind, &object, None, neighbours.as_ref())?);
    admission::quota_allows(store, &key, &object)?;
    if source != Source::Apply {
        sign(store, target, query, &Value::Null, &mut object);
    }
    let object = if query.dry_run() {
        dry_run::created(store, &key, object)?
    } else {
        store.create(kind.resource, object)?
    };
    Ok(Written {
        object,
        created: true,
        warnings,
    })
}

/// Leaves of new metadata what a client may set, and makes a name from `generateName` where there is none.
fn give_name(metadata: &mut Value) {
    if let Some(fields) = metadata.as_object_mut() {
        for field in [
            "uid",
            "creationTimestamp",
            "resourceVersion",
            "generation",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
        ] {
            fields.remove(field);
        }
    }
    let prefix = metadata["generateName"].as_str().unwrap_or_default();
    if metadata["name"].as_str().unwrap_or_default().is_empty() && !prefix.is_empty() {
        // Hexadecimal digits are lower-case letters and digits, all that a name's end needs.
        metadata["name"] = json!(format!("{prefix}{}", &store::new_uid()[..5]));
    }
}

/// Changes an existing object into what `make` says, given the object as the target's kind shows it.
fn revise(
    store: &Store,
    target: &Target,
    query: &Query,
    source: Source,
    make: impl FnOnce(&Value) -> Result<Value, ApiError>,
) -> Result<Written, ApiError> {
    let validation = Validation::parse(query.text("fieldValidation"))?;
    let key = target.key(target.name.as_deref().unwrap_or_default());
    let neighbours = admission::neighbours(store, target, query.dry_run());
    let mut warnings = Vec::new();
    let object = change(store, &key, query.dry_run(), |live| {
        let mut object = make(&convert::outward(target.kind, live))?;
        request::fit(target, &mut object)?;
        let read = stated_version(target, &object)?;
        if read != 0 && read != store::resource_version(live) {
            return Err(StoreError::Conflict(key.clone()).into());
        }
        warnings = decode(target, &mut object, source, validation)?;
        let mut object = convert::inward(target.kind, object);
        keep_what_is_not_ours(target, live, &mut object);
        defaults::complete(&mut object);
        let (previous, neighbours) = (Some(live), neighbours.as_ref());
        warnings.extend(admission::check(
            target.kind,
            &object,
            previous,
            neighbours,
        )?);
        if source != Source::Apply {
            sign(store, target, query, live, &mut object);
        }
        Ok(object)
    })?;
    Ok(Written {
        object,
        created: false,
        warnings,
    })
}

/// The version that a writer says it has read; 0 when it does not say.
fn stated_version(target: &Target, object: &Value) -> Result<u64, ApiError> {
    let text = object["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_default();
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        let cause = Cause::invalid(
            "metadata.resourceVersion",
            &json!(text),
            "must be a whole number",
        );
        invalid(target, cause)
    })
}

/// A write to the object leaves its status alone, a write to its status everything else; nobody moves the marks of a
/// deletion, and the cluster's address of a Service stays.
fn keep_what_is_not_ours(target: &Target, live: &Value, object: &mut Value) {
    if target.subresource.as_deref() == Some("status") {
        let status = object["status"].take();
        let managers = object["metadata"]["managedFields"].take();
        *object = live.clone();
        object["status"] = status;
        if !managers.is_null() {
            object["metadata"]["managedFields"] = managers;
        }
        return;
    }
    if target.kind.has("status") {
        match &live["status"] {
            Value::Null => {
                object.as_object_mut().map(|fields| fields.remove("status"));
            }
            status => object["status"] = status.clone(),
        }
    }
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
        match &live["metadata"][field] {
            Value::Null => {
                object["metadata"]
                    .as_object_mut()
                    .map(|fields| fields.remove(field));
            }
            mark => object["metadata"][field] = mark.clone(),
        }
    }
    if target.kind.resource == store::SERVICES {
        for field in ["clusterIP", "clusterIPs"] {
            if object["spec"][field].is_null() && !live["spec"][field].is_null() {
                object["spec"][field] = live["spec"][field].clone();
            }
        }
    }
}

/// Runs `make` on the object at `key` and stores what it returns, or with `dry_run` only tells what that would be.
pub(super) fn change(
    store: &Store,
    key: &Key,
    dry_run: bool,
    make: impl FnOnce(&Value) -> Result<Value, ApiError>,
) -> Result<Object, ApiError> {
    let mut refusal = None;
    let mut planned = None;
    let outcome = store.modify(key, None, |object| {
        match make(object) {
            Err(error) => refusal = Some(error),
            Ok(new) if dry_run => planned = Some(dry_run::changed(object, new)),
            Ok(new) => {
                *object = new;
                return Ok(());
            }
        }
        // Refusing is how a closure leaves the stored object as it was.
        Err(StoreError::Rejected(String::new()))
    });
    match (refusal, planned, outcome) {
        (Some(error), _, _) => Err(error),
        (None, Some(object), _) => Ok(Arc::new(object)),
        (None, None, outcome) => Ok(outcome?),
    }
}

/// A request to an object that exists but whose body is not what its kind needs.
#[must_use]
pub(super) fn invalid(target: &Target, cause: Cause) -> ApiError {
    ApiError::Invalid {
        kind: target.kind,
        name: target.name.clone().unwrap_or_default(),
        causes: vec![cause],
    }
}
