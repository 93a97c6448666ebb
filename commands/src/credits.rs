//! Use cases around credits: the price list, selling packs, adjusting balances.

use domain::credit_account::{AdjustmentKind, CreditAccount, CreditAccountCommand};
use domain::credits::{Credits, Money};
use domain::ids::ResellerId;
use domain::price_list::{PRICE_LIST_ID, PriceList, PriceListCommand};
use domain::reseller::Reseller;
use serde::{Deserialize, Serialize};
use store::unit_of_work::{Cause, Owner, UnitOfWork};

use crate::WriteSide;
use crate::bus::Done;
use crate::error::CommandError;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sold {
    pub credits: i64,
    pub balance: i64,
    pub price: Money,
}

/// Sells a pack of the price list to a reseller.
///
/// # Errors
/// There is no such reseller or pack, or the reseller is suspended.
pub async fn sell_pack(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    pack_code: &str,
    note: Option<&str>,
) -> Result<Done<Sold>, CommandError> {
    let id = reseller_id.to_string();
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let reseller = unit.load::<Reseller>(&id).await?;
        reseller
            .ensure_active()
            .map_err(|refusal| CommandError::refused(&refusal))?;
        let list = unit.load::<PriceList>(PRICE_LIST_ID).await?;
        let pack = list
            .on_sale(pack_code)
            .map_err(|refusal| CommandError::refused(&refusal))?;
        let command = CreditAccountCommand::Purchase {
            pack_code: pack_code.to_owned(),
            credits: pack.credits,
            price: pack.price.clone(),
            note: note.map(str::to_owned),
        };
        let account = unit
            .execute::<CreditAccount>(Owner::reseller(reseller_id), &id, command)
            .await?;
        Ok(Sold {
            credits: pack.credits.0,
            balance: account.balance().0,
            price: pack.price.clone(),
        })
    };
    write.bus.run(cause, decide).await
}

/// Corrects a balance, with a note.
///
/// # Errors
/// There is no such account, or the balance would pass zero.
pub async fn adjust(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    kind: AdjustmentKind,
    credits: Credits,
    note: &str,
) -> Result<Done<i64>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = CreditAccountCommand::Adjust {
            kind,
            credits,
            note: note.to_owned(),
        };
        let owner = Owner::reseller(reseller_id);
        let account = unit
            .execute::<CreditAccount>(owner, &reseller_id.to_string(), command)
            .await?;
        Ok(account.balance().0)
    };
    write.bus.run(cause, decide).await
}

/// Publishes or retires a pack.
///
/// # Errors
/// A field breaks a rule, or there is no such pack.
pub async fn change_price_list(
    write: &WriteSide,
    cause: &Cause,
    command: PriceListCommand,
) -> Result<Done<()>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        unit.execute::<PriceList>(Owner::PLATFORM, PRICE_LIST_ID, command.clone())
            .await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}
