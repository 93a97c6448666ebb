//! From where commands were sent, and who was refused what: beside the log, because an address is a person's and has an
//! end, and because a refusal is no fact of the business.

use chrono::{DateTime, Utc};
use platform::{Access, Principal};
use sqlx::PgConnection;
use uuid::Uuid;

/// From where somebody sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentFrom {
    pub address: Option<String>,
    pub user_agent: Option<String>,
}

/// From where a command was sent, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whose address it is; `None` where a program sent it.
    pub person_id: Option<Uuid>,
    pub reseller_id: Option<Uuid>,
    pub tenant_id: Option<Uuid>,
    pub sent_from: SentFrom,
}

/// A refusal of somebody who is known.
#[derive(Clone, Debug)]
pub struct Denial<'a> {
    pub principal: &'a Principal,
    /// A route with its method, or a root field.
    pub action: &'a str,
    pub code: &'a str,
    /// Name of the permission that is missing, where it is one.
    pub permission: Option<&'a str>,
    pub from: &'a SentFrom,
    pub at: DateTime<Utc>,
}

/// Notes a refusal; of many at a time the later ones are only counted.
///
/// # Errors
/// The database fails.
pub async fn note_denial(connection: &mut PgConnection, denial: &Denial<'_>) -> sqlx::Result<()> {
    let principal = denial.principal;
    let (person, impersonator): (Option<Uuid>, Option<Uuid>) = match principal.access {
        Access::Person { .. } => (Some(principal.user_id.0), None),
        Access::Impersonated { by, .. } => (Some(by.0), Some(by.0)),
        Access::Key { .. } => (None, None),
    };
    sqlx::query("SELECT auth.note_denial($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
        .bind(principal.user_id.0)
        .bind(person)
        .bind(matches!(principal.access, Access::Key { .. }))
        .bind(impersonator)
        .bind(principal.home.reseller_id().map(|id| id.0))
        .bind(principal.home.tenant_id().map(|id| id.0))
        .bind(principal.role.as_ref())
        .bind(denial.action)
        .bind(denial.code)
        .bind(denial.permission)
        .bind(denial.from.address.as_deref())
        .bind(denial.from.user_agent.as_deref())
        .bind(denial.at)
        .execute(connection)
        .await?;
    Ok(())
}
