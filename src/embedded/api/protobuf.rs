//! Bodies in the API's protobuf encoding, for the few kinds that clients send so.
//!
//! `kubectl create`, `autoscale`, `auth` and `drain` use typed clients, and those write protobuf whatever they are
//! answered in. An envelope (four magic bytes, then `runtime.Unknown`) names the kind; the message is read by a table
//! of field numbers, those of `generated.proto`. Fields that are not in the table are skipped: they are ones that
//! `kubectl` has no flag for.

use super::error::ApiError;
use k8s_openapi::ByteString;
use serde_json::{Map, Value, json};

/// The media type.
pub(super) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

const MAGIC: &[u8] = b"k8s\0";

/// One field: its number, its JSON name, what it holds.
type Field = (u64, &'static str, Shape);

enum Shape {
    Text,
    Integer,
    Bytes,
    Message(&'static [Field]),
    /// Repeated.
    Many(&'static Shape),
    /// A map from text, as protobuf has it: repeated messages of key and value.
    Map(&'static Shape),
    /// A message of one text, shown as that text.
    Quantity,
}

use Shape::{Bytes, Integer, Many, Map as MapOf, Message, Quantity, Text};

const METADATA: Field = (
    1,
    "metadata",
    Message(&[
        (1, "name", Text),
        (2, "generateName", Text),
        (3, "namespace", Text),
        (11, "labels", MapOf(&Text)),
        (12, "annotations", MapOf(&Text)),
    ]),
);

const CONTAINER: Shape = Message(&[
    (1, "name", Text),
    (2, "image", Text),
    (3, "command", Many(&Text)),
    (4, "args", Many(&Text)),
    (
        6,
        "ports",
        Many(&Message(&[
            (1, "name", Text),
            (3, "containerPort", Integer),
            (4, "protocol", Text),
        ])),
    ),
]);

const TEMPLATE: Shape = Message(&[
    METADATA,
    (
        2,
        "spec",
        Message(&[
            (2, "containers", Many(&CONTAINER)),
            (3, "restartPolicy", Text),
        ]),
    ),
]);

const TARGET: Field = (
    1,
    "scaleTargetRef",
    Message(&[
        (1, "kind", Text),
        (2, "name", Text),
        (3, "apiVersion", Text),
    ]),
);

const METRIC: Shape = Message(&[
    (1, "type", Text),
    (
        4,
        "resource",
        Message(&[
            (1, "name", Text),
            (
                2,
                "target",
                Message(&[
                    (1, "type", Text),
                    (3, "averageValue", Quantity),
                    (4, "averageUtilization", Integer),
                ]),
            ),
        ]),
    ),
]);

const ASKED_RESOURCE: Field = (
    1,
    "resourceAttributes",
    Message(&[
        (1, "namespace", Text),
        (2, "verb", Text),
        (3, "group", Text),
        (4, "version", Text),
        (5, "resource", Text),
        (6, "subresource", Text),
        (7, "name", Text),
    ]),
);

const ASKED_PATH: Field = (
    2,
    "nonResourceAttributes",
    Message(&[(1, "path", Text), (2, "verb", Text)]),
);

const RULE: Shape = Message(&[
    (1, "verbs", Many(&Text)),
    (2, "apiGroups", Many(&Text)),
    (3, "resources", Many(&Text)),
    (4, "resourceNames", Many(&Text)),
    (5, "nonResourceURLs", Many(&Text)),
]);

const SUBJECT: Shape = Message(&[
    (1, "kind", Text),
    (2, "apiGroup", Text),
    (3, "name", Text),
    (4, "namespace", Text),
]);

const ROLE_REFERENCE: Field = (
    3,
    "roleRef",
    Message(&[(1, "apiGroup", Text), (2, "kind", Text), (3, "name", Text)]),
);

fn fields(api_version: &str, kind: &str) -> Option<&'static [Field]> {
    let fields: &[Field] = match (api_version, kind) {
        ("v1", "Namespace" | "ServiceAccount")
        | ("authentication.k8s.io/v1", "SelfSubjectReview") => &[METADATA],
        ("authorization.k8s.io/v1", "SelfSubjectAccessReview") => &[
            METADATA,
            (2, "spec", Message(&[ASKED_RESOURCE, ASKED_PATH])),
        ],
        ("authentication.k8s.io/v1", "TokenRequest") => &[
            METADATA,
            (
                2,
                "spec",
                Message(&[
                    (1, "audiences", Many(&Text)),
                    (4, "expirationSeconds", Integer),
                ]),
            ),
        ],
        ("rbac.authorization.k8s.io/v1", "Role" | "ClusterRole") => {
            &[METADATA, (2, "rules", Many(&RULE))]
        }
        ("rbac.authorization.k8s.io/v1", "RoleBinding" | "ClusterRoleBinding") => {
            &[METADATA, (2, "subjects", Many(&SUBJECT)), ROLE_REFERENCE]
        }
        ("authorization.k8s.io/v1", "SelfSubjectRulesReview") => {
            &[METADATA, (2, "spec", Message(&[(1, "namespace", Text)]))]
        }
        ("v1", "DeleteOptions") => &[
            (1, "gracePeriodSeconds", Integer),
            (
                2,
                "preconditions",
                Message(&[(1, "uid", Text), (2, "resourceVersion", Text)]),
            ),
            (4, "propagationPolicy", Text),
            (5, "dryRun", Many(&Text)),
        ],
        ("v1", "ConfigMap") => &[
            METADATA,
            (2, "data", MapOf(&Text)),
            (3, "binaryData", MapOf(&Bytes)),
        ],
        ("v1", "Secret") => &[
            METADATA,
            (2, "data", MapOf(&Bytes)),
            (3, "type", Text),
            (4, "stringData", MapOf(&Text)),
        ],
        ("v1", "ResourceQuota") => &[
            METADATA,
            (
                2,
                "spec",
                Message(&[(1, "hard", MapOf(&Quantity)), (2, "scopes", Many(&Text))]),
            ),
        ],
        ("apps/v1", "Deployment") => &[
            METADATA,
            (
                2,
                "spec",
                Message(&[
                    (1, "replicas", Integer),
                    (2, "selector", Message(&[(1, "matchLabels", MapOf(&Text))])),
                    (3, "template", TEMPLATE),
                ]),
            ),
        ],
        ("batch/v1", "Job") => &[METADATA, (2, "spec", Message(&[(6, "template", TEMPLATE)]))],
        ("autoscaling/v1", "HorizontalPodAutoscaler") => &[
            METADATA,
            (
                2,
                "spec",
                Message(&[
                    TARGET,
                    (2, "minReplicas", Integer),
                    (3, "maxReplicas", Integer),
                    (4, "targetCPUUtilizationPercentage", Integer),
                ]),
            ),
        ],
        ("autoscaling/v2", "HorizontalPodAutoscaler") => &[
            METADATA,
            (
                2,
                "spec",
                Message(&[
                    TARGET,
                    (2, "minReplicas", Integer),
                    (3, "maxReplicas", Integer),
                    (4, "metrics", Many(&METRIC)),
                ]),
            ),
        ],
        _ => return None,
    };
    Some(fields)
}

/// The object in an enveloped body, as JSON.
pub(super) fn decode(body: &[u8]) -> Result<Value, ApiError> {
    const ENVELOPE: &[Field] = &[
        (
            1,
            "type",
            Message(&[(1, "apiVersion", Text), (2, "kind", Text)]),
        ),
        (2, "raw", Bytes),
    ];
    let malformed = || ApiError::BadRequest("the body is not a protobuf-encoded object".to_owned());
    let envelope = body.strip_prefix(MAGIC).ok_or_else(malformed)?;
    let envelope = message(envelope, ENVELOPE).ok_or_else(malformed)?;
    let text = |field: &str| envelope["type"][field].as_str().unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let fields = fields(api_version, kind).ok_or(ApiError::UnsupportedMediaType(
        "application/json, application/yaml",
    ))?;
    let raw = envelope.get("raw").cloned().ok_or_else(malformed)?;
    let raw: ByteString = serde_json::from_value(raw).map_err(|_| malformed())?;
    let mut object = message(&raw.0, fields).ok_or_else(malformed)?;
    object["apiVersion"] = json!(api_version);
    object["kind"] = json!(kind);
    Ok(object)
}

/// What a field holds on the wire.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn message(mut bytes: &[u8], fields: &[Field]) -> Option<Value> {
    let mut object = Map::new();
    while !bytes.is_empty() {
        let tag = number(&mut bytes)?;
        let wire = match tag & 7 {
            0 => Wire::Number(number(&mut bytes)?),
            1 => Wire::Bytes(bytes.split_off(..8)?),
            2 => {
                let length = usize::try_from(number(&mut bytes)?).ok()?;
                Wire::Bytes(bytes.split_off(..length)?)
            }
            5 => Wire::Bytes(bytes.split_off(..4)?),
            _ => return None,
        };
        if let Some((_, name, shape)) = fields.iter().find(|(number, _, _)| *number == tag >> 3) {
            put(&mut object, name, shape, &wire)?;
        }
    }
    Some(Value::Object(object))
}

fn put(object: &mut Map<String, Value>, name: &str, shape: &Shape, wire: &Wire<'_>) -> Option<()> {
    match shape {
        Many(inner) => {
            let item = value(inner, wire)?;
            let list = object.entry(name).or_insert_with(|| json!([]));
            list.as_array_mut()?.push(item);
        }
        MapOf(inner) => {
            let Wire::Bytes(bytes) = wire else {
                return None;
            };
            let (mut key, mut item) = (String::new(), Value::Null);
            let mut rest = *bytes;
            while !rest.is_empty() {
                let tag = number(&mut rest)?;
                let length = usize::try_from(number(&mut rest)?).ok()?;
                let part = Wire::Bytes(rest.split_off(..length)?);
                match tag >> 3 {
                    1 => key = value(&Text, &part)?.as_str()?.to_owned(),
                    _ => item = value(inner, &part)?,
                }
            }
            object
                .entry(name)
                .or_insert_with(|| json!({}))
                .as_object_mut()?
                .insert(key, item);
        }
        _ => {
            let value = value(shape, wire)?;
            // The encoding writes empty texts for fields that are not set; empty bytes are an object without fields.
            if value != "" || matches!(shape, Bytes) {
                object.insert(name.to_owned(), value);
            }
        }
    }
    Some(())
}

fn value(shape: &Shape, wire: &Wire<'_>) -> Option<Value> {
    match (shape, wire) {
        (Integer, Wire::Number(number)) => Some(json!(number.cast_signed())),
        (Text, Wire::Bytes(bytes)) => Some(json!(std::str::from_utf8(bytes).ok()?)),
        (Bytes, Wire::Bytes(bytes)) => Some(json!(ByteString(bytes.to_vec()))),
        (Message(fields), Wire::Bytes(bytes)) => message(bytes, fields),
        (Quantity, Wire::Bytes(bytes)) => {
            Some(message(bytes, &[(1, "text", Text)])?["text"].take())
        }
        _ => None,
    }
}

/// A base-128 number, lowest bits first.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut field = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        field.extend(bytes);
        field
    }

    fn enveloped(api_version: &str, kind: &str, message: &[u8]) -> Vec<u8> {
        let of = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &of), field(2, message)].concat()
    }

    #[test]
    fn a_quota_is_read_field_by_field() {
        let hard = [field(1, b"pods"), field(2, &field(1, b"10"))].concat();
        let message = [
            field(1, &[field(1, b"q"), field(3, b"")].concat()),
            field(2, &field(1, &hard)),
        ]
        .concat();
        assert_eq!(
            decode(&enveloped("v1", "ResourceQuota", &message)).unwrap(),
            json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "10"}}})
        );
    }

    #[test]
    fn an_object_without_fields_is_one() {
        assert_eq!(
            decode(&enveloped("v1", "DeleteOptions", &[])).unwrap(),
            json!({"apiVersion": "v1", "kind": "DeleteOptions"})
        );
    }

    #[test]
    fn broken_bodies_and_unknown_kinds_are_refused() {
        let whole = enveloped("v1", "Namespace", &field(1, &field(1, b"demo")));
        for length in 0..whole.len() {
            assert!(decode(&whole[..length]).is_err(), "{length} bytes");
        }
        assert!(decode(&enveloped("v1", "Binding", &[])).is_err());
    }
}
