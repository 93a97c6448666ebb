//! A log with its hash chain and a checkpoint, for somebody with a superuser's login to tamper with.

use platform::Config;
use platform::audit_key::{self, AuditKey};
use platform::config::Storage;
use platform::objects::Objects;
use sqlx::PgPool;
use store::chain::verify::{ChainReport, Evidence, Violation};
use store::chain::{self, Checkpoint};
use store::database::DatabaseRole;
use store::feed;
use tempfile::TempDir;

use crate::TestDatabase;

pub const TENANTS: [&str; 2] = [
    "01970000-0000-7000-8000-00000000000a",
    "01970000-0000-7000-8000-00000000000b",
];

pub struct Proof {
    pub owner: PgPool,
    pub projections: PgPool,
    pub key: AuditKey,
    pub objects: Objects,
    pub files: TempDir,
    database: TestDatabase,
}

impl Proof {
    /// Ten events of two resellers' credit accounts, chained in one block and covered by a published checkpoint;
    /// then two more, chained.
    pub async fn new() -> Self {
        let proof = Self::empty().await;
        for account in TENANTS {
            proof
                .append(account, 1, "CreditAccountOpened", "\"CreditAccountOpened\"")
                .await;
            for sequence in 2..=5 {
                proof.purchase(account, sequence).await;
            }
        }
        proof.chain().await;
        proof.checkpoint().await;
        for account in TENANTS {
            proof.purchase(account, 6).await;
        }
        proof.chain().await;
        proof
    }

    pub async fn empty() -> Self {
        let database = TestDatabase::create().await;
        let files = tempfile::tempdir().unwrap();
        audit_key::generate(files.path()).unwrap();
        platform::config::generate_master_key(files.path()).unwrap();
        let storage = Storage {
            path: files.path().join("objects"),
            s3_bucket: None,
        };
        Self {
            owner: database.pool(DatabaseRole::Owner).await,
            projections: database.pool(DatabaseRole::Projections).await,
            key: AuditKey::open(files.path()).unwrap(),
            objects: Objects::open(&storage).unwrap(),
            files,
            database,
        }
    }

    /// For `stentor` on this log.
    pub fn config(&self) -> Config {
        let mut config = Config::defaults().unwrap();
        config.database.url = self.database.url.clone();
        config.storage.path = self.files.path().join("objects");
        config.identity.keys_path = self.files.path().to_owned();
        config
    }

    pub async fn append(&self, account: &str, sequence: i64, kind: &str, payload: &str) {
        let metadata = format!(
            "{{\"tenant_id\": \"{account}\", \"command_id\": \"{}\", \"at\": \"2026-11-21T12:00:00Z\"}}",
            uuid::Uuid::from_u128(u128::try_from(sequence).unwrap()),
        );
        sqlx::query(
            "INSERT INTO es.events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
             VALUES ('credit_account', $1, $2, $3, '1', $4::text::jsonb, $5::text::jsonb)",
        )
        .bind(account)
        .bind(sequence)
        .bind(kind)
        .bind(payload)
        .bind(metadata)
        .execute(&self.owner)
        .await
        .unwrap();
    }

    /// A purchase of 100 credits, the first one as event 2.
    pub async fn purchase(&self, account: &str, sequence: i64) {
        let payload = format!(
            "{{\"CreditsPurchased\": {{\"pack_code\": \"starter\", \"credits\": 100, \"note\": null,
               \"price\": {{\"amount_minor\": 5000, \"currency\": \"USD\"}}, \"balance_after\": {}}}}}",
            (sequence - 1) * 100
        );
        self.append(account, sequence, "CreditsPurchased", &payload).await;
    }

    /// Returns once readers see all that is stored: a transaction of another database may hold it back.
    pub async fn readable(&self) {
        let mut connection = self.owner.acquire().await.unwrap();
        let stored = feed::last_stored(&mut connection).await.unwrap();
        while feed::head(&mut connection).await.unwrap() < stored {
            tokio::task::yield_now().await;
        }
    }

    pub async fn chain(&self) {
        chain::catch_up(&self.projections, &self.key).await.unwrap();
    }

    pub async fn checkpoint(&self) -> Checkpoint {
        let now = platform::Clock::default().now();
        let made = chain::make_checkpoint(&self.projections, &self.key, "log.test", now)
            .await
            .unwrap();
        chain::publish(&self.projections, &self.objects, None)
            .await
            .unwrap();
        made
    }

    /// As a superuser who disables the triggers.
    pub async fn tamper(&self, sql: &str) {
        let tables = ["events", "chain", "tenant_chain", "audit_checkpoints"];
        let switch = |how: &str| -> String {
            tables
                .iter()
                .map(|table| format!("ALTER TABLE es.{table} {how} TRIGGER ALL;"))
                .collect()
        };
        let script = format!("{}{sql};{}", switch("DISABLE"), switch("ENABLE"));
        sqlx::raw_sql(&script).execute(&self.owner).await.unwrap();
    }

    pub async fn verify(&self) -> ChainReport {
        self.verify_against(Vec::new()).await
    }

    pub async fn verify_against(&self, kept: Vec<String>) -> ChainReport {
        let evidence = Evidence {
            key: self.key.public(),
            objects: Some(&self.objects),
            kept,
        };
        chain::verify::verify(&self.owner, &evidence, &mut |_, _| {})
            .await
            .unwrap()
    }

    /// The first violation after `sql`.
    pub async fn first_after(&self, sql: &str) -> Violation {
        let before = self.verify().await;
        assert!(before.is_clean(), "{before:#?}");
        self.tamper(sql).await;
        let report = self.verify().await;
        assert!(!report.is_clean(), "nothing was found after {sql}");
        report.named[0].clone()
    }
}
