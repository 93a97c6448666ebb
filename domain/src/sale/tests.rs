//! Sales: given, when, then; and what comes back of them, in any order.

use cqrs_es::Aggregate as _;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::commission::{Basis, Figures, LineBasis, Party, Rate};

const SELLER: ResellerId = ResellerId(Uuid::from_u128(1));
const PARENT: ResellerId = ResellerId(Uuid::from_u128(2));

fn given(events: Vec<SaleEvent>) -> AggregateTestExecutor<RecordedSale> {
    TestFramework::with(()).given(events)
}

/// A new refusal does not compile until its code and kind stand here.
#[track_caller]
fn refused(past: Vec<SaleEvent>, command: SaleCommand, error: SaleError) {
    use RefusalKind::{Conflict, Invalid, NotFound};
    let told = match &error {
        SaleError::SaleNotFound => ("SALE_NOT_FOUND", NotFound),
        SaleError::SaleAlreadyRecorded => ("SALE_ALREADY_RECORDED", Conflict),
        SaleError::InvalidReversal => ("INVALID_REVERSAL", Invalid),
        SaleError::InvalidProduct => ("INVALID_PRODUCT", Invalid),
        SaleError::InvalidAmount => ("INVALID_AMOUNT", Invalid),
        SaleError::InvalidDeductions => ("INVALID_DEDUCTIONS", Invalid),
        SaleError::CurrencyDiffers { .. } => ("CURRENCY_DIFFERS", Conflict),
        SaleError::RefundExceedsSale { .. } => ("REFUND_EXCEEDS_SALE", Conflict),
        SaleError::NothingRefunded { .. } => ("NOTHING_REFUNDED", Conflict),
        SaleError::ReversedBeforeSale => ("REVERSED_BEFORE_SALE", Conflict),
        SaleError::TooManyReversals => ("TOO_MANY_REVERSALS", Conflict),
    };
    assert_eq!((error.code(), error.kind()), told);
    given(past).when(command).then_expect_error(error);
}

fn at(day: u32) -> DateTime<Utc> {
    format!("2026-11-{day:02}T12:00:00Z").parse().unwrap()
}

fn sale_id(number: u128) -> SaleId {
    SaleId(Uuid::from_u128(number))
}

fn sale(gross: i64, tax: i64, store_cut: i64) -> Sale {
    Sale {
        sale_id: sale_id(9),
        reseller_id: SELLER,
        tenant_id: None,
        product: "premium_monthly".to_owned(),
        kind: SaleKind::Sale,
        gross: Money {
            amount_minor: gross,
            currency: "USD".to_owned(),
        },
        tax_minor: tax,
        store_cut_minor: store_cut,
        sold_at: at(1),
        reverses: None,
    }
}

fn back(number: u128, kind: SaleKind, amount: i64) -> Sale {
    Sale {
        sale_id: sale_id(number),
        kind,
        sold_at: at(5),
        reverses: Some(sale_id(9)),
        ..sale(amount, 0, 0)
    }
}

fn rate(text: &str) -> Rate {
    Rate::try_from(text.parse::<rust_decimal::Decimal>().unwrap()).unwrap()
}

fn agreement(basis: Basis, share: &str) -> Agreement {
    Agreement {
        seller: Party {
            reseller_id: SELLER,
            contract_version: 1,
            parent_share: Rate::ZERO,
        },
        basis,
        rate: rate(share),
        volume: None,
        parents: vec![],
    }
}

fn with_parent(basis: Basis, share: &str, parent_share: &str) -> Agreement {
    let mut agreement = agreement(basis, share);
    agreement.seller.parent_share = rate(parent_share);
    agreement.parents = vec![Party {
        reseller_id: PARENT,
        contract_version: 4,
        parent_share: Rate::ZERO,
    }];
    agreement
}

fn record(sale: Sale, agreement: Agreement) -> SaleCommand {
    SaleCommand::Record {
        sale,
        agreement: Some(agreement),
    }
}

fn reverse(reversal: Sale) -> SaleCommand {
    SaleCommand::Reverse { reversal }
}

/// What was decided, and the state after it.
fn decided(state: &RecordedSale, command: SaleCommand) -> (RecordedSale, Vec<SaleEvent>) {
    let events = state.decide(command).unwrap();
    let mut after = state.clone();
    for event in events.clone() {
        after.apply(event);
    }
    (after, events)
}

fn recorded(sale: Sale, agreement: Agreement) -> Vec<SaleEvent> {
    decided(&RecordedSale::default(), record(sale, agreement)).1
}

#[test]
fn a_sale_earns_its_reseller_the_agreed_share_of_the_agreed_basis() {
    for (basis, basis_minor, gained, remainder) in [
        (Basis::Gross, 999, 200, -200_000),
        (Basis::NetOfStore, 849, 170, -200_000),
        (Basis::NetOfTax, 916, 183, 200_000),
        (Basis::Net, 766, 153, 200_000),
    ] {
        let events = recorded(sale(999, 83, 150), agreement(basis, "0.2"));
        let [SaleEvent::SaleRecorded(accounted)] = &events[..] else {
            panic!("{events:?}");
        };
        let figures = Figures {
            basis_minor,
            gained_minor: gained,
            passed_on_minor: 0,
            amount_minor: gained,
            remainder_micro: remainder,
        };
        assert_eq!(accounted.lines[0].figures, figures, "{basis:?}");
    }
}

#[test]
fn a_parent_gets_its_share_of_what_the_seller_gained() {
    let events = recorded(sale(1_000, 0, 0), with_parent(Basis::Gross, "0.2", "0.25"));
    let lines = &events[0].accounted().lines;
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line.reseller_id, line.basis, line.figures.amount_minor))
        .collect();
    assert_eq!(
        told,
        [
            (SELLER, LineBasis::Gross, 150),
            (PARENT, LineBasis::Commission, 50)
        ]
    );
}

#[test]
fn a_sale_that_no_contract_covers_is_recorded_and_earns_nobody_anything() {
    let command = SaleCommand::Record {
        sale: sale(999, 0, 0),
        agreement: None,
    };
    let (_, events) = decided(&RecordedSale::default(), command);
    assert_eq!(events[0].accounted().lines, []);
    let (_, events) = decided(
        &decided(
            &RecordedSale::default(),
            SaleCommand::Record {
                sale: sale(999, 0, 0),
                agreement: None,
            },
        )
        .0,
        reverse(back(10, SaleKind::Refund, 999)),
    );
    assert_eq!(events[0].accounted().moved.gross_minor, -999);
}

#[test]
fn a_sale_is_recorded_once() {
    let past = recorded(sale(999, 0, 0), agreement(Basis::Gross, "0.2"));
    given(past.clone())
        .when(record(sale(999, 0, 0), agreement(Basis::Net, "0.5")))
        .then_expect_events(vec![]);
    refused(
        past,
        record(sale(998, 0, 0), agreement(Basis::Gross, "0.2")),
        SaleError::SaleAlreadyRecorded,
    );
}

#[test]
fn a_sale_with_a_field_that_breaks_a_rule_is_refused() {
    let terms = || agreement(Basis::Gross, "0.2");
    let cases = [
        (sale(0, 0, 0), SaleError::InvalidAmount),
        (sale(-5, 0, 0), SaleError::InvalidAmount),
        (sale(GROSS_MINOR_MAX + 1, 0, 0), SaleError::InvalidAmount),
        (sale(i64::MAX, 0, 0), SaleError::InvalidAmount),
        (sale(100, -1, 0), SaleError::InvalidDeductions),
        (sale(100, 0, -1), SaleError::InvalidDeductions),
        (sale(100, 60, 41), SaleError::InvalidDeductions),
        (sale(100, i64::MAX, i64::MAX), SaleError::InvalidDeductions),
        (sale(100, i64::MIN, 0), SaleError::InvalidDeductions),
        (
            Sale {
                product: " ".to_owned(),
                ..sale(1, 0, 0)
            },
            SaleError::InvalidProduct,
        ),
        (
            Sale {
                reverses: Some(sale_id(3)),
                ..sale(1, 0, 0)
            },
            SaleError::InvalidReversal,
        ),
        (
            Sale {
                kind: SaleKind::Refund,
                ..sale(1, 0, 0)
            },
            SaleError::InvalidReversal,
        ),
    ];
    for (sale, error) in cases {
        refused(vec![], record(sale, terms()), error);
    }
    let mut strange = sale(1, 0, 0);
    strange.gross.currency = "usd".to_owned();
    refused(vec![], record(strange, terms()), SaleError::InvalidAmount);
}

#[test]
fn a_refund_takes_back_at_the_rates_of_the_lines_and_a_reversal_gives_again() {
    let past = recorded(sale(999, 83, 150), with_parent(Basis::Net, "0.125", "0.25"));
    let state = past
        .iter()
        .cloned()
        .fold(RecordedSale::default(), |mut state, event| {
            state.apply(event);
            state
        });
    let (state, refunded) = decided(&state, reverse(back(10, SaleKind::Refund, 999)));
    let amounts = |event: &SaleEvent| -> Vec<i64> {
        let lines = &event.accounted().lines;
        lines.iter().map(|line| line.figures.amount_minor).collect()
    };
    assert_eq!(amounts(&past[0]), [72, 24]);
    assert_eq!(amounts(&refunded[0]), [-72, -24]);
    let sale = &refunded[0].accounted().sale;
    assert_eq!((sale.tax_minor, sale.store_cut_minor), (83, 150));
    let (state, again) = decided(&state, reverse(back(11, SaleKind::RefundReversed, 999)));
    assert_eq!(amounts(&again[0]), [72, 24]);
    let (_, charged) = decided(&state, reverse(back(12, SaleKind::Chargeback, 500)));
    assert!(matches!(charged[..], [SaleEvent::SaleChargedBack(_)]));
}

#[test]
fn what_came_back_once_does_not_come_back_again() {
    let mut past = recorded(sale(999, 0, 0), agreement(Basis::Gross, "0.2"));
    let state = past
        .iter()
        .cloned()
        .fold(RecordedSale::default(), |mut state, event| {
            state.apply(event);
            state
        });
    past.extend(decided(&state, reverse(back(10, SaleKind::Refund, 600))).1);
    given(past.clone())
        .when(reverse(back(10, SaleKind::Refund, 600)))
        .then_expect_events(vec![]);
    refused(
        past,
        reverse(back(11, SaleKind::Chargeback, 400)),
        SaleError::RefundExceedsSale {
            needed: 400,
            available: 399,
        },
    );
}

#[test]
fn nothing_comes_back_that_was_not_sold() {
    let past = recorded(sale(999, 0, 0), agreement(Basis::Gross, "0.2"));
    refused(
        vec![],
        reverse(back(10, SaleKind::Refund, 5)),
        SaleError::SaleNotFound,
    );
    let mut foreign = back(10, SaleKind::Refund, 5);
    foreign.reseller_id = PARENT;
    refused(past.clone(), reverse(foreign), SaleError::SaleNotFound);
    refused(
        past.clone(),
        reverse(back(10, SaleKind::RefundReversed, 5)),
        SaleError::NothingRefunded {
            needed: 5,
            available: 0,
        },
    );
    let mut elsewhere = back(10, SaleKind::Refund, 5);
    elsewhere.gross.currency = "EUR".to_owned();
    let differs = SaleError::CurrencyDiffers {
        expected: "USD".to_owned(),
        found: "EUR".to_owned(),
    };
    refused(past.clone(), reverse(elsewhere), differs);
    let mut early = back(10, SaleKind::Refund, 5);
    early.sold_at = at(1) - chrono::TimeDelta::seconds(1);
    refused(past.clone(), reverse(early), SaleError::ReversedBeforeSale);
    for wrong in [
        Sale {
            reverses: None,
            ..back(10, SaleKind::Refund, 5)
        },
        Sale {
            reverses: Some(sale_id(4)),
            ..back(10, SaleKind::Refund, 5)
        },
        back(10, SaleKind::Sale, 5),
    ] {
        refused(past.clone(), reverse(wrong), SaleError::InvalidReversal);
    }
    refused(
        past,
        reverse(back(10, SaleKind::Refund, 0)),
        SaleError::InvalidAmount,
    );
}

#[test]
fn there_is_an_end_to_refunds() {
    let mut state = RecordedSale::default();
    for event in recorded(sale(5_000, 0, 0), agreement(Basis::Gross, "0.2")) {
        state.apply(event);
    }
    let mut past = recorded(sale(5_000, 0, 0), agreement(Basis::Gross, "0.2"));
    for number in 0..REVERSALS_MAX {
        let (after, events) = decided(
            &state,
            reverse(back(100 + u128::try_from(number).unwrap(), SaleKind::Refund, 1)),
        );
        state = after;
        past.extend(events);
    }
    refused(
        past,
        reverse(back(10, SaleKind::Refund, 1)),
        SaleError::TooManyReversals,
    );
}

/// A sale, and parts of a thousand that come back or are taken back again.
fn any_history() -> impl Strategy<Value = (i64, i64, i64, String, String, Vec<(bool, i64)>)> {
    let decimal = || (0..=1_000_000_i64).prop_map(|micro| rust_decimal::Decimal::new(micro, 6).to_string());
    (
        1..100_000_i64,
        0..=40_i64,
        0..=40_i64,
        decimal(),
        decimal(),
        prop::collection::vec((any::<bool>(), 1..400_i64), 0..12),
    )
        .prop_map(|(gross, tax, cut, rate, share, steps)| {
            (gross, gross * tax / 100, gross * cut / 100, rate, share, steps)
        })
}

proptest! {
    #[test]
    fn in_whatever_order_things_come_back_the_lines_are_those_of_what_stands(
        (gross, tax, cut, share, parent_share, steps) in any_history(),
    ) {
        for basis in <Basis as strum::VariantArray>::VARIANTS {
            let terms = with_parent(*basis, &share, &parent_share);
            let (mut state, first) = decided(&RecordedSale::default(), record(sale(gross, tax, cut), terms.clone()));
            let original: Vec<i64> = first[0].accounted().lines.iter().map(|line| line.figures.amount_minor).collect();
            let mut sums = vec![0_i64; original.len()];
            let mut rounding = 0_i64;
            let mut moved = Amounts::default();
            let mut take = |event: &SaleEvent| {
                let accounted = event.accounted();
                for (sum, line) in sums.iter_mut().zip(&accounted.lines) {
                    *sum += line.figures.amount_minor;
                }
                rounding += commission::rounding_micro(&accounted.lines);
                moved.gross_minor += accounted.moved.gross_minor;
                moved.tax_minor += accounted.moved.tax_minor;
                moved.store_cut_minor += accounted.moved.store_cut_minor;
                (sums.clone(), rounding, moved)
            };
            take(&first[0]);
            for (number, (is_refund, part)) in steps.iter().enumerate() {
                let kind = if *is_refund { SaleKind::Refund } else { SaleKind::RefundReversed };
                let amount = (gross * part / 1_000).max(1);
                let command = reverse(back(100 + u128::try_from(number).unwrap(), kind, amount));
                let Ok(events) = state.decide(command) else { continue };
                let (sums, rounding, moved) = take(&events[0]);
                for event in events {
                    state.apply(event);
                }
                let kept = sale(gross, tax, cut).amounts().kept(state.kept_minor());
                prop_assert_eq!(moved, kept, "the amounts are those of what stands");
                let alone = commission::lines(&terms, kept);
                let expected: Vec<i64> = alone.iter().map(|line| line.figures.amount_minor).collect();
                prop_assert_eq!(&sums, &expected, "so are the lines");
                for (sum, first) in sums.iter().zip(&original) {
                    prop_assert!((0..=*first).contains(sum), "never more is taken back than was given");
                }
                let whole = i128::from(basis.of(kept)) * i128::from(rate(&share).share_of(1_000_000).0);
                let told = sums.iter().copied().map(i128::from).sum::<i128>() * 1_000_000 + i128::from(rounding);
                prop_assert_eq!(told, whole, "lines and rounding are the share of the basis, exactly");
            }
        }
    }
}
