//! `--namespace`: a name that Kubernetes will take.

/// The namespace of the built-in demo.
pub const DEMO_NAMESPACE: &str = "keda-demo";

/// The longest name of a namespace (RFC 1123 label).
const LONGEST: usize = 63;

/// A namespace's name.
///
/// # Errors
/// How to write one, when this is none.
pub(super) fn parse(text: &str) -> Result<String, String> {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    let fits = !text.is_empty() && text.len() <= LONGEST && text.bytes().all(inner);
    if fits && !text.starts_with('-') && !text.ends_with('-') {
        return Ok(text.to_owned());
    }
    Err(format!(
        "a namespace has at most {LONGEST} small letters, digits and -, and neither begins nor ends with -"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_would_refuse_is_refused_at_once() {
        for good in ["keda-demo", "a", "7"] {
            assert_eq!(parse(good).as_deref(), Ok(good));
        }
        for bad in ["", "Demo", "-a", "a-", "a.b", "a b", &"x".repeat(64)] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
