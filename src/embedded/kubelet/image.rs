//! Which program an image stands for.

/// What the node can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// A Redis or Valkey image: the embedded broker.
    Broker,
    /// A Podium image: the `podium` binary with the container's own arguments.
    Podium,
}

/// Chooses by the last part of the image's name, without registry, tag and digest.
///
/// # Errors
/// The message of the failed pull, for any other image.
pub(super) fn program(image: &str) -> Result<Program, String> {
    let untagged = image.split('@').next().unwrap_or_default();
    let last = untagged.rsplit('/').next().unwrap_or_default();
    match last.split(':').next().unwrap_or_default() {
        "redis" | "valkey" => Ok(Program::Broker),
        "podium" => Ok(Program::Podium),
        _ => Err(format!(
            "the embedded node can run only Redis images (redis, valkey) and Podium's own (podium), and \"{image}\" is neither; use a real cluster for it"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(image: &str, expected: Option<Program>) {
        assert_eq!(program(image).ok(), expected, "{image}");
    }

    #[test]
    fn the_last_part_of_the_name_decides() {
        check("redis", Some(Program::Broker));
        check("docker.io/library/redis:7-alpine", Some(Program::Broker));
        check("localhost:5000/valkey/valkey", Some(Program::Broker));
        check("podium:latest", Some(Program::Podium));
        check("ghcr.io/stage/podium@sha256:0123", Some(Program::Podium));
        check("nginx", None);
        check("redis/redis-stack", None);
        check("", None);
    }
}
