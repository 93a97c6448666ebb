//! What stores said: events, money, differences, and what products mean.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use platform::Audience;
use projections::Projection;
use projections::page::Page;
use projections::store_drifts::{self, DriftKey, StoreDriftRow, StoreDrifts};
use projections::store_events::{self, StoreEventFilter, StoreEventRow, StoreEvents};
use projections::store_products::{self, StoreProductRow, StoreProducts};
use projections::store_transactions::{self, StoreTransactionRow, StoreTransactions};
use store::Position;

use super::page::{Cursor, connection, cost, request};
use super::scalars::{Int64, Money, id, int, parsed_id};
use crate::error::ApiResult;
use crate::session::Session;

/// Why an event of a store waits.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::store_account::Hold")]
pub(super) enum StoreHold {
    /// No customer has one of its ids: link one.
    UnknownCustomer,
    /// No tier is sold under its product: map it.
    UnknownProduct,
    /// The store names no end, and the product no number of days.
    ProductWithoutDays,
    /// It does not say which purchase it is about.
    NoTransaction,
    /// It gives back what no sale has brought in, or more than that.
    MoneyFitsNoSale,
    /// It is of a test environment, which does not count here.
    Sandbox,
    /// This version does not know its type: replay it after an upgrade.
    UnknownType,
}

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::store_account::StoreSaleKind")]
pub(super) enum StoreTransactionKind {
    Sale,
    Refund,
    RefundReversed,
}

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::store_account::DriftCause")]
pub(super) enum StoreDriftCause {
    PurchaseMissed,
    DatesDiffer,
    RefundDiffers,
    PurchaseUnknown,
}

#[derive(SimpleObject)]
pub(super) struct StoreEvent {
    id: ID,
    /// What the store knows of one customer, and of those who shared purchases with it.
    account_id: ID,
    customer_id: Option<ID>,
    /// As the sender calls it, for example RENEWAL.
    event_type: String,
    store: String,
    product: Option<String>,
    transaction: Option<String>,
    sandbox: bool,
    /// When the sender made it.
    at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    /// Why it waits; null where it does not.
    hold: Option<StoreHold>,
    position: String,
}

impl From<StoreEventRow> for StoreEvent {
    fn from(row: StoreEventRow) -> Self {
        Self {
            id: ID(row.event_id),
            account_id: id(row.account_id),
            customer_id: row.tenant_id.map(id),
            event_type: row.event_type,
            store: row.store,
            product: row.product,
            transaction: row.transaction,
            sandbox: row.sandbox,
            at: row.at,
            received_at: row.known_at,
            hold: row.hold.map(Into::into),
            position: row.position.to_string(),
        }
    }
}

#[derive(SimpleObject)]
pub(super) struct StoreTransaction {
    id: ID,
    kind: StoreTransactionKind,
    customer_id: ID,
    event_id: ID,
    store: String,
    product: String,
    transaction: String,
    /// Negative where money went back.
    gross: Money,
    tax_minor: Int64,
    /// What the store keeps: not a reseller's commission.
    store_cut_minor: Int64,
    sold_at: DateTime<Utc>,
    /// The sale that was given back, or the refund that was taken back.
    reverses: Option<ID>,
    position: String,
}

impl From<StoreTransactionRow> for StoreTransaction {
    fn from(row: StoreTransactionRow) -> Self {
        Self {
            id: id(row.sale_id),
            kind: row.kind.into(),
            customer_id: id(row.tenant_id),
            event_id: ID(row.event_id),
            store: row.store,
            product: row.product,
            transaction: row.transaction,
            gross: Money {
                amount_minor: Int64(row.gross_minor),
                currency: row.currency,
            },
            tax_minor: Int64(row.tax_minor),
            store_cut_minor: Int64(row.store_cut_minor),
            sold_at: row.sold_at,
            reverses: row.reverses.map(id),
            position: row.position.to_string(),
        }
    }
}

/// A difference between what events told and what the store answered when it was asked.
#[derive(SimpleObject)]
pub(super) struct StoreDrift {
    account_id: ID,
    customer_id: Option<ID>,
    cause: StoreDriftCause,
    product: String,
    transaction: String,
    expected: String,
    found: String,
    repaired: bool,
    at: DateTime<Utc>,
}

impl From<StoreDriftRow> for StoreDrift {
    fn from(row: StoreDriftRow) -> Self {
        Self {
            account_id: id(row.account_id),
            customer_id: row.tenant_id.map(id),
            cause: row.cause.into(),
            product: row.product,
            transaction: row.transaction,
            expected: row.expected,
            found: row.found,
            repaired: row.repaired,
            at: row.known_at,
        }
    }
}

#[derive(SimpleObject)]
pub(super) struct StoreProduct {
    product: String,
    version: i32,
    /// Code of the tier.
    tier: String,
    /// How long it gives the tier where the store names no end.
    days: Option<i32>,
    since: DateTime<Utc>,
    retired: bool,
}

impl From<StoreProductRow> for StoreProduct {
    fn from(row: StoreProductRow) -> Self {
        Self {
            product: row.product,
            version: int(row.version),
            tier: row.tier.to_string(),
            days: row.days.map(int),
            since: row.since,
            retired: row.retired,
        }
    }
}

impl Cursor for DriftKey {
    fn text(&self) -> String {
        format!("{} {}", self.position, self.number)
    }

    fn parse(text: &str) -> Option<Self> {
        let (position, number) = text.rsplit_once(' ')?;
        Some(Self {
            position: position.parse::<Position>().ok()?,
            number: number.parse().ok()?,
        })
    }
}

connection!(StoreEventConnection, StoreEventEdge, StoreEvent);
connection!(StoreTransactionConnection, StoreTransactionEdge, StoreTransaction);
connection!(StoreDriftConnection, StoreDriftEdge, StoreDrift);

const NOT_FOR_CUSTOMERS: &str = "what stores report is between the platform and its resellers: the store itself shows you \
                                 your purchases";

fn no_rows<T>() -> Page<T> {
    Page {
        rows: Vec::new(),
        has_next: false,
    }
}

/// Which events of stores are shown.
#[derive(InputObject, Default)]
pub(super) struct StoreEventsWanted {
    /// Those that wait for somebody, or those that do not.
    waiting: Option<bool>,
    customer_id: Option<ID>,
}

#[derive(Default)]
pub(super) struct StoreEventsQuery;

#[Object]
impl StoreEventsQuery {
    /// What stores said, the last one taken first. Whose customer nobody knows yet, only the platform sees.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn store_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        #[graphql(name = "where")] wanted: Option<StoreEventsWanted>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<StoreEventConnection> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let request = request(first, after.as_deref())?;
        let mut connection = session
            .read(&[StoreEvents::NAME], (&min_position, &wait_for))
            .await?;
        let (read, scope) = connection.parts();
        let wanted = wanted.unwrap_or_default();
        let page = match wanted.customer_id.as_ref().map(parsed_id) {
            // No customer has an id of that form.
            Some(None) => no_rows(),
            customer => {
                let filter = StoreEventFilter {
                    waiting: wanted.waiting,
                    tenant_id: customer.flatten(),
                };
                store_events::page(read, scope, filter, request).await?
            }
        };
        Ok(StoreEventConnection::new(
            page,
            after.is_some(),
            |row| row.position,
            Into::into,
        ))
    }

    /// Money that moved in stores, the last one recorded first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn store_transactions(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        customer_id: Option<ID>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<StoreTransactionConnection> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let request = request(first, after.as_deref())?;
        let sources = [StoreTransactions::NAME];
        let mut connection = session.read(&sources, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let page = match customer_id.as_ref().map(parsed_id) {
            Some(None) => no_rows(),
            customer => store_transactions::page(read, scope, customer.flatten(), request).await?,
        };
        Ok(StoreTransactionConnection::new(
            page,
            after.is_some(),
            |row| row.position,
            Into::into,
        ))
    }

    /// Differences that look-ups found, the last one first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn store_drifts(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<StoreDriftConnection> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let request = request(first, after.as_deref())?;
        let mut connection = session
            .read(&[StoreDrifts::NAME], (&min_position, &wait_for))
            .await?;
        let (read, scope) = connection.parts();
        let page = store_drifts::page(read, scope, request).await?;
        Ok(StoreDriftConnection::new(
            page,
            after.is_some(),
            |row| row.key,
            Into::into,
        ))
    }

    /// Which tier each product of a store gives.
    async fn store_products(
        &self,
        ctx: &Context<'_>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Vec<StoreProduct>> {
        let session = Session::of(ctx)?;
        let mut connection = session
            .read(&[StoreProducts::NAME], (&min_position, &wait_for))
            .await?;
        let (read, scope) = connection.parts();
        let rows = store_products::list(read, scope).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}
