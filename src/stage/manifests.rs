//! The demo's manifests: those in the binary, or a folder of the user's.
//!
//! A folder is read as `kubectl apply -k` would read a plain one: the files that `kustomization.yaml` lists, in order.
//! Generators, patches and bases are refused by name rather than ignored.

use super::{existing_redis, namespace, placement};
use crate::cluster::ClusterError;
use crate::cluster::apply::{self, Manifest};
use crate::config::Config;
use rust_embed::RustEmbed;
use serde::Deserialize;
use std::path::Path;

#[derive(RustEmbed)]
#[folder = "manifests/queue-demo"]
struct BuiltIn;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Kustomization {
    #[serde(rename = "apiVersion")]
    _api_version: Option<String>,
    #[serde(rename = "kind")]
    _kind: Option<String>,
    resources: Vec<String>,
}

/// The manifests in the folder that `config` names, or the built-in queue demo, in the order of their kustomization;
/// made to use its Redis, its namespace and its image where it names them.
///
/// # Errors
/// [`ClusterError::Manifest`] names the file and what is wrong with it.
pub fn load(config: &Config) -> Result<Vec<Manifest>, ClusterError> {
    let mut manifests = read_all(config.manifests.as_deref())?;
    manifests.iter_mut().for_each(namespace::mark);
    if let Some(redis) = &config.redis {
        manifests = existing_redis::adapt(manifests, redis);
    }
    if let Some(namespace) = &config.namespace {
        placement::move_to(&mut manifests, namespace);
    }
    if let Some(image) = &config.image {
        placement::use_image(&mut manifests, image);
    }
    Ok(manifests)
}

fn read_all(folder: Option<&Path>) -> Result<Vec<Manifest>, ClusterError> {
    let list = read(folder, "kustomization.yaml")?;
    let kustomization: Kustomization =
        serde_saphyr::from_str(&list).map_err(|error| ClusterError::Manifest {
            file: "kustomization.yaml".to_owned(),
            reason: format!(
                "{error}; only `resources` is understood here, render the rest with `kubectl kustomize` first"
            ),
        })?;
    let mut manifests = Vec::new();
    for file in &kustomization.resources {
        manifests.extend(apply::parse(file, &read(folder, file)?)?);
    }
    Ok(manifests)
}

fn read(folder: Option<&Path>, file: &str) -> Result<String, ClusterError> {
    let wrong = |reason: String| ClusterError::Manifest {
        file: file.to_owned(),
        reason,
    };
    match folder {
        Some(folder) => {
            let path = folder.join(file);
            std::fs::read_to_string(&path).map_err(|error| ClusterError::Manifest {
                file: path.display().to_string(),
                reason: format!(
                    "{error}; --manifests names a folder with a kustomization.yaml and the files that it lists"
                ),
            })
        }
        None => {
            let content = BuiltIn::get(file)
                .ok_or_else(|| wrong("it is not among the built-in manifests".to_owned()))?;
            String::from_utf8(content.data.into_owned()).map_err(|error| wrong(error.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_demo_comes_in_dependency_order() {
        let titles: Vec<_> = load(&Config::default())
            .unwrap()
            .iter()
            .map(Manifest::title)
            .collect();
        assert_eq!(
            titles,
            [
                "namespace/keda-demo",
                "secret/redis",
                "service/redis",
                "deployment/redis",
                "deployment/queue-worker",
                "scaledobject/queue-worker"
            ]
        );
    }

    #[test]
    fn what_kustomize_could_do_and_we_cannot_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("kustomization.yaml"),
            "resources: []\nnamePrefix: x-\n",
        )
        .unwrap();
        let config = Config {
            manifests: Some(folder.path().to_owned()),
            ..Config::default()
        };
        let message = load(&config).unwrap_err().to_string();
        assert!(
            message.contains("namePrefix") && message.contains("kubectl kustomize"),
            "{message}"
        );
    }
}
