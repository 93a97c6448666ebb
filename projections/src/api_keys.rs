//! API keys: what each opens and how it is told from others. The secrets are nowhere here.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::api_key::{ApiKeyEvent, KeyScope};
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

/// One row per key.
pub struct ApiKeys;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRow {
    pub key_id: Uuid,
    pub name: String,
    pub prefix: String,
    pub scopes: Vec<String>,
    pub networks: Vec<String>,
    pub issued_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub rotated_at: Option<DateTime<Utc>>,
    /// Until when the secret before the present one holds.
    pub former_until: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// Not from the log: noted by whoever opened with it.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl ApiKeyRow {
    pub fn key(&self) -> NewestKey {
        NewestKey {
            at: self.issued_at,
            id: self.key_id,
        }
    }

    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            key_id: row.try_get("key_id")?,
            name: row.try_get("name")?,
            prefix: row.try_get("prefix")?,
            scopes: row.try_get("scopes")?,
            networks: row.try_get("networks")?,
            issued_at: row.try_get("issued_at")?,
            expires_at: row.try_get("expires_at")?,
            rotated_at: row.try_get("rotated_at")?,
            former_until: row.try_get("former_until")?,
            revoked_at: row.try_get("revoked_at")?,
            last_used_at: row.try_get("last_used_at")?,
        })
    }
}

impl Projection for ApiKeys {
    const NAME: &'static str = "api_keys";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("api_keys", &["key_id"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        let mut moves = Moves::default();
        moves.take(recorded)?;
        let follow = "UPDATE api_keys SET reseller_id = $3 WHERE tenant_id = $1 AND reseller_id = $2";
        moves.follow(&mut *connection, follow).await?;
        let AnyEvent::ApiKey(event) = &recorded.event else {
            return Ok(());
        };
        let (key_id, at) = (stream_id(recorded)?, recorded.metadata.at);
        let query = match event {
            ApiKeyEvent::ApiKeyIssued {
                name,
                prefix,
                scopes,
                networks,
                home,
                expires_at,
            } => sqlx::query(
                "INSERT INTO api_keys (key_id, issued_at, reseller_id, tenant_id, name, prefix, scopes, networks,
                                       issued_by, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            )
            .bind(key_id)
            .bind(at)
            .bind(home.reseller_id().map(|id| id.0))
            .bind(home.tenant_id().map(|id| id.0))
            .bind(name)
            .bind(prefix)
            .bind(scopes.iter().map(KeyScope::as_ref).collect::<Vec<_>>())
            .bind(networks.iter().map(ToString::to_string).collect::<Vec<_>>())
            .bind(recorded.metadata.actor)
            .bind(expires_at),
            ApiKeyEvent::ApiKeyRotated { prefix, former_until } => sqlx::query(
                "UPDATE api_keys SET rotated_at = $2, prefix = $3, former_until = $4 WHERE key_id = $1",
            )
            .bind(key_id)
            .bind(at)
            .bind(prefix)
            .bind(former_until),
            ApiKeyEvent::ApiKeyRevoked { .. } => {
                sqlx::query("UPDATE api_keys SET revoked_at = $2 WHERE key_id = $1")
                    .bind(key_id)
                    .bind(at)
            }
        };
        query.execute(connection).await?;
        Ok(())
    }
}

/// Keys of the reader's own organisation, the newest first, those that have ended too.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    request: PageRequest<NewestKey>,
) -> sqlx::Result<Page<ApiKeyRow>> {
    let mut query = QueryBuilder::new(
        "SELECT k.*, u.last_used_at FROM read.api_keys k
         LEFT JOIN auth.api_key_uses u ON u.key_id = k.key_id
         WHERE true",
    );
    within(&mut query, "k", scope);
    // A key is managed by its own organisation: those of the organisations below are theirs.
    if scope == Scope::Platform {
        query.push(" AND k.reseller_id IS NULL");
    }
    query
        .push(" AND k.tenant_id IS NOT DISTINCT FROM ")
        .push_bind(scope.tenant_id().map(|id| id.0));
    newest_first(&mut query, "k.issued_at", "k.key_id", &request);
    let rows = query.build().fetch_all(connection).await?;
    Ok(Page::new(
        &request,
        rows.iter().map(ApiKeyRow::read).collect::<Result<_, _>>()?,
    ))
}

/// Whether the organisation that reads with a key may read at all, as its people may sign in: a reseller while it and
/// everyone above it is active, a customer until it is closed. One that is not folded yet has been stopped by nobody.
///
/// # Errors
/// The database fails.
pub async fn may_read(connection: &mut PgConnection, scope: Scope) -> sqlx::Result<bool> {
    let query = match scope {
        Scope::Platform => return Ok(true),
        Scope::Reseller(reseller_id) => sqlx::query_scalar(
            "SELECT NOT EXISTS (SELECT FROM read.resellers r
                                WHERE r.reseller_id = $1 AND r.effective_status <> 'active')",
        )
        .bind(reseller_id.0),
        Scope::Tenant { tenant_id, .. } => sqlx::query_scalar(
            "SELECT NOT EXISTS (SELECT FROM read.customers c
                                WHERE c.tenant_id = $1 AND c.closed_at IS NOT NULL)",
        )
        .bind(tenant_id.0),
    };
    query.fetch_one(connection).await
}
