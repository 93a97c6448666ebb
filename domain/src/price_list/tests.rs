//! The packs on sale: published, changed, retired.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};

use super::*;

fn given(events: Vec<PriceListEvent>) -> AggregateTestExecutor<PriceList> {
    TestFramework::with(()).given(events)
}

#[track_caller]
fn refused(past: Vec<PriceListEvent>, command: PriceListCommand, error: PriceListError) {
    assert_told(&error);
    given(past).when(command).then_expect_error(error);
}

/// A new refusal does not compile until its code, kind and allowed values stand here.
#[track_caller]
fn assert_told(error: &PriceListError) {
    let (code, kind, allowed) = match error {
        PriceListError::PackNotFound { on_sale, .. } => {
            ("PACK_NOT_FOUND", RefusalKind::NotFound, on_sale.clone())
        }
        PriceListError::InvalidPackCode => ("INVALID_PACK_CODE", RefusalKind::Invalid, vec![]),
        PriceListError::InvalidName => ("INVALID_NAME", RefusalKind::Invalid, vec![]),
        PriceListError::InvalidCredits => ("INVALID_CREDITS", RefusalKind::Invalid, vec![]),
        PriceListError::InvalidPrice => ("INVALID_PRICE", RefusalKind::Invalid, vec![]),
        PriceListError::TooManyPacks => ("TOO_MANY_PACKS", RefusalKind::Conflict, vec![]),
    };
    let facts = Facts {
        allowed,
        ..Facts::default()
    };
    assert_eq!((error.code(), error.kind(), error.facts()), (code, kind, facts));
}

/// A pack's terms: code, name, credits, minor units, currency.
type Terms<'a> = (&'a str, &'a str, i64, i64, &'a str);

const STARTER: Terms = ("starter", "Starter", 900, 5_000, "USD");
const BUSINESS: Terms = ("business", "Business", 3_600, 18_000, "USD");

fn publish((code, name, credits, amount_minor, currency): Terms) -> PriceListCommand {
    PriceListCommand::PublishPack {
        code: code.to_owned(),
        name: name.to_owned(),
        credits: Credits(credits),
        price: Money {
            amount_minor,
            currency: currency.to_owned(),
        },
    }
}

fn published((code, name, credits, amount_minor, currency): Terms) -> PriceListEvent {
    PriceListEvent::PackPublished {
        code: code.to_owned(),
        name: name.to_owned(),
        credits: Credits(credits),
        price: Money {
            amount_minor,
            currency: currency.to_owned(),
        },
    }
}

fn retire(code: &str) -> PriceListCommand {
    PriceListCommand::RetirePack {
        code: code.to_owned(),
    }
}

fn retired(code: &str) -> PriceListEvent {
    PriceListEvent::PackRetired {
        code: code.to_owned(),
    }
}

fn not_found(code: &str, on_sale: &[&str]) -> PriceListError {
    PriceListError::PackNotFound {
        code: code.to_owned(),
        on_sale: on_sale.iter().map(|&code| code.to_owned()).collect(),
    }
}

fn full_list() -> Vec<PriceListEvent> {
    (0..PACKS_MAX)
        .map(|n| published((&format!("pack-{n}"), "Pack", 1, 100, "USD")))
        .collect()
}

#[test]
fn a_pack_is_put_on_sale() {
    given(vec![])
        .when(publish(("starter", " Starter ", 900, 5_000, "USD")))
        .then_expect_events(vec![published(STARTER)]);
}

#[test]
fn a_pack_can_get_new_terms() {
    let dearer = ("starter", "Starter", 900, 5_500, "USD");
    given(vec![published(STARTER)])
        .when(publish(dearer))
        .then_expect_events(vec![published(dearer)]);
}

#[test]
fn publishing_the_same_terms_again_changes_nothing() {
    given(vec![published(STARTER)])
        .when(publish(STARTER))
        .then_expect_events(vec![]);
}

#[test]
fn a_retired_pack_can_come_back() {
    given(vec![published(STARTER), retired("starter")])
        .when(publish(STARTER))
        .then_expect_events(vec![published(STARTER)]);
}

#[test]
fn a_pack_may_be_free_of_charge() {
    let free = ("trial", "Trial", 7, 0, "EUR");
    given(vec![])
        .when(publish(free))
        .then_expect_events(vec![published(free)]);
}

#[test]
fn a_code_is_short_and_plain() {
    let longest = "a-1".repeat(13) + "z";
    let pack = (longest.as_str(), "Starter", 900, 5_000, "USD");
    given(vec![])
        .when(publish(pack))
        .then_expect_events(vec![published(pack)]);
    for code in ["", "Starter", "star ter", "größe", &"x".repeat(41)] {
        refused(
            vec![],
            publish((code, "Starter", 900, 5_000, "USD")),
            PriceListError::InvalidPackCode,
        );
    }
}

#[test]
fn a_pack_needs_a_name_of_bounded_length() {
    for name in ["", " ", &"x".repeat(NAME_CHARS_MAX + 1)] {
        refused(
            vec![],
            publish(("starter", name, 900, 5_000, "USD")),
            PriceListError::InvalidName,
        );
    }
}

#[test]
fn a_pack_holds_as_many_credits_as_one_purchase_may_move() {
    let largest = ("starter", "Starter", CREDITS_PER_COMMAND_MAX, 5_000, "USD");
    given(vec![])
        .when(publish(largest))
        .then_expect_events(vec![published(largest)]);
    for credits in [i64::MIN, -1, 0, CREDITS_PER_COMMAND_MAX + 1] {
        let pack = ("starter", "Starter", credits, 5_000, "USD");
        refused(vec![], publish(pack), PriceListError::InvalidCredits);
    }
}

#[test]
fn a_price_is_not_negative_and_names_its_currency() {
    for (amount_minor, currency) in [(-1, "USD"), (100, ""), (100, "usd"), (100, "US"), (100, "USDT")] {
        let pack = ("starter", "Starter", 900, amount_minor, currency);
        refused(vec![], publish(pack), PriceListError::InvalidPrice);
    }
}

#[test]
fn a_full_list_takes_no_new_pack_but_new_terms() {
    refused(full_list(), publish(STARTER), PriceListError::TooManyPacks);
    let dearer = ("pack-0", "Pack", 1, 200, "USD");
    given(full_list())
        .when(publish(dearer))
        .then_expect_events(vec![published(dearer)]);
}

#[test]
fn a_retired_pack_keeps_its_place_in_a_full_list() {
    let mut past = full_list();
    past.push(retired("pack-0"));
    refused(past, publish(STARTER), PriceListError::TooManyPacks);
}

#[test]
fn a_pack_is_retired() {
    given(vec![published(STARTER)])
        .when(retire("starter"))
        .then_expect_events(vec![retired("starter")]);
}

#[test]
fn only_a_pack_on_sale_can_be_retired() {
    refused(vec![], retire("starter"), not_found("starter", &[]));
    let past = vec![published(STARTER), published(BUSINESS), retired("starter")];
    refused(past, retire("starter"), not_found("starter", &["business"]));
}

#[test]
fn a_pack_that_is_not_on_sale_names_those_that_are() {
    let mut list = PriceList::default();
    list.evolve(published(STARTER));
    list.evolve(published(BUSINESS));
    assert_eq!(list.on_sale("starter").unwrap().credits, Credits(900));
    let error = list.on_sale("gold").unwrap_err();
    assert_eq!(error, not_found("gold", &["business", "starter"]));
    assert_eq!(
        error.to_string(),
        "there is no pack \"gold\" on sale: choose one of business, starter"
    );
}
