//! Facts that happened before they are recorded: how far back a command may go.

use actix_web::http::StatusCode;
use chrono::{DateTime, SecondsFormat, Utc};
use domain::ids::ResellerId;
use store::ledger;
use store::unit_of_work::Cause;

use crate::WriteSide;
use crate::error::{CommandError, Problem};

/// The cause with the instant at which it happened, where one is given. Who may give one is decided by the route:
/// only those of the platform take it.
///
/// # Errors
/// The instant lies in the future, or before the reseller's account was opened.
pub async fn at(
    write: &WriteSide,
    cause: Cause,
    reseller_id: ResellerId,
    happened_at: Option<DateTime<Utc>>,
) -> Result<Cause, CommandError> {
    let Some(happened_at) = happened_at else {
        return Ok(cause);
    };
    if happened_at > cause.at {
        let detail = format!(
            "happenedAt is {}, which is in the future: give an earlier instant, or none for now",
            told(happened_at)
        );
        return Err(Problem::new(StatusCode::BAD_REQUEST, "HAPPENED_IN_FUTURE", detail).into());
    }
    let mut connection = write.pool.acquire().await?;
    // An account that does not exist is refused by itself.
    if let Some(opened) = ledger::opened_at(&mut connection, &reseller_id.to_string()).await?
        && happened_at < opened
    {
        let detail = format!(
            "happenedAt is {}, before the credit account was opened: give an instant from {} on",
            told(happened_at),
            told(opened)
        );
        return Err(Problem::new(StatusCode::CONFLICT, "HAPPENED_BEFORE_ACCOUNT", detail).into());
    }
    Ok(Cause {
        happened_at: Some(happened_at),
        ..cause
    })
}

fn told(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
