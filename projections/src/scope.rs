//! Who may see which rows: once in the WHERE of every query, once more by row-level security.

use std::sync::Mutex;

use domain::ids::ResellerId;
use platform::Scope;
use sqlx::{Executor, PgConnection, PgPool, Postgres, QueryBuilder, Transaction};
use store::Position;
use uuid::Uuid;

use crate::wait;

/// Which resellers' rows a list shows; never more than the scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whose {
    /// The asker's own; for the platform everybody's.
    #[default]
    Own,
    /// The asker's own and those of everyone below it.
    Below,
    /// One reseller's.
    One(Uuid),
}

impl From<Option<Uuid>> for Whose {
    /// A list that may be asked for one reseller shows the asker's own where it is not.
    fn from(reseller_id: Option<Uuid>) -> Self {
        reseller_id.map_or(Self::Own, Self::One)
    }
}

/// Narrows a query to the scope's own rows. `table` is the alias whose `reseller_id` and `tenant_id` decide.
pub(crate) fn within(query: &mut QueryBuilder<'_, Postgres>, table: &str, scope: Scope) {
    match scope {
        Scope::Platform => {}
        Scope::Reseller(reseller_id) => {
            query
                .push(format!(" AND {table}.reseller_id = "))
                .push_bind(reseller_id.0);
        }
        // The customer may have been moved since the asker signed in: its id alone decides.
        Scope::Tenant { tenant_id, .. } => {
            query
                .push(format!(" AND {table}.tenant_id = "))
                .push_bind(tenant_id.0);
        }
    }
}

/// Narrows a query to all that the scope may see: as [`within`], and for a reseller the rows of those below it.
pub(crate) fn reaching(query: &mut QueryBuilder<'_, Postgres>, table: &str, scope: Scope) {
    match scope {
        Scope::Reseller(ResellerId(own)) => {
            query.push(format!(" AND ({table}.reseller_id = ")).push_bind(own);
            query
                .push(format!(
                    " OR {table}.reseller_id IN (SELECT below.reseller_id FROM read.reseller_tree below
                                                 WHERE below.ancestor_id = "
                ))
                .push_bind(own)
                .push("))");
        }
        Scope::Platform | Scope::Tenant { .. } => within(query, table, scope),
    }
}

/// Narrows a query to the rows of a list.
pub(crate) fn among(query: &mut QueryBuilder<'_, Postgres>, table: &str, scope: Scope, whose: Whose) {
    match whose {
        Whose::Own => within(query, table, scope),
        Whose::Below => reaching(query, table, scope),
        Whose::One(reseller_id) => {
            reaching(query, table, scope);
            query
                .push(format!(" AND {table}.reseller_id = "))
                .push_bind(reseller_id);
        }
    }
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// A read-only transaction that has told Postgres whose rows it may see. All its queries see one state.
pub struct ScopedConnection {
    transaction: Transaction<'static, Postgres>,
    scope: Scope,
}

impl ScopedConnection {
    /// Begins on a pool of the role `stentor_read`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn begin(pool: &PgPool, scope: Scope) -> sqlx::Result<Self> {
        Self::scoped(pool.begin_with(BEGIN).await?, scope).await
    }

    async fn scoped(mut transaction: Transaction<'static, Postgres>, scope: Scope) -> sqlx::Result<Self> {
        let (name, reseller_id, tenant_id) = match scope {
            Scope::Platform => ("platform", None, None),
            Scope::Reseller(reseller_id) => ("reseller", Some(reseller_id), None),
            Scope::Tenant {
                reseller_id,
                tenant_id,
            } => ("tenant", Some(reseller_id), Some(tenant_id)),
        };
        let below = (name == "reseller").then_some(reseller_id).flatten();
        sqlx::query(
            "SELECT set_config('stentor.scope', $1, true),
                    set_config('stentor.reseller', $2, true),
                    set_config('stentor.tenant', $3, true),
                    set_config('stentor.below', CASE WHEN $4::uuid IS NULL THEN '' ELSE read.below($4) END, true)",
        )
        .bind(name)
        .bind(reseller_id.map(|id| id.to_string()).unwrap_or_default())
        .bind(tenant_id.map(|id| id.to_string()).unwrap_or_default())
        .bind(below.map(|id| id.0))
        .execute(&mut *transaction)
        .await?;
        Ok(Self { transaction, scope })
    }

    /// What a query function takes: the connection and the scope it was opened with.
    pub fn parts(&mut self) -> (&mut PgConnection, Scope) {
        (&mut self.transaction, self.scope)
    }
}

/// One state of the database, for many transactions: what is appended meanwhile is in none of them. It ends when it is
/// dropped.
pub struct Snapshot {
    id: String,
    position: Position,
    /// The transaction that was first to see the state, which stays as long as it does. Nothing asks it any more.
    _holder: Mutex<Box<dyn Send>>,
}

impl Snapshot {
    /// Takes one. It holds a connection of the pool, and keeps the database from cleaning up: not for long.
    ///
    /// # Errors
    /// The database fails.
    pub async fn take(pool: &PgPool) -> sqlx::Result<Self> {
        let mut holder = pool.begin_with(BEGIN).await?;
        holder
            .execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            .await?;
        let id = sqlx::query_scalar("SELECT pg_export_snapshot()")
            .fetch_one(&mut *holder)
            .await?;
        let position = wait::reached(&mut *holder, &wait::every_projection()).await?;
        Ok(Self {
            id,
            position,
            _holder: Mutex::new(Box::new(holder)),
        })
    }

    /// What every read model includes in it.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Begins a transaction that sees this state.
    ///
    /// # Errors
    /// The database fails.
    pub async fn begin(&self, pool: &PgPool, scope: Scope) -> sqlx::Result<ScopedConnection> {
        let mut transaction = pool.begin_with(BEGIN).await?;
        // Postgres' own text: digits, letters and hyphens. It must come before any query.
        let see = format!("SET TRANSACTION SNAPSHOT '{}'", self.id);
        sqlx::query(&see)
            .persistent(false)
            .execute(&mut *transaction)
            .await?;
        ScopedConnection::scoped(transaction, scope).await
    }
}
