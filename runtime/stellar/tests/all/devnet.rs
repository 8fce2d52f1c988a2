//! The whole way over HTTP: accounts by friendbot, a trustline, a payment, its look-up, and the page that shows it.

use windlass_devnet::{Devnet, DevnetConfig};
use windlass_domain::ports::ledger::{
    Draft, DraftOperation, EnvelopeBuilder as _, From, Ledger as _, LedgerHead, LookUpStatus, OperationResult, Submission,
};
use windlass_domain::{AccountId, Address, Amount, Asset, Memo};
use windlass_stellar::setup::{self, NO_LIMIT, Operation};
use windlass_stellar::{Error, LocalKey, RpcLedger, RpcOptions, XdrBuilder, keys};

/// A network with an issuer, an anchor that holds 1,000 USD, and a user without a trustline.
struct World {
    devnet: Devnet,
    ledger: RpcLedger,
    network: String,
    usd: Asset,
    anchor: LocalKey,
    user: LocalKey,
}

impl World {
    async fn new() -> Self {
        let devnet = Devnet::start(DevnetConfig::default()).await.unwrap();
        let network = devnet.passphrase();
        let ledger = RpcLedger::new(&devnet.url(), network.clone(), &RpcOptions::default()).unwrap();
        let [issuer, anchor, user] = [1, 2, 3].map(|byte| LocalKey::from_seed(&[byte; 32]));
        for key in [&issuer, &anchor, &user] {
            assert!(!setup::account_exists(&ledger, &key.account()).await.unwrap());
            setup::friendbot(&devnet.friendbot_url(), &key.account()).await.unwrap();
            assert!(setup::account_exists(&ledger, &key.account()).await.unwrap());
        }
        let usd = Asset::Issued { code: "USD".into(), issuer: issuer.account() };
        let world = Self { devnet, ledger, network, usd: usd.clone(), anchor, user };
        world.run(&world.anchor, None, Operation::ChangeTrust { asset: usd, limit: NO_LIMIT }).await.unwrap();
        world.run(&issuer, None, world.payment(world.anchor.account().to_string(), "1000")).await.unwrap();
        world
    }

    async fn run(&self, key: &LocalKey, memo: Option<Memo>, operation: Operation) -> Result<u32, Error> {
        setup::run(&self.ledger, &self.network, key, memo, &[operation]).await
    }

    fn payment(&self, destination: String, amount: &str) -> Operation {
        Operation::Payment { destination, asset: self.usd.clone(), amount: amount.parse().unwrap() }
    }

    async fn head(&self) -> LedgerHead {
        self.ledger.head().await.unwrap()
    }

    /// As the pipeline does it: a draft, its hash, a signature, the stored bytes.
    async fn pay_user(&self, amount: &str) -> (String, LookUpStatus) {
        let source = self.anchor.account();
        let sequence = self.ledger.entries(std::slice::from_ref(&source), &[]).await.unwrap().accounts[&source].sequence;
        let draft = Draft {
            network: self.network.clone(),
            source: source.clone(),
            sequence: sequence + 1,
            fee_per_operation: self.ledger.fee_per_operation().await.unwrap(),
            max_time_s: self.head().await.close_time_s + 120,
            memo: Some(Memo::Id(7)),
            operations: vec![DraftOperation::Payment {
                destination: Address::Account(self.user.account()),
                asset: self.usd.clone(),
                amount: amount.parse().unwrap(),
            }],
        };
        let unsigned = XdrBuilder.build(&draft).unwrap();
        let xdr = XdrBuilder.assemble(&unsigned, &[(source, self.anchor.sign(&unsigned.hash))]).unwrap();
        let hash = hex::encode(unsigned.hash);
        assert_eq!(self.ledger.look_up(&hash).await.unwrap().status, LookUpStatus::NotFound);
        assert_eq!(self.ledger.submit(&xdr).await, Ok(Submission::Pending));
        let status = loop {
            match self.ledger.look_up(&hash).await.unwrap().status {
                LookUpStatus::NotFound => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                status => break status,
            }
        };
        assert_eq!(self.ledger.submit(&xdr).await, Ok(Submission::TryAgainLater), "applied already: no verdict");
        (hash, status)
    }

    async fn usd_of(&self, account: &AccountId) -> Option<Amount> {
        let key = (account.clone(), self.usd.clone());
        self.ledger.entries(&[], std::slice::from_ref(&key)).await.unwrap().trustlines.get(&key).map(|line| line.balance)
    }
}

#[tokio::test]
async fn a_deposit_s_payment_and_a_withdrawal_s() {
    let world = World::new().await;
    assert_eq!(world.ledger.network().await.unwrap(), world.network);
    let (anchor, user) = (world.anchor.account(), world.user.account());

    // Without a trustline: a verdict that says why.
    let (_, status) = world.pay_user("10").await;
    let LookUpStatus::Failed { code, operations, .. } = status else { panic!("{status:?}") };
    assert_eq!((code.as_str(), operations), ("txFAILED", vec![OperationResult::Failed("payment_no_trust".into())]));
    assert_eq!(world.usd_of(&user).await, None);

    world.run(&world.user, None, Operation::ChangeTrust { asset: world.usd.clone(), limit: NO_LIMIT }).await.unwrap();
    let from = From::Ledger(world.head().await.sequence);
    let (hash, status) = world.pay_user("10").await;
    let LookUpStatus::Success { ledger } = status else { panic!("{status:?}") };
    assert_eq!(world.usd_of(&user).await, Some("10".parse().unwrap()));

    // Back again: once with a memo, once to a muxed address.
    world.run(&world.user, Some(Memo::Text("w-1".into())), world.payment(anchor.to_string(), "4")).await.unwrap();
    world.run(&world.user, None, world.payment(keys::muxed(&anchor, 77).unwrap(), "2.5")).await.unwrap();

    let page = world.ledger.payments(&from, 200).await.unwrap();
    assert!(page.undecodable.is_empty() && page.at_end);
    let seen: Vec<_> = page.payments.iter().map(|p| (p.from.as_str(), p.to.clone(), p.amount.to_string(), p.memo.clone())).collect();
    let (payer, payee) = (anchor.as_str(), user.as_str());
    assert_eq!(
        seen,
        [
            (payer, user.clone(), "10".to_owned(), Some(Memo::Id(7))),
            (payee, anchor.clone(), "4".to_owned(), Some(Memo::Text("w-1".into()))),
            (payee, anchor.clone(), "2.5".to_owned(), Some(Memo::Id(77))),
        ]
    );
    let paid = &page.payments[0];
    assert_eq!((paid.transaction_hash.as_str(), paid.ledger, paid.operation_index, &paid.asset), (hash.as_str(), ledger, 0, &world.usd));
    assert!(paid.closed_at > 1_700_000_000_000, "milliseconds");

    // One by one gives the same, and the end keeps its cursor.
    let (mut from, mut one_by_one) = (from, Vec::new());
    loop {
        let page = world.ledger.payments(&from, 1).await.unwrap();
        one_by_one.extend(page.payments);
        if page.at_end {
            assert_eq!(page.next, from);
            break;
        }
        from = page.next;
    }
    assert_eq!(one_by_one, page.payments);
    world.devnet.shutdown().await;
}

#[tokio::test]
async fn set_up_tells_what_is_missing() {
    let world = World::new().await;
    let error = world.run(&LocalKey::from_seed(&[9; 32]), None, world.payment(world.user.account().to_string(), "1")).await.unwrap_err();
    assert!(error.to_string().contains("does not exist yet"), "{error}");
    let error = setup::friendbot(&world.devnet.friendbot_url(), &world.user.account()).await.unwrap_err();
    assert!(matches!(error, Error::Friendbot { .. }), "{error}");
    let error = world.run(&world.user, None, world.payment(world.anchor.account().to_string(), "1")).await.unwrap_err();
    assert!(matches!(&error, Error::Failed { code, .. } if code == "txFAILED"), "{error}");
    let fresh = LocalKey::from_seed(&[8; 32]).account();
    let create = Operation::CreateAccount { destination: fresh.clone(), starting_balance: "5".parse().unwrap() };
    world.run(&world.user, None, create).await.unwrap();
    assert!(setup::account_exists(&world.ledger, &fresh).await.unwrap());
}
