//! Invoices: given, when, then; and that their numbers have no gap.

use cqrs_es::Aggregate as _;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;

use super::*;

const NORD: ResellerId = ResellerId(Uuid::from_u128(1));

fn given(events: Vec<InvoiceEvent>) -> AggregateTestExecutor<Invoices> {
    TestFramework::with(()).given(events)
}

/// A new refusal does not compile until its code and kind stand here.
#[track_caller]
fn refused(past: Vec<InvoiceEvent>, command: InvoiceCommand, error: InvoiceError) {
    use RefusalKind::{Conflict, Invalid, NotFound};
    let expected = match &error {
        InvoiceError::InvoiceNotFound => ("INVOICE_NOT_FOUND", NotFound),
        InvoiceError::NothingToInvoice(_) => ("NOTHING_TO_INVOICE", Conflict),
        InvoiceError::InvalidCurrency => ("INVALID_CURRENCY", Invalid),
        InvoiceError::InvalidBusiness => ("INVALID_BUSINESS", Invalid),
        InvoiceError::InvalidReason => ("INVALID_REASON", Invalid),
        InvoiceError::InvalidReference => ("INVALID_REFERENCE", Invalid),
        InvoiceError::InvoiceCredited(_) => ("INVOICE_CREDITED", Conflict),
        InvoiceError::InvoicePaid(_) => ("INVOICE_PAID", Conflict),
        InvoiceError::AmountOverflow => ("AMOUNT_OVERFLOW", Conflict),
    };
    assert_eq!((error.code(), error.kind()), expected);
    given(past).when(command).then_expect_error(error);
}

fn noon() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn business(name: &str) -> Business {
    Business {
        name: name.to_owned(),
        address: "Hafenstraße 1\n20457 Hamburg".to_owned(),
        tax_id: "DE123456789".to_owned(),
    }
}

fn item(net_minor: i64) -> Item {
    Item {
        text: "900 credits, pack starter".to_owned(),
        at: noon(),
        net_minor,
    }
}

fn through(purchases: i64) -> Through {
    Through { purchases, fees: 0 }
}

fn issue_of(items: Vec<Item>, currency: &str, seller: Business, purchases: i64) -> InvoiceCommand {
    InvoiceCommand::Issue(Box::new(Order {
        reseller_id: NORD,
        invoice_id: Uuid::from_u128(9),
        at: noon(),
        seller,
        buyer: business("Nordwind"),
        currency: currency.to_owned(),
        tax_rate: rust_decimal::Decimal::new(19, 2).try_into().unwrap(),
        items,
        through: through(purchases),
    }))
}

fn issue(items: Vec<Item>) -> InvoiceCommand {
    issue_of(items, "USD", business("Platform"), 3)
}

fn document(number: u32) -> Document {
    Document {
        form: 1,
        kind: DocumentKind::Invoice,
        invoice_id: Uuid::from_u128(9),
        reseller_id: NORD,
        number,
        credits: None,
        reason: None,
        issued_at: noon(),
        seller: business("Platform"),
        buyer: business("Nordwind"),
        currency: "USD".to_owned(),
        items: vec![item(5_000), item(-50)],
        net_minor: 4_950,
        tax_rate: rust_decimal::Decimal::new(19, 2).try_into().unwrap(),
        tax_minor: 940,
        total_minor: 5_890,
    }
}

fn issued(number: u32) -> InvoiceEvent {
    InvoiceEvent::InvoiceIssued {
        document: document(number),
        through: through(3),
    }
}

fn credit(number: u32, reason: &str) -> InvoiceCommand {
    InvoiceCommand::Credit {
        invoice_id: Uuid::from_u128(10),
        number,
        reason: reason.to_owned(),
        at: noon(),
    }
}

fn credited(number: u32, of: u32) -> InvoiceEvent {
    let document = Document {
        kind: DocumentKind::CreditNote,
        invoice_id: Uuid::from_u128(10),
        number,
        credits: Some(of),
        reason: Some("wrong address".to_owned()),
        items: vec![item(-5_000), item(50)],
        net_minor: -4_950,
        tax_minor: -940,
        total_minor: -5_890,
        ..document(of)
    };
    InvoiceEvent::CreditNoteIssued { document }
}

fn pay(number: u32, reference: &str) -> InvoiceCommand {
    InvoiceCommand::RecordPayment {
        number,
        reference: reference.to_owned(),
    }
}

fn paid(number: u32) -> InvoiceEvent {
    InvoiceEvent::InvoicePaid {
        number,
        total: Money {
            amount_minor: 5_890,
            currency: "USD".to_owned(),
        },
        reference: "SEPA 17".to_owned(),
    }
}

#[test]
fn an_invoice_adds_tax_to_what_was_bought_less_what_was_given_back() {
    given(vec![])
        .when(issue(vec![item(5_000), item(-50)]))
        .then_expect_events(vec![issued(1)]);
    let mut invoices = Invoices::default();
    invoices.apply(issued(1));
    assert_eq!(
        (invoices.through("USD"), invoices.through("EUR")),
        (through(3), Through::default())
    );
}

#[test]
fn there_is_no_invoice_over_nothing() {
    let nothing = || InvoiceError::NothingToInvoice("USD".to_owned());
    refused(vec![], issue(vec![]), nothing());
    refused(vec![], issue(vec![item(50), item(-50)]), nothing());
    refused(
        vec![],
        issue(vec![item(i64::MAX), item(1)]),
        InvoiceError::AmountOverflow,
    );
    refused(
        vec![],
        issue_of(vec![item(1)], "usd", business("Platform"), 3),
        InvoiceError::InvalidCurrency,
    );
    for broken in [
        business(" "),
        Business {
            address: "x".repeat(ADDRESS_CHARS_MAX + 1),
            ..business("Platform")
        },
        Business {
            tax_id: "a\u{7}".to_owned(),
            ..business("Platform")
        },
    ] {
        refused(
            vec![],
            issue_of(vec![item(1)], "USD", broken, 3),
            InvoiceError::InvalidBusiness,
        );
    }
}

#[test]
fn a_credit_note_takes_the_whole_invoice_back_once() {
    given(vec![issued(1)])
        .when(credit(1, "wrong address"))
        .then_expect_events(vec![credited(2, 1)]);
    refused(vec![issued(1)], credit(1, " "), InvoiceError::InvalidReason);
    refused(vec![issued(1)], credit(2, "x"), InvoiceError::InvoiceNotFound);
    let past = vec![issued(1), credited(2, 1)];
    refused(past.clone(), credit(1, "again"), InvoiceError::InvoiceCredited(1));
    refused(past.clone(), credit(2, "a note"), InvoiceError::InvoiceNotFound);
    refused(past, pay(1, "SEPA 17"), InvoiceError::InvoiceCredited(1));
}

#[test]
fn an_invoice_is_paid_once() {
    given(vec![issued(1)])
        .when(pay(1, " SEPA 17 "))
        .then_expect_events(vec![paid(1)]);
    refused(
        vec![issued(1), paid(1)],
        pay(1, "SEPA 18"),
        InvoiceError::InvoicePaid(1),
    );
    refused(vec![issued(1)], pay(1, ""), InvoiceError::InvalidReference);
    refused(vec![], pay(1, "SEPA 17"), InvoiceError::InvoiceNotFound);
}

#[test]
fn a_page_says_what_the_document_says_and_nobody_can_break_out_of_it() {
    let mut invoice = document(7);
    invoice.buyer.name = "<b>Nordwind</b>".to_owned();
    let page = invoice.page();
    for part in [
        "Invoice 000001-00007",
        "&lt;b&gt;Nordwind",
        "Hafenstraße 1<br>20457",
        "49.50 USD",
        "19 %",
        "58.90 USD",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(invoice.canonical().starts_with("{\"buyer\":{\"address\":"));
    assert_ne!(invoice.digest(), document(7).digest());
}

proptest! {
    #[test]
    fn numbers_have_no_gap_and_credit_notes_undo_their_invoices(
        steps in prop::collection::vec((0..3_u8, 1..5_000_i64, 1..20_u32), 0..40),
    ) {
        let mut invoices = Invoices::default();
        let mut numbers = Vec::new();
        let mut owed = 0_i64;
        for (step, net, number) in steps {
            let command = match step {
                0 => issue(vec![item(net)]),
                1 => credit(number, "x"),
                _ => pay(number, "x"),
            };
            for event in invoices.decide(command).unwrap_or_default() {
                match &event {
                    InvoiceEvent::InvoiceIssued { document, .. } | InvoiceEvent::CreditNoteIssued { document } => {
                        prop_assert_eq!(document.total_minor, document.net_minor + document.tax_minor);
                        numbers.push(document.number);
                        owed += document.total_minor;
                    }
                    InvoiceEvent::InvoicePaid { .. } => {}
                }
                invoices.apply(event);
            }
        }
        prop_assert_eq!(&numbers, &(1..=u32::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
        let standing: i64 = invoices.standing.values().filter(|known| !known.credited).map(|known| known.invoice.total_minor).sum();
        prop_assert_eq!(owed, standing);
    }
}
