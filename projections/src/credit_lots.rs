//! What a credit account has: its lots, reservations, settings and alerts.

mod fold;

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::credit_account::MovementKind;
use domain::credits::Money;
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use store::vault::Vault;
use store::{Position, Recorded};
use uuid::Uuid;

use crate::page::parsed_or_null;
use crate::projection::{OnBadEvent, Projection, ProjectionError, Table};
use crate::scope::reaching;
use fold::Fold;

/// Most reservations and alerts that are shown with an account.
const LATEST_ROWS: i64 = 100;

/// One row per account, lot, reservation and alert.
pub struct CreditLots;

impl Projection for CreditLots {
    const NAME: &'static str = "credit_lots";
    const VERSION: i32 = 1;
    const ON_BAD_EVENT: OnBadEvent = OnBadEvent::Stop;
    const TABLES: &'static [Table] = &[
        Table::read("credit_accounts", &["reseller_id"]),
        Table::read("credit_lots", &["reseller_id", "lot"]),
        Table::read("credit_reservations", &["reseller_id", "reservation_id"]),
        Table::read("credit_alerts", &["log_xid", "log_position"]),
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
        let mut fold = Fold::default();
        for recorded in batch {
            match &recorded.event {
                AnyEvent::CreditAccount(event) => fold.take(recorded, event)?,
                AnyEvent::Reseller(_)
                | AnyEvent::PriceList(_)
                | AnyEvent::Tenant(_)
                | AnyEvent::User(_)
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
                | AnyEvent::Invoices(_)
                | AnyEvent::ApiKey(_)
                | AnyEvent::Bulk(_)
                | AnyEvent::PermissionTemplates(_)
                | AnyEvent::ResellerPermissions(_) => {}
            }
        }
        fold.write(connection).await?;
        Ok(())
    }
}

/// A credit account as it stands.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct CreditAccountRow {
    pub reseller_id: Uuid,
    /// What is available; negative where the credit line lends.
    pub balance: i64,
    pub held: i64,
    pub credit_line: i64,
    pub thresholds: Vec<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditLotRow {
    pub lot: i64,
    /// `None` for credits that came before there were lots.
    pub source: Option<MovementKind>,
    /// The movement that made it.
    pub number: Option<i64>,
    pub promotional: bool,
    pub expires_at: Option<DateTime<Utc>>,
    pub remaining: i64,
    pub pack_code: Option<String>,
    pub list_version: Option<i64>,
    /// How many credits the price is for.
    pub pack_credits: Option<i64>,
    pub price: Option<Money>,
    pub peer_id: Option<Uuid>,
    pub opened_at: DateTime<Utc>,
}

impl CreditLotRow {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        let amount_minor: Option<i64> = row.try_get("price_minor")?;
        let currency: Option<String> = row.try_get("currency")?;
        Ok(Self {
            lot: row.try_get("lot")?,
            source: parsed_or_null(row, "source")?,
            number: row.try_get("number")?,
            promotional: row.try_get("promotional")?,
            expires_at: row.try_get("expires_at")?,
            remaining: row.try_get("remaining")?,
            pack_code: row.try_get("pack_code")?,
            list_version: row.try_get("list_version")?,
            pack_credits: row.try_get("pack_credits")?,
            price: amount_minor.zip(currency).map(|(amount_minor, currency)| Money {
                amount_minor,
                currency,
            }),
            peer_id: row.try_get("peer_id")?,
            opened_at: row.try_get("opened_at")?,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct CreditReservationRow {
    pub reservation_id: Uuid,
    pub customer_id: Option<Uuid>,
    pub held: i64,
    pub captured: i64,
    pub released: i64,
    pub expired: bool,
    pub note: String,
    pub reserved_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditAlertRow {
    pub position: Position,
    pub threshold: i64,
    pub balance: i64,
    pub at: DateTime<Utc>,
}

/// The account of a reseller within the scope.
///
/// # Errors
/// The database fails.
pub async fn account(
    connection: &mut PgConnection,
    scope: Scope,
    reseller_id: Uuid,
) -> sqlx::Result<Option<CreditAccountRow>> {
    let mut query = QueryBuilder::new(
        "SELECT a.reseller_id, a.balance, a.held, a.credit_line, a.thresholds FROM read.credit_accounts a
         WHERE a.reseller_id = ",
    );
    query.push_bind(reseller_id);
    reaching(&mut query, "a", scope);
    query.build_query_as().fetch_optional(connection).await
}

/// Open lots in the order in which they are used; with `closed` those that are used up, too, the newest first.
///
/// # Errors
/// The database fails.
pub async fn lots(
    connection: &mut PgConnection,
    scope: Scope,
    reseller_id: Uuid,
    closed: bool,
) -> sqlx::Result<Vec<CreditLotRow>> {
    let mut query = told(scope);
    query.push_bind(reseller_id);
    reaching(&mut query, "l", scope);
    query.push(if closed {
        " AND l.remaining = 0 ORDER BY l.lot DESC LIMIT "
    } else {
        " AND l.remaining > 0 ORDER BY l.promotional DESC, l.expires_at, l.lot LIMIT "
    });
    query.push(LATEST_ROWS);
    rows(connection, &mut query, CreditLotRow::read).await
}

/// The lots of these numbers.
///
/// # Errors
/// The database fails.
pub async fn lots_of(
    connection: &mut PgConnection,
    scope: Scope,
    reseller_id: Uuid,
    numbers: &[i64],
) -> sqlx::Result<Vec<CreditLotRow>> {
    let mut query = told(scope);
    query.push_bind(reseller_id);
    query
        .push(" AND l.lot = ANY(")
        .push_bind(numbers.to_vec())
        .push(")");
    reaching(&mut query, "l", scope);
    query.push(" ORDER BY l.lot");
    rows(connection, &mut query, CreditLotRow::read).await
}

/// Reservations that hold something, the first that ends first.
///
/// # Errors
/// The database fails.
pub async fn reservations(
    connection: &mut PgConnection,
    scope: Scope,
    reseller_id: Uuid,
) -> sqlx::Result<Vec<CreditReservationRow>> {
    let mut query = QueryBuilder::new(
        "SELECT r.reservation_id, r.customer_id, r.held, r.captured, r.released, r.expired, r.note, r.reserved_at,
                r.expires_at
         FROM read.credit_reservations r WHERE r.held > 0 AND r.reseller_id = ",
    );
    query.push_bind(reseller_id);
    reaching(&mut query, "r", scope);
    query
        .push(" ORDER BY r.expires_at, r.reservation_id LIMIT ")
        .push(LATEST_ROWS);
    query.build_query_as().fetch_all(connection).await
}

/// Alerts, the newest first.
///
/// # Errors
/// The database fails.
pub async fn alerts(
    connection: &mut PgConnection,
    scope: Scope,
    reseller_id: Uuid,
) -> sqlx::Result<Vec<CreditAlertRow>> {
    let mut query = QueryBuilder::new(
        "SELECT a.log_xid, a.log_position, a.threshold, a.balance, a.at FROM read.credit_alerts a
         WHERE a.reseller_id = ",
    );
    query.push_bind(reseller_id);
    reaching(&mut query, "a", scope);
    query
        .push(" ORDER BY a.log_xid DESC, a.log_position DESC LIMIT ")
        .push(LATEST_ROWS);
    rows(connection, &mut query, |row| {
        Ok(CreditAlertRow {
            position: Position {
                xid: row.try_get("log_xid")?,
                position: row.try_get("log_position")?,
            },
            threshold: row.try_get("threshold")?,
            balance: row.try_get("balance")?,
            at: row.try_get("at")?,
        })
    })
    .await
}

/// Lots with who gave them, where that is in scope: nobody sees who is above or beside.
fn told(scope: Scope) -> QueryBuilder<'static, Postgres> {
    let mut query = QueryBuilder::new(
        "SELECT l.lot, l.source, l.number, l.promotional, l.expires_at, l.remaining, l.pack_code, l.list_version,
                l.pack_credits, l.price_minor, l.currency, p.reseller_id AS peer_id, l.opened_at
         FROM read.credit_lots l LEFT JOIN read.resellers p ON p.reseller_id = l.peer_id",
    );
    reaching(&mut query, "p", scope);
    query.push(" WHERE l.reseller_id = ");
    query
}

async fn rows<T>(
    connection: &mut PgConnection,
    query: &mut QueryBuilder<'_, Postgres>,
    read: impl Fn(&PgRow) -> sqlx::Result<T>,
) -> sqlx::Result<Vec<T>> {
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(read).collect()
}
