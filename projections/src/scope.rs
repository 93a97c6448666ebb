//! Who may see which rows: once in the WHERE of every query, once more by row-level security.

use std::sync::Mutex;

use domain::ids::ResellerId;
use platform::Scope;
use sqlx::{Executor, PgConnection, PgPool, Postgres, QueryBuilder, Transaction};
use store::Position;
use uuid::Uuid;

use crate::permissions::{self, PermissionRow};
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

/// Begins to read within a scope, in one message. Ids are put into the text: a UUID and the name of a snapshot are
/// digits, letters and hyphens.
fn begin(snapshot: Option<&str>, scope: Scope) -> String {
    let nobody = || "''".to_owned();
    let (name, reseller, tenant, below) = match scope {
        Scope::Platform => ("platform", nobody(), nobody(), nobody()),
        Scope::Reseller(own) => (
            "reseller",
            format!("'{own}'"),
            nobody(),
            format!("read.below('{own}')"),
        ),
        Scope::Tenant {
            reseller_id,
            tenant_id,
        } => (
            "tenant",
            format!("'{reseller_id}'"),
            format!("'{tenant_id}'"),
            nobody(),
        ),
    };
    // It must come before any query.
    let see = snapshot.map(|id| format!("SET TRANSACTION SNAPSHOT '{id}'; "));
    format!(
        "{BEGIN}; {}SELECT set_config('stentor.scope', '{name}', true), set_config('stentor.reseller', {reseller}, true),
                set_config('stentor.tenant', {tenant}, true), set_config('stentor.below', {below}, true)",
        see.unwrap_or_default(),
    )
}

/// A read-only transaction that has told Postgres whose rows it may see. All its queries see one state.
pub struct ScopedConnection {
    transaction: Transaction<'static, Postgres>,
    scope: Scope,
    /// What a reseller is permitted, once it was asked.
    permitted: Option<(ResellerId, Vec<PermissionRow>)>,
}

impl ScopedConnection {
    /// Begins on a pool of the role `stentor_read`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn begin(pool: &PgPool, scope: Scope) -> sqlx::Result<Self> {
        Ok(Self::new(pool.begin_with(begin(None, scope)).await?, scope))
    }

    fn new(transaction: Transaction<'static, Postgres>, scope: Scope) -> Self {
        Self {
            transaction,
            scope,
            permitted: None,
        }
    }

    /// What is in effect for the asker's own reseller, read once.
    pub(crate) async fn permissions(&mut self, own: ResellerId) -> sqlx::Result<&[PermissionRow]> {
        let rows = match self.permitted.take() {
            Some((reseller_id, rows)) if reseller_id == own => rows,
            Some(_) | None => {
                permissions::of_reseller(&mut self.transaction, Scope::Reseller(own), own.0).await?
            }
        };
        let (_, rows) = self.permitted.insert((own, rows));
        Ok(rows)
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
        let transaction = pool.begin_with(begin(Some(&self.id), scope)).await?;
        Ok(ScopedConnection::new(transaction, scope))
    }
}
