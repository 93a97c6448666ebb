//! Any event of any aggregate, as the feed delivers it.

use cqrs_es::{Aggregate, DomainEvent};
use serde_json::Value;

use crate::api_key::{ApiKey, ApiKeyEvent};
use crate::books::{Books, BooksEvent};
use crate::bulk::{Bulk, BulkEvent};
use crate::contract::{ContractEvent, Contracts};
use crate::credit_account::{CreditAccount, CreditAccountEvent};
use crate::es::StoredEvent;
use crate::hierarchy::{Hierarchy, HierarchyEvent};
use crate::invoice::{InvoiceEvent, Invoices};
use crate::job::{Job, JobEvent};
use crate::payout::{PayoutEvent, Payouts};
use crate::permission_templates::{PermissionTemplates, PermissionTemplatesEvent};
use crate::price_list::{PriceList, PriceListEvent};
use crate::recording::{Recording, RecordingEvent};
use crate::reseller::{Reseller, ResellerEvent};
use crate::reseller_permissions::{ResellerPermissions, ResellerPermissionsEvent};
use crate::roster::{Roster, RosterEvent};
use crate::sale::{RecordedSale, SaleEvent};
use crate::store_account::{StoreAccount, StoreAccountEvent};
use crate::store_catalogue::{StoreCatalogue, StoreCatalogueEvent};
use crate::subscription::{Subscription, SubscriptionEvent};
use crate::tenant::{Tenant, TenantEvent};
use crate::tier_list::{TierList, TierListEvent};
use crate::upcast::{self, STEPS, Step, UpcastError};
use crate::usage::{Usage, UsageEvent};
use crate::user::{User, UserEvent};
use crate::workflow::{WorkflowLibrary, WorkflowLibraryEvent};

macro_rules! any_event {
    ($($variant:ident($aggregate:ty, $event:ty)),+ $(,)?) => {
        /// One variant per aggregate: a projection that matches it has to look at a new aggregate.
        #[derive(Clone, Debug, PartialEq)]
        pub enum AnyEvent {
            $($variant($event)),+
        }

        impl AnyEvent {
            /// Reads a stored event from the bytes of its JSON: the one place where stored bytes become an event.
            ///
            /// # Errors
            /// The aggregate type is unknown, the payload is not one of its events, or it is not what its name
            /// and version say.
            pub fn decode(
                aggregate_type: &str,
                event_type: &str,
                event_version: &str,
                payload: &[u8],
            ) -> Result<Self, DecodeError> {
                $(if aggregate_type == <$aggregate>::TYPE {
                    return decode::<$event>(aggregate_type, event_type, event_version, payload)
                        .map(Self::$variant);
                })+
                Err(DecodeError::AggregateType(aggregate_type.to_owned()))
            }

            /// Name of the event, for example `CreditsDebited`.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant(event) => event.stored_as().0),+
                }
            }

            /// What the event's aggregate is called in the log.
            pub fn aggregate_type(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => <$aggregate>::TYPE),+
                }
            }

            /// The event as the log holds it.
            ///
            /// # Errors
            /// It cannot be written as JSON.
            pub fn payload(&self) -> serde_json::Result<Value> {
                match self {
                    $(Self::$variant(event) => serde_json::to_value(event)),+
                }
            }

            /// As [`AnyEvent::name`].
            pub fn event_type(&self) -> String {
                match self {
                    $(Self::$variant(event) => event.event_type()),+
                }
            }
        }
    };
}

any_event! {
    Reseller(Reseller, ResellerEvent),
    CreditAccount(CreditAccount, CreditAccountEvent),
    PriceList(PriceList, PriceListEvent),
    Tenant(Tenant, TenantEvent),
    User(User, UserEvent),
    Subscription(Subscription, SubscriptionEvent),
    Recording(Recording, RecordingEvent),
    Job(Job, JobEvent),
    WorkflowLibrary(WorkflowLibrary, WorkflowLibraryEvent),
    Books(Books, BooksEvent),
    RecordedSale(RecordedSale, SaleEvent),
    TierList(TierList, TierListEvent),
    StoreAccount(StoreAccount, StoreAccountEvent),
    StoreCatalogue(StoreCatalogue, StoreCatalogueEvent),
    Hierarchy(Hierarchy, HierarchyEvent),
    Roster(Roster, RosterEvent),
    Contracts(Contracts, ContractEvent),
    Payouts(Payouts, PayoutEvent),
    Invoices(Invoices, InvoiceEvent),
    ApiKey(ApiKey, ApiKeyEvent),
    PermissionTemplates(PermissionTemplates, PermissionTemplatesEvent),
    ResellerPermissions(ResellerPermissions, ResellerPermissionsEvent),
    Bulk(Bulk, BulkEvent),
    Usage(Usage, UsageEvent),
}

/// Reads a stored event of a known aggregate, lifted to its present version where it is older.
///
/// # Errors
/// The payload is not one of the aggregate's events, or it is not what its name and version say.
pub fn decode<E: StoredEvent>(
    aggregate_type: &str,
    event_type: &str,
    event_version: &str,
    payload: &[u8],
) -> Result<E, DecodeError> {
    decode_by(STEPS, aggregate_type, event_type, event_version, payload)
}

/// As [`decode`], with the steps given.
pub(crate) fn decode_by<E: StoredEvent>(
    steps: &[Step],
    aggregate_type: &str,
    event_type: &str,
    event_version: &str,
    payload: &[u8],
) -> Result<E, DecodeError> {
    let read = serde_json::from_slice::<E>(payload);
    // Nearly all events are of the present version: they are done.
    if let Ok(event) = read
        && event.stored_as() == (event_type, event_version)
    {
        return Ok(event);
    }
    let older: Value = serde_json::from_slice(payload).map_err(DecodeError::Payload)?;
    let (present, payload) = upcast::lift(steps, aggregate_type, event_type, event_version, older)?;
    let event: E = serde_json::from_value(payload).map_err(DecodeError::Payload)?;
    let (name, version) = event.stored_as();
    if name == event_type && version == present.to_string() {
        Ok(event)
    } else {
        Err(DecodeError::Version {
            stored: format!("{event_type} of version {event_version}"),
            known: format!("{name} of version {version}"),
        })
    }
}

/// Why a stored event cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("no aggregate is called {0:?}: the log was written by a newer program")]
    AggregateType(String),
    #[error("the payload is no event of its aggregate: {0}")]
    Payload(serde_json::Error),
    #[error(transparent)]
    Upcast(#[from] UpcastError),
    #[error(
        "the row says {stored}, this program reads its payload as {known}: was it written by a newer one?"
    )]
    Version { stored: String, known: String },
}
