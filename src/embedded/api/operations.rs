//! JSON patches (RFC 6902), within bounds.
//!
//! A patch is a small program: a few hundred bytes of `copy` double a document until memory is gone, and `move` can
//! nest it deeper than a stack is long. So operations run one at a time, each measured first; the limits on their
//! number and on what they copy are the API server's.

use super::body::BODY_LIMIT;
use super::error::ApiError;
use json_patch::{Patch, PatchOperation, patch};
use serde::Deserialize as _;
use serde_json::Value;

/// `maxJSONPatchOperations`.
const MOST: usize = 10_000;

/// How deep a patch may put a value. No object of Kubernetes comes near, and JSON deeper than this is not parsed.
const DEEPEST: usize = 128;

/// Applies the operations in `operations` to `object`, which is left half changed when one is refused.
pub(super) fn apply(object: &mut Value, operations: &Value) -> Result<(), ApiError> {
    let Patch(operations) = Patch::deserialize(operations)
        .map_err(|error| ApiError::BadRequest(format!("error decoding patch: {error}")))?;
    if operations.len() > MOST {
        return Err(ApiError::TooLarge(MOST));
    }
    let mut copied = 0;
    for operation in &operations {
        if is_fulfilled(object, operation) {
            continue;
        }
        copied += measured(object, operation)?;
        if copied > BODY_LIMIT {
            return Err(ApiError::BadPatch);
        }
        patch(object, std::slice::from_ref(operation)).map_err(|_| ApiError::BadPatch)?;
    }
    Ok(())
}

/// To test for null is also to test that nothing is there, as it is to the API server; finalizers are added so.
fn is_fulfilled(object: &Value, operation: &PatchOperation) -> bool {
    matches!(operation, PatchOperation::Test(test)
        if test.value.is_null() && object.pointer(test.path.as_str()).is_none())
}

/// The bytes that an operation copies, once its result is known not to be too deep.
fn measured(object: &Value, operation: &PatchOperation) -> Result<usize, ApiError> {
    let (value, bytes) = match operation {
        PatchOperation::Add(add) => (Some(&add.value), 0),
        PatchOperation::Replace(replace) => (Some(&replace.value), 0),
        PatchOperation::Move(moved) => (object.pointer(moved.from.as_str()), 0),
        PatchOperation::Copy(copy) => {
            let value = object.pointer(copy.from.as_str());
            (value, value.map_or(0, |value| value.to_string().len()))
        }
        PatchOperation::Remove(_) | PatchOperation::Test(_) => (None, 0),
    };
    let steps = operation.path().as_str().matches('/').count();
    if value.is_some_and(|value| steps + depth(value) > DEEPEST) {
        return Err(ApiError::BadPatch);
    }
    Ok(bytes)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(mut object: Value, operations: &Value) -> Result<Value, u16> {
        apply(&mut object, operations)
            .map(|()| object)
            .map_err(|error| error.status()["code"].as_u64().unwrap() as u16)
    }

    #[test]
    fn what_is_absent_equals_null() {
        let add = json!([
            {"op": "test", "path": "/metadata/finalizers", "value": null},
            {"op": "add", "path": "/metadata/finalizers", "value": ["x"]},
        ]);
        let once = patched(json!({"metadata": {}}), &add).unwrap();
        assert_eq!(once, json!({"metadata": {"finalizers": ["x"]}}));
        assert_eq!(patched(once, &add), Err(422), "it is there now");
        let missing = json!([{"op": "test", "path": "/a", "value": 1}]);
        assert_eq!(patched(json!({}), &missing), Err(422));
    }

    #[test]
    fn copies_that_double_end_before_memory_does() {
        let double = json!({"op": "copy", "from": "/a", "path": "/a/-"});
        assert_eq!(
            patched(json!({"a": ["x"]}), &json!(vec![double; 60])),
            Err(422)
        );
    }

    #[test]
    fn moves_that_nest_end_before_the_stack_does() {
        let mut operations = Vec::new();
        for _ in 0..2_000 {
            operations.push(json!({"op": "add", "path": "/b", "value": {}}));
            operations.push(json!({"op": "move", "from": "/a", "path": "/b/a"}));
            operations.push(json!({"op": "move", "from": "/b", "path": "/a"}));
        }
        assert_eq!(patched(json!({"a": 1}), &json!(operations)), Err(422));
        let few = json!(operations[..30]);
        assert_eq!(depth(&patched(json!({"a": 1}), &few).unwrap()), 11);
    }

    #[test]
    fn too_many_operations_are_refused_at_once() {
        let operation = json!({"op": "test", "path": "", "value": {}});
        assert_eq!(
            patched(json!({}), &json!(vec![operation; MOST + 1])),
            Err(413)
        );
    }
}
