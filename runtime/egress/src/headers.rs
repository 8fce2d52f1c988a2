//! Headers that a guest may set: well-formed, within bounds, none of the host's own. Pure.

use windlass_domain::ports::egress::{EgressError, OutgoingRequest, OutgoingValue};

/// The most headers that one request may have.
pub(crate) const MOST: usize = 64;

/// Names, in lower case, that belong to the host: they frame the request, route it, or carry its identity.
/// `accept-encoding` is among them because a compressed answer could carry a secret past the mask.
const OF_THE_HOST: [&str; 14] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "idempotency-key",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Are all headers well-formed, few and short enough, and the guest's to set?
pub(crate) fn check(request: &OutgoingRequest) -> Result<(), EgressError> {
    if request.headers.len() > MOST {
        return Err(EgressError::Invalid(format!("{} headers: at most {MOST} are allowed", request.headers.len())));
    }
    let mut bytes = 0_u64;
    for (name, value) in &request.headers {
        let invalid = |why: &str| EgressError::Invalid(format!("header {name:?}: {why}"));
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(invalid("the name may have letters, digits and !#$%&'*+-.^_`|~ only"));
        }
        let lower = name.to_ascii_lowercase();
        if OF_THE_HOST.contains(&lower.as_str()) || lower.starts_with("proxy-") || lower.starts_with("x-forwarded-") {
            return Err(invalid("it belongs to the host"));
        }
        let (prefix, rest) = match value {
            OutgoingValue::Plain(text) => (text.as_bytes(), &[][..]),
            OutgoingValue::Secret { prefix, value, .. } => (prefix.as_bytes(), value.expose()),
        };
        if !prefix.iter().chain(rest).all(|&byte| byte == b'\t' || (byte >= 0x20 && byte != 0x7f)) {
            return Err(invalid("the value has a control character"));
        }
        // As on the wire: a colon, a space and the line's end.
        bytes = bytes.saturating_add((name.len() + prefix.len() + rest.len() + 4) as u64);
    }
    if bytes > request.header_bytes {
        return Err(EgressError::Invalid(format!("{bytes} bytes of headers: at most {} are allowed", request.header_bytes)));
    }
    Ok(())
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use windlass_domain::ports::secrets::SecretBytes;

    use super::*;

    fn with(headers: Vec<(String, OutgoingValue)>) -> OutgoingRequest {
        OutgoingRequest {
            method: "GET".into(),
            url: "https://a.example/".into(),
            headers,
            body: vec![],
            idempotency_key: None,
            response_body_bytes: 1,
            header_bytes: 1_000,
            timeout_ms: 1,
        }
    }

    fn one(name: &str, value: &str) -> OutgoingRequest {
        with(vec![(name.into(), OutgoingValue::Plain(value.into()))])
    }

    #[test]
    fn the_hosts_own_and_broken_headers_are_refused() {
        for (name, value, why) in [
            ("Host", "b", "belongs to the host"),
            ("content-length", "0", "belongs to the host"),
            ("Transfer-Encoding", "chunked", "belongs to the host"),
            ("Connection", "close", "belongs to the host"),
            ("Upgrade", "h2c", "belongs to the host"),
            ("TE", "trailers", "belongs to the host"),
            ("Trailer", "x", "belongs to the host"),
            ("Expect", "100-continue", "belongs to the host"),
            ("Idempotency-Key", "mine", "belongs to the host"),
            ("Proxy-Authorization", "x", "belongs to the host"),
            ("X-Forwarded-For", "x", "belongs to the host"),
            ("Accept-Encoding", "gzip", "belongs to the host"),
            ("", "x", "the name may have"),
            ("a b", "x", "the name may have"),
            ("a:", "x", "the name may have"),
            ("a\r\nHost", "x", "the name may have"),
            ("x", "a\r\nHost: b", "control character"),
            ("x", "a\0", "control character"),
        ] {
            match check(&one(name, value)) {
                Err(EgressError::Invalid(message)) => assert!(message.contains(why), "{name:?}: {message}"),
                other => panic!("{name:?}: {other:?}"),
            }
        }
        assert_eq!(check(&one("Authorization", "Bearer t\u{e4}st")), Ok(()));
    }

    #[test]
    fn a_secret_cannot_break_out_of_its_header() {
        let secret = OutgoingValue::Secret { name: "key".into(), prefix: "Bearer ".into(), value: SecretBytes::new(b"a\r\nb: c".to_vec()) };
        assert!(matches!(check(&with(vec![("authorization".into(), secret)])), Err(EgressError::Invalid(_))));
    }

    #[test]
    fn too_many_or_too_long_headers_are_refused() {
        let many = (0..65).map(|i| (format!("x-{i}"), OutgoingValue::Plain(String::new()))).collect();
        assert_eq!(check(&with(many)), Err(EgressError::Invalid("65 headers: at most 64 are allowed".into())));
        let long = one("x", &"a".repeat(1_000));
        assert_eq!(check(&long), Err(EgressError::Invalid("1005 bytes of headers: at most 1000 are allowed".into())));
    }
}
