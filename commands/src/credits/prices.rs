//! Price lists: everybody's, and those of single resellers.

use domain::credit_account::ListedPrice;
use domain::ids::ResellerId;
use domain::price_list::{PRICE_LIST_ID, Pack, PriceList, PriceListCommand, PriceListError};
use platform::Scope;
use store::unit_of_work::{Cause, Owner, UnitOfWork};

use super::Sale;
use crate::WriteSide;
use crate::bus::Done;
use crate::error::CommandError;
use crate::standing;

/// The pack that is sold now, and the place of the list that says so. A reseller's own price goes before everybody's.
pub(super) async fn offered(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
    sale: &Sale,
) -> Result<(Pack, ListedPrice), CommandError> {
    let own = unit.load::<PriceList>(&reseller_id.to_string()).await?;
    let listed = |list: &PriceList, pack: &Pack, own| ListedPrice {
        version: list.version(),
        own,
        per_credit: pack.per_credit(),
    };
    let (code, currency, at) = (&sale.pack_code, sale.currency.as_deref(), unit.at());
    match own.on_sale(code, currency, at) {
        Ok(pack) => return Ok((pack.clone(), listed(&own, pack, true))),
        Err(PriceListError::PackNotFound { .. }) => {}
        Err(refusal) => return Err(CommandError::refused(&refusal)),
    }
    let list = unit.load::<PriceList>(PRICE_LIST_ID).await?;
    let pack = list
        .on_sale(code, currency, at)
        .map_err(|refusal| CommandError::refused(&refusal))?;
    Ok((pack.clone(), listed(&list, pack, false)))
}

/// Publishes or retires a pack: for everybody, or for one reseller.
///
/// # Errors
/// A field breaks a rule, or there is no such pack or reseller.
pub async fn change(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: Option<ResellerId>,
    command: PriceListCommand,
) -> Result<Done<()>, CommandError> {
    let (owner, id) = reseller_id.map_or((Owner::PLATFORM, PRICE_LIST_ID.to_owned()), |id| {
        (Owner::reseller(id), id.to_string())
    });
    let decide = async |unit: &mut UnitOfWork<'_>| {
        if let Some(reseller_id) = reseller_id {
            standing::ensure_within(unit, Scope::Platform, reseller_id).await?;
        }
        unit.execute::<PriceList>(owner, &id, command.clone()).await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}
