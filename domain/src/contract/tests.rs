//! Contracts: given, when, then; and which terms a sale gets.

use cqrs_es::Aggregate as _;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};

use super::*;
use crate::commission::{Basis, Rate, VolumeStep};
use crate::refusal::{Refusal, RefusalKind};

fn given(events: Vec<ContractEvent>) -> AggregateTestExecutor<Contracts> {
    TestFramework::with(()).given(events)
}

/// A new refusal does not compile until its code and kind stand here.
#[track_caller]
fn refused(past: Vec<ContractEvent>, command: ContractCommand, error: ContractError) {
    use RefusalKind::{Conflict, Invalid, NotFound};
    let expected = match &error {
        ContractError::InvalidRate(_) => ("INVALID_RATE", Invalid),
        ContractError::ContractEndsBeforeBegin { .. } => ("CONTRACT_ENDS_BEFORE_BEGIN", Invalid),
        ContractError::ContractGap { .. } => ("CONTRACT_GAP", Conflict),
        ContractError::ContractOverlap { .. } => ("CONTRACT_OVERLAP", Conflict),
        ContractError::InvalidSteps => ("INVALID_STEPS", Invalid),
        ContractError::InvalidProducts => ("INVALID_PRODUCTS", Invalid),
        ContractError::ProductUnderBoth(_) => ("PRODUCT_UNDER_BOTH", Conflict),
        ContractError::InvalidFee => ("INVALID_FEE", Invalid),
        ContractError::InvalidCurrency => ("INVALID_CURRENCY", Invalid),
        ContractError::ContractNotFound => ("CONTRACT_NOT_FOUND", NotFound),
        ContractError::ContractEnded(_) => ("CONTRACT_ENDED", Conflict),
        ContractError::TooManyVersions => ("TOO_MANY_VERSIONS", Conflict),
        ContractError::MonthNotOver { .. } => ("MONTH_NOT_OVER", Conflict),
        ContractError::NoFees { .. } => ("NO_FEES", Conflict),
        ContractError::VolumeOverflow => ("VOLUME_OVERFLOW", Conflict),
    };
    assert_eq!((error.code(), error.kind()), expected);
    given(past).when(command).then_expect_error(error);
}

fn on(day: &str) -> DateTime<Utc> {
    format!("{day}T00:00:00Z").parse().unwrap()
}

fn month(text: &str) -> Period {
    text.parse().unwrap()
}

fn percent(number: i64) -> Rate {
    rate(Decimal::new(number, 2)).unwrap()
}

fn share(number: i64) -> RevenueShare {
    RevenueShare {
        basis: Basis::Net,
        rate: percent(number),
        steps: vec![],
        products: vec![],
        parent_share: Rate::ZERO,
        payout_minimum_minor: 5_000,
        currency: "EUR".to_owned(),
    }
}

fn wholesale(products: &[&str]) -> Terms {
    Terms::Wholesale(Wholesale {
        products: products.iter().map(|name| (*name).to_owned()).collect(),
        monthly_fee_minor: 2_000,
        customer_fee_minor: 300,
        currency: "USD".to_owned(),
    })
}

fn agree(from: &str, to: Option<&str>, terms: Terms) -> ContractCommand {
    ContractCommand::Agree {
        from: on(from),
        to: to.map(on),
        terms,
    }
}

fn agreed(version: u32, from: &str, to: Option<&str>, terms: Terms) -> ContractEvent {
    ContractEvent::ContractAgreed(Version {
        version,
        from: on(from),
        to: to.map(on),
        terms,
    })
}

fn shared(number: i64) -> Terms {
    Terms::RevenueShare(share(number))
}

fn folded(events: Vec<ContractEvent>) -> Contracts {
    let mut contracts = Contracts::default();
    for event in events {
        contracts.apply(event);
    }
    contracts
}

fn asked<'a>(product: &'a str, day: &str) -> Asked<'a> {
    Asked {
        product,
        currency: "EUR",
        sold_at: on(day),
        first_rate: percent(20),
    }
}

#[test]
fn the_first_version_is_the_rate_of_the_registration() {
    let applied = Contracts::default().applied(asked("any", "2026-11-21")).unwrap();
    let told = (applied.contract_version, applied.basis, applied.rate);
    assert_eq!(told, (FIRST_VERSION, Basis::Gross, percent(20)));
}

#[test]
fn new_terms_end_those_before_them() {
    given(vec![])
        .when(agree("2026-12-01", None, shared(30)))
        .then_expect_events(vec![agreed(2, "2026-12-01", None, shared(30))]);
    let past = vec![
        agreed(2, "2026-12-01", None, shared(30)),
        agreed(3, "2027-01-01", Some("2027-02-01"), shared(40)),
    ];
    let contracts = folded(past);
    for (day, version) in [
        ("2026-11-30", Some(1)),
        ("2026-12-01", Some(2)),
        ("2026-12-31", Some(2)),
        ("2027-01-01", Some(3)),
        ("2027-02-01", None),
    ] {
        let applied = contracts.applied(asked("any", day));
        assert_eq!(applied.map(|applied| applied.contract_version), version, "{day}");
    }
    assert_eq!(contracts.payout_minimum("EUR", on("2026-12-05")), 5_000);
    assert_eq!(contracts.payout_minimum("USD", on("2026-12-05")), 0);
}

#[test]
fn a_gap_and_an_overlap_are_named() {
    let past = || vec![agreed(2, "2026-12-01", Some("2027-01-01"), shared(30))];
    let gap = ContractError::ContractGap {
        version: 2,
        from: on("2027-01-01"),
        to: on("2027-01-02"),
    };
    assert_eq!(
        gap.to_string(),
        "from 2027-01-01T00:00:00Z to 2027-01-02T00:00:00Z there would be no contract of this kind: begin where \
         version 2 ends"
    );
    assert_eq!(gap.facts().allowed, ["2027-01-01T00:00:00Z"]);
    refused(past(), agree("2027-01-02", None, shared(40)), gap);
    let overlap = ContractError::ContractOverlap {
        version: 2,
        from: on("2026-12-01"),
        to: Some(on("2027-01-01")),
    };
    refused(past(), agree("2026-12-31", None, shared(40)), overlap);
    given(past())
        .when(agree("2027-01-01", None, shared(40)))
        .then_expect_events(vec![agreed(3, "2027-01-01", None, shared(40))]);
    let open = ContractError::ContractOverlap {
        version: 2,
        from: on("2026-12-01"),
        to: None,
    };
    let past = vec![agreed(2, "2026-12-01", None, shared(30))];
    refused(past, agree("2026-12-01", None, shared(40)), open);
    let backwards = ContractError::ContractEndsBeforeBegin {
        from: on("2026-12-01"),
        to: on("2026-12-01"),
    };
    refused(
        vec![],
        agree("2026-12-01", Some("2026-12-01"), shared(40)),
        backwards,
    );
}

#[test]
fn a_rate_beyond_everything_or_finer_than_a_millionth_is_refused() {
    for text in ["1.000001", "-0.1", "0.1234567"] {
        let decimal: Decimal = text.parse().unwrap();
        let error = rate(decimal).unwrap_err();
        assert_eq!(
            (error.code(), error.kind()),
            ("INVALID_RATE", RefusalKind::Invalid)
        );
    }
}

#[test]
fn terms_of_a_share_that_break_a_rule_are_refused() {
    let step = |from_minor| Step {
        from_minor,
        rate: percent(40),
    };
    let named = |product: &str| ProductShare {
        product: product.to_owned(),
        basis: Basis::Gross,
        rate: percent(10),
    };
    let broken = [
        (
            RevenueShare {
                steps: vec![step(5), step(5)],
                ..share(1)
            },
            ContractError::InvalidSteps,
        ),
        (
            RevenueShare {
                steps: vec![step(0)],
                ..share(1)
            },
            ContractError::InvalidSteps,
        ),
        (
            RevenueShare {
                steps: (1..=21).map(step).collect(),
                ..share(1)
            },
            ContractError::InvalidSteps,
        ),
        (
            RevenueShare {
                products: vec![named("a"), named("a")],
                ..share(1)
            },
            ContractError::InvalidProducts,
        ),
        (
            RevenueShare {
                products: vec![named(" ")],
                ..share(1)
            },
            ContractError::InvalidProducts,
        ),
        (
            RevenueShare {
                payout_minimum_minor: -1,
                ..share(1)
            },
            ContractError::InvalidFee,
        ),
        (
            RevenueShare {
                currency: "euro".to_owned(),
                ..share(1)
            },
            ContractError::InvalidCurrency,
        ),
    ];
    for (terms, error) in broken {
        refused(
            vec![],
            agree("2026-12-01", None, Terms::RevenueShare(terms)),
            error,
        );
    }
}

#[test]
fn wholesale_terms_that_break_a_rule_are_refused() {
    let fees = |monthly_fee_minor, customer_fee_minor, currency: &str, products: Vec<String>| {
        Terms::Wholesale(Wholesale {
            products,
            monthly_fee_minor,
            customer_fee_minor,
            currency: currency.to_owned(),
        })
    };
    let many = (0..=PRODUCTS_MAX).map(|number| number.to_string()).collect();
    for (terms, error) in [
        (
            fees(FEE_MINOR_MAX + 1, 0, "USD", vec![]),
            ContractError::InvalidFee,
        ),
        (fees(0, -1, "USD", vec![]), ContractError::InvalidFee),
        (fees(0, 0, "", vec![]), ContractError::InvalidCurrency),
        (fees(0, 0, "USD", many), ContractError::InvalidProducts),
        (
            fees(0, 0, "USD", vec![String::new()]),
            ContractError::InvalidProducts,
        ),
    ] {
        refused(vec![], agree("2026-12-01", None, terms), error);
    }
}

#[test]
fn a_product_that_is_sold_wholesale_earns_no_share() {
    let past = vec![agreed(2, "2026-12-01", None, wholesale(&["credits"]))];
    let contracts = folded(past.clone());
    assert_eq!(contracts.applied(asked("credits", "2026-12-05")), None);
    assert!(contracts.applied(asked("credits", "2026-11-30")).is_some());
    assert!(contracts.applied(asked("premium", "2026-12-05")).is_some());
    let mut both = share(30);
    both.products = vec![ProductShare {
        product: "credits".to_owned(),
        basis: Basis::Gross,
        rate: percent(10),
    }];
    refused(
        past,
        agree("2027-01-01", None, Terms::RevenueShare(both)),
        ContractError::ProductUnderBoth("credits".to_owned()),
    );
}

/// 30 %, 40 % from 1,000 on, 50 % from 5,000 on; 10 % for yearly.
fn stepped() -> Contracts {
    let mut terms = share(30);
    terms.steps = vec![
        Step {
            from_minor: 1_000,
            rate: percent(40),
        },
        Step {
            from_minor: 5_000,
            rate: percent(50),
        },
    ];
    terms.products = vec![ProductShare {
        product: "yearly".to_owned(),
        basis: Basis::Gross,
        rate: percent(10),
    }];
    folded(vec![agreed(2, "2026-12-01", None, Terms::RevenueShare(terms))])
}

fn count(change_minor: i64) -> ContractCommand {
    ContractCommand::CountSale {
        month: month("2026-12"),
        currency: "EUR".to_owned(),
        change_minor,
    }
}

#[test]
fn more_sales_of_a_month_reach_another_rate() {
    let mut contracts = stepped();
    let rate_now = |contracts: &Contracts| {
        let applied = contracts.applied(asked("any", "2026-12-05")).unwrap();
        (applied.rate, applied.volume)
    };
    let step = |from_minor, reached_minor| {
        Some(VolumeStep {
            from_minor,
            reached_minor,
        })
    };
    assert_eq!(rate_now(&contracts), (percent(30), step(0, 0)));
    for (change, volume, rate, from) in [
        (999, 999, 30, 0),
        (1, 1_000, 40, 1_000),
        (4_000, 5_000, 50, 5_000),
        (-1, 4_999, 40, 1_000),
    ] {
        let events = contracts.decide(count(change)).unwrap();
        let expected = ContractEvent::SalesCounted {
            month: month("2026-12"),
            currency: "EUR".to_owned(),
            change_minor: change,
            volume_minor: volume,
        };
        assert_eq!(events, std::slice::from_ref(&expected));
        contracts.apply(expected);
        assert_eq!(rate_now(&contracts), (percent(rate), step(from, volume)));
    }
}

#[test]
fn a_product_of_its_own_another_currency_and_the_next_month_do_not_count() {
    let mut contracts = stepped();
    for event in contracts.decide(count(9_000)).unwrap() {
        contracts.apply(event);
    }
    let yearly = contracts.applied(asked("yearly", "2026-12-05")).unwrap();
    assert_eq!((yearly.rate, yearly.volume), (percent(10), None));
    let elsewhere = Asked {
        currency: "USD",
        ..asked("any", "2026-12-05")
    };
    assert_eq!(
        contracts.applied(elsewhere).unwrap().volume,
        None,
        "steps count one currency"
    );
    let next_month = contracts.applied(asked("any", "2027-01-05")).unwrap();
    assert_eq!(next_month.rate, percent(30));
    refused(
        vec![ContractEvent::SalesCounted {
            month: month("2026-12"),
            currency: "EUR".to_owned(),
            change_minor: i64::MAX,
            volume_minor: i64::MAX,
        }],
        count(1),
        ContractError::VolumeOverflow,
    );
}

#[test]
fn a_contract_ends_once() {
    let end = |kind, day| ContractCommand::End { kind, to: on(day) };
    let ended = |version, day| ContractEvent::ContractEnded { version, to: on(day) };
    given(vec![])
        .when(end(ContractKind::RevenueShare, "2026-12-01"))
        .then_expect_events(vec![ended(1, "2026-12-01")]);
    refused(
        vec![],
        end(ContractKind::Wholesale, "2026-12-01"),
        ContractError::ContractNotFound,
    );
    let past = vec![agreed(2, "2026-12-01", None, wholesale(&[]))];
    let early = ContractError::ContractEndsBeforeBegin {
        from: on("2026-12-01"),
        to: on("2026-11-01"),
    };
    refused(past.clone(), end(ContractKind::Wholesale, "2026-11-01"), early);
    let past = [past, vec![ended(2, "2027-01-01")]].concat();
    given(past.clone())
        .when(end(ContractKind::Wholesale, "2027-01-01"))
        .then_expect_events(vec![]);
    refused(
        past,
        end(ContractKind::Wholesale, "2027-02-01"),
        ContractError::ContractEnded(on("2027-01-01")),
    );
    assert_eq!(
        folded(vec![ended(1, "2026-12-01")]).applied(asked("any", "2026-12-01")),
        None
    );
}

#[test]
fn fees_are_charged_once_for_a_month_that_is_over() {
    let past = || vec![agreed(2, "2026-12-15", None, wholesale(&[]))];
    let charge = |text, customers| ContractCommand::ChargeFees {
        month: month(text),
        customers,
        at: on("2027-01-02"),
    };
    let charged = ContractEvent::FeesCharged {
        month: month("2026-12"),
        contract_version: 2,
        customers: 7,
        monthly_fee_minor: 2_000,
        customer_fee_minor: 300,
        total: Money {
            amount_minor: 4_100,
            currency: "USD".to_owned(),
        },
    };
    given(past())
        .when(charge("2026-12", 7))
        .then_expect_events(vec![charged.clone()]);
    given([past(), vec![charged]].concat())
        .when(charge("2026-12", 9))
        .then_expect_events(vec![]);
    let early = ContractError::MonthNotOver {
        month: month("2027-01"),
    };
    refused(past(), charge("2027-01", 7), early);
    refused(
        past(),
        charge("2026-11", 7),
        ContractError::NoFees {
            month: month("2026-11"),
        },
    );
    refused(
        vec![],
        charge("2026-12", 7),
        ContractError::NoFees {
            month: month("2026-12"),
        },
    );
}

#[test]
fn there_is_an_end_to_versions() {
    let past = (0..VERSIONS_MAX)
        .map(|number| {
            let from = on("2026-12-01") + chrono::TimeDelta::days(i64::try_from(number).unwrap());
            ContractEvent::ContractAgreed(Version {
                version: u32::try_from(number).unwrap() + 2,
                from,
                to: None,
                terms: shared(30),
            })
        })
        .collect();
    refused(
        past,
        agree("2050-01-01", None, shared(30)),
        ContractError::TooManyVersions,
    );
}
