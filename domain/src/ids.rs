//! Identifiers: UUIDs (version 7, made by the caller) that cannot be mixed up.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

id! {
    /// A business that sells the platform's services; also names its credit account.
    ResellerId,
    /// A customer of a reseller; also names its subscription.
    TenantId,
    /// A person who signs in.
    UserId,
    /// How a program comes in.
    ApiKeyId,
    /// An uploaded recording.
    RecordingId,
    /// One transcription of one recording.
    JobId,
    /// A graph that says how recordings are worked on.
    WorkflowId,
    /// A dated right to a tier.
    GrantId,
    /// A sale to a customer, or what came back of one.
    SaleId,
    /// Credits held for a while.
    ReservationId,
    /// What a store says of one customer.
    StoreAccountId,
    /// A store's name for a customer, as a keyed digest: equal names are found, none can be read back.
    StoreUserId,
}

/// Metadata's owner of facts that belong to no reseller and no tenant.
pub const PLATFORM: Uuid = Uuid::nil();

/// The platform's own reseller, which every installation has: whoever the platform serves itself is its customer.
pub const HOUSE: ResellerId = ResellerId(Uuid::from_u128(1));
