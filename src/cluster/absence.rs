//! Why the API server was not reached, or what answered was none, in words that say which of the parties it was.
//!
//! The library wraps what the network said in several layers, of which the innermost is the most exact, but may have lost
//! that a proxy was being spoken to. What to do about it is found from these words (`remedy::of_absence`).

use super::root_cause;
use kube::core::Status;

/// As much of a foreign answer as a message can hold.
const QUOTED: usize = 200;

/// The reason, in one sentence without semicolons; the pages take what follows the last one for the remedy.
pub(super) fn reason(error: &kube::Error, proxy: Option<&str>) -> String {
    let innermost = root_cause(error);
    let told = match (error, proxy) {
        (kube::Error::SerdeError(_), _) => {
            format!("what answers there is no Kubernetes API ({innermost})")
        }
        (_, Some(proxy)) if mentions(error, &["tunnel error", "SOCKS error"]) => {
            of_proxy(error, proxy, &innermost)
        }
        _ => innermost,
    };
    told.replace("; ", ", ")
}

fn of_proxy(error: &kube::Error, proxy: &str, innermost: &str) -> String {
    if mentions(error, &["proxy authorization required"]) {
        format!("the proxy {proxy} asks for a name and a password")
    } else if mentions(error, &["failed to create underlying connection"]) {
        format!("the proxy {proxy} is not reached ({innermost})")
    } else if mentions(error, &["tunnel error: unsuccessful"]) {
        format!("the proxy {proxy} refuses to lead there")
    } else {
        format!("the proxy {proxy} does not lead there ({innermost})")
    }
}

fn mentions(error: &(dyn std::error::Error + 'static), words: &[&str]) -> bool {
    let mut layer = Some(error);
    while let Some(inner) = layer {
        let text = inner.to_string();
        if words.iter().any(|word| text.contains(word)) {
            return true;
        }
        layer = inner.source();
    }
    false
}

/// The words of a refusal. A page in HTML is from something on the way; any text is short enough to be read.
pub(super) fn words(status: &Status) -> String {
    let text = status.message.trim();
    if text.starts_with('<') {
        return format!(
            "something on the way answers {} with a web page, and is no Kubernetes API",
            status.code
        );
    }
    if text.is_empty() {
        return format!("HTTP {} without a word", status.code);
    }
    if text.chars().count() <= 4 * QUOTED {
        return text.to_owned();
    }
    let start: String = text.chars().take(QUOTED).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_page_is_not_quoted_and_a_long_text_shortened() {
        let status = |text: &str| Status::failure(text, "").with_code(502);
        let page = words(&status("<html><body>Bad gateway</body></html>"));
        assert!(page.contains("answers 502 with a web page"), "{page}");
        assert_eq!(words(&status(" ")), "HTTP 502 without a word");
        assert_eq!(words(&status("no leader\n")), "no leader");
        assert_eq!(words(&status(&"x".repeat(2000))).chars().count(), 201);
    }
}
