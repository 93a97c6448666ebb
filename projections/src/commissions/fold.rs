//! Folds contracts one by one, because they are few, and sales by one statement per table and batch.

use domain::AnyEvent;
use domain::commission::CommissionLine;
use domain::contract::{ContractEvent, FIRST_VERSION, Version};
use domain::reseller::ResellerEvent;
use domain::sale::{Accounted, SaleEvent};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;
use sqlx::types::Json;
use store::Recorded;

use crate::columns::column;
use crate::projection::{ProjectionError, stream_id};

/// One row per version of a contract, per sale and per line of it.
pub struct Commissions;

/// A sale or what came back of one, with its number in the log.
type Fact<'b> = (&'b Recorded, &'b SaleEvent, i64);
type Line<'b> = (&'b Recorded, &'b Accounted, i64, i32, &'b CommissionLine);

pub(super) async fn batch(connection: &mut PgConnection, batch: &[Recorded]) -> Result<(), ProjectionError> {
    let mut sales: Vec<(&Recorded, &SaleEvent)> = Vec::new();
    for recorded in batch {
        match &recorded.event {
            AnyEvent::RecordedSale(event) => sales.push((recorded, event)),
            AnyEvent::Contracts(event) => contract(connection, recorded, event).await?,
            AnyEvent::Reseller(
                ResellerEvent::ResellerRegistered { commission_rate, .. }
                | ResellerEvent::ResellerApproved { commission_rate, .. },
            ) => {
                first_contract(connection, recorded, *commission_rate).await?;
            }
            AnyEvent::Reseller(
                ResellerEvent::ResellerSuspended { .. }
                | ResellerEvent::ResellerResumed { .. }
                | ResellerEvent::HouseFounded { .. }
                | ResellerEvent::ResellerApplied(_)
                | ResellerEvent::ResellerDeclined { .. }
                | ResellerEvent::ResellerProfileChanged(_)
                | ResellerEvent::ResellerClosed { .. }
                | ResellerEvent::ResellerReopened { .. },
            )
            | AnyEvent::CreditAccount(_)
            | AnyEvent::PriceList(_)
            | AnyEvent::Tenant(_)
            | AnyEvent::User(_)
            | AnyEvent::Subscription(_)
            | AnyEvent::Recording(_)
            | AnyEvent::Usage(_)
            | AnyEvent::Job(_)
            | AnyEvent::WorkflowLibrary(_)
            | AnyEvent::Books(_)
            | AnyEvent::StoreAccount(_)
            | AnyEvent::StoreCatalogue(_)
            | AnyEvent::Hierarchy(_)
            | AnyEvent::Roster(_)
            | AnyEvent::TierList(_)
            | AnyEvent::Payouts(_)
            | AnyEvent::Invoices(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Bulk(_)
            | AnyEvent::PermissionTemplates(_)
            | AnyEvent::ResellerPermissions(_) => {}
        }
    }
    if sales.is_empty() {
        return Ok(());
    }
    let facts: i64 = sqlx::query_scalar("SELECT coalesce(max(s.fact), 0) FROM sales s")
        .fetch_one(&mut *connection)
        .await?;
    let sales: Vec<Fact<'_>> = (facts + 1..)
        .zip(sales)
        .map(|(fact, (recorded, event))| (recorded, event, fact))
        .collect();
    write_sales(connection, &sales).await?;
    let lines: Vec<Line<'_>> = sales
        .iter()
        .flat_map(|(recorded, event, fact)| {
            let accounted = event.accounted();
            (1..)
                .zip(&accounted.lines)
                .map(move |(number, line)| (*recorded, accounted, *fact, number, line))
        })
        .collect();
    write_lines(connection, &lines).await?;
    Ok(())
}

/// What the registration agreed on, in the form of a contract's terms.
async fn first_contract(
    connection: &mut PgConnection,
    recorded: &Recorded,
    rate: Decimal,
) -> Result<(), ProjectionError> {
    let terms = json!({
        "kind": "revenue_share", "basis": "gross", "rate": rate.normalize().to_string(), "steps": [], "products": [],
        "parent_share": "0", "payout_minimum_minor": 0, "currency": "",
    });
    insert_contract(
        connection,
        recorded,
        FIRST_VERSION,
        None,
        None,
        "revenue_share",
        terms,
    )
    .await
}

async fn contract(
    connection: &mut PgConnection,
    recorded: &Recorded,
    event: &ContractEvent,
) -> Result<(), ProjectionError> {
    let reseller_id = stream_id(recorded)?;
    match event {
        ContractEvent::ContractAgreed(Version {
            version,
            from,
            to,
            terms,
        }) => {
            let kind = terms.kind();
            // The version before it that has no end yet.
            sqlx::query(
                "UPDATE contracts SET valid_to = $3 WHERE reseller_id = $1 AND kind = $2 AND valid_to IS NULL",
            )
            .bind(reseller_id)
            .bind(kind.as_ref())
            .bind(from)
            .execute(&mut *connection)
            .await?;
            let terms = serde_json::to_value(terms)
                .map_err(|_| ProjectionError::event(recorded, "its terms are no JSON"))?;
            insert_contract(
                connection,
                recorded,
                *version,
                Some(*from),
                *to,
                kind.as_ref(),
                terms,
            )
            .await
        }
        ContractEvent::ContractEnded { version, to } => {
            sqlx::query("UPDATE contracts SET valid_to = $3 WHERE reseller_id = $1 AND version = $2")
                .bind(reseller_id)
                .bind(i64::from(*version))
                .bind(to)
                .execute(connection)
                .await?;
            Ok(())
        }
        ContractEvent::SalesCounted { .. } | ContractEvent::FeesCharged { .. } => Ok(()),
    }
}

async fn insert_contract(
    connection: &mut PgConnection,
    recorded: &Recorded,
    version: u32,
    from: Option<chrono::DateTime<chrono::Utc>>,
    to: Option<chrono::DateTime<chrono::Utc>>,
    kind: &str,
    terms: Value,
) -> Result<(), ProjectionError> {
    sqlx::query(
        "INSERT INTO contracts (reseller_id, version, kind, valid_from, valid_to, terms, actor_id, known_at, log_xid,
                                log_position)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(stream_id(recorded)?)
    .bind(i64::from(version))
    .bind(kind)
    .bind(from)
    .bind(to)
    .bind(Json(terms))
    .bind(recorded.metadata.actor)
    .bind(recorded.known_at())
    .bind(recorded.position.xid)
    .bind(recorded.position.position)
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_sales(connection: &mut PgConnection, sales: &[Fact<'_>]) -> sqlx::Result<()> {
    let rows: Vec<(&Recorded, &Accounted)> = sales
        .iter()
        .map(|(recorded, event, _)| (*recorded, event.accounted()))
        .collect();
    sqlx::query(
        "INSERT INTO sales (sale_id, reseller_id, customer_id, origin_id, product, kind, currency, gross_minor,
                            tax_minor, store_cut_minor, sold_at, known_at, event_type, command_id, fact,
                            log_xid, log_position)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[],
                              $8::bigint[], $9::bigint[], $10::bigint[], $11::timestamptz[], $12::timestamptz[],
                              $13::text[], $14::uuid[], $15::bigint[], $16::bigint[], $17::bigint[])",
    )
    .bind(column(&rows, |(_, of)| of.sale.sale_id.0))
    .bind(column(&rows, |(_, of)| of.sale.reseller_id.0))
    .bind(column(&rows, |(_, of)| of.sale.tenant_id.map(|id| id.0)))
    .bind(column(&rows, |(_, of)| of.sale.reverses.unwrap_or(of.sale.sale_id).0))
    .bind(column(&rows, |(_, of)| of.sale.product.as_str()))
    .bind(column(&rows, |(_, of)| of.sale.kind.as_ref()))
    .bind(column(&rows, |(_, of)| of.sale.gross.currency.as_str()))
    .bind(column(&rows, |(_, of)| of.moved.gross_minor))
    .bind(column(&rows, |(_, of)| of.moved.tax_minor))
    .bind(column(&rows, |(_, of)| of.moved.store_cut_minor))
    .bind(column(&rows, |(_, of)| of.sale.sold_at))
    .bind(column(&rows, |(recorded, _)| recorded.known_at()))
    .bind(column(sales, |(_, event, _)| event.as_ref()))
    .bind(column(&rows, |(recorded, _)| recorded.metadata.command_id))
    .bind(column(sales, |(.., fact)| *fact))
    .bind(column(&rows, |(recorded, _)| recorded.position.xid))
    .bind(column(&rows, |(recorded, _)| recorded.position.position))
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_lines(connection: &mut PgConnection, rows: &[Line<'_>]) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO commission_lines (sale_id, line, reseller_id, seller_id, origin_id, product, kind, currency,
                                       contract_version, basis, rate, volume_from_minor, volume_reached_minor,
                                       basis_minor, gained_minor, passed_on_minor, amount_minor, remainder_micro,
                                       sold_at, origin_at, known_at, command_id, fact, log_xid, log_position)
         SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[],
                              $8::text[], $9::bigint[], $10::text[], $11::numeric[], $12::bigint[], $13::bigint[],
                              $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[],
                              $19::timestamptz[], $20::timestamptz[], $21::timestamptz[], $22::uuid[],
                              $23::bigint[], $24::bigint[], $25::bigint[])",
    )
    .bind(column(rows, |(_, of, ..)| of.sale.sale_id.0))
    .bind(column(rows, |(.., number, _)| *number))
    .bind(column(rows, |(.., line)| line.reseller_id.0))
    .bind(column(rows, |(_, of, ..)| of.sale.reseller_id.0))
    .bind(column(rows, |(_, of, ..)| of.sale.reverses.unwrap_or(of.sale.sale_id).0))
    .bind(column(rows, |(_, of, ..)| of.sale.product.as_str()))
    .bind(column(rows, |(_, of, ..)| of.sale.kind.as_ref()))
    .bind(column(rows, |(_, of, ..)| of.sale.gross.currency.as_str()))
    .bind(column(rows, |(.., line)| i64::from(line.contract_version)))
    .bind(column(rows, |(.., line)| line.basis.as_ref()))
    .bind(column(rows, |(.., line)| line.rate.decimal()))
    .bind(column(rows, |(.., line)| line.volume.map(|step| step.from_minor)))
    .bind(column(rows, |(.., line)| line.volume.map(|step| step.reached_minor)))
    .bind(column(rows, |(.., line)| line.figures.basis_minor))
    .bind(column(rows, |(.., line)| line.figures.gained_minor))
    .bind(column(rows, |(.., line)| line.figures.passed_on_minor))
    .bind(column(rows, |(.., line)| line.figures.amount_minor))
    .bind(column(rows, |(.., line)| line.figures.remainder_micro))
    .bind(column(rows, |(_, of, ..)| of.sale.sold_at))
    .bind(column(rows, |(_, of, ..)| of.origin_at))
    .bind(column(rows, |(recorded, ..)| recorded.known_at()))
    .bind(column(rows, |(recorded, ..)| recorded.metadata.command_id))
    .bind(column(rows, |(_, _, fact, ..)| *fact))
    .bind(column(rows, |(recorded, ..)| recorded.position.xid))
    .bind(column(rows, |(recorded, ..)| recorded.position.position))
    .execute(connection)
    .await?;
    Ok(())
}
