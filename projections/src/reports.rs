//! Reports: figures by the day or month. A figure is the sum of its lines, and each line names the event that it comes
//! from: one statement makes both, so a figure cannot say anything else than what stands behind it.

mod figures;
mod sources;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use platform::Scope;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use store::Position;
use uuid::Uuid;

pub use self::figures::{Figure, Ratio, Unit};
use self::sources::Source;
use crate::calendar::Span;
use crate::page::{Page, PageRequest};
use crate::scope::Whose;

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray)]
pub enum Report {
    Credits,
    Growth,
    Churn,
    Recurring,
    Revenue,
    Commission,
    Stores,
    Usage,
    Sync,
}

/// Whose figures are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    pub scope: Scope,
    pub whose: Whose,
    /// What has not happened yet counts nowhere: of the present month there is what there is by now.
    pub now: DateTime<Utc>,
}

/// A figure of one day or month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueRow {
    pub span: Span,
    pub figure: &'static str,
    pub definition: &'static str,
    /// `credits`, `customers`, `jobs`, …, or a currency's code: then it is minor units.
    pub unit: String,
    /// What it is told apart by: a store, or a product.
    pub group: Option<String>,
    pub value: i64,
}

#[derive(sqlx::FromRow)]
struct Sum {
    period: i64,
    figure: String,
    unit: String,
    grp: Option<String>,
    value: i64,
}

type Sums = HashMap<(i64, String), Vec<(Option<String>, String, i64)>>;

/// The figures of a report, by days or months in their order and as they are defined. Figures in money are there in
/// the currencies that occur.
///
/// # Errors
/// The database fails.
pub async fn values(
    connection: &mut PgConnection,
    asker: Asker,
    report: Report,
    spans: &[Span],
) -> sqlx::Result<Vec<ValueRow>> {
    let mut query = begin(spans, asker.now);
    query.push(" SELECT l.period, l.figure, l.unit, l.grp, sum(l.value)::bigint AS value FROM (");
    push_lines(&mut query, asker, report);
    query.push(") l GROUP BY l.period, l.figure, l.unit, l.grp ORDER BY l.period, l.grp NULLS FIRST, l.unit");
    let rows = query.build_query_as::<Sum>().fetch_all(connection).await?;
    let mut sums = Sums::new();
    for row in rows {
        let of_figure = sums.entry((row.period, row.figure)).or_default();
        of_figure.push((row.grp, row.unit, row.value));
    }
    let numbered = spans.iter().zip(1_i64..);
    let begun = numbered.filter(|(span, _)| span.start < asker.now);
    Ok(begun
        .flat_map(|(span, number)| of_span(report, *span, number, &sums))
        .collect())
}

fn of_span(report: Report, span: Span, number: i64, sums: &Sums) -> Vec<ValueRow> {
    let of = |name: &str| {
        let found = sums.get(&(number, name.to_owned()));
        found.map(Vec::as_slice).unwrap_or_default()
    };
    let mut values = Vec::new();
    for figure in report.figures() {
        let row = |unit: &str, group: Option<String>, value| ValueRow {
            span,
            figure: figure.name,
            definition: figure.definition,
            unit: unit.to_owned(),
            group,
            value,
        };
        match figure.unit {
            Unit::Of(unit) if of(figure.name).is_empty() => values.push(row(unit, None, 0)),
            Unit::Of(_) | Unit::Money => {
                let sums = of(figure.name).iter().cloned();
                values.extend(sums.map(|(group, unit, value)| row(&unit, group, value)));
            }
            Unit::Share(Ratio { part, whole }) => {
                for (group, unit, whole) in of(whole) {
                    let same = |(of_group, of_unit, _): &&(Option<String>, String, i64)| {
                        (of_group, of_unit) == (group, unit)
                    };
                    let part = of(part).iter().find(same).map_or(0, |(.., value)| *value);
                    values.extend(share(part, *whole).map(|share| row(figures::SHARE, group.clone(), share)));
                }
            }
        }
    }
    values
}

/// In hundredths of a percent, rounded down; of nothing there is none.
fn share(part: i64, whole: i64) -> Option<i64> {
    let share = i128::from(part) * 10_000;
    i64::try_from(share.checked_div(i128::from(whole))?).ok()
}

/// Which lines are wanted.
#[derive(Clone, Copy, Debug)]
pub struct LinesWanted<'a> {
    pub report: Report,
    pub figure: &'a str,
    pub span: Span,
    /// Of this unit alone.
    pub unit: Option<&'a str>,
    /// Of this store or product alone.
    pub group: Option<&'a str>,
}

/// Place of a line in the list, the newest event first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineKey {
    pub position: Position,
    /// Tells the lines of one event apart.
    pub line: i32,
}

/// What an event adds to a figure.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct LineRow {
    log_xid: i64,
    log_position: i64,
    line: i32,
    pub at: DateTime<Utc>,
    pub reseller_id: Option<Uuid>,
    pub reseller_name: Option<String>,
    pub customer_id: Option<Uuid>,
    pub customer_name: Option<String>,
    pub unit: String,
    #[sqlx(rename = "grp")]
    pub group: Option<String>,
    pub value: i64,
}

impl LineRow {
    pub fn key(&self) -> LineKey {
        LineKey {
            position: Position {
                xid: self.log_xid,
                position: self.log_position,
            },
            line: self.line,
        }
    }
}

/// The lines of a figure.
///
/// # Errors
/// The database fails.
pub async fn lines(
    connection: &mut PgConnection,
    asker: Asker,
    wanted: LinesWanted<'_>,
    request: PageRequest<LineKey>,
) -> sqlx::Result<Page<LineRow>> {
    let mut query = begin(&[wanted.span], asker.now);
    query.push(
        " SELECT l.*, r.name AS reseller_name, c.name AS customer_name
          FROM (",
    );
    push_lines(&mut query, asker, wanted.report);
    query.push(
        ") l
          LEFT JOIN read.resellers r ON r.reseller_id = l.reseller_id
          LEFT JOIN read.customers c ON c.tenant_id = l.customer_id
          WHERE l.figure = ",
    );
    query.push_bind(wanted.figure);
    for (column, value) in [("unit", wanted.unit), ("grp", wanted.group)] {
        if let Some(value) = value {
            query.push(format!(" AND l.{column} = ")).push_bind(value);
        }
    }
    if let Some(after) = request.after {
        query.push(" AND (l.log_xid, l.log_position, l.line) < (");
        query.push_bind(after.position.xid).push(", ");
        query.push_bind(after.position.position).push(", ");
        query.push_bind(after.line).push(")");
    }
    query
        .push(" ORDER BY l.log_xid DESC, l.log_position DESC, l.line DESC LIMIT ")
        .push(request.fetch());
    let rows = query.build_query_as::<LineRow>().fetch_all(connection).await?;
    Ok(Page::new(&request, rows))
}

/// Begins with the days or months, as far as they have happened.
fn begin<'a>(spans: &[Span], now: DateTime<Utc>) -> QueryBuilder<'a, Postgres> {
    let starts: Vec<_> = spans.iter().map(|span| span.start.min(now)).collect();
    let ends: Vec<_> = spans.iter().map(|span| span.end.min(now)).collect();
    let mut query = QueryBuilder::new("WITH periods AS (SELECT * FROM unnest(");
    query.push_bind(starts).push("::timestamptz[], ");
    query.push_bind(ends);
    query.push("::timestamptz[]) WITH ORDINALITY AS p (from_at, to_at, number))");
    query
}

fn push_lines(query: &mut QueryBuilder<'_, Postgres>, asker: Asker, report: Report) {
    for (number, source) in report.sources().iter().enumerate() {
        query.push(if number == 0 { "(" } else { " UNION ALL (" });
        source.push(query, asker);
        query.push(")");
    }
}

impl Report {
    fn sources(self) -> &'static [Source] {
        sources::of(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_something() {
        assert_eq!(share(1, 3), Some(3_333));
        assert_eq!(share(0, 3), Some(0));
        assert_eq!(share(1, 0), None);
    }
}
