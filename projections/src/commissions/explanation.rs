//! Says how a line came to its amount.

use std::fmt;

use domain::commission::LineBasis;
use domain::currency::shown;
use domain::sale::SaleKind;
use rust_decimal::Decimal;

use super::lines::LineRow;

/// What a line of a sale came to before a refund, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub basis: i64,
    pub gained: i64,
    pub passed_on: i64,
    pub amount: i64,
}

pub(super) struct Explained<'a> {
    pub line: &'a LineRow,
    pub before: Sums,
}

impl Explained<'_> {
    fn money(&self, minor: i64) -> String {
        shown(minor, &self.line.currency)
    }

    fn basis(&self) -> &'static str {
        match self.line.basis {
            LineBasis::Gross => "what the customer paid",
            LineBasis::NetOfStore => "what the customer paid, without the store's cut",
            LineBasis::NetOfTax => "what the customer paid, without tax",
            LineBasis::Net => "what the customer paid, without tax and the store's cut",
            LineBasis::Commission => "what the reseller below gained",
        }
    }

    fn percent(&self) -> Decimal {
        (self.line.rate * Decimal::ONE_HUNDRED).normalize()
    }

    /// "7.66 EUR x 0.125 = 95.75 minor units, rounded half to even: 0.96 EUR".
    fn arithmetic(&self, basis_minor: i64, gained_minor: i64) -> String {
        let exact = (Decimal::from(basis_minor) * self.line.rate).normalize();
        let rounding = (exact - Decimal::from(gained_minor)).normalize();
        let product = format!("{} × {}", self.money(basis_minor), self.line.rate.normalize());
        if rounding.is_zero() {
            format!("{product} = {}", self.money(gained_minor))
        } else {
            format!(
                "{product} = {exact} minor units, rounded half to even: {} (rounding {rounding})",
                self.money(gained_minor)
            )
        }
    }

    fn after(&self) -> Sums {
        Sums {
            basis: self.before.basis + self.line.basis_minor,
            gained: self.before.gained + self.line.gained_minor,
            passed_on: self.before.passed_on + self.line.passed_on_minor,
            amount: self.before.amount + self.line.amount_minor,
        }
    }

    fn passed_on(&self, sums: Sums) -> String {
        if sums.passed_on == 0 {
            return String::new();
        }
        format!(
            "; {} of it go on to the parent, {} remain",
            self.money(sums.passed_on),
            self.money(sums.amount)
        )
    }
}

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line;
        let version = line.contract_version;
        write!(
            f,
            "Version {version} of the contract, in force on {}, gives {} % of {}.",
            line.origin_at.format("%Y-%m-%d"),
            self.percent(),
            self.basis()
        )?;
        if let Some((from, reached)) = line.volume {
            write!(
                f,
                " The month's sales had reached {}, so the rate from {} on applied.",
                self.money(reached),
                self.money(from)
            )?;
        }
        let after = self.after();
        let told = |sums: Sums| self.arithmetic(sums.basis, sums.gained) + &self.passed_on(sums);
        let what = match line.kind {
            SaleKind::Sale => return write!(f, " {}.", told(after)),
            SaleKind::Refund => "refund",
            SaleKind::Chargeback => "chargeback",
            SaleKind::RefundReversed => "reversal of a refund",
        };
        write!(
            f,
            " Before this {what} the line stood at {}. After it, at the same rate: {}. The difference is {}.",
            self.money(self.before.amount),
            told(after),
            self.money(line.amount_minor)
        )
    }
}
