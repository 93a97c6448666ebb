//! Credit accounts: what is available and held, in which lots, and how long it lasts.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::currency::minor_digits;
use platform::{Audience, Scope};
use projections::Projection;
use projections::credit_lots::{
    self, CreditAccountRow, CreditAlertRow, CreditLotRow, CreditLots, CreditReservationRow,
};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::credits::{NOT_FOR_CUSTOMERS, TransactionKind};
use super::scalars::{Int64, Money, id, parsed_id};
use crate::error::ApiResult;
use crate::session::Session;

/// Credits that came together, on the same terms.
#[derive(SimpleObject)]
pub(super) struct CreditLot {
    /// Number in its account; 0 is the lot of credits that came before there were lots.
    lot: Int64,
    source: Option<TransactionKind>,
    /// The movement that made it.
    number: Option<Int64>,
    promotional: bool,
    expires_at: Option<DateTime<Utc>>,
    /// What can be used of it; what reservations hold is not in it.
    remaining: Int64,
    pack_code: Option<String>,
    /// Version of the price list that it was sold by.
    list_version: Option<Int64>,
    /// What the pack cost; a credit cost this divided by `packCredits`.
    price: Option<Money>,
    pack_credits: Option<Int64>,
    /// In the currency's main unit, to four decimals.
    price_per_credit: Option<Decimal>,
    /// The reseller that gave it, where it was transferred.
    peer_reseller_id: Option<ID>,
    opened_at: DateTime<Utc>,
}

impl From<CreditLotRow> for CreditLot {
    fn from(row: CreditLotRow) -> Self {
        let per_credit = row
            .price
            .as_ref()
            .zip(row.pack_credits)
            .and_then(|(price, credits)| {
                let price = Decimal::new(price.amount_minor, minor_digits(&price.currency));
                Some(price.checked_div(Decimal::from(credits))?.round_dp(4))
            });
        Self {
            lot: Int64(row.lot),
            source: row.source.map(Into::into),
            number: row.number.map(Int64),
            promotional: row.promotional,
            expires_at: row.expires_at,
            remaining: Int64(row.remaining),
            pack_code: row.pack_code,
            list_version: row.list_version.map(Int64),
            price: row.price.map(|price| Money {
                amount_minor: Int64(price.amount_minor),
                currency: price.currency,
            }),
            pack_credits: row.pack_credits.map(Int64),
            price_per_credit: per_credit,
            peer_reseller_id: row.peer_id.map(id),
            opened_at: row.opened_at,
        }
    }
}

/// Credits that are held for a while.
#[derive(SimpleObject)]
pub(super) struct CreditReservation {
    id: ID,
    customer_id: Option<ID>,
    held: Int64,
    captured: Int64,
    released: Int64,
    note: String,
    reserved_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl From<CreditReservationRow> for CreditReservation {
    fn from(row: CreditReservationRow) -> Self {
        Self {
            id: id(row.reservation_id),
            customer_id: row.customer_id.map(id),
            held: Int64(row.held),
            captured: Int64(row.captured),
            released: Int64(row.released),
            note: row.note,
            reserved_at: row.reserved_at,
            expires_at: row.expires_at,
        }
    }
}

/// The balance came down to a threshold.
#[derive(SimpleObject)]
pub(super) struct CreditAlert {
    threshold: Int64,
    balance: Int64,
    at: DateTime<Utc>,
    position: String,
}

impl From<CreditAlertRow> for CreditAlert {
    fn from(row: CreditAlertRow) -> Self {
        Self {
            threshold: Int64(row.threshold),
            balance: Int64(row.balance),
            at: row.at,
            position: row.position.to_string(),
        }
    }
}

#[derive(SimpleObject)]
pub(super) struct CreditAccount {
    reseller_id: ID,
    /// What is available; negative where the credit line lends.
    balance: Int64,
    /// What reservations hold.
    held: Int64,
    /// How far below zero the balance may go.
    credit_line: Int64,
    /// Balances at which an alert is raised.
    alert_thresholds: Vec<Int64>,
    /// Open lots, in the order in which they are used.
    lots: Vec<CreditLot>,
    /// Lots that are used up, the newest first.
    closed_lots: Vec<CreditLot>,
    /// Reservations that hold something, the first that ends first.
    reservations: Vec<CreditReservation>,
    /// Alerts, the newest first.
    alerts: Vec<CreditAlert>,
}

/// The reseller that is asked about: its own for a reseller that names none. `None` for a foreign one.
pub(super) fn asked_reseller(scope: Scope, reseller_id: Option<&ID>) -> Option<Uuid> {
    match reseller_id {
        Some(reseller_id) => parsed_id(reseller_id),
        None => scope.reseller_id().map(|id| id.0),
    }
}

#[derive(Default)]
pub(super) struct CreditAccountQuery;

#[Object]
impl CreditAccountQuery {
    /// A reseller's credit account; its own where it asks.
    async fn credit_account(
        &self,
        ctx: &Context<'_>,
        reseller_id: Option<ID>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Option<CreditAccount>> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let mut connection = session
            .read(&[CreditLots::NAME], (&min_position, &wait_for))
            .await?;
        let (read, scope) = connection.parts();
        let Some(reseller) = asked_reseller(scope, reseller_id.as_ref()) else {
            return Ok(None);
        };
        let Some(account) = credit_lots::account(read, scope, reseller).await? else {
            return Ok(None);
        };
        let CreditAccountRow {
            reseller_id,
            balance,
            held,
            credit_line,
            thresholds,
        } = account;
        let lots = credit_lots::lots(read, scope, reseller, false).await?;
        let closed_lots = credit_lots::lots(read, scope, reseller, true).await?;
        let reservations = credit_lots::reservations(read, scope, reseller).await?;
        let alerts = credit_lots::alerts(read, scope, reseller).await?;
        Ok(Some(CreditAccount {
            reseller_id: id(reseller_id),
            balance: Int64(balance),
            held: Int64(held),
            credit_line: Int64(credit_line),
            alert_thresholds: thresholds.into_iter().map(Int64).collect(),
            lots: lots.into_iter().map(Into::into).collect(),
            closed_lots: closed_lots.into_iter().map(Into::into).collect(),
            reservations: reservations.into_iter().map(Into::into).collect(),
            alerts: alerts.into_iter().map(Into::into).collect(),
        }))
    }
}
