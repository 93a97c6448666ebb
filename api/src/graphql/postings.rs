//! Postings: both sides of every line of the ledger, with the event and the command behind it.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::period::Period;
use platform::Audience;
use projections::Projection;
use projections::ledger::Ledger;
use projections::ledger::postings::{self, PostingFilter, PostingKey, PostingRow};
use projections::ledger::trial_balance::Cutoff;
use projections::page::Page;
use uuid::Uuid;

use super::ledger::{LedgerAccount, NOT_FOR_CUSTOMERS, period};
use super::page::{Cursor, connection, cost, request};
use super::scalars::{Int64, id, parsed_id};
use crate::error::ApiResult;
use crate::session::Session;

#[derive(SimpleObject)]
pub(super) struct Posting {
    id: ID,
    /// Number of the entry in the ledger: all postings of one event have the same.
    entry: Int64,
    reseller_id: ID,
    account: LedgerAccount,
    /// `credits`, or a currency.
    unit: String,
    /// Debits are positive, credits negative.
    amount: Int64,
    happened_at: DateTime<Utc>,
    known_at: DateTime<Utc>,
    /// The month it is booked in, in UTC, for example 2026-11.
    period: String,
    /// The month it happened in; another one where it is late.
    origin_period: String,
    late: bool,
    event_type: String,
    command_id: ID,
    position: String,
}

impl From<PostingRow> for Posting {
    fn from(row: PostingRow) -> Self {
        Self {
            id: ID(row.key.text()),
            entry: Int64(row.key.entry),
            reseller_id: id(row.reseller_id),
            account: row.account.into(),
            unit: row.unit,
            amount: Int64(row.amount),
            happened_at: row.happened_at,
            known_at: row.known_at,
            period: row.period.to_string(),
            origin_period: Period::of(row.happened_at).to_string(),
            late: row.late,
            event_type: row.event_type,
            command_id: id(row.command_id),
            position: row.position.to_string(),
        }
    }
}

impl Cursor for PostingKey {
    fn text(&self) -> String {
        format!("{}-{}-{}", self.entry, self.line, self.side)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let key = Self {
            entry: parts.next()?.parse().ok()?,
            line: parts.next()?.parse().ok()?,
            side: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(key)
    }
}

connection!(PostingConnection, PostingEdge, Posting);

/// Which postings are wanted; what is left out does not limit.
#[derive(InputObject, Default)]
pub(super) struct PostingsWanted {
    reseller_id: Option<ID>,
    account: Option<LedgerAccount>,
    unit: Option<String>,
    /// Booked in exactly this month, for example 2026-11.
    period: Option<String>,
    late: Option<bool>,
    command_id: Option<ID>,
    /// Happened by then.
    as_of: Option<DateTime<Utc>>,
    /// Recorded by then.
    known_at: Option<DateTime<Utc>>,
}

/// `None` where an id has a form that none of ours has.
fn filter(wanted: PostingsWanted) -> ApiResult<Option<PostingFilter>> {
    let known = |id: Option<&ID>| -> Option<Option<Uuid>> {
        match id {
            None => Some(None),
            Some(id) => parsed_id(id).map(Some),
        }
    };
    let ids = (
        known(wanted.reseller_id.as_ref()),
        known(wanted.command_id.as_ref()),
    );
    let (Some(reseller_id), Some(command_id)) = ids else {
        return Ok(None);
    };
    Ok(Some(PostingFilter {
        reseller_id,
        command_id,
        account: wanted.account.map(Into::into),
        unit: wanted.unit,
        period: wanted.period.as_deref().map(period).transpose()?,
        late: wanted.late,
        cutoff: Cutoff {
            as_of: wanted.as_of,
            known_at: wanted.known_at,
            ..Cutoff::default()
        },
    }))
}

#[derive(Default)]
pub(super) struct PostingsQuery;

#[Object]
impl PostingsQuery {
    /// Postings, the newest entry first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn postings(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        #[graphql(name = "where")] wanted: Option<PostingsWanted>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<PostingConnection> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let request = request(first, after.as_deref())?;
        let filter = filter(wanted.unwrap_or_default())?;
        let mut connection = session.read(&[Ledger::NAME], (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let page = match filter {
            Some(filter) => postings::page(read, scope, &filter, request).await?,
            None => Page {
                rows: Vec::new(),
                has_next: false,
            },
        };
        Ok(PostingConnection::new(
            page,
            after.is_some(),
            |row| row.key,
            Into::into,
        ))
    }
}
