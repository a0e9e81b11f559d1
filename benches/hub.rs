//! One frame to a thousand browsers: from `Hub::sample` until the last of them has it, sockets left out.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "support/figures.rs"]
mod figures;

use figures::Spread;
use podium::live::hub::Hub;
use podium::live::sample::Sample;
use tokio::sync::mpsc;
use tokio::time::Instant;

const SUBSCRIBERS: usize = 1_000;
const FRAMES: i64 = 500;

#[tokio::main]
async fn main() {
    let hub = Hub::new(1);
    let (done, mut arrivals) = mpsc::unbounded_channel();
    for _ in 0..SUBSCRIBERS {
        let mut subscription = hub.subscribe(None);
        let done = done.clone();
        tokio::spawn(async move {
            while let Ok(frame) = subscription.then.recv().await {
                let _ = done.send(frame.bytes.len());
            }
        });
    }
    let (mut sent, mut everywhere) = (Vec::new(), Vec::new());
    for t in 0..FRAMES {
        let started = Instant::now();
        hub.sample(Sample {
            t,
            depth: t.try_into().ok(),
            ..Sample::default()
        });
        sent.push(started.elapsed());
        for _ in 0..SUBSCRIBERS {
            arrivals.recv().await;
        }
        everywhere.push(started.elapsed());
    }
    println!("hub: encode and send one frame: {}", Spread::of(sent));
    println!(
        "hub: until all {SUBSCRIBERS} subscribers have it: {}",
        Spread::of(everywhere)
    );
}
