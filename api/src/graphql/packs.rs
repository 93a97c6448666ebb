//! Packs: what credits are bought from.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::currency::minor_digits;
use projections::Projection;
use projections::packs::{self, PackRow, Packs};
use rust_decimal::Decimal;

use super::credit_account::asked_reseller;
use super::scalars::{Int64, Money};
use crate::error::ApiResult;
use crate::session::Session;

#[derive(SimpleObject)]
pub(super) struct CreditPack {
    code: String,
    /// Whether it is a price of the reseller's own.
    own: bool,
    name: String,
    credits: Int64,
    price: Money,
    /// In the currency's main unit, to four decimals.
    price_per_credit: Decimal,
    /// Percent that a credit costs less than in the dearest pack on sale in this currency, computed from unrounded
    /// prices and rounded to one decimal.
    discount_percent: Decimal,
    /// From when the price holds; null where it always did.
    valid_from: Option<DateTime<Utc>>,
    /// Until when; then the one before holds again.
    valid_until: Option<DateTime<Utc>>,
    retired: bool,
}

/// Price of one credit in minor units, unrounded.
fn per_credit(pack: &PackRow) -> Decimal {
    Decimal::from(pack.price.amount_minor)
        .checked_div(Decimal::from(pack.credits))
        .unwrap_or_default()
}

fn discount_percent(pack: &PackRow, list: &[PackRow]) -> Decimal {
    let comparable = |other: &&PackRow| !other.retired && other.price.currency == pack.price.currency;
    let dearest = list.iter().filter(comparable).map(per_credit).max();
    let part = dearest.and_then(|dearest| per_credit(pack).checked_div(dearest));
    part.map_or(Decimal::ZERO, |part| {
        ((Decimal::ONE - part) * Decimal::ONE_HUNDRED)
            .round_dp(1)
            .max(Decimal::ZERO)
    })
}

impl CreditPack {
    fn new(row: PackRow, list: &[PackRow]) -> Self {
        let discount_percent = discount_percent(&row, list);
        let price = Decimal::new(row.price.amount_minor, minor_digits(&row.price.currency));
        let per_credit = price.checked_div(Decimal::from(row.credits)).unwrap_or_default();
        Self {
            code: row.code,
            own: row.reseller_id.is_some(),
            name: row.name,
            credits: Int64(row.credits),
            price: Money {
                amount_minor: Int64(row.price.amount_minor),
                currency: row.price.currency,
            },
            price_per_credit: per_credit.round_dp(4),
            discount_percent,
            valid_from: row.valid_from,
            valid_until: row.valid_until,
            retired: row.retired,
        }
    }
}

#[derive(Default)]
pub(super) struct PacksQuery;

#[Object]
impl PacksQuery {
    /// The packs on sale, and those that are retired, with the prices that hold now: the reseller's own where it has
    /// one, else everybody's. With `all`, every price, those that ended and those to come.
    async fn packs(
        &self,
        ctx: &Context<'_>,
        reseller_id: Option<ID>,
        #[graphql(default)] all: bool,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Vec<CreditPack>> {
        let session = Session::of(ctx)?;
        let now = session.reader.now();
        let mut connection = session.read(&[Packs::NAME], (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let reseller = asked_reseller(scope, reseller_id.as_ref());
        let list = packs::list(read, scope, reseller, now, all).await?;
        Ok(list
            .iter()
            .map(|row| CreditPack::new(row.clone(), &list))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::credits::Money as Price;

    fn pack(credits: i64, amount_minor: i64, retired: bool) -> PackRow {
        PackRow {
            code: credits.to_string(),
            reseller_id: None,
            name: credits.to_string(),
            credits,
            price: Price {
                amount_minor,
                currency: "USD".to_owned(),
            },
            valid_from: None,
            valid_until: None,
            retired,
        }
    }

    #[test]
    fn discounts_come_from_unrounded_prices() {
        let list = [
            pack(10, 1_000, true),
            pack(900, 5_000, false),
            pack(3_600, 18_000, false),
            pack(10_800, 50_000, false),
        ];
        let told: Vec<String> = list
            .iter()
            .map(|pack| discount_percent(pack, &list).normalize().to_string())
            .collect();
        assert_eq!(told, ["0", "0", "10", "16.7"]);
    }
}
