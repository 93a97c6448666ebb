//! `stentor erase`.

use std::sync::Arc;

use commands::erasure;
use platform::{Clock, Config};
use server::Parts;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub async fn erase(config: Config, user_id: Uuid, reason: &str) -> anyhow::Result<()> {
    let parts = Parts::open(Arc::new(config), Clock::default(), &CancellationToken::new()).await?;
    let done = erasure::erase_by_operator(&parts.write_side(), user_id, reason).await?;
    super::print(&format!(
        "user {user_id} is erased, at position {}; backups made before hold the person until they are deleted\n",
        done.position
    ))?;
    Ok(())
}
