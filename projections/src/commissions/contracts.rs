//! Contracts, as rows and queries.

use chrono::{DateTime, Utc};
use domain::contract::Terms;
use platform::Scope;
use sqlx::types::Json;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::Position;
use uuid::Uuid;

use crate::scope::within;

/// A version of a reseller's contract.
#[derive(Clone, Debug, PartialEq)]
pub struct ContractRow {
    pub reseller_id: Uuid,
    pub version: i64,
    /// `None` for the first, which holds since ever.
    pub valid_from: Option<DateTime<Utc>>,
    pub valid_to: Option<DateTime<Utc>>,
    /// Those of the first version have no currency: it needs none.
    pub terms: Terms,
    pub actor_id: Option<Uuid>,
    pub known_at: DateTime<Utc>,
    pub position: Position,
}

/// A reseller's contracts, the newest version first; those in force at `at` where it is given.
///
/// # Errors
/// The database fails.
pub async fn of_reseller(
    connection: &mut PgConnection,
    scope: Scope,
    reseller_id: Uuid,
    at: Option<DateTime<Utc>>,
) -> sqlx::Result<Vec<ContractRow>> {
    let mut query = QueryBuilder::new("SELECT c.* FROM read.contracts c WHERE c.reseller_id = ");
    query.push_bind(reseller_id);
    within(&mut query, "c", scope);
    if let Some(at) = at {
        query
            .push(" AND coalesce(c.valid_from <= ")
            .push_bind(at)
            .push(", true) AND coalesce(c.valid_to > ")
            .push_bind(at)
            .push(", true)");
    }
    query.push(" ORDER BY c.version DESC");
    query
        .build()
        .fetch_all(connection)
        .await?
        .iter()
        .map(|row| {
            let Json(terms) = row.try_get("terms")?;
            Ok(ContractRow {
                reseller_id: row.try_get("reseller_id")?,
                version: row.try_get("version")?,
                valid_from: row.try_get("valid_from")?,
                valid_to: row.try_get("valid_to")?,
                terms,
                actor_id: row.try_get("actor_id")?,
                known_at: row.try_get("known_at")?,
                position: Position {
                    xid: row.try_get("log_xid")?,
                    position: row.try_get("log_position")?,
                },
            })
        })
        .collect()
}
