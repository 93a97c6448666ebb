//! Makes a log that was dumped logically and restored into another cluster readable there.
//!
//! The log's order rests on transaction ids (ADR 0002). A dump carries those of the old cluster; above the new
//! one's counter they lie behind the feed's barrier and before whatever is appended next. Here every event gets
//! the oldest id there is and a new position, in the order it had, and so does all that names a position.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection, Row};
use tokio_util::sync::CancellationToken;

/// `FirstNormalTransactionId`: below every id that a cluster hands out to commands.
const OLDEST_XID: i64 = 3;

/// What was renumbered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixup {
    pub events: i64,
    /// Rows that named a position, by table; tables without any are left out.
    pub tables: Vec<(String, u64)>,
}

#[derive(Debug, thiserror::Error)]
pub enum FixupError {
    #[error("the log cannot be renumbered: {0}; it needs the owner of the tables, better a superuser")]
    Database(#[from] sqlx::Error),
    #[error(
        "others are connected to this database ({0}): stop every process of Stentor and every client first"
    )]
    Connected(String),
    #[error(
        "the stream {stream} was continued here after the restore, before its older events were renumbered: which \
         came first cannot be told any more; restore the dump again and run this before anything is started"
    )]
    Continued { stream: String },
    #[error(
        "the column {0} names transactions without positions: this program does not know how to renumber it"
    )]
    Unknown(String),
}

/// Columns of one table that name a place in the log.
struct Place {
    /// With its schema, quoted.
    table: String,
    xid: String,
    /// `None` for a receipt of a time before receipts had positions.
    position: Option<String>,
    /// Whether the transaction id is an `xid8`, else a `bigint`.
    native: bool,
}

impl Place {
    fn xid_as_number(&self) -> String {
        if self.native {
            format!("t.{}::text::bigint", self.xid)
        } else {
            format!("t.{}", self.xid)
        }
    }

    fn oldest_xid(&self) -> String {
        if self.native {
            format!("'{OLDEST_XID}'::xid8")
        } else {
            OLDEST_XID.to_string()
        }
    }
}

/// Renumbers the log in one transaction. `None` where every id of the log lies below this cluster's counter:
/// then nothing is changed.
///
/// # Errors
/// Somebody else is connected, the log was written to since the restore, or the database fails. Nothing is
/// changed.
pub async fn fixup(owner: &mut PgConnection) -> Result<Option<Fixup>, FixupError> {
    refuse_company(owner).await?;
    let mut transaction = owner.begin().await?;
    transaction
        .execute(
            "SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = 0;
             SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL synchronous_commit = on",
        )
        .await?;
    transaction
        .execute("LOCK TABLE es.events, es.commands IN ACCESS EXCLUSIVE MODE")
        .await?;
    if !is_needed(&mut transaction).await? {
        return Ok(None);
    }
    refuse_continued(&mut transaction).await?;
    let places = places(&mut transaction).await?;
    let triggers = disable_triggers(&mut transaction, &places).await?;
    let events = renumber_events(&mut transaction).await?;
    let mut tables = Vec::new();
    for place in &places {
        let rows = renumber_place(&mut transaction, place).await?;
        if rows > 0 {
            tables.push((place.table.clone(), rows));
        }
    }
    for trigger in triggers {
        transaction.execute(trigger.as_str()).await?;
    }
    transaction.commit().await?;
    // The old row versions would be read over and over.
    owner.execute("VACUUM (ANALYZE) es.events").await?;
    Ok(Some(Fixup { events, tables }))
}

/// A client that has just gone is still a session for a moment.
async fn refuse_company(connection: &mut PgConnection) -> Result<(), FixupError> {
    const LOOKS: u32 = 30;
    let endless = CancellationToken::new();
    for look in 1.. {
        let others: Option<String> = sqlx::query_scalar(
            "SELECT string_agg(name || ' ' || sessions, ', ' ORDER BY name) FROM (
                 SELECT coalesce(nullif(a.application_name, ''), a.usename, 'unnamed') AS name,
                        count(*) AS sessions
                 FROM pg_stat_activity a
                 WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
                   AND a.backend_type = 'client backend'
                 GROUP BY 1) AS others",
        )
        .fetch_one(&mut *connection)
        .await?;
        match others {
            None => break,
            Some(names) if look == LOOKS => return Err(FixupError::Connected(names)),
            Some(_) => platform::shutdown::pause(Duration::from_millis(100), &endless).await,
        };
    }
    Ok(())
}

/// No cluster has handed out ids at or above its counter: those come from another one.
async fn is_needed(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM es.events e WHERE e.xid >= pg_snapshot_xmax(pg_current_snapshot()))
             OR EXISTS (SELECT FROM es.commands c WHERE c.xid >= pg_snapshot_xmax(pg_current_snapshot()))",
    )
    .fetch_one(connection)
    .await
}

async fn refuse_continued(connection: &mut PgConnection) -> Result<(), FixupError> {
    let stream: Option<String> = sqlx::query_scalar(
        "SELECT o.aggregate_type || '/' || o.aggregate_id FROM (
             SELECT e.aggregate_type, e.aggregate_id, e.sequence,
                    lag(e.sequence) OVER (PARTITION BY e.aggregate_type, e.aggregate_id
                                          ORDER BY e.xid, e.position) AS before
             FROM es.events e) AS o
         WHERE o.before > o.sequence LIMIT 1",
    )
    .fetch_optional(connection)
    .await?;
    stream.map_or(Ok(()), |stream| Err(FixupError::Continued { stream }))
}

/// Every table but the log itself that names places in it: `…xid` and `…position` with one beginning. Copies
/// that a rebuild was filling count too.
async fn places(connection: &mut PgConnection) -> Result<Vec<Place>, FixupError> {
    let rows = sqlx::query(
        "SELECT format('%I.%I', n.nspname, c.relname) AS place, a.attname::text AS xid,
                coalesce(p.attname::text, l.attname::text) AS position, a.atttypid = 'xid8'::regtype AS native
         FROM pg_attribute a
         JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r' AND c.relpersistence <> 't'
         JOIN pg_namespace n ON n.oid = c.relnamespace
         LEFT JOIN pg_attribute p ON p.attrelid = c.oid AND NOT p.attisdropped
              AND p.attname = regexp_replace(a.attname, 'xid$', 'position')
         LEFT JOIN pg_attribute l ON l.attrelid = c.oid AND NOT l.attisdropped
              AND c.oid = 'es.commands'::regclass AND l.attname = 'last_position'
         WHERE a.attname ~ '(^|_)xid$' AND a.attnum > 0 AND NOT a.attisdropped
           AND a.atttypid IN ('xid8'::regtype, 'bigint'::regtype)
           AND c.oid <> 'es.events'::regclass
           AND n.nspname NOT IN ('pg_catalog', 'information_schema')
         ORDER BY 1",
    )
    .fetch_all(connection)
    .await?;
    let mut places = Vec::new();
    for row in rows {
        let place = Place {
            table: row.try_get("place")?,
            xid: row.try_get("xid")?,
            position: row.try_get("position")?,
            native: row.try_get("native")?,
        };
        if place.position.is_none() && place.table != "es.commands" {
            return Err(FixupError::Unknown(format!("{}.{}", place.table, place.xid)));
        }
        places.push(place);
    }
    Ok(places)
}

/// Answers the statements that enable them again as they were.
async fn disable_triggers(connection: &mut PgConnection, places: &[Place]) -> sqlx::Result<Vec<String>> {
    let mut tables: Vec<&str> = places.iter().map(|place| place.table.as_str()).collect();
    tables.push("es.events");
    tables.dedup();
    let rows = sqlx::query(
        "SELECT format('%s DISABLE TRIGGER %I', w.name, t.tgname) AS disable,
                format('%s ENABLE %s TRIGGER %I', w.name,
                       CASE t.tgenabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END, t.tgname) AS enable
         FROM unnest($1::text[]) AS w (name)
         JOIN pg_trigger t ON t.tgrelid = w.name::regclass AND NOT t.tgisinternal AND t.tgenabled <> 'D'",
    )
    .bind(tables)
    .fetch_all(&mut *connection)
    .await?;
    let mut enabling = Vec::new();
    for row in rows {
        let disable: String = row.try_get("disable")?;
        connection
            .execute(format!("ALTER TABLE {disable}").as_str())
            .await?;
        let enable: String = row.try_get("enable")?;
        enabling.push(format!("ALTER TABLE {enable}"));
    }
    Ok(enabling)
}

/// Numbers the events from 1 without gaps and remembers what each was called. Answers how many there are.
async fn renumber_events(connection: &mut PgConnection) -> sqlx::Result<i64> {
    // Events with the oldest id were renumbered before: they stand first and keep their numbers, so no two rows
    // ever want the same place.
    connection
        .execute(
            "CREATE TEMPORARY TABLE renumbered ON COMMIT DROP AS
                 SELECT e.xid::text::bigint AS old_xid, e.position AS old_position,
                        row_number() OVER (ORDER BY e.xid, e.position) AS position
                 FROM es.events e;
             CREATE UNIQUE INDEX renumbered_by_old ON renumbered (old_xid, old_position);
             ANALYZE renumbered;
             ALTER TABLE es.events ALTER COLUMN position SET GENERATED BY DEFAULT",
        )
        .await?;
    sqlx::query(
        "UPDATE es.events e SET xid = $1::text::xid8, position = r.position FROM renumbered r
         WHERE e.xid = r.old_xid::text::xid8 AND e.position = r.old_position AND e.xid <> $1::text::xid8",
    )
    .bind(OLDEST_XID.to_string())
    .execute(&mut *connection)
    .await?;
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM renumbered")
        .fetch_one(&mut *connection)
        .await?;
    let next = events.saturating_add(1);
    let identity =
        format!("ALTER TABLE es.events ALTER COLUMN position SET GENERATED ALWAYS RESTART WITH {next}");
    connection.execute(identity.as_str()).await?;
    Ok(events)
}

/// A place becomes that of the last event at or before it: exact where it names an event, and right for a
/// checkpoint whatever it names.
async fn renumber_place(connection: &mut PgConnection, place: &Place) -> sqlx::Result<u64> {
    let (table, xid, number, oldest) = (
        &place.table,
        &place.xid,
        place.xid_as_number(),
        place.oldest_xid(),
    );
    let within_transaction = format!("(SELECT max(r.position) FROM renumbered r WHERE r.old_xid = {number})");
    let assigned = match &place.position {
        None => String::new(),
        Some(position) => format!(
            ", {position} = CASE WHEN t.{position} IS NULL THEN {within_transaction} ELSE coalesce(
                   (SELECT r.position FROM renumbered r WHERE (r.old_xid, r.old_position) <= ({number}, t.{position})
                    ORDER BY r.old_xid DESC, r.old_position DESC LIMIT 1), 0) END"
        ),
    };
    let statement = format!("UPDATE {table} t SET {xid} = {oldest}{assigned} WHERE {number} > {OLDEST_XID}");
    let done = sqlx::query(&statement).execute(connection).await?;
    Ok(done.rows_affected())
}
