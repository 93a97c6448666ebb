//! Carries a command out once: receipt, load, decide, append, and again when another command was faster.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use rand::Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::PgPool;
use store::append::{self, AppendError, Carried};
use store::unit_of_work::{Cause, UnitOfWork};
use store::wake::Wake;
use store::{Position, feed};
use tokio_util::sync::CancellationToken;

use crate::error::{CommandError, Problem};

/// Attempts at one command while others keep changing its streams.
const ATTEMPTS_MAX: u32 = 20;
/// Look-ups of a receipt after the connection broke at the append.
const LOOK_UPS_MAX: u32 = 10;

/// What a command answered.
#[derive(Clone, Debug)]
pub struct Done<T> {
    pub value: T,
    /// What a reader has to reach to see it.
    pub position: Position,
    /// Whether this repeats an earlier answer.
    pub replayed: bool,
}

type Locks = Arc<std::sync::Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>;

/// Clones share their locks.
#[derive(Clone)]
pub struct Bus {
    pool: PgPool,
    wake: Wake,
    locks: Locks,
}

impl Bus {
    pub fn new(pool: PgPool, wake: Wake) -> Self {
        Self {
            pool,
            wake,
            locks: Locks::default(),
        }
    }

    /// Runs `decide` on a fresh unit of work and appends what it decided, with its answer as the receipt.
    ///
    /// `decide` may run several times and must have no lasting effects outside the unit. `hot` names a stream
    /// that many commands want at once: within this process they queue up instead of colliding.
    ///
    /// # Errors
    /// The business refuses, the key was used for another payload, or the database fails. Nothing is stored.
    pub async fn run<T, F>(
        &self,
        cause: &Cause,
        hot: Option<&str>,
        mut decide: F,
    ) -> Result<Done<T>, CommandError>
    where
        T: Serialize + DeserializeOwned,
        F: AsyncFnMut(&mut UnitOfWork<'_>) -> Result<T, CommandError>,
    {
        if let Some(done) = self.carried(cause).await? {
            return Ok(done);
        }
        let lock = hot.map(|stream| self.lock(stream));
        let _turn = match &lock {
            Some(lock) => Some(lock.lock().await),
            None => None,
        };
        for attempt in 1.. {
            let mut unit = UnitOfWork::new(&self.pool, cause);
            let value = match decide(&mut unit).await {
                Ok(value) => value,
                // What refuses it may be what it did itself, sent under the same key by somebody who was faster.
                Err(refusal) => return self.carried(cause).await?.ok_or(refusal),
            };
            match unit.commit(serde_json::to_value(&value)?).await {
                Ok(position) => {
                    self.wake.events();
                    return Ok(Done {
                        value,
                        position,
                        replayed: false,
                    });
                }
                Err(AppendError::Conflict) if attempt < ATTEMPTS_MAX => {
                    pause_ms(jitter_ms()).await;
                }
                Err(AppendError::Conflict) => return Err(busy().into()),
                Err(AppendError::Claimed(_)) => {
                    return self.carried(cause).await?.ok_or_else(|| email_taken().into());
                }
                Err(AppendError::Duplicate) => {
                    return self
                        .carried(cause)
                        .await?
                        .ok_or_else(|| CommandError::internal(AppendError::Duplicate));
                }
                Err(AppendError::Database(error)) => return self.settle(cause, error).await,
            }
        }
        Err(busy().into())
    }

    /// The connection broke at the append: only the receipt tells whether it was stored.
    async fn settle<T: DeserializeOwned>(
        &self,
        cause: &Cause,
        error: sqlx::Error,
    ) -> Result<Done<T>, CommandError> {
        for look_up in 1..=LOOK_UPS_MAX {
            match self.carried(cause).await {
                Ok(Some(done)) => {
                    self.wake.events();
                    return Ok(Done {
                        replayed: false,
                        ..done
                    });
                }
                Ok(None) => break,
                Err(CommandError::Internal(_)) if look_up < LOOK_UPS_MAX => pause_ms(200).await,
                Err(error) => return Err(error),
            }
        }
        Err(AppendError::Database(error).into())
    }

    async fn carried<T: DeserializeOwned>(&self, cause: &Cause) -> Result<Option<Done<T>>, CommandError> {
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
        Ok(Some(Done {
            value: serde_json::from_value(outcome)?,
            position,
            replayed: true,
        }))
    }

    fn lock(&self, stream: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        // Locks that nobody holds or waits for are forgotten.
        if locks.len() >= 10_000 {
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        }
        Arc::clone(locks.entry(stream.to_owned()).or_default())
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
        "EMAIL_TAKEN",
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
