use cqrs_es::test::TestFramework;

use super::*;

type Framework = TestFramework<StoreCatalogue>;

fn day(day: u32) -> DateTime<Utc> {
    format!("2026-11-{day:02}T00:00:00Z").parse().unwrap()
}

fn mapping(tier: Tier) -> Mapping {
    Mapping { tier, days: None }
}

fn map(product: &str, tier: Tier, at: DateTime<Utc>) -> StoreCatalogueCommand {
    StoreCatalogueCommand::Map {
        product: product.to_owned(),
        mapping: mapping(tier),
        at,
    }
}

fn mapped(product: &str, version: u32, tier: Tier, since: DateTime<Utc>) -> StoreCatalogueEvent {
    StoreCatalogueEvent::StoreProductMapped {
        product: product.to_owned(),
        version,
        mapping: mapping(tier),
        since,
    }
}

fn retired(product: &str, version: u32, since: DateTime<Utc>) -> StoreCatalogueEvent {
    StoreCatalogueEvent::StoreProductRetired {
        product: product.to_owned(),
        version,
        since,
    }
}

fn folded(events: Vec<StoreCatalogueEvent>) -> StoreCatalogue {
    let mut catalogue = StoreCatalogue::default();
    for event in events {
        catalogue.evolve(event);
    }
    catalogue
}

#[test]
fn a_product_is_mapped_and_mapped_anew() {
    Framework::with(())
        .given_no_previous_events()
        .when(map(" premium_monthly ", Tier::PREMIUM, day(1)))
        .then_expect_events(vec![mapped("premium_monthly", 1, Tier::PREMIUM, day(1))]);
    Framework::with(())
        .given(vec![mapped("premium_monthly", 1, Tier::PREMIUM, day(1))])
        .when(map("premium_monthly", Tier::ENTERPRISE, day(5)))
        .then_expect_events(vec![mapped("premium_monthly", 2, Tier::ENTERPRISE, day(5))]);
}

#[test]
fn mapping_a_product_as_it_is_changes_nothing() {
    Framework::with(())
        .given(vec![mapped("p", 1, Tier::BASIC, day(1))])
        .when(map("p", Tier::BASIC, day(5)))
        .then_expect_events(vec![]);
}

#[test]
fn a_product_without_a_name_or_with_impossible_days_is_refused() {
    Framework::with(())
        .given_no_previous_events()
        .when(map("", Tier::BASIC, day(1)))
        .then_expect_error(StoreCatalogueError::InvalidProduct);
    for days in [0, PRODUCT_DAYS_MAX + 1] {
        let command = StoreCatalogueCommand::Map {
            product: "p".to_owned(),
            mapping: Mapping {
                tier: Tier::BASIC,
                days: Some(days),
            },
            at: day(1),
        };
        Framework::with(())
            .given_no_previous_events()
            .when(command)
            .then_expect_error(StoreCatalogueError::InvalidProductDays);
    }
}

#[test]
fn a_product_is_retired_once() {
    let retire = || StoreCatalogueCommand::Retire {
        product: "p".to_owned(),
        at: day(9),
    };
    Framework::with(())
        .given(vec![mapped("p", 1, Tier::BASIC, day(1))])
        .when(retire())
        .then_expect_events(vec![retired("p", 2, day(9))]);
    for given in [
        vec![],
        vec![mapped("p", 1, Tier::BASIC, day(1)), retired("p", 2, day(2))],
    ] {
        Framework::with(())
            .given(given)
            .when(retire())
            .then_expect_error(StoreCatalogueError::ProductNotFound);
    }
}

#[test]
fn the_number_of_products_has_an_end() {
    let given = (0..PRODUCTS_MAX).map(|n| mapped(&format!("p{n}"), 1, Tier::BASIC, day(1)));
    Framework::with(())
        .given(given.collect())
        .when(map("one more", Tier::BASIC, day(2)))
        .then_expect_error(StoreCatalogueError::TooManyProducts);
}

#[test]
fn a_purchase_gets_what_the_product_meant_when_it_was_bought() {
    let catalogue = folded(vec![
        mapped("p", 1, Tier::BASIC, day(5)),
        mapped("p", 2, Tier::PREMIUM, day(10)),
        retired("p", 3, day(20)),
    ]);
    let tier = |at| catalogue.mapping("p", at).map(|mapping| mapping.tier);
    assert_eq!(tier(day(6)), Some(Tier::BASIC));
    assert_eq!(tier(day(10)), Some(Tier::PREMIUM));
    assert_eq!(tier(day(20)), None);
    // It was sold before anybody said what it means.
    assert_eq!(tier(day(1)), Some(Tier::BASIC));
    assert_eq!(catalogue.mapping("other", day(6)), None);
}

#[test]
fn a_base_plan_is_its_subscriptions_unless_it_is_mapped_itself() {
    let catalogue = folded(vec![
        mapped("sub", 1, Tier::BASIC, day(1)),
        mapped("sub:yearly", 1, Tier::PREMIUM, day(1)),
    ]);
    let tier = |product| catalogue.mapping(product, day(2)).map(|mapping| mapping.tier);
    assert_eq!(tier("sub:monthly"), Some(Tier::BASIC));
    assert_eq!(tier("sub:yearly"), Some(Tier::PREMIUM));
}
