//! Conducts a run: prepares the log, starts the processes, strikes, waits until all have caught up, and counts.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use commands::bus::Bus;
use commands::history::{self, Wanted};
use platform::{Clock, config};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use sqlx::PgConnection;
use store::Position;
use store::database::{self, DatabaseRole};
use store::wake::Wake;

use super::check;
use super::children::{Children, Kind};
use super::faults::{Fault, Target};
use super::proxy::Proxy;
use super::verdict::Verdict;
use super::{Run, pause_ms, reader, rebuilder, repeat, work};
use crate::cluster::Cluster;

const DATABASE: &str = "stentor";
/// Longest time in which nothing may come forward.
const STALLED: Duration = Duration::from_secs(180);
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// What a run is to be.
#[derive(Clone, Debug, clap::Args)]
pub struct Storm {
    /// Events that the log gets before the counting.
    #[arg(long, default_value_t = 100_000)]
    pub events: u64,
    /// Events of an invented business that the log holds before anybody writes; readers and projections begin with
    /// them while the storm goes on.
    #[arg(long, default_value_t = 0)]
    pub history: u64,
    /// Ends the storm after so many minutes, however many events there are.
    #[arg(long)]
    pub minutes: Option<u64>,
    /// Repeats the choices of an earlier run.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Writer processes.
    #[arg(long, default_value_t = 3)]
    pub writers: u32,
    /// Reader processes.
    #[arg(long, default_value_t = 2)]
    pub readers: u32,
    /// Processes that fold the projections.
    #[arg(long, default_value_t = 2)]
    pub runners: u32,
    /// Processes that rebuild read models, and look at one meanwhile.
    #[arg(long, default_value_t = 1)]
    pub rebuilders: u32,
    /// Most commands that are sent again at the end; those without an answer come first.
    #[arg(long, default_value_t = 20_000)]
    pub repeats: i64,
}

struct Conductor {
    storm: Storm,
    seed: u64,
    folder: PathBuf,
    began_ms: i64,
    target: Target,
    chance: StdRng,
}

impl Storm {
    /// Runs it in a folder, which is left as it is.
    ///
    /// # Errors
    /// A process ends by itself, nothing comes forward any more, or something cannot be started.
    pub async fn run(&self, folder: &Path, seed: u64) -> anyhow::Result<Verdict> {
        config::generate_master_key(folder)?;
        let cluster = tokio::task::block_in_place(|| Cluster::start("deadlock_timeout = '200ms'"))?;
        let proxy = Proxy::start(cluster.port()).await?;
        let mut conductor = Conductor {
            storm: self.clone(),
            seed,
            folder: folder.to_owned(),
            began_ms: Clock::default().now().timestamp_millis(),
            target: Target {
                cluster,
                children: Children::default(),
                proxy,
                database: DATABASE,
            },
            chance: StdRng::seed_from_u64(seed),
        };
        let outcome = conductor.conduct().await;
        let sound = outcome.as_ref().is_ok_and(|verdict| verdict.faults.is_empty());
        if !sound {
            let Target {
                cluster, children, ..
            } = conductor.target;
            drop(children);
            let kept = cluster.keep()?;
            eprintln!("seed {seed}; the cluster's folder is kept: {}", kept.display());
        }
        outcome
    }
}

impl Conductor {
    async fn conduct(&mut self) -> anyhow::Result<Verdict> {
        let mut verdict = Verdict::default();
        self.prepare().await?;
        let struck = self.storm_on().await?;
        self.target.proxy.cut();
        self.target.calm().await?;
        self.target.children.end(Kind::Writer)?;
        self.target.children.end(Kind::Rebuilder)?;
        self.target.silence("stentor_commands").await?;
        verdict.count("faults done", i64::try_from(struck)?);
        verdict.count("processes killed", i64::try_from(self.target.children.killed)?);
        let mut connection = self.target.connect().await?;
        check::promises(
            &mut connection,
            self.seed,
            &self.records(),
            "after the storm",
            &mut verdict,
        )
        .await?;
        let repeating = self.run(self.storm.writers, None);
        repeat::all(&repeating, &mut connection, self.storm.repeats, &mut verdict).await?;
        check::promises(
            &mut connection,
            self.seed,
            &self.records(),
            "after the repeats",
            &mut verdict,
        )
        .await?;
        self.settle(&mut connection).await?;
        self.target.children.end(Kind::Reader)?;
        self.target.children.end(Kind::Runner)?;
        for index in 0..self.storm.readers {
            check::notes(
                &mut connection,
                &self.run(index, None).file("reader"),
                &mut verdict,
            )
            .await?;
        }
        for index in 0..self.storm.rebuilders {
            rebuilder::count(&self.run(index, None).file("rebuilder"), &mut verdict)?;
        }
        self.audit(&mut verdict).await?;
        Ok(verdict)
    }

    /// Settings of a process; by way of the proxy where there is one.
    fn run(&self, index: u32, port: Option<u16>) -> Run {
        let direct = self.target.cluster.port();
        let url = self.target.cluster.url(DATABASE);
        Run {
            url: url.replace(&format!(":{direct}/"), &format!(":{}/", port.unwrap_or(direct))),
            seed: self.seed,
            folder: self.folder.clone(),
            index,
            began_ms: self.began_ms,
        }
    }

    fn records(&self) -> Vec<PathBuf> {
        (0..=self.storm.writers)
            .map(|index| self.run(index, None).file("writer"))
            .filter(|path| path.exists())
            .collect()
    }

    async fn prepare(&mut self) -> anyhow::Result<()> {
        let run = self.run(0, None);
        database::migrate(&run.url).await?;
        let pool = run.pool(DatabaseRole::Commands, 4).await;
        if self.storm.history > 0 {
            let wanted = Wanted {
                seed: self.seed,
                events: self.storm.history,
                until: Clock::default().now(),
            };
            history::append(&pool, &run.vault()?, wanted, &mut |_| {}).await?;
        }
        check::begin(&mut self.target.connect().await?).await?;
        let contact = run.contact(&pool).await?;
        work::prepare(&Bus::new(pool.clone(), Wake::local()), &contact).await?;
        pool.close().await;
        for (kind, count) in [
            (Kind::Writer, self.storm.writers),
            (Kind::Reader, self.storm.readers),
            (Kind::Runner, self.storm.runners),
            (Kind::Rebuilder, self.storm.rebuilders),
        ] {
            for index in 0..count {
                // Every other process reaches the database by a network that fails.
                let port = (index % 2 == 1).then(|| self.target.proxy.port());
                let run = self.run(index, port);
                self.target.children.add(kind, run)?;
            }
        }
        Ok(())
    }

    /// How many events the reader that is furthest has seen.
    fn seen(&self) -> u64 {
        (0..self.storm.readers)
            .map(|index| reader::noted(&self.run(index, None).file("reader")))
            .max()
            .unwrap_or_default()
    }

    /// Every fault once, in an order of chance, then any; as the log grows. Answers how many.
    async fn storm_on(&mut self) -> anyhow::Result<usize> {
        let events = self.storm.history + self.storm.events;
        let step = (events / 14).clamp(100, (events / 400).max(5_000));
        let (began, mut told) = (Instant::now(), Instant::now());
        let until = self
            .storm
            .minutes
            .map(|minutes| began + Duration::from_secs(60 * minutes));
        let mut plan: Vec<Fault> = Fault::ALL.to_vec();
        plan.shuffle(&mut self.chance);
        let (mut struck, mut due, mut progress) = (0, step, Progress::new("the readers"));
        loop {
            self.target.children.ensure_alive()?;
            let seen = self.seen();
            progress.note(seen)?;
            if told.elapsed() >= TOLD_EVERY {
                told = Instant::now();
                self.tell(seen, began.elapsed(), struck);
            }
            let over = until.is_some_and(|until| Instant::now() >= until);
            if over || (seen >= events && plan.is_empty()) {
                self.tell(seen, began.elapsed(), struck);
                return Ok(struck);
            }
            if seen >= due {
                let fault = match plan.pop() {
                    Some(fault) => fault,
                    None => *Fault::ALL.choose(&mut self.chance).context("there are faults")?,
                };
                eprintln!("{seen:>10}  {fault:?}");
                self.target.strike(fault, &mut self.chance).await?;
                struck += 1;
                due = seen + self.chance.random_range(step / 2..=step);
            }
            pause_ms(20).await;
        }
    }

    fn tell(&self, seen: u64, elapsed: Duration, struck: usize) {
        let rate = u128::from(seen) * 1_000 / elapsed.as_millis().max(1);
        eprintln!(
            "{seen:>10}  of {} events, {rate}/s, {struck} faults, {} s",
            self.storm.history + self.storm.events,
            elapsed.as_secs()
        );
    }

    /// Waits until readers and projections have come to the end of the log.
    async fn settle(&mut self, connection: &mut PgConnection) -> anyhow::Result<()> {
        let end: (i64, i64) = sqlx::query_as(
            "SELECT e.xid::text::bigint, e.position FROM es.events e ORDER BY e.xid DESC, e.position DESC LIMIT 1",
        )
        .fetch_one(&mut *connection)
        .await?;
        let end = Position {
            xid: end.0,
            position: end.1,
        };
        let models = projections::projection::all();
        let names: Vec<&str> = models.iter().map(|model| model.name()).collect();
        let versions: Vec<i32> = models.iter().map(|model| model.version()).collect();
        let mut progress = Progress::new("a reader or a projection");
        loop {
            self.target.children.ensure_alive()?;
            let mut behind = 0;
            for index in 0..self.storm.readers {
                let last = reader::last(&self.run(index, None).file("reader"))?;
                behind += u64::from(last != Some(end));
            }
            let (folding, folded): (i64, i64) = sqlx::query_as(
                "SELECT count(*) FILTER (WHERE (coalesce(c.last_xid, 0), coalesce(c.last_position, 0)) < ($3, $4)),
                        coalesce(sum(c.last_position), 0)::bigint
                 FROM unnest($1::text[], $2::int[]) AS w (projection, version)
                 LEFT JOIN es.checkpoints c USING (projection, version)",
            )
            .bind(&names)
            .bind(&versions)
            .bind(end.xid)
            .bind(end.position)
            .fetch_one(&mut *connection)
            .await?;
            if behind == 0 && folding == 0 {
                return Ok(());
            }
            progress.note(self.seen() + u64::try_from(folded)?)?;
            pause_ms(50).await;
        }
    }

    /// Every projection against a fresh fold.
    async fn audit(&self, verdict: &mut Verdict) -> anyhow::Result<()> {
        let run = self.run(0, None);
        let owner = run.pool(DatabaseRole::Owner, 4).await;
        let report = projections::audit::verify(&owner, &run.vault()?).await?;
        owner.close().await;
        let rows: u64 = report.projections.iter().map(|projection| projection.rows).sum();
        verdict.count("events folded again", i64::try_from(report.events)?);
        verdict.count("rows of read tables compared", i64::try_from(rows)?);
        let differences: u64 = report
            .projections
            .iter()
            .map(|projection| projection.differences)
            .sum();
        verdict.none(
            "rows that do not follow from the log",
            i64::try_from(differences)?,
        );
        if !report.is_clean() {
            verdict.faults.push(format!("the audit is not clean: {report:?}"));
        }
        Ok(())
    }
}

/// Notices when a number stands still for too long.
struct Progress {
    what: &'static str,
    last: u64,
    since: Instant,
}

impl Progress {
    fn new(what: &'static str) -> Self {
        Self {
            what,
            last: 0,
            since: Instant::now(),
        }
    }

    fn note(&mut self, number: u64) -> anyhow::Result<()> {
        if number != self.last {
            (self.last, self.since) = (number, Instant::now());
        }
        if self.since.elapsed() > STALLED {
            bail!(
                "{} have stood still at {number} for {} s",
                self.what,
                STALLED.as_secs()
            );
        }
        Ok(())
    }
}
