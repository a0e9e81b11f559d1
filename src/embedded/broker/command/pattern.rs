//! Glob patterns as `KEYS` and `SCAN` understand them.
//!
//! The matcher backtracks to the last `*` only, so a hostile pattern costs at most pattern times text.

/// Whether all of `text` matches `pattern`: `*`, `?`, `[a-z]`, `[^a]` and `\` to quote.
pub(in crate::embedded::broker) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut last_star = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            last_star = Some((p, t));
            p += 1;
        } else if let Some(width) = one(&pattern[p..], text[t]) {
            p += width;
            t += 1;
        } else if let Some((star, from)) = last_star {
            last_star = Some((star, from + 1));
            p = star + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

/// How many bytes of `pattern` match the single byte `found`; `None` when they do not.
fn one(pattern: &[u8], found: u8) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'\\', quoted, ..] => (*quoted == found).then_some(2),
        [b'[', class @ ..] => class_match(class, found),
        [literal, ..] => (*literal == found).then_some(1),
        [] => None,
    }
}

fn class_match(class: &[u8], found: u8) -> Option<usize> {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut hit = false;
    loop {
        match &class[at.min(class.len())..] {
            // A class that is never closed ends with the pattern.
            [] | [b']', ..] => break,
            [b'\\', quoted, ..] => {
                hit |= *quoted == found;
                at += 2;
            }
            [low, b'-', high, ..] => {
                hit |= (*low.min(high)..=*low.max(high)).contains(&found);
                at += 3;
            }
            [literal, ..] => {
                hit |= *literal == found;
                at += 1;
            }
        }
    }
    let width = (at + 1).min(class.len()) + 1;
    (hit != negated).then_some(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_redis_matches_them() {
        let cases = [
            ("*", "", true),
            ("q:*:done", "q:run:1:done", true),
            ("q:*:done", "q:run:1", false),
            ("h?llo", "hello", true),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-c]llo", "hbllo", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("[", "a", false),
            ("a", "", false),
        ];
        for (pattern, text, expected) in cases {
            let found = matches(pattern.as_bytes(), text.as_bytes());
            assert_eq!(found, expected, "{pattern} {text}");
        }
    }
}
