//! Closing the books: what a period is closed with is folded from the log itself, never from a read table.

use std::time::Duration;

use actix_web::http::StatusCode;
use domain::AnyEvent;
use domain::books::{BOOKS_ID, Books, BooksCommand, BooksError, Close, Closing, ClosingFold, LedgerFact};
use domain::ids::ResellerId;
use domain::ledger::money;
use domain::period::Period;
use platform::shutdown::pause;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use store::{Position, feed, ledger};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::error::{CommandError, Problem};

/// Events that are read at once while the ledger is folded.
const EVENTS_PER_PAGE: i64 = 5_000;
/// How often, and how many times, it is looked whether all that is stored may be read.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
const LOOKS_MAX: u32 = 2_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClosedPeriod {
    pub period: Period,
    /// How many entries of the ledger could be in it.
    pub entries: u64,
    pub digest: String,
}

impl From<&Close> for ClosedPeriod {
    fn from(close: &Close) -> Self {
        Self {
            period: close.period,
            entries: close.entries,
            digest: close.digest.clone(),
        }
    }
}

/// Closes a month with the trial balance that the log gives. A closed one answers its first close.
///
/// # Errors
/// The month is not over or not the next, or the ledger is empty or broken.
pub async fn close_period(
    write: &WriteSide,
    cause: &Cause,
    period: Period,
) -> Result<Done<ClosedPeriod>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let books = unit.load::<Books>(BOOKS_ID).await?;
        if let Some(close) = books.close_of(period) {
            return Ok(close.into());
        }
        let command = BooksCommand::ClosePeriod {
            period,
            closing: folded(write, &books, period).await?,
            at: cause.at,
        };
        let books = unit.execute::<Books>(Owner::PLATFORM, BOOKS_ID, command).await?;
        let close = books.close_of(period).map(ClosedPeriod::from);
        close.ok_or_else(|| CommandError::internal("a period that was just closed is not closed"))
    };
    write.bus.run(cause, decide).await
}

/// The cause of a close that is asked for at the command line: nobody's, and a new one each time.
pub fn console_cause(write: &WriteSide, period: Period) -> Cause {
    Cause {
        command_id: Uuid::now_v7(),
        fingerprint: Sha256::digest(format!("close {period}")).to_vec(),
        actor: None,
        owner: Owner::PLATFORM,
        at: write.clock.now(),
        happened_at: None,
        comment: None,
    }
}

/// The closed periods, the first one first.
///
/// # Errors
/// The database fails.
pub async fn closed_periods(write: &WriteSide) -> Result<Vec<ClosedPeriod>, CommandError> {
    let mut connection = write.pool.acquire().await?;
    let books = store::load::load::<Books>(&mut connection, BOOKS_ID).await?;
    Ok(books.state.closes().iter().map(Into::into).collect())
}

/// Waits until all that is stored may be read: what was answered before a close is asked for is in it.
pub(crate) async fn all_readable(connection: &mut PgConnection) -> Result<(), CommandError> {
    let stored = feed::last_stored(connection).await?;
    for _ in 0..LOOKS_MAX {
        if feed::head(connection).await? >= stored {
            return Ok(());
        }
        pause(LOOK_AGAIN, &CancellationToken::new()).await;
    }
    let detail = "an old write transaction holds every reader of the log back, so the books cannot be counted: end \
                  it (see OPERATIONS, Faults), or try again";
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "LOG_HELD", detail).into())
}

/// Folds the ledger up to what readers of the log may see now.
async fn folded(write: &WriteSide, books: &Books, period: Period) -> Result<Closing, CommandError> {
    let mut connection = write.pool.acquire().await?;
    all_readable(&mut connection).await?;
    let mut fold = ClosingFold::new(books, period);
    let mut after = Position::START;
    loop {
        let page = ledger::read(&mut connection, after, EVENTS_PER_PAGE)
            .await
            .map_err(CommandError::internal)?;
        let Some(last) = page.last() else {
            return Ok(fold.finish());
        };
        after = last.position;
        for recorded in &page {
            if let (AnyEvent::CreditAccount(event), Some(id)) = (&recorded.event, recorded.id()) {
                let fact = LedgerFact {
                    reseller_id: ResellerId(id),
                    sequence: recorded.sequence,
                    happened_at: recorded.happened_at(),
                    event,
                };
                fold.take(fact)
                    .map_err(|_| CommandError::refused(&BooksError::LedgerOverflow))?;
            } else {
                let moved = money(&recorded.event, recorded.id().map(ResellerId));
                fold.take_money(&moved, recorded.happened_at())
                    .map_err(|_| CommandError::refused(&BooksError::LedgerOverflow))?;
            }
        }
    }
}
