//! Who acted as whom: for those who were acted as, and for those who look after them.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use platform::access;
use projections::Projection;
use projections::impersonations::{self, ImpersonationRow, Impersonations};
use projections::users::Users;

use super::page::{connection, cost, request};
use super::scalars::id;
use crate::error::ApiResult;
use crate::session::Session;

#[derive(SimpleObject)]
pub(super) struct Impersonation {
    id: ID,
    user_id: ID,
    /// As whom. Null once the person has been erased.
    user_name: Option<String>,
    /// Who acted. Null where the reader may not see who: somebody of the platform or of a reseller above.
    by_name: Option<String>,
    reason: String,
    /// Whether anything could be changed.
    write: bool,
    begun_at: DateTime<Utc>,
    /// When it ends by itself.
    ends_at: DateTime<Utc>,
    /// When it was ended before that.
    ended_at: Option<DateTime<Utc>>,
}

impl From<ImpersonationRow> for Impersonation {
    fn from(row: ImpersonationRow) -> Self {
        Self {
            id: id(row.impersonation_id),
            user_id: id(row.user_id),
            user_name: row.user_name,
            by_name: row.by_name,
            reason: row.reason,
            write: row.write,
            begun_at: row.begun_at,
            ends_at: row.ends_at,
            ended_at: row.ended_at,
        }
    }
}

connection!(ImpersonationConnection, ImpersonationEdge, Impersonation);

#[derive(Default)]
pub(super) struct ImpersonationsQuery;

#[Object]
impl ImpersonationsQuery {
    /// The times that somebody acted as somebody else, the newest first: those who look after people see all of
    /// theirs, everybody else (and with `mine`) those as oneself.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn impersonations(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        #[graphql(default)] mine: bool,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<ImpersonationConnection> {
        let session = Session::of(ctx)?;
        let request = request(first, after.as_deref())?;
        let sources = [Impersonations::NAME, Users::NAME];
        let principal = session.principal;
        let own = (mine || !access::looks_after_people(principal.role)).then_some(principal.user_id.0);
        let mut connection = session.read(&sources, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let page = impersonations::page(read, scope, own, request).await?;
        Ok(ImpersonationConnection::new(
            page,
            after.is_some(),
            ImpersonationRow::key,
            Into::into,
        ))
    }
}
