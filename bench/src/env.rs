//! The database of one pass, and what works measure with.

use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::{DateTime, Utc};
use commands::bus::Bus;
use commands::history::{self, Wanted};
use futures::future::try_join_all;
use platform::Clock;
use sqlx::{Connection, Executor, PgConnection, PgPool};
use store::database::{self, DatabaseRole};
use store::unit_of_work::{Cause, Owner, Who};
use store::vault::Vault;
use store::wake::Wake;
use uuid::Uuid;

use crate::report;

/// Connections of the plain insert and of the stock crates.
pub const PLAIN_CONNECTIONS: u32 = 32;
/// Connections of the write side beside those.
const COMMANDS_CONNECTIONS: u32 = 16;
/// Connections of one role of the read side, as a server has by default.
const READ_CONNECTIONS: u32 = 16;
const HISTORY_SEED: u64 = 1;

pub struct Env {
    /// By which server and options it was opened.
    server: String,
    url: String,
    maintenance: String,
    name: String,
    /// The owner of the schema, [`PLAIN_CONNECTIONS`] of it.
    pub owner: PgPool,
    /// What the write side uses.
    pub commands: PgPool,
    pub bus: Bus,
    /// Length of one measurement.
    pub seconds: Duration,
    /// Events that the log held before anything was measured; else the size of what a work fills.
    pub events: u64,
    pub vault: Vault,
    clock: Clock,
}

impl Env {
    /// Makes a database with a history of `events` events.
    ///
    /// # Errors
    /// The server cannot be reached, or the login may not create databases.
    pub async fn open(url: &str, seconds: Duration, events: u64) -> anyhow::Result<Self> {
        let env = Self::empty(url, seconds, events).await?;
        if events > 0 {
            env.fill(events).await?;
        }
        Ok(env)
    }

    /// Makes a database without any, for works that fill it to the size `events` themselves.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn empty(url: &str, seconds: Duration, events: u64) -> anyhow::Result<Self> {
        let name = format!("stentor_bench_{}", Uuid::new_v4().simple());
        let maintenance = with_name(url, "postgres")?;
        let server = url.to_owned();
        let url = with_name(url, &name)?;
        database::migrate(&url).await.context("making the database")?;
        let owner = database::connect(&url, DatabaseRole::Owner, PLAIN_CONNECTIONS).await?;
        let commands = database::connect(&url, DatabaseRole::Commands, COMMANDS_CONNECTIONS).await?;
        let env = Self {
            server,
            url,
            maintenance,
            name,
            vault: Vault::new(&vec![7; 32].into())?,
            bus: Bus::new(commands.clone(), Wake::local()),
            owner,
            commands,
            seconds,
            events,
            clock: Clock::default(),
        };
        env.owner
            .execute(
                "CREATE SCHEMA bench;
                 CREATE TABLE bench.plain (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload jsonb NOT NULL)",
            )
            .await?;
        Ok(env)
    }

    /// Which database it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    async fn fill(&self, events: u64) -> anyhow::Result<()> {
        let wanted = Wanted {
            seed: HISTORY_SEED,
            events,
            until: self.now(),
        };
        let began = Instant::now();
        history::append(&self.commands, &self.vault, wanted, &mut |_| {}).await?;
        let seconds = began.elapsed().as_secs_f64();
        report::progress(&format!("{events} events of history stored in {seconds:.1} s"))
    }

    /// A Bus that has seen nothing yet.
    pub fn cold_bus(&self) -> Bus {
        Bus::new(self.commands.clone(), Wake::local())
    }

    /// A Bus that tells readers of its events.
    pub fn bus_that_wakes(&self, wake: &Wake) -> Bus {
        Bus::new(self.commands.clone(), wake.clone())
    }

    /// Another database on the same server, with a history of its own.
    ///
    /// # Errors
    /// The login may not create databases.
    pub async fn beside(&self, events: u64) -> anyhow::Result<Self> {
        Self::open(&self.server, self.seconds, events).await
    }

    /// A pool of a role of the read side.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn pool(&self, role: DatabaseRole) -> anyhow::Result<PgPool> {
        Ok(database::connect(&self.url, role, READ_CONNECTIONS).await?)
    }

    /// A cause with a new command id.
    pub fn cause(&self, owner: Owner) -> Cause {
        Cause {
            command_id: Uuid::new_v4(),
            fingerprint: vec![7; 32],
            actor: Some(Who::User(Uuid::nil()).into()),
            owner,
            at: self.now(),
            happened_at: None,
            comment: None,
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Lets the server finish what preparing left behind.
    ///
    /// # Errors
    /// The database fails.
    pub async fn settle(&self) -> anyhow::Result<()> {
        self.owner.execute("VACUUM ANALYZE").await?;
        self.owner.execute("CHECKPOINT").await?;
        Ok(())
    }

    /// Steps per second: `in_flight` tasks repeat `step(task, number)` for the length of a measurement.
    ///
    /// # Errors
    /// A step fails.
    pub async fn rate<F>(&self, in_flight: usize, step: F) -> anyhow::Result<f64>
    where
        F: AsyncFn(usize, usize) -> anyhow::Result<()>,
    {
        let began = Instant::now();
        let step = &step;
        let tasks = (0..in_flight).map(|task| async move {
            let mut done: u32 = 0;
            for number in 0.. {
                step(task, number).await?;
                if began.elapsed() > self.seconds {
                    break;
                }
                done += 1;
            }
            anyhow::Ok(done)
        });
        let done: u32 = try_join_all(tasks).await?.into_iter().sum();
        Ok(f64::from(done) / self.seconds.as_secs_f64())
    }

    /// Drops the database.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn close(&self) -> anyhow::Result<()> {
        self.owner.close().await;
        self.commands.close().await;
        let mut connection = PgConnection::connect(&self.maintenance).await?;
        connection
            .execute(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name).as_str())
            .await?;
        connection.close().await?;
        Ok(())
    }
}

fn with_name(url: &str, name: &str) -> anyhow::Result<String> {
    let (server, rest) = url
        .split_once("://")
        .and_then(|(scheme, rest)| Some((scheme, rest.split_once('/')?)))
        .map(|(scheme, (host, rest))| (format!("{scheme}://{host}"), rest))
        .context("the database URL has no database's name: expected postgres://user@host:5432/name")?;
    let options = rest
        .split_once('?')
        .map(|(_, options)| format!("?{options}"))
        .unwrap_or_default();
    Ok(format!("{server}/{name}{options}"))
}
