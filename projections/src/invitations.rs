//! Invitations that wait for an answer.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::user::{Role, UserEvent};
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::moves::Moves;
use crate::page::{NewestKey, Page, PageRequest, newest_first, parsed};
use crate::projection::{Projection, ProjectionError, Table, stream_id};
use crate::scope::within;

/// One row per open invitation.
pub struct Invitations;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationRow {
    pub user_id: Uuid,
    /// `None` once the person has been erased.
    pub email: Option<String>,
    pub role: Role,
    /// `None` where whoever invited is not for the reader to see.
    pub invited_by_name: Option<String>,
    pub invited_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

impl InvitationRow {
    pub fn key(&self) -> NewestKey {
        NewestKey {
            at: self.invited_at,
            id: self.user_id,
        }
    }

    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            user_id: row.try_get("user_id")?,
            email: row.try_get("email")?,
            role: parsed(row, "role")?,
            invited_by_name: row.try_get("invited_by_name")?,
            invited_at: row.try_get("invited_at")?,
            expires_at: row.try_get("expires_at")?,
        })
    }
}

impl Projection for Invitations {
    const NAME: &'static str = "invitations";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("invitations", &["user_id"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        let mut moves = Moves::default();
        moves.take(recorded)?;
        let follow = "UPDATE invitations SET reseller_id = $3 WHERE tenant_id = $1 AND reseller_id = $2";
        moves.follow(&mut *connection, follow).await?;
        let AnyEvent::User(event) = &recorded.event else {
            return Ok(());
        };
        match event {
            UserEvent::UserInvited {
                email,
                role,
                home,
                expires_at,
            } => {
                let email = vault.open(connection, email).await?;
                sqlx::query(
                    "INSERT INTO invitations (user_id, reseller_id, tenant_id, email, role, invited_by, invited_at,
                                              expires_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                )
                .bind(stream_id(recorded)?)
                .bind(home.reseller_id().map(|id| id.0))
                .bind(home.tenant_id().map(|id| id.0))
                .bind(email)
                .bind(role.as_ref())
                .bind(recorded.metadata.actor)
                .bind(recorded.metadata.at)
                .bind(expires_at)
                .execute(connection)
                .await?;
            }
            UserEvent::InvitationRenewed { expires_at } => {
                sqlx::query("UPDATE invitations SET expires_at = $2 WHERE user_id = $1")
                    .bind(stream_id(recorded)?)
                    .bind(expires_at)
                    .execute(connection)
                    .await?;
            }
            UserEvent::InvitationRevoked | UserEvent::InvitationAccepted | UserEvent::UserErased { .. } => {
                sqlx::query("DELETE FROM invitations WHERE user_id = $1")
                    .bind(stream_id(recorded)?)
                    .execute(connection)
                    .await?;
            }
            UserEvent::UserRegistered { .. }
            | UserEvent::UserRenamed { .. }
            | UserEvent::UserRoleChanged { .. }
            | UserEvent::UserDisabled { .. }
            | UserEvent::UserEnabled { .. }
            | UserEvent::PasswordChanged
            | UserEvent::PasswordResetIssued { .. }
            | UserEvent::PasswordReset
            | UserEvent::TotpEnabled
            | UserEvent::TotpDisabled
            | UserEvent::TotpReset { .. }
            | UserEvent::RecoveryCodesRenewed
            | UserEvent::RecoveryCodeUsed { .. }
            | UserEvent::SessionsEnded { .. }
            | UserEvent::ImpersonationBegun { .. }
            | UserEvent::ImpersonationEnded { .. } => {}
        }
        Ok(())
    }
}

/// Open invitations, the newest first.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    request: PageRequest<NewestKey>,
) -> sqlx::Result<Page<InvitationRow>> {
    let mut query = QueryBuilder::new(
        "SELECT i.*, u.name AS invited_by_name FROM read.invitations i
         LEFT JOIN read.users u ON u.user_id = i.invited_by
         WHERE true",
    );
    within(&mut query, "i", scope);
    newest_first(&mut query, "i.invited_at", "i.user_id", &request);
    let rows = query.build().fetch_all(connection).await?;
    Ok(Page::new(
        &request,
        rows.iter().map(InvitationRow::read).collect::<Result<_, _>>()?,
    ))
}
