//! A database of its own for each test, and a log to fill.

mod payout_stories;
pub mod store_stories;
mod stories;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, DomainEvent};
use domain::personal::Sealed;
use sqlx::{Connection, Executor, PgConnection, PgPool};
use store::append::{self, NewEvent, Receipt};
use store::database::{self, DatabaseRole};
use store::unit_of_work::Owner;
use store::vault::Vault;
use store::{Metadata, Position};
use uuid::Uuid;

pub use payout_stories::{invoice, pay_out};
pub use store_stories::{buy_in_store, map_products};
pub use stories::{
    Story, act_as, close_period, hold_credits, invite, issue_key, permit, platform, queue_job, report,
    run_bulk, save_workflow, sell, started, story, succeeded,
};

/// The log of a fresh database, with a pool per role.
pub struct TestLog {
    pub owner: PgPool,
    pub projections: PgPool,
    pub read: PgPool,
    pub commands: PgPool,
    pub vault: Vault,
    sequences: HashMap<(&'static str, String), i64>,
    maintenance: String,
    name: String,
}

/// 21 November 2026, noon.
pub fn noon() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

impl TestLog {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests are told where Postgres is by a variable"
    )]
    pub async fn create() -> Self {
        let maintenance = std::env::var("STENTOR_TEST_DATABASE_URL")
            .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned());
        let name = format!("stentor_test_{}", Uuid::new_v4().simple());
        let (server, _) = maintenance.rsplit_once('/').unwrap();
        let url = format!("{server}/{name}");
        database::migrate(&url).await.unwrap();
        Self {
            owner: pool(&url, DatabaseRole::Owner).await,
            projections: pool(&url, DatabaseRole::Projections).await,
            read: pool(&url, DatabaseRole::Read).await,
            commands: pool(&url, DatabaseRole::Commands).await,
            vault: Vault::new(&vec![7; 32].into()).unwrap(),
            sequences: HashMap::new(),
            maintenance,
            name,
        }
    }

    pub async fn seal(&self, subject: Uuid, text: &str) -> Sealed {
        let [sealed] = self
            .vault
            .seal(&mut self.owner.acquire().await.unwrap(), subject, [text])
            .await
            .unwrap();
        sealed
    }

    /// The next event of a stream, as `actor`'s command at `at` would append it.
    pub fn event<A: Aggregate>(
        &mut self,
        id: &str,
        event: &A::Event,
        owner: Owner,
        at: DateTime<Utc>,
    ) -> NewEvent {
        let sequence = self.sequences.entry((A::TYPE, id.to_owned())).or_default();
        *sequence += 1;
        NewEvent {
            aggregate_type: A::TYPE,
            aggregate_id: id.to_owned(),
            sequence: *sequence,
            event_type: event.event_type(),
            event_version: event.event_version(),
            payload: serde_json::to_value(event).unwrap(),
            metadata: Metadata {
                tenant_id: owner
                    .tenant_id
                    .map_or(owner.reseller_id.map_or(Uuid::nil(), |id| id.0), |id| id.0),
                reseller_id: owner.reseller_id.map(|id| id.0),
                actor: Some(ADMIN),
                impersonator: None,
                api_key: None,
                command_id: Uuid::now_v7(),
                at,
                happened_at: None,
                comment: None,
            },
        }
    }

    pub async fn append(&self, events: &[NewEvent]) -> Position {
        let receipt = Receipt {
            command_id: Uuid::now_v7(),
            tenant_id: Uuid::nil(),
            fingerprint: Vec::new(),
            outcome: serde_json::Value::Null,
            origin: None,
        };
        let mut connection = self.commands.acquire().await.unwrap();
        append::append(&mut connection, &receipt, &[], events)
            .await
            .unwrap()
            .last
            .unwrap()
    }

    pub async fn one<A: Aggregate>(
        &mut self,
        id: impl ToString,
        event: A::Event,
        owner: Owner,
        at: DateTime<Utc>,
    ) -> Position {
        let event = self.event::<A>(&id.to_string(), &event, owner, at);
        self.append(&[event]).await
    }

    /// Of the last event.
    pub async fn position(&self) -> Position {
        store::feed::last_stored(&mut self.owner.acquire().await.unwrap())
            .await
            .unwrap()
    }

    pub async fn catch_up(&self) -> Position {
        projections::catch_up(&self.projections, &self.vault)
            .await
            .unwrap()
    }
}

async fn pool(url: &str, role: DatabaseRole) -> PgPool {
    database::connect(url, role, 4).await.unwrap()
}

impl Drop for TestLog {
    fn drop(&mut self) {
        let (maintenance, name) = (self.maintenance.clone(), self.name.clone());
        // Dropping needs a connection of its own, outside the test's runtime.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&maintenance).await.unwrap();
                connection
                    .execute(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)").as_str())
                    .await
                    .unwrap();
            });
        });
        dropped.join().unwrap();
    }
}

/// The platform's admin, who acts in every event of the tests.
pub const ADMIN: Uuid = Uuid::from_u128(0xad);
