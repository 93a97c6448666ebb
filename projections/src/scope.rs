//! Who may see which rows: once in the WHERE of every query, once more by row-level security.

use platform::Scope;
use sqlx::{PgConnection, PgPool, Postgres, QueryBuilder, Transaction};

/// Narrows a query to the scope's rows. `table` is the alias whose `reseller_id` and `tenant_id` decide.
pub(crate) fn within(query: &mut QueryBuilder<'_, Postgres>, table: &str, scope: Scope) {
    match scope {
        Scope::Platform => {}
        Scope::Reseller(reseller_id) => {
            query
                .push(format!(" AND {table}.reseller_id = "))
                .push_bind(reseller_id.0);
        }
        Scope::Tenant {
            reseller_id,
            tenant_id,
        } => {
            query
                .push(format!(" AND {table}.reseller_id = "))
                .push_bind(reseller_id.0);
            query
                .push(format!(" AND {table}.tenant_id = "))
                .push_bind(tenant_id.0);
        }
    }
}

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
        let mut transaction = pool
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .await?;
        let (name, reseller_id, tenant_id) = match scope {
            Scope::Platform => ("platform", None, None),
            Scope::Reseller(reseller_id) => ("reseller", Some(reseller_id), None),
            Scope::Tenant {
                reseller_id,
                tenant_id,
            } => ("tenant", Some(reseller_id), Some(tenant_id)),
        };
        sqlx::query(
            "SELECT set_config('stentor.scope', $1, true),
                    set_config('stentor.reseller', $2, true),
                    set_config('stentor.tenant', $3, true)",
        )
        .bind(name)
        .bind(reseller_id.map(|id| id.to_string()).unwrap_or_default())
        .bind(tenant_id.map(|id| id.to_string()).unwrap_or_default())
        .execute(&mut *transaction)
        .await?;
        Ok(Self { transaction, scope })
    }

    /// What a query function takes: the connection and the scope it was opened with.
    pub fn parts(&mut self) -> (&mut PgConnection, Scope) {
        (&mut self.transaction, self.scope)
    }
}
