//! Whether there is room for the demo: what its namespace allows, how much, and whether the nodes have its images.

use super::{Place, forbidden, is, mend};
use crate::fault_proxy::Fault;
use serde_json::json;

#[tokio::test]
async fn a_namespace_that_is_too_strict_or_too_small_is_told_and_the_commands_mend_it() {
    let place = Place::new().await;
    for arguments in [
        &["create", "namespace", "keda-demo"][..],
        &[
            "label",
            "namespace",
            "keda-demo",
            "pod-security.kubernetes.io/enforce=restricted",
        ],
        &[
            "create",
            "quota",
            "small",
            "--hard=pods=30,limits.cpu=4",
            "-n",
            "keda-demo",
        ],
    ] {
        let made = place.talk.kubectl(arguments).await;
        assert_eq!(made.code, Some(0), "{made:?}");
    }
    let (strict, _) = place.check("namespace", &[]).await;
    is(
        &strict,
        "failed",
        &["restricted", "queue-worker", "enforce=baseline --overwrite"],
    );
    let (unsaid, _) = place.check("quota", &[]).await;
    is(&unsaid, "failed", &["small counts limits.cpu"]);
    mend(&place, &strict).await;
    mend(&place, &unsaid).await;
    let (small, code) = place.check("quota", &[]).await;
    is(
        &small,
        "warning",
        &["pods of quota small: 30 allowed, 49 needed"],
    );
    assert_eq!(code, Some(0));
    mend(&place, &small).await;
    is(
        &place.check("quota", &[]).await.0,
        "ok",
        &["room for 49 pods"],
    );
    is(&place.check("namespace", &[]).await.0, "ok", &["baseline"]);
}

#[tokio::test]
async fn an_image_that_no_node_has_is_told_as_the_nodes_make_can_get_it() {
    let place = Place::new().await;
    let node = |provider: &str| json!({"items": [{"metadata": {"labels": {}}, "spec": {"providerID": provider}, "status": {"images": []}}]});
    place.spoil(
        "GET",
        "/api/v1/nodes",
        Fault::Answered(node("kind://podman/kind/kind-worker")),
    );
    is(
        &place.check("images", &[]).await.0,
        "warning",
        &[
            "podium:latest is on 0 of 1",
            "IfNotPresent",
            "kind load docker-image podium:latest",
        ],
    );
    place.spoil("GET", "/api/v1/nodes", forbidden());
    is(
        &place.check("images", &[]).await.0,
        "unknown",
        &["not for you"],
    );
}
