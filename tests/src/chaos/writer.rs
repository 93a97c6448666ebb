//! A process that sends commands, as a client with a memory would: each is noted before it is sent, and its
//! answer when it has come. Killed and started again, it goes on after the last one that it noted.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use commands::bus::Bus;
use commands::error::CommandError;
use domain::personal::Sealed;
use platform::Clock;
use store::database::DatabaseRole;
use store::wake::Wake;
use tokio::task::{JoinSet, LocalSet};
use tokio_util::sync::CancellationToken;

use super::record::{Entry, Record, entries};
use super::work::{SHARED, Work};
use super::{Run, pause_ms};

/// Commands in flight, of the writer's own and of the shared ones.
const TASKS: u32 = 8;
/// Times that a command without an answer is sent again at once.
const TRIES: u32 = 5;
/// Every writer sends the shared command whose time it is: so many milliseconds for each.
const SHARED_EVERY_MS: u64 = 25;

struct Writer {
    run: Run,
    bus: Bus,
    contact: Sealed,
    record: Record,
    next: AtomicU64,
}

/// Sends commands until it is killed.
///
/// # Errors
/// The record cannot be written.
pub async fn run(run: Run) -> anyhow::Result<()> {
    let path = run.file("writer");
    let record = Record::open(&path)?;
    let (mut next, mut open) = (0, BTreeSet::new());
    for entry in entries(&path)? {
        match entry {
            Entry::Sent { lane, number } if lane == run.index => {
                next = next.max(number + 1);
                open.insert(number);
            }
            Entry::Answered { lane, number, .. } | Entry::Refused { lane, number, .. }
                if lane == run.index =>
            {
                open.remove(&number);
            }
            Entry::Sent { .. } | Entry::Answered { .. } | Entry::Refused { .. } => {}
        }
    }
    let pool = run.pool(DatabaseRole::Commands, TASKS + 2).await;
    let wake = Wake::connect(pool.clone(), CancellationToken::new());
    let contact = loop {
        match run.contact(&pool).await {
            Ok(contact) => break contact,
            Err(_) => pause_ms(100).await,
        }
    };
    let writer = Rc::new(Writer {
        bus: Bus::new(pool, wake),
        contact,
        record,
        next: AtomicU64::new(next),
        run,
    });
    let local = LocalSet::new();
    local.run_until(writer.work(open)).await
}

impl Writer {
    async fn work(self: Rc<Self>, open: BTreeSet<u64>) -> anyhow::Result<()> {
        let mut tasks = JoinSet::new();
        // Of those that its predecessor left without an answer, every other is sent again now; the rest stays
        // for the end.
        let again = Rc::clone(&self);
        tasks.spawn_local(async move {
            for number in open.into_iter().filter(|number| number % 2 == 0) {
                again
                    .send(&Work::new(again.run.seed, again.run.index, number))
                    .await?;
            }
            Ok(())
        });
        for _ in 0..TASKS {
            let own = Rc::clone(&self);
            tasks.spawn_local(async move {
                loop {
                    let number = own.next.fetch_add(1, Ordering::Relaxed);
                    let work = Work::new(own.run.seed, own.run.index, number);
                    own.note_and_send(&work).await?;
                }
            });
        }
        for _ in 0..2 {
            let shared = Rc::clone(&self);
            tasks.spawn_local(async move { shared.share().await });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// Sends what all writers send at this moment, under the same key.
    async fn share(&self) -> anyhow::Result<()> {
        let clock = Clock::default();
        let mut last = None;
        loop {
            let elapsed = clock.now().timestamp_millis() - self.run.began_ms;
            let number = u64::try_from(elapsed)? / SHARED_EVERY_MS;
            if last == Some(number) {
                pause_ms(SHARED_EVERY_MS / 5).await;
                continue;
            }
            last = Some(number);
            self.note_and_send(&Work::new(self.run.seed, SHARED, number))
                .await?;
        }
    }

    async fn note_and_send(&self, work: &Work) -> anyhow::Result<()> {
        let (lane, number) = (work.lane, work.number);
        self.record.put(&Entry::Sent { lane, number }).await?;
        self.send(work).await
    }

    async fn send(&self, work: &Work) -> anyhow::Result<()> {
        let (lane, number) = (work.lane, work.number);
        // One in eight is not asked again: what became of it is found out at the end.
        let tries = if number % 8 == 0 { 1 } else { TRIES };
        for _ in 0..tries {
            match work.carry_out(&self.bus, &self.contact).await {
                Ok(done) => {
                    let (position, outcome) = (done.position, done.value);
                    return self
                        .record
                        .put(&Entry::Answered {
                            lane,
                            number,
                            position,
                            outcome,
                        })
                        .await;
                }
                Err(CommandError::Problem(problem)) if problem.retry_after_seconds.is_none() => {
                    eprintln!("refused {work:?}: {}", problem.detail);
                    let code = problem.code.to_string();
                    return self.record.put(&Entry::Refused { lane, number, code }).await;
                }
                Err(error) => {
                    eprintln!("no answer to {}: {error}", work.command_id);
                    pause_ms(100).await;
                }
            }
        }
        Ok(())
    }
}
