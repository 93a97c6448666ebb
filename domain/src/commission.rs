//! Commission: what a sale earns whom. Arithmetic over whole minor units, exact: what rounding leaves off is
//! counted in millionths of a minor unit.
//!
//! A sale and what is left of it after refunds are figured by the same function, so a refund takes back the
//! difference: in whatever order refunds come, the lines end where the kept part of the sale puts them.

mod rate;

use serde::{Deserialize, Serialize};

use crate::ids::ResellerId;

pub use rate::{InvalidRate, MICRO, Rate, proportion};

/// What a sale is made of, in minor units of its currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// What the customer paid, tax and the store's cut included.
    pub gross_minor: i64,
    pub tax_minor: i64,
    /// What the store kept of it.
    pub store_cut_minor: i64,
}

impl Amounts {
    /// What is left when only `kept_minor` of the gross amount stands.
    #[must_use]
    pub fn kept(self, kept_minor: i64) -> Self {
        let part = |amount| proportion(amount, kept_minor, self.gross_minor);
        Self {
            gross_minor: kept_minor,
            tax_minor: part(self.tax_minor),
            store_cut_minor: part(self.store_cut_minor),
        }
    }

    /// From `before` to this.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            gross_minor: self.gross_minor - before.gross_minor,
            tax_minor: self.tax_minor - before.tax_minor,
            store_cut_minor: self.store_cut_minor - before.store_cut_minor,
        }
    }
}

/// What a contract's rate is applied to.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Basis {
    /// What the customer paid.
    Gross,
    /// Without the store's cut.
    NetOfStore,
    /// Without tax.
    NetOfTax,
    /// Without either.
    Net,
}

impl Basis {
    pub fn of(self, amounts: Amounts) -> i64 {
        let Amounts {
            gross_minor,
            tax_minor,
            store_cut_minor,
        } = amounts;
        match self {
            Self::Gross => gross_minor,
            Self::NetOfStore => gross_minor - store_cut_minor,
            Self::NetOfTax => gross_minor - tax_minor,
            Self::Net => gross_minor - tax_minor - store_cut_minor,
        }
    }
}

/// What a line's rate was applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr, strum::EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum LineBasis {
    Gross,
    NetOfStore,
    NetOfTax,
    Net,
    /// What the line before it gained: a parent's share.
    Commission,
}

impl From<Basis> for LineBasis {
    fn from(basis: Basis) -> Self {
        match basis {
            Basis::Gross => Self::Gross,
            Basis::NetOfStore => Self::NetOfStore,
            Basis::NetOfTax => Self::NetOfTax,
            Basis::Net => Self::Net,
        }
    }
}

impl LineBasis {
    fn of(self, amounts: Amounts, before: i64) -> i64 {
        match self {
            Self::Gross => Basis::Gross.of(amounts),
            Self::NetOfStore => Basis::NetOfStore.of(amounts),
            Self::NetOfTax => Basis::NetOfTax.of(amounts),
            Self::Net => Basis::Net.of(amounts),
            Self::Commission => before,
        }
    }
}

/// The step of a contract by which the rate was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeStep {
    /// Sales of the month from which the rate applies.
    pub from_minor: i64,
    /// Sales of the month before this one.
    pub reached_minor: i64,
}

/// What the seller's contract says of one sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    pub seller: Party,
    pub basis: Basis,
    pub rate: Rate,
    pub volume: Option<VolumeStep>,
    /// The seller's parent, its parent, and so on.
    pub parents: Vec<Party>,
}

/// A reseller that shares in a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party {
    pub reseller_id: ResellerId,
    pub contract_version: u32,
    /// What of its share goes on to its parent.
    pub parent_share: Rate,
}

/// One reseller's part in a sale, with all that it was figured from. Frozen: no later contract changes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommissionLine {
    pub reseller_id: ResellerId,
    /// Version of the contract that `rate` comes from.
    pub contract_version: u32,
    pub basis: LineBasis,
    pub rate: Rate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<VolumeStep>,
    #[serde(flatten)]
    pub figures: Figures,
}

/// The figures of a line; of a claw-back they are negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    pub basis_minor: i64,
    /// Basis times rate, rounded half to even.
    pub gained_minor: i64,
    /// What of it the parent gains.
    pub passed_on_minor: i64,
    /// Gained, less what was passed on: the reseller's own.
    pub amount_minor: i64,
    /// Basis times rate less gained, in millionths of a minor unit.
    pub remainder_micro: i64,
}

impl Figures {
    fn since(self, before: Self) -> Self {
        Self {
            basis_minor: self.basis_minor - before.basis_minor,
            gained_minor: self.gained_minor - before.gained_minor,
            passed_on_minor: self.passed_on_minor - before.passed_on_minor,
            amount_minor: self.amount_minor - before.amount_minor,
            remainder_micro: self.remainder_micro - before.remainder_micro,
        }
    }
}

/// The lines of a sale: the seller's first, then that of each parent with a share.
pub fn lines(agreement: &Agreement, amounts: Amounts) -> Vec<CommissionLine> {
    let line = |reseller_id, contract_version, basis, rate, volume| CommissionLine {
        reseller_id,
        contract_version,
        basis,
        rate,
        volume,
        figures: Figures::default(),
    };
    let seller = &agreement.seller;
    let mut lines = vec![line(
        seller.reseller_id,
        seller.contract_version,
        agreement.basis.into(),
        agreement.rate,
        agreement.volume,
    )];
    let mut child = seller;
    for parent in &agreement.parents {
        if child.parent_share.is_zero() {
            break;
        }
        let (version, share) = (child.contract_version, child.parent_share);
        lines.push(line(
            parent.reseller_id,
            version,
            LineBasis::Commission,
            share,
            None,
        ));
        child = parent;
    }
    figured(&lines, amounts)
}

/// The same lines for other amounts: what they are when only a part of the sale stands.
fn figured(lines: &[CommissionLine], amounts: Amounts) -> Vec<CommissionLine> {
    let mut gained_before = 0;
    let mut figured: Vec<CommissionLine> = Vec::with_capacity(lines.len());
    for line in lines {
        let basis_minor = line.basis.of(amounts, gained_before);
        let (gained_minor, remainder_micro) = line.rate.share_of(basis_minor);
        if let Some(child) = figured.last_mut() {
            child.figures.passed_on_minor = gained_minor;
            child.figures.amount_minor -= gained_minor;
        }
        gained_before = gained_minor;
        figured.push(CommissionLine {
            figures: Figures {
                basis_minor,
                gained_minor,
                passed_on_minor: 0,
                amount_minor: gained_minor,
                remainder_micro,
            },
            ..line.clone()
        });
    }
    figured
}

/// What changes when the amounts of a sale go from `before` to `after`, at the rates of its own lines.
pub fn change(lines: &[CommissionLine], before: Amounts, after: Amounts) -> Vec<CommissionLine> {
    figured(lines, after)
        .into_iter()
        .zip(figured(lines, before))
        .map(|(after, before)| CommissionLine {
            figures: after.figures.since(before.figures),
            ..after
        })
        .collect()
}

/// What rounding left off a sale's commission. Between a line and its parent's nothing is left off: what one of
/// them gets more the other gets less.
pub fn rounding_micro(lines: &[CommissionLine]) -> i64 {
    lines.first().map_or(0, |line| line.figures.remainder_micro)
}

#[cfg(test)]
mod tests;
