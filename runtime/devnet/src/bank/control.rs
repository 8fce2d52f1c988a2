//! The bank's controls over HTTP: customers, people paying in, faults, and the whole books.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Query, Request, State},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{Shared, api::IntoJson, api::refuse, faults::BankFault, records::NewCustomer};
use crate::{Error, clock};

/// `POST /control/customers`
pub(super) async fn add_customer(State(bank): State<Arc<Shared>>, Wish(new): Wish<NewCustomer>) -> Response {
    let added = bank.book().add_customer(&new);
    answer(StatusCode::CREATED, added)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credit {
    account: String,
    amount: String,
    #[serde(default)]
    reference: String,
    #[serde(default)]
    counterparty: String,
}

/// `POST /control/credits`: a person pays in.
pub(super) async fn credit(State(bank): State<Arc<Shared>>, Wish(wish): Wish<Credit>) -> Response {
    let now = clock::now();
    let booked = bank.book().credit(&wish.account, &wish.amount, &wish.reference, &wish.counterparty, now);
    answer(StatusCode::CREATED, booked.map(|id| json!({"id": id})))
}

#[derive(Debug, Deserialize)]
pub(super) struct Which {
    account: String,
}

/// `GET /control/statement?account=...`
pub(super) async fn statement(State(bank): State<Arc<Shared>>, uri: Uri) -> Response {
    match Query::<Which>::try_from_uri(&uri) {
        Ok(Query(which)) => answer(StatusCode::OK, bank.book().statement(&which.account)),
        Err(_) => refuse(StatusCode::BAD_REQUEST, "account is missing").into_response_json(),
    }
}

/// `GET /control/transfers?account=...`: with their keys, and how often each was asked for.
pub(super) async fn transfers(State(bank): State<Arc<Shared>>, uri: Uri) -> Response {
    let Ok(Query(which)) = Query::<Which>::try_from_uri(&uri) else {
        return refuse(StatusCode::BAD_REQUEST, "account is missing").into_response_json();
    };
    let book = bank.book();
    let found = book.account(&which.account).map(|account| json!({"transfers": account.transfers}));
    answer(StatusCode::OK, found)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settle {
    id: String,
}

/// `POST /control/settlements {"id": "tr-000001"}`: a pending transfer arrives.
pub(super) async fn settle(State(bank): State<Arc<Shared>>, Wish(wish): Wish<Settle>) -> Response {
    if bank.book().settle(&wish.id) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        refuse(StatusCode::NOT_FOUND, "there is no such transfer").into_response_json()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GiveBack {
    id: String,
    reason: String,
}

/// `POST /control/returns {"id": "tr-000001", "reason": "account closed"}`: a transfer comes back, pending or settled.
pub(super) async fn give_back(State(bank): State<Arc<Shared>>, Wish(wish): Wish<GiveBack>) -> Response {
    if bank.book().give_back(&wish.id, &wish.reason, clock::now()) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        refuse(StatusCode::NOT_FOUND, "there is no such transfer, or it came back before").into_response_json()
    }
}

/// `PUT /control/faults`
pub(super) async fn faults(State(bank): State<Arc<Shared>>, Wish(fault): Wish<BankFault>) -> StatusCode {
    bank.faults().set(fault);
    StatusCode::NO_CONTENT
}

/// What is on no path, and what a path does not do.
pub(super) async fn nowhere() -> Response {
    refuse(StatusCode::NOT_FOUND, "there is no such path").into_response_json()
}

/// See [`nowhere`].
pub(super) async fn not_so() -> Response {
    refuse(StatusCode::METHOD_NOT_ALLOWED, "there is no such method on this path").into_response_json()
}

/// A JSON body; what is wrong with it is told in the bank's own form.
pub(super) struct Wish<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Wish<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let body = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        match serde_json::from_slice(&body) {
            Ok(wish) => Ok(Self(wish)),
            Err(error) => Err(refuse(StatusCode::BAD_REQUEST, error.to_string()).into_response_json()),
        }
    }
}

fn answer(status: StatusCode, result: Result<impl serde::Serialize, Error>) -> Response {
    match result {
        Ok(value) => (status, Json(value)).into_response(),
        Err(error @ Error::UnknownAccount(_)) => refuse(StatusCode::NOT_FOUND, error.to_string()).into_response_json(),
        Err(error) => refuse(StatusCode::BAD_REQUEST, error.to_string()).into_response_json(),
    }
}
