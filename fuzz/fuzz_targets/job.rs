//! What anybody may push onto the queue's list. What decodes must come back the same from its encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use podium::queue::job::Job;

fuzz_target!(|raw: &[u8]| {
    let Ok(job) = Job::decode(raw) else {
        return;
    };
    let again = Job::decode(job.encode().as_bytes());
    assert_eq!(again.expect("an encoded job decodes"), job);
    if let Some(next) = job.next_attempt() {
        assert_eq!(next.attempt, job.attempt + 1);
    }
});
