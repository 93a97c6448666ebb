//! Carries a command out once: load, decide, append with its receipt, and again when another command was faster.

use std::time::Duration;

use actix_web::http::StatusCode;
use rand::Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::PgPool;
use store::answered::answered;
use store::append::{self, AppendError, Carried};
use store::committer::{CommitError, Committer, Limits};
use store::unit_of_work::{Cause, UnitOfWork};
use store::wake::Wake;
use store::{Position, feed};
use tokio_util::sync::CancellationToken;

use crate::dry_run::{Trial, Tried};
use crate::error::{CommandError, Problem};

/// Attempts at one command while other processes keep changing its streams.
const CONFLICTS_MAX: u32 = 20;
/// Attempts at one command while others of this process keep changing its streams: these cost no round trip.
const MOVES_MAX: u32 = 1_000;

/// What a command answered.
#[derive(Clone, Debug)]
pub struct Done<T> {
    pub value: T,
    /// What a reader has to reach to see it.
    pub position: Position,
    /// Whether nothing new came of it: it repeats an earlier answer, or it was a dry run.
    pub replayed: bool,
}

/// Clones share their committer.
#[derive(Clone)]
pub struct Bus {
    pool: PgPool,
    committer: Committer,
    answer_within: Duration,
    /// Where a dry run notes what it would append.
    trial: Option<Trial>,
}

/// What has been tried for one command.
#[derive(Default)]
struct Tries {
    conflicts: u32,
    moved: u32,
    /// Whether the next attempt reads the log instead of memory.
    fresh: bool,
}

impl Bus {
    pub fn new(pool: PgPool, wake: Wake) -> Self {
        Self::with(pool, wake, Limits::default())
    }

    pub fn with(pool: PgPool, wake: Wake, limits: Limits) -> Self {
        Self {
            committer: Committer::new(pool.clone(), wake, limits),
            answer_within: limits.answer_within,
            trial: None,
            pool,
        }
    }

    /// A bus for one command of a dry run: decided on the log as it is and appended on a pool that keeps nothing.
    #[must_use]
    pub fn trying(&self, keeps_nothing: PgPool, trial: Trial) -> Self {
        Self {
            pool: keeps_nothing,
            trial: Some(trial),
            ..self.clone()
        }
    }

    /// Whether what is done by this bus is taken back.
    pub fn is_trial(&self) -> bool {
        self.trial.is_some()
    }

    /// Runs `decide` on a unit of work and appends what it decided, with its answer as the receipt.
    ///
    /// `decide` may run several times, on states that are not stored yet and for a command that was carried out
    /// before, and must have no lasting effects outside the unit. Where it has some all the same, ask
    /// [`Bus::carried`] first.
    ///
    /// # Errors
    /// The business refuses, the key was used for another payload, or the database fails. Nothing is stored,
    /// unless the error says that the outcome is unknown.
    pub async fn run<T, F>(&self, cause: &Cause, mut decide: F) -> Result<Done<T>, CommandError>
    where
        T: Serialize + DeserializeOwned,
        F: AsyncFnMut(&mut UnitOfWork<'_>) -> Result<T, CommandError>,
    {
        if let Some(trial) = &self.trial {
            trial.ensure_first()?;
        }
        let mut tries = Tries::default();
        loop {
            let mut unit = match &self.trial {
                Some(_) => UnitOfWork::new(&self.pool, cause),
                None => self.committer.unit(cause, tries.fresh),
            };
            let value = match decide(&mut unit).await {
                Ok(value) => value,
                Err(CommandError::Problem(_)) if unit.is_cached() => {
                    // What memory refuses the log may allow.
                    tries.fresh = true;
                    continue;
                }
                Err(CommandError::Problem(refusal)) => {
                    return self.first_answer_or(cause, CommandError::Problem(refusal)).await;
                }
                Err(error @ CommandError::Internal(_)) => return Err(error),
            };
            let events = self.trial.as_ref().map(|_| unit.events().to_vec());
            match unit.commit(serde_json::to_value(&value)?).await {
                Ok(position) => {
                    if let Some((trial, events)) = self.trial.as_ref().zip(events) {
                        trial.note(Tried::Events(events));
                    }
                    return Ok(Done {
                        value,
                        position,
                        replayed: self.is_trial(),
                    });
                }
                Err(error) => {
                    if let Some(done) = self.again(cause, error, &mut tries).await? {
                        return Ok(done);
                    }
                }
            }
        }
    }

    /// What follows from a unit that was not stored: an earlier answer, an error, or `None` for another attempt.
    async fn again<T: DeserializeOwned>(
        &self,
        cause: &Cause,
        error: CommitError,
        tries: &mut Tries,
    ) -> Result<Option<Done<T>>, CommandError> {
        match error {
            CommitError::Moved if tries.moved < MOVES_MAX => {
                tries.moved += 1;
                tries.fresh = tries.moved > MOVES_MAX / 2;
                metrics::counter!("stentor_append_retries_total", "cause" => "moved").increment(1);
                tokio::task::yield_now().await;
                Ok(None)
            }
            CommitError::Append(AppendError::Conflict) if tries.conflicts < CONFLICTS_MAX => {
                tries.conflicts += 1;
                tries.fresh = true;
                metrics::counter!("stentor_append_retries_total", "cause" => "conflict").increment(1);
                pause_ms(jitter_ms()).await;
                Ok(None)
            }
            CommitError::Append(AppendError::Duplicate) if tries.conflicts < CONFLICTS_MAX => {
                // The one that was first may have failed meanwhile.
                tries.conflicts += 1;
                self.carried(cause).await
            }
            CommitError::Moved
            | CommitError::Full
            | CommitError::Append(AppendError::Conflict | AppendError::Duplicate) => {
                self.first_answer_or(cause, busy().into()).await.map(Some)
            }
            CommitError::Append(AppendError::Claimed(_)) => {
                self.first_answer_or(cause, email_taken().into()).await.map(Some)
            }
            CommitError::Append(error @ AppendError::Database(_)) => match self.carried(cause).await {
                Ok(first) => {
                    let first = first.ok_or_else(|| CommandError::internal(error))?;
                    Ok(Some(Done {
                        replayed: false,
                        ..first
                    }))
                }
                Err(CommandError::Internal(_)) => Err(CommandError::internal(error)),
                Err(reused @ CommandError::Problem(_)) => Err(reused),
            },
        }
    }

    /// A repeated command gets its first answer, whatever today's state would say to it.
    async fn first_answer_or<T: DeserializeOwned>(
        &self,
        cause: &Cause,
        otherwise: CommandError,
    ) -> Result<Done<T>, CommandError> {
        // Where nobody can say, a refusal would be taken as the last word.
        self.carried(cause).await?.ok_or(otherwise)
    }

    /// What the command answered, if it has been carried out.
    ///
    /// # Errors
    /// The key was used for another payload, or the database fails.
    pub async fn carried<T: DeserializeOwned>(&self, cause: &Cause) -> Result<Option<Done<T>>, CommandError> {
        answered(self.answer_within, self.look_up(cause)).await
    }

    async fn look_up<T: DeserializeOwned>(&self, cause: &Cause) -> Result<Option<Done<T>>, CommandError> {
        let mut connection = self.pool.acquire().await?;
        let Some(Carried {
            fingerprint,
            outcome,
            position,
        }) = append::carried(&mut connection, cause.command_id).await?
        else {
            return Ok(None);
        };
        if fingerprint != cause.fingerprint {
            return Err(key_reused().into());
        }
        let position = match position {
            Some(position) => position,
            None => feed::head(&mut connection).await?,
        };
        if let Some(trial) = &self.trial {
            trial.note(Tried::Repeats);
        }
        Ok(Some(Done {
            value: serde_json::from_value(outcome)?,
            position,
            replayed: true,
        }))
    }
}

fn jitter_ms() -> u64 {
    rand::rng().random_range(1..20)
}

async fn pause_ms(ms: u64) {
    platform::shutdown::pause(Duration::from_millis(ms), &CancellationToken::new()).await;
}

fn key_reused() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "IDEMPOTENCY_KEY_REUSED",
        "this Idempotency-Key was used for another request: repeat that request unchanged, or send a new key",
    )
}

fn email_taken() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        crate::people::EMAIL_TAKEN,
        "this e-mail address belongs to another user: use another one, or sign in with it",
    )
}

fn busy() -> Problem {
    let problem = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "BUSY",
        "many commands want the same account at once and this one was not carried out: send it again with the \
         same Idempotency-Key",
    );
    Problem {
        retry_after_seconds: Some(1),
        ..problem
    }
}
