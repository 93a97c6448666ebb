//! Reports: figures by the day or month, and the lines behind each of them.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, NaiveDate, Utc};
use platform::Scope;
use projections::calendar::Span;
use projections::page::Page;
use projections::reports::{self, Asker, LineKey, LineRow, LinesWanted, Unit, ValueRow};
use projections::{Whose, resellers};
use sqlx::PgConnection;
use store::Position;

use super::page::{Cursor, connection, cost, request};
use super::reach::{Reach, whose};
use super::scalars::{Int64, id};
use super::usage::UsageStep;
use crate::error::{ApiError, ApiResult};
use crate::session::Session;

/// Most days or months of one report.
const STEPS_MAX: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "projections::reports::Report")]
pub(super) enum Report {
    /// Credits: what came, what went, by how much the balance changed.
    Credits,
    /// Customers that came, went, and were there at the end.
    Growth,
    /// Customers who paid and no longer do.
    Churn,
    /// What comes again every 30 days.
    Recurring,
    /// Money: packs, fees, sales, what stores and resellers had of them.
    Revenue,
    Commission,
    /// Sales through stores, and the stores' share.
    Stores,
    Usage,
    /// Events of stores: received, settled, differences.
    Sync,
}

/// A figure of one day or month.
#[derive(SimpleObject)]
pub(super) struct ReportValue {
    /// The day or month: from `start` up to, not including, `end`.
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    figure: String,
    /// A store or a product, where the figure is told apart by them.
    group: Option<String>,
    value: Int64,
    /// `credits`, `customers`, `events`, `jobs`, `bytes`, `milliseconds`, `workflows`, `basis points`, or a currency's
    /// code: then the value is minor units.
    unit: String,
    /// Whether `reportLines` lists what it is the sum of. A share is made of two figures that have lines.
    has_lines: bool,
    /// What the figure is.
    definition: String,
}

/// What an event adds to a figure.
#[derive(SimpleObject)]
pub(super) struct ReportLine {
    at: DateTime<Utc>,
    reseller_id: Option<ID>,
    reseller_name: Option<String>,
    customer_id: Option<ID>,
    customer_name: Option<String>,
    group: Option<String>,
    value: Int64,
    unit: String,
    /// The event's place in the log: `auditLog` finds it by this.
    position: String,
}

impl From<LineRow> for ReportLine {
    fn from(row: LineRow) -> Self {
        let position = row.key().position.to_string();
        Self {
            at: row.at,
            reseller_id: row.reseller_id.map(id),
            reseller_name: row.reseller_name,
            customer_id: row.customer_id.map(id),
            customer_name: row.customer_name,
            group: row.group,
            value: Int64(row.value),
            unit: row.unit,
            position,
        }
    }
}

impl Cursor for LineKey {
    fn text(&self) -> String {
        format!("{} {}", self.position, self.line)
    }

    fn parse(text: &str) -> Option<Self> {
        let (position, line) = text.rsplit_once(' ')?;
        Some(Self {
            position: position.parse::<Position>().ok()?,
            line: line.parse().ok()?,
        })
    }
}

/// A figure with its number in the report: its place in the list.
struct Numbered(i32, reports::Report, ValueRow);

impl From<Numbered> for ReportValue {
    fn from(Numbered(_, report, row): Numbered) -> Self {
        Self {
            start: row.span.start,
            end: row.span.end,
            figure: row.figure.to_owned(),
            group: row.group,
            value: Int64(row.value),
            unit: row.unit,
            has_lines: report.figure(row.figure).is_some(),
            definition: row.definition.to_owned(),
        }
    }
}

connection!(ReportValueConnection, ReportValueEdge, ReportValue);
connection!(ReportLineConnection, ReportLineEdge, ReportLine);

/// Days and months begin where the reseller is that the report is about; the platform's in UTC.
async fn time_zone(read: &mut PgConnection, scope: Scope, whose: Whose) -> ApiResult<String> {
    let about = match whose {
        Whose::One(reseller_id) => Some(reseller_id),
        Whose::Own | Whose::Below => scope.reseller_id().map(|own| own.0),
    };
    let Some(reseller_id) = about else {
        return Ok("UTC".to_owned());
    };
    let reseller = resellers::by_id(read, scope, reseller_id).await?;
    let reseller = reseller.ok_or(ApiError::NotFound("there is no such reseller below you"))?;
    Ok(reseller.time_zone)
}

fn steps(from: NaiveDate, to: NaiveDate, by: UsageStep, zone: &str) -> ApiResult<Vec<Span>> {
    let steps = Span::steps(from, to, by.into(), zone, STEPS_MAX);
    if steps.is_empty() || steps.len() > STEPS_MAX {
        let detail = format!(
            "a report is told from a day up to, not including, a later one, for at most {STEPS_MAX} days or months: \
             ask for a shorter time"
        );
        return Err(ApiError::BadUserInput(detail));
    }
    Ok(steps)
}

#[derive(Default)]
pub(super) struct ReportsQuery;

#[Object]
impl ReportsQuery {
    /// The figures of a report, by day or month: of a reseller's own business, or with `reach: BELOW` of all resellers
    /// below it as well; of the whole platform for the platform, or of one reseller. What has not happened yet counts
    /// nowhere. Each figure says what it is, and is the sum of its `reportLines`.
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn report_values(
        &self,
        ctx: &Context<'_>,
        report: Report,
        from: NaiveDate,
        to: NaiveDate,
        by: UsageStep,
        reseller_id: Option<ID>,
        reach: Option<Reach>,
        #[graphql(default = 100)] first: Option<i32>,
        after: Option<String>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<ReportValueConnection> {
        let session = Session::of(ctx)?;
        let request = request::<i32>(first, after.as_deref())?;
        let report = reports::Report::from(report);
        let mut connection = session
            .read(&report.projections(), (&min_position, &wait_for))
            .await?;
        let (read, scope) = connection.parts();
        let whose = whose(reach, reseller_id.as_ref());
        let zone = time_zone(read, scope, whose).await?;
        let asker = Asker {
            scope,
            whose,
            now: session.reader.now(),
        };
        let values = reports::values(read, asker, report, &steps(from, to, by, &zone)?).await?;
        let (seen, wanted) = (request.after.unwrap_or(0), request.first);
        let mut rest = (1_i32..)
            .zip(values)
            .map(|(number, row)| Numbered(number, report, row))
            .filter(|Numbered(number, ..)| *number > seen);
        let rows: Vec<_> = rest
            .by_ref()
            .take(usize::try_from(wanted).unwrap_or(usize::MAX))
            .collect();
        let page = Page {
            rows,
            has_next: rest.next().is_some(),
        };
        Ok(ReportValueConnection::new(
            page,
            after.is_some(),
            |Numbered(number, ..)| *number,
            Into::into,
        ))
    }

    /// What a figure is the sum of, the newest event first: between two instants, as `reportValues` names them, of one
    /// unit and group where they are given.
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn report_lines(
        &self,
        ctx: &Context<'_>,
        report: Report,
        figure: String,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
        unit: Option<String>,
        group: Option<String>,
        reseller_id: Option<ID>,
        reach: Option<Reach>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<ReportLineConnection> {
        let session = Session::of(ctx)?;
        let request = request(first, after.as_deref())?;
        let report = reports::Report::from(report);
        let figure = known(report, &figure)?;
        let mut connection = session
            .read(&report.projections(), (&min_position, &wait_for))
            .await?;
        let (read, scope) = connection.parts();
        let asker = Asker {
            scope,
            whose: whose(reach, reseller_id.as_ref()),
            now: session.reader.now(),
        };
        let wanted = LinesWanted {
            report,
            figure,
            span: Span { start, end },
            unit: unit.as_deref(),
            group: group.as_deref(),
        };
        let page = reports::lines(read, asker, wanted, request).await?;
        Ok(ReportLineConnection::new(
            page,
            after.is_some(),
            LineRow::key,
            Into::into,
        ))
    }
}

/// A figure that has lines.
fn known(report: reports::Report, figure: &str) -> ApiResult<&'static str> {
    if let Some(figure) = report.figure(figure) {
        return Ok(figure.name);
    }
    let with_lines = report
        .figures()
        .iter()
        .filter(|figure| !matches!(figure.unit, Unit::Share(_)));
    let names: Vec<_> = with_lines.map(|figure| figure.name).collect();
    Err(ApiError::BadUserInput(format!(
        "this report has no lines for {:?}: choose one of {}",
        figure.chars().take(40).collect::<String>(),
        names.join(", ")
    )))
}
