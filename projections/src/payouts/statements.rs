//! Statements, as rows, and the documents that they stand for.

use chrono::{DateTime, Utc};
use domain::commission::Rate;
use domain::ids::ResellerId;
use domain::payout::{FORM, MaturedLine, Statement};
use platform::Scope;
use rust_decimal::Decimal;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use store::Position;
use uuid::Uuid;

use super::runs::RunStatus;
use crate::page::{NewestKey, Page, PageRequest, newest_first, parsed};
use crate::scope::within;

/// One reseller's part in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRow {
    pub statement_id: Uuid,
    pub run_id: Uuid,
    pub run_number: i64,
    pub status: RunStatus,
    pub reseller_id: Uuid,
    pub reseller_name: String,
    pub currency: String,
    pub cutoff: DateTime<Utc>,
    pub holding_days: i64,
    pub opening_minor: i64,
    pub earned_minor: i64,
    pub clawed_back_minor: i64,
    pub minimum_minor: i64,
    pub payout_minor: i64,
    /// Negative is a debt.
    pub carried_minor: i64,
    pub lines: i64,
    pub digest: String,
    pub html_digest: String,
    pub drafted_at: DateTime<Utc>,
    /// Of the draft in the log: rows that include it have all its lines.
    pub position: Position,
}

impl StatementRow {
    pub fn key(&self) -> NewestKey {
        NewestKey {
            at: self.drafted_at,
            id: self.statement_id,
        }
    }

    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            statement_id: row.try_get("statement_id")?,
            run_id: row.try_get("run_id")?,
            run_number: row.try_get("run_number")?,
            status: parsed(row, "run_status")?,
            reseller_id: row.try_get("reseller_id")?,
            reseller_name: row.try_get("reseller_name")?,
            currency: row.try_get("currency")?,
            cutoff: row.try_get("cutoff")?,
            holding_days: row.try_get("holding_days")?,
            opening_minor: row.try_get("opening_minor")?,
            earned_minor: row.try_get("earned_minor")?,
            clawed_back_minor: row.try_get("clawed_back_minor")?,
            minimum_minor: row.try_get("minimum_minor")?,
            payout_minor: row.try_get("payout_minor")?,
            carried_minor: row.try_get("carried_minor")?,
            lines: row.try_get("lines")?,
            digest: row.try_get("digest")?,
            html_digest: row.try_get("html_digest")?,
            drafted_at: row.try_get("drafted_at")?,
            position: Position {
                xid: row.try_get("log_xid")?,
                position: row.try_get("log_position")?,
            },
        })
    }
}

/// A reseller finds those that are approved or paid: a draft may still be cancelled.
fn select(scope: Scope) -> QueryBuilder<'static, Postgres> {
    let mut query = QueryBuilder::new("SELECT s.* FROM read.statements s WHERE true");
    within(&mut query, "s", scope);
    match scope {
        Scope::Platform => {}
        Scope::Reseller(_) | Scope::Tenant { .. } => {
            query.push(" AND s.run_status IN ('approved', 'paid')");
        }
    }
    query
}

/// Which statements are wanted; what is left out does not limit.
#[derive(Clone, Debug, Default)]
pub struct StatementFilter {
    pub reseller_id: Option<Uuid>,
    pub run_id: Option<Uuid>,
    pub currency: Option<String>,
}

/// Statements, the newest first.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    filter: &StatementFilter,
    request: PageRequest<NewestKey>,
) -> sqlx::Result<Page<StatementRow>> {
    let mut query = select(scope);
    if let Some(reseller_id) = filter.reseller_id {
        query.push(" AND s.reseller_id = ").push_bind(reseller_id);
    }
    if let Some(run_id) = filter.run_id {
        query.push(" AND s.run_id = ").push_bind(run_id);
    }
    if let Some(currency) = &filter.currency {
        query.push(" AND s.currency = ").push_bind(currency.clone());
    }
    newest_first(&mut query, "s.drafted_at", "s.statement_id", &request);
    let rows = query.build().fetch_all(connection).await?;
    Ok(Page::new(
        &request,
        rows.iter().map(StatementRow::read).collect::<Result<_, _>>()?,
    ))
}

/// The statement, if it is within the scope.
///
/// # Errors
/// The database fails.
pub async fn by_id(
    connection: &mut PgConnection,
    scope: Scope,
    statement_id: Uuid,
) -> sqlx::Result<Option<StatementRow>> {
    let mut query = select(scope);
    query.push(" AND s.statement_id = ").push_bind(statement_id);
    let row = query.build().fetch_optional(connection).await?;
    row.as_ref().map(StatementRow::read).transpose()
}

/// The statements of a run that pay something, by the reseller's name; none for scopes other than the platform's.
///
/// # Errors
/// The database fails.
pub async fn payments(
    connection: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
) -> sqlx::Result<Vec<StatementRow>> {
    match scope {
        Scope::Reseller(_) | Scope::Tenant { .. } => return Ok(Vec::new()),
        Scope::Platform => {}
    }
    let mut query = select(scope);
    query
        .push(" AND s.payout_minor > 0 AND s.run_id = ")
        .push_bind(run_id);
    query.push(" ORDER BY s.reseller_name, s.reseller_id");
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(StatementRow::read).collect()
}

/// The whole of a statement, as it was frozen. The commissions have to include the row's position.
///
/// # Errors
/// The database fails.
pub async fn document(
    connection: &mut PgConnection,
    scope: Scope,
    row: &StatementRow,
) -> sqlx::Result<Statement> {
    let lines = lines(connection, scope, row.statement_id).await?;
    Ok(Statement {
        form: FORM,
        statement_id: row.statement_id,
        run: u32::try_from(row.run_number).unwrap_or(u32::MAX),
        currency: row.currency.clone(),
        reseller_id: ResellerId(row.reseller_id),
        reseller_name: row.reseller_name.clone(),
        cutoff: row.cutoff,
        holding_days: u32::try_from(row.holding_days).unwrap_or(u32::MAX),
        minimum_minor: row.minimum_minor,
        opening_minor: row.opening_minor,
        earned_minor: row.earned_minor,
        clawed_back_minor: row.clawed_back_minor,
        payout_minor: row.payout_minor,
        carried_minor: row.carried_minor,
        lines,
    })
}

/// The lines that its run took and none before, in the order of the log.
async fn lines(
    connection: &mut PgConnection,
    scope: Scope,
    statement_id: Uuid,
) -> sqlx::Result<Vec<MaturedLine>> {
    let mut query = QueryBuilder::new(
        "SELECT l.* FROM read.statements s
         JOIN read.commission_lines l ON l.reseller_id = s.reseller_id AND l.currency = s.currency
         WHERE l.amount_minor <> 0
           AND l.fact <= s.facts AND l.sold_at <= s.cutoff AND l.origin_at <= s.sold_until
           AND NOT coalesce(l.fact <= s.before_facts AND l.sold_at <= s.before_cutoff
                            AND l.origin_at <= s.before_sold_until, false)
           AND s.statement_id = ",
    );
    query.push_bind(statement_id);
    within(&mut query, "l", scope);
    query.push(" ORDER BY l.fact, l.line");
    query
        .build()
        .fetch_all(connection)
        .await?
        .iter()
        .map(|row| {
            let (sale_id, line): (Uuid, i32) = (row.try_get("sale_id")?, row.try_get("line")?);
            let rate: Decimal = row.try_get("rate")?;
            let version: i64 = row.try_get("contract_version")?;
            Ok(MaturedLine {
                line: format!("{sale_id}-{line}"),
                kind: parsed(row, "kind")?,
                product: row.try_get("product")?,
                at: row.try_get("sold_at")?,
                sold_at: row.try_get("origin_at")?,
                contract_version: u32::try_from(version).unwrap_or(u32::MAX),
                basis: parsed(row, "basis")?,
                basis_minor: row.try_get("basis_minor")?,
                rate: Rate::try_from(rate).map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
                amount_minor: row.try_get("amount_minor")?,
            })
        })
        .collect()
}
