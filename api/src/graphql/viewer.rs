//! Who is signed in.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use platform::Scope;
use projections::entitlements::Entitlements;
use projections::resellers::Resellers;
use projections::users::Users;
use projections::{Projection, permissions, users};

use super::entitlements::Entitlement;
use super::permissions::ResellerPermission;
use super::scalars::id;
use crate::entitlements::Times;
use crate::error::ApiResult;
use crate::session::{Fresh, Session};

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "platform::Audience")]
pub(super) enum Audience {
    Admin,
    Reseller,
    Portal,
}

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::user::Role")]
pub(super) enum Role {
    PlatformAdmin,
    PlatformFinance,
    PlatformSupport,
    ResellerOwner,
    ResellerStaff,
    CustomerAdmin,
    CustomerUser,
    Service,
}

#[derive(SimpleObject)]
pub(super) struct Viewer {
    id: ID,
    name: String,
    email: String,
    role: Role,
    audience: Audience,
    reseller_id: Option<ID>,
    tenant_id: Option<ID>,
    /// What the customer's tier allows now; null outside the portal.
    entitlement: Option<Entitlement>,
    /// What the viewer's reseller is permitted; empty for the platform and for customers, whom permissions do not bind.
    permissions: Vec<ResellerPermission>,
}

const SOURCES: &[&str] = &[Users::NAME, Entitlements::NAME, Resellers::NAME];

#[derive(Default)]
pub(super) struct ViewerQuery;

#[Object]
impl ViewerQuery {
    async fn viewer(
        &self,
        ctx: &Context<'_>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Viewer> {
        let session = Session::of(ctx)?;
        let principal = session.principal;
        let fresh = || Fresh::from((&min_position, &wait_for));
        let mut connection = session.read(SOURCES, fresh()).await?;
        let (read, scope) = connection.parts();
        // Signed in a moment ago, the user may not be in the read tables yet: the token says the rest.
        let user = users::by_id(read, scope, principal.user_id.0).await?;
        let (name, email) = user.map(|user| (user.name, user.email)).unwrap_or_default();
        let entitlement = match scope.tenant_id() {
            Some(tenant_id) => Entitlement::find(&session, tenant_id.0, Times::default(), fresh()).await?,
            None => None,
        };
        let permitted = match scope {
            Scope::Reseller(own) => permissions::of_reseller(read, scope, own.0).await?,
            Scope::Platform | Scope::Tenant { .. } => Vec::new(),
        };
        Ok(Viewer {
            id: id(principal.user_id.0),
            name: name.unwrap_or_default(),
            email: email.unwrap_or_default(),
            role: principal.role.into(),
            audience: principal.audience().into(),
            reseller_id: principal.home.reseller_id().map(|reseller| id(reseller.0)),
            tenant_id: principal.home.tenant_id().map(|tenant| id(tenant.0)),
            entitlement,
            permissions: permitted.into_iter().map(Into::into).collect(),
        })
    }
}
