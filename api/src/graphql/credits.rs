//! Credits: the movements of resellers' accounts, and what explains each.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use platform::Audience;
use projections::Projection;
use projections::credit_lots::{self, CreditLots};
use projections::credit_transactions::{self, CreditTransactionRow, CreditTransactions, TransactionFilter};
use projections::customers::Customers;
use projections::ledger::Ledger;
use projections::ledger::postings::{self, PostingFilter};
use projections::page::{PAGE_ROWS_MAX, Page, PageRequest};
use projections::users::Users;
use store::Position;

use super::credit_account::CreditLot;
use super::page::{connection, cost, request};
use super::postings::Posting;
use super::scalars::{Int64, id, int64, parsed_id};
use crate::error::ApiResult;
use crate::session::Session;

pub(super) const NOT_FOR_CUSTOMERS: &str =
    "credits are between the platform and its resellers: ask your reseller about yours";

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::credit_account::MovementKind")]
pub(super) enum TransactionKind {
    Purchase,
    Debit,
    Refund,
    Adjustment,
    Bonus,
    Transfer,
    Expiry,
    Reversal,
    Reservation,
    Release,
    Capture,
}

/// Credits of one lot.
#[derive(SimpleObject)]
pub(super) struct LotShare {
    /// Number of the lot in its account.
    lot: Int64,
    credits: Int64,
    promotional: bool,
    expires_at: Option<DateTime<Utc>>,
}

#[derive(SimpleObject)]
pub(super) struct CreditTransaction {
    id: ID,
    reseller_id: ID,
    /// Place in the account's history: refunds and reversals name it.
    number: Int64,
    kind: TransactionKind,
    /// What it adds to the balance, signed: purchases are positive, debits negative, captures zero.
    amount: Int64,
    /// Its size.
    credits: Int64,
    /// What is available after it.
    balance_after: Int64,
    customer_id: Option<ID>,
    customer_name: Option<String>,
    note: Option<String>,
    actor_id: Option<ID>,
    actor_name: Option<String>,
    /// The movement that this one returns or reverses.
    of_number: Option<Int64>,
    /// The other side of a transfer.
    peer_reseller_id: Option<ID>,
    reservation_id: Option<ID>,
    /// The lots that it fills or drains.
    lots: Vec<LotShare>,
    event_type: String,
    command_id: Option<ID>,
    at: DateTime<Utc>,
    known_at: Option<DateTime<Utc>>,
    position: String,
}

impl From<CreditTransactionRow> for CreditTransaction {
    fn from(row: CreditTransactionRow) -> Self {
        let lots = row.lots.into_iter().map(|share| LotShare {
            lot: int64(share.lot),
            credits: Int64(share.credits.0),
            promotional: share.promotional,
            expires_at: share.expires_at,
        });
        Self {
            id: ID(row.position.to_string()),
            reseller_id: id(row.reseller_id),
            number: Int64(row.number),
            kind: row.kind.into(),
            amount: Int64(row.amount),
            credits: Int64(row.credits),
            balance_after: Int64(row.balance_after),
            customer_id: row.customer_id.map(id),
            customer_name: row.customer_name,
            note: row.note,
            actor_id: row.actor_id.map(id),
            actor_name: row.actor_name,
            of_number: row.of_number.map(Int64),
            peer_reseller_id: row.peer_id.map(id),
            reservation_id: row.reservation_id.map(id),
            lots: lots.collect(),
            event_type: row.event_type,
            command_id: row.command_id.map(id),
            at: row.at,
            known_at: row.known_at,
            position: row.position.to_string(),
        }
    }
}

connection!(
    CreditTransactionConnection,
    CreditTransactionEdge,
    CreditTransaction
);

/// Which movements are wanted; what is left out does not limit.
#[derive(InputObject, Default)]
pub(super) struct TransactionsWanted {
    kinds: Option<Vec<TransactionKind>>,
    customer_id: Option<ID>,
    actor_id: Option<ID>,
    /// Happened at this instant or later.
    from: Option<DateTime<Utc>>,
    /// Happened before this instant.
    until: Option<DateTime<Utc>>,
    /// Of at least this size, whatever the sign.
    credits_min: Option<Int64>,
    /// Of at most this size.
    credits_max: Option<Int64>,
}

/// `None` where an id has a form that none of ours has.
fn filter(reseller_id: Option<&ID>, wanted: TransactionsWanted) -> Option<TransactionFilter> {
    let known = |id: Option<&ID>| id.map(|id| parsed_id(id).ok_or(())).transpose().ok();
    let kinds = wanted.kinds.unwrap_or_default();
    Some(TransactionFilter {
        reseller_id: known(reseller_id)?,
        customer_id: known(wanted.customer_id.as_ref())?,
        actor_id: known(wanted.actor_id.as_ref())?,
        kinds: kinds.into_iter().map(Into::into).collect(),
        from: wanted.from,
        until: wanted.until,
        credits_min: wanted.credits_min.map(|credits| credits.0),
        credits_max: wanted.credits_max.map(|credits| credits.0),
        ..TransactionFilter::default()
    })
}

/// Why a movement is what it is.
#[derive(SimpleObject)]
pub(super) struct TransactionExplained {
    transaction: CreditTransaction,
    /// Both sides of every line of the ledger that it wrote.
    postings: Vec<Posting>,
    /// The lots that it moved, with what made them and what their credits had cost.
    lots: Vec<CreditLot>,
    /// The movement that it returns or reverses.
    of: Option<CreditTransaction>,
    /// The movements that returned or reversed it.
    returned_by: Vec<CreditTransaction>,
}

fn at_most<K>() -> PageRequest<K> {
    PageRequest {
        first: PAGE_ROWS_MAX,
        after: None,
    }
}

#[derive(Default)]
pub(super) struct CreditsQuery;

#[Object]
impl CreditsQuery {
    /// The movements of credits, the newest first: of all resellers for the platform, of its own for a reseller.
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn credit_transactions(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        reseller_id: Option<ID>,
        #[graphql(name = "where")] wanted: Option<TransactionsWanted>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<CreditTransactionConnection> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let request = request(first, after.as_deref())?;
        let filter = filter(reseller_id.as_ref(), wanted.unwrap_or_default());
        let sources = [CreditTransactions::NAME, Customers::NAME, Users::NAME];
        let mut connection = session.read(&sources, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let page = match filter {
            Some(filter) => credit_transactions::page(read, scope, &filter, request).await?,
            None => Page {
                rows: Vec::new(),
                has_next: false,
            },
        };
        Ok(CreditTransactionConnection::new(
            page,
            after.is_some(),
            |row| row.position,
            Into::into,
        ))
    }

    /// A movement of an account by its number, with the postings, lots and returns that explain it.
    async fn credit_transaction(
        &self,
        ctx: &Context<'_>,
        reseller_id: ID,
        number: Int64,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Option<TransactionExplained>> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let sources = [
            CreditTransactions::NAME,
            CreditLots::NAME,
            Ledger::NAME,
            Customers::NAME,
            Users::NAME,
        ];
        let mut connection = session.read(&sources, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let Some(reseller) = parsed_id(&reseller_id) else {
            return Ok(None);
        };
        let by_number = |number| TransactionFilter {
            reseller_id: Some(reseller),
            number: Some(number),
            ..TransactionFilter::default()
        };
        let found =
            credit_transactions::page(read, scope, &by_number(number.0), at_most::<Position>()).await?;
        let Some(row) = found.rows.into_iter().next() else {
            return Ok(None);
        };
        let of = match row.of_number {
            Some(of) => {
                credit_transactions::page(read, scope, &by_number(of), at_most())
                    .await?
                    .rows
            }
            None => Vec::new(),
        };
        let returning = TransactionFilter {
            of_number: Some(number.0),
            ..TransactionFilter {
                reseller_id: Some(reseller),
                ..TransactionFilter::default()
            }
        };
        let returned_by = credit_transactions::page(read, scope, &returning, at_most()).await?;
        let numbers: Vec<i64> = row
            .lots
            .iter()
            .filter_map(|share| i64::try_from(share.lot).ok())
            .collect();
        let lots = credit_lots::lots_of(read, scope, reseller, &numbers).await?;
        let posted = PostingFilter {
            reseller_id: Some(reseller),
            command_id: row.command_id,
            ..PostingFilter::default()
        };
        // The postings of a command are few; those of the movement are the ones at its position.
        let posted = postings::page(read, scope, &posted, at_most()).await?;
        let of_row = posted
            .rows
            .into_iter()
            .filter(|posting| posting.position == row.position);
        Ok(Some(TransactionExplained {
            postings: of_row.map(Into::into).collect(),
            lots: lots.into_iter().map(Into::into).collect(),
            of: of.into_iter().next().map(Into::into),
            returned_by: returned_by.rows.into_iter().map(Into::into).collect(),
            transaction: row.into(),
        }))
    }
}
