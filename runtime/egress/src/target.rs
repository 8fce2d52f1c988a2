//! Where a request goes: a URL taken apart so that what is checked is exactly what is sent. Pure.

use std::net::IpAddr;

use url::{Host, Url};
use windlass_domain::ports::egress::EgressError;

/// A URL that means one thing only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The whole URL.
    pub(crate) url: Url,
    /// Scheme, host and port, as a manifest writes them.
    pub(crate) origin: String,
    /// The path, without query.
    pub(crate) path: String,
    /// The port, also where it is the scheme's own.
    pub(crate) port: u16,
    /// The address, if the host is one.
    pub(crate) address: Option<IpAddr>,
}

/// Takes a URL apart, and refuses every spelling that another reader could take for something else.
pub(crate) fn parse(text: &str) -> Result<Target, EgressError> {
    let invalid = |why: &str| EgressError::Invalid(format!("url {text:?}: {why}"));
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid("only visible ASCII characters are allowed; percent-encode the others"));
    }
    if text.contains('\\') {
        return Err(invalid("a backslash is not allowed"));
    }
    if text.contains('#') {
        return Err(invalid("a fragment is not allowed"));
    }
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or_else(|| invalid("it must begin with https:// (or http:// where the operator allows it)"))?;
    let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
    if authority.contains('@') {
        return Err(invalid("user information is not allowed"));
    }
    let url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
    let host = url.host_str().ok_or_else(|| invalid("there is no host"))?;
    let canonical = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    if authority != canonical {
        return Err(invalid(&format!("write the host as {canonical:?}")));
    }
    if host.ends_with('.') {
        return Err(invalid("a dot at the end of the host is not allowed"));
    }
    let written = &rest[authority.len()..];
    let written = &written[..written.find('?').unwrap_or(written.len())];
    let path = if written.is_empty() { "/" } else { written };
    if let Some(why) = ambiguous(path) {
        return Err(invalid(why));
    }
    if url.path() != path {
        return Err(invalid(&format!("write the path as {:?}", url.path())));
    }
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        Some(Host::Domain(_)) | None => None,
    };
    let port = url.port_or_known_default().ok_or_else(|| invalid("there is no port"))?;
    Ok(Target { origin: format!("{}://{canonical}", url.scheme()), path: path.to_owned(), port, address, url })
}

/// Why a path could mean another one to some server: dot segments in any spelling, encoded separators, broken escapes.
fn ambiguous(path: &str) -> Option<&'static str> {
    for segment in path.split('/') {
        let Some(decoded) = decode(segment.as_bytes()) else {
            return Some("a percent sign must be followed by two hex digits");
        };
        if decoded.iter().any(|byte| matches!(byte, b'/' | b'\\' | 0)) {
            return Some("encoded slashes, backslashes and zero bytes are not allowed in the path");
        }
        // Some servers drop what follows a semicolon, some decode twice.
        let twice = decode(&decoded).unwrap_or_else(|| decoded.clone());
        for text in [&decoded, &twice] {
            let name = text.split(|&byte| byte == b';').next().unwrap_or_default();
            if name == b"." || name == b".." {
                return Some("dot segments are not allowed in the path");
            }
        }
        if twice != decoded && twice.iter().any(|byte| matches!(byte, b'/' | b'\\' | b'.' | 0)) {
            return Some("doubly encoded characters are not allowed in the path");
        }
    }
    None
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        if byte == b'%' {
            let (high, low) = (digit(*bytes.next()?)?, digit(*bytes.next()?)?);
            decoded.push(high * 16 + low);
        } else {
            decoded.push(byte);
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_url_is_taken_apart() {
        for (text, origin, path, port) in [
            ("https://api.bank.example", "https://api.bank.example", "/", 443),
            ("https://api.bank.example?x=../..", "https://api.bank.example", "/", 443),
            ("https://api.bank.example/v1/a%20b?q=%2F..", "https://api.bank.example", "/v1/a%20b", 443),
            ("https://api.bank.example:8443/", "https://api.bank.example:8443", "/", 8443),
            ("http://127.0.0.1:9000/v1/100%25", "http://127.0.0.1:9000", "/v1/100%25", 9000),
            ("http://[::1]:9000/a;b=1", "http://[::1]:9000", "/a;b=1", 9000),
        ] {
            let target = parse(text).unwrap();
            assert_eq!((target.origin.as_str(), target.path.as_str(), target.port), (origin, path, port), "{text}");
        }
    }

    #[test]
    fn every_ambiguous_spelling_is_refused_by_name() {
        for (text, why) in [
            ("ftp://a/", "must begin with https://"),
            ("HTTPS://a/", "must begin with https://"),
            ("//a/", "must begin with https://"),
            ("https://user@a/", "user information"),
            ("https://user:pass@a/", "user information"),
            ("https://a\\@b/", "backslash"),
            ("https://a/#x", "fragment"),
            ("https://a/ b", "visible ASCII"),
            ("https://a/\r\nHost: b", "visible ASCII"),
            ("https://b\u{e4}nk.example/", "visible ASCII"),
            ("https://A.example/", "write the host as \"a.example\""),
            ("https://a.example:443/", "write the host as \"a.example\""),
            ("https://a.example./", "dot at the end"),
            ("https://a.example:/", "write the host as"),
            ("http://2130706433/", "write the host as \"127.0.0.1\""),
            ("http://0x7f.1/", "write the host as \"127.0.0.1\""),
            ("http://0177.0.0.1/", "write the host as \"127.0.0.1\""),
            ("http://127.1/", "write the host as \"127.0.0.1\""),
            ("http://[::ffff:127.0.0.1]/", "write the host as \"[::ffff:7f00:1]\""),
            ("https://%61.example/", "write the host as"),
            ("https:///a", "write the host as"),
            ("https://a/v1/../admin", "dot segments"),
            ("https://a/v1/./b", "dot segments"),
            ("https://a/v1/%2e%2E/admin", "dot segments"),
            ("https://a/v1/.%2e/admin", "dot segments"),
            ("https://a/v1/..;x=1/admin", "dot segments"),
            ("https://a/v1/%252e%252e/admin", "dot segments"),
            ("https://a/v1/..%2fadmin", "encoded slashes"),
            ("https://a/v1/%5c..", "encoded slashes"),
            ("https://a/v1/%00", "encoded slashes"),
            ("https://a/v1/x%252f..", "doubly encoded"),
            ("https://a/v1/%zz", "two hex digits"),
            ("https://a/v1/%2", "two hex digits"),
            ("https://a/\"quoted\"", "write the path as \"/%22quoted%22\""),
        ] {
            match parse(text) {
                Err(EgressError::Invalid(message)) => assert!(message.contains(why), "{text}: {message}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
