//! A database of its own for each test, copied from a template that is migrated once.

use std::fmt::Write;

use sha2::{Digest, Sha256};
use sqlx::{Connection, Executor, PgConnection, PgPool};
use store::database::{self, DatabaseRole};
use uuid::Uuid;

/// Dropped with everything in it when the test ends.
pub struct TestDatabase {
    pub url: String,
    name: String,
    maintenance: String,
}

/// Any database of the server, by a login that may create databases.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told where the server is by a variable"
)]
fn maintenance_url() -> String {
    std::env::var("STENTOR_TEST_DATABASE_URL")
        .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned())
}

fn with_name(url: &str, name: &str) -> String {
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

impl TestDatabase {
    pub async fn create() -> Self {
        let maintenance = maintenance_url();
        let mut connection = PgConnection::connect(&maintenance).await.unwrap();
        // One test makes the template, the others wait.
        connection
            .execute("SELECT pg_advisory_lock(7421907)")
            .await
            .unwrap();
        let template = template_name();
        let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(&template)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        if !exists {
            let making = format!("{template}_making");
            connection
                .execute(format!("DROP DATABASE IF EXISTS {making} WITH (FORCE)").as_str())
                .await
                .unwrap();
            database::migrate(&with_name(&maintenance, &making))
                .await
                .unwrap();
            connection
                .execute(format!("ALTER DATABASE {making} RENAME TO {template}").as_str())
                .await
                .unwrap();
        }
        let name = format!("stentor_test_{}", Uuid::new_v4().simple());
        connection
            .execute(format!("CREATE DATABASE {name} TEMPLATE {template}").as_str())
            .await
            .unwrap();
        connection.close().await.unwrap();
        Self {
            url: with_name(&maintenance, &name),
            name,
            maintenance,
        }
    }

    pub async fn pool(&self, role: DatabaseRole) -> PgPool {
        database::connect(&self.url, role, 8).await.unwrap()
    }
}

/// Changes with every migration.
fn template_name() -> String {
    let mut digest = Sha256::new();
    for migration in database::MIGRATOR.iter() {
        digest.update(&migration.checksum);
    }
    let mut name = "stentor_template_".to_owned();
    for byte in digest.finalize().iter().take(8) {
        write!(name, "{byte:02x}").unwrap();
    }
    name
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (maintenance, name) = (self.maintenance.clone(), self.name.clone());
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
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
