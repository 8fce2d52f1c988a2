//! `signing`: HMAC-SHA-256 with secrets that stay in the host (money rule 10).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::bindings::anchor::signing::{Error, Host};
use crate::context::RunContext;

impl Host for RunContext {
    async fn hmac_sha256(&mut self, secret: String, message: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        Ok(self.mac(secret, &message).await?.map(|mac| mac.finalize().into_bytes().to_vec()))
    }

    async fn verify_hmac_sha256(&mut self, secret: String, message: Vec<u8>, mac: Vec<u8>) -> wasmtime::Result<Result<bool, Error>> {
        Ok(self.mac(secret, &message).await?.map(|expected| expected.verify_slice(&mac).is_ok()))
    }
}

impl RunContext {
    async fn mac(&mut self, secret: String, message: &[u8]) -> wasmtime::Result<Result<Hmac<Sha256>, Error>> {
        self.enter()?;
        if !self.manifest.signing.contains(&secret) {
            return Ok(Err(Error::NotPermitted(secret)));
        }
        let key = match self.host.secret(&secret).await {
            Ok(Some(key)) => key,
            Ok(None) => return Ok(Err(Error::UnknownSecret(secret))),
            Err(fault) => return Err(self.fault(fault)),
        };
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.expose()).unwrap_or_else(|_| unreachable!("HMAC takes any key"));
        mac.update(message);
        Ok(Ok(mac))
    }
}
