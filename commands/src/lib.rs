//! The write side: the command bus, the use cases, identity, the dispatcher of jobs, and the REST API.

pub mod books;
pub mod bootstrap;
pub mod bus;
pub mod entitlement;
pub mod erasure;
pub mod error;
pub mod happened;
pub mod identity;
pub mod jobs;
pub mod rest;

pub mod credits;
pub mod customers;
pub mod people;
pub mod recordings;
pub mod resellers;
pub mod workflows;

use std::sync::Arc;

use platform::broker::{Broker, Publisher};
use platform::objects::Objects;
use platform::tokens::{Signer, Verifier};
use platform::{Clock, Config};
use sqlx::PgPool;
use store::vault::Vault;
use store::wake::Wake;

use crate::bus::Bus;
use crate::identity::rate_limit::SignInLimits;

/// What the write side works with. Clones share everything.
#[derive(Clone)]
pub struct WriteSide {
    pub pool: PgPool,
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
