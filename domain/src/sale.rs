//! A sale to a customer, and what came back of it. Each sale is a stream of its own; its commission lines are
//! frozen with it, and what a refund takes back follows from them.

use std::collections::BTreeSet;

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};

use crate::commission::{self, Agreement, Amounts, CommissionLine};
use crate::credits::Money;
use crate::es::aggregate;
use crate::ids::{ResellerId, SaleId, TenantId};
use crate::refusal::{Facts, Refusal, RefusalKind};
use crate::text;

/// Largest sale, in minor units: with six decimals of a rate it stays far below 2^63.
pub const GROSS_MINOR_MAX: i64 = 1_000_000_000_000;
/// Longest name of a product, in characters.
pub const PRODUCT_CHARS_MAX: usize = 100;
/// Most refunds, chargebacks and reversals of one sale.
pub const REVERSALS_MAX: usize = 1_000;

/// A sale, or what comes back of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    pub sale_id: SaleId,
    /// The reseller whose customer bought.
    pub reseller_id: ResellerId,
    pub tenant_id: Option<TenantId>,
    pub product: String,
    pub kind: SaleKind,
    /// What the customer paid, or what of it comes back. Never negative: the kind says which way it goes.
    pub gross: Money,
    /// Tax in it. Of anything but a sale it follows the sale's in proportion, whatever is given.
    pub tax_minor: i64,
    /// What the store keeps of it; else as the tax.
    pub store_cut_minor: i64,
    pub sold_at: DateTime<Utc>,
    /// The sale that this is about. `None` for a sale.
    pub reverses: Option<SaleId>,
}

impl Sale {
    fn amounts(&self) -> Amounts {
        Amounts {
            gross_minor: self.gross.amount_minor,
            tax_minor: self.tax_minor,
            store_cut_minor: self.store_cut_minor,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr, strum::EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SaleKind {
    Sale,
    Refund,
    /// A refund that the customer's bank forced.
    Chargeback,
    /// A refund or chargeback that was taken back.
    RefundReversed,
}

/// A sale as its stream says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RecordedSale {
    sale: Option<Sale>,
    lines: Vec<CommissionLine>,
    /// What stands of the gross amount.
    kept_minor: i64,
    /// Ids of what has come back.
    reversals: BTreeSet<SaleId>,
}

#[derive(Clone, Debug)]
pub enum SaleCommand {
    Record {
        sale: Sale,
        /// `None` where no contract covers the sale: nobody earns anything.
        agreement: Option<Agreement>,
    },
    /// A refund, a chargeback, or the reversal of one.
    Reverse { reversal: Sale },
}

/// Facts about a sale. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum SaleEvent {
    SaleRecorded(Accounted),
    SaleRefunded(Accounted),
    SaleChargedBack(Accounted),
    RefundReversed(Accounted),
}

/// A sale or what came back, with what it moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accounted {
    pub sale: Sale,
    /// When the sale was made that this is about; the holding period runs from here.
    pub origin_at: DateTime<Utc>,
    /// Signed: negative where it comes back.
    pub moved: Amounts,
    /// The figures are signed likewise. The lines of a refund are those of its sale, in their order.
    pub lines: Vec<CommissionLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum SaleError {
    #[error("there is no such sale: a refund names the sale itself, never another refund")]
    SaleNotFound,
    #[error("another sale was recorded under this id: give a new one")]
    SaleAlreadyRecorded,
    #[error("a sale reverses nothing, and what reverses one names it: set reverses for refunds alone")]
    InvalidReversal,
    #[error("a product has 1 to {PRODUCT_CHARS_MAX} characters")]
    InvalidProduct,
    #[error(
        "an amount lies between 1 and {GROSS_MINOR_MAX} minor units, with a currency of three capital letters"
    )]
    InvalidAmount,
    #[error("tax and the store's cut are 0 or more, and together at most what was paid")]
    InvalidDeductions,
    #[error("the sale was made in {expected}, not in {found}: give the amount in {expected}")]
    CurrencyDiffers { expected: String, found: String },
    #[error("{needed} minor units are to come back, {available} of the sale are left: give at most these")]
    RefundExceedsSale { needed: i64, available: i64 },
    #[error("{needed} minor units are to be taken back, {available} have been refunded: give at most these")]
    NothingRefunded { needed: i64, available: i64 },
    #[error("this was made before its sale: give an instant from the sale on")]
    ReversedBeforeSale,
    #[error("a sale has at most {REVERSALS_MAX} refunds, chargebacks and reversals")]
    TooManyReversals,
}

impl Refusal for SaleError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::SaleNotFound => RefusalKind::NotFound,
            Self::SaleAlreadyRecorded
            | Self::CurrencyDiffers { .. }
            | Self::RefundExceedsSale { .. }
            | Self::NothingRefunded { .. }
            | Self::ReversedBeforeSale
            | Self::TooManyReversals => RefusalKind::Conflict,
            Self::InvalidReversal | Self::InvalidProduct | Self::InvalidAmount | Self::InvalidDeductions => {
                RefusalKind::Invalid
            }
        }
    }

    fn facts(&self) -> Facts {
        match self {
            Self::RefundExceedsSale { needed, available } | Self::NothingRefunded { needed, available } => {
                Facts {
                    needed: Some(*needed),
                    available: Some(*available),
                    ..Facts::default()
                }
            }
            Self::CurrencyDiffers { expected, .. } => Facts {
                allowed: vec![expected.clone()],
                ..Facts::default()
            },
            Self::SaleNotFound
            | Self::SaleAlreadyRecorded
            | Self::InvalidReversal
            | Self::InvalidProduct
            | Self::InvalidAmount
            | Self::InvalidDeductions
            | Self::ReversedBeforeSale
            | Self::TooManyReversals => Facts::default(),
        }
    }
}

aggregate!(RecordedSale, "sale", SaleCommand, SaleEvent, SaleError);

impl SaleEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::SaleRecorded(_)
            | Self::SaleRefunded(_)
            | Self::SaleChargedBack(_)
            | Self::RefundReversed(_) => "1",
        }
    }

    pub fn accounted(&self) -> &Accounted {
        match self {
            Self::SaleRecorded(accounted)
            | Self::SaleRefunded(accounted)
            | Self::SaleChargedBack(accounted)
            | Self::RefundReversed(accounted) => accounted,
        }
    }
}

impl RecordedSale {
    /// The sale itself; `None` where none was recorded.
    pub fn sale(&self) -> Option<&Sale> {
        self.sale.as_ref()
    }

    /// Its commission lines, as they were when it was made.
    pub fn lines(&self) -> &[CommissionLine] {
        &self.lines
    }

    /// What stands of the gross amount.
    pub fn kept_minor(&self) -> i64 {
        self.kept_minor
    }

    fn decide(&self, command: SaleCommand) -> Result<Vec<SaleEvent>, SaleError> {
        match command {
            SaleCommand::Record { sale, agreement } => self.record(sale, agreement.as_ref()),
            SaleCommand::Reverse { reversal } => self.reverse(reversal),
        }
    }

    fn record(&self, sale: Sale, agreement: Option<&Agreement>) -> Result<Vec<SaleEvent>, SaleError> {
        let sale = checked(sale)?;
        if sale.kind != SaleKind::Sale || sale.reverses.is_some() {
            return Err(SaleError::InvalidReversal);
        }
        let amounts = sale.amounts();
        let left = amounts
            .gross_minor
            .checked_sub(amounts.tax_minor)
            .and_then(|left| left.checked_sub(amounts.store_cut_minor));
        if amounts.tax_minor < 0 || amounts.store_cut_minor < 0 || left.is_none_or(|left| left < 0) {
            return Err(SaleError::InvalidDeductions);
        }
        match &self.sale {
            Some(known) if *known == sale => Ok(vec![]),
            Some(_) => Err(SaleError::SaleAlreadyRecorded),
            None => Ok(vec![SaleEvent::SaleRecorded(Accounted {
                origin_at: sale.sold_at,
                moved: amounts,
                lines: agreement
                    .map(|agreement| commission::lines(agreement, amounts))
                    .unwrap_or_default(),
                sale,
            })]),
        }
    }

    fn reverse(&self, reversal: Sale) -> Result<Vec<SaleEvent>, SaleError> {
        let known = self.sale.as_ref().ok_or(SaleError::SaleNotFound)?;
        if known.reseller_id != reversal.reseller_id {
            return Err(SaleError::SaleNotFound);
        }
        if self.reversals.contains(&reversal.sale_id) {
            return Ok(vec![]);
        }
        let reversal = checked(reversal)?;
        if reversal.reverses != Some(known.sale_id) {
            return Err(SaleError::InvalidReversal);
        }
        if reversal.gross.currency != known.gross.currency {
            return Err(SaleError::CurrencyDiffers {
                expected: known.gross.currency.clone(),
                found: reversal.gross.currency,
            });
        }
        if reversal.sold_at < known.sold_at {
            return Err(SaleError::ReversedBeforeSale);
        }
        if self.reversals.len() >= REVERSALS_MAX {
            return Err(SaleError::TooManyReversals);
        }
        let kept_minor = self.kept_after(known, &reversal)?;
        let sold = known.amounts();
        let (before, after) = (sold.kept(self.kept_minor), sold.kept(kept_minor));
        let moved = after.since(before);
        let event = match reversal.kind {
            SaleKind::Sale => return Err(SaleError::InvalidReversal),
            SaleKind::Refund => SaleEvent::SaleRefunded,
            SaleKind::Chargeback => SaleEvent::SaleChargedBack,
            SaleKind::RefundReversed => SaleEvent::RefundReversed,
        };
        Ok(vec![event(Accounted {
            origin_at: known.sold_at,
            moved,
            lines: commission::change(&self.lines, before, after),
            sale: Sale {
                tenant_id: known.tenant_id,
                product: known.product.clone(),
                tax_minor: moved.tax_minor.saturating_abs(),
                store_cut_minor: moved.store_cut_minor.saturating_abs(),
                ..reversal
            },
        })])
    }

    fn kept_after(&self, known: &Sale, reversal: &Sale) -> Result<i64, SaleError> {
        let needed = reversal.gross.amount_minor;
        let refunded = known.gross.amount_minor - self.kept_minor;
        match reversal.kind {
            SaleKind::Sale => Err(SaleError::InvalidReversal),
            SaleKind::Refund | SaleKind::Chargeback if needed > self.kept_minor => {
                Err(SaleError::RefundExceedsSale {
                    needed,
                    available: self.kept_minor,
                })
            }
            SaleKind::Refund | SaleKind::Chargeback => Ok(self.kept_minor - needed),
            SaleKind::RefundReversed if needed > refunded => Err(SaleError::NothingRefunded {
                needed,
                available: refunded,
            }),
            SaleKind::RefundReversed => Ok(self.kept_minor + needed),
        }
    }

    fn evolve(&mut self, event: SaleEvent) {
        self.kept_minor += event.accounted().moved.gross_minor;
        match event {
            SaleEvent::SaleRecorded(accounted) => {
                self.lines = accounted.lines;
                self.sale = Some(accounted.sale);
            }
            SaleEvent::SaleRefunded(accounted)
            | SaleEvent::SaleChargedBack(accounted)
            | SaleEvent::RefundReversed(accounted) => {
                self.reversals.insert(accounted.sale.sale_id);
            }
        }
    }
}

/// What holds for a sale and for what comes back of one.
fn checked(sale: Sale) -> Result<Sale, SaleError> {
    if !(1..=GROSS_MINOR_MAX).contains(&sale.gross.amount_minor) || !sale.gross.has_valid_currency() {
        return Err(SaleError::InvalidAmount);
    }
    let product = text::checked(&sale.product, PRODUCT_CHARS_MAX).ok_or(SaleError::InvalidProduct)?;
    Ok(Sale {
        product,
        // As exact as the database keeps it.
        sold_at: sale.sold_at.trunc_subsecs(6),
        ..sale
    })
}

#[cfg(test)]
mod tests;
