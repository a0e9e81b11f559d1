//! The observer over modelled sources and clocks.

use super::*;
use crate::cluster::view::PodView;

#[test]
fn the_cold_start_is_the_median_of_pods_we_saw_appear() {
    let pod = |appeared, cold_start| PodView {
        name: format!("pod-{cold_start:?}"),
        state: PodState::Ready,
        since: 0,
        appeared,
        cold_start,
    };
    let pods = [
        pod(None, Some(9)),
        pod(Some(1), Some(1_000)),
        pod(Some(2), Some(1_600)),
        pod(Some(3), Some(2_000)),
    ];
    let view = View {
        pods: pods
            .into_iter()
            .map(|pod| (pod.name.clone(), pod))
            .collect(),
        ..View::default()
    };
    assert_eq!(cold_start(&view), Some(1_600));
}

fn reading_of_cpu(result: Result<Option<PodCpu>, String>) -> Reading<Option<PodCpu>> {
    Reading {
        result,
        at: Instant::now(),
        since: 1,
    }
}

/// A demo at work, read out of nothing but channels.
fn sources(stats: Stats) -> (Sources, watch::Sender<Reading<Stats>>) {
    let view = View {
        complete: true,
        worker: Some((1, 1, 1)),
        redis_ready: Some(true),
        scaled_object: Some(Some(true)),
        ..View::default()
    };
    let reading = |result| Reading {
        result,
        at: Instant::now(),
        since: 1,
    };
    let (sender, stats) = watch::channel(reading(Ok(stats)));
    let metric = Reading {
        result: Ok(7.0),
        at: Instant::now(),
        since: 1,
    };
    let sources = Sources {
        view: watch::channel(Arc::new(view)).1,
        queue: QueueSource {
            stats,
            url: watch::channel(None).1,
        },
        metric: watch::channel(metric).1,
        cpu: watch::channel(reading_of_cpu(Ok(None))).1,
        clock_reader: Reader::new(super::super::keda_clock::KedaClock::Estimated, "n", "s"),
        redis_is_ours: true,
    };
    (sources, sender)
}

fn observer() -> Observer {
    Observer {
        hub: Hub::new(1),
        story: Story::default(),
        recorder: Recorder::default(),
        arrivals: Rate::default(),
        services: Rate::default(),
        deployment: Deployment::Unknown,
        redis_is_ours: true,
        outages: Outages::default(),
        cpu_is_served: false,
        last: None,
    }
}

/// The data of the last frame of a kind that a newcomer or the stream brought.
fn snapshot(hub: &Hub) -> Value {
    hub.shift(0);
    let frame = hub.subscribe(None).first.remove(0);
    let text = String::from_utf8(frame.bytes.to_vec()).unwrap();
    let data = text.lines().find_map(|line| line.strip_prefix("data: "));
    serde_json::from_str(data.unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_hour_back_and_forth_keeps_the_history_in_order_and_no_age_or_rate_negative() {
    const HOUR: i64 = 3_600_000;
    let (mut sources, stats) = sources(Stats::default());
    let mut observer = observer();
    let mut wall = 10 * HOUR;
    for (tick, set_by) in [0, 0, 0, -HOUR, 0, 0, HOUR, 0, 0].into_iter().enumerate() {
        tokio::time::advance(QUEUE_EVERY).await;
        wall += 200 + set_by;
        let count = 100 * (tick as u64 + 1);
        stats.send_modify(|reading| {
            reading.at = Instant::now();
            reading.result = Ok(Stats {
                enqueued: count,
                depth: count,
                ..Stats::default()
            });
        });
        observer.tick(&mut sources, wall);
        let seen = snapshot(&observer.hub);
        let sample = &seen["sample"];
        assert_eq!(
            sample["depth"],
            json!(count),
            "fresh whatever the clock says"
        );
        assert!(sample["phase_since"].as_i64().unwrap() <= wall, "{sample}");
        let rate = &sample["arrival_rate"];
        assert!(
            rate.is_null() || rate == &json!(500.0),
            "{rate} after {set_by}"
        );
        let times: Vec<_> = seen["samples"]["t"].as_array().unwrap().clone();
        let times: Vec<_> = times.iter().map(|t| t.as_i64().unwrap()).collect();
        assert!(
            times.is_sorted() && times.iter().all(|t| *t <= wall),
            "{times:?}"
        );
        for told in seen["milestones"].as_array().unwrap() {
            assert!(told["t"].as_i64().unwrap() <= wall, "{told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_falls_silent_is_unknown_with_a_reason_although_its_last_word_was_good() {
    let (mut sources, _stats) = sources(Stats::default());
    let mut observer = observer();
    observer.tick(&mut sources, 1_000);
    tokio::time::advance(QUEUE_FRESH + Duration::from_millis(1)).await;
    observer.tick(&mut sources, 2_501);
    let seen = snapshot(&observer.hub);
    assert_eq!(seen["sample"]["depth"], Value::Null);
    assert_eq!(seen["sample"]["replicas"], json!(1), "others go on");
    assert_eq!(seen["sample"]["external_metric"], json!(7.0));
    assert_eq!(seen["health"][1]["ok"], json!(false));
    assert_eq!(
        seen["health"][1]["reason"],
        "not read for more than 1500 ms"
    );
}

#[test]
fn what_the_workers_use_is_the_sum_over_those_that_are_there_and_measured() {
    let pod = |name: &str| PodView {
        name: name.to_owned(),
        state: PodState::Ready,
        since: 0,
        appeared: None,
        cold_start: None,
    };
    let view = View {
        pods: ["a", "b", "new"]
            .map(|name| (name.to_owned(), pod(name)))
            .into(),
        ..View::default()
    };
    let cpu =
        PodCpu::from([("a", 1.2), ("b", 2.3), ("gone", 900.0)].map(|(n, c)| (n.to_owned(), c)));
    assert_eq!(workers_cpu(&view, &cpu), Some(4.0));
    assert_eq!(workers_cpu(&view, &PodCpu::new()), None);
    let told = pods(&view, &cpu);
    assert_eq!(told[0]["cpu"], 2.0);
    assert!(told[2].get("cpu").is_none(), "{told}");
}

#[tokio::test]
async fn the_light_of_cpu_is_there_only_where_the_cluster_has_it_and_says_why_it_is_out() {
    let (mut sources, _stats) = sources(Stats::default());
    let mut observer = observer();
    for (result, light) in [
        (Ok(None), None),
        (Err("gone".to_owned()), None),
        (Ok(Some(PodCpu::new())), Some((true, ""))),
        (Err("gone".to_owned()), Some((false, "gone"))),
        (Ok(None), None),
    ] {
        sources.cpu = watch::channel(reading_of_cpu(result)).1;
        let now = observer.last.map_or(1_000, |(then, _)| then + 1_000);
        observer.tick(&mut sources, now);
        let told = snapshot(&observer.hub);
        let told = told["health"]
            .as_array()
            .unwrap()
            .iter()
            .find(|source| source["name"] == "cpu");
        let told = told.map(|told| {
            (
                told["ok"].as_bool().unwrap(),
                told["reason"].as_str().unwrap(),
            )
        });
        assert_eq!(told, light);
    }
}
