//! Reads a row's columns into domain values; what does not fit is told by table, key and column.

use serde::de::DeserializeOwned;
use sqlx::Row as _;
use windlass_domain::money::Amount;
use windlass_domain::ports::store::StoreError;

use super::Row;

/// A row of a table.
pub(super) struct Fields<'r> {
    row: &'r Row,
    table: &'static str,
    key: &'static [&'static str],
}

impl<'r> Fields<'r> {
    /// `key` names the columns that tell which row it is.
    pub(super) const fn new(row: &'r Row, table: &'static str, key: &'static [&'static str]) -> Self {
        Self { row, table, key }
    }

    pub(super) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.row.try_get(column).map_err(|error| self.wrong(column, &error.to_string()))
    }

    pub(super) fn text_or_none(&self, column: &str) -> Result<Option<String>, StoreError> {
        self.row.try_get(column).map_err(|error| self.wrong(column, &error.to_string()))
    }

    pub(super) fn int(&self, column: &str) -> Result<i64, StoreError> {
        self.row.try_get(column).map_err(|error| self.wrong(column, &error.to_string()))
    }

    pub(super) fn int_or_none(&self, column: &str) -> Result<Option<i64>, StoreError> {
        self.row.try_get(column).map_err(|error| self.wrong(column, &error.to_string()))
    }

    pub(super) fn amount(&self, column: &str) -> Result<Amount, StoreError> {
        self.int(column).map(Amount::from_units)
    }

    pub(super) fn amount_or_none(&self, column: &str) -> Result<Option<Amount>, StoreError> {
        Ok(self.int_or_none(column)?.map(Amount::from_units))
    }

    /// A number of a smaller type.
    pub(super) fn small<T: TryFrom<i64>>(&self, column: &str) -> Result<T, StoreError> {
        let number = self.int(column)?;
        T::try_from(number).map_err(|_| self.wrong(column, &format!("{number} is out of range")))
    }

    pub(super) fn small_or_none<T: TryFrom<i64>>(&self, column: &str) -> Result<Option<T>, StoreError> {
        let Some(number) = self.int_or_none(column)? else { return Ok(None) };
        T::try_from(number).map(Some).map_err(|_| self.wrong(column, &format!("{number} is out of range")))
    }

    /// A text that names something: an id, an asset, a memo.
    pub(super) fn parsed<T: TryFrom<String, Error: std::fmt::Display>>(&self, column: &str) -> Result<T, StoreError> {
        T::try_from(self.text(column)?).map_err(|error| self.wrong(column, &error.to_string()))
    }

    pub(super) fn parsed_or_none<T: TryFrom<String, Error: std::fmt::Display>>(&self, column: &str) -> Result<Option<T>, StoreError> {
        let Some(text) = self.text_or_none(column)? else { return Ok(None) };
        T::try_from(text).map(Some).map_err(|error| self.wrong(column, &error.to_string()))
    }

    /// One of a closed set of names.
    pub(super) fn named<T>(&self, column: &str, from_name: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        let text = self.text(column)?;
        from_name(&text).ok_or_else(|| self.wrong(column, &format!("{text:?} is not known")))
    }

    /// A text of JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|error| self.wrong(column, &error.to_string()))
    }

    pub(super) fn json_or_none<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreError> {
        let Some(text) = self.text_or_none(column)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| self.wrong(column, &error.to_string()))
    }

    /// What to say of a row that does not make sense.
    pub(super) fn wrong(&self, column: &str, what: &str) -> StoreError {
        let key: Vec<String> = self
            .key
            .iter()
            .map(|column| {
                let text: Result<String, _> = self.row.try_get(*column);
                text.or_else(|_| self.row.try_get::<i64, _>(*column).map(|number| number.to_string())).unwrap_or_else(|_| "?".to_owned())
            })
            .collect();
        StoreError::Inconsistent(format!("{} ({}), column {column}: {what}", self.table, key.join(", ")))
    }
}
