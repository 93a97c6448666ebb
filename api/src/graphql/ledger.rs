//! The ledger: trial balances and balances, at any place in the log and on both axes of time.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::ledger::{CreditIdentity, Total};
use domain::period::Period;
use platform::Audience;
use projections::Projection;
use projections::ledger::Ledger;
use projections::ledger::trial_balance::{self, Cutoff};
use projections::wait;
use store::Position;

use super::scalars::{Int64, parsed_id};
use crate::error::{ApiError, ApiResult};
use crate::session::Session;

pub(super) const NOT_FOR_CUSTOMERS: &str =
    "the ledger is between the platform and its resellers: ask your reseller about yours";

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ledger::Account")]
pub(super) enum LedgerAccount {
    #[graphql(name = "COMMISSION_EXPENSE")]
    CommissionExpense,
    #[graphql(name = "COMMISSION_PAID")]
    CommissionPaid,
    #[graphql(name = "COMMISSION_PAYABLE")]
    CommissionPayable,
    /// In millionths of a minor unit.
    #[graphql(name = "COMMISSION_ROUNDING")]
    CommissionRounding,
    /// In millionths of a minor unit.
    #[graphql(name = "COMMISSION_UNROUNDED")]
    CommissionUnrounded,
    #[graphql(name = "CREDITS_ADJUSTED")]
    Adjusted,
    #[graphql(name = "CREDITS_AVAILABLE")]
    Available,
    #[graphql(name = "CREDITS_BONUS")]
    Bonus,
    #[graphql(name = "CREDITS_EXPIRED")]
    Expired,
    #[graphql(name = "CREDITS_HELD")]
    Held,
    #[graphql(name = "CREDITS_REFUNDED")]
    Refunded,
    #[graphql(name = "CREDITS_SOLD")]
    Sold,
    #[graphql(name = "CREDITS_SPENT")]
    Spent,
    #[graphql(name = "CREDITS_TRANSFERRED")]
    Transferred,
    #[graphql(name = "MONEY_CREDITED")]
    Credited,
    #[graphql(name = "MONEY_FEES")]
    Fees,
    #[graphql(name = "MONEY_RECEIVABLE")]
    Receivable,
    #[graphql(name = "MONEY_RECEIVED")]
    Received,
    #[graphql(name = "MONEY_REVENUE")]
    Revenue,
    #[graphql(name = "MONEY_TAX")]
    Tax,
    #[graphql(name = "SALES_RECEIVABLE")]
    SalesReceivable,
    #[graphql(name = "SALES_REVENUE")]
    SalesRevenue,
    #[graphql(name = "SALES_STORE_FEES")]
    StoreFees,
    #[graphql(name = "SALES_TAX")]
    SalesTax,
}

/// What an account has received and given in one unit.
#[derive(SimpleObject)]
pub(super) struct TrialBalanceLine {
    account: LedgerAccount,
    /// `credits`, or a currency.
    unit: String,
    debits: Int64,
    credits: Int64,
    /// Positive where more was received than given.
    balance: Int64,
}

impl From<&Total> for TrialBalanceLine {
    fn from(total: &Total) -> Self {
        Self {
            account: total.account.into(),
            unit: total.unit.clone(),
            debits: Int64(total.debits),
            credits: Int64(total.credits),
            balance: Int64(total.debits.saturating_sub(total.credits)),
        }
    }
}

/// sold + bonus + adjusted = spent + held + expired + refunded + transferred + available
#[derive(SimpleObject)]
pub(super) struct CreditSums {
    sold: Int64,
    bonus: Int64,
    adjusted: Int64,
    spent: Int64,
    held: Int64,
    expired: Int64,
    /// Negative where credits were given back to the reseller.
    refunded: Int64,
    /// Given to other resellers, less what was received from them.
    transferred: Int64,
    available: Int64,
    holds: bool,
}

impl From<CreditIdentity> for CreditSums {
    fn from(identity: CreditIdentity) -> Self {
        Self {
            sold: Int64(identity.sold),
            bonus: Int64(identity.bonus),
            adjusted: Int64(identity.adjusted),
            spent: Int64(identity.spent),
            held: Int64(identity.held),
            expired: Int64(identity.expired),
            refunded: Int64(identity.refunded),
            transferred: Int64(identity.transferred),
            available: Int64(identity.available),
            holds: identity.holds(),
        }
    }
}

#[derive(SimpleObject)]
pub(super) struct TrialBalance {
    lines: Vec<TrialBalanceLine>,
    /// Whether debits and credits are the same in every unit.
    balanced: bool,
    credits: CreditSums,
    /// Log position that the figures include.
    position: String,
}

/// The month in a text such as 2026-11.
pub(super) fn period(text: &str) -> ApiResult<Period> {
    text.parse()
        .map_err(|error: domain::period::InvalidPeriod| ApiError::BadUserInput(error.to_string()))
}

/// A position that a client gives back.
fn position(text: &str) -> ApiResult<Position> {
    text.parse()
        .map_err(|error: store::position::InvalidPosition| ApiError::BadUserInput(error.to_string()))
}

fn is_balanced(totals: &[Total]) -> bool {
    let mut units: Vec<&str> = totals.iter().map(|total| total.unit.as_str()).collect();
    units.sort_unstable();
    units.dedup();
    units.into_iter().all(|unit| {
        let of_unit = totals.iter().filter(|total| total.unit == unit);
        let sum: i128 = of_unit
            .map(|total| i128::from(total.debits) - i128::from(total.credits))
            .sum();
        sum == 0
    })
}

#[derive(Default)]
pub(super) struct LedgerQuery;

#[Object]
impl LedgerQuery {
    /// What every account has received and given: of all resellers for the platform, of its own for a reseller.
    /// `asOf` leaves out what happened later, `knownAt` what was recorded later, `atPosition` what the log took
    /// later, `period` what is booked in a later month.
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn trial_balance(
        &self,
        ctx: &Context<'_>,
        reseller_id: Option<ID>,
        as_of: Option<DateTime<Utc>>,
        known_at: Option<DateTime<Utc>>,
        at_position: Option<String>,
        #[graphql(name = "period")] month: Option<String>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<TrialBalance> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let cutoff = Cutoff {
            as_of,
            known_at,
            position: at_position.as_deref().map(position).transpose()?,
            period: month.as_deref().map(period).transpose()?,
        };
        // The balance at a position needs all events up to it.
        let wanted = min_position.as_deref().map(position).transpose()?;
        let wanted = wanted.max(cutoff.position).map(|wanted| wanted.to_string());
        let mut connection = session.read(&[Ledger::NAME], (&wanted, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let totals = match reseller_id.as_ref().map(parsed_id) {
            // No reseller has an id of that form.
            Some(None) => Vec::new(),
            Some(Some(reseller_id)) => trial_balance::totals(read, scope, Some(reseller_id), cutoff).await?,
            None => trial_balance::totals(read, scope, None, cutoff).await?,
        };
        let reached = wait::reached(&mut *read, &[Ledger::NAME]).await?;
        Ok(TrialBalance {
            balanced: is_balanced(&totals),
            credits: CreditIdentity::of(&totals).into(),
            lines: totals.iter().map(Into::into).collect(),
            position: reached.to_string(),
        })
    }

    /// The credits that were available to a reseller; its own where it asks.
    async fn credit_balance(
        &self,
        ctx: &Context<'_>,
        reseller_id: Option<ID>,
        as_of: Option<DateTime<Utc>>,
        known_at: Option<DateTime<Utc>>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Option<Int64>> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let mut connection = session.read(&[Ledger::NAME], (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let own = scope.reseller_id().map(|id| id.0);
        let asked = reseller_id.as_ref().map(parsed_id);
        let reseller_id = match (asked, own) {
            (None, own) => own,
            (Some(asked), None) => asked,
            (Some(asked), Some(own)) => asked.filter(|asked| *asked == own),
        };
        let Some(reseller_id) = reseller_id else {
            return Ok(None);
        };
        let cutoff = Cutoff {
            as_of,
            known_at,
            ..Cutoff::default()
        };
        let available = trial_balance::available(read, scope, reseller_id, cutoff).await?;
        Ok(Some(Int64(available)))
    }
}
