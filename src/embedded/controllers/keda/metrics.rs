//! The metrics adapter: the scalers of all ScaledObjects, and the values the HPA is served.
//!
//! A ScaledObject's scalers are built together and cached. A read that fails rebuilds that scaler once and tries
//! again; if that fails too, the cache is dropped and the next reader has to build, and fails while building until
//! Redis is back. So an HPA that asks meanwhile gets an error and holds still.

use super::address::resolve;
use super::redis_scaler::{Dial, Scaler, tcp};
use crate::autoscale::keda::{Redis, ScaledObject};
use crate::embedded::controllers::keda::reconcile::target_key;
use crate::embedded::proxy::Proxy;
use crate::embedded::store::{CONFIG_MAPS, Key, SCALED_OBJECTS, SECRETS, Store, uid};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The external metrics of all ScaledObjects, read live from their scalers. Clones share the connections.
#[derive(Clone)]
pub struct ExternalMetrics {
    store: Store,
    proxy: Proxy,
    dial: Dial,
    /// By the ScaledObject's UID.
    caches: Arc<Mutex<BTreeMap<String, Arc<Cache>>>>,
}

/// One ScaledObject's scalers.
#[derive(Default)]
struct Cache {
    /// Tokio's mutex: a read is awaited while it is held, and one connection carries one question at a time.
    scalers: tokio::sync::Mutex<Option<Vec<Scaler>>>,
    /// The settings they were built from, to be looked at without waiting for a read.
    built: Mutex<Option<Vec<Redis>>>,
}

/// What one trigger was found to be.
pub(super) struct Reading {
    pub(super) metric: String,
    pub(super) active: bool,
    pub(super) length: Result<i64, String>,
}

impl ExternalMetrics {
    /// The metrics of the ScaledObjects in `store`, whose Services `proxy` knows.
    #[must_use]
    pub fn new(store: Store, proxy: Proxy) -> Self {
        Self::dialling(store, proxy, tcp())
    }

    pub(in crate::embedded::controllers) fn dialling(
        store: Store,
        proxy: Proxy,
        dial: Dial,
    ) -> Self {
        Self {
            store,
            proxy,
            dial,
            caches: Arc::default(),
        }
    }

    /// The value of `metric` of ScaledObject `scaled_object`, in thousandths, read now.
    ///
    /// # Errors
    /// The message of the API's 500 answer (semantics C4).
    pub async fn value(
        &self,
        namespace: &str,
        metric: &str,
        scaled_object: &str,
    ) -> Result<i64, String> {
        self.served(namespace, metric, scaled_object)
            .await
            .map_err(|cause| {
                format!("rpc error: code = Unknown desc = error when getting metric values {cause}")
            })
    }

    async fn served(&self, namespace: &str, metric: &str, name: &str) -> Result<i64, String> {
        let key = Key::new(SCALED_OBJECTS, namespace, name);
        let object = self.store.get(&key).ok_or_else(|| {
            format!("error getting scalers scaledobjects.keda.sh \"{name}\" not found")
        })?;
        let readings = self.check(&object).await;
        let readings = readings.map_err(|error| format!("error getting scalers {error}"))?;
        let asked = readings
            .iter()
            .find(|reading| reading.metric.eq_ignore_ascii_case(metric));
        match asked.map(|reading| &reading.length) {
            None => Err(format!("no matching metrics found for {metric}")),
            Some(Err(_)) => Err(format!("metric:{metric} encountered error")),
            Some(Ok(length)) => Ok(length.saturating_mul(1_000)),
        }
    }

    /// Builds the scalers of the ScaledObject stored as `object`, if they are not, and gives their settings.
    ///
    /// # Errors
    /// KEDA's message for the first that cannot be built.
    pub(super) async fn build(&self, object: &Value) -> Result<Vec<Redis>, String> {
        let cache = self.cache(uid(object));
        let mut scalers = cache.scalers.lock().await;
        self.ensure(object, &cache, &mut scalers).await?;
        Ok(settings(scalers.as_deref()))
    }

    /// The settings of the scalers of `object`, if they are built.
    pub(super) fn built(&self, object: &Value) -> Option<Vec<Redis>> {
        let cache = self.caches().get(uid(object)).cloned()?;
        lock(&cache.built).clone()
    }

    /// Reads every trigger of the ScaledObject stored as `object`.
    ///
    /// # Errors
    /// When the scalers are not built and cannot be.
    pub(super) async fn check(&self, object: &Value) -> Result<Vec<Reading>, String> {
        let cache = self.cache(uid(object));
        let mut scalers = cache.scalers.lock().await;
        self.ensure(object, &cache, &mut scalers).await?;
        let mut readings = Vec::new();
        for (index, scaler) in scalers.iter_mut().flatten().enumerate() {
            let length = match scaler.length().await {
                Ok(length) => Ok(length),
                Err(_) => self.again(object, index, scaler).await,
            };
            readings.push(Reading {
                metric: scaler.redis.metric_name(index),
                active: length
                    .as_ref()
                    .is_ok_and(|length| scaler.redis.is_active(*length)),
                length,
            });
        }
        if readings.iter().any(|reading| reading.length.is_err()) {
            *scalers = None;
        }
        Ok(readings)
    }

    /// Forgets the scalers of the ScaledObject with this UID: it changed, or is gone.
    pub(super) fn forget(&self, uid: &str) {
        self.caches().remove(uid);
    }

    /// Rebuilds a scaler whose read failed, settings and all, and reads again.
    async fn again(
        &self,
        object: &Value,
        index: usize,
        scaler: &mut Scaler,
    ) -> Result<i64, String> {
        *scaler = self.scaler(object, index).await?;
        scaler.length().await
    }

    async fn ensure(
        &self,
        object: &Value,
        cache: &Cache,
        scalers: &mut Option<Vec<Scaler>>,
    ) -> Result<(), String> {
        if scalers.is_some() {
            return Ok(());
        }
        let triggers = object["spec"]["triggers"].as_array().map_or(0, Vec::len);
        let mut built = Vec::with_capacity(triggers);
        for index in 0..triggers {
            built.push(self.scaler(object, index).await?);
        }
        *lock(&cache.built) = Some(settings(Some(&built)));
        *scalers = Some(built);
        Ok(())
    }

    async fn scaler(&self, object: &Value, index: usize) -> Result<Scaler, String> {
        let scaled_object = ScaledObject::from_json(object)?;
        let trigger = scaled_object
            .triggers
            .get(index)
            .ok_or("the trigger is gone")?;
        if trigger.kind != "redis" {
            return Err(format!("no scaler found for type: {}", trigger.kind));
        }
        let environment = |variable: &str| self.environment(&scaled_object, variable);
        let redis = Redis::of(trigger, &environment)?;
        let address = resolve(&self.proxy, &scaled_object.namespace, &redis.address)
            .map_err(|error| format!("connection to redis failed: {error}"))?;
        Scaler::build(redis, address, &self.dial).await
    }

    /// The value of an environment variable of the target's container, as its pod template writes it.
    fn environment(&self, scaled_object: &ScaledObject, variable: &str) -> Option<String> {
        let target = self.store.get(&target_key(scaled_object).ok()?)?;
        let containers = target["spec"]["template"]["spec"]["containers"].as_array()?;
        let container = match &scaled_object.target.container {
            Some(name) => containers
                .iter()
                .find(|container| container["name"] == name.as_str())?,
            None => containers.first()?,
        };
        let entries = container["env"].as_array()?;
        let entry = entries.iter().find(|entry| entry["name"] == variable)?;
        if let Some(value) = entry["value"].as_str() {
            return Some(value.to_owned());
        }
        let referred = |reference: &Value, resource| {
            let key = Key::new(
                resource,
                &scaled_object.namespace,
                reference["name"].as_str()?,
            );
            let object = self.store.get(&key)?;
            Some((object, reference["key"].as_str()?.to_owned()))
        };
        let source = &entry["valueFrom"];
        if let Some((secret, key)) = referred(&source["secretKeyRef"], SECRETS) {
            let bytes: k8s_openapi::ByteString =
                serde_json::from_value(secret["data"][&key].clone()).ok()?;
            return String::from_utf8(bytes.0).ok();
        }
        let (map, key) = referred(&source["configMapKeyRef"], CONFIG_MAPS)?;
        map["data"][&key].as_str().map(str::to_owned)
    }

    fn cache(&self, uid: &str) -> Arc<Cache> {
        Arc::clone(self.caches().entry(uid.to_owned()).or_default())
    }

    fn caches(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Cache>>> {
        lock(&self.caches)
    }
}

fn settings(scalers: Option<&[Scaler]>) -> Vec<Redis> {
    scalers
        .into_iter()
        .flatten()
        .map(|scaler| scaler.redis.clone())
        .collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic happens while one of these is held: each holds a map or a value, swapped whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
