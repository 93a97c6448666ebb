//! The packs on sale: published, changed, retired.

use chrono::TimeDelta;
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
        PriceListError::CurrencyNeeded { currencies, .. } => {
            ("CURRENCY_NEEDED", RefusalKind::Invalid, currencies.clone())
        }
        PriceListError::InvalidValidity => ("INVALID_VALIDITY", RefusalKind::Invalid, vec![]),
        PriceListError::TooManyPrices => ("TOO_MANY_PRICES", RefusalKind::Conflict, vec![]),
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
        valid_from: None,
        valid_until: None,
        at: day(0),
    }
}

/// As [`publish`], for a time.
fn publish_from(terms: Terms, from: Option<i64>, until: Option<i64>, on: i64) -> PriceListCommand {
    let mut command = publish(terms);
    if let PriceListCommand::PublishPack {
        valid_from,
        valid_until,
        at,
        ..
    } = &mut command
    {
        *valid_from = from.map(day);
        *valid_until = until.map(day);
        *at = day(on);
    }
    command
}

fn published_from(terms: Terms, from: Option<i64>, until: Option<i64>) -> PriceListEvent {
    let mut event = published(terms);
    if let PriceListEvent::PackPublished {
        valid_from,
        valid_until,
        ..
    } = &mut event
    {
        *valid_from = from.map(day);
        *valid_until = until.map(day);
    }
    event
}

fn day(number: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(number)
}

fn list(events: Vec<PriceListEvent>) -> PriceList {
    let mut list = PriceList::default();
    for event in events {
        list.evolve(event);
    }
    list
}

/// What a pack costs on a day.
fn price(list: &PriceList, currency: Option<&str>, on: i64) -> Option<i64> {
    let pack = list.on_sale("starter", currency, day(on)).ok()?;
    Some(pack.price.amount_minor)
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
        valid_from: None,
        valid_until: None,
        keeps_others: true,
    }
}

fn retire(code: &str) -> PriceListCommand {
    PriceListCommand::RetirePack {
        code: code.to_owned(),
        currency: None,
    }
}

fn retired(code: &str) -> PriceListEvent {
    PriceListEvent::PackRetired {
        code: code.to_owned(),
        currency: None,
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
    assert_eq!(
        list.on_sale("starter", None, day(0)).unwrap().credits,
        Credits(900)
    );
    let error = list.on_sale("gold", None, day(0)).unwrap_err();
    assert_eq!(error, not_found("gold", &["business", "starter"]));
    assert_eq!(
        error.to_string(),
        "there is no pack \"gold\" on sale: choose one of business, starter"
    );
}

#[test]
fn a_price_holds_for_its_time_and_the_one_that_begins_last_goes_first() {
    let dearer = ("starter", "Starter", 900, 6_000, "USD");
    let cheaper = ("starter", "Starter", 900, 3_000, "USD");
    let list = list(vec![
        published(STARTER),
        published_from(dearer, Some(10), None),
        published_from(cheaper, Some(20), Some(30)),
    ]);
    let told = [0, 10, 19, 20, 29, 30].map(|on| price(&list, None, on));
    let expected = [5_000, 6_000, 6_000, 3_000, 3_000, 6_000].map(Some);
    assert_eq!(told, expected);
}

#[test]
fn what_is_published_without_a_date_holds_from_now_on() {
    let dearer = ("starter", "Starter", 900, 6_000, "USD");
    let newest = ("starter", "Starter", 900, 7_000, "USD");
    let past = vec![published(STARTER), published_from(dearer, Some(10), None)];
    given(past)
        .when(publish_from(newest, None, None, 15))
        .then_expect_events(vec![published_from(newest, Some(15), None)]);
}

#[test]
fn a_price_does_not_begin_in_the_past_or_end_before_it_begins() {
    for (from, until) in [(Some(4), None), (None, Some(5)), (Some(9), Some(9))] {
        let command = publish_from(STARTER, from, until, 5);
        refused(vec![], command, PriceListError::InvalidValidity);
    }
}

#[test]
fn a_pack_is_sold_in_several_currencies_and_one_is_named() {
    let in_euro = ("starter", "Starter", 900, 4_500, "EUR");
    let both = vec![published(STARTER), published(in_euro)];
    let list = list(both.clone());
    let needed = PriceListError::CurrencyNeeded {
        code: "starter".to_owned(),
        currencies: vec!["EUR".to_owned(), "USD".to_owned()],
    };
    assert_told(&needed);
    assert_eq!(list.on_sale("starter", None, day(0)), Err(needed));
    assert_eq!(price(&list, Some("EUR"), 0), Some(4_500));
    assert_eq!(price(&list, Some("GBP"), 0), None);
    let in_dollars = PriceListCommand::RetirePack {
        code: "starter".to_owned(),
        currency: Some("USD".to_owned()),
    };
    given(both.clone())
        .when(in_dollars)
        .then_expect_events(vec![PriceListEvent::PackRetired {
            code: "starter".to_owned(),
            currency: Some("USD".to_owned()),
        }]);
    let in_pounds = PriceListCommand::RetirePack {
        code: "starter".to_owned(),
        currency: Some("GBP".to_owned()),
    };
    refused(both, in_pounds, not_found("starter", &["starter"]));
}

#[test]
fn before_there_were_several_a_new_currency_took_the_place_of_the_old_one() {
    let mut in_euro = published(("starter", "Starter", 900, 4_500, "EUR"));
    if let PriceListEvent::PackPublished { keeps_others, .. } = &mut in_euro {
        *keeps_others = false;
    }
    let list = list(vec![published(STARTER), in_euro]);
    assert_eq!(price(&list, None, 0), Some(4_500));
}

#[test]
fn a_pack_has_a_bounded_number_of_prices() {
    let prices = (1..=i64::try_from(PRICES_PER_PACK_MAX).unwrap())
        .map(|from| published_from(STARTER, Some(from), None))
        .collect();
    let another = publish_from(STARTER, Some(1_000), None, 500);
    refused(prices, another, PriceListError::TooManyPrices);
}
