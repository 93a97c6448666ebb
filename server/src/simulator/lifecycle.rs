//! Lives of customers in a store: the events of each, what the store knows of it in the end, and what it must have.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value, json};

pub const PREMIUM: &str = "simulated_premium";
pub const ENTERPRISE: &str = "simulated_enterprise";
/// What customers have without a store.
pub const WITHOUT: &str = "basic";
const MONTH: TimeDelta = TimeDelta::days(30);
const MONTHS_MAX: i32 = 5;

/// What a customer must have in the end.
#[derive(Clone, Debug)]
pub struct Expected {
    pub user: String,
    pub life: Life,
    pub tier: &'static str,
    /// `None` where it is not the store that decides.
    pub until: Option<DateTime<Utc>>,
}

/// Everything that happens, in its order.
#[derive(Debug, Default)]
pub struct Plan {
    pub events: Vec<Value>,
    pub expected: Vec<Expected>,
    /// What the store answers about each customer.
    pub subscribers: BTreeMap<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Renews,
    Cancelled,
    Expired,
    Refunded,
    RefundReversed,
    InGrace,
    Recovered,
    Upgraded,
    Paused,
    Extended,
    Lent,
    /// Its purchases go to the next customer.
    GivesAway,
    /// It has the purchases of the customer before it.
    Receives,
}

const LIVES: [Life; 12] = [
    Life::Renews,
    Life::Cancelled,
    Life::Expired,
    Life::Refunded,
    Life::RefundReversed,
    Life::InGrace,
    Life::Recovered,
    Life::Upgraded,
    Life::Paused,
    Life::Extended,
    Life::Lent,
    Life::GivesAway,
];

/// One life for each of `users`, every kind in turn, with dates by the seed.
pub fn plan(users: &[String], seed: u64, now: DateTime<Utc>) -> Plan {
    let mut random = StdRng::seed_from_u64(seed);
    let mut plan = Plan::default();
    let mut lives = LIVES.iter().cycle();
    let mut users = users.iter();
    while let Some(user) = users.next() {
        let life = lives.next().copied().unwrap_or(Life::Renews);
        let mut story = Story::begin(user, seed, now, &mut random);
        if life == Life::GivesAway
            && let Some(next) = users.next()
        {
            story.give_away(next, &mut plan);
        } else {
            story.live(if life == Life::GivesAway {
                Life::Renews
            } else {
                life
            });
            story.end(&mut plan);
        }
    }
    plan
}

struct Story {
    user: String,
    seed: u64,
    now: DateTime<Utc>,
    events: Vec<Value>,
    life: Life,
    tier: &'static str,
    until: Option<DateTime<Utc>>,
    /// The last period: product, transaction, from, to.
    last: (&'static str, String, DateTime<Utc>, DateTime<Utc>),
    first_transaction: String,
    /// More fields of what the store knows of the last period.
    known: Map<String, Value>,
}

impl Story {
    fn begin(user: &str, seed: u64, now: DateTime<Utc>, random: &mut StdRng) -> Self {
        let months = random.random_range(1..=MONTHS_MAX);
        let into = TimeDelta::hours(random.random_range(48..650));
        let first_transaction = format!("{seed}-{user}-0");
        let from = now - into - MONTH * months;
        let mut story = Self {
            user: user.to_owned(),
            seed,
            now,
            events: Vec::new(),
            life: Life::Renews,
            tier: WITHOUT,
            until: None,
            last: (PREMIUM, first_transaction.clone(), from, from + MONTH),
            first_transaction,
            known: Map::new(),
        };
        story.tell("INITIAL_PURCHASE", from, &paid(1));
        for month in 1..months {
            story.renew(PREMIUM, from + MONTH * month);
        }
        story
    }

    /// What is paid from `from` on for a month.
    fn renew(&mut self, product: &'static str, from: DateTime<Utc>) {
        let transaction = format!("{}-{}-{}", self.seed, self.user, from.timestamp());
        self.last = (product, transaction, from, from + MONTH);
        self.tell("RENEWAL", from, &paid(1));
    }

    /// The period that holds now.
    fn renew_to_now(&mut self) {
        let from = self.last.3;
        self.renew(PREMIUM, from);
        self.has("premium", self.last.3);
    }

    fn has(&mut self, tier: &'static str, until: DateTime<Utc>) {
        self.tier = tier;
        self.until = Some(until);
    }

    fn has_nothing(&mut self) {
        self.tier = WITHOUT;
        self.until = None;
    }

    fn live(&mut self, life: Life) {
        self.life = life;
        let hour = TimeDelta::hours(1);
        let before = self.now - hour * 10;
        match life {
            Life::Renews | Life::GivesAway | Life::Receives => self.renew_to_now(),
            Life::Cancelled => {
                self.renew_to_now();
                self.tell("CANCELLATION", before, &json!({"cancel_reason": "UNSUBSCRIBE"}));
            }
            Life::Expired => {
                let end = self.last.3;
                self.tell(
                    "CANCELLATION",
                    end - hour,
                    &json!({"cancel_reason": "UNSUBSCRIBE"}),
                );
                self.tell("EXPIRATION", end, &json!({"expiration_reason": "UNSUBSCRIBE"}));
            }
            Life::Refunded | Life::RefundReversed => {
                self.renew_to_now();
                self.refund(before);
                if life == Life::RefundReversed {
                    self.tell("REFUND_REVERSED", before + hour * 2, &paid(1));
                    self.known.clear();
                    self.has("premium", self.last.3);
                }
            }
            Life::InGrace | Life::Recovered => self.fail_to_pay(life == Life::Recovered),
            Life::Upgraded => {
                self.renew_to_now();
                self.tell("PRODUCT_CHANGE", before, &json!({"new_product_id": ENTERPRISE}));
                self.renew(ENTERPRISE, before + hour);
                self.has("enterprise", self.last.3);
            }
            Life::Paused => {
                let end = self.last.3;
                self.tell("SUBSCRIPTION_PAUSED", end - hour, &json!({}));
                self.tell(
                    "EXPIRATION",
                    end,
                    &json!({"expiration_reason": "SUBSCRIPTION_PAUSED"}),
                );
            }
            Life::Extended => {
                self.renew_to_now();
                self.last.3 += TimeDelta::days(7);
                self.tell("SUBSCRIPTION_EXTENDED", before, &json!({}));
                self.has("premium", self.last.3);
            }
            Life::Lent => {
                let end = self.last.3;
                self.tell("EXPIRATION", end, &json!({"expiration_reason": "UNSUBSCRIBE"}));
                let lent = json!({"transaction_id": null, "original_transaction_id": null,
                    "purchased_at_ms": (self.now - hour).timestamp_millis(),
                    "expiration_at_ms": (self.now + hour * 20).timestamp_millis()});
                self.tell("TEMPORARY_ENTITLEMENT_GRANT", self.now - hour, &lent);
                self.has("premium", self.now + hour * 20);
            }
        }
    }

    fn refund(&mut self, at: DateTime<Utc>) {
        let mut back = paid(-1);
        if let Some(fields) = back.as_object_mut() {
            fields.insert("cancel_reason".to_owned(), json!("CUSTOMER_SUPPORT"));
        }
        self.tell("CANCELLATION", at, &back);
        let ended =
            json!({"expiration_reason": "CUSTOMER_SUPPORT", "expiration_at_ms": at.timestamp_millis()});
        self.tell("EXPIRATION", at + TimeDelta::seconds(1), &ended);
        self.known.insert("refunded_at".to_owned(), date(at));
        self.has_nothing();
    }

    fn fail_to_pay(&mut self, recovers: bool) {
        let end = self.last.3;
        let grace = self.now + TimeDelta::days(5);
        let failed = json!({"grace_period_expiration_at_ms": grace.timestamp_millis()});
        self.tell("BILLING_ISSUE", end, &failed);
        self.tell("CANCELLATION", end, &json!({"cancel_reason": "BILLING_ERROR"}));
        if recovers {
            self.renew(PREMIUM, self.now - TimeDelta::hours(1));
            self.has("premium", self.last.3);
        } else {
            self.known
                .insert("grace_period_expires_date".to_owned(), date(grace));
            self.has("premium", grace);
        }
    }

    fn give_away(&mut self, to: &str, plan: &mut Plan) {
        self.live(Life::GivesAway);
        let at = self.now - TimeDelta::hours(5);
        plan.events.push(json!({
            "id": format!("{}-{}-transfer", self.seed, self.user), "type": "TRANSFER",
            "event_timestamp_ms": at.timestamp_millis(), "store": "APP_STORE", "environment": "PRODUCTION",
            "transferred_from": [self.user], "transferred_to": [to],
        }));
        plan.events.append(&mut self.events);
        plan.subscribers.insert(to.to_owned(), self.subscriber());
        plan.subscribers.insert(
            self.user.clone(),
            json!({"subscriptions": {}, "non_subscriptions": {}}),
        );
        plan.expected.push(Expected {
            user: to.to_owned(),
            life: Life::Receives,
            tier: self.tier,
            until: self.until,
        });
        plan.expected.push(Expected {
            user: self.user.clone(),
            life: Life::GivesAway,
            tier: WITHOUT,
            until: None,
        });
    }

    fn end(mut self, plan: &mut Plan) {
        plan.subscribers.insert(self.user.clone(), self.subscriber());
        plan.events.append(&mut self.events);
        plan.expected.push(Expected {
            user: self.user,
            life: self.life,
            tier: self.tier,
            until: self.until,
        });
    }

    fn subscriber(&self) -> Value {
        let (product, transaction, from, to) = &self.last;
        let mut known = self.known.clone();
        known.insert("purchase_date".to_owned(), date(*from));
        known.insert("expires_date".to_owned(), date(*to));
        known.insert("store".to_owned(), json!("app_store"));
        known.insert("store_transaction_id".to_owned(), json!(transaction));
        known.insert("is_sandbox".to_owned(), json!(false));
        json!({"original_app_user_id": self.user, "subscriptions": {*product: known}, "non_subscriptions": {}})
    }

    /// An event about the last period.
    fn tell(&mut self, event_type: &str, at: DateTime<Utc>, more: &Value) {
        let (product, transaction, from, to) = &self.last;
        let mut event = json!({
            "id": format!("{}-{}-{}", self.seed, self.user, self.events.len()), "type": event_type,
            "event_timestamp_ms": at.timestamp_millis(), "app_user_id": self.user,
            "original_app_user_id": self.user, "aliases": [self.user], "product_id": product,
            "entitlement_ids": [], "period_type": "NORMAL", "store": "APP_STORE", "environment": "PRODUCTION",
            "purchased_at_ms": from.timestamp_millis(), "expiration_at_ms": to.timestamp_millis(),
            "transaction_id": transaction, "original_transaction_id": self.first_transaction,
        });
        if let (Some(event), Some(more)) = (event.as_object_mut(), more.as_object()) {
            event.extend(more.clone());
        }
        self.events.push(event);
    }
}

/// A payment, or one that goes back.
fn paid(sign: i32) -> Value {
    let price = if sign < 0 { "-9.99" } else { "9.99" };
    let price: Value = serde_json::from_str(price).unwrap_or_default();
    json!({"price": price, "price_in_purchased_currency": price, "currency": "EUR", "tax_percentage": 0.19,
        "commission_percentage": 0.15})
}

fn date(at: DateTime<Utc>) -> Value {
    json!(at.to_rfc3339_opts(SecondsFormat::Secs, true))
}
