//! The queries: this folder is compiled once for each engine, against its `dialect`. Placeholders are `$1` on both.
//!
//! In the text of a query `{items}` is the JSON rows of parameter 1 as a table, `{t:name}` a text of such a row and
//! `{n:name}` an integer, `{now}` the database's clock; `{lock}`, `{lock_work}` and `{random}` are the dialect's.

mod admin;
mod batch;
mod credits;
mod driver;
mod effects;
mod envelopes;
mod fault;
mod fields;
mod incoming;
mod jobs;
mod state;
mod tenants;
mod transactions;
mod versions;
mod waiting;
mod work;

use serde_json::Value;
use sqlx::AssertSqlSafe;
use windlass_domain::ports::store::StoreError;

use super::dialect::{self, Db, Store};
use fault::Fault;
use fields::Fields;

type Row = <Db as sqlx::Database>::Row;
type Connection = <Db as sqlx::Database>::Connection;
type Query<'q> = sqlx::query::Query<'q, Db, <Db as sqlx::Database>::Arguments>;

/// A query from its text, with the words in braces replaced. What varies is only what the dialect says: no values.
fn query<'q>(text: &'static str) -> Query<'q> {
    sqlx::query::<Db>(AssertSqlSafe(expand(text)))
}

fn expand(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (word, after) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(before);
        match word.split_once(':') {
            Some(("t", name)) => out.extend(["(value->>'", name, "')"]),
            Some(("n", name)) => out.extend(["CAST(value->>'", name, "' AS BIGINT)"]),
            _ => out.push_str(match word {
                "items" => dialect::ITEMS,
                "now" => dialect::NOW,
                "lock" => dialect::LOCK,
                "lock_work" => dialect::LOCK_WORK,
                "random" => dialect::RANDOM,
                other => unreachable!("{other} is no word of the dialect"),
            }),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Rows as one JSON parameter. A NUL cannot be stored as text by PostgreSQL, so neither engine takes one.
fn encode(items: &[Value]) -> Result<String, Fault> {
    let text = Value::Array(items.to_vec()).to_string();
    if has_nul(&text) {
        return Err(Fault::conflict("text_without_nul", "a text has the character U+0000, which cannot be stored: remove it"));
    }
    Ok(text)
}

/// Is there an escaped NUL in a JSON text? (`\\u0000` is a backslash and four letters.)
fn has_nul(json: &str) -> bool {
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        if rest[at..].starts_with("\\u0000") {
            return true;
        }
        rest = &rest[at + 2..];
    }
    false
}

/// Reads with a JSON parameter.
async fn read(connection: &mut Connection, text: &'static str, items: &[Value]) -> Result<Vec<Row>, StoreError> {
    if items.is_empty() {
        return Ok(vec![]);
    }
    // What cannot be stored is not there: a text with NUL matches nothing.
    let Ok(json) = encode(items) else { return Ok(vec![]) };
    Ok(query(text).bind(json).fetch_all(connection).await.map_err(Fault::from)?)
}

/// Writes with a JSON parameter; how many rows it changed.
async fn write(connection: &mut Connection, text: &'static str, items: &[Value]) -> Result<u64, Fault> {
    if items.is_empty() {
        return Ok(0);
    }
    Ok(query(text).bind(encode(items)?).execute(connection).await?.rows_affected())
}

/// Writes with a JSON parameter; exactly one row for each item, or it fails (money rule 4).
async fn write_exactly(
    connection: &mut Connection,
    text: &'static str,
    items: &[Value],
    otherwise: impl FnOnce() -> Fault + Send,
) -> Result<(), Fault> {
    let changed = write(connection, text, items).await?;
    if changed == items.len() as u64 { Ok(()) } else { Err(otherwise()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nul_itself_is_nul() {
        let json = |text: &str| Value::String(text.to_owned()).to_string();
        assert!(has_nul(&json("a\0b")));
        assert!(has_nul(&json("\\\0")));
        assert!(!has_nul(&json("\\u0000 \u{1} \" \\")));
    }
}
