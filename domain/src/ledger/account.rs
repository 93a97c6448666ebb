//! The chart of accounts, and what must hold at every event of an account's stream.

use serde::{Deserialize, Serialize};

use super::{Entry, Line};

/// The accounts that each reseller has. All of them are opened by the event that opens its credit account.
/// The platform's own figures are the sums over all resellers.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
pub enum Account {
    /// What resellers' shares of sales cost the platform.
    #[serde(rename = "commission.expense")]
    #[strum(serialize = "commission.expense")]
    CommissionExpense,
    /// What was paid out of it.
    #[serde(rename = "commission.paid")]
    #[strum(serialize = "commission.paid")]
    CommissionPaid,
    /// What the platform owes the reseller; a debt of the reseller where more was taken back than earned.
    #[serde(rename = "commission.payable")]
    #[strum(serialize = "commission.payable")]
    CommissionPayable,
    /// What rounding left off shares, in millionths of a minor unit.
    #[serde(rename = "commission.rounding")]
    #[strum(serialize = "commission.rounding")]
    CommissionRounding,
    /// The other side of it, in millionths too: what shares would have cost besides.
    #[serde(rename = "commission.unrounded")]
    #[strum(serialize = "commission.unrounded")]
    CommissionUnrounded,
    /// Corrections by hand, of either sign.
    #[serde(rename = "credits.adjusted")]
    #[strum(serialize = "credits.adjusted")]
    Adjusted,
    /// What the reseller can spend.
    #[serde(rename = "credits.available")]
    #[strum(serialize = "credits.available")]
    Available,
    /// Credits given free.
    #[serde(rename = "credits.bonus")]
    #[strum(serialize = "credits.bonus")]
    Bonus,
    /// Credits whose time was over.
    #[serde(rename = "credits.expired")]
    #[strum(serialize = "credits.expired")]
    Expired,
    /// Credits that are reserved.
    #[serde(rename = "credits.held")]
    #[strum(serialize = "credits.held")]
    Held,
    /// Credits given back.
    #[serde(rename = "credits.refunded")]
    #[strum(serialize = "credits.refunded")]
    Refunded,
    /// Credits sold.
    #[serde(rename = "credits.sold")]
    #[strum(serialize = "credits.sold")]
    Sold,
    /// Credits that paid for customers' days.
    #[serde(rename = "credits.spent")]
    #[strum(serialize = "credits.spent")]
    Spent,
    /// Credits given to other resellers, less those received: zero over all resellers.
    #[serde(rename = "credits.transferred")]
    #[strum(serialize = "credits.transferred")]
    Transferred,
    /// What credit notes took back of packs and fees, without tax.
    #[serde(rename = "money.credited")]
    #[strum(serialize = "money.credited")]
    Credited,
    /// Fees charged.
    #[serde(rename = "money.fees")]
    #[strum(serialize = "money.fees")]
    Fees,
    /// What the reseller owes for packs and fees.
    #[serde(rename = "money.receivable")]
    #[strum(serialize = "money.receivable")]
    Receivable,
    /// What the reseller has paid.
    #[serde(rename = "money.received")]
    #[strum(serialize = "money.received")]
    Received,
    /// What packs were sold for.
    #[serde(rename = "money.revenue")]
    #[strum(serialize = "money.revenue")]
    Revenue,
    /// Tax on invoices, which is owed.
    #[serde(rename = "money.tax")]
    #[strum(serialize = "money.tax")]
    Tax,
    /// What customers and stores owe the platform for sales.
    #[serde(rename = "sales.receivable")]
    #[strum(serialize = "sales.receivable")]
    SalesReceivable,
    /// What was sold to the reseller's customers, without tax.
    #[serde(rename = "sales.revenue")]
    #[strum(serialize = "sales.revenue")]
    SalesRevenue,
    /// What stores kept of it.
    #[serde(rename = "sales.store_fees")]
    #[strum(serialize = "sales.store_fees")]
    StoreFees,
    /// Tax in it, which is owed.
    #[serde(rename = "sales.tax")]
    #[strum(serialize = "sales.tax")]
    SalesTax,
}

impl Account {
    /// Whether it holds credits; the others hold money.
    pub fn counts_credits(self) -> bool {
        match self {
            Self::Adjusted
            | Self::Available
            | Self::Bonus
            | Self::Expired
            | Self::Held
            | Self::Refunded
            | Self::Sold
            | Self::Spent
            | Self::Transferred => true,
            Self::CommissionExpense
            | Self::CommissionPaid
            | Self::CommissionPayable
            | Self::CommissionRounding
            | Self::CommissionUnrounded
            | Self::Credited
            | Self::Fees
            | Self::Receivable
            | Self::Received
            | Self::Tax
            | Self::Revenue
            | Self::SalesReceivable
            | Self::SalesRevenue
            | Self::StoreFees
            | Self::SalesTax => false,
        }
    }
}

/// What the ledger remembers of a reseller's accounts between two events of the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountState {
    pub opened: bool,
    /// Place of the last event in the stream.
    pub sequence: i64,
    /// Credits that the last event says are available.
    pub balance: i64,
    /// How far below zero they may go.
    pub credit_line: i64,
}

/// What must hold at every event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::AsRefStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Rule {
    /// An account is opened once, before its first posting.
    AccountOpened,
    /// A stream counts from 1 without holes.
    SequenceContiguous,
    /// The balance that an event states is the one before it and what it moves.
    BalanceFollows,
    /// No account is overdrawn, beyond its credit line where it has one.
    BalanceNotNegative,
    /// The balances of a closed period are the ones it was closed with.
    PeriodUnchanged,
}

/// An event that breaks a rule. The fold goes on from what the event states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub rule: Rule,
    pub expected: String,
    pub found: String,
}

impl AccountState {
    /// Takes the next event of the stream; answers the rules that it breaks.
    pub fn take(&mut self, sequence: i64, entry: &Entry<'_>) -> Vec<Violation> {
        let mut broken = Vec::new();
        let mut expect = |rule, expected: i64, found: i64| {
            if expected != found {
                broken.push(Violation {
                    rule,
                    expected: expected.to_string(),
                    found: found.to_string(),
                });
            }
        };
        expect(
            Rule::SequenceContiguous,
            self.sequence.saturating_add(1),
            sequence,
        );
        self.sequence = sequence;
        match entry {
            Entry::Opening => {
                expect(Rule::AccountOpened, 0, i64::from(self.opened));
                self.opened = true;
            }
            Entry::Movement { lines, balance_after } => {
                expect(Rule::AccountOpened, 1, i64::from(self.opened));
                let sum = self.balance.saturating_add(moved(lines));
                expect(Rule::BalanceFollows, sum, balance_after.0);
                let floor = self.credit_line.saturating_neg();
                expect(
                    Rule::BalanceNotNegative,
                    balance_after.0.max(floor),
                    balance_after.0,
                );
                self.balance = balance_after.0;
            }
            Entry::CreditLine(limit) => {
                expect(Rule::AccountOpened, 1, i64::from(self.opened));
                self.credit_line = limit.0;
            }
            Entry::Nothing => expect(Rule::AccountOpened, 1, i64::from(self.opened)),
        }
        broken
    }
}

/// What lines add to the credits that are available.
fn moved(lines: &[Line<'_>]) -> i64 {
    lines
        .iter()
        .flat_map(Line::postings)
        .filter(|posting| posting.account == Account::Available)
        .map(|posting| posting.amount)
        .fold(0, i64::saturating_add)
}
