//! Getting and listing: stored objects in the form the client asked for.

use super::convert;
use super::error::{ApiError, Cause};
use super::kind::Kind;
use super::request::{Form, Query, Target};
use super::table;
use crate::embedded::store::{self, Object, Store, StoreError};
use k8s_openapi::ByteString;
use serde::Serialize;
use serde_json::{Value, json};

/// One object.
pub(super) fn get(
    store: &Store,
    target: &Target,
    query: &Query,
    form: Form,
) -> Result<Value, ApiError> {
    let key = target.key(target.name.as_deref().unwrap_or_default());
    let object = store.get(&key).ok_or(StoreError::NotFound(key))?;
    Ok(match form {
        Form::Object => convert::outward(target.kind, &object),
        Form::Metadata => metadata_of(&object),
        Form::Table => {
            let version = store::resource_version(&object).to_string();
            table::table(
                target.kind,
                &[object],
                &json!({"resourceVersion": version}),
                query,
                store.clock().now_ms(),
            )
        }
    })
}

/// A collection: filtered, in pages of `limit`. All pages of a list show the state at the first one's version.
pub(super) fn list(
    store: &Store,
    target: &Target,
    query: &Query,
    form: Form,
) -> Result<Collection, ApiError> {
    let page = Page::parse(query)?;
    let (mut objects, version) = match &page {
        Some(page) => (
            at_version(store, target, query, page.version)?.ok_or(ApiError::ContinueExpired)?,
            page.version,
        ),
        None => selected(store, target, query)?,
    };
    if let Some(page) = page {
        objects.retain(|object| place(object) > page.after);
    }
    let limit = query
        .number("limit")?
        .and_then(|limit| usize::try_from(limit).ok())
        .filter(|limit| *limit > 0);
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if let Some(limit) = limit.filter(|limit| *limit < objects.len()) {
        if !query.selects() {
            metadata["remainingItemCount"] = json!(objects.len() - limit);
        }
        objects.truncate(limit);
        if let Some(last) = objects.last() {
            metadata["continue"] = json!(Page::token(version, &place(last)));
        }
    }
    Ok(match form {
        Form::Table => Collection::Other(table::table(
            target.kind,
            &objects,
            &metadata,
            query,
            store.clock().now_ms(),
        )),
        Form::Object => list_of(target.kind, &objects, metadata),
        Form::Metadata => {
            let items: Vec<Value> = objects.iter().map(|object| metadata_of(object)).collect();
            Collection::Other(json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata,
                "items": items,
            }))
        }
    })
}

/// The answer to a list. Stored objects are written to the wire as they are: a copy of each of a thousand would cost
/// more than all the rest.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Collection {
    /// A `List` of whole objects.
    List {
        kind: String,
        #[serde(rename = "apiVersion")]
        api_version: String,
        metadata: Value,
        items: Vec<Object>,
    },
    /// Any other form.
    Other(Value),
}

/// The objects of the target's collection that the selectors want, and the version at which that was so.
pub(super) fn selected(
    store: &Store,
    target: &Target,
    query: &Query,
) -> Result<(Vec<Object>, u64), ApiError> {
    let wanted = query.number("resourceVersion")?.unwrap_or(0);
    let current = store.version();
    if wanted > current {
        return Err(ApiError::VersionTooLarge { wanted, current });
    }
    let rule = query.text("resourceVersionMatch");
    if !rule.is_empty() && query.text("resourceVersion").is_empty() {
        return Err(ApiError::InvalidOptions {
            kind: "ListOptions",
            cause: Cause::forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            ),
        });
    }
    if rule == "Exact" {
        let objects = at_version(store, target, query, wanted)?.ok_or(ApiError::ListExpired)?;
        return Ok((objects, wanted));
    }
    let selector = query.selector(target.kind)?;
    let (mut objects, version) = store.list(target.kind.resource, target.namespace.as_deref());
    objects.retain(|object| selector.matches(object));
    Ok((objects, version))
}

/// The same as it was at `version`; `None` when the log does not reach back that far.
fn at_version(
    store: &Store,
    target: &Target,
    query: &Query,
    version: u64,
) -> Result<Option<Vec<Object>>, ApiError> {
    let selector = query.selector(target.kind)?;
    let namespace = target.namespace.as_deref();
    let Ok(mut objects) = store.list_at(target.kind.resource, namespace, version) else {
        return Ok(None);
    };
    objects.retain(|object| selector.matches(object));
    Ok(Some(objects))
}

/// A `List` of objects.
pub(super) fn list_of(kind: &Kind, objects: &[Object], metadata: Value) -> Collection {
    Collection::List {
        kind: format!("{}List", kind.kind),
        api_version: kind.api_version(),
        metadata,
        items: objects
            .iter()
            .map(|object| convert::shown(kind, object))
            .collect(),
    }
}

/// An object without its contents.
pub(super) fn metadata_of(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// Where an object stands in a list. The zero byte, which no name contains, keeps the store's order.
fn place(object: &Value) -> String {
    format!("{}\0{}", store::namespace(object), store::name(object))
}

/// Where the next page of a list begins.
struct Page {
    /// The version that the whole list shows.
    version: u64,
    /// The place of the last object of the page before.
    after: String,
}

impl Page {
    /// Of the `continue` parameter.
    fn parse(query: &Query) -> Result<Option<Self>, ApiError> {
        let token = query.text("continue");
        if token.is_empty() {
            return Ok(None);
        }
        if !matches!(query.text("resourceVersion"), "" | "0") {
            return Err(ApiError::BadRequest(
                "specifying resource version is not allowed when using continue".to_owned(),
            ));
        }
        let page = serde_json::from_value::<ByteString>(json!(token))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes.0).ok())
            .and_then(|page| {
                Some(Self {
                    version: page["rv"].as_u64()?,
                    after: page["start"].as_str()?.to_owned(),
                })
            });
        page.map(Some)
            .ok_or_else(|| ApiError::BadRequest("continue key is not valid".to_owned()))
    }

    fn token(version: u64, after: &str) -> ByteString {
        let page = json!({"v": "meta.k8s.io/v1", "rv": version, "start": after});
        ByteString(page.to_string().into_bytes())
    }
}
