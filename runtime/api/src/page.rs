//! Lists in pages, newest first. The cursor is opaque: base64url of the last row's (created_at, id).

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use windlass_domain::TimeMs;
use windlass_domain::ports::store::Page;

use crate::Problem;

/// Rows of a page, when the caller does not say.
const DEFAULT_LIMIT: u32 = 50;

/// Rows of a page, at most.
const MAX_LIMIT: u32 = 200;

/// A page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct Listed<T> {
    /// The rows.
    pub(crate) items: Vec<T>,
    /// Give it as `cursor` to get the next page; none at the end.
    pub(crate) next: Option<String>,
}

/// What a query asks for.
pub(crate) fn page(limit: Option<u32>, cursor: Option<&str>) -> Result<Page, Problem> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid_query", format!("limit {limit} is not 1 to {MAX_LIMIT}")));
    }
    let after = cursor.map(decode).transpose()?;
    Ok(Page { after, limit })
}

/// A page of rows, shown one by one; `key` is what the store sorts by.
pub(crate) fn listed<R, T>(rows: Vec<R>, page: &Page, key: impl Fn(&R) -> (TimeMs, String), show: impl FnMut(R) -> T) -> Listed<T> {
    let full = u32::try_from(rows.len()).is_ok_and(|count| count >= page.limit);
    let next = rows.last().filter(|_| full).map(|row| encode(&key(row)));
    Listed { items: rows.into_iter().map(show).collect(), next }
}

fn encode((at, id): &(TimeMs, String)) -> String {
    URL_SAFE_NO_PAD.encode(format!("{at} {id}"))
}

fn decode(cursor: &str) -> Result<(TimeMs, String), Problem> {
    let invalid =
        || Problem::new(StatusCode::BAD_REQUEST, "invalid_cursor", "the cursor was not made here: give the `next` of the page before");
    let text = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(invalid)?;
    let (at, id) = text.split_once(' ').ok_or_else(invalid)?;
    Ok((at.parse().map_err(|_| invalid())?, id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_go_there_and_back() {
        let key = (1_790_000_000_123, "tx_0".to_owned());
        assert_eq!(decode(&encode(&key)), Ok(key));
        for bad in ["", "!", "QUJD"] {
            assert_eq!(decode(bad).unwrap_err().code, "invalid_cursor", "{bad:?}");
        }
    }

    #[test]
    fn a_page_that_is_not_full_is_the_last() {
        let page = page(Some(2), None).unwrap();
        let key = |row: &i64| (*row, row.to_string());
        assert!(listed(vec![2, 1], &page, key, |row| row).next.is_some());
        assert!(listed(vec![1], &page, key, |row| row).next.is_none());
        assert!(super::page(Some(0), None).is_err());
        assert!(super::page(Some(201), None).is_err());
    }
}
