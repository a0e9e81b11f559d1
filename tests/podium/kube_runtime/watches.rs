//! Watchers: the first list, whole or in pages, what comes after it, and lists begun anew.

use super::{create, soon, write};
use crate::kubernetes_api::Cluster;
use futures::{Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, ListParams, PartialObjectMeta, WatchEvent, WatchParams};
use kube::runtime::watcher;
use kube::{Resource, ResourceExt};
use podium::embedded::store::{CONFIG_MAPS, Key};
use serde_json::{Value, json};
use std::fmt::Debug;
use std::time::Duration;

/// The names of the first list and the stream after it.
async fn initial<K: Resource + Debug>(
    events: &mut (impl Stream<Item = watcher::Result<watcher::Event<K>>> + Unpin),
) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        match soon(events.try_next()).await.unwrap().unwrap() {
            watcher::Event::Init => {}
            watcher::Event::InitApply(object) => names.push(object.name_any()),
            watcher::Event::InitDone => return names,
            other => panic!("{other:?} before the first list was over"),
        }
    }
}

#[tokio::test]
async fn streaming_lists_begin_with_what_is_there_whatever_is_selected() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "demo");
    let streaming = || watcher::Config::default().streaming_lists();
    let mut empty = watcher(api.clone(), streaming()).boxed();
    assert_eq!(initial(&mut empty).await, [""; 0], "an empty list ends too");
    for name in ["a", "b", "c"] {
        create(&api, name).await;
    }
    write(&api, "a", "1").await;
    let mut all = watcher(api.clone(), streaming()).boxed();
    assert_eq!(initial(&mut all).await, ["a", "b", "c"]);
    let mut one = watcher(api.clone(), streaming().fields("metadata.name=b")).boxed();
    assert_eq!(initial(&mut one).await, ["b"]);
    let mut none = watcher(api.clone(), streaming().labels("app=y")).boxed();
    assert_eq!(initial(&mut none).await, [""; 0]);
    let metadata: Api<PartialObjectMeta<ConfigMap>> = Api::namespaced(client, "demo");
    let mut names = watcher(metadata, streaming()).boxed();
    assert_eq!(initial(&mut names).await, ["a", "b", "c"]);
    write(&api, "b", "2").await;
    let event = soon(names.try_next()).await.unwrap().unwrap();
    assert!(
        matches!(&event, watcher::Event::Apply(object) if object.name_any() == "b"),
        "{event:?}"
    );
}

#[tokio::test]
async fn a_long_list_comes_to_a_watcher_page_by_page() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "demo");
    let mut expected = Vec::new();
    for number in 0..7 {
        expected.push(create(&api, &format!("m{number}")).await.name_any());
    }
    let mut events = watcher(api, watcher::Config::default().page_size(3)).boxed();
    assert_eq!(initial(&mut events).await, expected);
}

#[tokio::test]
async fn a_watcher_that_the_log_left_behind_lists_again() {
    let (cluster, client) = Cluster::with_namespace().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "demo");
    create(&api, "a").await;
    for config in [
        watcher::Config::default(),
        watcher::Config::default().streaming_lists(),
    ] {
        let mut events = watcher(api.clone(), config).boxed();
        assert_eq!(initial(&mut events).await, ["a"]);
        // Nothing is awaited here, so the server has no chance to keep up: the log moves past the watch's place.
        let key = Key::new(CONFIG_MAPS, "demo", "a");
        for number in 0..20_100 {
            let change = |object: &mut Value| {
                object["data"] = json!({"n": number.to_string()});
                Ok(())
            };
            cluster.store.modify(&key, None, change).unwrap();
        }
        let lost = soon(async {
            loop {
                match events.next().await.unwrap() {
                    Ok(watcher::Event::Apply(_)) => {}
                    other => return other,
                }
            }
        })
        .await;
        match lost {
            Err(watcher::Error::WatchError(status)) => assert_eq!(status.code, 410),
            Err(watcher::Error::WatchStartFailed(kube::Error::Api(status))) => {
                assert_eq!(status.code, 410);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(initial(&mut events).await, ["a"]);
        write(&api, "a", "after").await;
        let event = soon(events.try_next()).await.unwrap().unwrap();
        assert!(matches!(event, watcher::Event::Apply(_)), "{event:?}");
    }
}

#[tokio::test]
async fn a_bookmark_carries_a_quiet_watch_past_the_changes_of_others() {
    let (cluster, client) = Cluster::with_namespace().await;
    let api: Api<Secret> = Api::namespaced(client.clone(), "demo");
    let version = api.list(&ListParams::default()).await.unwrap();
    let version = version.metadata.resource_version.unwrap();
    let mut events = api
        .watch(&WatchParams::default(), &version)
        .await
        .unwrap()
        .boxed();
    create(&Api::namespaced(client, "demo"), "elsewhere").await;
    let now = cluster.store.version();
    assert_ne!(version, now.to_string());
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    match soon(events.try_next()).await.unwrap().unwrap() {
        WatchEvent::Bookmark(bookmark) => {
            assert_eq!(bookmark.metadata.resource_version, now.to_string());
        }
        other => panic!("{other:?}"),
    }
}
