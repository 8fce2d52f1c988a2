//! Secrets that a bank sends back are masked before the guest sees the answer. Pure.

use windlass_domain::ports::egress::{OutgoingRequest, OutgoingValue};
use windlass_domain::ports::secrets::SecretBytes;

/// What stands in the place of a secret.
pub(crate) const MASK: &[u8] = b"***";

/// The secrets of one request.
pub(crate) struct Mask(Vec<SecretBytes>);

impl Mask {
    /// Of everything secret in the request.
    pub(crate) fn of(request: &OutgoingRequest) -> Self {
        let mut secrets: Vec<SecretBytes> = request
            .headers
            .iter()
            .filter_map(|(_, value)| match value {
                OutgoingValue::Plain(_) => None,
                OutgoingValue::Secret { value, .. } => Some(value.clone()),
            })
            .filter(|secret| !secret.expose().is_empty())
            .collect();
        // The longest first, so that a secret within another one does not leave a rest behind.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        Self(secrets)
    }

    /// The bytes with every secret replaced.
    pub(crate) fn apply(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        for secret in &self.0 {
            bytes = replace(bytes, secret.expose());
        }
        bytes
    }
}

fn replace(bytes: Vec<u8>, secret: &[u8]) -> Vec<u8> {
    let found = |from: usize| bytes[from..].windows(secret.len()).position(|window| window == secret).map(|at| from + at);
    let Some(mut at) = found(0) else {
        return bytes;
    };
    let (mut masked, mut from) = (Vec::with_capacity(bytes.len()), 0);
    loop {
        masked.extend_from_slice(&bytes[from..at]);
        masked.extend_from_slice(MASK);
        from = at + secret.len();
        match found(from) {
            Some(next) => at = next,
            None => break,
        }
    }
    masked.extend_from_slice(&bytes[from..]);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced_wherever_they_stand() {
        let mask = Mask(vec![SecretBytes::new(b"abcdef".to_vec()), SecretBytes::new(b"abc".to_vec())]);
        for (text, masked) in
            [("", ""), ("ab", "ab"), ("abc", "***"), ("xabcdefabcx", "x******x"), ("no secret", "no secret"), ("abcabc", "******")]
        {
            assert_eq!(mask.apply(text.as_bytes().to_vec()), masked.as_bytes(), "{text}");
        }
    }
}
