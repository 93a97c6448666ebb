//! A year of a plausible business, lived day by day through the commands that people and stores would have sent: packs,
//! customers, renewals by their timers, sales, refunds, store events, invoices, payouts, closed months.

mod books;
mod cast;
mod stores;
mod trade;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use commands::WriteSide;
use commands::error::CommandError;
use commands::{store_events, timers};
use domain::ids::{PLATFORM, ResellerId, SaleId, TenantId, UserId};
use domain::period::Period;
use rand::rngs::StdRng;
use sha2::{Digest, Sha256};
use store::unit_of_work::{Cause, Owner, Who};
use uuid::Uuid;

pub const DAYS: u32 = 365;

/// Which business is wanted. The same seed on the same day gives the same one, apart from ids.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub seed: u64,
    pub resellers: usize,
    pub customers: usize,
}

/// What was sent, and what of it the rules refused, by code.
#[derive(Clone, Debug, Default)]
pub struct Lived {
    pub commands: u64,
    pub store_events: u64,
    pub refused: BTreeMap<String, u64>,
}

/// A reseller.
struct Shop {
    id: ResellerId,
    owner: UserId,
    level: usize,
    /// Pays fees; the others share what they earn.
    wholesale: bool,
    /// Buys before the credits run out; the others let a renewal fail now and then.
    careful: bool,
}

/// A customer.
struct Client {
    shop: usize,
    tenant: TenantId,
    /// Buys by the month in a store; the others by their reseller's credits.
    in_store: bool,
    /// Day of the year on which it came.
    since: u32,
    gone: bool,
}

/// A sale by hand that may come back.
struct Sold {
    sale: SaleId,
    day: u32,
}

struct Year<'a> {
    write: &'a WriteSide,
    wanted: Wanted,
    random: StdRng,
    admin: UserId,
    finance: UserId,
    shops: Vec<Shop>,
    /// The month of the first one, with which the books begin.
    opened: Option<Period>,
    clients: Vec<Client>,
    /// How many have come, or wanted to.
    arrivals: usize,
    sold: Vec<Sold>,
    lived: Lived,
}

/// Lives the year on a write side whose clock stands at its first day, and moves the clock to its last. `told` hears
/// how many days are over.
///
/// # Errors
/// The database fails, or a rule refuses what the business cannot do without.
pub async fn live(
    write: &WriteSide,
    wanted: Wanted,
    told: &mut dyn FnMut(u64),
) -> Result<Lived, CommandError> {
    let mut year = Year::open(write, wanted).await?;
    for day in 0..DAYS {
        year.day(day).await?;
        write.clock.advance(TimeDelta::days(1));
        told(u64::from(day) + 1);
    }
    Ok(year.lived)
}

impl Year<'_> {
    async fn day(&mut self, day: u32) -> Result<(), CommandError> {
        self.open_shops(day).await?;
        self.buy_packs(day).await?;
        self.welcome(day).await?;
        self.trade(day).await?;
        self.buy_in_stores(day).await?;
        while timers::carry_out_due(self.write, timers::KINDS).await? > 0 {}
        while store_events::process::work(self.write).await? > 0 {}
        self.keep_books().await
    }

    /// The next command of somebody.
    fn cause(&mut self, owner: Owner, by: UserId) -> Cause {
        self.lived.commands += 1;
        let name = format!("year {} {}", self.wanted.seed, self.lived.commands);
        Cause {
            command_id: Uuid::new_v5(&PLATFORM, name.as_bytes()),
            fingerprint: Sha256::digest(name.as_bytes()).to_vec(),
            actor: Some(Who::User(by.0).into()),
            owner,
            at: self.write.clock.now(),
            happened_at: None,
            comment: None,
        }
    }

    /// What the rules refuse is a part of life, and counted.
    fn met<T>(&mut self, answer: Result<T, CommandError>) -> Result<Option<T>, CommandError> {
        match answer {
            Ok(value) => Ok(Some(value)),
            Err(CommandError::Problem(problem)) if problem.status < 500 => {
                *self.lived.refused.entry(problem.code).or_default() += 1;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
