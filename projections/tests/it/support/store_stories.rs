//! What happens in stores: a product is mapped, a customer buys it, a look-up finds a difference.

use chrono::TimeDelta;
use domain::credits::Money;
use domain::ids::{GrantId, SaleId, StoreAccountId, StoreUserId};
use domain::store_account::{
    Bought, Charge, Drift, DriftCause, FactKind, Settled, Settlement, StoreAccount, StoreAccountEvent,
    StoreFact, StoreSale, StoreSaleKind,
};
use domain::store_catalogue::{Mapping, STORE_CATALOGUE_ID, StoreCatalogue, StoreCatalogueEvent};
use domain::subscription::{GrantSource, Standing, Subscription, SubscriptionEvent};
use domain::tier::Tier;
use store::unit_of_work::Owner;
use uuid::Uuid;

use super::{Story, TestLog, noon};

/// What two products of a store mean.
pub async fn map_products(log: &mut TestLog) {
    for product in ["premium_monthly", "enterprise_yearly"] {
        let mapped = StoreCatalogueEvent::StoreProductMapped {
            product: product.to_owned(),
            version: 1,
            mapping: Mapping {
                tier: Tier::PREMIUM,
                days: None,
            },
            since: noon(),
        };
        log.one::<StoreCatalogue>(STORE_CATALOGUE_ID, mapped, Owner::PLATFORM, noon())
            .await;
    }
}

fn charge() -> Charge {
    Charge {
        gross: Money {
            amount_minor: 1_999,
            currency: "EUR".to_owned(),
        },
        tax_minor: 380,
        store_cut_minor: 300,
    }
}

/// The story's customer buys in a store, and a look-up finds that the dates differ.
pub async fn buy_in_store(log: &mut TestLog, story: &Story) -> StoreAccountId {
    let account_id = StoreAccountId(Uuid::now_v7());
    let event_id = format!("purchase of {}", story.tenant_id);
    let fact = StoreFact {
        event_id: event_id.clone(),
        event_type: "INITIAL_PURCHASE".to_owned(),
        kind: FactKind::Purchased,
        at: noon(),
        users: vec![StoreUserId(story.tenant_id.0)],
        taken_from: vec![],
        store: "APP_STORE".to_owned(),
        sandbox: false,
        bought: Bought {
            product: Some("premium_monthly".to_owned()),
            transaction: Some("t1".to_owned()),
            ..Bought::default()
        },
        charge: Some(charge()),
    };
    let settled = Settled {
        event_id: event_id.clone(),
        settlement: Settlement {
            tenant_id: Some(story.tenant_id),
            reseller_id: Some(story.reseller_id),
            hold: None,
        },
    };
    let sale = StoreSale {
        sale_id: SaleId(Uuid::now_v7()),
        event_id,
        kind: StoreSaleKind::Sale,
        tenant_id: story.tenant_id,
        reseller_id: story.reseller_id,
        store: "APP_STORE".to_owned(),
        product: "premium_monthly".to_owned(),
        transaction: "t1".to_owned(),
        charge: charge(),
        sold_at: noon(),
        reverses: None,
    };
    let drift = Drift {
        cause: DriftCause::DatesDiffer,
        product: "premium_monthly".to_owned(),
        transaction: "t1".to_owned(),
        expected: "to 2026-12-21".to_owned(),
        found: "to 2026-12-22".to_owned(),
        tenant_id: Some(story.tenant_id),
        reseller_id: Some(story.reseller_id),
    };
    for event in [
        StoreAccountEvent::StoreEventTaken { fact },
        StoreAccountEvent::StoreTransactionRecorded(sale),
        StoreAccountEvent::StoreEventsSettled {
            changes: vec![settled],
        },
        StoreAccountEvent::StoreDriftFound {
            found: vec![drift],
            repaired: true,
        },
    ] {
        log.one::<StoreAccount>(account_id, event, Owner::PLATFORM, noon())
            .await;
    }
    date_grant(log, story, Uuid::now_v7(), 30).await;
    account_id
}

/// A grant from a store that lasts so many days from noon on, beside the thirty days that the story has paid.
pub async fn date_grant(log: &mut TestLog, story: &Story, grant_id: Uuid, days: i64) {
    let ends_at = noon() + TimeDelta::days(days);
    let paid_to = noon() + TimeDelta::days(30);
    let tier = if ends_at > paid_to {
        Tier::ENTERPRISE
    } else {
        Tier::PREMIUM
    };
    let dated = SubscriptionEvent::AccessDated {
        grant_id: GrantId(grant_id),
        tier: Tier::ENTERPRISE,
        source: GrantSource::Store,
        starts_at: noon(),
        ends_at,
        leaves: Standing {
            tier,
            ends_at: ends_at.max(paid_to),
        },
    };
    log.one::<Subscription>(
        story.tenant_id,
        dated,
        story.of_tenant(),
        noon() + TimeDelta::days(1),
    )
    .await;
}
