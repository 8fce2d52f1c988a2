//! A recorded ledger (stellar-core 24.1.0): results with the codes it reports, and the payments of successful transactions
//! as another SDK reads them. One line per kind of result, one per kind of envelope, operation and memo.

use serde_json::Value;
use windlass_domain::ports::ledger::{LookUpStatus, OperationResult};
use windlass_domain::tenant::IncomingPayment;
use windlass_domain::{AccountId, Amount};
use windlass_stellar::decode::{self, Place};

fn lines() -> impl Iterator<Item = Value> {
    include_str!("../fixtures/ledger.jsonl").lines().map(|line| serde_json::from_str(line).unwrap())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn word(result: &OperationResult) -> String {
    match result {
        OperationResult::Success => "success".into(),
        OperationResult::Failed(code) => code.clone(),
    }
}

#[test]
fn results_decode_to_the_codes_of_the_ledger() {
    for line in lines() {
        let result = line.get("result").or(line.get("refusal")).unwrap();
        let outcome = decode::outcome(text(result)).unwrap();
        let codes: Vec<_> = line["codes"].as_array().unwrap().iter().map(text).collect();
        assert_eq!(outcome.code, codes[0], "{line}");
        assert_eq!(outcome.success, line.get("payments").is_some(), "{line}");
        for (got, code) in outcome.operations.iter().zip(&codes[1..]) {
            assert_eq!(word(got), *code, "{line}");
        }
        if line.get("result").is_some() {
            assert_eq!(outcome.operations.len(), codes.len() - 1, "{line}");
        }
        if !outcome.success {
            assert!(matches!(decode::failed(5, text(result)), Ok(LookUpStatus::Failed { ledger: 5, .. })), "{line}");
        } else {
            assert!(decode::failed(5, text(result)).is_err(), "a failure with the result of a success");
        }
    }
}

#[test]
fn rule_2_payments_are_read_as_another_sdk_reads_them() {
    let mut read = 0;
    for line in lines() {
        let Some(expected) = line.get("payments") else { continue };
        let closed_at = line["close_time"].as_i64().unwrap() * 1_000;
        let ledger = u32::try_from(line["ledger"].as_u64().unwrap()).unwrap();
        let place = Place { network: "n", hash: text(&line["hash"]), ledger, closed_at };
        let got = decode::payments(&place, text(&line["envelope"]), text(&line["result"])).unwrap();
        let expected: Vec<_> = expected
            .as_array()
            .unwrap()
            .iter()
            .map(|payment| IncomingPayment {
                network: "n".into(),
                transaction_hash: text(&line["hash"]).into(),
                operation_index: u32::try_from(payment["index"].as_u64().unwrap()).unwrap(),
                from: text(&payment["from"]).into(),
                to: AccountId::new(text(&payment["to"])).unwrap(),
                asset: text(&payment["asset"]).parse().unwrap(),
                amount: Amount::from_units(payment["units"].as_i64().unwrap()),
                memo: payment["memo"].as_str().map(|memo| memo.parse().unwrap()),
                ledger,
                closed_at,
            })
            .collect();
        assert_eq!(got, expected, "{line}");
        read += got.len();
    }
    assert!(read > 30, "only {read} payments");
}

#[test]
fn rule_2_an_envelope_with_another_one_s_result_is_an_error() {
    let successes: Vec<_> = lines().filter(|line| line.get("payments").is_some()).collect();
    let failure = lines().find(|line| line["codes"][0] == "txFAILED").unwrap();
    let place = Place { network: "n", hash: "ab", ledger: 1, closed_at: 0 };
    let payment =
        successes.iter().find(|line| line["payments"].as_array().unwrap().len() == 1 && line["codes"].as_array().unwrap().len() == 2);
    let two = successes.iter().find(|line| line["codes"].as_array().unwrap().len() == 3).unwrap();
    let envelope = text(&payment.unwrap()["envelope"]);
    assert!(decode::payments(&place, envelope, text(&failure["result"])).is_err());
    assert!(decode::payments(&place, envelope, text(&two["result"])).is_err());
    // TransactionResult: fee 100, txSUCCESS, one operation: change_trust, success.
    assert!(decode::payments(&place, envelope, "AAAAAAAAAGQAAAAAAAAAAQAAAAAAAAAGAAAAAAAAAAA=").is_err());
}
