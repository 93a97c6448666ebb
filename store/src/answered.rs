//! Answers that never come: a network that swallows what it was given leaves a connection open at one end alone, and
//! who waits there waits for ever. The driver sets no options of its sockets, so every wait that matters ends here.

use std::future::Future;
use std::io;
use std::time::Duration;

/// How long a command waits where nothing else is said.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(12);

/// What `work` gives, or an error once the database has taken too long. The connection that `work` used is of no use
/// any more: its pool finds that out by itself, and who has it for himself drops it.
///
/// # Errors
/// As `work`; [`sqlx::Error::Io`] of the kind `TimedOut` where no answer came. What was asked for may have been done.
pub async fn answered<T, E: From<sqlx::Error>>(
    within: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::time::timeout(within, work)
        .await
        .unwrap_or_else(|_| Err(no_answer(within).into()))
}

/// The error of an answer that did not come.
pub(crate) fn no_answer(within: Duration) -> sqlx::Error {
    let text = format!(
        "the database has not answered within {} s: is the network between it and here whole?",
        within.as_secs_f64()
    );
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text))
}
