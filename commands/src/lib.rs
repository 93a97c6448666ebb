//! The write side: the command bus, the use cases, identity, the dispatcher of jobs, and the REST API.

pub mod accounts;
pub mod api_keys;
pub mod books;
pub mod bootstrap;
pub mod bulk;
pub mod bus;
pub mod dry_run;
pub mod entitlement;
pub mod erasure;
pub mod error;
pub mod happened;
pub mod history;
pub mod identity;
pub mod impersonations;
pub mod invitations;
pub mod jobs;
pub mod mail;
pub mod rest;
pub mod timers;

pub mod commissions;
pub mod contracts;
pub mod credits;
pub mod customer_life;
pub mod customers;
pub mod invoices;
pub mod onboarding;
pub mod password_resets;
pub mod payouts;
pub mod people;
pub mod permissions;
pub mod profiles;
pub mod recordings;
pub mod resellers;
pub mod second_factor;
pub mod standing;
pub mod store_events;
pub mod subscriptions;
pub mod tiers;
pub mod workflows;

use std::sync::Arc;

use platform::broker::{Broker, Publisher};
use platform::objects::Objects;
use platform::tokens::{Signer, Verifier};
use platform::{Clock, Config};
use sqlx::PgPool;
use store::database::{self, DatabaseRole};
use store::vault::Vault;
use store::wake::Wake;

use crate::bus::Bus;
use crate::identity::rate_limit::SignInLimits;
use crate::store_events::lookup::Lookup;

/// What the write side works with. Clones share everything.
#[derive(Clone)]
pub struct WriteSide {
    pub pool: PgPool,
    /// Of dry runs.
    pub keeping_nothing: PgPool,
    pub bus: Bus,
    pub vault: Vault,
    pub clock: Clock,
    pub wake: Wake,
    pub objects: Objects,
    pub signer: Signer,
    pub verifier: Verifier,
    pub broker: Broker,
    pub publisher: Publisher,
    pub config: Arc<Config>,
    pub sign_in_limits: Arc<SignInLimits>,
    /// `None` where nothing is looked up.
    pub lookup: Option<Arc<Lookup>>,
    pub application_limits: Arc<SignInLimits>,
    pub bulk_limits: Arc<SignInLimits>,
}

impl WriteSide {
    #[expect(
        clippy::too_many_arguments,
        reason = "the composition root hands over each part once"
    )]
    pub fn new(
        pool: PgPool,
        bus: Bus,
        vault: Vault,
        clock: Clock,
        wake: Wake,
        objects: Objects,
        signer: Signer,
        verifier: Verifier,
        config: Arc<Config>,
    ) -> Self {
        let broker = Broker::new(&config.broker.url, &config.broker.prefix);
        Self {
            bus,
            publisher: Publisher::new(broker.clone()),
            sign_in_limits: Arc::new(SignInLimits::new(config.identity.sign_ins_per_minute)),
            lookup: Lookup::open(&config.revenuecat)
                .unwrap_or_else(|error| {
                    tracing::error!(%error, "customers of stores cannot be looked up");
                    None
                })
                .map(Arc::new),
            application_limits: Arc::new(SignInLimits::of_applications(
                config.onboarding.applications_per_hour,
            )),
            bulk_limits: Arc::new(SignInLimits::of_bulks(config.bulk.begun_per_hour)),
            keeping_nothing: database::keeping_nothing(&pool, DatabaseRole::Commands),
            pool,
            vault,
            clock,
            wake,
            objects,
            signer,
            verifier,
            broker,
            config,
        }
    }
}
