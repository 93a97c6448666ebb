//! What finance does every month: fees, invoices, the payout run, closing the month before.

use chrono::Datelike;
use commands::error::CommandError;
use commands::invoices::{self, NewInvoice};
use commands::{books, contracts, payouts};
use domain::payout::{PayoutCommand, TermsOfRun};
use domain::period::Period;
use store::unit_of_work::Owner;

use super::Year;

const CLOSING_DAY: u32 = 3;
const INVOICE_DAY: u32 = 5;
const PAYOUT_DAY: u32 = 16;
const HOLDING_DAYS: u32 = 14;
const MINIMUM_MINOR: i64 = 1_000;

impl Year<'_> {
    pub(super) async fn keep_books(&mut self) -> Result<(), CommandError> {
        let today = self.write.clock.now();
        let before = Period::of(today - chrono::TimeDelta::days(i64::from(today.day())));
        let booked = self.opened.is_some_and(|first| before >= first);
        match today.day() {
            CLOSING_DAY if booked => self.close(before).await,
            INVOICE_DAY => self.invoice(before, booked).await,
            PAYOUT_DAY => self.pay_out().await,
            _ => Ok(()),
        }
    }

    async fn close(&mut self, month: Period) -> Result<(), CommandError> {
        let cause = self.cause(Owner::PLATFORM, self.finance);
        books::close_period(self.write, &cause, month).await?;
        Ok(())
    }

    /// Who pays fees is charged last month's; whoever owes anything gets an invoice.
    async fn invoice(&mut self, month: Period, whole: bool) -> Result<(), CommandError> {
        for shop in 0..self.shops.len() {
            let Some((id, wholesale)) = self.shops.get(shop).map(|shop| (shop.id, shop.wholesale)) else {
                continue;
            };
            if whole && wholesale {
                let cause = self.cause(Owner::PLATFORM, self.finance);
                let charged = contracts::charge_fees(self.write, &cause, id, month).await;
                self.met(charged)?;
            }
            let cause = self.cause(Owner::PLATFORM, self.finance);
            let new = NewInvoice {
                currency: "USD".to_owned(),
                address: "1 Harbour Street".to_owned(),
                tax_id: String::new(),
                tax_rate: None,
            };
            let issued = invoices::issue(self.write, &cause, id, &new).await;
            if let Some(issued) = self.met(issued)? {
                let cause = self.cause(Owner::PLATFORM, self.finance);
                let reference = format!("SEPA {}", issued.value.number);
                invoices::record_payment(self.write, &cause, id, issued.value.number, &reference).await?;
            }
        }
        Ok(())
    }

    async fn pay_out(&mut self) -> Result<(), CommandError> {
        let cause = self.cause(Owner::PLATFORM, self.finance);
        let terms = TermsOfRun {
            currency: "EUR".to_owned(),
            cutoff: cause.at,
            holding_days: HOLDING_DAYS,
            minimum_minor: MINIMUM_MINOR,
        };
        let drafted = payouts::draft(self.write, &cause, &terms).await;
        let Some(drafted) = self.met(drafted)? else {
            return Ok(());
        };
        let run_id = drafted.value.run_id;
        let cause = self.cause(Owner::PLATFORM, self.admin);
        payouts::approve(self.write, &cause, &terms.currency, run_id).await?;
        let cause = self.cause(Owner::PLATFORM, self.finance);
        let reference = format!("SEPA {}", cause.at.format("%Y-%m"));
        payouts::change(
            self.write,
            &cause,
            &terms.currency,
            PayoutCommand::Pay { run_id, reference },
        )
        .await?;
        Ok(())
    }
}
