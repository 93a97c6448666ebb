//! RevenueCat's events in the product's own words. Fields that it does not know are left alone: they come without
//! notice.

use chrono::{DateTime, TimeDelta, Utc};
use domain::credits::{Money, is_currency};
use domain::currency;
use domain::ids::{StoreUserId, TenantId};
use domain::sale::GROSS_MINOR_MAX;
use domain::store_account::{Bought, Charge, FactKind, StoreFact};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

/// How far ahead of ours a sender's clock may be. A fact from the future would count for more than all that follow.
const AHEAD_MAX: TimeDelta = TimeDelta::minutes(5);
/// Most ids of one customer, and the longest.
const IDS_MAX: usize = 500;
const ID_BYTES_MAX: usize = 400;
const EVENT_ID_CHARS_MAX: usize = 200;
/// Longest text of any other field that is kept.
const TEXT_CHARS_MAX: usize = 200;

/// What has to be known of an event to store it.
#[derive(Debug)]
pub struct Head {
    pub event_id: String,
    pub event_type: String,
    pub at: DateTime<Utc>,
    /// Of whom it is, by one of the customer's ids.
    pub of: String,
    pub sandbox: bool,
}

#[derive(Deserialize)]
struct Envelope<T> {
    event: T,
}

#[derive(Deserialize)]
struct RawHead {
    id: String,
    #[serde(rename = "type")]
    event_type: String,
    event_timestamp_ms: i64,
    #[serde(default)]
    app_user_id: Option<String>,
    #[serde(default)]
    transferred_to: Option<Vec<String>>,
    #[serde(default, alias = "purchase_environment")]
    environment: Option<String>,
}

/// Reads what has to be known to store an event.
///
/// # Errors
/// Why it is none, in words.
pub fn head(body: &[u8]) -> Result<Head, String> {
    let Envelope { event }: Envelope<RawHead> =
        serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if event.id.is_empty() || event.id.chars().count() > EVENT_ID_CHARS_MAX {
        return Err(format!("event.id has 1 to {EVENT_ID_CHARS_MAX} characters"));
    }
    let at = instant(event.event_timestamp_ms).ok_or("event.event_timestamp_ms is no time")?;
    let received_by = event.transferred_to.and_then(|ids| ids.into_iter().next());
    Ok(Head {
        of: event
            .app_user_id
            .or(received_by)
            .unwrap_or_else(|| event.id.clone()),
        event_id: event.id,
        event_type: event.event_type,
        at,
        sandbox: event.environment.as_deref() == Some("SANDBOX"),
    })
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawEvent<'a> {
    app_user_id: Option<String>,
    original_app_user_id: Option<String>,
    aliases: Option<Vec<String>>,
    transferred_from: Option<Vec<String>>,
    transferred_to: Option<Vec<String>>,
    store: Option<String>,
    product_id: Option<String>,
    new_product_id: Option<String>,
    transaction_id: Option<String>,
    original_transaction_id: Option<String>,
    purchased_at_ms: Option<i64>,
    expiration_at_ms: Option<i64>,
    grace_period_expiration_at_ms: Option<i64>,
    auto_resume_at_ms: Option<i64>,
    cancel_reason: Option<String>,
    expiration_reason: Option<String>,
    currency: Option<String>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    price_in_purchased_currency: Option<&'a RawValue>,
    #[serde(borrow)]
    tax_percentage: Option<&'a RawValue>,
    #[serde(borrow)]
    commission_percentage: Option<&'a RawValue>,
}

/// A fact, and the names behind its ids.
pub struct Parsed {
    pub fact: StoreFact,
    pub names: Vec<(StoreUserId, String)>,
}

impl Parsed {
    /// The ids that have the form of a tenant's own.
    pub fn tenants(&self) -> Vec<(StoreUserId, TenantId)> {
        let tenants = self.names.iter();
        tenants
            .filter_map(|(user, name)| Some((*user, TenantId(Uuid::try_parse(name).ok()?))))
            .collect()
    }
}

/// What an event says. One whose fields are not as they are documented is of an unknown type: it waits for a program
/// that understands it.
pub fn fact(
    head: &Head,
    body: &[u8],
    received_at: DateTime<Utc>,
    user_id: impl Fn(&str) -> StoreUserId,
) -> Parsed {
    let mut names = Vec::new();
    let mut fact = StoreFact {
        event_id: head.event_id.clone(),
        event_type: short(&head.event_type),
        kind: FactKind::Unknown,
        at: head.at.min(received_at + AHEAD_MAX),
        users: vec![user_id(&head.of)],
        taken_from: Vec::new(),
        store: String::new(),
        sandbox: head.sandbox,
        bought: Bought::default(),
        charge: None,
    };
    let read = serde_json::from_slice::<Envelope<RawEvent<'_>>>(body);
    if let Some(event) = read.ok().map(|envelope| envelope.event)
        && let Some((charge, bought)) = event.charge().zip(event.bought())
    {
        let to = event.transferred_to.iter().flatten();
        let own = event.app_user_id.iter().chain(&event.original_app_user_id);
        let users = ids(
            own.chain(event.aliases.iter().flatten()).chain(to),
            &user_id,
            &mut names,
        );
        let from = ids(event.transferred_from.iter().flatten(), &user_id, &mut names);
        if let Some((users, from)) = users.zip(from) {
            if !users.is_empty() {
                fact.users = users;
            }
            fact.taken_from = from;
            fact.store = short(&event.store.unwrap_or_default()).to_uppercase();
            fact.kind = kind(&head.event_type, charge.as_ref());
            fact.bought = bought;
            fact.charge = charge;
        }
    }
    if names.is_empty() {
        names.push((user_id(&head.of), head.of.clone()));
    }
    Parsed { fact, names }
}

fn kind(event_type: &str, charge: Option<&Charge>) -> FactKind {
    match event_type {
        "INITIAL_PURCHASE" => FactKind::Purchased,
        "RENEWAL" => FactKind::Renewed,
        "NON_RENEWING_PURCHASE" => FactKind::BoughtOnce,
        "TEMPORARY_ENTITLEMENT_GRANT" => FactKind::Lent,
        "SUBSCRIPTION_EXTENDED" => FactKind::Extended,
        "CANCELLATION" if charge.is_some_and(|charge| charge.gross.amount_minor < 0) => FactKind::Refunded,
        "CANCELLATION" => FactKind::Cancelled,
        "UNCANCELLATION" => FactKind::Uncancelled,
        "SUBSCRIPTION_PAUSED" => FactKind::Paused,
        "EXPIRATION" => FactKind::Expired,
        "BILLING_ISSUE" => FactKind::BillingFailed,
        "PRODUCT_CHANGE" => FactKind::ProductChangeAnnounced,
        "REFUND_REVERSED" => FactKind::RefundReversed,
        "TRANSFER" => FactKind::Transferred,
        "TEST"
        | "SUBSCRIBER_ALIAS"
        | "INVOICE_ISSUANCE"
        | "VIRTUAL_CURRENCY_TRANSACTION"
        | "EXPERIMENT_ENROLLMENT" => FactKind::Noted,
        _ => FactKind::Unknown,
    }
}

/// `None` where they are more or longer than a customer's can be.
fn ids<'a>(
    texts: impl Iterator<Item = &'a String>,
    user_id: &impl Fn(&str) -> StoreUserId,
    names: &mut Vec<(StoreUserId, String)>,
) -> Option<Vec<StoreUserId>> {
    let mut ids = Vec::new();
    for text in texts {
        let id = user_id(text);
        if text.is_empty() || ids.contains(&id) {
            continue;
        }
        if text.len() > ID_BYTES_MAX || ids.len() >= IDS_MAX {
            return None;
        }
        ids.push(id);
        if names.iter().all(|(known, _)| *known != id) {
            names.push((id, text.clone()));
        }
    }
    Some(ids)
}

impl RawEvent<'_> {
    /// `None` where a time is none.
    fn bought(&self) -> Option<Bought> {
        let reason = self.cancel_reason.as_ref().or(self.expiration_reason.as_ref());
        Some(Bought {
            product: self.product_id.as_deref().map(short),
            new_product: self.new_product_id.as_deref().map(short),
            transaction: self.transaction_id.as_deref().map(short),
            original_transaction: self.original_transaction_id.as_deref().map(short),
            purchased_at: instant_or_none(self.purchased_at_ms)?,
            expires_at: instant_or_none(self.expiration_at_ms)?,
            grace_ends_at: instant_or_none(self.grace_period_expiration_at_ms)?,
            resumes_at: instant_or_none(self.auto_resume_at_ms)?,
            refunded_at: None,
            reason: reason.map(|reason| short(reason)),
        })
    }

    /// The inner `None` where nothing was paid; the outer one where the figures are none.
    #[expect(
        clippy::option_option,
        reason = "no charge and an unreadable one are not the same"
    )]
    fn charge(&self) -> Option<Option<Charge>> {
        // Where only the price in dollars is told, it counts.
        let (amount, currency) = match (decimal(self.price_in_purchased_currency)?, &self.currency) {
            (Some(amount), Some(currency)) => (amount, currency.as_str()),
            (None, _) | (_, None) => match decimal(self.price)? {
                Some(amount) => (amount, "USD"),
                None => return Some(None),
            },
        };
        let amount_minor = currency::to_minor(amount, currency).filter(|_| is_currency(currency))?;
        if amount_minor == 0 {
            return Some(None);
        }
        let tax = decimal(self.tax_percentage)?.unwrap_or_default();
        let cut = decimal(self.commission_percentage)?.unwrap_or_default();
        let within = amount_minor.unsigned_abs() <= GROSS_MINOR_MAX.unsigned_abs();
        if !within || tax < Decimal::ZERO || cut < Decimal::ZERO || tax + cut > Decimal::ONE {
            return None;
        }
        let tax_minor = currency::share(amount_minor, tax)?;
        let left = amount_minor - tax_minor;
        // Both rounded up may be more than there is.
        let store_cut_minor = currency::share(amount_minor, cut)?.clamp(left.min(0), left.max(0));
        Some(Some(Charge {
            tax_minor,
            store_cut_minor,
            gross: Money {
                amount_minor,
                currency: currency.to_owned(),
            },
        }))
    }
}

/// The number as it is written, never through a float. The outer `None` where it is no number.
#[expect(
    clippy::option_option,
    reason = "no number and an unreadable one are not the same"
)]
fn decimal(raw: Option<&RawValue>) -> Option<Option<Decimal>> {
    match raw.map(RawValue::get) {
        None | Some("null") => Some(None),
        Some(text) => Decimal::from_str_exact(text)
            .or_else(|_| text.parse())
            .or_else(|_| Decimal::from_scientific(text))
            .ok()
            .map(Some),
    }
}

fn instant(ms: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(ms).filter(|_| ms >= 0)
}

#[expect(
    clippy::option_option,
    reason = "no time and an impossible one are not the same"
)]
fn instant_or_none(ms: Option<i64>) -> Option<Option<DateTime<Utc>>> {
    match ms {
        None => Some(None),
        Some(ms) => instant(ms).map(Some),
    }
}

fn short(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests;
