//! Users: the people who sign in, by name and role.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::user::{Role, UserEvent};
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::page::{NewestKey, Page, PageRequest, containing, newest_first, parsed};
use crate::projection::{Projection, ProjectionError, Table, stream_id};
use crate::scope::within;

/// One row per user.
pub struct Users;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    pub user_id: Uuid,
    /// `None` once the person has been erased.
    pub name: Option<String>,
    /// `None` once the person has been erased.
    pub email: Option<String>,
    pub role: Role,
    pub created_at: DateTime<Utc>,
    pub erased_at: Option<DateTime<Utc>>,
}

impl UserRow {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            user_id: row.try_get("user_id")?,
            name: row.try_get("name")?,
            email: row.try_get("email")?,
            role: parsed(row, "role")?,
            created_at: row.try_get("created_at")?,
            erased_at: row.try_get("erased_at")?,
        })
    }
}

/// A user of a list, with the names of where it belongs, as far as the reader may see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedUser {
    pub user: UserRow,
    pub reseller_name: Option<String>,
    pub customer_name: Option<String>,
}

impl ListedUser {
    pub fn key(&self) -> NewestKey {
        NewestKey {
            at: self.user.created_at,
            id: self.user.user_id,
        }
    }

    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            user: UserRow::read(row)?,
            reseller_name: row.try_get("reseller_name")?,
            customer_name: row.try_get("customer_name")?,
        })
    }
}

impl Projection for Users {
    const NAME: &'static str = "users";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("users", &["user_id"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        match &recorded.event {
            AnyEvent::User(UserEvent::UserRegistered {
                name,
                email,
                role,
                home,
            }) => {
                let [name, email] = vault.open_all(connection, [name, email]).await?;
                sqlx::query(
                    "INSERT INTO users (user_id, reseller_id, tenant_id, name, email, role, created_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7)",
                )
                .bind(stream_id(recorded)?)
                .bind(home.reseller_id().map(|id| id.0))
                .bind(home.tenant_id().map(|id| id.0))
                .bind(name)
                .bind(email)
                .bind(role.as_ref())
                .bind(recorded.metadata.at)
                .execute(connection)
                .await?;
            }
            AnyEvent::User(UserEvent::UserErased { .. }) => {
                sqlx::query("UPDATE users SET name = NULL, email = NULL, erased_at = $2 WHERE user_id = $1")
                    .bind(stream_id(recorded)?)
                    .bind(recorded.metadata.at)
                    .execute(connection)
                    .await?;
            }
            AnyEvent::User(UserEvent::PasswordChanged)
            | AnyEvent::Reseller(_)
            | AnyEvent::CreditAccount(_)
            | AnyEvent::PriceList(_)
            | AnyEvent::Tenant(_)
            | AnyEvent::Subscription(_)
            | AnyEvent::Recording(_)
            | AnyEvent::Job(_)
            | AnyEvent::WorkflowLibrary(_)
            | AnyEvent::Books(_) => {}
        }
        Ok(())
    }
}

/// Users, the newest first; with `search`, those whose name or address contains it.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    search: Option<&str>,
    request: PageRequest<NewestKey>,
) -> sqlx::Result<Page<ListedUser>> {
    let mut query = QueryBuilder::new(
        "SELECT u.*, r.name AS reseller_name, c.name AS customer_name
         FROM read.users u
         LEFT JOIN read.resellers r ON r.reseller_id = u.reseller_id
         LEFT JOIN read.customers c ON c.tenant_id = u.tenant_id
         WHERE true",
    );
    within(&mut query, "u", scope);
    if let Some(search) = search {
        query.push(" AND (u.name ILIKE ").push_bind(containing(search));
        query
            .push(" OR u.email ILIKE ")
            .push_bind(containing(search))
            .push(")");
    }
    newest_first(&mut query, "u.created_at", "u.user_id", &request);
    let rows = query.build().fetch_all(connection).await?;
    Ok(Page::new(
        &request,
        rows.iter().map(ListedUser::read).collect::<Result<_, _>>()?,
    ))
}

/// The user, if within the scope.
///
/// # Errors
/// The database fails.
pub async fn by_id(connection: &mut PgConnection, scope: Scope, id: Uuid) -> sqlx::Result<Option<UserRow>> {
    let mut query = QueryBuilder::new("SELECT u.* FROM read.users u WHERE u.user_id = ");
    query.push_bind(id);
    within(&mut query, "u", scope);
    query
        .build()
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(UserRow::read)
        .transpose()
}
