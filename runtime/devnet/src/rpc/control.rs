//! The controls of a devnet over HTTP: when ledgers close, what goes wrong, and flags that no operation here sets.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use stellar_xdr::{AccountId, AlphaNum4, AlphaNum12, Asset, AssetCode};

use super::{Fault, FaultMode};
use crate::devnet::{Closing, Net};

/// `POST /control/close`
pub(super) async fn close(State(net): State<Arc<Net>>) -> Json<Value> {
    Json(json!({"ledger": net.close()}))
}

#[derive(Debug, Deserialize)]
#[serde(tag = "mode", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum ClosingWish {
    Manual {},
    Interval { millis: u64 },
    AtOnce {},
}

/// `PUT /control/closing {"mode": "manual" | "interval" | "at-once", "millis": 1000}`
pub(super) async fn closing(State(net): State<Arc<Net>>, Json(wish): Json<ClosingWish>) -> StatusCode {
    net.closing.send_replace(match wish {
        ClosingWish::Manual {} => Closing::Manual,
        ClosingWish::Interval { millis } => Closing::Interval(Duration::from_millis(millis.max(1))),
        ClosingWish::AtOnce {} => Closing::AtOnce,
    });
    StatusCode::NO_CONTENT
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultWish {
    method: String,
    mode: ModeWish,
    times: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ModeWish {
    Ok,
    #[serde(untagged)]
    Fault(FaultMode),
}

/// `PUT /control/faults {"method": "sendTransaction" | "*", "mode": "ok" | "stall" | "fail" | "drop-after", "times": 1}`
pub(super) async fn faults(State(net): State<Arc<Net>>, Json(wish): Json<FaultWish>) -> StatusCode {
    let fault = match wish.mode {
        ModeWish::Ok => None,
        ModeWish::Fault(mode) => Some(Fault { mode, times: wish.times }),
    };
    net.faults.set(&wish.method, fault);
    StatusCode::NO_CONTENT
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountFlags {
    account: String,
    flags: u32,
}

/// `PUT /control/account-flags {"account": "G...", "flags": 3}`
pub(super) async fn account_flags(State(net): State<Arc<Net>>, Json(wish): Json<AccountFlags>) -> Response {
    let Ok(account) = wish.account.parse::<AccountId>() else {
        return refused("account is not a G... address");
    };
    if net.ledger().set_account_flags(&account, wish.flags) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        refused("there is no such account")
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineFlags {
    account: String,
    asset: String,
    flags: u32,
}

/// `PUT /control/line-flags {"account": "G...", "asset": "USD:G...", "flags": 1}`
pub(super) async fn line_flags(State(net): State<Arc<Net>>, Json(wish): Json<LineFlags>) -> Response {
    let (Ok(account), Some(asset)) = (wish.account.parse::<AccountId>(), asset(&wish.asset)) else {
        return refused("account is not a G... address, or asset is not CODE:ISSUER");
    };
    if net.ledger().set_line_flags(&account, &asset, wish.flags) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        refused("there is no such trust line")
    }
}

fn asset(text: &str) -> Option<Asset> {
    let (code, issuer) = text.split_once(':')?;
    let issuer = issuer.parse().ok()?;
    Some(match code.parse::<AssetCode>().ok()? {
        AssetCode::CreditAlphanum4(asset_code) => Asset::CreditAlphanum4(AlphaNum4 { asset_code, issuer }),
        AssetCode::CreditAlphanum12(asset_code) => Asset::CreditAlphanum12(AlphaNum12 { asset_code, issuer }),
    })
}

fn refused(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": why}))).into_response()
}
