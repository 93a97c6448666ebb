//! What a projection is: a name, a version, its tables, and how one event changes them.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::PgConnection;
use store::feed::FeedError;
use store::vault::{Vault, VaultError};
use store::{Position, Recorded};
use uuid::Uuid;

use crate::activity::ActivityFeed;
use crate::credit_transactions::CreditTransactions;
use crate::customers::Customers;
use crate::grants::Grants;
use crate::jobs::Jobs;
use crate::packs::Packs;
use crate::recordings::Recordings;
use crate::resellers::Resellers;
use crate::users::Users;
use crate::workflows::Workflows;

/// Folds events into tables of its own.
///
/// Its SQL names tables without a schema: the transaction's `search_path` decides whether the live tables or
/// a copy of them is written.
pub trait Projection: Send + Sync + 'static {
    /// The checkpoint's key: never changes.
    const NAME: &'static str;
    /// Raised when the rows have to be folded again from the first event.
    const VERSION: i32;
    const TABLES: &'static [Table];

    /// Applies one event. It runs in the transaction that moves the checkpoint, so each event is applied once.
    ///
    /// # Errors
    /// The database fails, or the event does not fit what came before it.
    fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        vault: &Vault,
    ) -> impl Future<Output = Result<(), ProjectionError>> + Send;

    /// The job whose updates this event adds to, if any: its watchers are woken after the commit.
    fn updated_job(&self, _recorded: &Recorded) -> Option<Uuid> {
        None
    }
}

/// A table that one projection alone writes.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    pub schema: &'static str,
    pub name: &'static str,
    /// Columns that tell rows apart, in the order of an index.
    pub key: &'static [&'static str],
    /// Rows and columns that follow from the log alone, where not all do.
    pub audited: Audited,
}

/// Which part of a table the audit can derive from the log.
#[derive(Clone, Copy, Debug)]
pub enum Audited {
    Everything,
    /// Only these columns, besides the key, of the rows that meet the SQL condition.
    Part {
        columns: &'static [&'static str],
        condition: &'static str,
    },
    Nothing,
}

impl Table {
    /// A table of the schema `read` whose every column follows from the log.
    pub const fn read(name: &'static str, key: &'static [&'static str]) -> Self {
        Self {
            schema: "read",
            name,
            key,
            audited: Audited::Everything,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    #[error("the read tables cannot be written: {0}")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error("a personal field cannot be opened: {0}")]
    Vault(#[from] VaultError),
    #[error("the event at {position} cannot be folded: {reason}; read models stay as they were before it")]
    Event {
        position: Position,
        reason: &'static str,
    },
    #[error("another process moved the checkpoint of {0}: the batch was given up and is read again")]
    Overtaken(&'static str),
}

impl ProjectionError {
    pub(crate) fn event(recorded: &Recorded, reason: &'static str) -> Self {
        Self::Event {
            position: recorded.position,
            reason,
        }
    }
}

/// The stream's id, which names a row.
pub(crate) fn stream_id(recorded: &Recorded) -> Result<Uuid, ProjectionError> {
    recorded
        .id()
        .ok_or_else(|| ProjectionError::event(recorded, "its stream id is no UUID"))
}

/// A count or size as Postgres keeps it.
pub(crate) fn stored(recorded: &Recorded, number: u64) -> Result<i64, ProjectionError> {
    i64::try_from(number).map_err(|_| ProjectionError::event(recorded, "a number is larger than 2^63 - 1"))
}

/// A projection behind a pointer, so that all of them can be listed.
#[async_trait]
pub trait ReadModel: Send + Sync {
    fn name(&self) -> &'static str;
    fn version(&self) -> i32;
    fn tables(&self) -> &'static [Table];
    async fn fold(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        vault: &Vault,
    ) -> Result<(), ProjectionError>;
    fn job_updated_by(&self, recorded: &Recorded) -> Option<Uuid>;
}

#[async_trait]
impl<P: Projection> ReadModel for P {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn version(&self) -> i32 {
        P::VERSION
    }

    fn tables(&self) -> &'static [Table] {
        P::TABLES
    }

    async fn fold(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        self.project(connection, recorded, vault).await
    }

    fn job_updated_by(&self, recorded: &Recorded) -> Option<Uuid> {
        self.updated_job(recorded)
    }
}

/// Every projection. A new one is added here and nowhere else.
pub fn all() -> Vec<Arc<dyn ReadModel>> {
    vec![
        Arc::new(Resellers),
        Arc::new(CreditTransactions),
        Arc::new(Customers),
        Arc::new(Grants),
        Arc::new(Users),
        Arc::new(Packs),
        Arc::new(Recordings),
        Arc::new(Jobs),
        Arc::new(Workflows),
        Arc::new(ActivityFeed),
    ]
}
