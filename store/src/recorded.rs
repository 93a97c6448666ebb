//! An event as the log holds it.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::ids::UserId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Position;

/// Who did it, on whose behalf, and by which command. Stored with every event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The owner of the fact: tenant, else reseller, else the platform ([`domain::ids::PLATFORM`]).
    pub tenant_id: Uuid,
    /// The reseller that the fact concerns, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reseller_id: Option<Uuid>,
    /// The acting user; `None` where the system or a program acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Uuid>,
    /// Who acted as the actor, where it was not the person itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impersonator: Option<Uuid>,
    /// The key of the program that acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Uuid>,
    pub command_id: Uuid,
    /// When the command was given.
    pub at: DateTime<Utc>,
    /// When it happened in the business, where that is earlier than the command ([`Recorded::happened_at`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened_at: Option<DateTime<Utc>>,
    /// What whoever gave the command said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// One event of the log, decoded.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub position: Position,
    pub aggregate_id: String,
    /// Place in its own stream, from 1.
    pub sequence: i64,
    pub event: AnyEvent,
    pub metadata: Metadata,
    pub recorded_at: DateTime<Utc>,
}

impl Recorded {
    /// The stream's id where it is a UUID, which holds for all streams but the price list's.
    pub fn id(&self) -> Option<Uuid> {
        self.aggregate_id.parse().ok()
    }

    /// The first time axis: when it happened in the business.
    pub fn happened_at(&self) -> DateTime<Utc> {
        self.metadata.happened_at.unwrap_or(self.metadata.at)
    }

    /// The second time axis: since when the log knows it.
    pub fn known_at(&self) -> DateTime<Utc> {
        self.recorded_at
    }
}

/// Namespace of command ids.
const COMMANDS: Uuid = Uuid::from_u128(0x8c1f_5b1e_94d2_4f0e_9d0a_6f2f_5a7e_1c42);

/// The id of the command that `actor` gave under an idempotency key.
pub fn command_id(actor: UserId, key: &str) -> Uuid {
    Uuid::new_v5(&COMMANDS, format!("{actor} {key}").as_bytes())
}
