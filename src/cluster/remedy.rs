//! What to do about an error of the Kubernetes API, found from what the API server or the network said.
//!
//! The library gives words and a status code; the words of the network and of TLS have no other form. So they are told
//! apart here, in one place, and tests make each of them happen. Every remedy stands after a semicolon, where the pages
//! look for it.

/// The rights of Podium's own service account.
const OWN_RIGHTS: &str = include_str!("../../manifests/podium/rbac.yaml");
/// The namespace that they are for.
const OWN_PLACE: &str = "keda-demo";

/// A right that somebody lacks, as the API server's refusal names it, or as one asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// `get`, `list`, …
    pub verb: String,
    /// The API group, empty for the core.
    pub group: String,
    /// The plural, with the subresource after a slash.
    pub resource: String,
    /// Where; `None` is the whole cluster.
    pub namespace: Option<String>,
    /// On which object; `None` is all of them.
    pub name: Option<String>,
}

impl Right {
    /// The command by which an administrator grants `verbs` on what this right is for to `who`.
    ///
    /// Podium's own service account has a manifest with what its buttons and graphs need; anything else takes a role.
    #[must_use]
    pub fn grant(&self, verbs: &[&str], who: &str) -> String {
        let account = who
            .strip_prefix("system:serviceaccount:")
            .and_then(|rest| rest.split_once(':'));
        if account.is_some_and(|(_, name)| name == "podium") && self.is_own() {
            return "kubectl apply -f manifests/podium/rbac.yaml".to_owned();
        }
        let subject = match account {
            Some((namespace, name)) => format!("--serviceaccount={namespace}:{name}"),
            None => format!("--user={who}"),
        };
        let role = format!("podium-{}", self.resource.replace(['/', '*'], "-"));
        let verbs = verbs.join(",");
        let resource = match self.group.as_str() {
            "" => self.resource.clone(),
            group => match self.resource.split_once('/') {
                Some((plural, sub)) => format!("{plural}.{group}/{sub}"),
                None => format!("{}.{group}", self.resource),
            },
        };
        let (kind, place) = match &self.namespace {
            Some(namespace) => ("role", format!(" -n {namespace}")),
            None => ("clusterrole", String::new()),
        };
        format!(
            "kubectl create {kind} {role} --verb={verbs} --resource={resource}{place} && kubectl create {kind}binding {role} --{kind}={role} {subject}{place}"
        )
    }

    /// Whether the manifest of Podium's own account gives it.
    fn is_own(&self) -> bool {
        let here = self
            .namespace
            .as_deref()
            .is_none_or(|place| place == OWN_PLACE);
        // A metric stands where other groups have a resource, and the manifest gives all of them.
        let metric = self.group == "external.metrics.k8s.io";
        here && (metric || OWN_RIGHTS.contains(&format!("\"{}\"", self.resource)))
    }

    /// Who lacks which right, read from a refusal: `User "a" cannot list resource "pods" in API group "" in the
    /// namespace "b"`.
    fn refused(message: &str) -> Option<(String, Self)> {
        let quoted = |after: &str| {
            let (_, rest) = message.split_once(after)?;
            let (text, _) = rest.split_once('"')?;
            Some(text.to_owned())
        };
        let (_, rest) = message.split_once("\" cannot ")?;
        let (verb, _) = rest.split_once(' ')?;
        let right = Self {
            verb: verb.to_owned(),
            resource: quoted("resource \"")?,
            group: quoted("API group \"")?,
            namespace: quoted("namespace \""),
            name: None,
        };
        Some((quoted("User \"")?, right))
    }
}

/// What to do about a refusal, with the semicolon; empty when the refusal says it all.
pub(super) fn of_refusal(code: u16, message: &str) -> String {
    match code {
        _ if message.contains("denied the request:") || message.contains(" denied request: ") => {
            "; a rule of this cluster forbids it (an admission webhook or policy): change what it names in the manifests (--manifests), or ask whoever made the rule".to_owned()
        }
        _ if message.contains("failed calling webhook") => {
            "; a webhook that checks such objects is itself away: see `kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations`, and mend or delete the one named".to_owned()
        }
        _ if message.contains("with a web page") => {
            "; check the server's address in the kubeconfig, and whether a proxy or a login page stands before it".to_owned()
        }
        401 => "; the cluster does not know these credentials, or they have expired: log in again, or make a new token (`kubectl create token`), until `kubectl get namespaces` works".to_owned(),
        403 => of_forbidden(message),
        409 if message.contains("being deleted") || message.contains("being terminated") => {
            "; wait until it is gone, then try again".to_owned()
        }
        404 if message.starts_with("namespaces \"") => {
            "; the namespace went away meanwhile: deploy again, which makes it anew".to_owned()
        }
        409 if !message.contains("Apply failed") && !message.contains("conflicts with") => {
            "; somebody else changed it at that moment: try again".to_owned()
        }
        400 if message.contains("HTTP request to an HTTPS server") => {
            "; the server speaks TLS: write its address with https:// in the kubeconfig".to_owned()
        }
        410 => "; the cluster no longer knows what was asked for: try again".to_owned(),
        422 => "; correct that in the manifests (--manifests), or let the cluster's tool say more with `kubectl apply --dry-run=server`".to_owned(),
        429 => "; the API server is throttling, for it has more to do than it can: wait a moment, then try again, which goes on from there".to_owned(),
        500..=599 => "; something in the cluster is broken: look at `kubectl get --raw '/readyz?verbose'`, then try again".to_owned(),
        _ => String::new(),
    }
}

fn of_forbidden(message: &str) -> String {
    if let Some((who, right)) = Right::refused(message) {
        let grant = right.grant(&[right.verb.as_str()], &who);
        return format!("; whoever administers the cluster can grant it: `{grant}`");
    }
    if message.contains("exceeded quota") || message.contains("must specify limits") {
        return "; see `kubectl describe resourcequota -A`, and let the quota be raised".to_owned();
    }
    if message.contains("being terminated") {
        return "; wait until the namespace is gone, then try again".to_owned();
    }
    if message.contains("violates PodSecurity") {
        return "; see `podium status` for what the namespace allows".to_owned();
    }
    "; `podium status` says which rights are missing".to_owned()
}

/// What to do when the API server was not reached, or the connection to it was of no use.
pub(super) fn of_absence(reason: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if has(&["asks for a name and a password"]) {
        return "write them into the proxy's address, as http://NAME:PASSWORD@HOST:PORT, in HTTPS_PROXY or as the cluster's proxy-url";
    }
    if has(&["the proxy "]) {
        return "check HTTPS_PROXY, or the cluster's proxy-url, and whether that proxy runs and may lead there: NO_PROXY names the hosts that need none";
    }
    if has(&["is no Kubernetes API"]) {
        return "check the server's address in the kubeconfig, and whether a proxy or a login page stands before it";
    }
    if has(&["invalid HTTP", "HTTP version"]) {
        return "it does not speak HTTP there: check the port, or write the address with https:// in the kubeconfig";
    }
    if has(&["fatal alert"]) {
        return "the server ended the TLS handshake, as it does where it does not take our certificate: check client-certificate and client-key in the kubeconfig, or log in again";
    }
    if has(&["UnknownIssuer", "BadSignature"]) {
        "its certificate is signed by nobody whom the kubeconfig trusts: put its authority there (certificate-authority), or fetch the kubeconfig anew"
    } else if has(&["NotValidForName", "not valid for name"]) {
        "its certificate is for another host name: use a name from the certificate as the server's address, or name one as tls-server-name in the kubeconfig"
    } else if has(&["certificate expired", "Expired"]) {
        "its certificate has expired, or this machine's clock is wrong: let the cluster's administrator renew it"
    } else if has(&["InvalidContentType", "corrupt message"]) {
        "it does not speak TLS there: check the port, or write the address with http:// in the kubeconfig"
    } else if has(&["certificate", "Certificate"]) {
        "its certificate is not accepted: check certificate-authority and the client certificate in the kubeconfig"
    } else if has(&["lookup address", "not known", "resolve"]) {
        "no such host is known here: check the address in the kubeconfig, the network and the VPN"
    } else if has(&["deadline has elapsed", "timed out", "no answer"]) {
        "it may be stopped, or a firewall or a missing VPN keeps us away: see whether `kubectl version` gets an answer"
    } else if has(&["closed", "reset", "Broken pipe", "end of file", "EOF"]) {
        "the connection was cut; what was done so far stays, and trying again goes on from there"
    } else {
        "is the cluster running? See whether `kubectl version` gets an answer"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_for_want_of_a_right_ends_in_the_command_that_grants_it() {
        let message = r#"pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "keda-demo""#;
        assert_eq!(
            of_refusal(403, message),
            "; whoever administers the cluster can grant it: `kubectl create role podium-pods --verb=list --resource=pods -n keda-demo && kubectl create rolebinding podium-pods --role=podium-pods --user=jane -n keda-demo`"
        );
        let message = r#"deployments.apps "redis" is forbidden: User "system:serviceaccount:ops:bot" cannot patch resource "deployments" in API group "apps" at the cluster scope"#;
        let remedy = of_refusal(403, message);
        for part in [
            "clusterrole podium-deployments --verb=patch --resource=deployments.apps",
            "--serviceaccount=ops:bot`",
        ] {
            assert!(remedy.contains(part), "{remedy}");
        }
    }

    #[test]
    fn podiums_own_account_has_a_manifest_with_its_rights() {
        let message = r#"secrets "redis" is forbidden: User "system:serviceaccount:podium:podium" cannot get resource "secrets" in API group "" in the namespace "keda-demo""#;
        let remedy = of_refusal(403, message);
        assert!(remedy.contains("kubectl apply -f manifests/podium/rbac.yaml`"));
        for (resource, place) in [("jobs", "keda-demo"), ("secrets", "elsewhere")] {
            let message = format!(
                r#"x is forbidden: User "system:serviceaccount:podium:podium" cannot create resource "{resource}" in API group "" in the namespace "{place}""#
            );
            let remedy = of_refusal(403, &message);
            let role = format!(
                "kubectl create role podium-{resource} --verb=create --resource={resource} -n {place} && "
            );
            assert!(remedy.contains(&role), "{remedy}");
        }
    }

    #[test]
    fn what_tls_says_is_told_apart() {
        for (reason, remedy) in [
            (
                "invalid peer certificate: UnknownIssuer",
                "certificate-authority",
            ),
            (
                "invalid peer certificate: certificate not valid for name \"x\"; NotValidForName",
                "tls-server-name",
            ),
            (
                "invalid peer certificate: certificate expired: verification time 1",
                "renew",
            ),
            (
                "received corrupt message of type InvalidContentType",
                "http://",
            ),
        ] {
            assert!(of_absence(reason).contains(remedy), "{reason}");
        }
    }
}
