//! Violations: events that break a rule of the ledger.

use chrono::{DateTime, Utc};
use domain::ledger::{Rule, Violation};
use platform::Scope;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, Row};
use store::{Position, Recorded};
use uuid::Uuid;

use crate::page::parsed;

/// Most violations that are kept; the first ones tell where to look.
pub const VIOLATIONS_KEPT_MAX: usize = 100;

/// Violations found in a batch, behind those found before.
pub(super) struct Violations<'b> {
    /// Rows that the table has.
    kept: usize,
    found: Vec<(&'b Recorded, Option<Uuid>, Violation)>,
}

impl<'b> Violations<'b> {
    pub(super) fn after(kept: i64) -> Self {
        Self {
            kept: usize::try_from(kept).unwrap_or(usize::MAX),
            found: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, recorded: &'b Recorded, reseller_id: Option<Uuid>, violation: Violation) {
        if self.kept.saturating_add(self.found.len()) < VIOLATIONS_KEPT_MAX {
            self.found.push((recorded, reseller_id, violation));
        }
    }

    /// Writes them.
    pub(super) async fn write(&mut self, connection: &mut PgConnection) -> sqlx::Result<()> {
        for (recorded, reseller_id, violation) in std::mem::take(&mut self.found) {
            tracing::error!(
                position = %recorded.position,
                rule = violation.rule.as_ref(),
                expected = violation.expected,
                found = violation.found,
                "an event breaks a rule of the ledger: see docs/ledger.md"
            );
            let written = sqlx::query(
                "INSERT INTO ledger_violations (log_xid, log_position, rule, reseller_id, stream, sequence,
                                                event_type, expected, found, known_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                 ON CONFLICT DO NOTHING",
            )
            .bind(recorded.position.xid)
            .bind(recorded.position.position)
            .bind(violation.rule.as_ref())
            .bind(reseller_id)
            .bind(&recorded.aggregate_id)
            .bind(recorded.sequence)
            .bind(recorded.event.event_type())
            .bind(violation.expected)
            .bind(violation.found)
            .bind(recorded.known_at())
            .execute(&mut *connection)
            .await?;
            self.kept += usize::from(written.rows_affected() == 1);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViolationRow {
    pub position: Position,
    pub rule: Rule,
    pub reseller_id: Option<Uuid>,
    /// Id of the stream, and the event's place in it.
    pub stream: String,
    pub sequence: i64,
    pub event_type: String,
    pub expected: String,
    pub found: String,
    pub known_at: DateTime<Utc>,
}

impl ViolationRow {
    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            position: Position {
                xid: row.try_get("log_xid")?,
                position: row.try_get("log_position")?,
            },
            rule: parsed(row, "rule")?,
            reseller_id: row.try_get("reseller_id")?,
            stream: row.try_get("stream")?,
            sequence: row.try_get("sequence")?,
            event_type: row.try_get("event_type")?,
            expected: row.try_get("expected")?,
            found: row.try_get("found")?,
            known_at: row.try_get("known_at")?,
        })
    }
}

/// How many there are; the alert's figure.
///
/// # Errors
/// The database fails.
pub(crate) async fn count<'e>(executor: impl PgExecutor<'e>) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT count(*) FROM read.ledger_violations")
        .fetch_one(executor)
        .await
}

/// The violations, the first one first; empty for scopes other than the platform's.
///
/// # Errors
/// The database fails.
pub async fn list(connection: &mut PgConnection, scope: Scope) -> sqlx::Result<Vec<ViolationRow>> {
    match scope {
        Scope::Reseller(_) | Scope::Tenant { .. } => return Ok(Vec::new()),
        Scope::Platform => {}
    }
    sqlx::query("SELECT v.* FROM read.ledger_violations v ORDER BY v.log_xid, v.log_position, v.rule")
        .fetch_all(connection)
        .await?
        .iter()
        .map(ViolationRow::read)
        .collect()
}
