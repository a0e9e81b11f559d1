//! The controllers between a Deployment and its pods, and those that keep the house: what kube-controller-manager and
//! the scheduler are to a real cluster.
//!
//! Each is a [`reconcile::Reconciler`]: changes of the store name the objects that may need work, and one pass over
//! such an object moves it a step towards what it says. They talk to each other through the store alone, so the chain
//! a `kubectl get -w` shows is the real one:
//!
//! 1. `deployment` turns a Deployment into ReplicaSets and sums up their status;
//! 2. `replica_set` turns a ReplicaSet into pods, and `job` a Job;
//! 3. `quota` says how many pods a namespace may have, and keeps the count;
//! 4. `scheduler` binds a pod to the node, where the kubelet finds it;
//! 5. `service` gives a Service its cluster IP, `endpoints` lists the ready pods behind it;
//! 6. `garbage` deletes what lost its owner and events past their hour; `namespace` empties a namespace in deletion.

mod creation;
mod deployment;
mod endpoints;
mod garbage;
mod job;
mod namespace;
mod ownership;
mod pod;
pub mod quota;
mod reconcile;
mod replica_set;
mod scheduler;
mod selector;
mod service;

use crate::embedded::store::Store;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Runs the Deployment, ReplicaSet, Job, quota, scheduling, Service, Endpoints, namespace and garbage-collection controllers until
/// `shutdown`.
pub async fn run(store: Store, shutdown: CancellationToken) {
    let mut controllers = JoinSet::new();
    controllers.spawn(deployment::run(store.clone(), shutdown.clone()));
    controllers.spawn(replica_set::run(store.clone(), shutdown.clone()));
    controllers.spawn(job::run(store.clone(), shutdown.clone()));
    controllers.spawn(quota::run(store.clone(), shutdown.clone()));
    controllers.spawn(scheduler::run(store.clone(), shutdown.clone()));
    controllers.spawn(service::run(store.clone(), shutdown.clone()));
    controllers.spawn(endpoints::run(store.clone(), shutdown.clone()));
    controllers.spawn(namespace::run(store.clone(), shutdown.clone()));
    controllers.spawn(garbage::run(store, shutdown));
    while controllers.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests;
