//! Connections: pages with opaque cursors.

use async_graphql::SimpleObject;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use projections::page::{NewestKey, PAGE_ROWS_MAX, PageRequest};
use store::Position;

use crate::error::{ApiError, ApiResult};

#[derive(SimpleObject)]
pub(super) struct PageInfo {
    pub(super) has_next_page: bool,
    pub(super) has_previous_page: bool,
    pub(super) start_cursor: Option<String>,
    pub(super) end_cursor: Option<String>,
}

/// Defines a connection, its edge, and how a page becomes one.
macro_rules! connection {
    ($connection:ident, $edge:ident, $node:ty) => {
        #[derive(async_graphql::SimpleObject)]
        pub(super) struct $edge {
            cursor: String,
            node: $node,
        }

        #[derive(async_graphql::SimpleObject)]
        #[graphql(complex)]
        pub(super) struct $connection {
            edges: Vec<$edge>,
            page_info: $crate::graphql::page::PageInfo,
        }

        #[async_graphql::ComplexObject]
        impl $connection {
            async fn nodes(&self) -> Vec<&$node> {
                self.edges.iter().map(|edge| &edge.node).collect()
            }
        }

        impl $connection {
            /// `key` gives a row's place in the list.
            fn new<R, K: $crate::graphql::page::Cursor>(
                page: projections::page::Page<R>,
                follows: bool,
                key: impl Fn(&R) -> K,
                node: impl Fn(R) -> $node,
            ) -> Self {
                let edge = |row| $edge {
                    cursor: $crate::graphql::page::encode(&key(&row)),
                    node: node(row),
                };
                let edges: Vec<_> = page.rows.into_iter().map(edge).collect();
                let page_info = $crate::graphql::page::PageInfo {
                    has_next_page: page.has_next,
                    has_previous_page: follows,
                    start_cursor: edges.first().map(|edge| edge.cursor.clone()),
                    end_cursor: edges.last().map(|edge| edge.cursor.clone()),
                };
                Self { edges, page_info }
            }
        }
    };
}
pub(super) use connection;

/// A place in a list that survives its text.
pub(super) trait Cursor: Sized {
    fn text(&self) -> String;
    fn parse(text: &str) -> Option<Self>;
}

impl Cursor for NewestKey {
    fn text(&self) -> String {
        format!("{} {}", self.at.timestamp_micros(), self.id)
    }

    fn parse(text: &str) -> Option<Self> {
        let (at, id) = text.split_once(' ')?;
        Some(Self {
            at: DateTime::from_timestamp_micros(at.parse().ok()?)?,
            id: id.parse().ok()?,
        })
    }
}

impl Cursor for Position {
    fn text(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// A number in a list that is numbered from 1.
impl Cursor for i32 {
    fn text(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

pub(super) fn encode(key: &impl Cursor) -> String {
    URL_SAFE_NO_PAD.encode(key.text())
}

fn decode<K: Cursor>(cursor: &str) -> Option<K> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    K::parse(std::str::from_utf8(&bytes).ok()?)
}

/// The arguments of a list.
pub(super) fn request<K: Cursor>(first: Option<i32>, after: Option<&str>) -> ApiResult<PageRequest<K>> {
    let first = u32::try_from(first.unwrap_or(FIRST_DEFAULT)).unwrap_or_default();
    if !(1..=PAGE_ROWS_MAX).contains(&first) {
        return Err(ApiError::BadUserInput(format!(
            "first lies between 1 and {PAGE_ROWS_MAX}"
        )));
    }
    let after = after
        .map(|cursor| {
            decode(cursor).ok_or_else(|| {
                ApiError::BadUserInput(
                    "after is no cursor of this list: pass back an endCursor as it was".to_owned(),
                )
            })
        })
        .transpose()?;
    Ok(PageRequest { first, after })
}

/// A list's length where the query names none.
pub(super) const FIRST_DEFAULT: i32 = 20;

/// What a list costs: each of its rows as much as one.
pub(super) fn cost(first: Option<i32>, row: usize) -> usize {
    let rows = usize::try_from(first.unwrap_or(FIRST_DEFAULT)).unwrap_or_default();
    rows.saturating_mul(row).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_and_a_foreign_one_is_refused() {
        let key = NewestKey {
            at: "2026-11-21T12:00:00.123456Z".parse().unwrap(),
            id: uuid::Uuid::from_u128(7),
        };
        let read = request::<NewestKey>(Some(5), Some(&encode(&key))).unwrap();
        assert_eq!(read.after, Some(key));
        assert!(matches!(
            request::<NewestKey>(None, Some("MS0x")),
            Err(ApiError::BadUserInput(_))
        ));
        assert!(matches!(
            request::<Position>(None, Some("%")),
            Err(ApiError::BadUserInput(_))
        ));
    }

    #[test]
    fn a_page_has_1_to_100_rows() {
        for first in [-1, 0, 101] {
            assert!(request::<Position>(Some(first), None).is_err(), "{first}");
        }
    }
}
