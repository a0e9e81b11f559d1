//! The metrics adapter: the scalers of all ScaledObjects, and the values the HPA is served.
//!
//! A ScaledObject's scalers are built together and cached. A read that fails rebuilds that scaler once and tries
//! again; if that fails too and no fallback stands in, the cache is dropped and the next reader has to build, and fails
//! while building until Redis is back. So an HPA that asks meanwhile gets an error and holds still.

use super::health::stand_in;
use super::redis_scaler::Scaler;
use super::redis_way::{Dial, Way, tcp};
use super::{authentication, environment};
use crate::autoscale::keda::{MetricType, Redis, ScaledObject};
use crate::embedded::proxy::Proxy;
use crate::embedded::store::{Key, SCALED_OBJECTS, Store, uid};
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
    /// What the last poll read, by metric, for triggers with `useCachedMetrics`.
    polled: Mutex<BTreeMap<String, Result<i64, String>>>,
}

/// What one trigger was found to be.
pub(super) struct Reading {
    pub(super) metric: String,
    /// The metric's target, and how the HPA compares with it.
    pub(super) target: i64,
    pub(super) metric_type: MetricType,
    pub(super) active: bool,
    /// What to serve, in thousandths: what was read, or what stands in for it.
    pub(super) value: Result<i64, String>,
    /// Why it could not be read, stood in for or not.
    pub(super) error: Option<String>,
}

impl Reading {
    fn new(
        scaler: &Scaler,
        index: usize,
        metric_type: MetricType,
        value: Result<i64, String>,
    ) -> Self {
        let redis = &scaler.redis;
        Self {
            metric: redis.metric_name(index),
            target: redis.length,
            metric_type,
            active: value
                .as_ref()
                .is_ok_and(|value| redis.is_active(value / 1_000)),
            error: value.as_ref().err().cloned(),
            value,
        }
    }
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

    /// The value of `metric` of ScaledObject `scaled_object`, in thousandths: read now, or by the last poll when its
    /// trigger wants that.
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
        let reading = self.read(&object, metric).await;
        match reading.map_err(|error| format!("error getting scalers {error}"))? {
            None => Err(format!("no matching metrics found for {metric}")),
            Some(reading) => reading
                .value
                .map_err(|_| format!("metric:{metric} encountered error")),
        }
    }

    /// Reads one metric of the ScaledObject stored as `object`, for its HPA; `None` when it has no such metric.
    async fn read(&self, object: &Value, metric: &str) -> Result<Option<Reading>, String> {
        let scaled_object = ScaledObject::from_json(object)?;
        let cache = self.cache(uid(object));
        let mut scalers = cache.scalers.lock().await;
        self.ensure(object, &cache, &mut scalers).await?;
        let asked = scalers
            .iter_mut()
            .flatten()
            .enumerate()
            .find(|(index, scaler)| {
                let name = scaler.redis.metric_name(*index);
                name.eq_ignore_ascii_case(metric)
            });
        let Some((index, scaler)) = asked else {
            return Ok(None);
        };
        let trigger = &scaled_object.triggers[index];
        let polled = lock(&cache.polled)
            .get(&scaler.redis.metric_name(index))
            .cloned();
        let value = match polled.filter(|_| trigger.use_cached_metrics) {
            Some(value) => value,
            None => self.length(object, index, scaler).await,
        };
        let mut readings = [Reading::new(scaler, index, trigger.metric_type, value)];
        stand_in(&self.store, object, &scaled_object, &mut readings);
        drop_broken(&mut scalers, &readings);
        let [reading] = readings;
        Ok(Some(reading))
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

    /// Reads every trigger of the ScaledObject stored as `object`, for its scale loop.
    ///
    /// # Errors
    /// When the scalers are not built and cannot be.
    pub(super) async fn check(&self, object: &Value) -> Result<Vec<Reading>, String> {
        let scaled_object = ScaledObject::from_json(object)?;
        let cache = self.cache(uid(object));
        let mut scalers = cache.scalers.lock().await;
        self.ensure(object, &cache, &mut scalers).await?;
        let mut readings = Vec::new();
        for (index, scaler) in scalers.iter_mut().flatten().enumerate() {
            let length = self.length(object, index, scaler).await;
            let metric_type = scaled_object.triggers[index].metric_type;
            readings.push(Reading::new(scaler, index, metric_type, length));
        }
        let polled = readings.iter();
        let polled = polled.map(|reading| (reading.metric.clone(), reading.value.clone()));
        *lock(&cache.polled) = polled.collect();
        stand_in(&self.store, object, &scaled_object, &mut readings);
        drop_broken(&mut scalers, &readings);
        Ok(readings)
    }

    /// Forgets the scalers of the ScaledObject with this UID: it changed, or is gone.
    pub(super) fn forget(&self, uid: &str) {
        self.caches().remove(uid);
    }

    /// A list's length in thousandths. A scaler whose read fails is rebuilt, settings and all, and reads once more.
    async fn length(
        &self,
        object: &Value,
        index: usize,
        scaler: &mut Scaler,
    ) -> Result<i64, String> {
        let length = match scaler.length().await {
            Ok(length) => length,
            Err(_) => {
                // What is left of the old one has no connection, since a late answer must not be taken for the next.
                scaler.hang_up();
                *scaler = self.scaler(object, index).await?;
                scaler.length().await?
            }
        };
        Ok(length.saturating_mul(1_000))
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
        let parameters = authentication::parameters(&self.store, &scaled_object, trigger)?;
        let environment = environment::of_target(&self.store, &scaled_object);
        let variable = |name: &str| environment.get(name).cloned();
        let redis = Redis::of(trigger, &variable, &parameters)?;
        let way = Way {
            dial: Arc::clone(&self.dial),
            proxy: self.proxy.clone(),
            namespace: scaled_object.namespace.clone(),
        };
        Scaler::build(redis, way).await
    }

    fn cache(&self, uid: &str) -> Arc<Cache> {
        Arc::clone(self.caches().entry(uid.to_owned()).or_default())
    }

    fn caches(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Cache>>> {
        lock(&self.caches)
    }
}

/// Drops the scalers after a read that failed and that nothing stands in for: the next reader has to build them.
fn drop_broken(scalers: &mut Option<Vec<Scaler>>, readings: &[Reading]) {
    if readings.iter().any(|reading| reading.value.is_err()) {
        *scalers = None;
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
