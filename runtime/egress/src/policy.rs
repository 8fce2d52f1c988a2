//! May this request leave? The manifest *and* the operator must allow it; neither widens the other. Pure.

use serde::{Deserialize, Serialize};
use url::Url;
use windlass_domain::manifest::{HostRule, Manifest};
use windlass_domain::ports::egress::{EgressError, OutgoingRequest, OutgoingValue};

use crate::target::{self, Target};
use crate::{addresses, headers};

/// What the operator allows, whatever a manifest says. The default is right for production.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct OperatorPolicy {
    /// Plain `http://`. For development.
    pub allow_http: bool,
    /// Requests to this machine itself. For development.
    pub loopback: Loopback,
}

/// Which ports of the loopback addresses may be reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loopback {
    /// None. The default.
    #[default]
    None,
    /// These.
    Ports(Vec<u16>),
    /// All.
    Any,
}

impl OperatorPolicy {
    /// May this port be reached on a loopback address?
    pub fn allows_loopback(&self, port: u16) -> bool {
        match &self.loopback {
            Loopback::None => false,
            Loopback::Ports(ports) => ports.contains(&port),
            Loopback::Any => true,
        }
    }
}

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// Is the request well-formed, and allowed by both? A denial's text is the manifest line, or the operator's setting, that
/// would allow it.
pub(crate) fn check(operator: &OperatorPolicy, manifest: &Manifest, request: &OutgoingRequest) -> Result<Target, EgressError> {
    if !METHODS.contains(&request.method.as_str()) {
        return Err(EgressError::Invalid(format!("method {:?}: it must be one of {}", request.method, METHODS.join(", "))));
    }
    let target = target::parse(&request.url)?;
    headers::check(request)?;
    manifest_allows(manifest, &target, request)?;
    if target.url.scheme() == "http" && !operator.allow_http {
        return Err(EgressError::Denied("the operator does not allow http://: use https://, or set egress.allow-http = true".to_owned()));
    }
    if let Some(address) = target.address {
        address_allowed(operator, &target, address)?;
    }
    Ok(target)
}

fn address_allowed(operator: &OperatorPolicy, target: &Target, address: std::net::IpAddr) -> Result<(), EgressError> {
    addresses::check(address, operator.allows_loopback(target.port))
        .map_err(|kind| EgressError::Denied(refused_address(&address, kind, target.port)))
}

/// What a refused address is told as.
pub(crate) fn refused_address(address: &std::net::IpAddr, kind: &str, port: u16) -> String {
    let remedy = if kind == "loopback" { format!("; set egress.loopback = {{ ports = [{port}] }} to allow it") } else { String::new() };
    format!("the operator does not allow address {address}: it is {kind}{remedy}")
}

fn manifest_allows(manifest: &Manifest, target: &Target, request: &OutgoingRequest) -> Result<(), EgressError> {
    let secrets = secret_names(request);
    let of_origin = || manifest.hosts.iter().filter(|rule| same_origin(&rule.url, &target.origin));
    let allowed = of_origin().any(|rule| {
        rule.methods.contains(&request.method)
            && rule.paths.iter().any(|prefix| has_prefix(&target.path, prefix))
            && secrets.iter().all(|name| rule.secrets.contains(name))
    });
    if allowed {
        return Ok(());
    }
    // The line to add: what is asked for, and what the manifest says of this host already.
    let mut line = of_origin().next().cloned().unwrap_or_else(|| HostRule {
        url: target.origin.clone(),
        methods: vec![],
        paths: vec![],
        secrets: vec![],
    });
    if !line.methods.contains(&request.method) {
        line.methods.push(request.method.clone());
    }
    if !line.paths.iter().any(|prefix| has_prefix(&target.path, prefix)) {
        line.paths.push(target.path.clone());
    }
    for name in secrets {
        if !line.secrets.contains(&name) {
            line.secrets.push(name);
        }
    }
    let text = serde_json::to_string(&line).unwrap_or_else(|error| format!("{} cannot be shown: {error}", line.url));
    Err(EgressError::Denied(text))
}

/// Is the rule's URL this origin? A rule may write the scheme's own port.
fn same_origin(rule: &str, origin: &str) -> bool {
    rule == origin || Url::parse(rule).is_ok_and(|url| url.origin().ascii_serialization() == *origin)
}

/// Does the path lie under the prefix? Whole segments count: `/v1` allows `/v1` and `/v1/x`, not `/v10`.
fn has_prefix(path: &str, prefix: &str) -> bool {
    match path.strip_prefix(prefix) {
        None => false,
        Some(rest) => rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'),
    }
}

fn secret_names(request: &OutgoingRequest) -> Vec<String> {
    request
        .headers
        .iter()
        .filter_map(|(_, value)| match value {
            OutgoingValue::Plain(_) => None,
            OutgoingValue::Secret { name, .. } => Some(name.clone()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use windlass_domain::ports::secrets::SecretBytes;

    use super::*;

    fn manifest() -> Manifest {
        serde_json::from_str(
            r#"{ "hosts": [
                { "url": "https://api.bank.example", "methods": ["GET"], "paths": ["/v1/"], "secrets": ["key"] },
                { "url": "https://alt.bank.example:443", "methods": ["GET"] },
                { "url": "http://127.0.0.1:8080", "methods": ["GET", "POST"], "paths": ["/v1"] },
                { "url": "https://10.0.0.1", "methods": ["GET"] }
            ] }"#,
        )
        .unwrap()
    }

    fn request(method: &str, url: &str, secret: Option<&str>) -> OutgoingRequest {
        let secret = secret.map(|name| {
            let value = OutgoingValue::Secret { name: name.into(), prefix: String::new(), value: SecretBytes::new(b"s".to_vec()) };
            ("authorization".to_owned(), value)
        });
        OutgoingRequest {
            method: method.into(),
            url: url.into(),
            headers: secret.into_iter().collect(),
            body: vec![],
            idempotency_key: None,
            response_body_bytes: 100,
            header_bytes: 100,
            timeout_ms: 100,
        }
    }

    #[test]
    fn both_must_allow_and_a_denial_says_what_would() {
        let closed = OperatorPolicy::default();
        let open = OperatorPolicy { allow_http: true, loopback: Loopback::Ports(vec![8080]) };
        let http_only = OperatorPolicy { allow_http: true, loopback: Loopback::None };
        for (operator, method, url, secret, denial) in [
            (&closed, "GET", "https://api.bank.example/v1/x?y=1", Some("key"), None),
            (&closed, "GET", "https://alt.bank.example/any", None, None),
            (&open, "POST", "http://127.0.0.1:8080/v1", None, None),
            (&open, "POST", "http://127.0.0.1:8080/v1/x", None, None),
            (
                &closed,
                "POST",
                "https://api.bank.example/v2/x",
                Some("other"),
                Some(r#"{"url":"https://api.bank.example","methods":["GET","POST"],"paths":["/v1/","/v2/x"],"secrets":["key","other"]}"#),
            ),
            (
                &closed,
                "GET",
                "https://evil.example:8443/leak?all=1",
                None,
                Some(r#"{"url":"https://evil.example:8443","methods":["GET"],"paths":["/leak"],"secrets":[]}"#),
            ),
            (
                &closed,
                "GET",
                "http://api.bank.example/v1/x",
                None,
                Some(r#"{"url":"http://api.bank.example","methods":["GET"],"paths":["/v1/x"],"secrets":[]}"#),
            ),
            (
                &open,
                "GET",
                "http://127.0.0.1:8080/v10",
                None,
                Some(r#"{"url":"http://127.0.0.1:8080","methods":["GET","POST"],"paths":["/v1","/v10"],"secrets":[]}"#),
            ),
            (
                &closed,
                "GET",
                "http://127.0.0.1:8080/v1",
                None,
                Some("the operator does not allow http://: use https://, or set egress.allow-http = true"),
            ),
            (
                &http_only,
                "GET",
                "http://127.0.0.1:8080/v1",
                None,
                Some("the operator does not allow address 127.0.0.1: it is loopback; set egress.loopback = { ports = [8080] } to allow it"),
            ),
            (&open, "GET", "https://10.0.0.1/", None, Some("the operator does not allow address 10.0.0.1: it is private")),
        ] {
            let result = check(operator, &manifest(), &request(method, url, secret)).map(|_| ());
            let expected = denial.map_or(Ok(()), |text| Err(EgressError::Denied(text.to_owned())));
            assert_eq!(result, expected, "{method} {url}");
        }
    }

    #[test]
    fn the_line_that_a_denial_names_does_allow_it() {
        let closed = OperatorPolicy::default();
        let asked = request("DELETE", "https://new.example/a/b", Some("token"));
        let Err(EgressError::Denied(line)) = check(&closed, &manifest(), &asked) else { panic!("it must be denied") };
        let mut manifest = manifest();
        manifest.hosts.push(serde_json::from_str(&line).unwrap());
        assert!(check(&closed, &manifest, &asked).is_ok());
    }

    #[test]
    fn unknown_methods_are_refused() {
        for method in ["get", "CONNECT", "TRACE", "OPTIONS", ""] {
            let result = check(&OperatorPolicy::default(), &manifest(), &request(method, "https://api.bank.example/v1/", None));
            assert!(matches!(result, Err(EgressError::Invalid(_))), "{method}");
        }
    }
}
