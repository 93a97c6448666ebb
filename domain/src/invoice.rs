//! Invoices to a reseller: what it bought and what fees it owes, and the notes that credit them. Its stream carries the
//! reseller's id, so the numbers have no gap, whatever runs at the same time.
//!
//! The whole document stands in its event: nothing that changes later changes it.

mod document;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::commission::Rate;
use crate::credits::{Money, is_currency};
use crate::es::aggregate;
use crate::ids::ResellerId;
use crate::refusal::{Refusal, RefusalKind};
use crate::text::{self, NAME_CHARS_MAX, NOTE_CHARS_MAX};

pub use document::{Document, DocumentKind, FORM};

/// Most items of an invoice; the rest waits for the next one.
pub const ITEMS_MAX: usize = 1_000;
/// Longest address, in characters.
pub const ADDRESS_CHARS_MAX: usize = 500;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Invoices {
    last_number: u32,
    standing: BTreeMap<u32, Standing>,
    /// What has been invoiced, by currency.
    through: BTreeMap<String, Through>,
}

/// What became of an invoice.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Standing {
    invoice: Document,
    paid: bool,
    credited: bool,
}

/// Up to where streams have been invoiced, by their sequences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Through {
    /// Of the credit account.
    pub purchases: i64,
    /// Of the contracts.
    pub fees: i64,
}

/// A business on a document. Not a person: what stands here stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Business {
    pub name: String,
    pub address: String,
    /// VAT number or the like; may be empty.
    pub tax_id: String,
}

/// One thing that is charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub text: String,
    pub at: DateTime<Utc>,
    /// Without tax; negative for what was given back.
    pub net_minor: i64,
}

/// Everything in a currency that was not invoiced yet.
#[derive(Clone, Debug)]
pub struct Order {
    pub reseller_id: ResellerId,
    pub invoice_id: Uuid,
    pub at: DateTime<Utc>,
    pub seller: Business,
    pub buyer: Business,
    pub currency: String,
    pub tax_rate: Rate,
    pub items: Vec<Item>,
    pub through: Through,
}

#[derive(Clone, Debug)]
pub enum InvoiceCommand {
    Issue(Box<Order>),
    /// Takes the whole of an invoice back.
    Credit {
        invoice_id: Uuid,
        number: u32,
        reason: String,
        at: DateTime<Utc>,
    },
    RecordPayment {
        number: u32,
        reference: String,
    },
}

/// Facts about invoices. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum InvoiceEvent {
    InvoiceIssued {
        document: Document,
        through: Through,
    },
    CreditNoteIssued {
        document: Document,
    },
    InvoicePaid {
        number: u32,
        total: Money,
        reference: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum InvoiceError {
    #[error("there is no such invoice")]
    InvoiceNotFound,
    #[error("there is nothing to invoice in {0}: every purchase and fee stands on an invoice")]
    NothingToInvoice(String),
    #[error("a currency has three capital letters, for example EUR")]
    InvalidCurrency,
    #[error(
        "a business has a name of 1 to {NAME_CHARS_MAX} characters and an address of at most {ADDRESS_CHARS_MAX}"
    )]
    InvalidBusiness,
    #[error("a reason has 1 to {NOTE_CHARS_MAX} characters: say why")]
    InvalidReason,
    #[error("a reference has 1 to {NAME_CHARS_MAX} characters: that of the bank transfer, for example")]
    InvalidReference,
    #[error("invoice {0} is credited: it is neither credited again nor paid")]
    InvoiceCredited(u32),
    #[error("invoice {0} is paid already")]
    InvoicePaid(u32),
    #[error("the amounts add up to more than 2^63 minor units")]
    AmountOverflow,
}

impl Refusal for InvoiceError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::InvoiceNotFound => RefusalKind::NotFound,
            Self::NothingToInvoice(_)
            | Self::InvoiceCredited(_)
            | Self::InvoicePaid(_)
            | Self::AmountOverflow => RefusalKind::Conflict,
            Self::InvalidCurrency | Self::InvalidBusiness | Self::InvalidReason | Self::InvalidReference => {
                RefusalKind::Invalid
            }
        }
    }
}

aggregate!(Invoices, "invoices", InvoiceCommand, InvoiceEvent, InvoiceError);

impl InvoiceEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::InvoiceIssued { .. } | Self::CreditNoteIssued { .. } | Self::InvoicePaid { .. } => "1",
        }
    }
}

impl Invoices {
    /// What has been invoiced in a currency.
    pub fn through(&self, currency: &str) -> Through {
        self.through.get(currency).copied().unwrap_or_default()
    }

    /// Number of the last document.
    pub fn last_number(&self) -> u32 {
        self.last_number
    }

    fn decide(&self, command: InvoiceCommand) -> Result<Vec<InvoiceEvent>, InvoiceError> {
        match command {
            InvoiceCommand::Issue(order) => self.issue(*order),
            InvoiceCommand::Credit {
                invoice_id,
                number,
                reason,
                at,
            } => self.credit(invoice_id, number, &reason, at),
            InvoiceCommand::RecordPayment { number, reference } => self.pay(number, &reference),
        }
    }

    fn issue(&self, order: Order) -> Result<Vec<InvoiceEvent>, InvoiceError> {
        if !is_currency(&order.currency) {
            return Err(InvoiceError::InvalidCurrency);
        }
        let net_minor = order
            .items
            .iter()
            .try_fold(0_i64, |sum, item| sum.checked_add(item.net_minor))
            .ok_or(InvoiceError::AmountOverflow)?;
        // What was given back waits for something to set it against.
        if net_minor <= 0 {
            return Err(InvoiceError::NothingToInvoice(order.currency));
        }
        let (tax_minor, _) = order.tax_rate.share_of(net_minor);
        let document = Document {
            form: FORM,
            kind: DocumentKind::Invoice,
            invoice_id: order.invoice_id,
            reseller_id: order.reseller_id,
            number: self.last_number + 1,
            credits: None,
            reason: None,
            issued_at: order.at,
            seller: checked(order.seller)?,
            buyer: checked(order.buyer)?,
            currency: order.currency,
            items: order.items,
            net_minor,
            tax_rate: order.tax_rate,
            tax_minor,
            total_minor: net_minor
                .checked_add(tax_minor)
                .ok_or(InvoiceError::AmountOverflow)?,
        };
        let through = order.through;
        Ok(vec![InvoiceEvent::InvoiceIssued { document, through }])
    }

    fn credit(
        &self,
        invoice_id: Uuid,
        number: u32,
        reason: &str,
        at: DateTime<Utc>,
    ) -> Result<Vec<InvoiceEvent>, InvoiceError> {
        let known = self.standing.get(&number).ok_or(InvoiceError::InvoiceNotFound)?;
        if known.credited {
            return Err(InvoiceError::InvoiceCredited(number));
        }
        let reason = text::checked(reason, NOTE_CHARS_MAX).ok_or(InvoiceError::InvalidReason)?;
        let invoice = &known.invoice;
        let given_back = |item: &Item| Item {
            net_minor: -item.net_minor,
            ..item.clone()
        };
        let document = Document {
            kind: DocumentKind::CreditNote,
            invoice_id,
            number: self.last_number + 1,
            credits: Some(number),
            reason: Some(reason),
            issued_at: at,
            items: invoice.items.iter().map(given_back).collect(),
            net_minor: -invoice.net_minor,
            tax_minor: -invoice.tax_minor,
            total_minor: -invoice.total_minor,
            ..invoice.clone()
        };
        Ok(vec![InvoiceEvent::CreditNoteIssued { document }])
    }

    fn pay(&self, number: u32, reference: &str) -> Result<Vec<InvoiceEvent>, InvoiceError> {
        let known = self.standing.get(&number).ok_or(InvoiceError::InvoiceNotFound)?;
        if known.credited {
            return Err(InvoiceError::InvoiceCredited(number));
        }
        if known.paid {
            return Err(InvoiceError::InvoicePaid(number));
        }
        let reference = text::checked(reference, NAME_CHARS_MAX).ok_or(InvoiceError::InvalidReference)?;
        Ok(vec![InvoiceEvent::InvoicePaid {
            number,
            total: Money {
                amount_minor: known.invoice.total_minor,
                currency: known.invoice.currency.clone(),
            },
            reference,
        }])
    }

    fn evolve(&mut self, event: InvoiceEvent) {
        match event {
            InvoiceEvent::InvoiceIssued { document, through } => {
                self.last_number = document.number;
                self.through.insert(document.currency.clone(), through);
                let standing = Standing {
                    invoice: document,
                    paid: false,
                    credited: false,
                };
                self.standing.insert(self.last_number, standing);
            }
            InvoiceEvent::CreditNoteIssued { document } => {
                self.last_number = document.number;
                let credited = document.credits.and_then(|number| self.standing.get_mut(&number));
                if let Some(known) = credited {
                    known.credited = true;
                }
            }
            InvoiceEvent::InvoicePaid { number, .. } => {
                if let Some(known) = self.standing.get_mut(&number) {
                    known.paid = true;
                }
            }
        }
    }
}

fn checked(business: Business) -> Result<Business, InvoiceError> {
    let name = text::checked(&business.name, NAME_CHARS_MAX).ok_or(InvoiceError::InvalidBusiness)?;
    let fits = |text: &str| {
        text.chars().count() <= ADDRESS_CHARS_MAX && !text.chars().any(|c| c.is_control() && c != '\n')
    };
    if fits(&business.address) && fits(&business.tax_id) {
        Ok(Business { name, ..business })
    } else {
        Err(InvoiceError::InvalidBusiness)
    }
}

#[cfg(test)]
mod tests;
