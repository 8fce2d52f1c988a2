//! `http-client`: one request, one answer, in this order: well-formed and allowed, secrets found, the intent of an effect
//! committed, sent, what came of it committed, the guest told.

use sha2::{Digest, Sha256};
use windlass_domain::ports::egress::{EgressError, IncomingResponse, OutgoingRequest, OutgoingValue};
use windlass_domain::ports::guest::{Answered, Intent};
use windlass_domain::ports::secrets::SecretBytes;

use crate::bindings::anchor::http_client::{Effect, Error, HeaderValue, Host, Method, Request, Response};
use crate::context::RunContext;

/// Kept back from a request's time, so that what came of an effect can still be recorded before the run's time is over.
const TO_RECORD_MS: u64 = 250;

impl Host for RunContext {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<Response, Error>> {
        self.enter()?;
        self.receipt.http_requests += 1;
        if self.receipt.http_requests > self.limits.http_requests {
            return Err(self.exceeded(format!("{} HTTP requests", self.limits.http_requests)));
        }
        let Request { effect, .. } = &request;
        let effect = match effect {
            Effect::None => None,
            Effect::Named(name) => Some(name.clone()),
        };
        if let Some(name) = &effect {
            if !self.hook.may_have_effects() {
                let hook = self.hook.as_str();
                return Err(self.trap(format!("{hook} must only ask: the effect {name:?} is not allowed in it")));
            }
            if !is_effect_name(name) {
                return Ok(Err(Error::Invalid(format!("effect {name:?}: a name is 1 to 64 characters of a-z, 0-9 and -"))));
            }
        }
        let digest = request_digest(&request);
        let mut outgoing = self.outgoing(request);
        if let Err(error) = self.check(&outgoing) {
            return Ok(Err(error_out(error)));
        }
        if let Err(error) = self.put_secrets_in(&mut outgoing).await? {
            return Ok(Err(error_out(error)));
        }
        let Some(effect) = effect else {
            return Ok(self.exchange(outgoing).await.map(response_out).map_err(error_out));
        };
        match self.host.intend(&effect, &digest).await {
            Ok(Intent::Send { key }) => outgoing.idempotency_key = Some(key),
            Ok(Intent::Replay(response)) => return Ok(Ok(response_out(response))),
            Ok(Intent::Refuse(why)) => return Err(self.trap(why)),
            Err(fault) => return Err(self.fault(fault)),
        }
        let result = self.exchange(outgoing).await;
        let answered = match &result {
            Ok(response) => Answered::Complete(response.clone()),
            Err(error) if error.nothing_was_sent() => Answered::NotSent(error.to_string()),
            Err(error) => Answered::NoAnswer(error.to_string()),
        };
        if let Err(fault) = self.host.answered(&effect, answered).await {
            return Err(self.fault(fault));
        }
        Ok(result.map(response_out).map_err(error_out))
    }
}

impl RunContext {
    /// The request as the port takes it, with empty secrets: they are fetched only once it is allowed.
    fn outgoing(&self, request: Request) -> OutgoingRequest {
        let value = |value| match value {
            HeaderValue::Plain(text) => OutgoingValue::Plain(text),
            HeaderValue::Secret(secret) => {
                OutgoingValue::Secret { name: secret.name, prefix: secret.prefix, value: SecretBytes::new(Vec::new()) }
            }
        };
        OutgoingRequest {
            method: method_name(request.method).to_owned(),
            url: request.url,
            headers: request.headers.into_iter().map(|header| (header.name, value(header.value))).collect(),
            body: request.body.unwrap_or_default(),
            idempotency_key: None,
            response_body_bytes: self.limits.response_body_bytes,
            header_bytes: self.limits.header_bytes,
            timeout_ms: 0,
        }
    }

    fn check(&self, request: &OutgoingRequest) -> Result<(), EgressError> {
        let (bytes, most) = (request.body.len() as u64, self.limits.request_body_bytes);
        if bytes > most {
            return Err(EgressError::Invalid(format!("a body of {bytes} bytes: at most {most} are allowed")));
        }
        self.egress.check(&self.manifest, request)
    }

    async fn put_secrets_in(&mut self, request: &mut OutgoingRequest) -> wasmtime::Result<Result<(), EgressError>> {
        for (header, value) in &mut request.headers {
            let OutgoingValue::Secret { name, value, .. } = value else { continue };
            match self.host.secret(name).await {
                Ok(Some(secret)) => *value = secret,
                Ok(None) => return Ok(Err(EgressError::Invalid(format!("header {header:?}: the tenant has no secret {name:?}")))),
                Err(fault) => return Err(self.fault(fault)),
            }
        }
        // Once more, with the secrets' lengths and bytes, and before an intent is recorded.
        Ok(self.egress.check(&self.manifest, request))
    }

    async fn exchange(&mut self, mut request: OutgoingRequest) -> Result<IncomingResponse, EgressError> {
        let remaining = self.remaining_ms();
        request.timeout_ms = if remaining > 4 * TO_RECORD_MS { remaining - TO_RECORD_MS } else { remaining };
        let out = bytes_out(&request);
        let result = self.egress.send(&self.tenant, &self.manifest, request).await;
        if !result.as_ref().is_err_and(EgressError::nothing_was_sent) {
            self.receipt.bytes_out = self.receipt.bytes_out.saturating_add(out);
        }
        if let Ok(response) = &result {
            let headers: usize = response.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
            self.receipt.bytes_in = self.receipt.bytes_in.saturating_add((headers + response.body.len()) as u64);
        }
        result
    }
}

fn is_effect_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn bytes_out(request: &OutgoingRequest) -> u64 {
    let headers: usize = request
        .headers
        .iter()
        .map(|(name, value)| match value {
            OutgoingValue::Plain(text) => name.len() + text.len(),
            OutgoingValue::Secret { prefix, value, .. } => name.len() + prefix.len() + value.expose().len(),
        })
        .sum();
    (headers + request.body.len()) as u64
}

const fn method_name(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    }
}

/// SHA-256 over method, URL, headers (a secret by its name) and body, in hex. Every part is preceded by what it is and by
/// its length, so that no two requests have the same bytes.
fn request_digest(request: &Request) -> String {
    let mut hash = Sha256::new();
    let mut part = |kind: u8, bytes: &[u8]| {
        hash.update([kind]);
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(b'm', method_name(request.method).as_bytes());
    part(b'u', request.url.as_bytes());
    for header in &request.headers {
        part(b'h', header.name.as_bytes());
        match &header.value {
            HeaderValue::Plain(text) => part(b'p', text.as_bytes()),
            HeaderValue::Secret(secret) => {
                part(b'x', secret.prefix.as_bytes());
                part(b's', secret.name.as_bytes());
            }
        }
    }
    if let Some(body) = &request.body {
        part(b'b', body);
    }
    hex::encode(hash.finalize())
}

fn response_out(response: IncomingResponse) -> Response {
    Response { status: response.status, headers: response.headers, body: response.body }
}

fn error_out(error: EgressError) -> Error {
    match error {
        EgressError::Invalid(text) => Error::Invalid(text),
        EgressError::Denied(text) => Error::Denied(text),
        EgressError::NotConnected(text) => Error::NotConnected(text),
        EgressError::NoAnswer(text) => Error::NoAnswer(text),
        EgressError::TooLarge(text) => Error::TooLarge(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::anchor::http_client::{Header, SecretValue};

    fn request(url: &str, headers: Vec<(&str, HeaderValue)>, body: Option<&str>) -> Request {
        Request {
            method: Method::Post,
            url: url.into(),
            headers: headers.into_iter().map(|(name, value)| Header { name: name.into(), value }).collect(),
            body: body.map(|text| text.as_bytes().to_vec()),
            effect: Effect::None,
        }
    }

    #[test]
    fn rule_3_every_difference_between_requests_changes_the_digest() {
        let plain = |text: &str| HeaderValue::Plain(text.into());
        let secret = |prefix: &str, name: &str| HeaderValue::Secret(SecretValue { prefix: prefix.into(), name: name.into() });
        let requests = [
            request("https://a/", vec![], None),
            request("https://a/", vec![], Some("")),
            request("https://a/b", vec![], None),
            request("https://a/", vec![], Some("b")),
            request("https://a/", vec![("b", plain("c"))], None),
            request("https://a/", vec![("bc", plain(""))], None),
            request("https://a/", vec![("b", plain("c")), ("d", plain("e"))], None),
            request("https://a/", vec![("b", secret("", "c"))], None),
            request("https://a/", vec![("b", secret("c", ""))], None),
            Request { method: Method::Put, ..request("https://a/", vec![], None) },
        ];
        let digests: std::collections::BTreeSet<String> = requests.iter().map(request_digest).collect();
        assert_eq!(digests.len(), requests.len());
        assert_eq!(request_digest(&requests[4]), request_digest(&requests[4].clone()));
    }

    #[test]
    fn effect_names_are_short_and_plain() {
        for (name, well) in [("payout", true), ("notify-2", true), ("", false), ("Payout", false), ("a b", false), ("a_b", false)] {
            assert_eq!(is_effect_name(name), well, "{name}");
        }
        assert!(is_effect_name(&"a".repeat(64)) && !is_effect_name(&"a".repeat(65)));
    }
}
