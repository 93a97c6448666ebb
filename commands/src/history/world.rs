//! The business as it is at one moment of the year, and what happens in it next.
//!
//! What has a date (a reseller signs up, an access has to be extended, a job ends) waits in an agenda. Between these
//! things customers submit jobs, as many as are needed for the wanted number of events to fill the year.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::event_sink::EventSink;
use domain::credit_account::CreditAccount;
use domain::ids::{ResellerId, TenantId, UserId};
use domain::subscription::Subscription;
use domain::tenant::Tenant;
use domain::tier::Tier;
use domain::{Decider, StoredEvent};
use futures::executor::block_on;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use store::Metadata;
use store::bulk::{BulkEvent, Bundle};
use store::unit_of_work::Owner;
use store::vault::Vault;
use uuid::Uuid;

use super::{HistoryError, Wanted};
use crate::history::jobs::Running;

const YEAR: TimeDelta = TimeDelta::days(365);
/// How much of the year it takes until the last reseller has signed up, in percent.
const SIGN_UPS_PERCENT: i32 = 70;
const EVENTS_PER_RESELLER: u64 = 1_000;
/// Between two commands.
const APART: TimeDelta = TimeDelta::milliseconds(1);
/// From a command until its events are recorded.
const RECORDED_AFTER: TimeDelta = TimeDelta::milliseconds(3);
/// Customers that are asked whether they have something to transcribe, before nobody has.
const ASKED: u32 = 20;

/// One stream, with the state that its events give.
#[derive(Default)]
pub(super) struct Stream<A> {
    pub id: Uuid,
    pub state: A,
    sequence: i64,
}

impl<A: Default> Stream<A> {
    pub fn new(id: Uuid) -> Self {
        Self {
            id,
            ..Self::default()
        }
    }
}

pub(super) struct ResellerState {
    pub id: ResellerId,
    pub owner: UserId,
    pub account: Stream<CreditAccount>,
    /// Customers still to come.
    pub customers_left: u32,
}

pub(super) struct CustomerState {
    /// Index of the reseller.
    pub reseller: usize,
    pub id: TenantId,
    pub tier: Tier,
    pub user: UserId,
    pub tenant: Stream<Tenant>,
    pub subscription: Stream<Subscription>,
    pub expires_at: DateTime<Utc>,
    pub suspended: bool,
}

/// What is to be done at its time; the numbers are indexes.
pub(super) enum Step {
    SignUp(usize),
    NewCustomer(usize),
    Extend(usize),
    Suspend(usize),
    Resume(usize),
    Work(Box<Running>),
}

struct Due {
    at: DateTime<Utc>,
    number: u64,
    step: Step,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// On whose behalf a command is given.
#[derive(Clone, Copy)]
pub(super) struct Behalf {
    pub owner: Owner,
    pub actor: Option<UserId>,
    pub command_id: Uuid,
}

pub(super) struct World {
    pub vault: Vault,
    pub rng: StdRng,
    wanted: Wanted,
    agenda: BinaryHeap<Reverse<Due>>,
    /// Entries that the agenda has had.
    entries: u64,
    /// Events so far.
    done: u64,
    /// Time of the last command.
    pub at: DateTime<Utc>,
    pub resellers: Vec<ResellerState>,
    pub customers: Vec<CustomerState>,
    /// People so far.
    pub people: u64,
}

impl World {
    pub fn new(vault: Vault, wanted: Wanted) -> Self {
        let mut world = Self {
            vault,
            rng: StdRng::seed_from_u64(wanted.seed),
            at: wanted.until - YEAR,
            wanted,
            agenda: BinaryHeap::new(),
            entries: 0,
            done: 0,
            resellers: Vec::new(),
            customers: Vec::new(),
            people: 0,
        };
        let resellers = (wanted.events / EVENTS_PER_RESELLER).max(1);
        let count = i32::try_from(resellers).unwrap_or(i32::MAX);
        let apart = YEAR * SIGN_UPS_PERCENT / 100 / count;
        for number in 0..count {
            let index = usize::try_from(number).unwrap_or_default();
            world.plan(apart * number, Step::SignUp(index));
        }
        world
    }

    pub fn is_done(&self) -> bool {
        self.done >= self.wanted.events
    }

    /// Enters a step that is due in so long.
    pub fn plan(&mut self, after: TimeDelta, step: Step) {
        self.entries += 1;
        self.agenda.push(Reverse(Due {
            at: self.at + after,
            number: self.entries,
            step,
        }));
    }

    /// A duration between two numbers of minutes.
    pub fn minutes(&mut self, from: i64, to: i64) -> TimeDelta {
        TimeDelta::seconds(self.rng.random_range(from * 60..to * 60))
    }

    pub fn percent(&mut self, share: u32) -> bool {
        self.rng.random_range(0..100) < share
    }

    /// A new id, of the moment.
    pub fn new_id(&mut self) -> Uuid {
        let millis = u64::try_from(self.at.timestamp_millis()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &self.rng.random()).into_uuid()
    }

    pub fn behalf(&mut self, owner: Owner, actor: Option<UserId>) -> Behalf {
        Behalf {
            owner,
            actor,
            command_id: self.new_id(),
        }
    }

    /// When so many events of the wanted ones have happened.
    fn now(&self) -> DateTime<Utc> {
        let share = |whole: i64| {
            let product = i128::from(whole) * i128::from(self.done) / i128::from(self.wanted.events.max(1));
            i64::try_from(product).unwrap_or(whole)
        };
        self.wanted.until - YEAR + TimeDelta::milliseconds(share(YEAR.num_milliseconds()))
    }

    /// The next command, or the next few that belong together.
    pub fn step(&mut self, bundle: &mut Bundle) -> Result<(), HistoryError> {
        let now = self.now();
        self.at = now.max(self.at + APART);
        let is_due = self.agenda.peek().is_some_and(|Reverse(due)| due.at <= now);
        if !is_due && let Some(customer) = self.somebody_active() {
            return self.submit(bundle, customer);
        }
        match self.agenda.pop() {
            Some(Reverse(due)) => {
                // Nobody has anything to do until then.
                self.at = self.at.max(due.at.min(self.wanted.until));
                self.carry_out(bundle, due.step)
            }
            None => self.new_customer(bundle, 0),
        }
    }

    fn carry_out(&mut self, bundle: &mut Bundle, step: Step) -> Result<(), HistoryError> {
        match step {
            Step::SignUp(number) => self.sign_up(bundle, number),
            Step::NewCustomer(reseller) => self.new_customer(bundle, reseller),
            Step::Extend(customer) => self.extend(bundle, customer),
            Step::Suspend(customer) => self.suspend(bundle, customer),
            Step::Resume(customer) => self.resume(bundle, customer),
            Step::Work(running) => self.work(bundle, *running),
        }
    }

    fn somebody_active(&mut self) -> Option<usize> {
        if self.customers.is_empty() {
            return None;
        }
        (0..ASKED).find_map(|_| {
            let index = self.rng.random_range(0..self.customers.len());
            let customer = self.customers.get(index)?;
            (customer.expires_at > self.at && !customer.suspended).then_some(index)
        })
    }

    /// Lets the aggregate decide, and puts its events into the bundle.
    pub fn decide<A>(
        &mut self,
        bundle: &mut Bundle,
        stream: &mut Stream<A>,
        behalf: Behalf,
        command: A::Command,
    ) -> Result<(), HistoryError>
    where
        A: Decider,
        A::Event: Serialize,
    {
        let sink = EventSink::<A>::default();
        let handled = block_on(stream.state.handle(command, &(), &sink));
        handled.map_err(|refusal| HistoryError::Refused(refusal.to_string()))?;
        for event in block_on(sink.collect()) {
            self.record::<A>(bundle, stream, behalf, &event)?;
        }
        Ok(())
    }

    /// Puts an event into the bundle.
    pub fn record<A: Decider>(
        &mut self,
        bundle: &mut Bundle,
        stream: &mut Stream<A>,
        behalf: Behalf,
        event: &A::Event,
    ) -> Result<(), HistoryError> {
        stream.sequence += 1;
        self.done += 1;
        let (event_type, event_version) = event.stored_as();
        let owner = behalf.owner;
        let reseller_id = owner.reseller_id.map(|id| id.0);
        bundle.event(&BulkEvent {
            aggregate_type: A::TYPE,
            aggregate_id: &stream.id.to_string(),
            sequence: stream.sequence,
            event_type,
            event_version,
            payload: event,
            metadata: &Metadata {
                tenant_id: owner.tenant_id.map(|id| id.0).or(reseller_id).unwrap_or_default(),
                reseller_id,
                actor: behalf.actor.map(|id| id.0),
                impersonator: None,
                api_key: None,
                command_id: behalf.command_id,
                at: self.at,
                happened_at: None,
                comment: None,
            },
            recorded_at: self.at + RECORDED_AFTER,
        })?;
        Ok(())
    }
}
