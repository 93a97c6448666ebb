//! Invoices to resellers, put together from the log: what was bought, given back and charged, and not invoiced yet.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::AnyEvent;
use domain::commission::Rate;
use domain::contract::{ContractEvent, Contracts};
use domain::credit_account::{CreditAccount, CreditAccountEvent};
use domain::ids::ResellerId;
use domain::invoice::{Business, ITEMS_MAX, InvoiceCommand, InvoiceError, Invoices, Item, Order, Through};
use domain::reseller::Reseller;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use store::{Recorded, ledger};
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::error::CommandError;

/// Events that are read at once.
const EVENTS_PER_PAGE: i64 = 5_000;

/// What an invoice is issued with, besides what the log says.
#[derive(Clone, Debug)]
pub struct NewInvoice {
    pub currency: String,
    /// Of the reseller.
    pub address: String,
    pub tax_id: String,
    /// As the settings say where left out.
    pub tax_rate: Option<Rate>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Issued {
    pub invoice_id: Uuid,
    pub number: u32,
}

/// Invoices everything in a currency that stands on no invoice yet.
///
/// # Errors
/// There is no such reseller, or nothing to invoice.
pub async fn issue(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    new: &NewInvoice,
) -> Result<Done<Issued>, CommandError> {
    let (id, invoice_id) = (reseller_id.to_string(), Uuid::now_v7());
    let settings = &write.config.invoices;
    let tax_rate = match new.tax_rate {
        Some(rate) => rate,
        None => Rate::try_from(settings.tax_rate).map_err(CommandError::internal)?,
    };
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let reseller = unit.load::<Reseller>(&id).await?;
        reseller
            .ensure_registered()
            .map_err(|refusal| CommandError::refused(&refusal))?;
        let invoices = unit.load::<Invoices>(&id).await?;
        let mut connection = write.pool.acquire().await?;
        let (items, through) = open_items(&mut connection, &id, &invoices, &new.currency).await?;
        let order = Order {
            reseller_id,
            invoice_id,
            at: cause.at,
            seller: Business {
                name: settings.seller_name.clone(),
                address: settings.seller_address.clone(),
                tax_id: settings.seller_tax_id.clone(),
            },
            buyer: Business {
                name: reseller.profile().name.clone(),
                address: new.address.clone(),
                tax_id: new.tax_id.clone(),
            },
            currency: new.currency.clone(),
            tax_rate,
            items,
            through,
        };
        let command = InvoiceCommand::Issue(Box::new(order));
        let owner = Owner::reseller(reseller_id);
        let invoices = unit.execute::<Invoices>(owner, &id, command).await?;
        Ok(Issued {
            invoice_id,
            number: invoices.last_number(),
        })
    };
    write.bus.run(cause, decide).await
}

/// Takes the whole of an invoice back with a credit note.
///
/// # Errors
/// There is no such invoice, or it is credited already.
pub async fn credit(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    number: u32,
    reason: &str,
) -> Result<Done<Issued>, CommandError> {
    let invoice_id = Uuid::now_v7();
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = InvoiceCommand::Credit {
            invoice_id,
            number,
            reason: reason.to_owned(),
            at: cause.at,
        };
        let owner = Owner::reseller(reseller_id);
        let invoices = unit
            .execute::<Invoices>(owner, &reseller_id.to_string(), command)
            .await?;
        Ok(Issued {
            invoice_id,
            number: invoices.last_number(),
        })
    };
    write.bus.run(cause, decide).await
}

/// Records that an invoice was paid.
///
/// # Errors
/// There is no such invoice, or it is paid or credited already.
pub async fn record_payment(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    number: u32,
    reference: &str,
) -> Result<Done<()>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = InvoiceCommand::RecordPayment {
            number,
            reference: reference.to_owned(),
        };
        let owner = Owner::reseller(reseller_id);
        unit.execute::<Invoices>(owner, &reseller_id.to_string(), command)
            .await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// What stands on no invoice yet, and up to where that is.
async fn open_items(
    connection: &mut PgConnection,
    id: &str,
    invoices: &Invoices,
    currency: &str,
) -> Result<(Vec<Item>, Through), CommandError> {
    if !domain::credits::is_currency(currency) {
        return Err(CommandError::refused(&InvoiceError::InvalidCurrency));
    }
    let mut through = invoices.through(currency);
    let mut items = Vec::new();
    through.purchases = gather(
        connection,
        (CreditAccount::TYPE, id),
        through.purchases,
        &mut items,
        currency,
    )
    .await?;
    through.fees = gather(
        connection,
        (Contracts::TYPE, id),
        through.fees,
        &mut items,
        currency,
    )
    .await?;
    Ok((items, through))
}

/// Adds what a stream has behind `after` until the invoice is full; answers how far that is.
async fn gather(
    connection: &mut PgConnection,
    (aggregate_type, id): (&str, &str),
    after: i64,
    items: &mut Vec<Item>,
    currency: &str,
) -> Result<i64, CommandError> {
    let mut through = after;
    loop {
        let page = ledger::stream(connection, aggregate_type, id, through, EVENTS_PER_PAGE).await;
        let page = page.map_err(CommandError::internal)?;
        if page.is_empty() {
            return Ok(through);
        }
        for recorded in &page {
            if items.len() >= ITEMS_MAX {
                return Ok(through);
            }
            items.extend(charged(recorded, currency));
            through = recorded.sequence;
        }
    }
}

/// What an event charges in a currency; nothing for most.
fn charged(recorded: &Recorded, currency: &str) -> Option<Item> {
    match &recorded.event {
        AnyEvent::CreditAccount(event) => purchase(recorded, event, currency),
        AnyEvent::Contracts(event) => fee(recorded.happened_at(), event, currency),
        AnyEvent::Reseller(_)
        | AnyEvent::PriceList(_)
        | AnyEvent::Tenant(_)
        | AnyEvent::User(_)
        | AnyEvent::Subscription(_)
        | AnyEvent::Recording(_)
        | AnyEvent::Usage(_)
        | AnyEvent::Job(_)
        | AnyEvent::WorkflowLibrary(_)
        | AnyEvent::Books(_)
        | AnyEvent::RecordedSale(_)
        | AnyEvent::TierList(_)
        | AnyEvent::StoreAccount(_)
        | AnyEvent::StoreCatalogue(_)
        | AnyEvent::Hierarchy(_)
        | AnyEvent::Roster(_)
        | AnyEvent::ApiKey(_)
        | AnyEvent::Bulk(_)
        | AnyEvent::PermissionTemplates(_)
        | AnyEvent::ResellerPermissions(_)
        | AnyEvent::Payouts(_)
        | AnyEvent::Invoices(_) => None,
    }
}

fn purchase(recorded: &Recorded, event: &CreditAccountEvent, currency: &str) -> Option<Item> {
    let CreditAccountEvent::CreditsPurchased {
        pack_code,
        credits,
        price,
        ..
    } = event
    else {
        return None;
    };
    (price.currency == currency && price.amount_minor != 0).then(|| Item {
        text: format!("{credits} credits, pack {pack_code}"),
        at: recorded.happened_at(),
        net_minor: price.amount_minor,
    })
}

fn fee(at: DateTime<Utc>, event: &ContractEvent, currency: &str) -> Option<Item> {
    let ContractEvent::FeesCharged {
        month,
        customers,
        total,
        ..
    } = event
    else {
        return None;
    };
    (total.currency == currency).then(|| Item {
        text: format!("Fees for {month}, {customers} customers"),
        at,
        net_minor: total.amount_minor,
    })
}
