//! The same work by the stock crates: cqrs-es on postgres-es, with a retry on conflict.

use std::collections::HashMap;

use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{AggregateError, CqrsFramework};
use domain::credit_account::CreditAccount;
use postgres_es::PostgresEventRepository;
use sqlx::PgPool;
use uuid::Uuid;

use crate::accounts;

pub type Framework =
    CqrsFramework<CreditAccount, PersistedEventStore<PostgresEventRepository, CreditAccount>>;

pub fn framework(pool: &PgPool) -> Framework {
    let repository = PostgresEventRepository::new(pool.clone()).with_tables("es.events", "es.snapshots");
    CqrsFramework::new(PersistedEventStore::new_event_store(repository), Vec::new(), ())
}

/// One debit, until it is stored.
///
/// # Errors
/// It is refused, or the database fails.
pub async fn debit(framework: &Framework, account: &str) -> anyhow::Result<()> {
    loop {
        // What every event of the log has, so that the replay reads these too.
        let metadata = HashMap::from([
            ("tenant_id".to_owned(), Uuid::nil().to_string()),
            ("command_id".to_owned(), Uuid::now_v7().to_string()),
            ("at".to_owned(), "2026-01-01T00:00:00Z".to_owned()),
        ]);
        match framework
            .execute_with_metadata(account, accounts::debit_command(), metadata)
            .await
        {
            Ok(()) => return Ok(()),
            Err(AggregateError::AggregateConflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
