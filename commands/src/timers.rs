//! Carries out what is due: takes timers from the table that appends write, and gives the command that each stands
//! for.
//!
//! The command's id follows from the timer and from the command that set it, so a timer that two processes take, or
//! that one takes again after a crash, is carried out once. A handler decides on the state that it finds: the timer
//! may have been cancelled or set anew a moment ago.

use std::time::Duration;

use chrono::TimeDelta;
use futures::StreamExt;
use futures::future::LocalBoxFuture;
use metrics::{counter, gauge};
use platform::shutdown::pause;
use sha2::{Digest, Sha256};
use store::timers::{self, Waiting};
use store::unit_of_work::{Cause, Owner};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::WriteSide;
use crate::credits;
use crate::error::CommandError;
use crate::store_events::{catalogue, reconcile};
use crate::subscriptions::renewal::RENEWAL;

/// Timers that a process takes at once, and how many of them it works on at one time.
const BATCH: i64 = 64;
const IN_FLIGHT: usize = 8;
/// How often a process looks for due ones.
const POLL: Duration = Duration::from_millis(500);
/// How long a taken timer is left to the process that took it.
const LEASE: TimeDelta = TimeDelta::minutes(2);
/// Time between the attempts at one that fails: doubled from the first to the last.
const RETRY_FIRST: TimeDelta = TimeDelta::seconds(5);
const RETRY_DOUBLINGS_MAX: u32 = 10;

pub type Handling<'a> = LocalBoxFuture<'a, Result<(), CommandError>>;

/// What is done when a timer is due.
#[derive(Clone, Copy)]
pub struct Kind {
    /// Never changes: it is stored.
    pub name: &'static str,
    /// Gives the timer's command with [`cause`]. An error has it tried again later, for as long as it takes: what
    /// the business refuses for good has to become a fact instead.
    pub handle: for<'a> fn(&'a WriteSide, &'a Waiting) -> Handling<'a>,
}

/// Every kind of the product. A new one is added here and nowhere else.
pub const KINDS: &[Kind] = &[
    RENEWAL,
    credits::EXPIRY,
    Kind {
        name: catalogue::REASSESS,
        handle: catalogue::reassess_when_due,
    },
    Kind {
        name: reconcile::CHECK,
        handle: reconcile::check_when_due,
    },
];

/// Carries out what is due, until `stop`. Any number of processes may do so at one time.
pub async fn run(write: WriteSide, kinds: &'static [Kind], stop: CancellationToken) {
    loop {
        let done = carry_out_due(&write, kinds).await;
        if let Err(error) = &done {
            tracing::warn!(%error, "timers wait; trying again");
        }
        let more = done.is_ok_and(|done| done >= BATCH.unsigned_abs());
        if stop.is_cancelled() || (!more && !pause(POLL, &stop).await) {
            return;
        }
    }
}

/// Takes what is due, up to a batch, and carries it out. Answers how many timers it took.
///
/// # Errors
/// The database fails.
pub async fn carry_out_due(write: &WriteSide, kinds: &[Kind]) -> Result<u64, CommandError> {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
    let now = write.clock.now();
    let mut connection = write.pool.acquire().await?;
    let due = timers::due(&mut connection, now).await?;
    gauge!("stentor_timers_due").set(i32::try_from(due.timers).map_or(f64::from(i32::MAX), f64::from));
    let late = due.since.map_or(TimeDelta::zero(), |since| now - since);
    gauge!("stentor_timers_late_seconds").set(late.as_seconds_f64());
    if due.timers == 0 {
        return Ok(0);
    }
    let taken = timers::take(&mut connection, &names, now, now + LEASE, BATCH).await?;
    drop(connection);
    futures::stream::iter(&taken)
        .for_each_concurrent(IN_FLIGHT, async |timer| {
            if let Some(kind) = kinds.iter().find(|kind| kind.name == timer.kind) {
                carry_out(write, kind, timer).await;
            }
        })
        .await;
    Ok(u64::try_from(taken.len()).unwrap_or(u64::MAX))
}

async fn carry_out(write: &WriteSide, kind: &Kind, timer: &Waiting) {
    let handled = (kind.handle)(write, timer).await;
    let outcome = if handled.is_ok() { "done" } else { "failed" };
    counter!("stentor_timers_total", "kind" => kind.name, "outcome" => outcome).increment(1);
    let settled = async {
        let mut connection = write.pool.acquire().await?;
        match handled {
            Ok(()) => timers::done(&mut connection, timer).await,
            Err(error) => {
                tracing::warn!(timer = timer.key, attempts = timer.attempts, %error, "a timer could not be carried out");
                let until = write.clock.now() + retry_after(timer.attempts);
                timers::put_off(&mut connection, timer, until, &error.to_string()).await
            }
        }
    };
    if let Err(error) = settled.await {
        tracing::warn!(timer = timer.key, %error, "a timer will be taken again: its command is known then");
    }
}

fn retry_after(attempts: i32) -> TimeDelta {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(RETRY_DOUBLINGS_MAX);
    RETRY_FIRST * (1 << doublings)
}

/// The cause of the command that a timer stands for. Where it stands for several, each has a `step` of its own.
pub fn cause(write: &WriteSide, timer: &Waiting, step: &str) -> Cause {
    let name = format!("timer {} {step}", timer.key);
    Cause {
        command_id: Uuid::new_v5(&timer.set_by, name.as_bytes()),
        fingerprint: Sha256::digest(name.as_bytes()).to_vec(),
        actor: None,
        owner: Owner::PLATFORM,
        at: write.clock.now(),
        happened_at: None,
        comment: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_timer_is_tried_ever_more_rarely_and_at_least_every_two_hours() {
        assert_eq!(retry_after(1), TimeDelta::seconds(5));
        assert_eq!(retry_after(2), TimeDelta::seconds(10));
        assert!(retry_after(i32::MAX) < TimeDelta::hours(2));
        assert_eq!(retry_after(11), retry_after(12));
    }
}
