//! What the log says of the sources: each failure once, with its reason, and each recovery once.
//!
//! A source that is away is tried again and again; a line at each try would bury everything else. So the observer shows
//! this module the sources' lights at every sample, and only a light that changed makes a line.

use super::hub::SourceHealth;
use std::collections::BTreeSet;

/// Which sources the log has called away.
#[derive(Debug, Default)]
pub struct Outages(BTreeSet<&'static str>);

/// What a light that changed means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Away,
    Back,
}

impl Outages {
    /// Takes note of a source and tells the log if that is news.
    pub fn note(&mut self, source: &SourceHealth) {
        let SourceHealth { name, reason, .. } = source;
        match self.news(source) {
            Some(News::Away) => {
                tracing::warn!(source = name, %reason, "{name} is away; its numbers are not shown until it is back");
            }
            Some(News::Back) => tracing::info!(source = name, "{name} is back"),
            None => {}
        }
    }

    fn news(&mut self, source: &SourceHealth) -> Option<News> {
        if source.ok {
            return self.0.remove(source.name).then_some(News::Back);
        }
        (source.due && self.0.insert(source.name)).then_some(News::Away)
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
            told.push(outages.news(&light("redis", ok, true)));
        }
        let (away, back) = (Some(News::Away), Some(News::Back));
        assert_eq!(told, [None, away, None, None, back, None, away]);
    }

    #[test]
    fn what_need_not_answer_is_not_missed_and_the_sources_are_told_apart() {
        let mut outages = Outages::default();
        assert_eq!(outages.news(&light("redis", false, false)), None);
        assert_eq!(outages.news(&light("redis", true, true)), None);
        assert_eq!(
            outages.news(&light("cluster", false, true)),
            Some(News::Away)
        );
        assert_eq!(outages.news(&light("redis", true, true)), None);
    }
}
