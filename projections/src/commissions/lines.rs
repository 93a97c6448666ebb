//! Commission lines, as rows and queries.

use chrono::{DateTime, Utc};
use domain::commission::LineBasis;
use domain::sale::SaleKind;
use platform::Scope;
use rust_decimal::Decimal;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::Position;
use uuid::Uuid;

use super::explanation::{Explained, Sums};
use crate::page::{Page, PageRequest, parsed};
use crate::scope::within;

/// Place of a line in the list that shows the newest sale first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineKey {
    pub sold_at: DateTime<Utc>,
    pub sale_id: Uuid,
    pub line: i32,
}

/// One reseller's part in a sale or in what came back of one. Amounts are signed minor units.
#[derive(Clone, Debug, PartialEq)]
pub struct LineRow {
    pub key: LineKey,
    /// Who earns.
    pub reseller_id: Uuid,
    /// Whose customer bought.
    pub seller_id: Uuid,
    /// The sale that it is about: its own for a sale.
    pub origin_id: Uuid,
    pub product: String,
    pub kind: SaleKind,
    pub currency: String,
    pub contract_version: i64,
    pub basis: LineBasis,
    pub rate: Decimal,
    /// Sales of the month from which the rate applies, and those reached before this one.
    pub volume: Option<(i64, i64)>,
    pub basis_minor: i64,
    pub gained_minor: i64,
    pub passed_on_minor: i64,
    pub amount_minor: i64,
    pub remainder_micro: i64,
    pub origin_at: DateTime<Utc>,
    pub known_at: DateTime<Utc>,
    pub command_id: Uuid,
    pub position: Position,
}

impl LineRow {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        let from: Option<i64> = row.try_get("volume_from_minor")?;
        let reached: Option<i64> = row.try_get("volume_reached_minor")?;
        Ok(Self {
            key: LineKey {
                sold_at: row.try_get("sold_at")?,
                sale_id: row.try_get("sale_id")?,
                line: row.try_get("line")?,
            },
            reseller_id: row.try_get("reseller_id")?,
            seller_id: row.try_get("seller_id")?,
            origin_id: row.try_get("origin_id")?,
            product: row.try_get("product")?,
            kind: parsed(row, "kind")?,
            currency: row.try_get("currency")?,
            contract_version: row.try_get("contract_version")?,
            basis: parsed(row, "basis")?,
            rate: row.try_get("rate")?,
            volume: from.zip(reached),
            basis_minor: row.try_get("basis_minor")?,
            gained_minor: row.try_get("gained_minor")?,
            passed_on_minor: row.try_get("passed_on_minor")?,
            amount_minor: row.try_get("amount_minor")?,
            remainder_micro: row.try_get("remainder_micro")?,
            origin_at: row.try_get("origin_at")?,
            known_at: row.try_get("known_at")?,
            command_id: row.try_get("command_id")?,
            position: Position {
                xid: row.try_get("log_xid")?,
                position: row.try_get("log_position")?,
            },
        })
    }
}

/// Which lines are wanted; what is left out does not limit.
#[derive(Clone, Debug, Default)]
pub struct LineFilter {
    pub reseller_id: Option<Uuid>,
    pub sale_id: Option<Uuid>,
    /// The sale with all that came back of it.
    pub origin_id: Option<Uuid>,
    pub product: Option<String>,
    pub kind: Option<SaleKind>,
    pub currency: Option<String>,
    /// Sold at or after.
    pub from: Option<DateTime<Utc>>,
    /// Sold before.
    pub to: Option<DateTime<Utc>>,
    /// Sold by then.
    pub as_of: Option<DateTime<Utc>>,
    /// Recorded by then.
    pub known_at: Option<DateTime<Utc>>,
}

/// Lines, those of the newest sale first.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    filter: &LineFilter,
    request: PageRequest<LineKey>,
) -> sqlx::Result<Page<LineRow>> {
    let mut query = QueryBuilder::new("SELECT l.* FROM read.commission_lines l WHERE true");
    within(&mut query, "l", scope);
    for (column, id) in [
        ("reseller_id", filter.reseller_id),
        ("sale_id", filter.sale_id),
        ("origin_id", filter.origin_id),
    ] {
        if let Some(id) = id {
            query.push(format!(" AND l.{column} = ")).push_bind(id);
        }
    }
    if let Some(product) = &filter.product {
        query.push(" AND l.product = ").push_bind(product);
    }
    if let Some(kind) = filter.kind {
        query.push(" AND l.kind = ").push_bind(kind.as_ref().to_owned());
    }
    if let Some(currency) = &filter.currency {
        query.push(" AND l.currency = ").push_bind(currency);
    }
    for (condition, instant) in [
        (" AND l.sold_at >= ", filter.from),
        (" AND l.sold_at < ", filter.to),
        (" AND l.sold_at <= ", filter.as_of),
        (" AND l.known_at <= ", filter.known_at),
    ] {
        if let Some(instant) = instant {
            query.push(condition).push_bind(instant);
        }
    }
    if let Some(after) = request.after {
        query.push(" AND (l.sold_at, l.sale_id, l.line) < (");
        query.push_bind(after.sold_at).push(", ").push_bind(after.sale_id);
        query.push(", ").push_bind(after.line).push(")");
    }
    query
        .push(" ORDER BY l.sold_at DESC, l.sale_id DESC, l.line DESC LIMIT ")
        .push(request.fetch());
    let rows = query.build().fetch_all(connection).await?;
    Ok(Page::new(
        &request,
        rows.iter().map(LineRow::read).collect::<Result<_, _>>()?,
    ))
}

/// A line with the arithmetic behind it, in words and numbers; `None` where there is none in the scope.
///
/// # Errors
/// The database fails.
pub async fn explained(
    connection: &mut PgConnection,
    scope: Scope,
    sale_id: Uuid,
    line: i32,
) -> sqlx::Result<Option<(LineRow, String)>> {
    let mut query = QueryBuilder::new("SELECT l.* FROM read.commission_lines l WHERE l.sale_id = ");
    query.push_bind(sale_id).push(" AND l.line = ").push_bind(line);
    within(&mut query, "l", scope);
    let Some(row) = query.build().fetch_optional(&mut *connection).await? else {
        return Ok(None);
    };
    let row = LineRow::read(&row)?;
    // What of the sale stood before this, and after it. A parent sees its own line, not the sale of another.
    let mut query = QueryBuilder::new(
        "SELECT coalesce(sum(l.basis_minor), 0)::bigint AS basis, coalesce(sum(l.gained_minor), 0)::bigint AS gained,
                coalesce(sum(l.passed_on_minor), 0)::bigint AS passed_on,
                coalesce(sum(l.amount_minor), 0)::bigint AS amount
         FROM read.commission_lines l WHERE l.origin_id = ",
    );
    query
        .push_bind(row.origin_id)
        .push(" AND l.line = ")
        .push_bind(line);
    query.push(" AND (l.log_xid, l.log_position) < (");
    query.push_bind(row.position.xid).push(", ");
    query.push_bind(row.position.position).push(")");
    within(&mut query, "l", scope);
    let sums = query.build().fetch_one(connection).await?;
    let before = Sums {
        basis: sums.try_get("basis")?,
        gained: sums.try_get("gained")?,
        passed_on: sums.try_get("passed_on")?,
        amount: sums.try_get("amount")?,
    };
    let text = Explained { line: &row, before }.to_string();
    Ok(Some((row, text)))
}
