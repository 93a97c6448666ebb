//! Any event of any aggregate, as the feed delivers it.

use cqrs_es::{Aggregate, DomainEvent};
use serde_json::Value;

use crate::credit_account::{CreditAccount, CreditAccountEvent};
use crate::job::{Job, JobEvent};
use crate::price_list::{PriceList, PriceListEvent};
use crate::recording::{Recording, RecordingEvent};
use crate::reseller::{Reseller, ResellerEvent};
use crate::subscription::{Subscription, SubscriptionEvent};
use crate::tenant::{Tenant, TenantEvent};
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
            /// Reads a stored event.
            ///
            /// # Errors
            /// The aggregate type is unknown, or the payload is not one of its events.
            pub fn decode(aggregate_type: &str, payload: Value) -> Result<Self, DecodeError> {
                $(if aggregate_type == <$aggregate>::TYPE {
                    return serde_json::from_value(payload).map(Self::$variant).map_err(DecodeError::Payload);
                })+
                Err(DecodeError::AggregateType(aggregate_type.to_owned()))
            }

            /// Name of the event, for example `CreditsDebited`.
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
}

/// Why a stored event cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("no aggregate is called {0:?}: the log was written by a newer program")]
    AggregateType(String),
    #[error("the payload is no event of its aggregate: {0}")]
    Payload(serde_json::Error),
}
