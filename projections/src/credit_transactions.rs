//! Credits: every movement of a reseller's account, and the balance that they add up to.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::credit_account::{CreditAccountEvent, Movement, MovementKind, Share};
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use store::vault::Vault;
use store::{Position, Recorded};
use uuid::Uuid;

use crate::columns::column;
use crate::dashboard::Moment;
use crate::page::{Page, PageRequest, parsed};
use crate::projection::{OnBadEvent, Projection, ProjectionError, Table, stream_id};
use crate::scope::{among, reaching};

/// One row per movement of credits, and one balance per account.
pub struct CreditTransactions;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditTransactionRow {
    pub position: Position,
    pub reseller_id: Uuid,
    /// Place in the account's stream: refunds and reversals name it.
    pub number: i64,
    pub kind: MovementKind,
    /// What it adds to the balance.
    pub amount: i64,
    /// Its size.
    pub credits: i64,
    /// Credits.
    pub balance_after: i64,
    pub customer_id: Option<Uuid>,
    pub customer_name: Option<String>,
    pub note: Option<String>,
    pub actor_id: Option<Uuid>,
    pub actor_name: Option<String>,
    /// The movement that this one returns or reverses.
    pub of_number: Option<i64>,
    /// The other side of a transfer.
    pub peer_id: Option<Uuid>,
    pub reservation_id: Option<Uuid>,
    pub lots: Vec<Share>,
    pub event_type: String,
    pub command_id: Option<Uuid>,
    pub at: DateTime<Utc>,
    pub known_at: Option<DateTime<Utc>>,
}

impl CreditTransactionRow {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            position: Position {
                xid: row.try_get("log_xid")?,
                position: row.try_get("log_position")?,
            },
            reseller_id: row.try_get("reseller_id")?,
            number: row.try_get("number")?,
            kind: parsed(row, "kind")?,
            amount: row.try_get("amount")?,
            credits: row.try_get("credits")?,
            balance_after: row.try_get("balance_after")?,
            customer_id: row.try_get("customer_id")?,
            customer_name: row.try_get("customer_name")?,
            note: row.try_get("note")?,
            actor_id: row.try_get("actor_id")?,
            actor_name: row.try_get("actor_name")?,
            of_number: row.try_get("of_number")?,
            peer_id: row.try_get("peer_id")?,
            reservation_id: row.try_get("reservation_id")?,
            lots: row.try_get::<Json<Vec<Share>>, _>("lots")?.0,
            event_type: row.try_get("event_type")?,
            command_id: row.try_get("command_id")?,
            at: row.try_get("at")?,
            known_at: row.try_get("known_at")?,
        })
    }
}

impl Projection for CreditTransactions {
    const NAME: &'static str = "credit_transactions";
    const VERSION: i32 = 3;
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
                    let movement = event.movement();
                    if let Some(movement) = &movement {
                        balances.insert(reseller_id, movement.balance_after.0);
                    } else if *event == CreditAccountEvent::CreditAccountOpened {
                        balances.insert(reseller_id, 0);
                    }
                    rows.extend(movement.map(|movement| (recorded, reseller_id, movement)));
                }
                AnyEvent::Reseller(_)
                | AnyEvent::PriceList(_)
                | AnyEvent::Tenant(_)
                | AnyEvent::User(_)
                | AnyEvent::ApiKey(_)
                | AnyEvent::Bulk(_)
                | AnyEvent::PermissionTemplates(_)
                | AnyEvent::ResellerPermissions(_)
                | AnyEvent::Subscription(_)
                | AnyEvent::Recording(_)
                | AnyEvent::Usage(_)
                | AnyEvent::Job(_)
                | AnyEvent::WorkflowLibrary(_)
                | AnyEvent::Books(_)
                | AnyEvent::RecordedSale(_)
                | AnyEvent::TierList(_)
                | AnyEvent::StoreAccount(_)
                | AnyEvent::StoreCatalogue(_)
                | AnyEvent::Hierarchy(_)
                | AnyEvent::Roster(_)
                | AnyEvent::Contracts(_)
                | AnyEvent::Payouts(_)
                | AnyEvent::Invoices(_) => {}
            }
        }
        insert(connection, &rows).await?;
        set_balances(connection, &balances).await?;
        Ok(())
    }
}

async fn insert(connection: &mut PgConnection, rows: &[(&Recorded, Uuid, Movement<'_>)]) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO credit_transactions
             (log_xid, log_position, reseller_id, customer_id, kind, amount, balance_after, note, actor_id, at, known_at,
              number, credits, of_number, peer_id, reservation_id, lots, event_type, command_id)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::uuid[], $5::text[], $6::bigint[],
                              $7::bigint[], $8::text[], $9::uuid[], $10::timestamptz[], $11::timestamptz[],
                              $12::bigint[], $13::bigint[], $14::bigint[], $15::uuid[], $16::uuid[], $17::jsonb[],
                              $18::text[], $19::uuid[])",
    )
    .bind(column(rows, |(recorded, ..)| recorded.position.xid))
    .bind(column(rows, |(recorded, ..)| recorded.position.position))
    .bind(column(rows, |(_, reseller_id, _)| *reseller_id))
    .bind(column(rows, |(.., movement)| movement.tenant_id.map(|id| id.0)))
    .bind(column(rows, |(.., movement)| movement.kind.as_ref()))
    .bind(column(rows, |(.., movement)| movement.amount.0))
    .bind(column(rows, |(.., movement)| movement.balance_after.0))
    .bind(column(rows, |(.., movement)| movement.note))
    .bind(column(rows, |(recorded, ..)| recorded.metadata.actor))
    .bind(column(rows, |(recorded, ..)| recorded.happened_at()))
    .bind(column(rows, |(recorded, ..)| recorded.known_at()))
    .bind(column(rows, |(recorded, ..)| recorded.sequence))
    .bind(column(rows, |(.., movement)| movement.credits.0))
    .bind(column(rows, |(.., movement)| {
        movement.of.map(|number| i64::try_from(number).unwrap_or(i64::MAX))
    }))
    .bind(column(rows, |(.., movement)| movement.peer.map(|id| id.0)))
    .bind(column(rows, |(.., movement)| movement.reservation_id.map(|id| id.0)))
    .bind(column(rows, |(.., movement)| Json(movement.shares().into_owned())))
    .bind(column(rows, |(recorded, ..)| recorded.event.name()))
    .bind(column(rows, |(recorded, ..)| recorded.metadata.command_id))
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

/// Which movements are wanted; what is left out does not limit.
#[derive(Clone, Debug, Default)]
pub struct TransactionFilter {
    pub reseller_id: Option<Uuid>,
    /// As they stood then.
    pub moment: Option<Moment>,
    pub number: Option<i64>,
    /// Those that return or reverse this one.
    pub of_number: Option<i64>,
    /// Empty for all.
    pub kinds: Vec<MovementKind>,
    pub customer_id: Option<Uuid>,
    pub actor_id: Option<Uuid>,
    /// Happened at this instant or later.
    pub from: Option<DateTime<Utc>>,
    /// Happened before this instant.
    pub until: Option<DateTime<Utc>>,
    /// Sizes from and up to these.
    pub credits_min: Option<i64>,
    pub credits_max: Option<i64>,
}

impl TransactionFilter {
    fn narrow(&self, query: &mut QueryBuilder<'_, Postgres>) {
        if let Some(Moment { as_of, known_at }) = self.moment {
            query.push(" AND t.at <= ").push_bind(as_of);
            if let Some(known_at) = known_at {
                query.push(" AND t.known_at <= ").push_bind(known_at);
            }
        }
        if let Some(number) = self.number {
            query.push(" AND t.number = ").push_bind(number);
        }
        if let Some(of_number) = self.of_number {
            query.push(" AND t.of_number = ").push_bind(of_number);
        }
        if !self.kinds.is_empty() {
            let kinds = column(&self.kinds, |kind| kind.as_ref().to_owned());
            query.push(" AND t.kind = ANY(").push_bind(kinds).push(")");
        }
        if let Some(customer_id) = self.customer_id {
            query.push(" AND t.customer_id = ").push_bind(customer_id);
        }
        if let Some(actor_id) = self.actor_id {
            query.push(" AND t.actor_id = ").push_bind(actor_id);
        }
        if let Some(from) = self.from {
            query.push(" AND t.at >= ").push_bind(from);
        }
        if let Some(until) = self.until {
            query.push(" AND t.at < ").push_bind(until);
        }
        if let Some(credits_min) = self.credits_min {
            query.push(" AND t.credits >= ").push_bind(credits_min);
        }
        if let Some(credits_max) = self.credits_max {
            query.push(" AND t.credits <= ").push_bind(credits_max);
        }
    }
}

/// Movements, the newest first.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    filter: &TransactionFilter,
    request: PageRequest<Position>,
) -> sqlx::Result<Page<CreditTransactionRow>> {
    // An actor whose row is not in scope is one of the platform's people or of a reseller above: neither name nor id
    // goes below.
    let mut query = QueryBuilder::new(
        "SELECT t.log_xid, t.log_position, t.reseller_id, t.number, t.kind, t.amount, t.credits, t.balance_after,
                t.customer_id, t.note, t.of_number, p.reseller_id AS peer_id, t.reservation_id, t.lots, t.event_type, t.command_id,
                t.at, t.known_at, u.user_id AS actor_id, c.name AS customer_name,
                CASE WHEN t.actor_id IS NOT NULL AND u.user_id IS NULL THEN 'Platform' ELSE u.name END AS actor_name
         FROM read.credit_transactions t
         LEFT JOIN read.customers c ON c.tenant_id = t.customer_id
         LEFT JOIN read.users u ON u.user_id = t.actor_id",
    );
    reaching(&mut query, "u", scope);
    // Nor does who is above or beside: the other side of a transfer is told where it is in scope.
    query.push(" LEFT JOIN read.resellers p ON p.reseller_id = t.peer_id");
    reaching(&mut query, "p", scope);
    query.push(" WHERE true");
    among(&mut query, "t", scope, filter.reseller_id.into());
    filter.narrow(&mut query);
    if let Some(after) = request.after {
        query
            .push(" AND (t.log_xid, t.log_position) < (")
            .push_bind(after.xid);
        query.push(", ").push_bind(after.position).push(")");
    }
    query
        .push(" ORDER BY t.log_xid DESC, t.log_position DESC LIMIT ")
        .push(request.fetch());
    let rows = query.build().fetch_all(connection).await?;
    Ok(Page::new(
        &request,
        rows.iter()
            .map(CreditTransactionRow::read)
            .collect::<Result<_, _>>()?,
    ))
}
