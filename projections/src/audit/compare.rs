//! Walks two tables side by side in the order of their key and names what differs.
//!
//! Both come as lines of a COPY. Equal lines are equal rows; only where they differ are they taken apart.

use std::cmp::Ordering;
use std::fmt::Write;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use sqlx::{Connection, Executor, PgConnection, PgPool, Row};

use super::{AuditError, DIFFERENCES_NAMED_MAX, Difference, Stage, Subject, Tell};
use crate::projection::{Audited, Table};

/// Read models that are compared at a time, each by two connections.
const COMPARED_MAX: u32 = 2;
/// Connections beside those: the snapshot and the lock against erasures.
const OTHER_CONNECTIONS: u32 = 2;

/// Every column as Postgres writes it: exact, whatever its type.
type Cells = Vec<Option<String>>;

pub(super) struct Compared {
    pub rows: u64,
    pub differences: u64,
    pub digest: String,
    /// The first differences.
    pub named: Vec<Difference>,
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

/// Compares the tables of all subjects, in their order.
pub(super) async fn all(
    owner: &PgPool,
    snapshot: &str,
    scratch: &str,
    subjects: &[Subject],
    progress: Tell<'_>,
) -> Result<Vec<Compared>, AuditError> {
    let connections = owner.options().get_max_connections();
    let at_once = (connections.saturating_sub(OTHER_CONNECTIONS) / 2).clamp(1, COMPARED_MAX);
    let total = u64::try_from(subjects.len()).unwrap_or(u64::MAX);
    progress(Stage::Compare, 0, total);
    let mut comparing = futures::stream::iter(subjects)
        .map(|subject| {
            let sides = (owner.clone(), snapshot.to_owned(), scratch.to_owned());
            tokio::spawn(projection(sides, subject.model.tables()))
        })
        .buffered(usize::try_from(at_once).unwrap_or(1));
    let (mut all, mut done) = (Vec::new(), 0);
    while let Some(compared) = comparing.try_next().await? {
        all.push(compared?);
        done += 1;
        progress(Stage::Compare, done, total);
    }
    Ok(all)
}

/// Compares the tables of one projection.
async fn projection(
    (owner, snapshot, scratch): (PgPool, String, String),
    tables: &'static [Table],
) -> sqlx::Result<Compared> {
    const SETTINGS: &str = "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL timezone = 'UTC'; \
                            SET LOCAL work_mem = '64MB'";
    let mut live = owner
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .await?;
    // Postgres' own text: digits, letters and hyphens. It must come before any query.
    live.execute(format!("SET TRANSACTION SNAPSHOT '{snapshot}'; {SETTINGS}").as_str())
        .await?;
    let mut connection = owner.acquire().await?;
    let mut folded = connection.begin().await?;
    folded.execute(SETTINGS).await?;
    let mut compared = Compared {
        rows: 0,
        differences: 0,
        digest: String::new(),
        named: Vec::new(),
    };
    let mut digest = Sha256::new();
    for table in tables {
        let Some((columns, condition)) = audited(&mut live, table).await? else {
            continue;
        };
        let live_sql = select(table.schema, table, &columns, condition);
        let folded_sql = select(&scratch, table, &columns, condition);
        let comparison = Comparison {
            table,
            columns,
            key: table.key.len(),
            named: &mut compared.named,
            found: 0,
        };
        let rows = live.copy_out_raw(&live_sql).await?;
        let expected = folded.copy_out_raw(&folded_sql).await?;
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
        "COPY (SELECT {} FROM {schema}.{} WHERE {condition} ORDER BY {order}) TO STDOUT",
        cells.join(", "),
        table.name
    )
}

/// Takes a line of a COPY apart.
fn cells(line: &[u8]) -> Cells {
    let text = String::from_utf8_lossy(line);
    text.trim_end_matches('\n')
        .split('\t')
        .map(|cell| (cell != "\\N").then(|| unescaped(cell)))
        .collect()
}

fn unescaped(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    let mut rest = cell.chars();
    while let Some(next) = rest.next() {
        text.push(match next {
            '\\' => match rest.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('v') => '\u{b}',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    text
}

type Lines<'a> = BoxStream<'a, sqlx::Result<Bytes>>;

impl Comparison<'_> {
    /// Returns live rows and differences; the digest takes the expected rows.
    async fn walk(
        mut self,
        mut rows: Lines<'_>,
        mut expected: Lines<'_>,
        digest: &mut Sha256,
    ) -> sqlx::Result<(u64, u64)> {
        let mut counted = 0;
        let mut found = rows.try_next().await?;
        let mut wanted = expected.try_next().await?;
        loop {
            let order = match (&found, &wanted) {
                (None, None) => return Ok((counted, self.found)),
                (Some(found), Some(wanted)) if found == wanted => Ordering::Equal,
                (found, wanted) => self.differ(
                    found.as_deref().map(cells).as_ref(),
                    wanted.as_deref().map(cells).as_ref(),
                ),
            };
            if order != Ordering::Greater {
                counted += 1;
                found = rows.try_next().await?;
            }
            if order != Ordering::Less {
                // A line ends with a line feed, and holds no other: no two rows give the same bytes.
                if let Some(wanted) = &wanted {
                    digest.update(wanted);
                }
                wanted = expected.try_next().await?;
            }
        }
    }

    /// Names what differs. Answers which row comes first, or that they are the same one.
    fn differ(&mut self, found: Option<&Cells>, wanted: Option<&Cells>) -> Ordering {
        let order = match (found, wanted) {
            (Some(found), Some(wanted)) => self.order(found, wanted),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        match order {
            Ordering::Less => self.whole_row(found, None),
            Ordering::Greater => self.whole_row(None, wanted),
            Ordering::Equal => self.columns(found, wanted),
        }
        order
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_as_postgres_put_it_together() {
        let line = b"12\t\\N\ta\\tb\\nc\\\\d\t\n";
        let expected = [Some("12"), None, Some("a\tb\nc\\d"), Some("")];
        assert_eq!(cells(line), expected.map(|cell| cell.map(str::to_owned)));
    }
}
