//! What stories tell of money that is paid out and charged.

use chrono::TimeDelta;
use domain::AnyEvent;
use domain::commission::Rate;
use domain::credits::Money;
use domain::invoice::{Business, Document, DocumentKind, InvoiceEvent, Invoices, Item, Through};
use domain::payout::{Due, Head, Paid, PayoutEvent, Payouts, Statement, StatementFold, Taken, TermsOfRun};
use store::unit_of_work::Owner;
use store::{Position, Recorded, feed};
use uuid::Uuid;

use super::{ADMIN, Story, TestLog, noon};

/// All that stands in the log, once readers may see it; nothing is folded.
async fn readable(log: &TestLog) -> Vec<Recorded> {
    let end = log.position().await;
    let mut connection = log.owner.acquire().await.unwrap();
    loop {
        let events = feed::read(&mut connection, Position::START, 10_000)
            .await
            .unwrap();
        if events.last().is_some_and(|event| event.position == end) {
            return events;
        }
    }
}

/// A run that pays what the sales of these resellers earned; answers the statements of the resellers in their order.
pub async fn pay_out(log: &mut TestLog, stories: &[Story]) -> Vec<Uuid> {
    let (run_id, terms) = (
        Uuid::now_v7(),
        TermsOfRun {
            currency: "EUR".to_owned(),
            cutoff: noon() + TimeDelta::days(1),
            holding_days: 0,
            minimum_minor: 0,
        },
    );
    let mut fold = StatementFold::new(&terms, Taken::default(), u64::MAX, None);
    for recorded in readable(log).await {
        if let AnyEvent::RecordedSale(event) = &recorded.event {
            fold.take(event.accounted());
        }
    }
    let (facts, mut lines) = (fold.facts(), fold.finish());
    let heads: Vec<Head> = stories
        .iter()
        .map(|story| {
            let due = Due {
                run_id,
                run: 1,
                reseller_id: story.reseller_id,
                reseller_name: "A reseller",
                opening_minor: 0,
                contract_minimum_minor: 0,
            };
            Statement::of(&terms, &due, lines.remove(&story.reseller_id).unwrap()).head()
        })
        .collect();
    let paid = heads
        .iter()
        .map(|head| Paid {
            reseller_id: head.reseller_id,
            amount_minor: head.payout_minor,
        })
        .collect();
    let ids = heads.iter().map(|head| head.statement_id).collect();
    for event in [
        PayoutEvent::PayoutRunDrafted {
            run_id,
            number: 1,
            terms,
            facts,
            drafted_by: Some(ADMIN),
            statements: heads,
        },
        PayoutEvent::PayoutRunApproved {
            run_id,
            approved_by: Some(Uuid::from_u128(0xf1)),
        },
        PayoutEvent::PayoutRunPaid {
            run_id,
            reference: "SEPA 17".to_owned(),
            currency: "EUR".to_owned(),
            paid,
        },
    ] {
        log.one::<Payouts>("EUR", event, Owner::PLATFORM, noon()).await;
    }
    draft_in_dollars(log, facts).await;
    ids
}

/// A run without statements, which is not approved.
async fn draft_in_dollars(log: &mut TestLog, facts: u64) {
    let drafted = PayoutEvent::PayoutRunDrafted {
        run_id: Uuid::now_v7(),
        number: 1,
        terms: TermsOfRun {
            currency: "USD".to_owned(),
            cutoff: noon(),
            holding_days: 14,
            minimum_minor: 0,
        },
        facts,
        drafted_by: Some(ADMIN),
        statements: vec![],
    };
    log.one::<Payouts>("USD", drafted, Owner::PLATFORM, noon()).await;
}

/// An invoice over the story's pack, which is paid; answers its id.
pub async fn invoice(log: &mut TestLog, story: &Story) -> Uuid {
    let invoice_id = Uuid::now_v7();
    let business = |name: &str| Business {
        name: name.to_owned(),
        ..Business::default()
    };
    let document = Document {
        form: 1,
        kind: DocumentKind::Invoice,
        invoice_id,
        reseller_id: story.reseller_id,
        number: 1,
        credits: None,
        reason: None,
        issued_at: noon(),
        seller: business("Platform"),
        buyer: business("Reseller"),
        currency: "USD".to_owned(),
        items: vec![Item {
            text: "900 credits".to_owned(),
            at: noon(),
            net_minor: 5_000,
        }],
        net_minor: 5_000,
        tax_rate: Rate::try_from(rust_decimal::Decimal::new(19, 2)).unwrap(),
        tax_minor: 950,
        total_minor: 5_950,
    };
    let paid = InvoiceEvent::InvoicePaid {
        number: 1,
        total: Money {
            amount_minor: 5_950,
            currency: "USD".to_owned(),
        },
        reference: "SEPA 18".to_owned(),
    };
    let through = Through {
        purchases: 2,
        fees: 0,
    };
    let issued = InvoiceEvent::InvoiceIssued { document, through };
    for event in [issued, paid] {
        log.one::<Invoices>(story.reseller_id, event, story.of_reseller(), noon())
            .await;
    }
    invoice_id
}
