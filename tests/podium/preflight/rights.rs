//! The rights that are asked for, and the command that grants the one that is missing.

use super::{ALWAYS, Place, absent, is, mend};
use crate::fault_proxy::Fault;
use serde_json::{Value, json};

const FORWARD: &str = "rights: pods/portforward";

#[tokio::test]
async fn missing_rights_are_named_one_by_one_with_the_command_that_grants_them() {
    let place = Place::new().await;
    place.spoil(
        "POST",
        "/selfsubjectaccessreviews",
        Fault::Answered(json!({"status": {"allowed": false}})),
    );
    let who = json!({"status": {"userInfo": {"username": "jane"}}});
    place
        .meddler
        .spoil("POST", "/selfsubjectreviews", ALWAYS, Fault::Answered(who));
    let (check, code) = place.check("rights: pods", &[]).await;
    is(
        &check,
        "failed",
        &[
            "jane may not list, watch pods in namespace keda-demo",
            "kubectl create role podium-pods --verb=list,watch --resource=pods -n keda-demo",
            "kubectl create rolebinding podium-pods --role=podium-pods --user=jane -n keda-demo",
        ],
    );
    assert_eq!(code, Some(1));
    let (check, _) = place.check("rights: namespaces", &[]).await;
    is(
        &check,
        "failed",
        &["clusterrole podium-namespaces", "in the whole cluster"],
    );

    place.spoil("POST", "/selfsubjectaccessreviews", absent());
    let (check, code) = place.check("rights: pods", &[]).await;
    is(&check, "unknown", &["the cluster does not say"]);
    assert_eq!(code, Some(0), "unknown is not failed");
}

#[tokio::test]
async fn the_right_to_forward_ports_is_asked_for_where_the_way_to_redis_leads_through_the_api() {
    let place = Place::new().await;
    let is_asked = async |arguments: &[&str]| {
        let output = place.status(arguments).await;
        let report: Value = serde_json::from_str(&output.stdout).unwrap();
        let checks = report["checks"].as_array().unwrap().clone();
        assert!(checks.iter().any(|check| check["title"] == "rights: pods"));
        checks.iter().any(|check| check["title"] == FORWARD)
    };
    assert!(!is_asked(&[]).await, "the embedded cluster's pods are here");
    let forwarded = ["--redis-route", "port-forward"];
    is(
        &place.check(FORWARD, &forwarded).await.0,
        "ok",
        &["create, get"],
    );

    // Any other cluster is one that we are outside of.
    let version = json!({
        "major": "1", "minor": "36", "gitVersion": "v1.36.2", "gitCommit": "", "gitTreeState": "", "buildDate": "",
        "goVersion": "", "compiler": "", "platform": "",
    });
    place.spoil("GET", "/version", Fault::Answered(version));
    assert!(!is_asked(&["--redis-route", "direct"]).await);
    assert!(!is_asked(&["--redis", "redis://127.0.0.1:1"]).await);
    let no = Fault::Answered(json!({"status": {"allowed": false}}));
    place
        .meddler
        .spoil("POST", "/selfsubjectaccessreviews", ALWAYS, no);
    is(
        &place.check(FORWARD, &[]).await.0,
        "failed",
        &["may not create, get pods/portforward"],
    );
}

#[tokio::test]
async fn who_may_do_all_but_forward_ports_is_told_the_role_to_add_and_it_is_enough() {
    let place = Place::new().await;
    let admin = async |line: &str| {
        let output = place
            .talk
            .kubectl(&line.split(' ').collect::<Vec<_>>())
            .await;
        assert_eq!(output.code, Some(0), "{line}: {output:?}");
        output.stdout
    };
    admin("create namespace keda-demo").await;
    admin("create serviceaccount speaker -n keda-demo").await;
    let token = admin("create token speaker -n keda-demo").await;
    let text = std::fs::read_to_string(&place.kubeconfig).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    config["users"][0]["user"]["token"] = json!(token.trim());
    std::fs::write(&place.kubeconfig, config.to_string()).unwrap();

    let route = ["--redis-route", "port-forward"];
    let (check, code) = place.check(FORWARD, &route).await;
    is(
        &check,
        "failed",
        &[
            "system:serviceaccount:keda-demo:speaker may not create, get pods/portforward in namespace keda-demo",
            "kubectl create role podium-pods-portforward --verb=create,get --resource=pods/portforward -n keda-demo",
        ],
    );
    assert_eq!(check["stops_deploy"], false, "{check:#}");
    assert_eq!(code, Some(1));
    mend(&place, &check).await;
    is(
        &place.check(FORWARD, &route).await.0,
        "ok",
        &["create, get"],
    );
}
