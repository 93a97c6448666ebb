//! Payout runs: given, when, then; and that whatever comes in whatever order is paid once.

use cqrs_es::Aggregate as _;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;

use super::*;
use crate::commission::{Amounts, CommissionLine, Figures};
use crate::credits::Money;
use crate::ids::SaleId;
use crate::refusal::{Refusal, RefusalKind};
use crate::sale::{Accounted, Sale, SaleKind};

const RUN: Uuid = Uuid::from_u128(7);
const ADA: Uuid = Uuid::from_u128(0xada);
const BEN: Uuid = Uuid::from_u128(0xbe);
const NORD: ResellerId = ResellerId(Uuid::from_u128(1));

fn given(events: Vec<PayoutEvent>) -> AggregateTestExecutor<Payouts> {
    TestFramework::with(()).given(events)
}

/// A new refusal does not compile until its code and kind stand here.
#[track_caller]
fn refused(past: Vec<PayoutEvent>, command: PayoutCommand, error: PayoutError) {
    use RefusalKind::{Conflict, Forbidden, Invalid, NotFound};
    let expected = match &error {
        PayoutError::PayoutRunNotFound => ("PAYOUT_RUN_NOT_FOUND", NotFound),
        PayoutError::PayoutRunOpen(_) => ("PAYOUT_RUN_OPEN", Conflict),
        PayoutError::NothingDue => ("NOTHING_DUE", Conflict),
        PayoutError::CutoffInFuture { .. } => ("CUTOFF_IN_FUTURE", Invalid),
        PayoutError::PayoutGoesBack { .. } => ("PAYOUT_GOES_BACK", Conflict),
        PayoutError::InvalidHoldingPeriod => ("INVALID_HOLDING_PERIOD", Invalid),
        PayoutError::InvalidMinimum => ("INVALID_MINIMUM", Invalid),
        PayoutError::DrafterCannotApprove => ("DRAFTER_CANNOT_APPROVE", Forbidden),
        PayoutError::PayoutRunNotApproved => ("PAYOUT_RUN_NOT_APPROVED", Conflict),
        PayoutError::PayoutRunApproved => ("PAYOUT_RUN_APPROVED", Conflict),
        PayoutError::PayoutRunFinished => ("PAYOUT_RUN_FINISHED", Conflict),
        PayoutError::InvalidReference => ("INVALID_REFERENCE", Invalid),
        PayoutError::InvalidReason => ("INVALID_REASON", Invalid),
    };
    assert_eq!((error.code(), error.kind()), expected);
    given(past).when(command).then_expect_error(error);
}

fn on(day: u32) -> DateTime<Utc> {
    format!("2026-12-{day:02}T00:00:00Z").parse().unwrap()
}

fn terms(day: u32, holding_days: u32) -> TermsOfRun {
    TermsOfRun {
        currency: "EUR".to_owned(),
        cutoff: on(day),
        holding_days,
        minimum_minor: 100,
    }
}

fn due(opening_minor: i64) -> Due<'static> {
    Due {
        run_id: RUN,
        run: 1,
        reseller_id: NORD,
        reseller_name: "Nordwind & Söhne",
        opening_minor,
        contract_minimum_minor: 0,
    }
}

fn line(amount_minor: i64) -> MaturedLine {
    MaturedLine {
        line: format!("{}-1", Uuid::from_u128(9)),
        kind: if amount_minor < 0 {
            SaleKind::Refund
        } else {
            SaleKind::Sale
        },
        product: "premium_monthly".to_owned(),
        at: on(1),
        sold_at: on(1),
        contract_version: 2,
        basis: crate::commission::LineBasis::Net,
        basis_minor: amount_minor * 5,
        rate: rust_decimal::Decimal::new(2, 1).try_into().unwrap(),
        amount_minor,
    }
}

fn head(amounts: &[i64], opening: i64) -> Head {
    let lines = amounts.iter().map(|amount| line(*amount)).collect();
    Statement::of(&terms(20, 14), &due(opening), lines).head()
}

fn draft(run_id: Uuid, terms: TermsOfRun, statements: Vec<Head>) -> PayoutCommand {
    PayoutCommand::Draft {
        run_id,
        terms,
        facts: 5,
        statements,
        by: Some(ADA),
        at: on(21),
    }
}

fn drafted(number: u32, statements: Vec<Head>) -> PayoutEvent {
    PayoutEvent::PayoutRunDrafted {
        run_id: RUN,
        number,
        terms: terms(20, 14),
        facts: 5,
        drafted_by: Some(ADA),
        statements,
    }
}

fn approve(by: Uuid, four_eyes: bool) -> PayoutCommand {
    PayoutCommand::Approve {
        run_id: RUN,
        by: Some(by),
        four_eyes,
    }
}

fn approved(by: Uuid) -> PayoutEvent {
    PayoutEvent::PayoutRunApproved {
        run_id: RUN,
        approved_by: Some(by),
    }
}

fn pay(reference: &str) -> PayoutCommand {
    PayoutCommand::Pay {
        run_id: RUN,
        reference: reference.to_owned(),
    }
}

fn paid(amount_minor: i64) -> PayoutEvent {
    PayoutEvent::PayoutRunPaid {
        run_id: RUN,
        reference: "SEPA 17".to_owned(),
        currency: "EUR".to_owned(),
        paid: vec![Paid {
            reseller_id: NORD,
            amount_minor,
        }],
    }
}

fn cancel(reason: &str) -> PayoutCommand {
    PayoutCommand::Cancel {
        run_id: RUN,
        reason: reason.to_owned(),
    }
}

#[test]
fn what_is_due_is_paid_from_the_minimum_on_and_carried_below_it() {
    for (amounts, opening, payout, carried) in [
        (&[60, 50][..], 0, 110, 0),
        (&[60, 39], 0, 0, 99),
        (&[60], 40, 100, 0),
        (&[60, -90], 0, 0, -30),
        (&[200], -30, 170, 0),
        (&[], -30, 0, -30),
    ] {
        let told = head(amounts, opening);
        assert_eq!(
            (told.payout_minor, told.carried_minor),
            (payout, carried),
            "{amounts:?} {opening}"
        );
    }
    let mut asks_for_more = due(0);
    asks_for_more.contract_minimum_minor = 111;
    let statement = Statement::of(&terms(20, 14), &asks_for_more, vec![line(110)]);
    assert_eq!(
        (
            statement.payout_minor,
            statement.carried_minor,
            statement.minimum_minor
        ),
        (0, 110, 111)
    );
}

#[test]
fn a_run_is_drafted_approved_by_another_and_paid() {
    let statements = vec![head(&[110], 0)];
    given(vec![])
        .when(draft(RUN, terms(20, 14), statements.clone()))
        .then_expect_events(vec![drafted(1, statements.clone())]);
    given(vec![drafted(1, statements.clone())])
        .when(approve(BEN, true))
        .then_expect_events(vec![approved(BEN)]);
    given(vec![drafted(1, statements.clone())])
        .when(approve(ADA, false))
        .then_expect_events(vec![approved(ADA)]);
    given(vec![drafted(1, statements), approved(BEN)])
        .when(pay(" SEPA 17 "))
        .then_expect_events(vec![paid(110)]);
}

#[test]
fn each_step_is_taken_once_and_in_order() {
    let draft_of = || drafted(1, vec![head(&[110], 0)]);
    refused(
        vec![draft_of()],
        approve(ADA, true),
        PayoutError::DrafterCannotApprove,
    );
    refused(
        vec![draft_of()],
        pay("SEPA 17"),
        PayoutError::PayoutRunNotApproved,
    );
    refused(
        vec![draft_of(), approved(BEN)],
        approve(BEN, true),
        PayoutError::PayoutRunApproved,
    );
    refused(
        vec![draft_of(), approved(BEN)],
        pay(" "),
        PayoutError::InvalidReference,
    );
    refused(vec![draft_of()], cancel(""), PayoutError::InvalidReason);
    refused(vec![], approve(BEN, true), PayoutError::PayoutRunNotFound);
    let finished = vec![draft_of(), approved(BEN), paid(110)];
    for command in [approve(BEN, true), pay("again"), cancel("too late")] {
        refused(finished.clone(), command, PayoutError::PayoutRunFinished);
    }
    let cancelled = PayoutEvent::PayoutRunCancelled {
        run_id: RUN,
        reason: "wrong cutoff".to_owned(),
    };
    given(vec![draft_of()])
        .when(cancel("wrong cutoff"))
        .then_expect_events(vec![cancelled.clone()]);
    let next = Uuid::from_u128(8);
    let again = draft(next, terms(10, 0), vec![head(&[110], 0)]);
    let PayoutEvent::PayoutRunDrafted {
        statements,
        facts,
        drafted_by,
        ..
    } = draft_of()
    else {
        unreachable!()
    };
    given(vec![draft_of(), cancelled])
        .when(again)
        .then_expect_events(vec![PayoutEvent::PayoutRunDrafted {
            run_id: next,
            number: 2,
            terms: terms(10, 0),
            facts,
            drafted_by,
            statements,
        }]);
}

#[test]
fn a_run_that_breaks_a_rule_is_not_drafted() {
    let some = || vec![head(&[110], 0)];
    refused(
        vec![drafted(1, some())],
        draft(Uuid::from_u128(8), terms(20, 14), some()),
        PayoutError::PayoutRunOpen(RUN),
    );
    refused(vec![], draft(RUN, terms(20, 14), vec![]), PayoutError::NothingDue);
    let debt_alone = vec![head(&[], -30)];
    refused(
        vec![],
        draft(RUN, terms(20, 14), debt_alone),
        PayoutError::NothingDue,
    );
    refused(
        vec![],
        draft(RUN, terms(22, 14), some()),
        PayoutError::CutoffInFuture { now: on(21) },
    );
    refused(
        vec![],
        draft(RUN, terms(20, HOLDING_DAYS_MAX + 1), some()),
        PayoutError::InvalidHoldingPeriod,
    );
    for broken in [
        TermsOfRun {
            minimum_minor: -1,
            ..terms(20, 14)
        },
        TermsOfRun {
            currency: "eur".to_owned(),
            ..terms(20, 14)
        },
    ] {
        refused(vec![], draft(RUN, broken, some()), PayoutError::InvalidMinimum);
    }
    let past = || vec![drafted(1, some()), approved(BEN), paid(110)];
    let next = Uuid::from_u128(8);
    refused(
        past(),
        draft(next, terms(19, 0), some()),
        PayoutError::PayoutGoesBack { until: on(20) },
    );
    refused(
        past(),
        draft(next, terms(21, 16), some()),
        PayoutError::PayoutGoesBack { until: on(6) },
    );
}

#[test]
fn the_document_is_frozen_to_the_byte() {
    let statement = Statement::of(&terms(20, 14), &due(-30), vec![line(110), line(-20)]);
    let canonical = statement.canonical();
    assert!(
        canonical.starts_with("{\"carried_minor\":60,\"clawed_back_minor\":-20,\"currency\":\"EUR\""),
        "{canonical}"
    );
    let html = page(&statement);
    assert!(html.contains("Nordwind &amp; Söhne") && html.contains("-0.20 EUR"));
    let head = statement.head();
    assert_eq!(
        [head.digest.as_str(), head.html_digest.as_str()],
        [GOLDEN_JSON, GOLDEN_HTML],
        "the form of statements changed: give it a new number and keep the old one"
    );
}

const GOLDEN_JSON: &str = "605ca1f02c567cfe4d23c63229473a7ecf5421990e1ce11de96dba45061fb1ff";
const GOLDEN_HTML: &str = "53e1b5c3dd8298a4495cf5111465d2a7d70670cc0f3b6d0fa808afc470078205";

/// A sale of one line, and the part of it that comes back later.
fn facts(history: &[(i64, u32, Option<u32>)]) -> Vec<Accounted> {
    let fact = |number: u128, kind, day, origin_day, amount| Accounted {
        sale: Sale {
            sale_id: SaleId(Uuid::from_u128(number)),
            reseller_id: NORD,
            tenant_id: None,
            product: "premium_monthly".to_owned(),
            kind,
            gross: Money {
                amount_minor: 1_000,
                currency: "EUR".to_owned(),
            },
            tax_minor: 0,
            store_cut_minor: 0,
            sold_at: on(day),
            reverses: None,
        },
        origin_at: on(origin_day),
        moved: Amounts::default(),
        lines: vec![CommissionLine {
            reseller_id: NORD,
            contract_version: 1,
            basis: crate::commission::LineBasis::Gross,
            rate: crate::commission::Rate::ZERO,
            volume: None,
            figures: Figures {
                amount_minor: amount,
                ..Figures::default()
            },
        }],
    };
    let mut all = Vec::new();
    for (number, (amount, day, back)) in (1..).zip(history) {
        all.push(fact(number * 2, SaleKind::Sale, *day, *day, *amount));
        if let Some(later) = back {
            all.push(fact(
                number * 2 + 1,
                SaleKind::Refund,
                (day + later).min(28),
                *day,
                -*amount,
            ));
        }
    }
    all
}

#[test]
fn a_run_takes_the_lines_of_its_currency_alone_and_writes_them_with_its_decimals() {
    let mut sold = facts(&[(300, 1, None), (7, 1, None)]);
    sold[1].sale.gross.currency = "JPY".to_owned();
    for (currency, amounts, written) in [
        ("EUR", vec![300], "3.00 EUR"),
        ("JPY", vec![7], "7 JPY"),
        ("USD", vec![], ""),
    ] {
        let of_currency = TermsOfRun {
            currency: currency.to_owned(),
            ..terms(20, 0)
        };
        let mut fold = StatementFold::new(&of_currency, Taken::default(), u64::MAX, None);
        for fact in &sold {
            fold.take(fact);
        }
        assert_eq!(fold.facts(), 2, "every fact counts, so that all runs count alike");
        let lines = fold.finish().remove(&NORD).unwrap_or_default();
        let taken: Vec<i64> = lines.iter().map(|line| line.amount_minor).collect();
        assert_eq!(taken, amounts, "{currency}");
        assert!(page(&Statement::of(&of_currency, &due(0), lines)).contains(written));
    }
}

proptest! {
    #[test]
    fn a_statement_adds_up(
        amounts in prop::collection::vec(-1_000_000_000_000..1_000_000_000_000_i64, 0..50),
        opening in -1_000_000_000_000..1_000_000_000_000_i64,
        minimum in 0..2_000_000_000_000_i64,
    ) {
        let lines = amounts.iter().map(|amount| line(*amount)).collect();
        let wanted = Due { contract_minimum_minor: minimum, ..due(opening) };
        let told = Statement::of(&terms(20, 14), &wanted, lines).head();
        prop_assert_eq!(
            told.opening_minor + told.earned_minor + told.clawed_back_minor,
            told.payout_minor + told.carried_minor
        );
        prop_assert!(told.earned_minor >= 0 && told.clawed_back_minor <= 0);
        prop_assert!(told.payout_minor == 0 || told.payout_minor >= told.minimum_minor && told.carried_minor == 0);
    }

    #[test]
    fn every_line_is_paid_or_carried_exactly_once(
        history in prop::collection::vec((1..500_i64, 1..20_u32, prop::option::of(0..10_u32)), 0..20),
        cutoffs in prop::collection::btree_set(1..28_u32, 1..6),
        holding in 0..10_u32,
        known in prop::collection::vec(0..40_usize, 6),
    ) {
        let facts = facts(&history);
        let mut payouts = Payouts::default();
        let (mut total, mut seen, mut known_before) = (0_i64, 0_i64, 0_usize);
        let mut lines = std::collections::BTreeSet::new();
        // The last run is late enough for everything.
        let runs = cutoffs.into_iter().map(|day| (on(day), holding)).chain([(on(28) + TimeDelta::days(20), holding)]);
        for (number, (cutoff, holding_days)) in (1_u32..).zip(runs) {
            let terms = TermsOfRun { currency: "EUR".to_owned(), cutoff, holding_days, minimum_minor: 100 };
            let known_now = if cutoff > on(28) { facts.len() } else { known_before.max(known[usize::try_from(number).unwrap() - 1].min(facts.len())) };
            known_before = known_now;
            let mut fold = StatementFold::new(&terms, payouts.taken(), u64::MAX, None);
            for fact in &facts[..known_now] {
                fold.take(fact);
            }
            let count = fold.facts();
            let taken = fold.finish().remove(&NORD).unwrap_or_default();
            for line in &taken {
                prop_assert!(lines.insert(line.line.clone()), "{} is in two runs", line.line);
                seen += line.amount_minor;
            }
            let opening = payouts.carried().get(&NORD).copied().unwrap_or_default();
            let run_id = Uuid::from_u128(u128::from(number));
            let head = Statement::of(&terms, &Due { run_id, run: number, ..due(opening) }, taken).head();
            prop_assert!(head.payout_minor >= 0);
            total += head.payout_minor;
            let at = cutoff;
            let moves = head.moves();
            let draft = PayoutCommand::Draft { run_id, terms, facts: count, statements: vec![head], by: Some(ADA), at };
            if !moves {
                prop_assert_eq!(payouts.decide(draft), Err(PayoutError::NothingDue));
                continue;
            }
            for command in [
                draft,
                PayoutCommand::Approve { run_id, by: Some(BEN), four_eyes: true },
                PayoutCommand::Pay { run_id, reference: "x".to_owned() },
            ] {
                for event in payouts.decide(command).unwrap() {
                    payouts.apply(event);
                }
            }
            let carried = payouts.carried().get(&NORD).copied().unwrap_or_default();
            prop_assert_eq!(total + carried, seen, "what was taken is paid or carried");
        }
        let all: i64 = facts.iter().map(|fact| fact.lines[0].figures.amount_minor).sum();
        prop_assert_eq!(seen, all, "in the end every line has been taken");
    }
}
