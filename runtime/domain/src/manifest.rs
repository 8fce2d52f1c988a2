//! What an integration asks for: hosts, secrets, and how its rail treats a repeated request.

use serde::{Deserialize, Serialize};

/// Uploaded with a component, fixed for that version.
///
/// ```
/// let manifest: windlass_domain::manifest::Manifest = serde_json::from_str(r#"{
///     "hosts": [{ "url": "https://api.bank.example", "methods": ["GET", "POST"], "paths": ["/v1/"], "secrets": ["bank-api-key"] }],
///     "signing": ["bank-hmac"],
///     "rail": { "name": "bank", "effects": "idempotent" }
/// }"#)?;
/// assert!(manifest.problems().is_empty());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Where requests may go. Everything else is denied.
    #[serde(default)]
    pub hosts: Vec<HostRule>,
    /// Secrets that `signing` may use.
    #[serde(default)]
    pub signing: Vec<String>,
    /// The bank, or what stands for it.
    #[serde(default)]
    pub rail: Rail,
}

/// One host that requests may go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostRule {
    /// Scheme, exact host and port: `https://api.bank.example`, `http://127.0.0.1:8080`. No path, no wildcard.
    pub url: String,
    /// `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`.
    pub methods: Vec<String>,
    /// Prefixes of paths, each beginning with `/`.
    #[serde(default = "any_path")]
    pub paths: Vec<String>,
    /// Secrets that may be put into headers of requests to this host.
    #[serde(default)]
    pub secrets: Vec<String>,
}

fn any_path() -> Vec<String> {
    vec!["/".to_owned()]
}

/// The off-chain system that moves the money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rail {
    /// Its name in keys and messages: 1 to 32 of `a-z 0-9 -`.
    #[serde(default = "bank")]
    pub name: String,
    /// What to do when an effect has left and its answer is not known (money rule 3).
    #[serde(default)]
    pub effects: UnknownEffects,
    /// With `look-up`: so many milliseconds after a request was sent, a rail that does not find it never will. Until then
    /// "not found" is not believed, since the request may still be on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_found_after_ms: Option<u64>,
}

fn bank() -> String {
    "bank".to_owned()
}

impl Default for Rail {
    fn default() -> Self {
        Self { name: bank(), effects: UnknownEffects::default(), not_found_after_ms: None }
    }
}

/// What the tenant declares of its rail (money rule 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownEffects {
    /// The rail carries out one request per `Idempotency-Key`: a repeat with the same key is safe.
    Idempotent,
    /// The `payout-status` hook can tell, which the version has to export. Needs `not_found_after_ms`.
    LookUp,
    /// A person has to say. The default.
    #[default]
    Hold,
}

impl UnknownEffects {
    /// As in the manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idempotent => "idempotent",
            Self::LookUp => "look-up",
            Self::Hold => "hold",
        }
    }
}

/// Host rules that a manifest may have.
const HOSTS: usize = 100;

/// An exact host name or address, and perhaps a port.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => {
            ("address", port.strip_prefix(':').or(port.is_empty().then_some("1")))
        }
        Some(_) => return false,
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("1")),
        },
    };
    let label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let port_is_valid = port.is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0));
    host.split('.').all(label) && port_is_valid
}

fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic()) && !path.split('/').any(|segment| matches!(segment, "." | ".."))
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'))
}

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

impl Manifest {
    /// Everything that is wrong with it, each with its place; empty when it is well.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (index, host) in self.hosts.iter().enumerate() {
            let at = format!("hosts[{index}]");
            let rest = host.url.strip_prefix("https://").or_else(|| host.url.strip_prefix("http://"));
            match rest {
                None => problems.push(format!("{at}.url: {:?} must begin with https:// (or http://)", host.url)),
                Some(authority) if authority.is_empty() || authority.contains(['/', '?', '#', '@', '*', ' ', '\\']) => {
                    problems.push(format!("{at}.url: {:?} must be a scheme, an exact host and perhaps a port, nothing after it", host.url));
                }
                Some(authority) if authority != authority.to_ascii_lowercase() => {
                    problems.push(format!("{at}.url: {:?} must be written in lower case", host.url));
                }
                Some(authority) if !is_authority(authority) => {
                    problems.push(format!("{at}.url: {:?} is no host with perhaps a port of 1 to 65535", host.url));
                }
                Some(_) => {}
            }
            if host.paths.is_empty() {
                problems.push(format!("{at}.paths: name at least one prefix, / for all"));
            }
            if host.methods.is_empty() {
                problems.push(format!("{at}.methods: name at least one of {}", METHODS.join(", ")));
            }
            for method in host.methods.iter().filter(|method| !METHODS.contains(&method.as_str())) {
                problems.push(format!("{at}.methods: {method:?} is none of {}", METHODS.join(", ")));
            }
            for path in host.paths.iter().filter(|path| !is_path(path)) {
                problems.push(format!("{at}.paths: {path:?} must begin with / and hold no spaces and no dot segments"));
            }
            for secret in host.secrets.iter().filter(|secret| !is_name(secret)) {
                problems.push(format!("{at}.secrets: {secret:?} is no name of a secret: 1 to 64 of a-z, 0-9, '.', '_' and '-'"));
            }
        }
        if self.hosts.len() > HOSTS {
            problems.push(format!("hosts: {} of them, at most {HOSTS} are allowed", self.hosts.len()));
        }
        for secret in self.signing.iter().filter(|secret| !is_name(secret)) {
            problems.push(format!("signing: {secret:?} is no name of a secret: 1 to 64 of a-z, 0-9, '.', '_' and '-'"));
        }
        let name_is_well =
            |name: &str| (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !name_is_well(&self.rail.name) {
            problems.push(format!("rail.name: {:?} must be 1 to 32 of a-z, 0-9 and -", self.rail.name));
        }
        match (self.rail.effects, self.rail.not_found_after_ms) {
            (UnknownEffects::LookUp, None | Some(0)) => {
                problems.push("rail.not_found_after_ms: look-up needs it: after how many milliseconds a request that the rail does not find can no longer arrive".to_owned());
            }
            (UnknownEffects::LookUp, Some(_)) | (UnknownEffects::Idempotent | UnknownEffects::Hold, None) => {}
            (UnknownEffects::Idempotent | UnknownEffects::Hold, Some(_)) => {
                problems
                    .push(format!("rail.not_found_after_ms: it belongs to look-up, and rail.effects is {}", self.rail.effects.as_str()));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_named_with_its_place() {
        let manifest = Manifest {
            hosts: vec![
                HostRule { url: "ftp://x".into(), methods: vec![], paths: vec!["v1".into()], secrets: vec![] },
                HostRule { url: "https://a/b".into(), methods: vec!["get".into()], paths: vec!["/".into()], secrets: vec![] },
            ],
            signing: vec![],
            rail: Rail { name: "My Bank".into(), effects: UnknownEffects::Hold, not_found_after_ms: Some(1) },
        };
        let problems = manifest.problems();
        let begins: Vec<&str> = problems.iter().map(|p| p.split(':').next().unwrap_or_default()).collect();
        assert_eq!(
            begins,
            [
                "hosts[0].url",
                "hosts[0].methods",
                "hosts[0].paths",
                "hosts[1].url",
                "hosts[1].methods",
                "rail.name",
                "rail.not_found_after_ms"
            ]
        );
        let rail = |after_ms| Manifest {
            rail: Rail { effects: UnknownEffects::LookUp, not_found_after_ms: after_ms, ..Rail::default() },
            ..Manifest::default()
        };
        for (after_ms, is_well) in [(None, false), (Some(0), false), (Some(60_000), true)] {
            assert_eq!(rail(after_ms).problems().is_empty(), is_well, "{after_ms:?}");
        }
    }

    #[test]
    fn hosts_are_exact() {
        for host in ["a", "api.bank.example", "127.0.0.1:8080", "[::1]", "[::1]:80", "a:65535"] {
            assert!(is_authority(host), "{host}");
        }
        for host in ["", "a:", "a:0", "a:99999", "a:80:80", "a..b", "\0", "\u{e9}.example", "[::1", "[x]", "[::1]80", "a:+1", "a_b"] {
            assert!(!is_authority(host), "{host}");
        }
        for path in ["v1", "/a b", "/../", "/a/./b", "/\u{e9}"] {
            assert!(!is_path(path), "{path}");
        }
        assert!(is_path("/") && is_path("/v1/"));
        assert!(!is_name("../x") && !is_name("") && is_name("bank-api-key"));
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(serde_json::from_str::<Manifest>(r#"{"host": []}"#).is_err());
        assert_eq!(serde_json::from_str::<Manifest>("{}").unwrap().rail.effects, UnknownEffects::Hold);
    }
}
