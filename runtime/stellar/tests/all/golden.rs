//! Envelopes are byte for byte those of another SDK (Python `stellar-sdk` 16.1.1): seeds of 32 times 7, 8 and 9, account
//! sequence 41, upper time bound 1795353300.

use windlass_domain::ports::ledger::{Draft, DraftOperation, EnvelopeBuilder as _};
use windlass_domain::{AccountId, Address, Asset, Memo};
use windlass_stellar::setup::{NO_LIMIT, Operation, TransactionPlan};
use windlass_stellar::{LocalKey, XdrBuilder};

const NETWORK: &str = "Windlass Devnet ; November 2026";
const MAX_TIME_S: i64 = 1_795_353_300;

fn key(byte: u8) -> LocalKey {
    LocalKey::from_seed(&[byte; 32])
}

fn asset(code: &str) -> Asset {
    if code == "XLM" { Asset::Native } else { Asset::Issued { code: code.into(), issuer: key(9).account() } }
}

fn draft(memo: Option<Memo>, fee_per_operation: u32, payments: &[(&str, &str)]) -> Draft {
    Draft {
        network: NETWORK.into(),
        source: key(7).account(),
        sequence: 42,
        fee_per_operation,
        max_time_s: MAX_TIME_S,
        memo,
        operations: payments
            .iter()
            .map(|(code, amount)| DraftOperation::Payment {
                destination: Address::Account(key(8).account()),
                asset: asset(code),
                amount: amount.parse().unwrap(),
            })
            .collect(),
    }
}

fn signed(draft: &Draft, signers: &[u8]) -> (String, String) {
    let unsigned = XdrBuilder.build(draft).unwrap();
    let signatures: Vec<(AccountId, [u8; 64])> =
        signers.iter().map(|&byte| (key(byte).account(), key(byte).sign(&unsigned.hash))).collect();
    (hex::encode(unsigned.hash), XdrBuilder.assemble(&unsigned, &signatures).unwrap())
}

#[test]
fn payments_with_every_asset_and_memo() {
    let cases: [(Draft, &[u8], &str, &str); 5] = [
        (
            draft(None, 100, &[("XLM", "1.5")]),
            &[7],
            "29b92ecd2fdcb8fb5664ad47da17643e3eb8a70a3777fe1686b536ce0d77d646",
            "AAAAAgAAAADqSmxj4pxSCr71UHsTLsX5lUd2rr6+e5JCHuppFEbSLAAAAGQAAAAAAAAAKgAAAAEAAAAAAAAAAAAAAABrAurUAAAAAAAAAAEAAAAAAAAAAQAAAAATmPYsbRpFfFG6aktfPb0vafypMhYhjciZfkFr0X2TygAAAAAAAAAAAOThwAAAAAAAAAABFEbSLAAAAEA39x8+6ZTvmNwt8Wea0iENwBdgEjir7/4xotF0dfH9KYY2fg2rz3Q88xcUKvKts7r0IaWbTx36pECZsYCOijUC",
        ),
        (
            draft(Some(Memo::Text("héllo".into())), 100, &[("USD", "0.0000001")]),
            &[7],
            "fc9664aacc607e6b5a9d14b86b05768b3b76c7360cb66bd350c3da458e6fe581",
            "AAAAAgAAAADqSmxj4pxSCr71UHsTLsX5lUd2rr6+e5JCHuppFEbSLAAAAGQAAAAAAAAAKgAAAAEAAAAAAAAAAAAAAABrAurUAAAAAQAAAAZow6lsbG8AAAAAAAEAAAAAAAAAAQAAAAATmPYsbRpFfFG6aktfPb0vafypMhYhjciZfkFr0X2TygAAAAFVU0QAAAAAAP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYYAAAAAAAAAAEAAAAAAAAAARRG0iwAAABARgklfSVHRQJKRllv2RKDlBZ9KcVaMuISvgYUYYw5bimwoeT7kaOet+FjmLCkSBEspk4Fvl6yZEgwBDDRmneRCw==",
        ),
        (
            draft(Some(Memo::Id(u64::MAX)), 100, &[("WINDLASSUSD", "922337203685.4775807")]),
            &[7],
            "a30f064aa8d627b64fef0baaf7c3b43cd39b104d4e15ec54a11721d57163fa66",
            "AAAAAgAAAADqSmxj4pxSCr71UHsTLsX5lUd2rr6+e5JCHuppFEbSLAAAAGQAAAAAAAAAKgAAAAEAAAAAAAAAAAAAAABrAurUAAAAAv//////////AAAAAQAAAAAAAAABAAAAABOY9ixtGkV8UbpqS189vS9p/KkyFiGNyJl+QWvRfZPKAAAAAldJTkRMQVNTVVNEAAAAAAD9FyQ4WqDHW2T7eM1gL6HZkf3r92sTxY7XAurINen2GH//////////AAAAAAAAAAEURtIsAAAAQHt+ueCl3LjWxl5y91p/2whhvO+1Msy9Q9Jyhaefj3UgFOQCtecFGj7cCsOy4O+HKjUpk2+oi/SJmzwyZ9R9yA8=",
        ),
        (
            draft(Some(Memo::Hash([1; 32])), 250, &[("USD", "12.5"), ("XLM", "3")]),
            &[7],
            "93598f467dba5dd4cd798a612c97022747ac6b667fd21bc24227696f64d72e97",
            "AAAAAgAAAADqSmxj4pxSCr71UHsTLsX5lUd2rr6+e5JCHuppFEbSLAAAAfQAAAAAAAAAKgAAAAEAAAAAAAAAAAAAAABrAurUAAAAAwEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAAAAAgAAAAAAAAABAAAAABOY9ixtGkV8UbpqS189vS9p/KkyFiGNyJl+QWvRfZPKAAAAAVVTRAAAAAAA/RckOFqgx1tk+3jNYC+h2ZH96/drE8WO1wLqyDXp9hgAAAAAB3NZQAAAAAAAAAABAAAAABOY9ixtGkV8UbpqS189vS9p/KkyFiGNyJl+QWvRfZPKAAAAAAAAAAABycOAAAAAAAAAAAEURtIsAAAAQObSYzh+ZgbuQioQQOtIDvjjQkuXpAqZPjvz1Gso6WF0odJsFg+4WH5b5G6xfOFc2KIxaf5MMdTSL8sIXl3Fogw=",
        ),
        (
            draft(Some(Memo::Return([2; 32])), 100, &[("USD", "12.5")]),
            &[7, 8],
            "5236ca7feb104d9e7421959bcb058d0524a82756fa4e2f739dbbf4238f95ac6b",
            "AAAAAgAAAADqSmxj4pxSCr71UHsTLsX5lUd2rr6+e5JCHuppFEbSLAAAAGQAAAAAAAAAKgAAAAEAAAAAAAAAAAAAAABrAurUAAAABAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAAAAAQAAAAAAAAABAAAAABOY9ixtGkV8UbpqS189vS9p/KkyFiGNyJl+QWvRfZPKAAAAAVVTRAAAAAAA/RckOFqgx1tk+3jNYC+h2ZH96/drE8WO1wLqyDXp9hgAAAAAB3NZQAAAAAAAAAACFEbSLAAAAEDSc9WVDjn6C0kfBfokjbcADxyhBZT5gKDDrStIPxC8HAMpew6rXMpH09sp6499iarbTg2apunq8SOdbcrY024B0X2TygAAAED1T/1e2iKVt6EtfolrI1m/wAH+RcyQ+7pYDu80wO4ke1SNrqNRmrSRBWD6d6TNIKykoDPjA5+4d26kFkRH/FEM",
        ),
    ];
    for (draft, signers, hash, xdr) in cases {
        assert_eq!(signed(&draft, signers), (hash.to_owned(), xdr.to_owned()), "{:?}", draft.memo);
    }
}

#[test]
fn set_up_operations() {
    let plan = TransactionPlan {
        network: NETWORK.into(),
        source: key(7).account(),
        sequence: 42,
        fee_per_operation: 100,
        max_time_s: MAX_TIME_S,
        memo: Some(Memo::Text("set up".into())),
        operations: vec![
            Operation::CreateAccount { destination: key(8).account(), starting_balance: "100".parse().unwrap() },
            Operation::ChangeTrust { asset: asset("USD"), limit: NO_LIMIT },
            Operation::ChangeTrust { asset: asset("WINDLASSUSD"), limit: "0".parse().unwrap() },
            Operation::Payment {
                destination: windlass_stellar::keys::muxed(&key(8).account(), 77).unwrap(),
                asset: asset("USD"),
                amount: "2".parse().unwrap(),
            },
        ],
    };
    let signed = plan.sign(&[&key(7)]).unwrap();
    assert_eq!(signed.hash, "455288f6c8f86c3239eb270d941a8aceeff5b6a444dfd5a50b5d9304d43ab84c");
    assert_eq!(
        signed.xdr,
        "AAAAAgAAAADqSmxj4pxSCr71UHsTLsX5lUd2rr6+e5JCHuppFEbSLAAAAZAAAAAAAAAAKgAAAAEAAAAAAAAAAAAAAABrAurUAAAAAQAAAAZzZXQgdXAAAAAAAAQAAAAAAAAAAAAAAAATmPYsbRpFfFG6aktfPb0vafypMhYhjciZfkFr0X2TygAAAAA7msoAAAAAAAAAAAYAAAABVVNEAAAAAAD9FyQ4WqDHW2T7eM1gL6HZkf3r92sTxY7XAurINen2GH//////////AAAAAAAAAAYAAAACV0lORExBU1NVU0QAAAAAAP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYYAAAAAAAAAAAAAAAAAAAAAQAAAQAAAAAAAAAATROY9ixtGkV8UbpqS189vS9p/KkyFiGNyJl+QWvRfZPKAAAAAVVTRAAAAAAA/RckOFqgx1tk+3jNYC+h2ZH96/drE8WO1wLqyDXp9hgAAAAAATEtAAAAAAAAAAABFEbSLAAAAEDjcCFH8iik/FYBLv09FWzjyXDkHi+6kUH6ICygpYUT6c3UdYtqB1+rpkaI97SDUpCfL9O6JMkto+qD3y8zmmQH"
    );
}

#[test]
fn rule_1_a_draft_without_an_end_is_refused() {
    for max_time_s in [0, -1, i64::MIN] {
        let error = XdrBuilder.build(&Draft { max_time_s, ..draft(None, 100, &[("XLM", "1")]) }).unwrap_err();
        assert!(error.to_string().contains("upper time bound"), "{error}");
    }
}

#[test]
fn rule_6_what_cannot_be_is_refused() {
    let good = draft(None, 100, &[("USD", "1")]);
    let many = vec![("USD", "1"); 101];
    let wrong_checksum = AccountId::new("GDVEU3DD4KOFECV66VIHWEZOYX4ZKR3WV27L464SIIPOU2IUI3JCZA58".replace('8', "A")).unwrap();
    for (bad, why) in [
        (draft(None, 100, &[]), "0 operations"),
        (draft(None, 100, &many), "101 operations"),
        (draft(None, 100, &[("USD", "0")]), "a payment of 0"),
        (draft(None, 100, &[("USD", "-1")]), "a payment of -1"),
        (draft(None, u32::MAX, &[("USD", "1"), ("USD", "1")]), "out of range"),
        (draft(Some(Memo::Text("x".repeat(29))), 100, &[("USD", "1")]), "28 bytes"),
        (Draft { sequence: 0, ..good.clone() }, "sequence"),
        (Draft { source: wrong_checksum, ..good }, "not valid"),
    ] {
        let error = XdrBuilder.build(&bad).unwrap_err();
        assert!(error.to_string().contains(why), "{why}: {error}");
    }
}

#[test]
fn a_signature_of_another_key_or_transaction_is_refused() {
    let unsigned = XdrBuilder.build(&draft(None, 100, &[("XLM", "1")])).unwrap();
    for (account, signature) in [(key(7).account(), key(8).sign(&unsigned.hash)), (key(7).account(), key(7).sign(&[0; 32]))] {
        assert!(XdrBuilder.assemble(&unsigned, &[(account, signature)]).is_err());
    }
}
