//! One thing that a store says of a customer, in the product's own words.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::credits::Money;
use crate::ids::StoreUserId;

/// A fact of a store. Its order among others is `at`, then `event_id`: never that of its arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreFact {
    pub event_id: String,
    /// As the sender calls it, for example `RENEWAL`.
    pub event_type: String,
    pub kind: FactKind,
    /// When the sender made it.
    pub at: DateTime<Utc>,
    /// Every id that the sender knows the customer by; of a transfer, of who receives.
    pub users: Vec<StoreUserId>,
    /// Of a transfer: who gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_from: Vec<StoreUserId>,
    /// For example `APP_STORE`.
    pub store: String,
    /// Whether it is of a test environment, where nobody pays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sandbox: bool,
    #[serde(flatten)]
    pub bought: Bought,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<Charge>,
}

/// What was bought, as far as the sender says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bought {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// To which it will change at the next renewal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_product: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// The first transaction of those that renew one another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_transaction: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchased_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_ends_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumes_at: Option<DateTime<Utc>>,
    /// Of an observed one: when the money went back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded_at: Option<DateTime<Utc>>,
    /// Why it was cancelled or ended, for example `UNSUBSCRIBE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What was paid, or given back where it is negative. What the seller keeps is the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    pub gross: Money,
    pub tax_minor: i64,
    /// What the store keeps: not a reseller's commission.
    pub store_cut_minor: i64,
}

/// What a fact means here.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum FactKind {
    Purchased,
    Renewed,
    /// Without renewals.
    BoughtOnce,
    /// Access before the store has confirmed the purchase: a day at most.
    Lent,
    Extended,
    /// Will not renew. Access stays up to the end.
    Cancelled,
    Uncancelled,
    /// Will pause at the end of the period.
    Paused,
    Expired,
    BillingFailed,
    /// Another product from the next renewal on.
    ProductChangeAnnounced,
    Refunded,
    RefundReversed,
    /// What one customer has bought is another's from now on.
    Transferred,
    /// What a look-up said, where it was not what the facts before say.
    Observed,
    /// Without consequences.
    Noted,
    /// Of a type that this program does not know yet.
    Unknown,
}

impl FactKind {
    /// Whether it tells of a period of access that was bought.
    pub fn gives_access(self) -> bool {
        match self {
            Self::Purchased | Self::Renewed | Self::BoughtOnce | Self::Lent | Self::Observed => true,
            Self::Extended
            | Self::Cancelled
            | Self::Uncancelled
            | Self::Paused
            | Self::Expired
            | Self::BillingFailed
            | Self::ProductChangeAnnounced
            | Self::Refunded
            | Self::RefundReversed
            | Self::Transferred
            | Self::Noted
            | Self::Unknown => false,
        }
    }

    /// Whether it changes nothing, so that it matters to nobody whose it is.
    pub fn is_silent(self) -> bool {
        matches!(self, Self::Noted | Self::Unknown)
    }
}

impl StoreFact {
    /// The place among other facts.
    pub fn order(&self) -> (DateTime<Utc>, &str) {
        (self.at, &self.event_id)
    }

    /// When what it tells of was bought.
    pub fn purchased_at(&self) -> DateTime<Utc> {
        self.bought.purchased_at.unwrap_or(self.at)
    }
}
