//! Ages as `kubectl` prints them: short, and rough where precision would only be noise.

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

/// How long ago the timestamp `since` was, or `<unknown>` if there is none.
pub(super) fn age(since: &Value, now_ms: i64) -> String {
    since
        .as_str()
        .and_then(|text| text.parse::<Timestamp>().ok())
        .map_or_else(
            || "<unknown>".to_owned(),
            |at| duration((now_ms - at.as_millisecond()) / 1_000),
        )
}

/// A duration in whole seconds: `90s`, `5m30s`, `3h`, `2d4h`.
pub(super) fn duration(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    // A clock that is slightly ahead of ours is no reason to alarm anyone; a broken one is.
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let two = |large: i64, unit: char, small: i64, small_unit: char| {
        if small == 0 {
            format!("{large}{unit}")
        } else {
            format!("{large}{unit}{small}{small_unit}")
        }
    };
    match seconds.max(0) {
        s if s < 2 * MINUTE => format!("{s}s"),
        s if s < 10 * MINUTE => two(s / MINUTE, 'm', s % MINUTE, 's'),
        s if s < 3 * HOUR => format!("{}m", s / MINUTE),
        s if s < 8 * HOUR => two(s / HOUR, 'h', s % HOUR / MINUTE, 'm'),
        s if s < 2 * DAY => format!("{}h", s / HOUR),
        s if s < 8 * DAY => two(s / DAY, 'd', s % DAY / HOUR, 'h'),
        s if s < 2 * YEAR => format!("{}d", s / DAY),
        s if s < 8 * YEAR => two(s / YEAR, 'y', s % YEAR / DAY, 'd'),
        s => format!("{}y", s / YEAR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_get_rougher_as_they_grow() {
        for (seconds, text) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (121, "2m1s"),
            (601, "10m"),
            (3 * 3_600 + 60, "3h1m"),
            (9 * 3_600, "9h"),
            (49 * 3_600, "2d1h"),
            (9 * 86_400, "9d"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }
}
