//! Tells waiting readers that there is something to read: within the process at once, to other processes by
//! NOTIFY on a connection of its own, never inside an append's transaction. Only a hint: readers also poll. The
//! exception are revocations, which are rare and must arrive: they are notified where they are stored.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::answered::answered;
use crate::revocations::{self, Revocations};

const EVENTS_CHANNEL: &str = "stentor_events";
const JOBS_CHANNEL: &str = "stentor_jobs";
const CHECKPOINTS_CHANNEL: &str = "stentor_checkpoints";
/// Between two notifications, so that a burst costs two: the first news goes at once, the rest is gathered.
const GATHER: Duration = Duration::from_millis(20);
/// Longest silence before the listener asks whether anybody is there, and how long it waits for the answer.
const QUIET_MAX: Duration = Duration::from_secs(15);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const JOBS_BUFFERED_MAX: usize = 4_096;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Note {
    Events,
    Checkpoints,
    Job(Uuid),
}

/// Clones reach the same readers.
#[derive(Clone)]
pub struct Wake {
    events: watch::Sender<u64>,
    checkpoints: watch::Sender<u64>,
    jobs: broadcast::Sender<Uuid>,
    revocations: Revocations,
    outgoing: mpsc::UnboundedSender<Note>,
}

impl Wake {
    /// Within this process only.
    pub fn local() -> Self {
        Self::new().0
    }

    fn new() -> (Self, mpsc::UnboundedReceiver<Note>) {
        let (outgoing, notes) = mpsc::unbounded_channel();
        let wake = Self {
            events: watch::Sender::new(0),
            checkpoints: watch::Sender::new(0),
            jobs: broadcast::Sender::new(JOBS_BUFFERED_MAX),
            revocations: Revocations::default(),
            outgoing,
        };
        (wake, notes)
    }

    /// Across all processes on this database, until `stop`.
    pub fn connect(pool: PgPool, stop: CancellationToken) -> Self {
        let (wake, notes) = Self::new();
        tokio::spawn(send(pool.clone(), notes, stop.clone()));
        tokio::spawn(receive(pool, wake.clone(), stop));
        wake
    }

    /// There are new events.
    pub fn events(&self) {
        self.heard(Note::Events);
        // Nobody listens for other processes in a local instance.
        let _ = self.outgoing.send(Note::Events);
    }

    /// Projections have come further.
    pub fn checkpoints(&self) {
        self.heard(Note::Checkpoints);
        let _ = self.outgoing.send(Note::Checkpoints);
    }

    /// There are new updates of a job.
    pub fn job(&self, job_id: Uuid) {
        self.heard(Note::Job(job_id));
        let _ = self.outgoing.send(Note::Job(job_id));
    }

    fn heard(&self, note: Note) {
        match note {
            Note::Events => self.events.send_modify(|count| *count = count.wrapping_add(1)),
            Note::Checkpoints => self
                .checkpoints
                .send_modify(|count| *count = count.wrapping_add(1)),
            // No subscriber is no error.
            Note::Job(job_id) => drop(self.jobs.send(job_id)),
        }
    }

    /// A waiter that notices everything from now on.
    pub fn watch_events(&self) -> Watch {
        Watch(self.events.subscribe())
    }

    /// As [`Wake::watch_events`], for checkpoints that move.
    pub fn watch_checkpoints(&self) -> Watch {
        Watch(self.checkpoints.subscribe())
    }

    /// What has been revoked, in any process.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// Ids of jobs with new updates. A receiver that lags must query again.
    pub fn jobs(&self) -> broadcast::Receiver<Uuid> {
        self.jobs.subscribe()
    }
}

/// Waits for news. Made before the query, so that nothing is missed between query and wait.
pub struct Watch(watch::Receiver<u64>);

impl Watch {
    /// Returns when there may be news, or after `timeout`.
    pub async fn wait(&mut self, timeout: Duration) {
        // Elapsed and closed both mean: look again.
        let _ = tokio::time::timeout(timeout, self.0.changed()).await;
    }
}

async fn send(pool: PgPool, mut notes: mpsc::UnboundedReceiver<Note>, stop: CancellationToken) {
    while let Some(first) = notes.recv().await {
        let mut gathered = HashSet::from([first]);
        while let Ok(note) = notes.try_recv() {
            gathered.insert(note);
        }
        let (channels, payloads): (Vec<_>, Vec<_>) = gathered
            .into_iter()
            .map(|note| match note {
                Note::Events => (EVENTS_CHANNEL, String::new()),
                Note::Checkpoints => (CHECKPOINTS_CHANNEL, String::new()),
                Note::Job(job_id) => (JOBS_CHANNEL, job_id.to_string()),
            })
            .unzip();
        let notify = sqlx::query(
            "SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS n (channel, payload)",
        )
        .bind(channels)
        .bind(payloads);
        let sent = answered(ANSWER_WITHIN, notify.execute(&pool)).await;
        if let Err(error) = sent {
            tracing::warn!(%error, "other processes were not woken; they poll");
        }
        if !platform::shutdown::pause(GATHER, &stop).await {
            return;
        }
    }
}

async fn receive(pool: PgPool, wake: Wake, stop: CancellationToken) {
    loop {
        match listen(&pool, &wake, &stop).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "notifications are interrupted; readers poll"),
        }
        if !platform::shutdown::pause(Duration::from_secs(1), &stop).await {
            return;
        }
    }
}

async fn listen(pool: &PgPool, wake: &Wake, stop: &CancellationToken) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener
        .listen_all([
            EVENTS_CHANNEL,
            JOBS_CHANNEL,
            CHECKPOINTS_CHANNEL,
            revocations::CHANNEL,
        ])
        .await?;
    // After LISTEN: what is revoked from here on is heard.
    let mut connection = pool.acquire().await?;
    answered(ANSWER_WITHIN, wake.revocations.catch_up(&mut connection)).await?;
    drop(connection);
    loop {
        let heard = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            heard = tokio::time::timeout(QUIET_MAX, listener.recv()) => heard,
        };
        let Ok(notification) = heard else {
            // Silence is all that a connection without another end gives.
            answered(ANSWER_WITHIN, sqlx::query("SELECT").execute(&mut listener)).await?;
            continue;
        };
        let notification = notification?;
        if notification.channel() == revocations::CHANNEL {
            wake.revocations.heard_text(notification.payload());
            continue;
        }
        match notification.payload().parse() {
            Ok(job_id) if notification.channel() == JOBS_CHANNEL => wake.heard(Note::Job(job_id)),
            Ok(_) | Err(_) if notification.channel() == CHECKPOINTS_CHANNEL => wake.heard(Note::Checkpoints),
            Ok(_) | Err(_) => wake.heard(Note::Events),
        }
    }
}
