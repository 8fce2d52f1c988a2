//! The bank's API for its customers: statement, transfers, notifications.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{ConnectInfo, Query, State},
    http::{HeaderMap, Method, StatusCode, Uri, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    Shared,
    book::{Account, Asked, Book, Refusal},
    faults::{BankFaultMode, Route},
    records::Transfer,
};
use crate::{
    clock,
    serve::{Wire, carried_through},
};

/// What is answered, unless a fault strikes.
type Reply = (StatusCode, Value);

/// Every call of the API.
pub(super) async fn answer(
    State(bank): State<Arc<Shared>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    carried_through(async move { handle(&bank, &wire, &method, &uri, &headers, &body).await }).await
}

/// Who asks, whether something goes wrong, then the act.
async fn handle(bank: &Shared, wire: &Wire, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
    let account = match authenticate(&bank.book(), method, uri, headers, body) {
        Ok(account) => account,
        Err(why) => return refuse(StatusCode::UNAUTHORIZED, why).into_response_json(),
    };
    let fault = bank.faults().strike(route(method, uri), &account);
    let mode = fault.as_ref().map_or(BankFaultMode::Ok, |fault| fault.mode);
    match (mode, &fault) {
        (BankFaultMode::FailBefore, _) => {
            let reply = refuse(StatusCode::SERVICE_UNAVAILABLE, "the bank is out of order");
            return ([(RETRY_AFTER, "1")], reply.into_response_json()).into_response();
        }
        (BankFaultMode::SlowBefore, Some(fault)) => tokio::time::sleep(fault.delay()).await,
        _ => {}
    }
    let reply = act(&mut bank.book(), &account, method, uri, headers, body);
    match (mode, &fault) {
        (BankFaultMode::SlowAfter, Some(fault)) => tokio::time::sleep(fault.delay()).await,
        (BankFaultMode::FailAfter, _) => {
            return refuse(StatusCode::INTERNAL_SERVER_ERROR, "something went wrong").into_response_json();
        }
        (BankFaultMode::DropAfter, _) => wire.cut(),
        _ => {}
    }
    reply.into_response_json()
}

/// The number of the account that the key stands for. A request that changes something must be signed as well.
fn authenticate(book: &Book, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<String, &'static str> {
    let api_key = text(headers, "x-api-key").ok_or("X-Api-Key is missing")?;
    let account = book.by_api_key(api_key).ok_or("X-Api-Key is not known")?;
    if *method == Method::POST {
        let signature = text(headers, "x-signature").ok_or("X-Signature is missing")?;
        let mut mac =
            Hmac::<Sha256>::new_from_slice(account.customer.hmac_secret.as_bytes()).map_err(|_| "the customer's secret is not usable")?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        mac.update(format!("{method}\n{path}\n").as_bytes());
        mac.update(body);
        let lower = !signature.bytes().any(|byte| byte.is_ascii_uppercase());
        let signature = hex::decode(signature).map_err(|_| "X-Signature is not hexadecimal")?;
        if !lower || mac.verify_slice(&signature).is_err() {
            return Err("X-Signature does not fit METHOD, path with query, and body");
        }
    }
    Ok(account.customer.account.clone())
}

fn refused(refusal: Refusal) -> Reply {
    match refusal {
        Refusal::KeyUsed => refuse(StatusCode::CONFLICT, "this Idempotency-Key was used with another body".to_owned()),
        Refusal::Because(why) => refuse(StatusCode::UNPROCESSABLE_ENTITY, why),
    }
}

fn route(method: &Method, uri: &Uri) -> Route {
    match (method, uri.path()) {
        (&Method::GET, "/v1/statement") => Route::Statement,
        (&Method::POST, "/v1/transfers") => Route::Transfers,
        (&Method::POST, "/v1/notifications") => Route::Notifications,
        _ => Route::All,
    }
}

fn act(book: &mut Book, account: &str, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Reply {
    let key = text(headers, "idempotency-key");
    match (method.as_str(), uri.path()) {
        ("GET", "/v1/statement") => with_account(book, account, |found| statement(found, uri)),
        ("GET", "/v1/returns") => with_account(book, account, |found| returns(found, uri)),
        ("POST", "/v1/transfers") => match serde_json::from_slice(body) {
            Err(error) => refuse(StatusCode::BAD_REQUEST, error.to_string()),
            Ok(wish) => match book.transfer(account, &wish, key, body, clock::now()) {
                Ok(Asked::New(transfer)) => (StatusCode::CREATED, tell(&transfer)),
                Ok(Asked::Again(transfer)) => (StatusCode::OK, tell(&transfer)),
                Err(refusal) => refused(refusal),
            },
        },
        ("GET", "/v1/transfers") => with_account(book, account, |found| by_key(found, uri)),
        ("POST", "/v1/notifications") => match serde_json::from_slice(body) {
            Err(error) => refuse(StatusCode::BAD_REQUEST, error.to_string()),
            Ok(wish) => match book.notify(account, &wish, key, body) {
                Ok(Asked::New(notification)) => (StatusCode::ACCEPTED, json!({"id": notification.id})),
                Ok(Asked::Again(notification)) => (StatusCode::OK, json!({"id": notification.id})),
                Err(refusal) => refused(refusal),
            },
        },
        ("GET", "/v1/notifications") => {
            with_account(book, account, |found| (StatusCode::OK, json!({"notifications": found.notifications})))
        }
        ("GET", path) => match path.strip_prefix("/v1/transfers/") {
            Some(id) => with_account(book, account, |found| by_id(found, id)),
            None => refuse(StatusCode::NOT_FOUND, "there is no such path"),
        },
        _ => refuse(StatusCode::METHOD_NOT_ALLOWED, "there is no such method on this path"),
    }
}

fn with_account(book: &Book, account: &str, then: impl FnOnce(&Account) -> Reply) -> Reply {
    match book.account(account) {
        Ok(account) => then(account),
        Err(error) => refuse(StatusCode::NOT_FOUND, error.to_string()),
    }
}

#[derive(Debug, Deserialize)]
struct StatementQuery {
    #[serde(default)]
    after: String,
    #[serde(default = "hundred")]
    limit: usize,
}

fn hundred() -> usize {
    100
}

fn statement(account: &Account, uri: &Uri) -> Reply {
    listed("lines", "s-", &account.lines, uri)
}

/// Transfers that came back, in the order in which they did.
fn returns(account: &Account, uri: &Uri) -> Reply {
    listed("returns", "r-", &account.returns, uri)
}

/// A page. A cursor is the number of items that have been read.
fn listed(name: &str, prefix: &str, items: &[impl serde::Serialize], uri: &Uri) -> Reply {
    let Ok(Query(query)) = Query::<StatementQuery>::try_from_uri(uri) else {
        return refuse(StatusCode::BAD_REQUEST, "limit is not a number");
    };
    if query.limit == 0 || query.limit > 500 {
        return refuse(StatusCode::BAD_REQUEST, "limit must be between 1 and 500");
    }
    let read = match query.after.strip_prefix(prefix).map(|number| usize::from_str_radix(number, 16)) {
        None if query.after.is_empty() => 0,
        Some(Ok(read)) if read <= items.len() => read,
        _ => {
            return refuse(StatusCode::BAD_REQUEST, "after is not a cursor of this account");
        }
    };
    let until = read.saturating_add(query.limit).min(items.len());
    let next = json!({
        name: items[read..until],
        "next": format!("{prefix}{until:08x}"),
        "more": until < items.len(),
    });
    (StatusCode::OK, next)
}

#[derive(Debug, Deserialize)]
struct KeyQuery {
    key: String,
}

fn by_key(account: &Account, uri: &Uri) -> Reply {
    let Ok(Query(query)) = Query::<KeyQuery>::try_from_uri(uri) else {
        return refuse(StatusCode::BAD_REQUEST, "key is missing");
    };
    let found = account.transfers.iter().filter(|transfer| transfer.key.as_deref() == Some(&query.key));
    let told: Vec<Value> = found.map(tell).collect();
    (StatusCode::OK, json!({"transfers": told}))
}

fn by_id(account: &Account, id: &str) -> Reply {
    match account.transfers.iter().find(|transfer| transfer.id == id) {
        Some(transfer) => {
            let mut told = tell(transfer);
            if let Some(back) = account.returns.iter().find(|back| back.transfer == id) {
                told["reason"] = json!(back.reason);
            }
            (StatusCode::OK, told)
        }
        None => refuse(StatusCode::NOT_FOUND, "there is no such transfer"),
    }
}

/// A transfer as its owner sees it.
fn tell(transfer: &Transfer) -> Value {
    json!({
        "id": transfer.id,
        "status": transfer.status,
        "amount": transfer.amount,
        "to": transfer.to,
        "reference": transfer.reference,
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

pub(super) fn refuse(status: StatusCode, why: impl Into<String>) -> Reply {
    (status, json!({"error": why.into()}))
}

/// A reply as JSON.
pub(super) trait IntoJson {
    fn into_response_json(self) -> Response;
}

impl IntoJson for Reply {
    fn into_response_json(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}
