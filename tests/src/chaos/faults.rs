//! What goes wrong during a storm, one thing at a time or several after each other.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};

use super::children::{Children, Kind};
use super::pause_ms;
use super::proxy::Proxy;
use crate::cluster::{Cluster, Stop, run};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    KillWriter,
    KillReader,
    KillRunner,
    KillRebuilder,
    /// `pg_terminate_backend` of a few sessions.
    TerminateSome,
    TerminateAll,
    /// SIGKILL of one of PostgreSQL's processes: it drops all sessions and recovers.
    KillBackend,
    /// Stopped in immediate mode, started again.
    CrashServer,
    /// No statement may take longer than a few milliseconds, for a while: longer ones are cancelled.
    TimeOutStatements,
    /// Nobody may append, for a while.
    LockLog,
    /// An old transaction stays open, which holds all readers back.
    HoldBarrier,
    /// Connections stay open and pass nothing, then they are cut.
    FreezeNetwork,
    CutNetwork,
}

impl Fault {
    pub const ALL: [Self; 13] = [
        Self::KillWriter,
        Self::KillReader,
        Self::KillRunner,
        Self::KillRebuilder,
        Self::TerminateSome,
        Self::TerminateAll,
        Self::KillBackend,
        Self::CrashServer,
        Self::TimeOutStatements,
        Self::LockLog,
        Self::HoldBarrier,
        Self::FreezeNetwork,
        Self::CutNetwork,
    ];
}

/// What faults are done to.
pub struct Target {
    pub cluster: Cluster,
    pub children: Children,
    pub proxy: Proxy,
    pub database: &'static str,
}

impl Target {
    /// A connection that no fault of ours times out, as soon as the server takes one.
    ///
    /// # Errors
    /// The address is wrong.
    pub async fn connect(&self) -> anyhow::Result<PgConnection> {
        let options: PgConnectOptions = self.cluster.url(self.database).parse()?;
        let options = options
            .application_name("chaos")
            .options([("statement_timeout", "0"), ("jit", "off")]);
        loop {
            match options.connect().await {
                Ok(connection) => return Ok(connection),
                Err(_) => pause_ms(50).await,
            }
        }
    }

    /// Does one fault; returns when it is over.
    ///
    /// # Errors
    /// It cannot be done.
    pub async fn strike(&mut self, fault: Fault, chance: &mut StdRng) -> anyhow::Result<()> {
        match fault {
            Fault::KillWriter => self.children.kill_one(Kind::Writer, chance)?,
            Fault::KillReader => self.children.kill_one(Kind::Reader, chance)?,
            Fault::KillRunner => self.children.kill_one(Kind::Runner, chance)?,
            Fault::KillRebuilder => self.children.kill_one(Kind::Rebuilder, chance)?,
            Fault::TerminateSome => self.terminate(chance.random_range(1..=3)).await?,
            Fault::TerminateAll => self.terminate(10_000).await?,
            Fault::KillBackend => self.kill_backend(chance).await?,
            Fault::CrashServer => tokio::task::block_in_place(|| {
                self.cluster.down(Stop::Immediate)?;
                self.cluster.up()
            })?,
            Fault::TimeOutStatements => self.time_out(chance).await?,
            Fault::LockLog => {
                self.hold("LOCK TABLE es.events IN EXCLUSIVE MODE", chance)
                    .await?;
            }
            Fault::HoldBarrier => self.hold("SELECT pg_current_xact_id()", chance).await?,
            Fault::FreezeNetwork => {
                self.proxy.freeze();
                pause_ms(chance.random_range(300..1_500)).await;
                self.proxy.cut();
            }
            Fault::CutNetwork => self.proxy.cut(),
        }
        Ok(())
    }

    async fn terminate(&self, sessions: i64) -> anyhow::Result<()> {
        let mut connection = self.connect().await?;
        sqlx::query(
            "SELECT pg_terminate_backend(a.pid) FROM (
                 SELECT pid FROM pg_stat_activity
                 WHERE datname = current_database() AND backend_type = 'client backend'
                   AND application_name <> 'chaos'
                 ORDER BY random() LIMIT $1) AS a",
        )
        .bind(sessions)
        .execute(&mut connection)
        .await?;
        connection.close().await?;
        Ok(())
    }

    async fn kill_backend(&self, chance: &mut StdRng) -> anyhow::Result<()> {
        let mut connection = self.connect().await?;
        let backends: Vec<i32> = sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity
             WHERE datname = current_database() AND backend_type = 'client backend'
               AND application_name <> 'chaos' ORDER BY pid",
        )
        .fetch_all(&mut connection)
        .await?;
        if let Some(pid) = backends.choose(chance) {
            // It may just have gone by itself.
            let _ = run(Command::new("kill").args(["-KILL", &pid.to_string()]));
        }
        Ok(())
    }

    async fn time_out(&self, chance: &mut StdRng) -> anyhow::Result<()> {
        let limit: i32 = chance.random_range(1..=20);
        let mut connection = self.connect().await?;
        let set = format!("ALTER SYSTEM SET statement_timeout = '{limit}ms'");
        connection.execute(set.as_str()).await?;
        connection.execute("SELECT pg_reload_conf()").await?;
        // Sessions that have a limit of their own keep it: theirs are cancelled, which ends them as a time-out does.
        let until = Instant::now() + Duration::from_millis(chance.random_range(300..1_000));
        while Instant::now() < until {
            sqlx::query(
                "SELECT count(pg_cancel_backend(a.pid)) FROM pg_stat_activity a
                 WHERE a.datname = current_database() AND a.backend_type = 'client backend'
                   AND a.application_name <> 'chaos' AND a.state = 'active'
                   AND clock_timestamp() - a.query_start > make_interval(secs => $1 / 1000.0)",
            )
            .bind(limit)
            .execute(&mut connection)
            .await?;
            pause_ms(2).await;
        }
        connection.close().await?;
        self.calm().await
    }

    async fn hold(&self, statement: &str, chance: &mut StdRng) -> anyhow::Result<()> {
        let mut connection = self.connect().await?;
        let mut transaction = connection.begin().await?;
        transaction.execute(statement).await.context("the lock")?;
        pause_ms(chance.random_range(200..1_000)).await;
        transaction.rollback().await?;
        connection.close().await?;
        Ok(())
    }

    /// No statement is timed out any more.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn calm(&self) -> anyhow::Result<()> {
        let mut connection = self.connect().await?;
        connection.execute("ALTER SYSTEM RESET statement_timeout").await?;
        connection.execute("SELECT pg_reload_conf()").await?;
        connection.close().await?;
        Ok(())
    }

    /// Ends the sessions of processes that are gone and waits until none can commit any more.
    ///
    /// # Errors
    /// The database fails.
    pub async fn silence(&self, application: &str) -> anyhow::Result<()> {
        let mut connection = self.connect().await?;
        loop {
            let sessions: i64 = sqlx::query_scalar(
                "SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity a
                 WHERE a.datname = current_database() AND a.application_name = $1",
            )
            .bind(application)
            .fetch_one(&mut connection)
            .await?;
            if sessions == 0 {
                break;
            }
            pause_ms(20).await;
        }
        connection.close().await?;
        Ok(())
    }
}
