//! The states that entitlements are decided on, and how events change them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::AnyEvent;
use domain::entitlement::{Bar, Subject};
use domain::hierarchy::Hierarchy;
use domain::ids::{JobId, ResellerId, WorkflowId};
use domain::job::JobEvent;
use domain::reseller::{ResellerError, ResellerEvent};
use domain::subscription::Subscription;
use domain::tenant::{TenantError, TenantEvent};
use domain::tier_list::TierList;
use domain::usage::Usage;
use domain::workflow::WorkflowLibraryEvent;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Recorded;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::AsRefStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Kind {
    Customer,
    Reseller,
    Hierarchy,
    Tiers,
}

pub(super) enum State {
    Customer(Box<Customer>),
    Reseller(Reseller),
    Hierarchy(Hierarchy),
    Tiers(TierList),
}

/// Everything that counts about one customer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Customer {
    /// `None` before it is created.
    pub reseller_id: Option<ResellerId>,
    pub subscription: Subscription,
    pub usage: Usage,
    workflows: BTreeSet<WorkflowId>,
    running: BTreeSet<JobId>,
    standing: Vec<(DateTime<Utc>, CustomerStanding)>,
}

/// From some time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CustomerStanding {
    Active,
    Suspended,
    Closed(DateTime<Utc>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reseller {
    standing: Vec<(DateTime<Utc>, ResellerStanding)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ResellerStanding {
    Active,
    Pending,
    Declined,
    Suspended,
    Closed,
}

impl State {
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Customer => Self::Customer(Box::default()),
            Kind::Reseller => Self::Reseller(Reseller::default()),
            Kind::Hierarchy => Self::Hierarchy(Hierarchy::default()),
            Kind::Tiers => Self::Tiers(TierList::default()),
        }
    }

    pub fn decode(kind: Kind, json: Value) -> sqlx::Result<Self> {
        let state = match kind {
            Kind::Customer => serde_json::from_value(json).map(Self::Customer),
            Kind::Reseller => serde_json::from_value(json).map(Self::Reseller),
            Kind::Hierarchy => serde_json::from_value(json).map(Self::Hierarchy),
            Kind::Tiers => serde_json::from_value(json).map(Self::Tiers),
        };
        state.map_err(|error| sqlx::Error::ColumnDecode {
            index: "state".to_owned(),
            source: Box::new(error),
        })
    }

    pub fn encode(&self) -> sqlx::Result<Value> {
        let json = match self {
            Self::Customer(state) => serde_json::to_value(state),
            Self::Reseller(state) => serde_json::to_value(state),
            Self::Hierarchy(state) => serde_json::to_value(state),
            Self::Tiers(state) => serde_json::to_value(state),
        };
        json.map_err(|error| sqlx::Error::Encode(Box::new(error)))
    }

    /// Whose row it is, for row-level security.
    pub fn reseller_id(&self, id: Uuid) -> Option<Uuid> {
        match self {
            Self::Customer(customer) => customer.reseller_id.map(|reseller_id| reseller_id.0),
            Self::Reseller(_) => Some(id),
            Self::Hierarchy(_) | Self::Tiers(_) => None,
        }
    }

    pub fn apply(&mut self, recorded: &Recorded) {
        match self {
            Self::Customer(customer) => customer.apply(recorded),
            Self::Reseller(reseller) => reseller.apply(recorded),
            Self::Hierarchy(hierarchy) => {
                if let AnyEvent::Hierarchy(event) = &recorded.event {
                    hierarchy.apply(event.clone());
                }
            }
            Self::Tiers(tiers) => {
                if let AnyEvent::TierList(event) = &recorded.event {
                    tiers.apply(event.clone());
                }
            }
        }
    }
}

impl Customer {
    fn apply(&mut self, recorded: &Recorded) {
        match &recorded.event {
            AnyEvent::Tenant(event) => self.stand(recorded.metadata.at, event),
            AnyEvent::Subscription(event) => self.subscription.apply(event.clone()),
            AnyEvent::Usage(event) => self.usage.apply(event.clone()),
            AnyEvent::WorkflowLibrary(WorkflowLibraryEvent::WorkflowSaved { workflow_id, .. }) => {
                self.workflows.insert(*workflow_id);
            }
            AnyEvent::WorkflowLibrary(WorkflowLibraryEvent::WorkflowRemoved { workflow_id }) => {
                self.workflows.remove(workflow_id);
            }
            AnyEvent::Job(event) => self.run(recorded.id().unwrap_or_default().into(), event),
            AnyEvent::Reseller(_)
            | AnyEvent::CreditAccount(_)
            | AnyEvent::PriceList(_)
            | AnyEvent::User(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Recording(_)
            | AnyEvent::Books(_)
            | AnyEvent::RecordedSale(_)
            | AnyEvent::TierList(_)
            | AnyEvent::StoreAccount(_)
            | AnyEvent::StoreCatalogue(_)
            | AnyEvent::Hierarchy(_)
            | AnyEvent::Roster(_)
            | AnyEvent::Contracts(_)
            | AnyEvent::Payouts(_)
            | AnyEvent::Invoices(_)
            | AnyEvent::PermissionTemplates(_)
            | AnyEvent::ResellerPermissions(_)
            | AnyEvent::Bulk(_) => {}
        }
    }

    fn stand(&mut self, at: DateTime<Utc>, event: &TenantEvent) {
        let standing = match event {
            TenantEvent::TenantCreated { reseller_id, .. } => {
                self.reseller_id = Some(*reseller_id);
                CustomerStanding::Active
            }
            TenantEvent::TenantMoved { to, .. } => {
                self.reseller_id = Some(*to);
                return;
            }
            TenantEvent::TenantProfileChanged { .. } => return,
            TenantEvent::TenantSuspended { .. } => CustomerStanding::Suspended,
            TenantEvent::TenantResumed { .. } => CustomerStanding::Active,
            TenantEvent::TenantClosed { reopen_until, .. } => CustomerStanding::Closed(*reopen_until),
            // What it was before it was closed it is again.
            TenantEvent::TenantReopened { .. } => {
                let before = self.standing.iter().rev().map(|(_, standing)| *standing);
                let open = |standing: &CustomerStanding| !matches!(standing, CustomerStanding::Closed(_));
                before.into_iter().find(open).unwrap_or(CustomerStanding::Active)
            }
        };
        self.standing.push((at, standing));
    }

    fn run(&mut self, job_id: JobId, event: &JobEvent) {
        match event {
            JobEvent::JobDispatched { .. } | JobEvent::JobStarted { .. } => {
                self.running.insert(job_id);
            }
            JobEvent::JobSucceeded { .. } | JobEvent::JobFailed { .. } | JobEvent::JobCancelled => {
                self.running.remove(&job_id);
            }
            JobEvent::JobQueued(_) => {}
        }
    }

    pub fn workflows(&self) -> u64 {
        u64::try_from(self.workflows.len()).unwrap_or(u64::MAX)
    }

    pub fn running_jobs(&self) -> u64 {
        u64::try_from(self.running.len()).unwrap_or(u64::MAX)
    }

    /// The subject of a question about now.
    pub fn subject<'a>(&'a self, tiers: &'a TierList, bar: Option<&'a Bar>) -> Subject<'a> {
        Subject {
            bar,
            subscription: &self.subscription,
            tiers,
            usage: &self.usage,
            workflows: self.workflows(),
            running_jobs: self.running_jobs(),
        }
    }

    /// Why the customer itself may do nothing at `at`.
    pub(super) fn bar(&self, at: DateTime<Utc>) -> Option<Bar> {
        match standing(&self.standing, at)? {
            CustomerStanding::Active => None,
            CustomerStanding::Suspended => Some(Bar::of(&TenantError::CustomerSuspended)),
            CustomerStanding::Closed(until) => Some(Bar::of(&TenantError::CustomerClosed(until))),
        }
    }
}

impl Reseller {
    fn apply(&mut self, recorded: &Recorded) {
        let AnyEvent::Reseller(event) = &recorded.event else {
            return;
        };
        let standing = match event {
            ResellerEvent::ResellerRegistered { .. }
            | ResellerEvent::HouseFounded { .. }
            | ResellerEvent::ResellerApproved { .. }
            | ResellerEvent::ResellerResumed { .. }
            | ResellerEvent::ResellerReopened { .. } => ResellerStanding::Active,
            ResellerEvent::ResellerApplied(_) => ResellerStanding::Pending,
            ResellerEvent::ResellerDeclined { .. } => ResellerStanding::Declined,
            ResellerEvent::ResellerSuspended { .. } => ResellerStanding::Suspended,
            ResellerEvent::ResellerClosed { .. } => ResellerStanding::Closed,
            ResellerEvent::ResellerProfileChanged(_) => return,
        };
        self.standing.push((recorded.metadata.at, standing));
    }

    /// Why its customers may do nothing at `at`.
    pub fn refusal(&self, at: DateTime<Utc>) -> Option<ResellerError> {
        match standing(&self.standing, at) {
            Some(ResellerStanding::Active) => None,
            Some(ResellerStanding::Pending) => Some(ResellerError::ResellerPending),
            Some(ResellerStanding::Declined) => Some(ResellerError::ResellerDeclined),
            Some(ResellerStanding::Suspended) => Some(ResellerError::ResellerSuspended),
            Some(ResellerStanding::Closed) => Some(ResellerError::ResellerClosed),
            None => Some(ResellerError::ResellerNotFound),
        }
    }
}

fn standing<S: Copy>(changes: &[(DateTime<Utc>, S)], at: DateTime<Utc>) -> Option<S> {
    let last = changes.iter().rev().find(|(from, _)| *from <= at);
    last.map(|(_, standing)| *standing)
}
