//! Contracts between the platform and its resellers.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::contract::{RevenueShare, Terms, Wholesale};
use platform::Audience;
use projections::Projection;
use projections::commissions::Commissions;
use projections::commissions::contracts::{self, ContractRow};
use rust_decimal::Decimal;

use super::commissions::NOT_FOR_CUSTOMERS;
use super::scalars::{Int64, id, int, parsed_id};
use crate::error::ApiResult;
use crate::session::Session;

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::commission::Basis")]
pub(super) enum CommissionBasis {
    Gross,
    NetOfStore,
    NetOfTax,
    Net,
}

#[derive(SimpleObject)]
pub(super) struct RateStep {
    /// Sales of the month from which the rate applies.
    from_minor: Int64,
    rate: Decimal,
}

#[derive(SimpleObject)]
pub(super) struct ProductShare {
    product: String,
    basis: CommissionBasis,
    rate: Decimal,
}

/// The platform owes the reseller a share of sales.
#[derive(SimpleObject)]
pub(super) struct RevenueShareTerms {
    basis: CommissionBasis,
    rate: Decimal,
    /// Other rates from more sales of a month on.
    steps: Vec<RateStep>,
    /// Other terms for single products.
    products: Vec<ProductShare>,
    /// What of the share goes on to the reseller's parent.
    parent_share: Decimal,
    /// What has to be due before it is paid out.
    payout_minimum_minor: Int64,
    /// Of steps and minimum; null for the rate of the registration, which has neither.
    currency: Option<String>,
}

/// The reseller buys, and may owe fees.
#[derive(SimpleObject)]
pub(super) struct WholesaleTerms {
    /// Products that earn no share.
    products: Vec<String>,
    monthly_fee_minor: Int64,
    /// For each customer that had access in the month.
    customer_fee_minor: Int64,
    currency: String,
}

/// A version of what the platform and a reseller have agreed on; one of the two terms is set.
#[derive(SimpleObject)]
pub(super) struct Contract {
    reseller_id: ID,
    version: i32,
    /// Null for the first, which holds since ever.
    valid_from: Option<DateTime<Utc>>,
    /// Up to, not including; null for as long as nothing else is agreed.
    valid_to: Option<DateTime<Utc>>,
    revenue_share: Option<RevenueShareTerms>,
    wholesale: Option<WholesaleTerms>,
    agreed_by: Option<ID>,
    known_at: DateTime<Utc>,
    position: String,
}

impl From<RevenueShare> for RevenueShareTerms {
    fn from(share: RevenueShare) -> Self {
        let step = |step: &domain::contract::Step| RateStep {
            from_minor: Int64(step.from_minor),
            rate: step.rate.decimal(),
        };
        let named = |named: domain::contract::ProductShare| ProductShare {
            product: named.product,
            basis: named.basis.into(),
            rate: named.rate.decimal(),
        };
        Self {
            basis: share.basis.into(),
            rate: share.rate.decimal(),
            steps: share.steps.iter().map(step).collect(),
            products: share.products.into_iter().map(named).collect(),
            parent_share: share.parent_share.decimal(),
            payout_minimum_minor: Int64(share.payout_minimum_minor),
            currency: Some(share.currency).filter(|currency| !currency.is_empty()),
        }
    }
}

impl From<Wholesale> for WholesaleTerms {
    fn from(wholesale: Wholesale) -> Self {
        Self {
            products: wholesale.products,
            monthly_fee_minor: Int64(wholesale.monthly_fee_minor),
            customer_fee_minor: Int64(wholesale.customer_fee_minor),
            currency: wholesale.currency,
        }
    }
}

impl From<ContractRow> for Contract {
    fn from(row: ContractRow) -> Self {
        let (revenue_share, wholesale) = match row.terms {
            Terms::RevenueShare(share) => (Some(share.into()), None),
            Terms::Wholesale(wholesale) => (None, Some(wholesale.into())),
        };
        Self {
            reseller_id: id(row.reseller_id),
            version: int(row.version),
            valid_from: row.valid_from,
            valid_to: row.valid_to,
            revenue_share,
            wholesale,
            agreed_by: row.actor_id.map(id),
            known_at: row.known_at,
            position: row.position.to_string(),
        }
    }
}

#[derive(Default)]
pub(super) struct ContractsQuery;

#[Object]
impl ContractsQuery {
    /// A reseller's contracts, the newest version first; with `at`, those in force then. A reseller asks for its own
    /// without an id.
    async fn contracts(
        &self,
        ctx: &Context<'_>,
        reseller_id: Option<ID>,
        at: Option<DateTime<Utc>>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Vec<Contract>> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let mut connection = session
            .read(&[Commissions::NAME], (&min_position, &wait_for))
            .await?;
        let (read, scope) = connection.parts();
        let asked = match &reseller_id {
            Some(reseller_id) => parsed_id(reseller_id),
            None => scope.reseller_id().map(|own| own.0),
        };
        let Some(asked) = asked else {
            return Ok(Vec::new());
        };
        let rows = contracts::of_reseller(read, scope, asked, at).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}
