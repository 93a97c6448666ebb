//! Orderly ends and endless loops that heed them.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Waits `pause`, or until `stop`. Answers whether to go on.
pub async fn pause(pause: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tick(pause) => true,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that waits for time to pass"
)]
async fn tick(pause: Duration) {
    tokio::time::sleep(pause).await;
}

/// Ends on SIGINT or SIGTERM.
///
/// # Errors
/// The signals cannot be watched.
pub async fn requested() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
