//! A process that rebuilds one read model after the other and switches to it, and looks at one of them all the while:
//! nobody may ever see it without a row that the log gives up to its checkpoint, or with one that it does not give.
//! Rows beyond the checkpoint are allowed: who began to look before a switch and touches the table after it has the
//! older checkpoint and the newer table.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Mutex;

use projections::projection;
use projections::rebuild::Rebuild;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use sqlx::{Executor, PgPool, Row};
use store::database::DatabaseRole;

use super::verdict::Verdict;
use super::{Run, pause_ms};

/// The last of the log that a look counts, in events.
const WINDOW: i64 = 3_000;

/// Rows of the last events that the table should have, by its checkpoint and the log, and those that it has.
const LOOK: &str = "
    WITH served AS (
        SELECT c.last_xid::text::xid8 AS xid, c.last_position AS position FROM es.checkpoints c
        WHERE c.projection = 'credit_transactions'
    ), seen AS MATERIALIZED (
        SELECT e.xid, e.position, e.aggregate_type = 'credit_account' AND e.event_type <> 'CreditAccountOpened' AS moves
        FROM es.events e, served s WHERE (e.xid, e.position) <= (s.xid, s.position)
        ORDER BY e.xid DESC, e.position DESC LIMIT $1
    ), first AS (
        SELECT xid, position FROM seen ORDER BY xid, position LIMIT 1
    )
    SELECT (SELECT count(*) FROM seen WHERE moves) AS expected,
           (SELECT count(*) FROM read.credit_transactions t, first f
            WHERE (t.log_xid, t.log_position) >= (f.xid::text::bigint, f.position)
              AND (t.log_xid, t.log_position) <= (SELECT s.xid::text::bigint, s.position FROM served s)) AS found";

/// One line of the process' notes.
const SWITCHED: &str = "switched";
const ABANDONED: &str = "abandoned";
const LOOKED: &str = "looked";
const LACKS: &str = "lacks";

/// Rebuilds and looks until it is killed.
///
/// # Errors
/// There is no master key, or the notes cannot be written.
pub async fn run(run: Run) -> anyhow::Result<()> {
    let path = run.file("rebuilder");
    let notes = Mutex::new(File::options().create(true).append(true).open(path)?);
    let pool = run.pool(DatabaseRole::Projections, 6).await;
    let owner = run.pool(DatabaseRole::Owner, 1).await;
    tokio::try_join!(rebuild(&run, pool, &notes), look(&owner, &notes))?;
    Ok(())
}

fn note(notes: &Mutex<File>, line: &str) -> anyhow::Result<()> {
    let mut file = notes
        .lock()
        .map_err(|_| anyhow::anyhow!("the notes are broken"))?;
    Ok(file.write_all(format!("{line}\n").as_bytes())?)
}

async fn rebuild(run: &Run, pool: PgPool, notes: &Mutex<File>) -> anyhow::Result<()> {
    let mut chance = StdRng::seed_from_u64(run.seed ^ u64::from(std::process::id()));
    let models = projection::all();
    loop {
        let Some(model) = models.choose(&mut chance) else {
            return Ok(());
        };
        let rebuild = Rebuild {
            pool: pool.clone(),
            model: std::sync::Arc::clone(model),
            vault: run.vault()?,
        };
        let abandons = chance.random_ratio(1, 5);
        let done = async {
            rebuild.run(&|_| {}).await?;
            if abandons {
                rebuild.abandon().await?;
            } else {
                rebuild.switch().await?;
            }
            Ok::<_, projections::ProjectionError>(())
        };
        match done.await {
            Ok(()) => note(notes, if abandons { ABANDONED } else { SWITCHED })?,
            Err(error) => {
                eprintln!("{} is not rebuilt: {error}", model.name());
                pause_ms(100).await;
            }
        }
    }
}

async fn look(owner: &PgPool, notes: &Mutex<File>) -> anyhow::Result<()> {
    loop {
        match look_once(owner).await {
            Ok((expected, found)) if expected == found => note(notes, LOOKED)?,
            Ok((expected, found)) => note(notes, &format!("{LACKS} {expected} {found}"))?,
            Err(error) => {
                eprintln!("no look: {error}");
                pause_ms(50).await;
            }
        }
        pause_ms(10).await;
    }
}

/// As a request does: the snapshot is older than the first touch of the table.
async fn look_once(owner: &PgPool) -> sqlx::Result<(i64, i64)> {
    let mut transaction = owner
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .await?;
    transaction.execute("SELECT pg_current_snapshot()").await?;
    pause_ms(5).await;
    let row = sqlx::query(LOOK)
        .bind(WINDOW)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.rollback().await?;
    Ok((row.try_get("expected")?, row.try_get("found")?))
}

/// Counts what a rebuilder noted.
///
/// # Errors
/// The notes cannot be read.
pub fn count(path: &Path, verdict: &mut Verdict) -> anyhow::Result<()> {
    let (mut switched, mut abandoned, mut looked, mut lacks) = (0, 0, 0, 0);
    for line in BufReader::new(File::open(path)?).lines() {
        match line?.split(' ').next() {
            Some(SWITCHED) => switched += 1,
            Some(ABANDONED) => abandoned += 1,
            Some(LOOKED) => looked += 1,
            Some(LACKS) => lacks += 1,
            // Torn by a kill.
            Some(_) | None => {}
        }
    }
    verdict.count("rebuilt read models that were switched to", switched);
    verdict.count("rebuilds abandoned", abandoned);
    verdict.count("looks at a read model meanwhile", looked);
    verdict.none("looks that found other rows than the log gives", lacks);
    Ok(())
}
