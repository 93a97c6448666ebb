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
use crate::api_keys::ApiKeys;
use crate::audit_log::AuditLog;
use crate::bulks::Bulks;
use crate::commissions::Commissions;
use crate::credit_lots::CreditLots;
use crate::credit_transactions::CreditTransactions;
use crate::customers::Customers;
use crate::entitlements::Entitlements;
use crate::grants::Grants;
use crate::impersonations::Impersonations;
use crate::invitations::Invitations;
use crate::invoices::InvoiceBook;
use crate::jobs::Jobs;
use crate::ledger::Ledger;
use crate::packs::Packs;
use crate::payouts::PayoutRuns;
use crate::permission_templates::PermissionTemplates;
use crate::recordings::Recordings;
use crate::resellers::Resellers;
use crate::store_drifts::StoreDrifts;
use crate::store_events::StoreEvents;
use crate::store_products::StoreProducts;
use crate::store_transactions::StoreTransactions;
use crate::tiers::Tiers;
use crate::usage::Metering;
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
    const ON_BAD_EVENT: OnBadEvent = OnBadEvent::Park;

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

    /// Applies events in their order, with the same outcome as [`Projection::project`] on each of them. Where
    /// events are many, a projection folds them in memory and writes all rows by one statement.
    ///
    /// # Errors
    /// As `project`; which event is at fault need not be told.
    fn project_batch(
        &self,
        connection: &mut PgConnection,
        batch: &[Recorded],
        vault: &Vault,
    ) -> impl Future<Output = Result<(), ProjectionError>> + Send {
        async move {
            for recorded in batch {
                self.project(connection, recorded, vault).await?;
            }
            Ok(())
        }
    }

    /// The job whose updates this event adds to, if any: its watchers are woken after the commit.
    fn updated_job(&self, _recorded: &Recorded) -> Option<Uuid> {
        None
    }
}

/// What becomes of a projection that meets an event which it cannot fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBadEvent {
    /// The event is put aside in `es.dead_letters` and folding goes on: better one row missing than all stale.
    Park,
    /// Folding stops before it until the cause is mended: better stale than wrong.
    Stop,
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
    #[error(
        "the tables of {0} are of another version than this program: start the server, which rebuilds them"
    )]
    OtherVersion(&'static str),
    #[error(
        "somebody reads with a snapshot from before the rebuild of {0} was done, as an audit or a backup does: switch \
         again when that has ended"
    )]
    Readers(&'static str),
    #[error("there is no rebuild of {0}: begin one with `stentor projections rebuild {0}`")]
    NoRebuild(&'static str),
}

impl ProjectionError {
    pub(crate) fn event(recorded: &Recorded, reason: &'static str) -> Self {
        Self::Event {
            position: recorded.position,
            reason,
        }
    }

    /// Whether the event is at fault, so that the same event fails again; not the connection, the server or
    /// another writer.
    pub(crate) fn is_of_event(&self) -> bool {
        match self {
            Self::Event { .. } => true,
            Self::Feed(error) => error.unreadable().is_some(),
            // Data exceptions, violated constraints, and what a function raises.
            Self::Database(error) => {
                matches!(error, sqlx::Error::Encode(_))
                    || error
                        .as_database_error()
                        .and_then(sqlx::error::DatabaseError::code)
                        .is_some_and(|code| ["22", "23", "P0001"].iter().any(|class| code.starts_with(class)))
            }
            Self::Vault(_)
            | Self::Overtaken(_)
            | Self::OtherVersion(_)
            | Self::Readers(_)
            | Self::NoRebuild(_) => false,
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
    fn on_bad_event(&self) -> OnBadEvent;
    async fn fold(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        vault: &Vault,
    ) -> Result<(), ProjectionError>;
    async fn fold_batch(
        &self,
        connection: &mut PgConnection,
        batch: &[Recorded],
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

    fn on_bad_event(&self) -> OnBadEvent {
        P::ON_BAD_EVENT
    }

    async fn fold(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        self.project(connection, recorded, vault).await
    }

    async fn fold_batch(
        &self,
        connection: &mut PgConnection,
        batch: &[Recorded],
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        self.project_batch(connection, batch, vault).await
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
        Arc::new(CreditLots),
        Arc::new(Ledger),
        Arc::new(Commissions),
        Arc::new(PayoutRuns),
        Arc::new(InvoiceBook),
        Arc::new(Customers),
        Arc::new(Grants),
        Arc::new(Entitlements),
        Arc::new(Metering),
        Arc::new(Users),
        Arc::new(Invitations),
        Arc::new(Impersonations),
        Arc::new(ApiKeys),
        Arc::new(Bulks),
        Arc::new(Packs),
        Arc::new(Tiers),
        Arc::new(PermissionTemplates),
        Arc::new(Recordings),
        Arc::new(Jobs),
        Arc::new(Workflows),
        Arc::new(StoreEvents),
        Arc::new(StoreTransactions),
        Arc::new(StoreDrifts),
        Arc::new(StoreProducts),
        Arc::new(ActivityFeed),
        Arc::new(AuditLog),
    ]
}
