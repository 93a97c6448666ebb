//! What follows from what a store says: by example. All times are days of November 2026.

use cqrs_es::Aggregate as _;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::credits::Money;
use crate::ids::StoreUserId;
use crate::store_catalogue::{Mapping, StoreCatalogueEvent};

pub(super) const ANNA: StoreUserId = StoreUserId(Uuid::from_u128(0xa));
pub(super) const BEN: StoreUserId = StoreUserId(Uuid::from_u128(0xb));
pub(super) const NOBODY: StoreUserId = StoreUserId(Uuid::from_u128(0xc));

pub(super) fn tenant(user: StoreUserId) -> TenantId {
    TenantId(Uuid::from_u128(user.0.as_u128() << 8))
}

pub(super) fn reseller() -> ResellerId {
    ResellerId(Uuid::from_u128(0xeee))
}

pub(super) fn day(days: i64) -> DateTime<Utc> {
    hour(24 * days)
}

pub(super) fn hour(hours: i64) -> DateTime<Utc> {
    "2026-11-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + chrono::TimeDelta::hours(hours)
}

pub(super) fn known() -> Known {
    let mut catalogue = StoreCatalogue::default();
    for (product, tier, days) in [
        ("basic", Tier::BASIC, None),
        ("premium", Tier::PREMIUM, None),
        ("week", Tier::PREMIUM, Some(7)),
    ] {
        catalogue.apply(StoreCatalogueEvent::StoreProductMapped {
            product: product.to_owned(),
            version: 1,
            mapping: Mapping { tier, days },
            since: day(0),
        });
    }
    Known {
        catalogue,
        homes: [(tenant(ANNA), reseller()), (tenant(BEN), reseller())].into(),
        sandbox_counts: false,
    }
}

pub(super) fn links() -> Vec<Link> {
    [ANNA, BEN].map(recognised).to_vec()
}

fn recognised(user: StoreUserId) -> Link {
    Link {
        user,
        tenant_id: tenant(user),
        said_at: None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "facts may have one")]
pub(super) fn charge(minor: i64) -> Option<Charge> {
    Some(Charge {
        gross: Money {
            amount_minor: minor,
            currency: "EUR".to_owned(),
        },
        tax_minor: minor / 10,
        store_cut_minor: minor / 5,
    })
}

/// A fact at `at` about `transaction` of the chain that began with `t1`.
pub(super) fn fact(kind: FactKind, user: StoreUserId, transaction: &str, at: DateTime<Utc>) -> StoreFact {
    StoreFact {
        event_id: format!("{}-{transaction}-{}", kind.as_ref(), at.timestamp()),
        event_type: kind.as_ref().to_uppercase(),
        kind,
        at,
        users: vec![user],
        taken_from: vec![],
        store: "APP_STORE".to_owned(),
        sandbox: false,
        bought: Bought {
            product: Some("premium".to_owned()),
            transaction: Some(transaction.to_owned()),
            original_transaction: Some("t1".to_owned()),
            ..Bought::default()
        },
        charge: None,
    }
}

pub(super) fn bought(kind: FactKind, transaction: &str, from: i64, to: i64) -> StoreFact {
    let mut fact = fact(kind, ANNA, transaction, day(from));
    fact.bought.purchased_at = Some(day(from));
    fact.bought.expires_at = Some(day(to));
    fact.charge = charge(1_000);
    fact
}

pub(super) fn transfer(from: StoreUserId, to: StoreUserId, at: DateTime<Utc>) -> StoreFact {
    let mut fact = fact(FactKind::Transferred, to, "none", at);
    fact.event_id = format!("transfer-{}-{}", to.0, at.timestamp());
    fact.bought = Bought::default();
    fact.taken_from = vec![from];
    fact
}

pub(super) fn take(fact: StoreFact) -> StoreAccountCommand {
    let links = links().into_iter();
    StoreAccountCommand::Take {
        links: links
            .filter(|link| fact.users.contains(&link.user) || fact.taken_from.contains(&link.user))
            .collect(),
        fact: Box::new(fact),
        known: known(),
    }
}

pub(super) fn run(account: &mut StoreAccount, command: StoreAccountCommand) -> Vec<StoreAccountEvent> {
    let events = account.decide(command).unwrap();
    for event in &events {
        account.apply(event.clone());
    }
    events
}

pub(super) fn after(facts: impl IntoIterator<Item = StoreFact>) -> StoreAccount {
    let mut account = StoreAccount::default();
    for fact in facts {
        run(&mut account, take(fact));
    }
    account
}

type Told = (StoreUserId, Tier, GrantSource, DateTime<Utc>, DateTime<Utc>);

/// Who has what from when to when.
fn access(account: &StoreAccount) -> Vec<Told> {
    let user = |grant: &StoreGrant| {
        if grant.tenant_id == tenant(ANNA) {
            ANNA
        } else {
            BEN
        }
    };
    let mut access: Vec<_> = account
        .held()
        .grants()
        .map(|grant| {
            (
                user(grant),
                grant.tier,
                grant.source,
                grant.starts_at,
                grant.ends_at,
            )
        })
        .collect();
    access.sort_by_key(|told| (told.3, told.4));
    access
}

fn premium(user: StoreUserId, from: i64, to: i64) -> Told {
    (user, Tier::PREMIUM, GrantSource::Store, day(from), day(to))
}

fn holds(account: &StoreAccount) -> Vec<Hold> {
    let facts = account.held().facts();
    facts
        .filter_map(|fact| account.held().settlement(&fact.event_id)?.hold)
        .collect()
}

fn given(events: Vec<StoreAccountEvent>) -> AggregateTestExecutor<StoreAccount> {
    TestFramework::with(()).given(events)
}

fn initial() -> StoreFact {
    bought(FactKind::Purchased, "t1", 0, 10)
}

fn renewal() -> StoreFact {
    bought(FactKind::Renewed, "t2", 10, 20)
}

#[test]
fn a_purchase_gives_access_and_is_a_sale() {
    let events = StoreAccount::default().decide(take(initial())).unwrap();
    let names: Vec<&str> = events.iter().map(AsRef::as_ref).collect();
    assert_eq!(
        names,
        [
            "StoreEventTaken",
            "StoreUserLinked",
            "StoreAccessChanged",
            "StoreTransactionRecorded",
            "StoreEventsSettled"
        ]
    );
    let account = after([initial()]);
    assert_eq!(access(&account), [premium(ANNA, 0, 10)]);
    let sale = account.held().sales().next().unwrap();
    assert_eq!((sale.kind, sale.tenant_id), (StoreSaleKind::Sale, tenant(ANNA)));
    assert_eq!(Some(sale.charge.clone()), charge(1_000));
    assert!(!account.held().waits());
}

#[test]
fn the_same_event_again_changes_nothing() {
    let past = StoreAccount::default().decide(take(initial())).unwrap();
    given(past).when(take(initial())).then_expect_events(vec![]);
}

#[test]
fn a_cancellation_or_a_pause_ends_nothing_but_an_expiration_does() {
    for kind in [
        FactKind::Cancelled,
        FactKind::Paused,
        FactKind::ProductChangeAnnounced,
    ] {
        let mut told = fact(kind, ANNA, "t1", day(3));
        told.bought.new_product = Some("basic".to_owned());
        assert_eq!(
            access(&after([initial(), told])),
            [premium(ANNA, 0, 10)],
            "{kind:?}"
        );
    }
    let ended = after([initial(), fact(FactKind::Expired, ANNA, "t1", day(3))]);
    assert_eq!(access(&ended), [premium(ANNA, 0, 3)]);
    let mut late = fact(FactKind::Expired, ANNA, "t1", day(11));
    late.bought.expires_at = Some(day(10));
    assert_eq!(access(&after([initial(), late])), [premium(ANNA, 0, 10)]);
}

#[test]
fn a_stale_expiration_of_an_earlier_period_leaves_the_renewal_alone() {
    let stale = fact(FactKind::Expired, ANNA, "t1", day(12));
    let account = after([initial(), renewal(), stale]);
    assert_eq!(access(&account), [premium(ANNA, 0, 10), premium(ANNA, 10, 20)]);
}

#[test]
fn an_extension_moves_the_end() {
    let mut extended = fact(FactKind::Extended, ANNA, "t1", day(5));
    extended.bought.expires_at = Some(day(14));
    assert_eq!(access(&after([initial(), extended])), [premium(ANNA, 0, 14)]);
}

#[test]
fn a_billing_issue_gives_grace_up_to_the_renewal_or_the_end() {
    let mut failed = fact(FactKind::BillingFailed, ANNA, "t1", day(10));
    failed.bought.grace_ends_at = Some(day(16));
    let grace = |to| (ANNA, Tier::PREMIUM, GrantSource::Grace, day(10), day(to));
    let failing = [initial(), failed];
    assert_eq!(access(&after(failing.clone())), [premium(ANNA, 0, 10), grace(16)]);
    let recovered = bought(FactKind::Renewed, "t2", 12, 22);
    let account = after(failing.clone().into_iter().chain([recovered]));
    assert_eq!(
        access(&account),
        [premium(ANNA, 0, 10), grace(12), premium(ANNA, 12, 22)]
    );
    let mut given_up = fact(FactKind::Expired, ANNA, "t1", day(13));
    given_up.bought.expires_at = Some(day(10));
    let account = after(failing.into_iter().chain([given_up]));
    assert_eq!(access(&account), [premium(ANNA, 0, 10), grace(13)]);
}

#[test]
fn a_change_of_product_counts_from_the_renewal_that_brings_it() {
    let mut upgraded = bought(FactKind::Renewed, "t2", 4, 14);
    upgraded.bought.product = Some("basic".to_owned());
    let account = after([initial(), upgraded]);
    let basic = (ANNA, Tier::BASIC, GrantSource::Store, day(4), day(14));
    assert_eq!(access(&account), [premium(ANNA, 0, 4), basic]);
}

#[test]
fn a_purchase_without_an_end_gives_the_products_days() {
    let mut once = bought(FactKind::BoughtOnce, "t1", 0, 0);
    once.bought.expires_at = None;
    let account = after([once.clone()]);
    assert_eq!(holds(&account), [Hold::ProductWithoutDays]);
    once.bought.product = Some("week".to_owned());
    assert_eq!(access(&after([once])), [premium(ANNA, 0, 7)]);
}

#[test]
fn what_a_store_lends_ends_after_a_day() {
    let mut lent = bought(FactKind::Lent, "t1", 0, 5);
    lent.charge = None;
    lent.bought.transaction = None;
    assert_eq!(access(&after([lent])), [premium(ANNA, 0, 1)]);
}

#[test]
fn a_refund_ends_access_and_gives_the_money_back_and_its_reversal_undoes_both() {
    let mut refunded = fact(FactKind::Refunded, ANNA, "t1", day(2));
    refunded.charge = charge(-1_000);
    let ended = fact(FactKind::Expired, ANNA, "t1", hour(49));
    let mut history = vec![initial(), refunded, ended];
    let account = after(history.clone());
    assert_eq!(access(&account), [premium(ANNA, 0, 2)]);
    let amounts = |account: &StoreAccount| -> Vec<_> {
        let sales = account.held().sales();
        let mut amounts: Vec<_> = sales
            .map(|sale| (sale.kind.as_ref().to_owned(), sale.charge.gross.amount_minor))
            .collect();
        amounts.sort();
        amounts
    };
    assert_eq!(
        amounts(&account),
        [("refund".to_owned(), -1_000), ("sale".to_owned(), 1_000)]
    );
    history.push(fact(FactKind::RefundReversed, ANNA, "t1", day(3)));
    let account = after(history);
    assert_eq!(access(&account), [premium(ANNA, 0, 10)]);
    assert_eq!(amounts(&account)[1], ("refund_reversed".to_owned(), 1_000));
}

#[test]
fn money_that_fits_no_sale_is_held_until_the_sale_comes() {
    let mut refunded = fact(FactKind::Refunded, ANNA, "t1", day(2));
    refunded.charge = charge(-1_000);
    let mut account = after([refunded.clone()]);
    assert_eq!(holds(&account), [Hold::MoneyFitsNoSale]);
    run(&mut account, take(initial()));
    assert_eq!(holds(&account), []);
    // A second one would give back what nobody has paid.
    refunded.event_id = "again".to_owned();
    run(&mut account, take(refunded));
    assert_eq!(holds(&account), [Hold::MoneyFitsNoSale]);
    assert_eq!(account.held().sales().count(), 2);
}

#[test]
fn a_transfer_passes_purchases_on_from_its_moment() {
    let account = after([initial(), transfer(ANNA, BEN, day(4))]);
    assert_eq!(access(&account), [premium(ANNA, 0, 4), premium(BEN, 4, 10)]);
    assert_eq!(account.held().sales().next().unwrap().tenant_id, tenant(ANNA));
}

#[test]
fn a_stale_transfer_after_a_newer_one_grants_nothing_again() {
    let (there, back) = (transfer(ANNA, BEN, day(2)), transfer(BEN, ANNA, day(4)));
    let in_order = after([initial(), there.clone(), back.clone()]);
    let stale = after([initial(), back, there]);
    assert_eq!(access(&stale), access(&in_order));
    let last = access(&stale).pop().unwrap();
    assert_eq!((last.0, last.4), (ANNA, day(10)));
}

#[test]
fn aliases_are_one_customer() {
    let mut anonymous = initial();
    anonymous.users = vec![NOBODY];
    let mut account = after([anonymous]);
    assert_eq!(holds(&account), [Hold::UnknownCustomer]);
    assert_eq!(account.held().sales().count(), 0);
    let mut alias = fact(FactKind::Noted, ANNA, "none", day(1));
    alias.users = vec![ANNA, NOBODY];
    run(&mut account, take(alias));
    assert_eq!(access(&account), [premium(ANNA, 0, 10)]);
    assert_eq!((holds(&account).len(), account.held().sales().count()), (0, 1));
}

#[test]
fn a_later_alias_does_not_take_a_customer_over() {
    let mut both = fact(FactKind::Noted, BEN, "none", day(1));
    both.users = vec![BEN, ANNA];
    assert_eq!(access(&after([initial(), both])), [premium(ANNA, 0, 10)]);
}

#[test]
fn linking_an_unknown_customer_lets_what_waits_take_effect() {
    let mut anonymous = initial();
    anonymous.users = vec![NOBODY];
    let mut account = after([anonymous]);
    let link = |tenant_id, days| StoreAccountCommand::Link {
        link: Link {
            user: NOBODY,
            tenant_id,
            said_at: Some(day(days)),
        },
        known: known(),
    };
    run(&mut account, link(tenant(ANNA), 2));
    assert_eq!(access(&account), [premium(ANNA, 0, 10)]);
    assert!(run(&mut account, link(tenant(ANNA), 3)).is_empty());
    // The last word counts, whoever hears it last.
    run(&mut account, link(tenant(BEN), 5));
    run(&mut account, link(tenant(ANNA), 4));
    assert_eq!(access(&account), [premium(BEN, 0, 10)]);
    assert_eq!(account.held().sales().count(), 1);
}

#[test]
fn an_unknown_product_waits_for_its_mapping() {
    let mut strange = initial();
    strange.bought.product = Some("new".to_owned());
    let mut account = after([strange]);
    assert_eq!(holds(&account), [Hold::UnknownProduct]);
    let mut known = known();
    known.catalogue.apply(StoreCatalogueEvent::StoreProductMapped {
        product: "new".to_owned(),
        version: 1,
        mapping: Mapping {
            tier: Tier::ENTERPRISE,
            days: None,
        },
        since: day(5),
    });
    run(&mut account, StoreAccountCommand::Reassess { known });
    assert_eq!(holds(&account), []);
    assert_eq!(access(&account)[0].1, Tier::ENTERPRISE);
}

#[test]
fn a_test_environment_counts_only_where_it_is_told_to() {
    let mut sandbox = initial();
    sandbox.sandbox = true;
    let mut account = after([sandbox]);
    assert_eq!(holds(&account), [Hold::Sandbox]);
    assert_eq!((access(&account).len(), account.held().sales().count()), (0, 0));
    let known = Known {
        sandbox_counts: true,
        ..known()
    };
    run(&mut account, StoreAccountCommand::Reassess { known });
    assert_eq!(access(&account), [premium(ANNA, 0, 10)]);
}

#[test]
fn an_event_of_an_unknown_type_waits_until_it_is_understood() {
    let mut strange = initial();
    strange.kind = FactKind::Unknown;
    let mut account = after([strange.clone()]);
    assert_eq!(holds(&account), [Hold::UnknownType]);
    assert!(run(&mut account, take(strange.clone())).is_empty());
    strange.kind = FactKind::Purchased;
    run(&mut account, take(strange));
    assert_eq!(access(&account), [premium(ANNA, 0, 10)]);
}

#[test]
fn an_event_without_a_transaction_says_so() {
    let mut bare = initial();
    bare.bought.transaction = None;
    bare.bought.original_transaction = None;
    assert_eq!(holds(&after([bare])), [Hold::NoTransaction]);
}

#[test]
fn whose_customer_it_was_at_a_sale_stays_so() {
    let mut account = after([initial()]);
    let other = ResellerId(Uuid::from_u128(0xfff));
    let mut moved = known();
    moved.homes.insert(tenant(ANNA), other);
    let command = StoreAccountCommand::Take {
        fact: Box::new(renewal()),
        links: vec![],
        known: moved,
    };
    run(&mut account, command);
    let homes: Vec<_> = ["purchased-t1-1793491200", "renewed-t2-1794355200"]
        .map(|event| account.held().settlement(event).unwrap().reseller_id.unwrap())
        .into();
    assert_eq!(homes, [reseller(), other]);
}

#[test]
fn accounts_that_turn_out_to_be_one_are_merged() {
    let mut anonymous = renewal();
    anonymous.users = vec![NOBODY];
    let (mut winner, loser) = (after([initial()]), after([anonymous]));
    let (this, that) = (
        StoreAccountId(Uuid::from_u128(1)),
        StoreAccountId(Uuid::from_u128(2)),
    );
    let adopt = StoreAccountCommand::Adopt {
        from: vec![that],
        held: vec![loser.held().clone()],
    };
    run(&mut winner, adopt);
    let mut alias = fact(FactKind::Noted, ANNA, "none", day(11));
    alias.users = vec![ANNA, NOBODY];
    run(&mut winner, take(alias));
    assert_eq!(access(&winner), [premium(ANNA, 0, 10), premium(ANNA, 10, 20)]);
    let mut past = vec![StoreAccountEvent::StoreAccountClosed { into: this }];
    given(past.clone())
        .when(take(initial()))
        .then_expect_error(StoreAccountError::StoreAccountClosed(this));
    past.clear();
    given(past)
        .when(StoreAccountCommand::Close { into: this })
        .then_expect_events(vec![StoreAccountEvent::StoreAccountClosed { into: this }]);
}

#[test]
fn what_a_look_up_found_is_recorded_and_repaired() {
    let mut account = after([initial()]);
    let mut seen = fact(FactKind::Observed, ANNA, "t2", day(12));
    seen.bought.purchased_at = Some(day(10));
    seen.bought.expires_at = Some(day(20));
    let drift = Drift {
        cause: DriftCause::PurchaseMissed,
        product: "premium".to_owned(),
        transaction: "t2".to_owned(),
        expected: "nothing".to_owned(),
        found: "2026-11-11 to 2026-11-21".to_owned(),
        tenant_id: Some(tenant(ANNA)),
        reseller_id: Some(reseller()),
    };
    let compare = |repairs| StoreAccountCommand::Compare {
        found: vec![drift.clone()],
        repairs,
        known: known(),
    };
    let reported = run(&mut account, compare(vec![]));
    assert_eq!(
        reported,
        [StoreAccountEvent::StoreDriftFound {
            found: vec![drift.clone()],
            repaired: false
        }]
    );
    run(&mut account, compare(vec![seen]));
    assert_eq!(access(&account), [premium(ANNA, 0, 10), premium(ANNA, 10, 20)]);
}

#[test]
fn an_account_has_a_most_number_of_events() {
    let mut account = StoreAccount::default();
    for number in 0..FACTS_MAX {
        let mut noted = fact(FactKind::Noted, ANNA, "none", day(0));
        noted.event_id = number.to_string();
        account.apply(StoreAccountEvent::StoreEventTaken { fact: noted });
    }
    let refused = account.decide(take(initial())).unwrap_err();
    assert_eq!(refused, StoreAccountError::TooManyStoreEvents);
    assert_eq!(
        (refused.code(), refused.kind()),
        ("TOO_MANY_STORE_EVENTS", RefusalKind::Conflict)
    );
    let closed = StoreAccountError::StoreAccountClosed(StoreAccountId(Uuid::nil()));
    assert_eq!(
        (closed.code(), closed.kind()),
        ("STORE_ACCOUNT_CLOSED", RefusalKind::Conflict)
    );
}
