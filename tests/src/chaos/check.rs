//! Compares what writers remember, and what readers noted, with what the log holds.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use sqlx::{Executor, PgConnection, Row};
use store::Position;
use uuid::Uuid;

use super::reader;
use super::record::{Entry, entries};
use super::verdict::Verdict;
use super::work::{ACCOUNTS, CLAIM, CREDITS_AT_FIRST, SHARED, Work, account};

/// Bytes of one message of a COPY.
const CHUNK: usize = 1 << 20;

/// What the log holds before anybody writes is not the writers'.
const BEGIN: &str = "
    CREATE SCHEMA chaos;
    CREATE TABLE chaos.history AS
        SELECT coalesce((SELECT e.xid FROM es.events e ORDER BY e.xid DESC LIMIT 1), '0'::xid8) AS xid";

const TABLES: &str = "
    DROP TABLE IF EXISTS chaos.noted, chaos.answered, chaos.accounts, chaos.sent, chaos.stored;
    CREATE UNLOGGED TABLE chaos.noted (command_id uuid, lane bigint, number bigint, account int, credits int,
        events int, claims int);
    CREATE UNLOGGED TABLE chaos.answered (command_id uuid, xid bigint, position bigint, outcome bigint);
    CREATE UNLOGGED TABLE chaos.accounts (account int, id text)";

const GATHER: &str = "
    CREATE UNLOGGED TABLE chaos.sent AS SELECT DISTINCT * FROM chaos.noted;
    CREATE INDEX ON chaos.sent (command_id);
    CREATE INDEX ON chaos.answered (command_id);
    CREATE UNLOGGED TABLE chaos.stored AS
        SELECT (e.metadata ->> 'command_id')::uuid AS command_id, count(*)::int AS events,
               count(DISTINCT e.xid::text)::int AS transactions,
               max(e.xid::text::bigint) AS xid, max(e.position) AS position
        FROM es.events e WHERE e.xid > (SELECT h.xid FROM chaos.history h) GROUP BY 1;
    CREATE INDEX ON chaos.stored (command_id);
    ANALYZE chaos.sent; ANALYZE chaos.answered; ANALYZE chaos.stored";

/// What there should be none of, and how it is counted.
const NONE: [(&str, &str); 9] = [
    (
        "answered commands that are not in the log",
        "SELECT count(DISTINCT a.command_id) FROM chaos.answered a
         WHERE NOT EXISTS (SELECT FROM es.commands c WHERE c.command_id = a.command_id)
            OR NOT EXISTS (SELECT FROM chaos.stored t WHERE t.command_id = a.command_id)",
    ),
    (
        "commands stored by halves, twice or without a receipt",
        "SELECT count(*) FROM chaos.sent s
         LEFT JOIN chaos.stored t USING (command_id) LEFT JOIN es.commands c USING (command_id)
         LEFT JOIN (SELECT encode(k.digest, 'hex')::uuid AS command_id, count(*) AS claims FROM es.claims k
                    WHERE k.kind = $1 GROUP BY 1) AS k USING (command_id)
         WHERE NOT (t.events IS NULL AND c.at IS NULL AND k.claims IS NULL)
           AND (t.events = s.events AND t.transactions = 1 AND c.at IS NOT NULL
                AND coalesce(k.claims, 0) = s.claims) IS NOT TRUE",
    ),
    (
        "commands in the log that nobody sent",
        "SELECT count(*) FROM chaos.stored t
         WHERE NOT EXISTS (SELECT FROM chaos.sent s WHERE s.command_id = t.command_id)",
    ),
    (
        "answers that are not the receipt's",
        "SELECT count(*) FROM chaos.answered a JOIN es.commands c USING (command_id)
         WHERE c.outcome <> to_jsonb(a.outcome)",
    ),
    (
        "commands that were answered differently to different senders",
        "SELECT count(*) FROM (SELECT FROM chaos.answered GROUP BY command_id
                               HAVING count(DISTINCT (xid, position, outcome)) > 1) AS different",
    ),
    (
        "answers with the position of another event",
        "SELECT count(*) FROM chaos.answered a JOIN chaos.stored t USING (command_id)
         WHERE (a.xid, a.position) <> (t.xid, t.position)",
    ),
    (
        "streams with holes",
        "SELECT count(*) FROM (SELECT FROM es.events e GROUP BY e.aggregate_type, e.aggregate_id
                               HAVING min(e.sequence) <> 1 OR max(e.sequence) <> count(*)) AS holed",
    ),
    (
        "accounts whose balance is not what was granted less what was sent",
        "SELECT count(*) FROM chaos.accounts a
         WHERE $2 - (SELECT coalesce(sum(s.credits), 0) FROM chaos.sent s JOIN chaos.stored t USING (command_id)
                     WHERE s.account = a.account)
            IS DISTINCT FROM (SELECT (e.payload -> e.event_type ->> 'balance_after')::bigint FROM es.events e
                              WHERE e.aggregate_type = 'credit_account' AND e.aggregate_id = a.id
                              ORDER BY e.sequence DESC LIMIT 1)",
    ),
    (
        "accounts whose movements do not add up to their balance",
        "SELECT count(*) FROM (
             SELECT (e.payload -> e.event_type ->> 'balance_after')::bigint AS stated,
                    sum(CASE e.event_type WHEN 'CreditsDebited' THEN -1 ELSE 1 END
                        * (e.payload -> e.event_type ->> 'credits')::bigint)
                        OVER (PARTITION BY e.aggregate_id ORDER BY e.sequence) AS added
             FROM es.events e WHERE e.aggregate_type = 'credit_account' AND e.event_type <> 'CreditAccountOpened'
                AND e.aggregate_id IN (SELECT a.id FROM chaos.accounts a)
         ) AS m WHERE m.stated <> m.added",
    ),
];

/// Remembers where the log stands before anybody writes.
///
/// # Errors
/// The database fails.
pub async fn begin(connection: &mut PgConnection) -> sqlx::Result<()> {
    connection.execute(BEGIN).await?;
    Ok(())
}

/// Loads the writers' records into tables beside the log, and counts.
///
/// # Errors
/// A record or the database cannot be read.
pub async fn promises(
    connection: &mut PgConnection,
    seed: u64,
    records: &[PathBuf],
    when: &str,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    connection.execute(TABLES).await?;
    let refused = load(connection, seed, records).await?;
    connection.execute(GATHER).await?;
    let total = |query: &'static str| sqlx::query_scalar::<_, i64>(query);
    verdict.count(
        &format!("events in the log, {when}"),
        total("SELECT count(*) FROM es.events")
            .fetch_one(&mut *connection)
            .await?,
    );
    verdict.count(
        "commands sent",
        total("SELECT count(*) FROM chaos.sent WHERE lane >= 0")
            .fetch_one(&mut *connection)
            .await?,
    );
    let answered = "SELECT count(DISTINCT command_id) FROM chaos.answered";
    verdict.count(
        "commands answered",
        total(answered).fetch_one(&mut *connection).await?,
    );
    let several =
        "SELECT count(*) FROM (SELECT FROM chaos.answered GROUP BY command_id HAVING count(*) > 1) AS s";
    verdict.count(
        "commands answered to several senders",
        total(several).fetch_one(&mut *connection).await?,
    );
    let silent = "SELECT count(*) FROM chaos.sent s JOIN chaos.stored t USING (command_id)
                  WHERE s.lane >= 0
                    AND NOT EXISTS (SELECT FROM chaos.answered a WHERE a.command_id = s.command_id)";
    verdict.count(
        "commands stored whose answer was lost",
        total(silent).fetch_one(&mut *connection).await?,
    );
    verdict.none("commands refused", refused);
    for (what, query) in NONE {
        let number: i64 = if query.contains("$2") {
            let with_both = format!("SELECT n FROM ({query}) AS q (n) WHERE $1::text IS NOT NULL");
            sqlx::query_scalar(&with_both)
                .bind(CLAIM)
                .bind(CREDITS_AT_FIRST)
                .fetch_one(&mut *connection)
                .await?
        } else if query.contains("$1") {
            sqlx::query_scalar(query)
                .bind(CLAIM)
                .fetch_one(&mut *connection)
                .await?
        } else {
            sqlx::query_scalar(query).fetch_one(&mut *connection).await?
        };
        verdict.none(what, number);
    }
    Ok(())
}

/// Answers how many commands were refused.
async fn load(connection: &mut PgConnection, seed: u64, records: &[PathBuf]) -> anyhow::Result<i64> {
    let mut refused = 0;
    let mut noted = Lines::new("chaos.noted (command_id, lane, number, account, credits, events, claims)");
    let mut answered = Lines::new("chaos.answered (command_id, xid, position, outcome)");
    for number in 0..ACCOUNTS {
        let id = account(number);
        sqlx::query("INSERT INTO chaos.accounts (account, id) VALUES ($1, $2)")
            .bind(i32::try_from(number)?)
            .bind(id.to_string())
            .execute(&mut *connection)
            .await?;
        // Registrations are promises too.
        let registration = Uuid::new_v5(&id.0, b"registration");
        noted
            .add(
                &format!("{registration}\t-1\t{number}\t-1\t0\t5\t0\n"),
                connection,
            )
            .await?;
    }
    for record in records {
        for entry in entries(record)? {
            match entry {
                Entry::Sent { lane, number } => {
                    let work = Work::new(seed, lane, number);
                    let line = format!(
                        "{}\t{lane}\t{number}\t{}\t{}\t{}\t{}\n",
                        work.command_id,
                        work.account,
                        work.credits,
                        work.events(),
                        work.claims()
                    );
                    noted.add(&line, connection).await?;
                }
                Entry::Answered {
                    lane,
                    number,
                    position,
                    outcome,
                } => {
                    let id = Work::new(seed, lane, number).command_id;
                    let line = format!("{id}\t{}\t{}\t{outcome}\n", position.xid, position.position);
                    answered.add(&line, connection).await?;
                }
                Entry::Refused { .. } => refused += 1,
            }
        }
    }
    noted.flush(connection).await?;
    answered.flush(connection).await?;
    Ok(refused)
}

/// Rows on their way into a table.
struct Lines {
    target: &'static str,
    text: String,
}

impl Lines {
    fn new(target: &'static str) -> Self {
        Self {
            target,
            text: String::new(),
        }
    }

    async fn add(&mut self, line: &str, connection: &mut PgConnection) -> anyhow::Result<()> {
        self.text.push_str(line);
        if self.text.len() >= CHUNK {
            self.flush(connection).await?;
        }
        Ok(())
    }

    async fn flush(&mut self, connection: &mut PgConnection) -> anyhow::Result<()> {
        let mut copy = connection
            .copy_in_raw(&format!("COPY {} FROM STDIN", self.target))
            .await?;
        copy.send(self.text.as_bytes()).await?;
        copy.finish().await?;
        self.text.clear();
        Ok(())
    }
}

/// A command to be sent again, and what it was answered.
pub struct Again {
    pub work: Work,
    pub answered: Option<(Position, i64)>,
}

/// Commands to be sent again: first all that have no answer, then others by chance.
///
/// # Errors
/// The database fails.
pub async fn again(connection: &mut PgConnection, seed: u64, most: i64) -> anyhow::Result<Vec<Again>> {
    let rows = sqlx::query(
        "SELECT s.lane, s.number, a.xid, a.position, a.outcome
         FROM chaos.sent s
         LEFT JOIN (SELECT DISTINCT ON (command_id) * FROM chaos.answered ORDER BY command_id) a USING (command_id)
         WHERE s.lane >= 0 ORDER BY a.xid IS NOT NULL, s.command_id LIMIT $1",
    )
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let (lane, number): (i64, i64) = (row.try_get("lane")?, row.try_get("number")?);
            let outcome: Option<i64> = row.try_get("outcome")?;
            let position = || -> sqlx::Result<Position> {
                Ok(Position {
                    xid: row.try_get("xid")?,
                    position: row.try_get("position")?,
                })
            };
            Ok(Again {
                work: Work::new(
                    seed,
                    u32::try_from(lane).unwrap_or(SHARED),
                    u64::try_from(number)?,
                ),
                answered: outcome
                    .map(|outcome| position().map(|at| (at, outcome)))
                    .transpose()?,
            })
        })
        .collect()
}

/// Compares a reader's notes with the log, event by event. Answers how many agree.
///
/// # Errors
/// The file or the database cannot be read.
pub async fn notes(connection: &mut PgConnection, path: &Path, verdict: &mut Verdict) -> anyhow::Result<()> {
    const BATCH: i64 = 10_000;
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut file = BufReader::new(File::open(path)?);
    let (mut after, mut agreed) = (Position::START, 0_i64);
    loop {
        let stored = log(connection, after, BATCH).await?;
        let noted = reader::places(&mut file, stored.len().max(1))?;
        if let Some(place) = (0..stored.len().max(noted.len())).find(|n| stored.get(*n) != noted.get(*n)) {
            verdict.faults.push(format!(
                "{name} missed or repeated an event: number {} in the log is {:?}, it noted {:?}",
                agreed + i64::try_from(place)? + 1,
                stored.get(place).map(ToString::to_string),
                noted.get(place).map(ToString::to_string)
            ));
            break;
        }
        agreed += i64::try_from(stored.len())?;
        match stored.last() {
            Some(last) => after = *last,
            None => break,
        }
    }
    verdict.count(&format!("events that {name} saw once each, in order"), agreed);
    Ok(())
}

async fn log(connection: &mut PgConnection, after: Position, limit: i64) -> anyhow::Result<Vec<Position>> {
    let rows = sqlx::query(
        "SELECT e.xid::text::bigint AS transaction, e.position FROM es.events e
         WHERE (e.xid, e.position) > ($1::text::xid8, $2) ORDER BY e.xid, e.position LIMIT $3",
    )
    .bind(after.xid.to_string())
    .bind(after.position)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Position {
                xid: row.try_get("transaction")?,
                position: row.try_get("position")?,
            })
        })
        .collect()
}
