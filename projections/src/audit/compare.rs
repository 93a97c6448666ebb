//! Walks two tables side by side in the order of their key and names what differs.

use std::cmp::Ordering;
use std::fmt::Write;

use futures::TryStreamExt;
use futures::stream::BoxStream;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::{DIFFERENCES_NAMED_MAX, Difference};
use crate::projection::{Audited, Table};

/// Every column as Postgres writes it: exact, whatever its type.
type Cells = Vec<Option<String>>;

pub(super) struct Compared {
    pub rows: u64,
    pub differences: u64,
    pub digest: String,
}

struct Column {
    name: String,
    /// Whether its order is that of numbers rather than that of bytes.
    numeric: bool,
}

struct Comparison<'a> {
    table: &'a Table,
    columns: Vec<Column>,
    /// How many columns, from the left, are the key.
    key: usize,
    named: &'a mut Vec<Difference>,
    found: u64,
}

/// Compares the tables of one projection; `live` is the snapshot, `folded` reads the audit's schema.
pub(super) async fn projection(
    live: &mut PgConnection,
    folded: &mut PgConnection,
    scratch: &str,
    tables: &[Table],
    named: &mut Vec<Difference>,
) -> sqlx::Result<Compared> {
    let mut compared = Compared {
        rows: 0,
        differences: 0,
        digest: String::new(),
    };
    let mut digest = Sha256::new();
    for table in tables {
        let Some((columns, condition)) = audited(live, table).await? else {
            continue;
        };
        let live_sql = select(table.schema, table, &columns, condition);
        let folded_sql = select(scratch, table, &columns, condition);
        let comparison = Comparison {
            table,
            columns,
            key: table.key.len(),
            named: &mut *named,
            found: 0,
        };
        let rows = cells(live, &live_sql);
        let expected = cells(folded, &folded_sql);
        digest.update(table.name.as_bytes());
        let (rows, differences) = comparison.walk(rows, expected, &mut digest).await?;
        compared.rows += rows;
        compared.differences += differences;
    }
    compared.digest = hex::encode(digest.finalize());
    Ok(compared)
}

/// The columns to compare, the key first, and the SQL condition on rows; `None` where nothing is.
async fn audited(
    connection: &mut PgConnection,
    table: &Table,
) -> sqlx::Result<Option<(Vec<Column>, &'static str)>> {
    let (wanted, condition) = match table.audited {
        Audited::Everything => (None, "true"),
        Audited::Part { columns, condition } => (Some(columns), condition),
        Audited::Nothing => return Ok(None),
    };
    let rows = sqlx::query(
        "SELECT a.attname::text AS name, a.atttypid IN ('int8'::regtype, 'int4'::regtype) AS is_numeric
         FROM pg_attribute a
         WHERE a.attrelid = format('%I.%I', $1, $2)::regclass AND a.attnum > 0 AND NOT a.attisdropped
         ORDER BY coalesce(array_position($3::text[], a.attname::text), 1000), a.attname",
    )
    .bind(table.schema)
    .bind(table.name)
    .bind(table.key)
    .fetch_all(connection)
    .await?;
    let mut columns = Vec::new();
    for row in rows {
        let name: String = row.try_get("name")?;
        let listed = |names: &[&str]| names.contains(&name.as_str());
        if wanted.is_none_or(listed) || listed(table.key) {
            columns.push(Column {
                numeric: row.try_get("is_numeric")?,
                name,
            });
        }
    }
    Ok(Some((columns, condition)))
}

fn select(schema: &str, table: &Table, columns: &[Column], condition: &str) -> String {
    let cells: Vec<String> = columns
        .iter()
        .map(|column| format!("{}::text", column.name))
        .collect();
    let order = table.key.join(", ");
    format!(
        "SELECT ARRAY[{}] AS cells FROM {schema}.{} WHERE {condition} ORDER BY {order}",
        cells.join(", "),
        table.name
    )
}

fn cells<'a>(connection: &'a mut PgConnection, sql: &'a str) -> BoxStream<'a, sqlx::Result<Cells>> {
    let read = |row: PgRow| async move { row.try_get::<Cells, _>("cells") };
    Box::pin(sqlx::query(sql).fetch(connection).and_then(read))
}

impl Comparison<'_> {
    /// Returns live rows and differences; the digest takes the expected rows.
    async fn walk(
        mut self,
        mut rows: BoxStream<'_, sqlx::Result<Cells>>,
        mut expected: BoxStream<'_, sqlx::Result<Cells>>,
        digest: &mut Sha256,
    ) -> sqlx::Result<(u64, u64)> {
        let mut counted = 0;
        let mut found = rows.try_next().await?;
        let mut wanted = expected.try_next().await?;
        loop {
            let order = match (&found, &wanted) {
                (None, None) => return Ok((counted, self.found)),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(found), Some(wanted)) => self.order(found, wanted),
            };
            match order {
                Ordering::Less => self.whole_row(found.as_ref(), None),
                Ordering::Greater => self.whole_row(None, wanted.as_ref()),
                Ordering::Equal => self.columns(found.as_ref(), wanted.as_ref()),
            }
            if order != Ordering::Greater {
                counted += 1;
                found = rows.try_next().await?;
            }
            if order != Ordering::Less {
                if let Some(wanted) = &wanted {
                    take(digest, wanted);
                }
                wanted = expected.try_next().await?;
            }
        }
    }

    fn order(&self, left: &Cells, right: &Cells) -> Ordering {
        let number = |cell: &Option<String>| cell.as_ref().and_then(|text| text.parse::<i64>().ok());
        self.columns
            .iter()
            .zip(left.iter().zip(right))
            .take(self.key)
            .map(|(column, (left, right))| {
                if column.numeric {
                    number(left).cmp(&number(right))
                } else {
                    left.cmp(right)
                }
            })
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    fn columns(&mut self, found: Option<&Cells>, wanted: Option<&Cells>) {
        let (Some(found), Some(wanted)) = (found, wanted) else {
            return;
        };
        let key = self.key_text(found);
        let differing: Vec<Difference> = self
            .columns
            .iter()
            .zip(found.iter().zip(wanted))
            .filter(|(_, (found, wanted))| found != wanted)
            .map(|(column, (found, wanted))| Difference {
                table: self.table_text(),
                key: key.clone(),
                column: Some(column.name.clone()),
                expected: wanted.clone(),
                found: found.clone(),
            })
            .collect();
        for difference in differing {
            self.name(difference);
        }
    }

    fn whole_row(&mut self, found: Option<&Cells>, wanted: Option<&Cells>) {
        let key = found
            .or(wanted)
            .map(|cells| self.key_text(cells))
            .unwrap_or_default();
        let difference = Difference {
            table: self.table_text(),
            key,
            column: None,
            expected: wanted.map(|cells| self.row_text(cells)),
            found: found.map(|cells| self.row_text(cells)),
        };
        self.name(difference);
    }

    fn name(&mut self, difference: Difference) {
        self.found += 1;
        if self.named.len() < DIFFERENCES_NAMED_MAX {
            self.named.push(difference);
        }
    }

    fn table_text(&self) -> String {
        format!("{}.{}", self.table.schema, self.table.name)
    }

    fn key_text(&self, cells: &Cells) -> String {
        text(self.columns.iter().zip(cells).take(self.key))
    }

    fn row_text(&self, cells: &Cells) -> String {
        text(self.columns.iter().zip(cells))
    }
}

fn text<'a>(cells: impl Iterator<Item = (&'a Column, &'a Option<String>)>) -> String {
    let mut text = String::new();
    for (column, cell) in cells {
        let separator = if text.is_empty() { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{separator}{}={}",
            column.name,
            cell.as_deref().unwrap_or("null")
        );
    }
    text
}

/// Lengths go before the text, so that no two rows give the same bytes.
fn take(digest: &mut Sha256, cells: &Cells) {
    for cell in cells {
        match cell {
            None => digest.update([0]),
            Some(text) => {
                digest.update([1]);
                digest.update(text.len().to_be_bytes());
                digest.update(text.as_bytes());
            }
        }
    }
}
