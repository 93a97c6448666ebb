//! Who acted as whom.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::user::UserEvent;
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::moves::Moves;
use crate::page::{NewestKey, Page, PageRequest, newest_first};
use crate::projection::{Projection, ProjectionError, Table, stream_id};
use crate::scope::within;

/// One row per time that somebody acted as somebody else.
pub struct Impersonations;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImpersonationRow {
    pub impersonation_id: Uuid,
    pub user_id: Uuid,
    /// `None` once the person has been erased.
    pub user_name: Option<String>,
    /// `None` where who acted is not for the reader to see.
    pub by_name: Option<String>,
    pub reason: String,
    /// Whether anything could be changed.
    pub write: bool,
    pub begun_at: DateTime<Utc>,
    /// When it ended by itself, unless it was ended before.
    pub ends_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

impl ImpersonationRow {
    pub fn key(&self) -> NewestKey {
        NewestKey {
            at: self.begun_at,
            id: self.impersonation_id,
        }
    }

    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            impersonation_id: row.try_get("impersonation_id")?,
            user_id: row.try_get("user_id")?,
            user_name: row.try_get("user_name")?,
            by_name: row.try_get("by_name")?,
            reason: row.try_get("reason")?,
            write: row.try_get("may_write")?,
            begun_at: row.try_get("begun_at")?,
            ends_at: row.try_get("ends_at")?,
            ended_at: row.try_get("ended_at")?,
        })
    }
}

impl Projection for Impersonations {
    const NAME: &'static str = "impersonations";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("impersonations", &["impersonation_id"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        _: &Vault,
    ) -> Result<(), ProjectionError> {
        let mut moves = Moves::default();
        moves.take(recorded)?;
        let follow = "UPDATE impersonations SET reseller_id = $3 WHERE tenant_id = $1 AND reseller_id = $2";
        moves.follow(&mut *connection, follow).await?;
        if let AnyEvent::User(UserEvent::ImpersonationBegun {
            impersonation_id,
            by,
            reason,
            write,
            ends_at,
        }) = &recorded.event
        {
            // Nobody acts as somebody of the platform: what is no reseller's own is a customer's.
            let owner = recorded.metadata.tenant_id;
            let tenant_id = (recorded.metadata.reseller_id != Some(owner)).then_some(owner);
            sqlx::query(
                "INSERT INTO impersonations (impersonation_id, reseller_id, tenant_id, user_id, by_id, reason,
                                             may_write, begun_at, ends_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(impersonation_id)
            .bind(recorded.metadata.reseller_id)
            .bind(tenant_id)
            .bind(stream_id(recorded)?)
            .bind(by.0)
            .bind(reason)
            .bind(write)
            .bind(recorded.metadata.at)
            .bind(ends_at)
            .execute(connection)
            .await?;
        } else if let AnyEvent::User(UserEvent::ImpersonationEnded { impersonation_id }) = &recorded.event {
            sqlx::query("UPDATE impersonations SET ended_at = $2 WHERE impersonation_id = $1")
                .bind(impersonation_id)
                .bind(recorded.metadata.at)
                .execute(connection)
                .await?;
        }
        Ok(())
    }
}

/// The times that somebody acted as people within the reader's scope, or as `user_id` alone; the newest first.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    user_id: Option<Uuid>,
    request: PageRequest<NewestKey>,
) -> sqlx::Result<Page<ImpersonationRow>> {
    let mut query = QueryBuilder::new(
        "SELECT i.*, u.name AS user_name, b.name AS by_name FROM read.impersonations i
         LEFT JOIN read.users u ON u.user_id = i.user_id
         LEFT JOIN read.users b ON b.user_id = i.by_id
         WHERE true",
    );
    within(&mut query, "i", scope);
    if let Some(user_id) = user_id {
        query.push(" AND i.user_id = ").push_bind(user_id);
    }
    newest_first(&mut query, "i.begun_at", "i.impersonation_id", &request);
    let rows = query.build().fetch_all(connection).await?;
    Ok(Page::new(
        &request,
        rows.iter()
            .map(ImpersonationRow::read)
            .collect::<Result<_, _>>()?,
    ))
}
