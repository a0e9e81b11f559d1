//! Opening letters, whatever lies in the list. That they go where they should is tried on Redis itself.

use super::*;
use proptest::prelude::*;

fn buried(raw: &[u8]) -> Letter {
    open(DeadLetter::encode("lost".to_owned(), "w".to_owned(), 7, raw).as_bytes())
}

fn job(attempt: u32) -> Job {
    Job {
        id: "r-0".into(),
        run: "r".into(),
        seq: 0,
        prefix: "ticket".into(),
        enqueued_at_ms: 1,
        attempt,
        work_ms: 250,
    }
}

#[test]
fn a_retried_job_begins_anew() {
    let letter = buried(job(3).encode().as_bytes());
    assert_eq!((letter.at_ms, letter.reason.as_str()), (Some(7), "lost"));
    let again = letter.retried(99).expect("a job");
    assert_eq!((again.attempt, again.enqueued_at_ms), (1, 99));
    assert_eq!(again.id, "r-0");
}

#[test]
fn what_is_no_job_cannot_be_retried_and_says_why() {
    let mut padded = job(1).encode().into_bytes();
    padded.resize(20_000, b' ');
    for (raw, cause) in [
        (b"hello".to_vec(), "not a job"),
        (padded, "only a part"),
        (b"{}".to_vec(), "missing field"),
    ] {
        let error = buried(&raw).retried(0).expect_err(cause).to_string();
        assert!(
            error.contains(cause) && error.ends_with("discard it"),
            "{error}"
        );
    }
}

#[test]
fn a_replaced_byte_does_not_make_a_job() {
    let mut raw = job(1).encode().into_bytes();
    let place = raw
        .windows(6)
        .position(|six| six == b"ticket")
        .expect("its prefix");
    raw[place] = 0xff;
    let letter = buried(&raw);
    assert!(
        letter.job.is_none() && letter.unretriable.is_some(),
        "{letter:?}"
    );
}

#[test]
fn a_letter_of_an_older_version_is_called_by_its_content() {
    let old = br#"{"reason":"lost","worker":"w","at_ms":7,"job":"hello"}"#;
    let letter = open(old);
    assert_eq!((letter.id.len(), letter.counted), (12, true));
    assert_eq!(letter.id, open(old).id);
}

#[test]
fn a_name_that_is_none_is_not_believed() {
    let evil = br#"{"id":"../etc","reason":"","worker":"","at_ms":7,"job":""}"#;
    assert_eq!(open(evil).id, id_of(evil));
}

proptest! {
    #[test]
    fn whatever_lies_there_can_be_opened_and_named(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
        let letter = open(&raw);
        prop_assert_eq!(letter.id.len(), 12);
        prop_assert!(letter.job.is_none() != letter.unretriable.is_none());
    }

    #[test]
    fn every_buried_thing_is_counted_and_named_apart(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (one, two) = (buried(&raw), buried(&raw));
        prop_assert!(one.counted && one.id != two.id);
    }
}
