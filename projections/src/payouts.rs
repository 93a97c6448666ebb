//! Payout runs and their statements.
//!
//! Figures for finance: folding stops at an event that cannot be read.

pub mod runs;
pub mod statements;

use domain::AnyEvent;
use domain::payout::{Head, PayoutEvent, TermsOfRun};
use sqlx::PgConnection;
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::columns::column;
use crate::projection::{OnBadEvent, Projection, ProjectionError, Table, stored};

/// One row per run and per statement.
pub struct PayoutRuns;

impl Projection for PayoutRuns {
    const NAME: &'static str = "payouts";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[
        Table::read("payout_runs", &["run_id"]),
        Table::read("statements", &["statement_id"]),
    ];
    const ON_BAD_EVENT: OnBadEvent = OnBadEvent::Stop;

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        match &recorded.event {
            AnyEvent::Payouts(PayoutEvent::PayoutRunDrafted {
                run_id,
                number,
                terms,
                facts,
                drafted_by,
                statements,
            }) => {
                let facts = stored(recorded, *facts)?;
                insert_run(connection, recorded, *run_id, *number, terms, facts).await?;
                add_up(connection, *run_id, *drafted_by, statements).await?;
                insert_statements(connection, *run_id, statements).await?;
            }
            AnyEvent::Payouts(PayoutEvent::PayoutRunApproved { run_id, approved_by }) => {
                sqlx::query("UPDATE payout_runs SET approved_by = $2, approved_at = $3 WHERE run_id = $1")
                    .bind(run_id)
                    .bind(approved_by)
                    .bind(recorded.metadata.at)
                    .execute(&mut *connection)
                    .await?;
                set_status(connection, *run_id, "approved").await?;
            }
            AnyEvent::Payouts(PayoutEvent::PayoutRunPaid {
                run_id, reference, ..
            }) => {
                sqlx::query("UPDATE payout_runs SET reference = $2, paid_at = $3 WHERE run_id = $1")
                    .bind(run_id)
                    .bind(reference)
                    .bind(recorded.metadata.at)
                    .execute(&mut *connection)
                    .await?;
                set_status(connection, *run_id, "paid").await?;
            }
            AnyEvent::Payouts(PayoutEvent::PayoutRunCancelled { run_id, reason }) => {
                sqlx::query("UPDATE payout_runs SET cancelled_reason = $2 WHERE run_id = $1")
                    .bind(run_id)
                    .bind(reason)
                    .execute(&mut *connection)
                    .await?;
                set_status(connection, *run_id, "cancelled").await?;
            }
            AnyEvent::Reseller(_)
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
            | AnyEvent::RecordedSale(_)
            | AnyEvent::Contracts(_)
            | AnyEvent::StoreAccount(_)
            | AnyEvent::StoreCatalogue(_)
            | AnyEvent::Hierarchy(_)
            | AnyEvent::Roster(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Bulk(_)
            | AnyEvent::PermissionTemplates(_)
            | AnyEvent::ResellerPermissions(_)
            | AnyEvent::TierList(_)
            | AnyEvent::Invoices(_) => {}
        }
        Ok(())
    }
}

/// With what the last run of the currency that was paid had taken.
async fn insert_run(
    connection: &mut PgConnection,
    recorded: &Recorded,
    run_id: Uuid,
    number: u32,
    terms: &TermsOfRun,
    facts: i64,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO payout_runs (run_id, currency, number, status, cutoff, sold_until, holding_days, minimum_minor,
                                  facts, before_facts, before_cutoff, before_sold_until, statements, payout_minor,
                                  drafted_at, log_xid, log_position)
         SELECT $1, $2, $3, 'draft', $4, $5, $6, $7, $8, b.facts, b.cutoff, b.sold_until, 0, 0, $9, $10, $11
         FROM (SELECT) AS one
         LEFT JOIN LATERAL (
             SELECT p.facts, p.cutoff, p.sold_until FROM payout_runs p
             WHERE p.currency = $2 AND p.status = 'paid' ORDER BY p.number DESC LIMIT 1) AS b ON true",
    )
    .bind(run_id)
    .bind(&terms.currency)
    .bind(i64::from(number))
    .bind(terms.cutoff)
    .bind(terms.sold_until())
    .bind(i64::from(terms.holding_days))
    .bind(terms.minimum_minor)
    .bind(facts)
    .bind(recorded.metadata.at)
    .bind(recorded.position.xid)
    .bind(recorded.position.position)
    .execute(connection)
    .await?;
    Ok(())
}

/// Who drafted it, and what it pays.
async fn add_up(
    connection: &mut PgConnection,
    run_id: Uuid,
    drafted_by: Option<Uuid>,
    heads: &[Head],
) -> sqlx::Result<()> {
    let payout_minor: i64 = heads.iter().map(|head| head.payout_minor).sum();
    sqlx::query(
        "UPDATE payout_runs SET drafted_by = $2, statements = $3, payout_minor = $4 WHERE run_id = $1",
    )
    .bind(run_id)
    .bind(drafted_by)
    .bind(i64::try_from(heads.len()).unwrap_or(i64::MAX))
    .bind(payout_minor)
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_statements(connection: &mut PgConnection, run_id: Uuid, heads: &[Head]) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO statements (statement_id, run_id, reseller_id, reseller_name, opening_minor, earned_minor,
                                 clawed_back_minor, minimum_minor, payout_minor, carried_minor, lines, digest,
                                 html_digest, run_number, run_status, currency, cutoff, sold_until, holding_days,
                                 facts, before_facts, before_cutoff, before_sold_until, drafted_at, log_xid,
                                 log_position)
         SELECT h.statement_id, r.run_id, h.reseller_id, h.reseller_name, h.opening_minor, h.earned_minor,
                h.clawed_back_minor, h.minimum_minor, h.payout_minor, h.carried_minor, h.lines, h.digest,
                h.html_digest, r.number, r.status, r.currency, r.cutoff, r.sold_until, r.holding_days, r.facts,
                r.before_facts, r.before_cutoff, r.before_sold_until, r.drafted_at, r.log_xid, r.log_position
         FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
                     $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::text[])
              AS h (statement_id, reseller_id, reseller_name, opening_minor, earned_minor, clawed_back_minor,
                    minimum_minor, payout_minor, carried_minor, lines, digest, html_digest)
         JOIN payout_runs r ON r.run_id = $1",
    )
    .bind(run_id)
    .bind(column(heads, |head| head.statement_id))
    .bind(column(heads, |head| head.reseller_id.0))
    .bind(column(heads, |head| head.reseller_name.as_str()))
    .bind(column(heads, |head| head.opening_minor))
    .bind(column(heads, |head| head.earned_minor))
    .bind(column(heads, |head| head.clawed_back_minor))
    .bind(column(heads, |head| head.minimum_minor))
    .bind(column(heads, |head| head.payout_minor))
    .bind(column(heads, |head| head.carried_minor))
    .bind(column(heads, |head| i64::from(head.lines)))
    .bind(column(heads, |head| head.digest.as_str()))
    .bind(column(heads, |head| head.html_digest.as_str()))
    .execute(connection)
    .await?;
    Ok(())
}

async fn set_status(connection: &mut PgConnection, run_id: Uuid, status: &'static str) -> sqlx::Result<()> {
    sqlx::query("UPDATE payout_runs SET status = $2 WHERE run_id = $1")
        .bind(run_id)
        .bind(status)
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE statements SET run_status = $2 WHERE run_id = $1")
        .bind(run_id)
        .bind(status)
        .execute(connection)
        .await?;
    Ok(())
}
