//! The Stellar RPC API over the ledger: JSON-RPC 2.0, one file per group of methods, answers shaped as those of a node.

mod control;
mod entries;
mod faults;
mod friendbot;
mod general;
mod ledgers;
mod paging;
mod transactions;

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{ConnectInfo, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

pub use self::faults::{Fault, FaultMode};
pub(crate) use self::{
    faults::Faults,
    friendbot::{Friendbot, create_accounts},
};
use crate::{
    devnet::Net,
    serve::{Wire, carried_through},
};

/// All routes: the API, the friendbot, and the controls.
pub(crate) fn router(net: Arc<Net>) -> Router {
    Router::new()
        .route("/", post(answer))
        .route("/friendbot", get(friendbot::answer).post(friendbot::answer))
        .route("/control/close", post(control::close))
        .route("/control/closing", put(control::closing))
        .route("/control/faults", put(control::faults))
        .route("/control/account-flags", put(control::account_flags))
        .route("/control/line-flags", put(control::line_flags))
        .with_state(net)
}

/// An error of JSON-RPC.
#[derive(Debug, PartialEq)]
struct RpcError {
    code: i32,
    message: String,
    data: Option<Value>,
}

impl RpcError {
    const INVALID_REQUEST: i32 = -32600;
    const INVALID_PARAMS: i32 = -32602;
    const INTERNAL: i32 = -32603;
    /// Of the codes left to servers: something a real node would do and this one does not.
    const OUTSIDE: i32 = -32000;

    fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }
}

async fn answer(State(net): State<Arc<Net>>, ConnectInfo(wire): ConnectInfo<Wire>, body: Bytes) -> Response {
    carried_through(async move { all(&net, &wire, &body).await }).await
}

/// One call, or a batch of them.
async fn all(net: &Net, wire: &Wire, body: &[u8]) -> Response {
    let Ok(request) = serde_json::from_slice::<Value>(body) else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "[-32700] invalid request value\n").into_response();
    };
    let answer = match request {
        Value::Array(calls) => {
            let mut answers = Vec::with_capacity(calls.len());
            for call in calls {
                answers.extend(one(net, wire, call).await);
            }
            (!answers.is_empty()).then_some(Value::Array(answers))
        }
        call => one(net, wire, call).await,
    };
    match answer {
        Some(answer) => ([(header::CONTENT_TYPE, "application/json")], answer.to_string()).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

/// One call; nothing is answered to a notification, which is a call without an id.
async fn one(net: &Net, wire: &Wire, call: Value) -> Option<Value> {
    let id = call.get("id").cloned().filter(|id| !id.is_null());
    let result = called(net, wire, &call).await;
    let id = id?;
    Some(match result {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => {
            let mut told = Map::new();
            told.insert("code".to_owned(), json!(error.code));
            told.insert("message".to_owned(), json!(error.message));
            told.extend(error.data.map(|data| ("data".to_owned(), data)));
            json!({"jsonrpc": "2.0", "id": id, "error": told})
        }
    })
}

async fn called(net: &Net, wire: &Wire, call: &Value) -> Result<Value, RpcError> {
    if call.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(RpcError::new(RpcError::INVALID_REQUEST, "invalid version marker"));
    }
    let method = call.get("method").and_then(Value::as_str).unwrap_or_default();
    let params = call.get("params").cloned().unwrap_or_default();
    let struck = net.faults.strike(method);
    match struck {
        Some(FaultMode::Stall) => net.faults.released(method).await,
        Some(FaultMode::Fail) => {
            return Err(RpcError::new(RpcError::INTERNAL, format!("{method} was made to fail")));
        }
        Some(FaultMode::DropAfter) | None => {}
    }
    let result = dispatch(net, method, params);
    if struck == Some(FaultMode::DropAfter) {
        wire.cut();
    }
    result
}

fn dispatch(net: &Net, method: &str, params: Value) -> Result<Value, RpcError> {
    match method {
        "getHealth" => general::health(net, &params),
        "getNetwork" => general::network(net, &params),
        "getVersionInfo" => general::version(&params),
        "getLatestLedger" => ledgers::latest(net, &params),
        "getLedgers" => ledgers::page(net, &parse(params)?),
        "getFeeStats" => general::fee_stats(net, &params),
        "getLedgerEntries" => entries::ledger_entries(net, parse(params)?),
        "sendTransaction" => transactions::send(net, &parse(params)?),
        "getTransaction" => transactions::one(net, &parse(params)?),
        "getTransactions" => transactions::page(net, &parse(params)?),
        unknown => Err(RpcError { data: Some(json!(unknown)), ..RpcError::new(-32601, "method not found") }),
    }
}

fn parse<T: DeserializeOwned>(params: Value) -> Result<T, RpcError> {
    let params = if params.is_null() { json!({}) } else { params };
    let invalid = |data: String| RpcError { data: Some(json!(data)), ..RpcError::new(RpcError::INVALID_PARAMS, "invalid parameters") };
    if !params.is_object() {
        return Err(invalid("parameters are given by name, in an object".to_owned()));
    }
    serde_json::from_value(params).map_err(|error| invalid(error.to_string()))
}

fn no_params(params: &Value) -> Result<(), RpcError> {
    match params {
        Value::Null => Ok(()),
        Value::Object(none) if none.is_empty() => Ok(()),
        _ => Err(RpcError::new(RpcError::INVALID_PARAMS, "no parameters accepted")),
    }
}
