//! Users: the people who sign in, for those who look after them.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use projections::Projection;
use projections::customers::Customers;
use projections::resellers::Resellers;
use projections::users::{self, ListedUser, Users};

use super::page::{connection, cost, request};
use super::reach::{Reach, whose};
use super::scalars::id;
use super::viewer::Role;
use crate::error::ApiResult;
use crate::session::Session;

const SOURCES: &[&str] = &[Users::NAME, Resellers::NAME, Customers::NAME];

#[derive(SimpleObject)]
pub(super) struct User {
    id: ID,
    /// Null once the person has been erased.
    name: Option<String>,
    /// Null once the person has been erased.
    email: Option<String>,
    role: Role,
    /// Of the reseller that the user belongs to, where the reader may see it.
    reseller_name: Option<String>,
    /// Of the customer that the user belongs to.
    customer_name: Option<String>,
    created_at: DateTime<Utc>,
    /// Since when the person may not sign in.
    disabled_at: Option<DateTime<Utc>>,
    /// Whether signing in needs a second factor.
    totp: bool,
    erased_at: Option<DateTime<Utc>>,
}

impl From<ListedUser> for User {
    fn from(listed: ListedUser) -> Self {
        let user = listed.user;
        Self {
            id: id(user.user_id),
            name: user.name,
            email: user.email,
            role: user.role.into(),
            reseller_name: listed.reseller_name,
            customer_name: listed.customer_name,
            created_at: user.created_at,
            disabled_at: user.disabled_at,
            totp: user.totp,
            erased_at: user.erased_at,
        }
    }
}

connection!(UserConnection, UserEdge, User);

#[derive(Default)]
pub(super) struct UsersQuery;

#[Object]
impl UsersQuery {
    /// All users for the platform, a reseller's own and its customers', a customer's for its admins.
    #[graphql(complexity = "cost(first, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        search: Option<String>,
        #[graphql(default_with = "Some(Reach::Own)")] reach: Option<Reach>,
        reseller_id: Option<ID>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<UserConnection> {
        let session = Session::of(ctx)?;
        let whose = whose(reach, reseller_id.as_ref());
        let request = request(first, after.as_deref())?;
        let mut connection = session.read(SOURCES, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let page = users::page(read, scope, whose, search.as_deref(), request).await?;
        Ok(UserConnection::new(
            page,
            after.is_some(),
            ListedUser::key,
            Into::into,
        ))
    }
}
