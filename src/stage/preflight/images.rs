//! Whether the nodes have the demo's images, or can be expected to get them.
//!
//! A node names the images it has, fifty at most unless it is told to name more, so an image that is not named may be
//! there all the same: its absence is a warning, except where it must be there because nothing would fetch it.

use super::demand::crowds;
use super::{Check, Ground};
use serde_json::Value;

pub(super) const TITLE: &str = "images";

/// How many images a kubelet names (its `nodeStatusMaxImages`).
const NAMED: usize = 50;

/// One image that the demo runs.
struct Wanted<'a> {
    image: &'a str,
    policy: &'a str,
}

pub(super) async fn check(ground: Ground<'_>) -> Check {
    let nodes = match ground.cluster.ask("/api/v1/nodes").await {
        Ok(nodes) => nodes,
        Err(error) => return Check::unanswered(TITLE, &error),
    };
    let nodes: Vec<_> = nodes["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|node| node["spec"]["unschedulable"] != true)
        .collect();
    judge(&nodes, &wanted(ground))
}

fn wanted(ground: Ground<'_>) -> Vec<Wanted<'_>> {
    let crowds = crowds(ground.manifests);
    let containers = crowds
        .iter()
        .flat_map(|crowd| crowd.template["spec"]["containers"].as_array())
        .flatten();
    containers
        .filter_map(|container| {
            let image = container["image"].as_str()?;
            let unsaid = if tag(image) == "latest" {
                "Always"
            } else {
                "IfNotPresent"
            };
            let policy = container["imagePullPolicy"].as_str().unwrap_or(unsaid);
            Some(Wanted { image, policy })
        })
        .collect()
}

fn judge(nodes: &[&Value], wanted: &[Wanted<'_>]) -> Check {
    if nodes.is_empty() {
        return Check::failed(TITLE, "no node takes pods").fix("kubectl get nodes");
    }
    let mut words = Vec::new();
    for one in wanted {
        let (image, policy) = (one.image, one.policy);
        let with = nodes.iter().filter(|node| has(node, image)).count();
        if with == nodes.len() {
            words.push(format!("{image} is on every node"));
            continue;
        }
        // A tag `latest` without a registry is what one builds oneself, and loads into the nodes.
        let own = tag(image) == "latest" && !image.contains('/');
        if policy != "Never" && !own {
            words.push(format!("{image} will be pulled"));
            continue;
        }
        let short = nodes.iter().filter(|node| !has(node, image));
        let may_be_unnamed = short.into_iter().any(|node| {
            node["status"]["images"]
                .as_array()
                .is_some_and(|all| all.len() >= NAMED)
        });
        let detail = format!(
            "{image} is on {with} of {} nodes, and its pull policy is {policy}{}",
            nodes.len(),
            if policy == "Never" {
                ", so nobody fetches it"
            } else {
                ": unless a registry has it, pods end in ErrImagePull"
            }
        );
        let check = if policy == "Never" && !may_be_unnamed && with == 0 {
            Check::failed(TITLE, detail)
        } else {
            Check::warning(TITLE, detail)
        };
        return check.fix(load(nodes, image));
    }
    Check::ok(TITLE, words.join(", "))
}

/// How an image gets onto nodes of this make.
fn load(nodes: &[&Value], image: &str) -> String {
    let said = |pointer: &str, word: &str| {
        nodes.iter().any(|node| {
            node.pointer(pointer)
                .and_then(Value::as_str)
                .is_some_and(|text| text.contains(word))
        })
    };
    if said("/spec/providerID", "kind://") {
        format!("kind load docker-image {image}")
    } else if nodes
        .iter()
        .any(|node| node["metadata"]["labels"]["minikube.k8s.io/name"].is_string())
    {
        format!("minikube image load {image}")
    } else if said("/spec/providerID", "k3s://") {
        format!("k3d image import {image}")
    } else {
        format!("docker tag {image} REGISTRY/{image} && docker push REGISTRY/{image}")
    }
}

fn has(node: &Value, image: &str) -> bool {
    let wanted = full(image);
    let names = node["status"]["images"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|image| image["names"].as_array())
        .flatten()
        .filter_map(Value::as_str);
    // What is built here is called `localhost/podium` by podman and buildah.
    names
        .map(full)
        .any(|name| name == wanted || name.strip_prefix("localhost/") == Some(image))
}

/// `docker.io/library/redis:7` of `redis:7`.
fn full(image: &str) -> String {
    let tagged = if image.contains('@')
        || image
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains(':'))
    {
        image.to_owned()
    } else {
        format!("{image}:latest")
    };
    match tagged.split_once('/') {
        None => format!("docker.io/library/{tagged}"),
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => tagged,
        Some(_) => format!("docker.io/{tagged}"),
    }
}

fn tag(image: &str) -> &str {
    if image.contains('@') {
        return "";
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split_once(':').map_or("latest", |(_, tag)| tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::preflight::Verdict;
    use serde_json::json;

    fn node(provider: &str, images: &[&str]) -> Value {
        json!({
            "metadata": {"labels": {}},
            "spec": {"providerID": provider},
            "status": {"images": [{"names": images}]},
        })
    }

    fn judged(nodes: &[Value], image: &str, policy: &str) -> Check {
        judge(
            &nodes.iter().collect::<Vec<_>>(),
            &[Wanted { image, policy }],
        )
    }

    #[test]
    fn an_image_is_found_under_its_full_name_and_under_a_local_one() {
        for name in ["docker.io/library/podium:latest", "localhost/podium:latest"] {
            let check = judged(&[node("", &[name])], "podium:latest", "IfNotPresent");
            assert_eq!(check.verdict, Verdict::Ok, "{name}: {}", check.detail);
        }
    }

    #[test]
    fn what_is_built_here_must_be_loaded_and_how_depends_on_the_nodes() {
        for (provider, command) in [
            (
                "kind://docker/kind/kind-control-plane",
                "kind load docker-image podium:latest",
            ),
            ("k3s://server", "k3d image import podium:latest"),
            ("azure:///x", "docker push"),
        ] {
            let nodes = [node(provider, &["podium:latest"]), node(provider, &[])];
            let check = judged(&nodes, "podium:latest", "IfNotPresent");
            assert_eq!(check.verdict, Verdict::Warning);
            assert!(check.detail.contains("1 of 2 nodes"), "{}", check.detail);
            assert!(check.fixes[0].command.contains(command));
        }
    }

    #[test]
    fn an_image_that_nobody_fetches_must_be_there() {
        let check = judged(&[node("", &[])], "podium:1", "Never");
        assert_eq!(check.verdict, Verdict::Failed);
    }

    #[test]
    fn an_image_of_a_registry_is_pulled() {
        for image in ["redis:7-alpine", "ghcr.io/somebody/podium:latest"] {
            let check = judged(&[node("", &[])], image, "IfNotPresent");
            assert_eq!(check.verdict, Verdict::Ok, "{}", check.detail);
        }
    }
}
