//! Rights in the embedded cluster, as `kubectl` sees them: service accounts, their tokens, and what Roles and bindings
//! let them do. Expectations are what a real cluster prints.

use crate::kubernetes_api::Cluster;
use crate::talk::{Output, run};
use podium::embedded::api::kubeconfig;
use std::path::PathBuf;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// The service account `demo/bot`, which may list the pods of its namespace and read the log of one.
const BOT: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: demo}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: bot, namespace: demo}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: demo}
rules:
  - {apiGroups: [""], resources: [pods], verbs: [list]}
  - {apiGroups: [""], resources: [pods/log], resourceNames: [one], verbs: [get]}
  - {apiGroups: [""], resources: [secrets], resourceNames: [redis], verbs: [list, get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: demo}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects:
  - {kind: ServiceAccount, name: bot, namespace: demo}
"#;

const BOTS_NAME: &str = "system:serviceaccount:demo:bot";

/// What `kubectl` makes of a 401.
const LOCKED_OUT: &str = "You must be logged in to the server";

/// A cluster with its administrator and with the bot.
struct Rights {
    cluster: Cluster,
    folder: TempDir,
}

impl Rights {
    async fn start() -> Self {
        let rights = Self {
            cluster: Cluster::start().await,
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::write(rights.path("admin"), rights.cluster.kubeconfig()).unwrap();
        rights.apply("admin", BOT).await;
        let token = rights.admin("create token bot -n demo").await;
        rights.write_kubeconfig("bot", token.trim());
        rights
    }

    fn path(&self, who: &str) -> PathBuf {
        self.folder.path().join(who)
    }

    fn write_kubeconfig(&self, who: &str, token: &str) {
        let text = kubeconfig(self.cluster.address, token);
        std::fs::write(self.path(who), text).unwrap();
    }

    fn kubectl(&self, who: &str) -> Command {
        let mut command = Command::new("kubectl");
        command
            .env("KUBECONFIG", self.path(who))
            .env("HOME", self.folder.path());
        command
    }

    async fn run(&self, who: &str, arguments: &str) -> Output {
        run(self.kubectl(who).args(arguments.split(' '))).await
    }

    /// What the administrator gets, who gets everything.
    async fn admin(&self, arguments: &str) -> String {
        let output = self.run("admin", arguments).await;
        assert_eq!(output.code, Some(0), "{arguments}: {output:?}");
        output.stdout
    }

    async fn apply(&self, who: &str, objects: &str) -> Output {
        let mut kubectl = self.kubectl(who);
        let mut child = kubectl
            .args(["apply", "--server-side", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(objects.as_bytes()).await.unwrap();
        drop(input);
        let output = child.wait_with_output().await.unwrap();
        Output {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
        }
    }

    /// That `who` is refused, in these words.
    #[track_caller]
    fn refused(output: &Output, words: &str) {
        assert_eq!(output.code, Some(1), "{output:?}");
        let said = output.stderr.trim();
        let expected = format!("Error from server (Forbidden): {words}");
        assert_eq!(said, expected);
    }
}

#[tokio::test]
async fn a_service_account_may_do_what_its_role_says_and_nothing_else() {
    let rights = Rights::start().await;
    let pods = rights.run("bot", "get pods -n demo").await;
    assert_eq!(pods.stderr.trim(), "No resources found in demo namespace.");
    let log = rights
        .run("bot", "get --raw /api/v1/namespaces/demo/pods/one/log")
        .await;
    assert!(log.stderr.contains("NotFound"), "past the door: {log:?}");
    let user = format!("User {BOTS_NAME:?}");
    for (arguments, thing, verb) in [
        (
            "get pods",
            "pods",
            r#"list resource "pods" in API group "" in the namespace "default""#,
        ),
        (
            "get pods -A",
            "pods",
            r#"list resource "pods" in API group "" at the cluster scope"#,
        ),
        (
            "get pod one -n demo",
            r#"pods "one""#,
            r#"get resource "pods" in API group "" in the namespace "demo""#,
        ),
        (
            "get --raw /api/v1/namespaces/demo/pods/two/log",
            r#"pods "two""#,
            r#"get resource "pods/log" in API group "" in the namespace "demo""#,
        ),
        (
            "patch deploy/web -n demo --subresource=scale --type=merge -p {}",
            r#"deployments.apps "web""#,
            r#"get resource "deployments/scale" in API group "apps" in the namespace "demo""#,
        ),
        (
            "delete namespace demo",
            r#"namespaces "demo""#,
            r#"delete resource "namespaces" in API group "" in the namespace "demo""#,
        ),
    ] {
        let output = rights.run("bot", arguments).await;
        Rights::refused(
            &output,
            &format!("{thing} is forbidden: {user} cannot {verb}"),
        );
    }
    let path = rights.run("bot", "get --raw /metrics").await;
    Rights::refused(
        &path,
        &format!("forbidden: {user} cannot get path \"/metrics\""),
    );
}

#[tokio::test]
async fn a_named_object_may_be_listed_alone() {
    let rights = Rights::start().await;
    let listed = "get secrets -n demo --field-selector metadata.name=redis";
    let named = rights.run("bot", listed).await;
    assert_eq!(named.code, Some(0), "{named:?}");
    let all = rights.run("bot", "get secrets -n demo").await;
    assert_eq!(all.code, Some(1), "{all:?}");
}

#[tokio::test]
async fn everybody_with_a_token_sees_what_the_cluster_serves_and_who_they_are() {
    let rights = Rights::start().await;
    let kinds = rights.run("bot", "api-resources").await;
    assert!(kinds.stdout.contains("deployments"), "{kinds:?}");
    let version = rights.run("bot", "version").await;
    assert!(version.stdout.contains("Server Version"), "{version:?}");
    let who = rights.run("bot", "auth whoami").await;
    let groups = "[system:serviceaccounts system:serviceaccounts:demo system:authenticated]";
    assert!(
        who.stdout.contains(BOTS_NAME) && who.stdout.contains(groups),
        "{who:?}"
    );
    assert!(who.stdout.contains("UID"), "{who:?}");
}

#[tokio::test]
async fn can_i_answers_for_oneself_and_the_administrator_asks_for_others() {
    let rights = Rights::start().await;
    for (question, answer) in [
        ("list pods -n demo", "yes"),
        ("list pods", "no"),
        ("delete pods -n demo", "no"),
        ("get pods --subresource=log -n demo", "no"),
        ("get pods/one --subresource=log -n demo", "yes"),
        ("get /version", "yes"),
        ("get /metrics", "no"),
    ] {
        let own = rights.run("bot", &format!("auth can-i {question}")).await;
        assert_eq!(own.stdout.trim(), answer, "{question}: {own:?}");
        let asked = format!("auth can-i {question} --as {BOTS_NAME}");
        let other = rights.run("admin", &asked).await;
        assert_eq!(other.stdout.trim(), answer, "{question}: {other:?}");
    }
    let list = rights.run("bot", "auth can-i --list -n demo").await.stdout;
    let lines: Vec<String> = list
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for line in [
        "pods [] [] [list]",
        "pods/log [] [one] [get]",
        "secrets [] [redis] [list get]",
        "selfsubjectreviews.authentication.k8s.io [] [] [create]",
        "[/version] [] [get]",
    ] {
        assert!(
            lines.iter().any(|printed| printed == line),
            "{line}\n{list}"
        );
    }
    let why = rights.run("bot", "auth can-i list pods -n demo -v=8").await;
    let reason = r#"RBAC: allowed by RoleBinding \\\"reader/demo\\\" of Role \\\"reader\\\" to ServiceAccount \\\"bot/demo\\\""#;
    assert!(why.stderr.contains(reason), "{}", why.stderr);
}

#[tokio::test]
async fn to_speak_for_others_is_a_right_of_its_own() {
    let rights = Rights::start().await;
    let refused = rights
        .run("bot", "get --raw /api/v1/namespaces/demo/pods --as ada")
        .await;
    let words = format!(
        r#"users "ada" is forbidden: User {BOTS_NAME:?} cannot impersonate resource "users" in API group "" at the cluster scope"#
    );
    Rights::refused(&refused, &words);
    rights
        .admin("create clusterrole readers --verb=list --resource=pods")
        .await;
    rights
        .admin("create clusterrolebinding readers --clusterrole=readers --group=staff")
        .await;
    let alone = rights.run("admin", "get pods -A --as ada").await;
    assert_eq!(alone.code, Some(1), "{alone:?}");
    rights.admin("get pods -A --as ada --as-group staff").await;
    let who = rights.admin("auth whoami --as ada --as-group staff").await;
    assert!(
        who.contains("ada") && who.contains("[staff system:authenticated]"),
        "{who}"
    );
}

#[tokio::test]
async fn an_apply_that_creates_takes_the_right_to_create_as_well() {
    let rights = Rights::start().await;
    let map =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: demo}\ndata: {a: b}\n";
    rights
        .admin("create role changer -n demo --verb=get,patch --resource=configmaps")
        .await;
    rights
        .admin("create rolebinding changer -n demo --role=changer --serviceaccount=demo:bot")
        .await;
    let refused = rights.apply("bot", map).await;
    let words = format!(
        r#"configmaps "a" is forbidden: User {BOTS_NAME:?} cannot create resource "configmaps" in API group "" in the namespace "demo""#
    );
    Rights::refused(&refused, &words);
    rights
        .admin("create role creator -n demo --verb=create --resource=configmaps")
        .await;
    rights
        .admin("create rolebinding creator -n demo --role=creator --serviceaccount=demo:bot")
        .await;
    let created = rights.apply("bot", map).await;
    assert_eq!(
        created.stdout.trim(),
        "configmap/a serverside-applied",
        "{created:?}"
    );
    rights.admin("delete role creator -n demo").await;
    let changed = rights.apply("bot", &map.replace("a: b", "a: c")).await;
    assert_eq!(
        changed.code,
        Some(0),
        "what is there is only changed: {changed:?}"
    );
}

#[tokio::test]
async fn a_binding_to_a_role_that_is_not_there_gives_nothing_and_says_so() {
    let rights = Rights::start().await;
    rights.admin("delete role reader -n demo").await;
    let refused = rights.run("bot", "get pods -n demo").await;
    let words = format!(
        r#"pods is forbidden: User {BOTS_NAME:?} cannot list resource "pods" in API group "" in the namespace "demo": RBAC: role.rbac.authorization.k8s.io "reader" not found"#
    );
    Rights::refused(&refused, &words);
}

#[tokio::test]
async fn a_cluster_role_bound_in_a_namespace_holds_there_and_bound_in_the_cluster_everywhere() {
    let rights = Rights::start().await;
    rights
        .admin("create clusterrole maps --verb=list --resource=configmaps")
        .await;
    rights
        .admin("create rolebinding maps -n demo --clusterrole=maps --serviceaccount=demo:bot")
        .await;
    assert_eq!(rights.run("bot", "get cm -n demo").await.code, Some(0));
    assert_eq!(rights.run("bot", "get cm -A").await.code, Some(1));
    rights
        .admin("create clusterrolebinding maps --clusterrole=maps --serviceaccount=demo:bot")
        .await;
    assert_eq!(rights.run("bot", "get cm -A").await.code, Some(0));
}

#[tokio::test]
async fn a_token_is_asked_for_with_a_life_and_a_wrong_one_opens_nothing() {
    let rights = Rights::start().await;
    let brief = rights
        .run("admin", "create token bot -n demo --duration=60s")
        .await;
    assert_eq!(
        brief.stderr.trim(),
        r#"error: failed to create token: TokenRequest.authentication.k8s.io "bot" is invalid: spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes"#
    );
    let nobody = rights.run("admin", "create token nobody -n demo").await;
    assert!(
        nobody
            .stderr
            .contains(r#"serviceaccounts "nobody" not found"#),
        "{nobody:?}"
    );
    let own = rights.run("bot", "create token bot -n demo").await;
    assert!(
        own.stderr
            .contains("cannot create resource \"serviceaccounts/token\""),
        "{own:?}"
    );
    rights.write_kubeconfig("stranger", "0123456789abcdef0123456789abcdef");
    let stranger = rights.run("stranger", "get pods -n demo").await;
    assert!(stranger.stderr.contains(LOCKED_OUT), "{stranger:?}");
    rights.admin("delete sa bot -n demo").await;
    rights.admin("create sa bot -n demo").await;
    let gone = rights.run("bot", "get pods -n demo").await;
    assert!(
        gone.stderr.contains(LOCKED_OUT),
        "another of its name: {gone:?}"
    );
}
