//! Invitations that wait for an answer, for those who invite.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use projections::Projection;
use projections::invitations::{self, InvitationRow, Invitations};
use projections::users::Users;

use super::page::{connection, cost, request};
use super::scalars::id;
use super::viewer::Role;
use crate::error::ApiResult;
use crate::session::Session;

#[derive(SimpleObject)]
pub(super) struct Invitation {
    /// Of the user to be.
    id: ID,
    /// Null once the person has been erased.
    email: Option<String>,
    role: Role,
    /// Null where the reader may not see who invited.
    invited_by: Option<String>,
    invited_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl From<InvitationRow> for Invitation {
    fn from(row: InvitationRow) -> Self {
        Self {
            id: id(row.user_id),
            email: row.email,
            role: row.role.into(),
            invited_by: row.invited_by_name,
            invited_at: row.invited_at,
            expires_at: row.expires_at,
        }
    }
}

connection!(InvitationConnection, InvitationEdge, Invitation);

#[derive(Default)]
pub(super) struct InvitationsQuery;

#[Object]
impl InvitationsQuery {
    /// Open invitations: all for the platform, a reseller's own and its customers', a customer's for its admins.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<InvitationConnection> {
        let session = Session::of(ctx)?;
        let request = request(first, after.as_deref())?;
        let sources = [Invitations::NAME, Users::NAME];
        let mut connection = session.read(&sources, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let page = invitations::page(read, scope, request).await?;
        Ok(InvitationConnection::new(
            page,
            after.is_some(),
            InvitationRow::key,
            Into::into,
        ))
    }
}
