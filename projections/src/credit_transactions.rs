//! Credits: every movement of a reseller's account, and the balance that they add up to.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::credit_account::{AdjustmentKind, CreditAccountEvent};
use domain::credits::Credits;
use domain::ids::TenantId;
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::vault::Vault;
use store::{Position, Recorded};
use uuid::Uuid;

use crate::columns::column;
use crate::page::{Page, PageRequest, parsed};
use crate::projection::{OnBadEvent, Projection, ProjectionError, Table, stream_id};
use crate::scope::within;

/// One row per movement of credits, and one balance per account.
pub struct CreditTransactions;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditTransactionRow {
    pub position: Position,
    pub kind: TransactionKind,
    /// Credits, signed.
    pub amount: i64,
    /// Credits.
    pub balance_after: i64,
    pub customer_id: Option<Uuid>,
    pub customer_name: Option<String>,
    pub note: Option<String>,
    pub actor_name: Option<String>,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub enum TransactionKind {
    Purchase,
    Debit,
    Refund,
    Adjustment,
    Bonus,
}

impl CreditTransactionRow {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            position: Position {
                xid: row.try_get("log_xid")?,
                position: row.try_get("log_position")?,
            },
            kind: parsed(row, "kind")?,
            amount: row.try_get("amount")?,
            balance_after: row.try_get("balance_after")?,
            customer_id: row.try_get("customer_id")?,
            customer_name: row.try_get("customer_name")?,
            note: row.try_get("note")?,
            actor_name: row.try_get("actor_name")?,
            at: row.try_get("at")?,
        })
    }
}

struct Movement<'a> {
    kind: TransactionKind,
    amount: i64,
    balance_after: Credits,
    customer_id: Option<TenantId>,
    note: Option<&'a str>,
}

impl Projection for CreditTransactions {
    const NAME: &'static str = "credit_transactions";
    const VERSION: i32 = 1;
    const ON_BAD_EVENT: OnBadEvent = OnBadEvent::Stop;
    const TABLES: &'static [Table] = &[
        Table::read("credit_transactions", &["log_xid", "log_position"]),
        Table::read("credit_balances", &["reseller_id"]),
    ];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        self.project_batch(connection, std::slice::from_ref(recorded), vault)
            .await
    }

    async fn project_batch(
        &self,
        connection: &mut PgConnection,
        batch: &[Recorded],
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        let mut rows = Vec::new();
        let mut balances = HashMap::new();
        for recorded in batch {
            match &recorded.event {
                AnyEvent::CreditAccount(event) => {
                    let reseller_id = stream_id(recorded)?;
                    let movement = movement(event);
                    let balance = movement.as_ref().map_or(0, |movement| movement.balance_after.0);
                    balances.insert(reseller_id, balance);
                    rows.extend(movement.map(|movement| (recorded, reseller_id, movement)));
                }
                AnyEvent::Reseller(_)
                | AnyEvent::PriceList(_)
                | AnyEvent::Tenant(_)
                | AnyEvent::User(_)
                | AnyEvent::Subscription(_)
                | AnyEvent::Recording(_)
                | AnyEvent::Job(_)
                | AnyEvent::WorkflowLibrary(_)
                | AnyEvent::Books(_) => {}
            }
        }
        insert(connection, &rows).await?;
        set_balances(connection, &balances).await?;
        Ok(())
    }
}

fn movement(event: &CreditAccountEvent) -> Option<Movement<'_>> {
    match event {
        CreditAccountEvent::CreditAccountOpened => None,
        CreditAccountEvent::CreditsPurchased {
            credits,
            note,
            balance_after,
            ..
        } => Some(Movement {
            kind: TransactionKind::Purchase,
            amount: credits.0,
            balance_after: *balance_after,
            customer_id: None,
            note: note.as_deref(),
        }),
        CreditAccountEvent::CreditsDebited {
            credits,
            tenant_id,
            balance_after,
            ..
        } => Some(Movement {
            kind: TransactionKind::Debit,
            amount: -credits.0,
            balance_after: *balance_after,
            customer_id: Some(*tenant_id),
            note: None,
        }),
        CreditAccountEvent::CreditsAdjusted {
            kind,
            credits,
            note,
            balance_after,
        } => Some(Movement {
            kind: match kind {
                AdjustmentKind::Refund => TransactionKind::Refund,
                AdjustmentKind::Bonus => TransactionKind::Bonus,
                AdjustmentKind::Adjustment => TransactionKind::Adjustment,
            },
            amount: credits.0,
            balance_after: *balance_after,
            customer_id: None,
            note: Some(note),
        }),
    }
}

async fn insert(connection: &mut PgConnection, rows: &[(&Recorded, Uuid, Movement<'_>)]) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO credit_transactions
             (log_xid, log_position, reseller_id, customer_id, kind, amount, balance_after, note, actor_id, at)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::uuid[], $5::text[], $6::bigint[],
                              $7::bigint[], $8::text[], $9::uuid[], $10::timestamptz[])",
    )
    .bind(column(rows, |(recorded, ..)| recorded.position.xid))
    .bind(column(rows, |(recorded, ..)| recorded.position.position))
    .bind(column(rows, |(_, reseller_id, _)| *reseller_id))
    .bind(column(rows, |(.., movement)| movement.customer_id.map(|id| id.0)))
    .bind(column(rows, |(.., movement)| movement.kind.as_ref()))
    .bind(column(rows, |(.., movement)| movement.amount))
    .bind(column(rows, |(.., movement)| movement.balance_after.0))
    .bind(column(rows, |(.., movement)| movement.note))
    .bind(column(rows, |(recorded, ..)| recorded.metadata.actor))
    .bind(column(rows, |(recorded, ..)| recorded.happened_at()))
    .execute(connection)
    .await?;
    Ok(())
}

/// The last balance of each account in the batch.
async fn set_balances(connection: &mut PgConnection, balances: &HashMap<Uuid, i64>) -> sqlx::Result<()> {
    if balances.is_empty() {
        return Ok(());
    }
    let (resellers, balances): (Vec<Uuid>, Vec<i64>) = balances.iter().unzip();
    sqlx::query(
        "INSERT INTO credit_balances (reseller_id, balance) SELECT * FROM unnest($1::uuid[], $2::bigint[])
         ON CONFLICT (reseller_id) DO UPDATE SET balance = excluded.balance",
    )
    .bind(resellers)
    .bind(balances)
    .execute(connection)
    .await?;
    Ok(())
}

/// Movements, the newest first; with `reseller_id`, of this reseller alone.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    reseller_id: Option<Uuid>,
    request: PageRequest<Position>,
) -> sqlx::Result<Page<CreditTransactionRow>> {
    // An actor whose row is not in scope is one of the platform's people: their names stay with the platform.
    let mut query = QueryBuilder::new(
        "SELECT t.*, c.name AS customer_name,
                CASE WHEN t.actor_id IS NOT NULL AND u.user_id IS NULL THEN 'Platform' ELSE u.name END AS actor_name
         FROM read.credit_transactions t
         LEFT JOIN read.customers c ON c.tenant_id = t.customer_id
         LEFT JOIN read.users u ON u.user_id = t.actor_id",
    );
    within(&mut query, "u", scope);
    query.push(" WHERE true");
    within(&mut query, "t", scope);
    if let Some(reseller_id) = reseller_id {
        query.push(" AND t.reseller_id = ").push_bind(reseller_id);
    }
    if let Some(after) = request.after {
        query
            .push(" AND (t.log_xid, t.log_position) < (")
            .push_bind(after.xid);
        query.push(", ").push_bind(after.position).push(")");
    }
    query
        .push(" ORDER BY t.log_xid DESC, t.log_position DESC LIMIT ")
        .push_bind(request.fetch());
    let rows = query.build().fetch_all(connection).await?;
    Ok(Page::new(
        &request,
        rows.iter()
            .map(CreditTransactionRow::read)
            .collect::<Result<_, _>>()?,
    ))
}
