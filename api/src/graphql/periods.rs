//! Periods of the books, and what breaks a rule of the ledger: for the platform's people.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use platform::Audience;
use projections::Projection;
use projections::ledger::Ledger;
use projections::ledger::periods::{self, ClosedPeriodRow};
use projections::ledger::violations::{self, ViolationRow};

use super::ledger::TrialBalanceLine;
use super::scalars::{Int64, id};
use crate::error::ApiResult;
use crate::session::Session;

const PLATFORM_ONLY: &str = "the books are the platform's: use `trialBalance` for your own accounts";

/// A month that nothing can change any more.
#[derive(SimpleObject)]
pub(super) struct ClosedPeriod {
    /// The month, in UTC, for example 2026-11.
    period: String,
    /// How many entries of the ledger could be in it; later ones are late.
    entries: Int64,
    /// Sums since the beginning, over all resellers.
    lines: Vec<TrialBalanceLine>,
    /// SHA-256 of the turnover of every account.
    digest: String,
    closed_at: DateTime<Utc>,
    /// The user who closed it; null for the command line.
    closed_by: Option<ID>,
    position: String,
}

impl From<ClosedPeriodRow> for ClosedPeriod {
    fn from(row: ClosedPeriodRow) -> Self {
        Self {
            period: row.period.to_string(),
            entries: Int64(row.entries),
            lines: row.totals.iter().map(Into::into).collect(),
            digest: row.digest,
            closed_at: row.closed_at,
            closed_by: row.actor_id.map(id),
            position: row.position.to_string(),
        }
    }
}

/// The period that is closed next.
#[derive(SimpleObject)]
pub(super) struct OpenPeriod {
    period: String,
    /// The first instant at which it can be closed.
    closable_from: DateTime<Utc>,
    /// Whether that has come.
    closable: bool,
}

#[derive(SimpleObject)]
pub(super) struct Periods {
    /// The last one first.
    closed: Vec<ClosedPeriod>,
    /// Null while no account has been opened.
    next: Option<OpenPeriod>,
}

/// An event that breaks a rule of the ledger.
#[derive(SimpleObject)]
pub(super) struct LedgerViolation {
    position: String,
    /// `account_opened`, `sequence_contiguous`, `balance_follows`, `balance_not_negative` or `period_unchanged`.
    rule: String,
    reseller_id: Option<ID>,
    event_type: String,
    stream: String,
    sequence: Int64,
    expected: String,
    found: String,
    known_at: DateTime<Utc>,
}

impl From<ViolationRow> for LedgerViolation {
    fn from(row: ViolationRow) -> Self {
        Self {
            position: row.position.to_string(),
            rule: row.rule.as_ref().to_owned(),
            reseller_id: row.reseller_id.map(id),
            event_type: row.event_type,
            stream: row.stream,
            sequence: Int64(row.sequence),
            expected: row.expected,
            found: row.found,
            known_at: row.known_at,
        }
    }
}

#[derive(Default)]
pub(super) struct PeriodsQuery;

#[Object]
impl PeriodsQuery {
    /// The closed periods and the one that is closed next.
    async fn periods(
        &self,
        ctx: &Context<'_>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Periods> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin], PLATFORM_ONLY)?;
        let mut connection = session.read(&[Ledger::NAME], (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let closed = periods::list(read, scope).await?;
        let next = periods::next(read, scope).await?;
        let now = session.reader.now();
        Ok(Periods {
            closed: closed.into_iter().map(Into::into).collect(),
            next: next.map(|next| OpenPeriod {
                period: next.to_string(),
                closable_from: next.end(),
                closable: next.end() <= now,
            }),
        })
    }

    /// Events that break a rule of the ledger, the first one first; none while all is well.
    async fn ledger_violations(
        &self,
        ctx: &Context<'_>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Vec<LedgerViolation>> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin], PLATFORM_ONLY)?;
        let mut connection = session.read(&[Ledger::NAME], (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let violations = violations::list(read, scope).await?;
        Ok(violations.into_iter().map(Into::into).collect())
    }
}
