//! What a TriggerAuthentication gives a scaler: parameters from Secrets, ConfigMaps and the target's environment.
//!
//! As KEDA does it: an object that is not there fails the scaler, a Secret or key that is not there makes the parameter
//! empty, and Redis then says what it thinks of that.

use super::environment::{self, Source};
use crate::autoscale::keda::{AuthenticationRef, ScaledObject, Trigger};
use crate::embedded::store::{CONFIG_MAPS, Key, SECRETS, Store, TRIGGER_AUTHENTICATIONS};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Where else KEDA could get parameters from, and the embedded one cannot.
const ELSEWHERE: [&str; 6] = [
    "podIdentity",
    "boundServiceAccountToken",
    "hashiCorpVault",
    "azureKeyVault",
    "gcpSecretManager",
    "awsSecretManager",
];

/// The parameters of `trigger`; none when it refers to no authentication.
///
/// # Errors
/// KEDA's message when there is no such object, ours when it leads out of the cluster.
pub(super) fn parameters(
    store: &Store,
    scaled_object: &ScaledObject,
    trigger: &Trigger,
) -> Result<BTreeMap<String, String>, String> {
    let Some(AuthenticationRef { name, kind }) = &trigger.authentication_ref else {
        return Ok(BTreeMap::new());
    };
    let kind = kind.as_deref().unwrap_or("TriggerAuthentication");
    let key = Key::new(TRIGGER_AUTHENTICATIONS, &scaled_object.namespace, name);
    // Of the other kind, ClusterTriggerAuthentication, there is none here.
    let found = (kind == "TriggerAuthentication").then(|| store.get(&key));
    let Some(object) = found.flatten() else {
        return Err(format!("{kind}.keda.sh \"{name}\" not found"));
    };
    let spec = &object["spec"];
    let leads_out = |source: &str| !spec[source].is_null() && spec[source]["provider"] != "none";
    if let Some(source) = ELSEWHERE.into_iter().find(|source| leads_out(source)) {
        return Err(format!(
            "{source} of TriggerAuthentication \"{name}\" is not supported by the embedded KEDA: use secretTargetRef"
        ));
    }
    Ok(within(store, scaled_object, spec))
}

fn within(store: &Store, scaled_object: &ScaledObject, spec: &Value) -> BTreeMap<String, String> {
    let source = Source {
        store,
        namespace: &scaled_object.namespace,
    };
    let mut parameters = BTreeMap::new();
    for (list, resource) in [
        ("secretTargetRef", SECRETS),
        ("configMapTargetRef", CONFIG_MAPS),
    ] {
        for reference in spec[list].as_array().into_iter().flatten() {
            let value = source
                .data(resource, &json!({"name": reference["name"]}))
                .and_then(|mut data| data.remove(reference["key"].as_str()?));
            put(&mut parameters, reference, value);
        }
    }
    for reference in spec["env"].as_array().into_iter().flatten() {
        let container = reference["containerName"].as_str();
        let mut variables = environment::of_container(store, scaled_object, container);
        let value = reference["name"]
            .as_str()
            .and_then(|name| variables.remove(name));
        put(&mut parameters, reference, value);
    }
    parameters
}

fn put(parameters: &mut BTreeMap<String, String>, reference: &Value, value: Option<String>) {
    if let Some(parameter) = reference["parameter"].as_str() {
        parameters.insert(parameter.to_owned(), value.unwrap_or_default());
    }
}
