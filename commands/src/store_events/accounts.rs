//! Which account an id of a store belongs to. Accounts whose ids turn out to be of one customer are merged.

use std::collections::BTreeSet;

use domain::ids::{StoreAccountId, StoreUserId, TenantId};
use domain::store_account::{StoreAccount, StoreAccountCommand};
use sqlx::PgConnection;
use store::append::AppendError;
use store::effects::failed;
use store::unit_of_work::{Owner, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::error::CommandError;

/// The account of all these ids: the one that knows them, several of them merged into one, or `new`.
///
/// # Errors
/// The database fails.
pub(super) async fn of_users(
    write: &WriteSide,
    unit: &mut UnitOfWork<'_>,
    users: &BTreeSet<StoreUserId>,
    new: StoreAccountId,
) -> Result<StoreAccountId, CommandError> {
    let users: Vec<Uuid> = users.iter().map(|user| user.0).collect();
    let accounts: Vec<Uuid> = sqlx::query_scalar(
        "SELECT DISTINCT u.account_id FROM work.store_users u WHERE u.user_id = ANY($1) ORDER BY u.account_id",
    )
    .bind(users)
    .fetch_all(&write.pool)
    .await?;
    let mut accounts = accounts.into_iter().map(StoreAccountId);
    let Some(first) = accounts.next() else {
        return Ok(new);
    };
    let others: Vec<StoreAccountId> = accounts.collect();
    if !others.is_empty() {
        merge(unit, first, &others).await?;
    }
    Ok(first)
}

async fn merge(
    unit: &mut UnitOfWork<'_>,
    into: StoreAccountId,
    others: &[StoreAccountId],
) -> Result<(), CommandError> {
    let mut held = Vec::new();
    for other in others {
        let id = other.to_string();
        held.push(unit.load::<StoreAccount>(&id).await?.held().clone());
        let close = StoreAccountCommand::Close { into };
        unit.execute::<StoreAccount>(Owner::PLATFORM, &id, close).await?;
    }
    let adopt = StoreAccountCommand::Adopt {
        from: others.to_vec(),
        held,
    };
    unit.execute::<StoreAccount>(Owner::PLATFORM, &into.to_string(), adopt)
        .await?;
    let (into, others) = (into.0, others.iter().map(|id| id.0).collect::<Vec<_>>());
    unit.effect(Box::new(move |connection| {
        Box::pin(async move { moved(connection, into, &others).await.map_err(failed) })
    }));
    Ok(())
}

async fn moved(connection: &mut PgConnection, into: Uuid, others: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query("UPDATE work.store_users SET account_id = $1 WHERE account_id = ANY($2)")
        .bind(into)
        .bind(others)
        .execute(&mut *connection)
        .await?;
    for table in ["store_tenants", "store_accounts"] {
        sqlx::query(&format!("DELETE FROM work.{table} WHERE account_id = ANY($1)"))
            .bind(others)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// What an append leaves behind about an account, so that it is found again.
pub(super) struct Traces {
    pub account_id: StoreAccountId,
    /// With the sealed name, where it is known.
    pub users: Vec<(StoreUserId, Option<Vec<u8>>)>,
    pub tenants: Vec<TenantId>,
    pub waits: bool,
}

/// Leaves the traces with the unit's append. Where another one was faster with one of the ids, the command is decided
/// again.
pub(super) fn trace(unit: &mut UnitOfWork<'_>, traces: Traces) {
    unit.effect(Box::new(move |connection| {
        Box::pin(async move { leave(connection, traces).await })
    }));
}

async fn leave(connection: &mut PgConnection, traces: Traces) -> Result<(), AppendError> {
    let account_id = traces.account_id.0;
    let (users, names): (Vec<Uuid>, Vec<Option<Vec<u8>>>) = traces
        .users
        .into_iter()
        .map(|(user, name)| (user.0, name))
        .unzip();
    let of_others: i64 = sqlx::query_scalar(
        "WITH left_behind AS (
             INSERT INTO work.store_users (user_id, account_id, name)
             SELECT n.user_id, $1, n.name FROM unnest($2::uuid[], $3::bytea[]) AS n (user_id, name)
             ORDER BY n.user_id
             ON CONFLICT (user_id) DO UPDATE SET name = coalesce(excluded.name, store_users.name)
             RETURNING account_id)
         SELECT count(*) FROM left_behind l WHERE l.account_id <> $1",
    )
    .bind(account_id)
    .bind(users)
    .bind(names)
    .fetch_one(&mut *connection)
    .await
    .map_err(failed)?;
    if of_others > 0 {
        return Err(AppendError::Conflict);
    }
    let tenants: Vec<Uuid> = traces.tenants.iter().map(|tenant| tenant.0).collect();
    sqlx::query(
        "INSERT INTO work.store_tenants (tenant_id, account_id)
         SELECT n.tenant_id, $1 FROM unnest($2::uuid[]) AS n (tenant_id) ON CONFLICT DO NOTHING",
    )
    .bind(account_id)
    .bind(tenants)
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    sqlx::query(
        "INSERT INTO work.store_accounts (account_id, waits) VALUES ($1, $2)
         ON CONFLICT (account_id) DO UPDATE SET waits = excluded.waits",
    )
    .bind(account_id)
    .bind(traces.waits)
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}

/// The tenants that accounts with one of these ids are linked to.
///
/// # Errors
/// The database fails.
pub(super) async fn tenants_of(
    write: &WriteSide,
    users: impl Iterator<Item = StoreUserId>,
) -> sqlx::Result<BTreeSet<TenantId>> {
    let users: Vec<Uuid> = users.map(|user| user.0).collect();
    let tenants: Vec<Uuid> = sqlx::query_scalar(
        "SELECT DISTINCT t.tenant_id FROM work.store_users u JOIN work.store_tenants t USING (account_id)
         WHERE u.user_id = ANY($1)",
    )
    .bind(users)
    .fetch_all(&write.pool)
    .await?;
    Ok(tenants.into_iter().map(TenantId).collect())
}

/// Accounts with events that wait for somebody.
///
/// # Errors
/// The database fails.
pub(super) async fn that_wait(write: &WriteSide) -> sqlx::Result<Vec<StoreAccountId>> {
    let accounts: Vec<Uuid> = sqlx::query_scalar(
        "SELECT a.account_id FROM work.store_accounts a WHERE a.waits ORDER BY a.account_id",
    )
    .fetch_all(&write.pool)
    .await?;
    Ok(accounts.into_iter().map(StoreAccountId).collect())
}

/// Whose keys seal what stores have said of a tenant.
///
/// # Errors
/// The database fails.
pub async fn subjects_of_tenant(write: &WriteSide, tenant_id: TenantId) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "SELECT u.user_id FROM work.store_tenants t JOIN work.store_users u USING (account_id)
         WHERE t.tenant_id = $1 ORDER BY u.user_id",
    )
    .bind(tenant_id.0)
    .fetch_all(&write.pool)
    .await
}
