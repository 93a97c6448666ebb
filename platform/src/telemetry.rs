//! Logs: one line per event to standard error, as text for people or JSON for programs.

use tracing_subscriber::EnvFilter;

/// Starts logging. `filter` is a tracing directive such as `info,stentor=debug`.
///
/// # Errors
/// The filter cannot be read, or logging has been started before.
pub fn start(filter: &str, json: bool) -> anyhow::Result<()> {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(filter)?)
        .with_writer(std::io::stderr);
    let started = if json {
        subscriber.json().try_init()
    } else {
        subscriber.compact().try_init()
    };
    started.map_err(|error| anyhow::anyhow!("logging cannot start: {error}"))
}
