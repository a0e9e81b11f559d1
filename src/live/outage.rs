//! What the log says of the sources: each failure once, with its reason, and each recovery once.
//!
//! A source that is away is tried again and again; a line at each try would bury everything else. So the observer shows
//! this module the sources' lights at every sample, and only a light that changed makes a line. A source that has only
//! just become due is given a moment: a demo is whole before its queue has been read for the first time.

use super::hub::SourceHealth;
use std::collections::{BTreeMap, BTreeSet};

/// How long a source that became due may take until it is on, ms.
const MAY_TAKE_MS: i64 = 3_000;

/// What the log knows of the sources, by their names.
#[derive(Debug, Default)]
pub struct Outages {
    /// Called away.
    away: BTreeSet<&'static str>,
    /// On at least once since they became due.
    good: BTreeSet<&'static str>,
    /// Due and not on yet, since when.
    awaited: BTreeMap<&'static str, i64>,
}

/// What a light that changed means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Away,
    Back,
}

impl Outages {
    /// Takes note of a source at `now` (ms since the epoch) and tells the log if that is news.
    pub fn note(&mut self, source: &SourceHealth, now: i64) {
        let SourceHealth { name, reason, .. } = source;
        match self.news(source, now) {
            Some(News::Away) => {
                tracing::warn!(source = name, %reason, "{name} is away; its numbers are not shown until it is back");
            }
            Some(News::Back) => tracing::info!(source = name, "{name} is back"),
            None => {}
        }
    }

    fn news(&mut self, source: &SourceHealth, now: i64) -> Option<News> {
        let name = source.name;
        if source.ok || !source.due {
            self.awaited.remove(name);
        }
        if !source.due {
            self.good.remove(name);
        }
        if source.ok {
            if source.due {
                self.good.insert(name);
            }
            return self.away.remove(name).then_some(News::Back);
        }
        let missed = source.due
            && (self.good.contains(name)
                || now - *self.awaited.entry(name).or_insert(now) >= MAY_TAKE_MS);
        (missed && self.away.insert(name)).then_some(News::Away)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn light(name: &'static str, ok: bool, due: bool) -> SourceHealth {
        SourceHealth {
            name,
            ok,
            due,
            reason: if ok { "" } else { "gone" }.to_owned(),
            since: 0,
        }
    }

    #[test]
    fn a_failure_is_told_once_and_its_end_once() {
        let mut outages = Outages::default();
        let mut told = Vec::new();
        for ok in [true, false, false, false, true, true, false] {
            told.push(outages.news(&light("redis", ok, true), 0));
        }
        let (away, back) = (Some(News::Away), Some(News::Back));
        assert_eq!(told, [None, away, None, None, back, None, away]);
    }

    #[test]
    fn what_need_not_answer_is_not_missed_and_the_sources_are_told_apart() {
        let mut outages = Outages::default();
        assert_eq!(outages.news(&light("redis", false, false), 0), None);
        assert_eq!(outages.news(&light("redis", true, true), 0), None);
        assert_eq!(outages.news(&light("cluster", true, true), 0), None);
        let away = outages.news(&light("cluster", false, true), 0);
        assert_eq!(away, Some(News::Away));
        assert_eq!(outages.news(&light("redis", true, true), 0), None);
    }

    #[test]
    fn a_source_that_became_due_is_given_a_moment_each_time() {
        let mut outages = Outages::default();
        let mut told = Vec::new();
        for (ok, due, now) in [
            (false, true, 0),
            (false, true, 2_999),
            (true, true, 3_500),
            (false, false, 4_000),
            (false, true, 5_000),
            (false, true, 8_000),
            (false, true, 9_000),
        ] {
            told.push(outages.news(&light("redis", ok, due), now));
        }
        assert_eq!(told, [None, None, None, None, None, Some(News::Away), None]);
    }
}
