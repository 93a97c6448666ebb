//! A process that folds every projection, as `stentor serve --roles projections` does.

use store::database::DatabaseRole;
use store::wake::Wake;
use tokio_util::sync::CancellationToken;

use super::Run;

/// Folds until it is killed.
///
/// # Errors
/// There is no master key.
pub async fn run(run: Run) -> anyhow::Result<()> {
    let pool = run.pool(DatabaseRole::Projections, 12).await;
    let stop = CancellationToken::new();
    let wake = Wake::connect(pool.clone(), stop.clone());
    projections::run(pool, run.vault()?, wake, stop).await;
    Ok(())
}
