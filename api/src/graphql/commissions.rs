//! Commissions: the lines of sales with the arithmetic behind them, and what a month came to.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use platform::Audience;
use projections::Projection;
use projections::commissions::Commissions;
use projections::commissions::lines::{self, LineFilter, LineKey, LineRow};
use projections::commissions::summary::{self, SummaryFilter, SummaryRow};
use projections::page::Page;
use projections::resellers::Resellers;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::page::{Cursor, connection, cost, request};
use super::scalars::{Int64, id, int, parsed_id};
use crate::error::ApiResult;
use crate::session::Session;

pub(super) const NOT_FOR_CUSTOMERS: &str =
    "commissions are between the platform and its resellers: there are none for customers";

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::sale::SaleKind")]
pub(super) enum SaleKind {
    Sale,
    Refund,
    Chargeback,
    RefundReversed,
}

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::commission::LineBasis")]
pub(super) enum LineBasis {
    Gross,
    NetOfStore,
    NetOfTax,
    Net,
    /// What the line before it gained: a parent's share.
    Commission,
}

/// One reseller's part in a sale, or in what came back of one. Amounts are minor units; of what came back they are
/// negative. Frozen: no later contract changes it.
#[derive(SimpleObject)]
pub(super) struct CommissionLine {
    id: ID,
    sale_id: ID,
    /// 1 for the reseller whose customer bought, 2 for its parent, and so on.
    line: i32,
    /// Who earns.
    reseller_id: ID,
    /// Whose customer bought.
    seller_id: ID,
    /// The line that is taken back or given again; null for a sale.
    reverses: Option<ID>,
    product: String,
    kind: SaleKind,
    currency: String,
    /// Version of the contract that the rate comes from.
    contract_version: i32,
    basis: LineBasis,
    basis_minor: Int64,
    rate: Decimal,
    /// Sales of the month from which the rate applies; null where it does not depend on them.
    volume_from_minor: Option<Int64>,
    /// Sales of the month before this one.
    volume_reached_minor: Option<Int64>,
    /// Basis times rate, rounded half to even.
    gained_minor: Int64,
    /// What of it goes on to the parent.
    passed_on_minor: Int64,
    /// The reseller's own.
    amount_minor: Int64,
    /// What rounding left off, in millionths of a minor unit.
    remainder_micro: Int64,
    sold_at: DateTime<Utc>,
    /// When the sale was made that it is about.
    origin_at: DateTime<Utc>,
    known_at: DateTime<Utc>,
    command_id: ID,
    position: String,
}

impl From<LineRow> for CommissionLine {
    fn from(row: LineRow) -> Self {
        let of = |sale_id| LineKey { sale_id, ..row.key }.id();
        Self {
            id: of(row.key.sale_id),
            sale_id: id(row.key.sale_id),
            line: row.key.line,
            reseller_id: id(row.reseller_id),
            seller_id: id(row.seller_id),
            reverses: (row.origin_id != row.key.sale_id).then(|| of(row.origin_id)),
            product: row.product,
            kind: row.kind.into(),
            currency: row.currency,
            contract_version: int(row.contract_version),
            basis: row.basis.into(),
            basis_minor: Int64(row.basis_minor),
            rate: row.rate,
            volume_from_minor: row.volume.map(|(from, _)| Int64(from)),
            volume_reached_minor: row.volume.map(|(_, reached)| Int64(reached)),
            gained_minor: Int64(row.gained_minor),
            passed_on_minor: Int64(row.passed_on_minor),
            amount_minor: Int64(row.amount_minor),
            remainder_micro: Int64(row.remainder_micro),
            sold_at: row.key.sold_at,
            origin_at: row.origin_at,
            known_at: row.known_at,
            command_id: id(row.command_id),
            position: row.position.to_string(),
        }
    }
}

trait LineId {
    fn id(&self) -> ID;
}

impl LineId for LineKey {
    fn id(&self) -> ID {
        ID(format!("{}-{}", self.sale_id, self.line))
    }
}

/// The sale and the line's number in an id.
fn line_id(id: &ID) -> Option<(Uuid, i32)> {
    let (sale_id, line) = id.rsplit_once('-')?;
    Some((sale_id.parse().ok()?, line.parse().ok()?))
}

impl Cursor for LineKey {
    fn text(&self) -> String {
        format!(
            "{} {} {}",
            self.sold_at.timestamp_micros(),
            self.sale_id,
            self.line
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let key = Self {
            sold_at: DateTime::from_timestamp_micros(parts.next()?.parse().ok()?)?,
            sale_id: parts.next()?.parse().ok()?,
            line: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(key)
    }
}

connection!(CommissionLineConnection, CommissionLineEdge, CommissionLine);

/// A line with the arithmetic behind it.
#[derive(SimpleObject)]
pub(super) struct ExplainedLine {
    line: CommissionLine,
    /// In words and numbers: contract, basis, rate, rounding, and what came before a refund.
    explanation: String,
}

/// Which lines are wanted; what is left out does not limit.
#[derive(InputObject, Default)]
pub(super) struct CommissionLinesWanted {
    /// Who earns.
    reseller_id: Option<ID>,
    sale_id: Option<ID>,
    /// A sale with all that came back of it.
    origin_id: Option<ID>,
    product: Option<String>,
    kind: Option<SaleKind>,
    currency: Option<String>,
    /// Sold at or after.
    from: Option<DateTime<Utc>>,
    /// Sold before.
    to: Option<DateTime<Utc>>,
    /// Sold by then.
    as_of: Option<DateTime<Utc>>,
    /// Recorded by then.
    known_at: Option<DateTime<Utc>>,
}

/// `None` where an id has a form that none of ours has.
fn filter(wanted: CommissionLinesWanted) -> Option<LineFilter> {
    let known = |id: Option<ID>| match id {
        None => Some(None),
        Some(id) => parsed_id(&id).map(Some),
    };
    Some(LineFilter {
        reseller_id: known(wanted.reseller_id)?,
        sale_id: known(wanted.sale_id)?,
        origin_id: known(wanted.origin_id)?,
        product: wanted.product,
        kind: wanted.kind.map(Into::into),
        currency: wanted.currency,
        from: wanted.from,
        to: wanted.to,
        as_of: wanted.as_of,
        known_at: wanted.known_at,
    })
}

/// A month of one currency, less what came back, in minor units: what stores kept and what resellers earned stand
/// side by side.
#[derive(SimpleObject)]
pub(super) struct CommissionMonth {
    /// The month in the reseller's own time zone, for example 2026-11.
    month: String,
    currency: String,
    /// Sales, without what came back.
    sales: Int64,
    gross_minor: Int64,
    tax_minor: Int64,
    /// What stores kept: their commission.
    store_cut_minor: Int64,
    /// What was earned, before claw-backs.
    earned_minor: Int64,
    /// What refunds took back, less what their reversals gave again.
    clawed_back_minor: Int64,
    /// What resellers keep: their commission.
    commission_minor: Int64,
    /// Gross less tax, the store's cut and the resellers' commission. Of a reseller it counts its own lines alone.
    rest_minor: Int64,
}

impl From<SummaryRow> for CommissionMonth {
    fn from(row: SummaryRow) -> Self {
        Self {
            month: row.month.format("%Y-%m").to_string(),
            rest_minor: Int64(row.gross_minor - row.tax_minor - row.store_cut_minor - row.commission_minor),
            currency: row.currency,
            sales: Int64(row.sales),
            gross_minor: Int64(row.gross_minor),
            tax_minor: Int64(row.tax_minor),
            store_cut_minor: Int64(row.store_cut_minor),
            earned_minor: Int64(row.earned_minor),
            clawed_back_minor: Int64(row.clawed_back_minor),
            commission_minor: Int64(row.commission_minor),
        }
    }
}

#[derive(Default)]
pub(super) struct CommissionsQuery;

#[Object]
impl CommissionsQuery {
    /// Commission lines, those of the newest sale first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn commission_lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        #[graphql(name = "where")] wanted: Option<CommissionLinesWanted>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<CommissionLineConnection> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let request = request(first, after.as_deref())?;
        let filter = filter(wanted.unwrap_or_default());
        let mut connection = session
            .read(&[Commissions::NAME], (&min_position, &wait_for))
            .await?;
        let (read, scope) = connection.parts();
        let page = match filter {
            Some(filter) => lines::page(read, scope, &filter, request).await?,
            None => Page {
                rows: Vec::new(),
                has_next: false,
            },
        };
        Ok(CommissionLineConnection::new(
            page,
            after.is_some(),
            |row| row.key,
            Into::into,
        ))
    }

    /// One line, and how it came to its amount.
    async fn commission_line(
        &self,
        ctx: &Context<'_>,
        id: ID,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Option<ExplainedLine>> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let mut connection = session
            .read(&[Commissions::NAME], (&min_position, &wait_for))
            .await?;
        let (read, scope) = connection.parts();
        let Some((sale_id, line)) = line_id(&id) else {
            return Ok(None);
        };
        let explained = lines::explained(read, scope, sale_id, line).await?;
        Ok(explained.map(|(row, explanation)| ExplainedLine {
            line: row.into(),
            explanation,
        }))
    }

    /// Sales, the stores' commission and the resellers' by month and currency, the newest month first: of all
    /// resellers for the platform, its own for a reseller. `asOf` leaves out what was sold later, `knownAt` what was
    /// recorded later.
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn commission_summary(
        &self,
        ctx: &Context<'_>,
        reseller_id: Option<ID>,
        currency: Option<String>,
        as_of: Option<DateTime<Utc>>,
        known_at: Option<DateTime<Utc>>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<Vec<CommissionMonth>> {
        let session = Session::of(ctx)?;
        session.require(&[Audience::Admin, Audience::Reseller], NOT_FOR_CUSTOMERS)?;
        let sources = [Commissions::NAME, Resellers::NAME];
        let mut connection = session.read(&sources, (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let reseller_id = match reseller_id.as_ref().map(parsed_id) {
            // No reseller has an id of that form.
            Some(None) => return Ok(Vec::new()),
            Some(known) => known,
            None => None,
        };
        let filter = SummaryFilter {
            reseller_id,
            currency,
            as_of,
            known_at,
        };
        let rows = summary::by_month(read, scope, &filter).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}
