//! What a store tells: purchases by the month, renewals, refunds; now and then twice, and a day late.

use chrono::TimeDelta;
use commands::error::CommandError;
use commands::store_events::{catalogue, intake};
use domain::ids::TenantId;
use domain::store_catalogue::{Mapping, StoreCatalogueCommand};
use domain::tier::Tier;
use rand::Rng;
use serde_json::{Value, json};
use store::unit_of_work::Owner;

use super::Year;

const HOOK: &str = "year";
const PRODUCT: &str = "premium_monthly";
const MONTH_DAYS: u32 = 30;

impl Year<'_> {
    pub(super) async fn map_products(&mut self) -> Result<(), CommandError> {
        let cause = self.cause(Owner::PLATFORM, self.admin);
        let command = StoreCatalogueCommand::Map {
            product: PRODUCT.to_owned(),
            mapping: Mapping {
                tier: Tier::PREMIUM,
                days: None,
            },
            at: cause.at,
        };
        catalogue::change(self.write, &cause, command).await?;
        Ok(())
    }

    /// Each customer of a store buys the month that begins, until it stays away.
    pub(super) async fn buy_in_stores(&mut self, day: u32) -> Result<(), CommandError> {
        let mut events = Vec::new();
        for client in self
            .clients
            .iter_mut()
            .filter(|client| client.in_store && !client.gone)
        {
            let age = day - client.since;
            let month = age / MONTH_DAYS;
            if age % MONTH_DAYS == 1 {
                let stays = month == 0 || self.random.random_bool(0.93);
                client.gone = !stays;
                if stays {
                    events.push(Told::Bought {
                        tenant: client.tenant,
                        month,
                    });
                    if self.random.random_bool(0.05) {
                        events.push(Told::Bought {
                            tenant: client.tenant,
                            month,
                        });
                    }
                }
            } else if age % MONTH_DAYS == 9 && self.random.random_bool(0.02) {
                events.push(Told::Refunded {
                    tenant: client.tenant,
                    month,
                });
            }
        }
        let now = self.write.clock.now();
        for event in events {
            let event = event.body(now.timestamp_millis());
            let body = json!({"api_version": "1.0", "event": event}).to_string();
            intake::receive(self.write, HOOK, body.as_bytes()).await?;
            self.lived.store_events += 1;
        }
        Ok(())
    }
}

enum Told {
    Bought { tenant: TenantId, month: u32 },
    Refunded { tenant: TenantId, month: u32 },
}

impl Told {
    /// As RevenueCat sends it when it happens.
    fn body(&self, now_ms: i64) -> Value {
        let day_ms = TimeDelta::days(1).num_milliseconds();
        let (tenant, month, kind, price) = match self {
            Self::Bought { tenant, month: 0 } => (tenant, 0, "INITIAL_PURCHASE", 19.99),
            Self::Bought { tenant, month } => (tenant, *month, "RENEWAL", 19.99),
            Self::Refunded { tenant, month } => (tenant, *month, "CANCELLATION", -19.99),
        };
        let bought = match self {
            Self::Bought { .. } => now_ms,
            Self::Refunded { .. } => now_ms - 8 * day_ms,
        };
        let mut event = json!({
            "id": format!("{tenant}-{kind}-{month}"), "type": kind, "app_id": "app_year", "event_timestamp_ms": now_ms,
            "app_user_id": tenant, "original_app_user_id": tenant, "aliases": [tenant],
            "product_id": PRODUCT, "entitlement_ids": ["premium"], "period_type": "NORMAL",
            "purchased_at_ms": bought, "expiration_at_ms": bought + i64::from(MONTH_DAYS) * day_ms,
            "store": "APP_STORE", "environment": "PRODUCTION", "price": price, "currency": "EUR",
            "price_in_purchased_currency": price, "tax_percentage": 0.19, "commission_percentage": 0.15,
            "transaction_id": format!("{tenant}-{month}"), "original_transaction_id": format!("{tenant}-0"),
        });
        if let (Self::Refunded { .. }, Some(event)) = (self, event.as_object_mut()) {
            event.insert("cancel_reason".to_owned(), json!("CUSTOMER_SUPPORT"));
        }
        event
    }
}
