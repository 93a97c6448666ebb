//! What runs are made of, folded from the log, never from a read table.

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use domain::AnyEvent;
use domain::ids::ResellerId;
use domain::payout::{Due, Head, MaturedLine, PayoutEvent, Payouts, Statement, StatementFold, TermsOfRun};
use domain::sale::RecordedSale;
use sqlx::PgConnection;
use store::{Position, ledger};
use uuid::Uuid;

use crate::WriteSide;
use crate::books;
use crate::error::CommandError;

const EVENTS_PER_PAGE: i64 = 5_000;

/// How many facts the log holds, and the lines that a run on `terms` takes, by reseller.
pub(super) async fn matured(
    write: &WriteSide,
    terms: &TermsOfRun,
    payouts: &Payouts,
) -> Result<(u64, BTreeMap<ResellerId, Vec<MaturedLine>>), CommandError> {
    let mut connection = write.pool.acquire().await?;
    // What was answered before the draft is asked for can be in it.
    books::all_readable(&mut connection).await?;
    let mut fold = StatementFold::new(terms, payouts.taken(), u64::MAX, None);
    fold_sales(&mut connection, &mut fold).await?;
    Ok((fold.facts(), fold.finish()))
}

async fn fold_sales(connection: &mut PgConnection, fold: &mut StatementFold<'_>) -> Result<(), CommandError> {
    let mut after = Position::START;
    loop {
        let page = ledger::read_of(connection, &[RecordedSale::TYPE], after, EVENTS_PER_PAGE)
            .await
            .map_err(CommandError::internal)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.position;
        for recorded in &page {
            if let AnyEvent::RecordedSale(event) = &recorded.event {
                fold.take(event.accounted());
            }
        }
    }
}

/// A statement made again from the log, beside what was frozen.
#[derive(Clone, Debug)]
pub struct Regenerated {
    pub frozen: Head,
    pub again: Statement,
}

impl Regenerated {
    /// Whether both are the same to the byte.
    pub fn is_same(&self) -> bool {
        self.again.head() == self.frozen
    }
}

/// What a draft was made on.
struct Origin {
    run_id: Uuid,
    run: u32,
    terms: TermsOfRun,
    facts: u64,
    head: Head,
    before: Payouts,
}

/// Makes a statement again from the log; `None` where no run has one of this id.
///
/// # Errors
/// The database fails.
pub async fn regenerate(write: &WriteSide, statement_id: Uuid) -> Result<Option<Regenerated>, CommandError> {
    let mut connection = write.pool.acquire().await?;
    let Some(origin) = find(&mut connection, statement_id).await? else {
        return Ok(None);
    };
    let Origin {
        run_id,
        run,
        terms,
        facts,
        head,
        before,
    } = origin;
    let reseller_id = head.reseller_id;
    let mut fold = StatementFold::new(&terms, before.taken(), facts, Some(reseller_id));
    fold_sales(&mut connection, &mut fold).await?;
    let due = Due {
        run_id,
        run,
        reseller_id,
        reseller_name: &head.reseller_name,
        opening_minor: before.carried().get(&reseller_id).copied().unwrap_or_default(),
        contract_minimum_minor: head.minimum_minor,
    };
    let lines = fold.finish().remove(&reseller_id).unwrap_or_default();
    let again = Statement::of(&terms, &due, lines);
    Ok(Some(Regenerated { frozen: head, again }))
}

async fn find(connection: &mut PgConnection, statement_id: Uuid) -> Result<Option<Origin>, CommandError> {
    let mut streams: BTreeMap<String, Payouts> = BTreeMap::new();
    let mut after = Position::START;
    loop {
        let page = ledger::read_of(connection, &[Payouts::TYPE], after, EVENTS_PER_PAGE)
            .await
            .map_err(CommandError::internal)?;
        let Some(last) = page.last() else {
            return Ok(None);
        };
        after = last.position;
        for recorded in page {
            let AnyEvent::Payouts(event) = recorded.event else {
                continue;
            };
            let before = streams.entry(recorded.aggregate_id).or_default();
            if let PayoutEvent::PayoutRunDrafted {
                run_id,
                number,
                terms,
                facts,
                statements,
                ..
            } = &event
                && let Some(head) = statements.iter().find(|head| head.statement_id == statement_id)
            {
                return Ok(Some(Origin {
                    run_id: *run_id,
                    run: *number,
                    terms: terms.clone(),
                    facts: *facts,
                    head: head.clone(),
                    before: before.clone(),
                }));
            }
            before.apply(event);
        }
    }
}
