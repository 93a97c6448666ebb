//! Users: the people who sign in, by name and role.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::personal::Sealed;
use domain::user::{Home, Role, UserEvent};
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::Recorded;
use store::vault::{Vault, VaultError};
use uuid::Uuid;

use crate::columns::column;
use crate::moves::Moves;
use crate::page::{NewestKey, Page, PageRequest, containing, newest_first, parsed};
use crate::projection::{Projection, ProjectionError, Table, stream_id};
use crate::scope::{Whose, among, reaching};

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
    /// Since when the person may not sign in.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Whether signing in needs a second factor.
    pub totp: bool,
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
            disabled_at: row.try_get("disabled_at")?,
            totp: row.try_get("totp")?,
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
        self.project_batch(connection, std::slice::from_ref(recorded), vault)
            .await
    }

    async fn project_batch(
        &self,
        connection: &mut PgConnection,
        batch: &[Recorded],
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        let (mut registered, mut changed, mut erased) = (Vec::new(), Vec::new(), Vec::new());
        let mut moves = Moves::default();
        for recorded in batch {
            moves.take(recorded)?;
            match &recorded.event {
                AnyEvent::User(UserEvent::UserRegistered {
                    name,
                    email,
                    role,
                    home,
                }) => registered.push(Registered {
                    user_id: stream_id(recorded)?,
                    name,
                    email,
                    role: role.as_ref(),
                    home,
                    at: recorded.metadata.at,
                }),
                AnyEvent::User(UserEvent::UserErased { .. }) => {
                    erased.push((stream_id(recorded)?, recorded.metadata.at));
                }
                AnyEvent::User(event) => changed.extend(
                    change_of(event, recorded.metadata.at)
                        .map(|change| Ok::<_, ProjectionError>((stream_id(recorded)?, change)))
                        .transpose()?,
                ),
                AnyEvent::ApiKey(_)
                | AnyEvent::Bulk(_)
                | AnyEvent::PermissionTemplates(_)
                | AnyEvent::ResellerPermissions(_)
                | AnyEvent::Reseller(_)
                | AnyEvent::CreditAccount(_)
                | AnyEvent::PriceList(_)
                | AnyEvent::Tenant(_)
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
                | AnyEvent::Invoices(_) => {}
            }
        }
        insert(connection, &registered, vault).await?;
        for (user_id, change) in changed {
            apply(connection, user_id, change, vault).await?;
        }
        // Nothing happens to anybody after having been erased.
        erase(connection, &erased).await?;
        let follow = "UPDATE users SET reseller_id = $3 WHERE tenant_id = $1 AND reseller_id = $2";
        moves.follow(connection, follow).await?;
        Ok(())
    }
}

struct Registered<'a> {
    user_id: Uuid,
    name: &'a Sealed,
    email: &'a Sealed,
    role: &'a str,
    home: &'a Home,
    at: DateTime<Utc>,
}

async fn insert(
    connection: &mut PgConnection,
    rows: &[Registered<'_>],
    vault: &Vault,
) -> Result<(), ProjectionError> {
    if rows.is_empty() {
        return Ok(());
    }
    let subjects: Vec<Uuid> = rows
        .iter()
        .flat_map(|row| [row.name.subject, row.email.subject])
        .collect();
    let keys = vault.keys(connection, &subjects).await?;
    let names: Result<Vec<_>, VaultError> = rows.iter().map(|row| keys.open(row.name)).collect();
    let emails: Result<Vec<_>, VaultError> = rows.iter().map(|row| keys.open(row.email)).collect();
    sqlx::query(
        "INSERT INTO users (user_id, reseller_id, tenant_id, name, email, role, created_at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[],
                              $7::timestamptz[])",
    )
    .bind(column(rows, |row| row.user_id))
    .bind(column(rows, |row| row.home.reseller_id().map(|id| id.0)))
    .bind(column(rows, |row| row.home.tenant_id().map(|id| id.0)))
    .bind(names?)
    .bind(emails?)
    .bind(column(rows, |row| row.role))
    .bind(column(rows, |row| row.at))
    .execute(connection)
    .await?;
    Ok(())
}

/// What an event changes in a row that is there.
enum Change<'a> {
    Name(&'a Sealed),
    Role(Role),
    DisabledAt(Option<DateTime<Utc>>),
    Totp(bool),
}

fn change_of(event: &UserEvent, at: DateTime<Utc>) -> Option<Change<'_>> {
    match event {
        UserEvent::UserRenamed { name } => Some(Change::Name(name)),
        UserEvent::UserRoleChanged { role, .. } => Some(Change::Role(*role)),
        UserEvent::UserDisabled { .. } => Some(Change::DisabledAt(Some(at))),
        UserEvent::UserEnabled { .. } => Some(Change::DisabledAt(None)),
        UserEvent::TotpEnabled => Some(Change::Totp(true)),
        UserEvent::TotpDisabled | UserEvent::TotpReset { .. } => Some(Change::Totp(false)),
        UserEvent::UserRegistered { .. }
        | UserEvent::UserErased { .. }
        | UserEvent::UserInvited { .. }
        | UserEvent::InvitationRenewed { .. }
        | UserEvent::InvitationRevoked
        | UserEvent::InvitationAccepted
        | UserEvent::PasswordChanged
        | UserEvent::PasswordResetIssued { .. }
        | UserEvent::PasswordReset
        | UserEvent::RecoveryCodesRenewed
        | UserEvent::RecoveryCodeUsed { .. }
        | UserEvent::SessionsEnded { .. }
        | UserEvent::ImpersonationBegun { .. }
        | UserEvent::ImpersonationEnded { .. } => None,
    }
}

async fn apply(
    connection: &mut PgConnection,
    user_id: Uuid,
    change: Change<'_>,
    vault: &Vault,
) -> Result<(), ProjectionError> {
    let query = match change {
        Change::Name(name) => {
            let name = vault.open(connection, name).await?;
            sqlx::query("UPDATE users SET name = $2 WHERE user_id = $1")
                .bind(user_id)
                .bind(name)
        }
        Change::Role(role) => sqlx::query("UPDATE users SET role = $2 WHERE user_id = $1")
            .bind(user_id)
            .bind(role.as_ref().to_owned()),
        Change::DisabledAt(at) => sqlx::query("UPDATE users SET disabled_at = $2 WHERE user_id = $1")
            .bind(user_id)
            .bind(at),
        Change::Totp(on) => sqlx::query("UPDATE users SET totp = $2 WHERE user_id = $1")
            .bind(user_id)
            .bind(on),
    };
    query.execute(connection).await?;
    Ok(())
}

async fn erase(connection: &mut PgConnection, erased: &[(Uuid, DateTime<Utc>)]) -> sqlx::Result<()> {
    if erased.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE users u SET name = NULL, email = NULL, erased_at = e.at
         FROM unnest($1::uuid[], $2::timestamptz[]) AS e (user_id, at) WHERE u.user_id = e.user_id",
    )
    .bind(column(erased, |(user_id, _)| *user_id))
    .bind(column(erased, |(_, at)| *at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Users, the newest first; with `search`, those whose name or address contains it.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    whose: Whose,
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
    among(&mut query, "u", scope, whose);
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
    reaching(&mut query, "u", scope);
    query
        .build()
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(UserRow::read)
        .transpose()
}
