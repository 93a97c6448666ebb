//! Pages of a list, by keyset: a page begins after a row, not after a count.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{Postgres, QueryBuilder, Row};
use store::Position;
use uuid::Uuid;

/// Most rows that a page may have.
pub const PAGE_ROWS_MAX: u32 = 100;

/// How many rows, after which one.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest<K> {
    /// At most [`PAGE_ROWS_MAX`]; more is cut to it.
    pub first: u32,
    pub after: Option<K>,
}

impl<K> PageRequest<K> {
    /// One row more than asked for: it tells whether there is a next page. It stands in the statement as a number: for
    /// one that it learns later, Postgres would plan each time anew, which takes longer than a page.
    pub(crate) fn fetch(&self) -> i64 {
        i64::from(self.first.min(PAGE_ROWS_MAX)) + 1
    }
}

/// Rows in the list's order.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub rows: Vec<T>,
    pub has_next: bool,
}

impl<T> Page<T> {
    pub(crate) fn new<K>(request: &PageRequest<K>, mut rows: Vec<T>) -> Self {
        let asked = usize::try_from(request.fetch() - 1).unwrap_or(usize::MAX);
        let has_next = rows.len() > asked;
        rows.truncate(asked);
        Self { rows, has_next }
    }
}

/// Place of a row in a list that shows the newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewestKey {
    pub at: DateTime<Utc>,
    pub id: Uuid,
}

/// Continues a query after the page's start and bounds it. `at` and `id` are columns.
pub(crate) fn newest_first(
    query: &mut QueryBuilder<'_, Postgres>,
    at: &str,
    id: &str,
    request: &PageRequest<NewestKey>,
) {
    if let Some(after) = request.after {
        query.push(format!(" AND ({at}, {id}) < ("));
        query.push_bind(after.at).push(", ").push_bind(after.id).push(")");
    }
    query
        .push(format!(" ORDER BY {at} DESC, {id} DESC LIMIT "))
        .push(request.fetch());
}

/// As [`newest_first`], in a table that names each row's place in the log.
pub(crate) fn last_recorded_first(
    query: &mut QueryBuilder<'_, Postgres>,
    table: &str,
    request: &PageRequest<Position>,
) {
    if let Some(after) = request.after {
        query.push(format!(" AND ({table}.log_xid, {table}.log_position) < ("));
        query
            .push_bind(after.xid)
            .push(", ")
            .push_bind(after.position)
            .push(")");
    }
    query
        .push(format!(
            " ORDER BY {table}.log_xid DESC, {table}.log_position DESC LIMIT "
        ))
        .push(request.fetch());
}

/// Longest text that is searched for, in characters; what follows is cut off.
const SEARCH_CHARS_MAX: usize = 100;

/// A pattern for ILIKE that finds `text` anywhere, taking its wildcards literally.
pub(crate) fn containing(text: &str) -> String {
    let text: String = text.trim().chars().take(SEARCH_CHARS_MAX).collect();
    let literal = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{literal}%")
}

/// A column that holds the text of an enum.
pub(crate) fn parsed<T>(row: &PgRow, column: &str) -> sqlx::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|error| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: Box::new(error),
    })
}

/// As [`parsed`], where the column may be null.
pub(crate) fn parsed_or_null<T>(row: &PgRow, column: &str) -> sqlx::Result<Option<T>>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: Option<&str> = row.try_get(column)?;
    text.map(str::parse)
        .transpose()
        .map_err(|error| sqlx::Error::ColumnDecode {
            index: column.to_owned(),
            source: Box::new(error),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_in_a_search_are_literal() {
        assert_eq!(containing(" 50%_off\\ "), "%50\\%\\_off\\\\%");
    }

    #[test]
    fn a_further_row_means_a_further_page() {
        let request = PageRequest::<NewestKey> {
            first: 2,
            after: None,
        };
        let page = Page::new(&request, vec![1, 2, 3]);
        assert_eq!((page.rows, page.has_next), (vec![1, 2], true));
        let page = Page::new(&request, vec![1, 2]);
        assert_eq!((page.rows, page.has_next), (vec![1, 2], false));
    }
}
