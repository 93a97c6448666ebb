//! What sales, commissions, payouts and fees move. These events are of no credit account: what they move may belong
//! to several resellers, and each line stands in the accounts of one of them.

use super::{Account, Line};
use crate::any_event::AnyEvent;
use crate::commission::rounding_micro;
use crate::contract::ContractEvent;
use crate::ids::ResellerId;
use crate::invoice::InvoiceEvent;
use crate::payout::PayoutEvent;
use crate::sale::Accounted;

/// Streams besides the credit accounts whose events move something.
pub const MONEY_STREAMS: &[&str] = &["contracts", "invoices", "payouts", "sale"];

/// A line, and whose accounts it stands in.
pub type Share<'a> = (ResellerId, Line<'a>);

/// What an event moves besides credits; nothing for most. `stream` is the id of the event's own stream, where that is
/// a reseller's.
pub fn money(event: &AnyEvent, stream: Option<ResellerId>) -> Vec<Share<'_>> {
    match event {
        AnyEvent::RecordedSale(event) => sale(event.accounted()),
        AnyEvent::Contracts(ContractEvent::FeesCharged { total, .. }) => stream
            .map(|reseller_id| {
                let (debit, credit) = (Account::Receivable, Account::Fees);
                (
                    reseller_id,
                    Line::new(debit, credit, &total.currency, total.amount_minor),
                )
            })
            .into_iter()
            .collect(),
        AnyEvent::Payouts(PayoutEvent::PayoutRunPaid { currency, paid, .. }) => paid
            .iter()
            .map(|paid| {
                let (debit, credit) = (Account::CommissionPayable, Account::CommissionPaid);
                (
                    paid.reseller_id,
                    Line::new(debit, credit, currency, paid.amount_minor),
                )
            })
            .collect(),
        AnyEvent::Invoices(event) => invoice(event, stream),
        AnyEvent::Payouts(
            PayoutEvent::PayoutRunDrafted { .. }
            | PayoutEvent::PayoutRunApproved { .. }
            | PayoutEvent::PayoutRunCancelled { .. },
        )
        | AnyEvent::Contracts(
            ContractEvent::ContractAgreed(_)
            | ContractEvent::ContractEnded { .. }
            | ContractEvent::SalesCounted { .. },
        )
        | AnyEvent::Reseller(_)
        | AnyEvent::CreditAccount(_)
        | AnyEvent::PriceList(_)
        | AnyEvent::Tenant(_)
        | AnyEvent::User(_)
        | AnyEvent::Subscription(_)
        | AnyEvent::Recording(_)
        | AnyEvent::Usage(_)
        | AnyEvent::Job(_)
        | AnyEvent::WorkflowLibrary(_)
        | AnyEvent::Books(_)
        | AnyEvent::StoreAccount(_)
        | AnyEvent::StoreCatalogue(_)
        | AnyEvent::Hierarchy(_)
        | AnyEvent::Roster(_)
        | AnyEvent::TierList(_)
        | AnyEvent::ApiKey(_)
        | AnyEvent::Bulk(_)
        | AnyEvent::PermissionTemplates(_)
        | AnyEvent::ResellerPermissions(_) => Vec::new(),
    }
}

/// Packs and fees are owed since they were bought and charged; an invoice adds the tax. A credit note takes both back.
fn invoice(event: &InvoiceEvent, stream: Option<ResellerId>) -> Vec<Share<'_>> {
    let (reseller_id, unit, moved) = match event {
        InvoiceEvent::InvoiceIssued { document, .. } => (
            document.reseller_id,
            document.currency.as_str(),
            vec![(Account::Receivable, Account::Tax, document.tax_minor)],
        ),
        InvoiceEvent::CreditNoteIssued { document } => (
            document.reseller_id,
            document.currency.as_str(),
            vec![
                (Account::Receivable, Account::Credited, document.net_minor),
                (Account::Receivable, Account::Tax, document.tax_minor),
            ],
        ),
        InvoiceEvent::InvoicePaid { total, .. } => {
            let Some(reseller_id) = stream else {
                return Vec::new();
            };
            let moved = vec![(Account::Received, Account::Receivable, total.amount_minor)];
            (reseller_id, total.currency.as_str(), moved)
        }
    };
    moved
        .into_iter()
        .filter(|(.., amount)| *amount != 0)
        .map(|(debit, credit, amount)| (reseller_id, Line::new(debit, credit, unit, amount)))
        .collect()
}

/// The amounts are signed, so what comes back moves the other way.
fn sale(accounted: &Accounted) -> Vec<Share<'_>> {
    use Account::{
        CommissionExpense, CommissionPayable, CommissionRounding, CommissionUnrounded, SalesReceivable,
        SalesRevenue, SalesTax, StoreFees,
    };
    let (seller, unit) = (accounted.sale.reseller_id, accounted.sale.gross.currency.as_str());
    let moved = accounted.moved;
    let of_seller = [
        (SalesReceivable, SalesRevenue, moved.gross_minor - moved.tax_minor),
        (SalesReceivable, SalesTax, moved.tax_minor),
        (StoreFees, SalesReceivable, moved.store_cut_minor),
        // Millionths of a minor unit.
        (
            CommissionUnrounded,
            CommissionRounding,
            rounding_micro(&accounted.lines),
        ),
    ];
    let earned = accounted.lines.iter().map(|line| {
        let (debit, credit) = (CommissionExpense, CommissionPayable);
        (line.reseller_id, debit, credit, line.figures.amount_minor)
    });
    of_seller
        .into_iter()
        .map(|(debit, credit, amount)| (seller, debit, credit, amount))
        .chain(earned)
        .filter(|(.., amount)| *amount != 0)
        .map(|(reseller_id, debit, credit, amount)| (reseller_id, Line::new(debit, credit, unit, amount)))
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use uuid::Uuid;

    use super::*;
    use crate::commission::{Agreement, Basis, Party, Rate, lines};
    use crate::credits::Money;
    use crate::ids::SaleId;
    use crate::ledger::TrialBalance;
    use crate::sale::{Sale, SaleEvent, SaleKind};

    const SELLER: ResellerId = ResellerId(Uuid::from_u128(1));
    const PARENT: ResellerId = ResellerId(Uuid::from_u128(2));

    fn rate(number: i64, decimals: u32) -> Rate {
        rust_decimal::Decimal::new(number, decimals).try_into().unwrap()
    }

    /// A sale of 9.99 with tax and a store's cut, shared with a parent.
    fn sold() -> Accounted {
        let at: DateTime<Utc> = "2026-11-21T12:00:00Z".parse().unwrap();
        let amounts = crate::commission::Amounts {
            gross_minor: 999,
            tax_minor: 83,
            store_cut_minor: 150,
        };
        let party = |reseller_id, parent_share| Party {
            reseller_id,
            contract_version: 1,
            parent_share,
        };
        let agreement = Agreement {
            seller: party(SELLER, rate(25, 2)),
            basis: Basis::Net,
            rate: rate(125, 3),
            volume: None,
            parents: vec![party(PARENT, Rate::ZERO)],
        };
        Accounted {
            sale: Sale {
                sale_id: SaleId(Uuid::from_u128(9)),
                reseller_id: SELLER,
                tenant_id: None,
                product: "premium".to_owned(),
                kind: SaleKind::Sale,
                gross: Money {
                    amount_minor: 999,
                    currency: "EUR".to_owned(),
                },
                tax_minor: 83,
                store_cut_minor: 150,
                sold_at: at,
                reverses: None,
            },
            origin_at: at,
            moved: amounts,
            lines: lines(&agreement, amounts),
        }
    }

    #[test]
    fn a_sale_moves_what_is_owed_kept_taxed_and_earned() {
        let event = AnyEvent::RecordedSale(SaleEvent::SaleRecorded(sold()));
        let told: Vec<(ResellerId, &str, &str, i64)> = money(&event, None)
            .into_iter()
            .map(|(reseller_id, line)| {
                (
                    reseller_id,
                    <&str>::from(line.debit),
                    <&str>::from(line.credit),
                    line.amount,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (SELLER, "sales.receivable", "sales.revenue", 916),
                (SELLER, "sales.receivable", "sales.tax", 83),
                (SELLER, "sales.store_fees", "sales.receivable", 150),
                (SELLER, "commission.rounding", "commission.unrounded", 250_000),
                (SELLER, "commission.expense", "commission.payable", 72),
                (PARENT, "commission.expense", "commission.payable", 24),
            ],
            "7.66 x 0.125 is 95.75 cents: 96 were rounded up to, and a quarter of a cent is the rounding"
        );
    }

    #[test]
    fn a_full_refund_leaves_nothing_on_any_account() {
        let sale = sold();
        let mut refund = sale.clone();
        refund.moved = crate::commission::Amounts::default().since(sale.moved);
        refund.lines =
            crate::commission::change(&sale.lines, sale.moved, crate::commission::Amounts::default());
        let mut balance = TrialBalance::default();
        for event in [SaleEvent::SaleRecorded(sale), SaleEvent::SaleRefunded(refund)] {
            let event = AnyEvent::RecordedSale(event);
            for (reseller_id, line) in money(&event, None) {
                balance.post(reseller_id, &line).unwrap();
            }
        }
        let totals = balance.totals().unwrap();
        assert!(
            totals
                .iter()
                .all(|total| total.debits == total.credits && total.debits > 0),
            "{totals:?}"
        );
    }

    #[test]
    fn fees_are_owed_by_the_reseller_whose_stream_they_are_in() {
        let charged = ContractEvent::FeesCharged {
            month: "2026-11".parse().unwrap(),
            contract_version: 2,
            customers: 1,
            monthly_fee_minor: 2_000,
            customer_fee_minor: 300,
            total: Money {
                amount_minor: 2_300,
                currency: "USD".to_owned(),
            },
        };
        let event = AnyEvent::Contracts(charged);
        let expected = Line {
            debit: Account::Receivable,
            credit: Account::Fees,
            unit: "USD",
            amount: 2_300,
        };
        assert_eq!(money(&event, Some(SELLER)), [(SELLER, expected)]);
        assert_eq!(money(&event, None), []);
    }
}
