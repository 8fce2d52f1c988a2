//! The bank's API and its faults.

use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::Sha256;
use windlass_devnet::{Bank, BankConfig, BankFault, BankFaultMode, Customer, Idempotency, NewCustomer, Route};

use crate::client;

async fn bank() -> (Bank, Customer) {
    let bank = Bank::start(BankConfig::default()).await.expect("a bank");
    let customer = bank
        .add_customer(&NewCustomer {
            name: "acme".to_owned(),
            currency: "USD".to_owned(),
            decimals: 2,
            balance: "100.00".to_owned(),
            idempotency: Idempotency::Honoured,
            require_key: false,
        })
        .expect("a customer");
    (bank, customer)
}

fn signature(customer: &Customer, method: &str, path: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(customer.hmac_secret.as_bytes()).expect("any length will do");
    mac.update(format!("{method}\n{path}\n{body}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn request(bank: &Bank, customer: &Customer, method: Method, path: &str, body: &Value) -> RequestBuilder {
    let url = format!("{}{path}", bank.url());
    let request = client().request(method.clone(), url).header("X-Api-Key", &customer.api_key);
    if method == Method::GET {
        return request;
    }
    let body = body.to_string();
    let signature = signature(customer, method.as_str(), path, &body);
    request.header("X-Signature", signature).body(body)
}

async fn read(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("JSON"))
}

async fn get(bank: &Bank, customer: &Customer, path: &str) -> (u16, Value) {
    read(request(bank, customer, Method::GET, path, &Value::Null)).await
}

fn transfer(bank: &Bank, customer: &Customer, amount: &str, key: &str) -> RequestBuilder {
    let wish = json!({"to": "bob", "amount": amount, "currency": "USD", "reference": "out"});
    request(bank, customer, Method::POST, "/v1/transfers", &wish).header("Idempotency-Key", key)
}

#[tokio::test]
async fn the_statement_is_read_in_pages_and_an_empty_page_keeps_the_cursor() {
    let (bank, customer) = bank().await;
    for number in 0..3 {
        let sum = json!({"account": customer.account, "amount": "10.5", "reference": format!("r{number}"), "counterparty": "eve"});
        let url = format!("{}/control/credits", bank.url());
        let (status, line) = read(client().post(url).json(&sum)).await;
        assert_eq!((status, line["id"].clone()), (201, json!(format!("line-{:06}", number + 1))));
    }
    let (status, first) = get(&bank, &customer, "/v1/statement?limit=2").await;
    assert_eq!((status, first["more"].clone()), (200, json!(true)));
    let line = &first["lines"][0];
    assert_eq!((&line["direction"], &line["amount"], &line["reference"]), (&json!("credit"), &json!("10.50"), &json!("r0")));
    let next = first["next"].as_str().expect("a cursor");
    let (_, second) = get(&bank, &customer, &format!("/v1/statement?after={next}&limit=2")).await;
    assert_eq!((second["lines"].as_array().map(Vec::len), second["more"].clone()), (Some(1), json!(false)));
    let next = second["next"].as_str().expect("a cursor");
    let (_, third) = get(&bank, &customer, &format!("/v1/statement?after={next}")).await;
    assert_eq!((third["lines"].clone(), third["next"].as_str()), (json!([]), Some(next)));
    for bad in ["/v1/statement?after=zzz", "/v1/statement?limit=501", "/v1/statement?limit=0"] {
        assert_eq!(get(&bank, &customer, bad).await.0, 400, "{bad}");
    }
    let url = format!("{}/control/statement?account={}", bank.url(), customer.account);
    let (_, whole) = read(client().get(url)).await;
    assert_eq!((&whole["opening_balance"], &whole["closing_balance"]), (&json!("100.00"), &json!("131.50")));
}

#[tokio::test]
async fn requests_without_a_key_or_with_a_wrong_signature_are_refused() {
    let (bank, customer) = bank().await;
    let url = format!("{}/v1/transfers", bank.url());
    let wish = json!({"to": "bob", "amount": "1.00", "currency": "USD"}).to_string();
    let good = signature(&customer, "POST", "/v1/transfers", &wish);
    let other = signature(&customer, "POST", "/v1/transfers?x=1", &wish);
    let upper = good.to_uppercase();
    let table: [(Option<&str>, Option<&str>); 5] = [
        (None, Some(&good)),
        (Some("key-unknown"), Some(&good)),
        (Some(&customer.api_key), None),
        (Some(&customer.api_key), Some(&other)),
        (Some(&customer.api_key), Some(&upper)),
    ];
    for (api_key, signature) in table {
        let mut request = client().post(&url).body(wish.clone());
        if let Some(api_key) = api_key {
            request = request.header("X-Api-Key", api_key);
        }
        if let Some(signature) = signature {
            request = request.header("X-Signature", signature);
        }
        let (status, answer) = read(request).await;
        assert_eq!(status, 401, "{api_key:?} {signature:?}");
        assert!(answer["error"].is_string(), "{answer}");
    }
    let unread = client().get(format!("{}/v1/statement", bank.url()));
    assert_eq!(read(unread).await.0, 401);
    assert!(bank.transfers(&customer.account).expect("an account").is_empty());
}

#[tokio::test]
async fn a_transfer_is_made_once_per_key_and_can_be_looked_up() {
    let (bank, customer) = bank().await;
    let (status, made) = read(transfer(&bank, &customer, "95.00", "k1")).await;
    assert_eq!((status, &made["status"], &made["amount"]), (201, &json!("settled"), &json!("95.00")));
    let (status, again) = read(transfer(&bank, &customer, "95.00", "k1")).await;
    assert_eq!((status, &again), (200, &made));
    assert_eq!(read(transfer(&bank, &customer, "1.00", "k1")).await.0, 409);
    let (status, poor) = read(transfer(&bank, &customer, "5.01", "k2")).await;
    assert_eq!((status, &poor["error"]), (422, &json!("insufficient funds")));
    let id = made["id"].as_str().expect("an id");
    assert_eq!(get(&bank, &customer, &format!("/v1/transfers/{id}")).await, (200, made.clone()));
    assert_eq!(get(&bank, &customer, "/v1/transfers/tr-999999").await.0, 404);
    let (_, found) = get(&bank, &customer, "/v1/transfers?key=k1").await;
    assert_eq!(found, json!({"transfers": [made]}));
    assert_eq!(get(&bank, &customer, "/v1/transfers?key=k2").await.1, json!({"transfers": []}));
    let url = format!("{}/control/transfers?account={}", bank.url(), customer.account);
    let (_, judged) = read(client().get(url)).await;
    assert_eq!((&judged["transfers"][0]["asked"], &judged["transfers"][0]["key"]), (&json!(2), &json!("k1")));
}

#[tokio::test]
async fn a_notification_is_kept_once_per_key() {
    let (bank, customer) = bank().await;
    let wish = json!({"reference": "r", "message": "done"});
    let send = || request(&bank, &customer, Method::POST, "/v1/notifications", &wish).header("Idempotency-Key", "n");
    let (first, id) = read(send()).await;
    let (second, same) = read(send()).await;
    assert_eq!((first, second, &id), (202, 200, &same));
    let (_, all) = get(&bank, &customer, "/v1/notifications").await;
    assert_eq!(all["notifications"].as_array().map(Vec::len), Some(1));
    assert_eq!(bank.notifications(&customer.account).expect("an account")[0].asked, 2);
}

#[tokio::test]
async fn faults_strike_before_the_act_or_after_it() {
    use BankFaultMode::{DropAfter, FailAfter, FailBefore, SlowAfter, SlowBefore};
    let table = [
        (FailBefore, Some(503), false),
        (FailAfter, Some(500), true),
        (DropAfter, None, true),
        (SlowBefore, Some(201), true),
        (SlowAfter, Some(201), true),
    ];
    for (mode, status, acted) in table {
        let (bank, customer) = bank().await;
        bank.set_fault(BankFault { route: Route::Transfers, account: Some(customer.account.clone()), mode, millis: 200, times: Some(1) });
        let started = Instant::now();
        let answer = transfer(&bank, &customer, "1.00", "k").send().await;
        assert_eq!(answer.ok().map(|answer| answer.status().as_u16()), status, "{mode:?}");
        let slow = matches!(mode, SlowBefore | SlowAfter);
        assert!(!slow || started.elapsed() >= Duration::from_millis(200), "{mode:?}");
        assert_eq!(bank.transfers(&customer.account).expect("an account").len(), usize::from(acted), "{mode:?}");
        // The fault has struck its one time; the same key now shows what had happened.
        let (status, _) = read(transfer(&bank, &customer, "1.00", "k")).await;
        assert_eq!(status, if acted { 200 } else { 201 }, "{mode:?}");
    }
}

#[tokio::test]
async fn a_request_that_the_client_gives_up_on_is_acted_on_sooner_or_later() {
    for mode in ["slow-after", "slow-before"] {
        let (bank, customer) = bank().await;
        let fault = json!({"route": "transfers", "account": null, "mode": mode, "millis": 3000, "times": null});
        let url = format!("{}/control/faults", bank.url());
        let set = client().put(url).json(&fault).send().await.expect("an answer");
        assert_eq!(set.status(), 204);
        let transfer = transfer(&bank, &customer, "1.00", "k").timeout(Duration::from_secs(1));
        assert!(transfer.send().await.is_err_and(|error| error.is_timeout()));
        let acted = || bank.transfers(&customer.account).expect("an account").len();
        assert_eq!(acted(), usize::from(mode == "slow-after"), "{mode}");
        let late = async {
            while acted() == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(20), late).await.is_ok(), "{mode}");
        assert_eq!(acted(), 1, "{mode}");
    }
}

#[tokio::test]
async fn every_error_is_an_object_with_its_text() {
    let (bank, customer) = bank().await;
    let url = |path: &str| format!("{}{path}", bank.url());
    let signed = |path: &str, body: Value| request(&bank, &customer, Method::POST, path, &body);
    let table = [
        (client().get(url("/nowhere")), 404),
        (client().get(url("/control/customers")), 405),
        (client().post(url("/control/customers")).body("{"), 400),
        (client().post(url("/control/credits")).body(r#"{"account": "DEV9", "amount": "1"}"#), 404),
        (client().get(url("/control/statement")), 400),
        (client().get(url("/control/transfers?account=DEV9")), 404),
        (client().post(url("/control/settlements")).body(r#"{"id": "tr-9"}"#), 404),
        (client().put(url("/control/faults")).body(r#"{"route": "*", "mode": "never"}"#), 400),
        (signed("/v1/transfers", json!({"to": "bob"})), 400),
        (signed("/v1/statement", json!({})), 405),
        (request(&bank, &customer, Method::GET, "/v1/nothing", &Value::Null), 404),
    ];
    for (request, expected) in table {
        let (status, answer) = read(request).await;
        assert_eq!(status, expected, "{answer}");
        assert!(answer["error"].is_string(), "{answer}");
    }
}
