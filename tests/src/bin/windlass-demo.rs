//! The demo: two tenants, twenty deposits, twenty withdrawals, through uploaded components, and then the books from the
//! ledger's entries and the bank's statement alone.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use serde_json::{Value, json};
use windlass_devnet::{Bank, BankConfig, Closing, Devnet, DevnetConfig, Idempotency};
use windlass_domain::{Amount, Memo};
use windlass_stellar::LocalKey;
use windlass_tests::api::{Api, text};
use windlass_tests::books::Books;
use windlass_tests::runtime::Embedded;
use windlass_tests::world::{House, Network, Plan, wait_for};

/// Users of each tenant: each makes one deposit and one withdrawal.
const PEOPLE: usize = 10;

/// Two tenants on one runtime: per tenant ten users deposit and ten withdraw, through the tenant's uploaded component.
///
/// Exits 0 when every transaction is completed and the books balance, 1 when they do not, 2 for wrong arguments.
#[derive(Parser)]
#[command(name = "windlass-demo", version)]
struct Arguments {
    /// Print one JSON object as the last line of standard output.
    #[arg(long)]
    json: bool,
    /// Break something on purpose: the demo has to notice and exit 1.
    #[arg(long, value_enum)]
    sabotage: Option<Sabotage>,
    /// Use this Stellar RPC server instead of the embedded devnet.
    #[arg(long, requires_all = ["passphrase", "funder"], value_name = "URL")]
    rpc: Option<String>,
    /// The network's passphrase, with --rpc.
    #[arg(long, requires = "rpc")]
    passphrase: Option<String>,
    /// Secret seed (S...) of an account that pays for the demo's accounts, with --rpc: about 600 XLM.
    #[arg(long, requires = "rpc", value_name = "SECRET", env = "WINDLASS_DEMO_FUNDER", hide_env_values = true)]
    funder: Option<String>,
    /// Use this PostgreSQL database instead of SQLite in a temporary folder.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sabotage {
    /// Leave a line of the bank's statement out of the comparison.
    BankLine,
}

#[tokio::main]
async fn main() -> ExitCode {
    match demo(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the demo says how long it took")]
async fn demo(arguments: &Arguments) -> Result<bool> {
    let begun = std::time::Instant::now();
    let say = |text: String| eprintln!("[{:5.1} s] {text}", begun.elapsed().as_secs_f64());
    let bank = Bank::start(BankConfig::default()).await?;
    let (network, devnet) = network(arguments).await?;
    say(format!("a bank at {}, a ledger at {}", bank.url(), network.rpc_url));
    let runtime = Embedded::start(&network, arguments.database.as_deref()).await?;
    say(format!("windlass at {}", runtime.url));
    let api = Api::new(&runtime.url, &runtime.operator_token)?;

    let mut houses = Vec::new();
    for (id, code, guest) in [("acme", "USD", "first-bank"), ("bolt", "EUR", "second-bank")] {
        let component = windlass_tests::world::guest(guest);
        let plan = Plan { id, code, component: &component, effects: "idempotent", idempotency: Idempotency::Honoured, people: PEOPLE };
        houses.push(House::build(&plan, &network, &bank, &api).await?);
        say(format!("tenant {id}: {PEOPLE} users with trustlines, {guest}.wasm uploaded and active"));
    }

    let mut stories = Vec::new();
    for house in &houses {
        stories.push(deposits(house, &bank, &api).await?);
    }
    say("every user has paid in at the bank".to_owned());
    for (house, story) in houses.iter().zip(&stories) {
        completed(house, &api, &story.deposits, "deposits", &say).await?;
    }
    for (house, story) in houses.iter().zip(&mut stories) {
        withdrawals(house, &network, &api, story).await?;
    }
    say("every user has paid back on the ledger".to_owned());
    for (house, story) in houses.iter().zip(&stories) {
        completed(house, &api, &story.withdrawals, "withdrawals", &say).await?;
    }
    let dead = dead_letter(&houses, &api).await?;
    say(dead);

    let (mut deposits_completed, mut withdrawals_completed, mut balanced, mut all_books) = (0, 0, true, Vec::new());
    for (house, story) in houses.iter().zip(&stories) {
        println!("\n{}\n{}", house.id, "-".repeat(house.id.len()));
        deposits_completed += print_all(house, &api, &story.deposits).await?;
        withdrawals_completed += print_all(house, &api, &story.withdrawals).await?;
        let mut statement = bank.statement(&house.customer.account)?;
        if arguments.sabotage == Some(Sabotage::BankLine) && all_books.is_empty() {
            let lost = statement.lines.pop().context("the statement is empty")?;
            say(format!("sabotage: line {} of {} is left out", lost.id, lost.amount));
        }
        let books = Books::read(house, &network, &statement, Amount::ZERO).await?;
        let well = books.balanced()?;
        balanced &= well;
        println!(
            "books: tokens outside {} = bank in {} - fees {} - paid out {} - held or owed {}: {}",
            books.tokens_outside,
            books.bank_in,
            books.fees,
            books.paid_out,
            books.held,
            if well { "balanced" } else { "NOT BALANCED" }
        );
        all_books.push(json!({
            "tenant": house.id, "balanced": well, "tokens_outside": books.tokens_outside, "bank_in": books.bank_in,
            "fees": books.fees, "paid_out": books.paid_out, "held": books.held,
        }));
    }
    runtime.shutdown().await;
    drop(devnet);
    let seconds = begun.elapsed().as_millis();
    let expected = houses.len() * PEOPLE;
    let well = balanced && deposits_completed == expected && withdrawals_completed == expected;
    if arguments.json {
        let seconds: f64 = format!("{}.{:03}", seconds / 1_000, seconds % 1_000).parse()?;
        let summary = json!({
            "deposits_completed": deposits_completed, "withdrawals_completed": withdrawals_completed, "tenants": houses.len(),
            "balanced": balanced, "seconds": seconds, "books": all_books,
        });
        println!("{summary}");
    } else {
        println!(
            "\n{deposits_completed} deposits and {withdrawals_completed} withdrawals completed, books {}",
            if balanced { "balanced" } else { "NOT balanced" }
        );
    }
    Ok(well)
}

async fn network(arguments: &Arguments) -> Result<(Network, Option<Devnet>)> {
    if let (Some(rpc), Some(passphrase), Some(funder)) = (&arguments.rpc, &arguments.passphrase, &arguments.funder) {
        return Ok((Network::new(rpc, passphrase, LocalKey::from_secret(funder)?)?, None));
    }
    let closing = Closing::AtOnce;
    let devnet = Devnet::start(DevnetConfig { closing, ..DevnetConfig::default() }).await?;
    let network = Network::with_friendbot(&devnet.url(), &devnet.passphrase(), &devnet.friendbot_url()).await?;
    Ok((network, Some(devnet)))
}

/// What the users of one tenant did.
struct Story {
    deposits: Vec<String>,
    withdrawals: Vec<String>,
}

/// Every user asks for a deposit and pays at the bank, some a little less or more than they said. The notification of one
/// of the second tenant's deposits loops for ever on purpose.
async fn deposits(house: &House, bank: &Bank, api: &Api) -> Result<Story> {
    let mut story = Story { deposits: Vec::new(), withdrawals: Vec::new() };
    for (number, person) in (0_u32..).zip(&house.people) {
        let fields = if house.id == "bolt" && number == 4 { json!({ "demo_loop": "yes" }) } else { json!({}) };
        let (id, reference) = house.ask_deposit(api, person, "100", &fields).await?;
        bank.credit(&house.customer.account, &format!("{}.{:02}", 100 + number, number), &reference, &person.name)?;
        story.deposits.push(id);
    }
    Ok(story)
}

/// Every user asks for a withdrawal and pays on the ledger, with the memo that was shown.
async fn withdrawals(house: &House, network: &Network, api: &Api, story: &mut Story) -> Result<()> {
    let mut payments = Vec::new();
    for (number, person) in (0_u32..).zip(&house.people) {
        let amount = format!("{}.{:02}", 40 + number / 2, number);
        let (id, account, memo) = house.ask_withdrawal(api, person, &amount).await?;
        let (amount, memo): (Amount, u64) = (amount.parse()?, memo.parse()?);
        story.withdrawals.push(id);
        payments.push(async move { person.pay(network, &account, &house.rules.asset, amount, Some(Memo::Id(memo))).await });
    }
    for outcome in futures::future::join_all(payments).await {
        outcome.context("a user's payment")?;
    }
    Ok(())
}

/// Waits until all of them are completed, and says how far it is.
async fn completed(house: &House, api: &Api, ids: &[String], what: &str, say: &impl Fn(String)) -> Result<()> {
    let mut seen = usize::MAX;
    for _ in 0..1_200 {
        let mut done = 0;
        for id in ids {
            let transaction = house.show(api, id).await?;
            match text(&transaction, "status")? {
                "completed" => done += 1,
                status @ ("error" | "on_hold" | "too_small" | "too_large" | "expired") => bail!("{id} is {status}: {transaction}"),
                _ => {}
            }
        }
        if done != seen {
            say(format!("tenant {}: {done} of {} {what} completed", house.id, ids.len()));
            seen = done;
        }
        if done == ids.len() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("tenant {}: {seen} of {} {what} completed within 120 s", house.id, ids.len())
}

/// The `after-deposit` job that loops for ever: out of fuel, then a dead letter; every other one is done.
async fn dead_letter(houses: &[House], api: &Api) -> Result<String> {
    wait_for("every after-deposit job but the looping one is done, and that one is a dead letter", 60, async || {
        let mut dead = Vec::new();
        for house in houses {
            let jobs = api.get(&format!("/v1/tenants/{}/jobs?hook=after-deposit&limit=100", house.id)).await?;
            for job in jobs.get("items").and_then(Value::as_array).context("no jobs")? {
                match text(job, "state")? {
                    "done" => {}
                    "dead" => dead.push((house.id.clone(), job.clone())),
                    _ => return Ok(None),
                }
            }
        }
        let [(tenant, job)] = dead.as_slice() else { return Ok(None) };
        let deposit = api.get(&format!("/v1/tenants/{tenant}/transactions/{}", text(job, "transaction")?)).await?;
        let (id, message, status) = (text(job, "id")?, text(job, "message")?, text(&deposit, "status")?);
        if tenant != "bolt" || status != "completed" {
            bail!("an unexpected dead letter: {job}");
        }
        Ok(Some(format!("tenant {tenant}: after-deposit job {id} {message} and is a dead letter; its deposit is {status}")))
    })
    .await
}

/// Prints each, and counts those that are completed.
async fn print_all(house: &House, api: &Api, ids: &[String]) -> Result<usize> {
    let mut done = 0;
    for id in ids {
        let transaction = house.show(api, id).await?;
        let shown = |name: &str| transaction.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
        done += usize::from(shown("status") == "completed");
        let hash = shown("stellar_transaction_id");
        println!(
            "{:<10} {id} {:<9} in {:>9} fee {:>7} out {:>9} ledger {}",
            shown("kind"),
            shown("status"),
            shown("amount_in"),
            shown("amount_fee"),
            shown("amount_out"),
            hash.get(..16).unwrap_or(&hash)
        );
        for job in transaction.get("jobs").and_then(Value::as_array).into_iter().flatten() {
            let job = api.get(&format!("/v1/tenants/{}/jobs/{}", house.id, text(job, "id")?)).await?;
            for run in job.get("runs").and_then(Value::as_array).into_iter().flatten() {
                println!("           {}", receipt(&job, run));
            }
        }
    }
    Ok(done)
}

fn receipt(job: &Value, run: &Value) -> String {
    let number = |name: &str| run.pointer(&format!("/receipt/{name}")).and_then(Value::as_u64).unwrap_or(0);
    format!(
        "{} run {}: {}, fuel {} of {}, memory {} of {} KiB, {} host calls, {} requests, {} us",
        job.get("hook").and_then(Value::as_str).unwrap_or("-"),
        run.get("ordinal").and_then(Value::as_i64).unwrap_or(0),
        run.get("end").and_then(Value::as_str).unwrap_or("cut off"),
        number("fuel_used"),
        number("fuel_allowed"),
        number("memory_bytes_max") / 1024,
        number("memory_bytes_allowed") / 1024,
        number("host_calls"),
        number("http_requests"),
        number("wall_time_us"),
    )
}
