//! What a viewer hears, whenever it comes, however slow it is.

use super::*;

fn text(frame: &Frame) -> &str {
    std::str::from_utf8(&frame.bytes).unwrap()
}

#[test]
fn a_new_viewer_gets_one_snapshot_with_the_history() {
    let hub = Hub::new(1);
    hub.sample(Sample {
        t: 1_000,
        depth: Some(7),
        ..Sample::default()
    });
    let subscription = hub.subscribe(None);
    assert_eq!(subscription.first.len(), 1);
    assert!(text(&subscription.first[0]).contains("event: snapshot"));
    assert!(text(&subscription.first[0]).contains("\"depth\":[7]"));
}

#[test]
fn a_returning_viewer_gets_exactly_what_it_missed() {
    let hub = Hub::new(1);
    for t in 0..5 {
        hub.sample(Sample {
            t,
            ..Sample::default()
        });
    }
    let ids: Vec<_> = hub
        .subscribe(Some(3))
        .first
        .iter()
        .map(|frame| frame.id)
        .collect();
    assert_eq!(ids, [4, 5]);
}

#[test]
fn a_viewer_from_another_run_or_too_far_back_gets_a_snapshot() {
    let hub = Hub::new(1);
    for t in 0..1_000 {
        hub.sample(Sample {
            t,
            ..Sample::default()
        });
    }
    for stale in [3, 1_000_000, u64::MAX] {
        assert!(text(&hub.subscribe(Some(stale)).first[0]).contains("event: snapshot"));
    }
}

#[test]
fn the_snapshot_is_encoded_once_for_all_who_connect_between_two_frames() {
    let hub = Hub::new(1);
    hub.sample(Sample::default());
    let one = hub.subscribe(None).first[0].bytes.as_ptr();
    let two = hub.subscribe(None).first[0].bytes.as_ptr();
    assert_eq!(one, two);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_serves_for_two_seconds_with_the_samples_since() {
    let hub = Hub::new(1);
    let sample = |t| Sample {
        t,
        ..Sample::default()
    };
    hub.sample(sample(1));
    let _ = hub.subscribe(None);
    hub.sample(sample(2));
    let ids = |hub: &Hub| -> Vec<_> {
        let first = hub.subscribe(None).first;
        first.iter().map(|frame| frame.id).collect()
    };
    assert_eq!(ids(&hub), [1, 2]);
    hub.pods(json!([{"name": "a"}]));
    assert_eq!(ids(&hub), [3], "what is no sample is in the snapshot");
    hub.sample(sample(3));
    tokio::time::advance(SNAPSHOT_FOR).await;
    assert_eq!(ids(&hub), [4]);
}

#[test]
fn a_clock_set_back_gives_everyone_the_history_moved_along() {
    let hub = Hub::new(1);
    hub.sample(Sample {
        t: 3_600_000,
        ..Sample::default()
    });
    let mut watching = hub.subscribe(None).then;
    hub.shift(-3_600_000);
    let frame = watching.try_recv().unwrap();
    assert!(text(&frame).contains("event: snapshot"), "{}", text(&frame));
    assert!(text(&frame).contains("\"t\":[0]"));
}

#[test]
fn viewers_are_counted_while_they_watch() {
    let hub = Hub::new(1);
    let _speaker = hub.subscribe(None);
    let viewer = hub.watch();
    assert_eq!(hub.viewers(), 1);
    drop(viewer);
    assert_eq!(hub.viewers(), 0);
}

#[tokio::test]
async fn what_is_unchanged_is_not_sent_again() {
    let hub = Hub::new(1);
    let mut subscription = hub.subscribe(None);
    hub.pods(json!([{"name": "a"}]));
    hub.pods(json!([{"name": "a"}]));
    hub.sample(Sample::default());
    assert!(text(&subscription.then.recv().await.unwrap()).contains("event: pods"));
    assert!(text(&subscription.then.recv().await.unwrap()).contains("event: sample"));
}
