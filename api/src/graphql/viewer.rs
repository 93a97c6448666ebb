//! Who is signed in, and what a customer may do now.

use std::collections::BTreeSet;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use platform::Scope;
use projections::customers::Customers;
use projections::grants::{Deciding, Grants};
use projections::resellers::Resellers;
use projections::tiers::Tiers;
use projections::users::Users;
use projections::{Projection, customers, grants, permissions, users};

use super::permissions::ResellerPermission;
use super::scalars::{Int64, id, int, int64, parsed_id};
use crate::error::ApiResult;
use crate::session::Session;

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

#[derive(SimpleObject)]
pub(super) struct Entitlement {
    /// Code of the tier.
    tier: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    upload_bytes_max: Int64,
    concurrent_jobs_max: i32,
    models: Vec<ModelChoice>,
}

#[derive(SimpleObject)]
pub(super) struct ModelChoice {
    name: String,
    allowed: bool,
    installed: bool,
}

impl Entitlement {
    fn new(deciding: Option<&Deciding>, installed: &BTreeSet<String>) -> Self {
        let grant = deciding.map(|deciding| &deciding.grant);
        let policy = deciding.and_then(|deciding| deciding.policy.as_deref());
        let of_tier = policy.and_then(|policy| policy.limits.models.as_deref());
        let names: BTreeSet<&str> = installed
            .iter()
            .map(String::as_str)
            .chain(of_tier.unwrap_or_default().iter().map(String::as_str))
            .collect();
        Self {
            tier: grant.map(|grant| grant.tier.to_string()),
            expires_at: grant.map(|grant| grant.ends_at),
            upload_bytes_max: int64(policy.map_or(0, |policy| policy.limits.upload_bytes_max)),
            concurrent_jobs_max: policy.map_or(0, |policy| int(policy.limits.concurrent_jobs_max)),
            models: names
                .into_iter()
                .map(|name| ModelChoice {
                    name: name.to_owned(),
                    allowed: policy.is_some_and(|policy| policy.allows_model(name)),
                    installed: installed.contains(name),
                })
                .collect(),
        }
    }
}

const SOURCES: &[&str] = &[Users::NAME, Grants::NAME, Tiers::NAME, Resellers::NAME];

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
        let mut connection = session.read(SOURCES, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        // Signed in a moment ago, the user may not be in the read tables yet: the token says the rest.
        let user = users::by_id(read, scope, principal.user_id.0).await?;
        let (name, email) = user.map(|user| (user.name, user.email)).unwrap_or_default();
        let entitlement = match scope.tenant_id() {
            Some(tenant_id) => {
                let now = session.reader.now();
                let grant = grants::deciding(read, scope, tenant_id.0, now, None).await?;
                Some(Entitlement::new(grant.as_ref(), &session.reader.installed_models))
            }
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

    /// What a customer may do: now, or at `asOf`, as far as it was recorded by `knownAt`. A customer asks for
    /// itself; null for a customer that is not the asker's.
    async fn entitlement(
        &self,
        ctx: &Context<'_>,
        customer_id: Option<ID>,
        as_of: Option<DateTime<Utc>>,
        known_at: Option<DateTime<Utc>>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Option<Entitlement>> {
        let session = Session::of(ctx)?;
        let sources = [Grants::NAME, Customers::NAME, Tiers::NAME];
        let mut connection = session.read(&sources, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let wanted = match customer_id {
            Some(customer_id) => parsed_id(&customer_id),
            None => scope.tenant_id().map(|tenant| tenant.0),
        };
        let Some(tenant_id) = wanted else {
            return Ok(None);
        };
        if customers::by_id(read, scope, tenant_id).await?.is_none() {
            return Ok(None);
        }
        let at = as_of.unwrap_or_else(|| session.reader.now());
        let grant = grants::deciding(read, scope, tenant_id, at, known_at).await?;
        Ok(Some(Entitlement::new(
            grant.as_ref(),
            &session.reader.installed_models,
        )))
    }
}
