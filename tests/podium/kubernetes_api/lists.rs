//! Lists, their pages, and watches.

use super::*;

#[tokio::test]
async fn a_watch_tells_of_objects_that_come_to_match_and_cease_to() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "demo");
    let params = WatchParams::default().labels("on=yes");
    let version = api
        .list(&ListParams::default())
        .await
        .unwrap()
        .metadata
        .resource_version
        .unwrap();
    let mut events = api.watch(&params, &version).await.unwrap().boxed();
    let label = |on: &str| Patch::Merge(json!({"metadata": {"labels": {"on": on}}}));
    api.create(
        &PostParams::default(),
        &from(json!({"metadata": {"name": "a"}})),
    )
    .await
    .unwrap();
    api.patch("a", &PatchParams::default(), &label("yes"))
        .await
        .unwrap();
    api.patch(
        "a",
        &PatchParams::default(),
        &Patch::Merge(json!({"data": {"k": "v"}})),
    )
    .await
    .unwrap();
    api.patch("a", &PatchParams::default(), &label("no"))
        .await
        .unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.push(match events.try_next().await.unwrap().unwrap() {
            WatchEvent::Added(_) => "ADDED",
            WatchEvent::Modified(_) => "MODIFIED",
            WatchEvent::Deleted(_) => "DELETED",
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(seen, ["ADDED", "MODIFIED", "DELETED"]);
}

#[tokio::test]
async fn a_version_that_is_not_in_the_log_is_expired() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "demo");
    let mut events = api
        .watch(&WatchParams::default(), "999999")
        .await
        .unwrap()
        .boxed();
    match events.try_next().await.unwrap().unwrap() {
        WatchEvent::Error(status) => {
            assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn both_ways_to_start_a_watcher_see_what_is_there_and_what_comes() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "demo");
    api.create(
        &PostParams::default(),
        &from(json!({"metadata": {"name": "a"}})),
    )
    .await
    .unwrap();
    for config in [
        watcher::Config::default(),
        watcher::Config::default().streaming_lists(),
    ] {
        let mut events = watcher(api.clone(), config).boxed();
        let mut initial = 0;
        loop {
            match events.try_next().await.unwrap().unwrap() {
                watcher::Event::InitApply(_) => initial += 1,
                watcher::Event::InitDone => break,
                _ => {}
            }
        }
        assert_eq!(initial, 1);
        let name = format!("b-{}", events.size_hint().0);
        api.create(
            &PostParams::default(),
            &from(json!({"metadata": {"name": name}})),
        )
        .await
        .unwrap();
        let next = events.try_next().await.unwrap().unwrap();
        assert!(matches!(next, watcher::Event::Apply(_)), "{next:?}");
        api.delete(&name, &DeleteParams::default()).await.unwrap();
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let (_cluster, client) = Cluster::with_namespace().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "demo");
    for name in ["a", "b", "c"] {
        api.create(
            &PostParams::default(),
            &from(json!({"metadata": {"name": name}})),
        )
        .await
        .unwrap();
    }
    let page = api.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(page.items.len(), 2);
    let rest = ListParams::default()
        .limit(2)
        .continue_token(&page.metadata.continue_.unwrap());
    let rest = api.list(&rest).await.unwrap();
    assert_eq!(rest.items[0].metadata.name.as_deref(), Some("c"));
    assert_eq!(rest.metadata.continue_, None);
}

#[tokio::test]
async fn open_watches_do_not_keep_the_server_from_stopping() {
    let store = Store::new(Clock::wall());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let metrics = ExternalMetrics::new(store.clone(), Proxy::new(store.clone()));
    let server = tokio::spawn(api::serve(
        listener,
        store,
        Logs::default(),
        Usage::default(),
        metrics,
        TOKEN.to_owned(),
        shutdown.clone(),
    ));
    let url = format!("http://podium:{TOKEN}@{address}/api/v1/namespaces?watch=true");
    let mut watch = reqwest::get(url).await.unwrap();
    assert!(watch.chunk().await.unwrap().is_some());
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(5), server)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn later_pages_show_the_state_of_the_first_one_until_it_is_forgotten() {
    let (cluster, client) = Cluster::with_namespace().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "demo");
    for name in ["a", "b", "c"] {
        let map = from(json!({"metadata": {"name": name}, "data": {"when": "before"}}));
        api.create(&PostParams::default(), &map).await.unwrap();
    }
    let page = api.list(&ListParams::default().limit(1)).await.unwrap();
    assert_eq!(page.metadata.remaining_item_count, Some(2));
    let after = Patch::Merge(json!({"data": {"when": "after"}}));
    api.patch("b", &PatchParams::default(), &after)
        .await
        .unwrap();
    api.delete("c", &DeleteParams::default()).await.unwrap();
    let token = page.metadata.continue_.unwrap();
    let next = ListParams::default().continue_token(&token);
    let rest = api.list(&next).await.unwrap();
    let shown: Vec<&str> = rest
        .items
        .iter()
        .map(|map| map.data.as_ref().unwrap()["when"].as_str())
        .collect();
    assert_eq!(shown, ["before", "before"]);
    assert_eq!(
        rest.metadata.resource_version,
        page.metadata.resource_version
    );

    let key = Key::new(podium::embedded::store::CONFIG_MAPS, "demo", "a");
    for count in 0..=20_000 {
        let change = |map: &mut Value| {
            map["data"]["when"] = json!(count.to_string());
            Ok(())
        };
        cluster.store.modify(&key, None, change).unwrap();
    }
    let expired = refusal(api.list(&next).await);
    assert_eq!((expired.0, expired.1.as_str()), (410, "Expired"));
    assert!(
        expired
            .2
            .starts_with("The provided continue parameter is too old"),
        "{}",
        expired.2
    );
}

#[tokio::test]
async fn a_list_at_a_version_is_exact_too_old_or_not_there_yet() {
    let (cluster, client) = Cluster::with_namespace().await;
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "demo");
    let version = cluster.store.version();
    let map = from(json!({"metadata": {"name": "later"}}));
    api.create(&PostParams::default(), &map).await.unwrap();
    let list = async |query: &str| {
        let path = format!("/api/v1/namespaces/demo/configmaps?{query}");
        client.request::<Value>(http_get(&path)).await
    };
    let exact = format!("resourceVersion={version}&resourceVersionMatch=Exact");
    assert_eq!(list(&exact).await.unwrap()["items"], json!([]));
    let least = format!("resourceVersion={version}");
    assert_eq!(
        list(&least).await.unwrap()["items"][0]["metadata"]["name"],
        "later"
    );
    // Sent without the client, which would try again for as long as it hears this.
    let path = "/api/v1/namespaces/demo/configmaps?resourceVersion=999999";
    let early = cluster
        .send(reqwest::Method::GET, path, "application/json", Vec::new())
        .await;
    assert_eq!((early.code, early.reason.as_str()), (504, "Timeout"));
    assert!(
        early
            .message
            .starts_with("Timeout: Too large resource version: 999999, current: "),
        "{}",
        early.message
    );
    let rule = refusal(list("resourceVersionMatch=Exact").await);
    assert_eq!((rule.0, rule.1.as_str()), (422, "Invalid"));
    let nonsense = refusal(list("continue=nonsense").await);
    assert_eq!(
        (nonsense.0, nonsense.2.as_str()),
        (400, "continue key is not valid")
    );
}
