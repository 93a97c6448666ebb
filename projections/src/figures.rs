//! Figures of the projections for Prometheus, looked up once a second.

use std::time::Duration;

use metrics::gauge;
use platform::shutdown::pause;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::ledger::violations;
use crate::status;

const EVERY: Duration = Duration::from_secs(1);

/// Sets the gauges until `stop`.
pub(crate) async fn run(pool: PgPool, stop: CancellationToken) {
    // At once: an alert needs every figure to be there from the start.
    loop {
        if let Err(error) = look(&pool).await {
            tracing::debug!(%error, "the figures of the projections are those of a moment ago");
        }
        if !pause(EVERY, &stop).await {
            return;
        }
    }
}

async fn look(pool: &PgPool) -> sqlx::Result<()> {
    for status in status::look(pool).await? {
        let labels = [
            ("projection", status.projection),
            ("version", status.version.to_string()),
        ];
        gauge!("stentor_projection_lag_events", &labels).set(number(status.lag_events));
        gauge!("stentor_projection_lag_seconds", &labels).set(status.lag_seconds);
        gauge!("stentor_projection_dead_letters", &labels).set(number(status.dead_letters));
        gauge!("stentor_projection_stopped", &labels).set(f64::from(u8::from(status.stopped.is_some())));
        let left = status.rebuild.map_or(0, |rebuild| rebuild.lag_events);
        gauge!("stentor_projection_rebuild_left_events", &labels).set(number(left));
    }
    gauge!("stentor_ledger_violations").set(number(violations::count(pool).await?));
    gauge!("stentor_log_barrier_age_seconds").set(status::barrier_age(pool).await?);
    Ok(())
}

fn number(count: i64) -> f64 {
    i32::try_from(count).map_or(f64::from(i32::MAX), f64::from)
}
