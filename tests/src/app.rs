//! The whole server in the test's process, on a free port, with everything of its own.

use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use platform::audit_key::AuditKey;
use platform::broker::Broker;
use platform::{Clock, Config};
use projections::audit::AuditReport;
use secrecy::SecretString;
use server::{Parts, Role, serve};
use store::chain;
use store::chain::verify::{ChainReport, Evidence};
use store::database::DatabaseRole;
use store::{Position, feed};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::client::TestClient;
use crate::database::TestDatabase;

pub const ADMIN: &str = "ada@platform.test";
pub const PASSWORD: &str = "correct horse battery";

pub struct TestApp {
    pub url: String,
    pub parts: Parts,
    pub config: Arc<Config>,
    pub database: TestDatabase,
    pub stop: CancellationToken,
    /// Tells when serving has ended.
    served: mpsc::Receiver<()>,
    _files: TempDir,
}

/// Where RabbitMQ is.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told where the broker is by a variable"
)]
pub fn amqp_url() -> String {
    std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://guest:guest@127.0.0.1:5672/%2f".to_owned())
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(&Role::ALL, |_| {}).await
    }

    /// With other roles or settings.
    pub async fn with(roles: &[Role], change: impl FnOnce(&mut Config)) -> Self {
        let files = tempfile::tempdir().unwrap();
        let database = TestDatabase::create().await;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut config = Config::defaults().unwrap();
        config.database.url = database.url.clone();
        config.database.connections_max = 8;
        config.http.port = listener.local_addr().unwrap().port();
        config.broker.url = amqp_url();
        config.broker.prefix = format!("test-{}.", Uuid::new_v4().simple());
        config.storage.path = files.path().join("objects");
        config.identity.keys_path = files.path().join("keys");
        config.identity.sign_ins_per_minute = 1_000;
        change(&mut config);
        let config = Arc::new(config);
        let stop = CancellationToken::new();
        let parts = Parts::open(Arc::clone(&config), Clock::default(), &stop)
            .await
            .unwrap();
        let (serving_parts, roles, serving_stop) = (parts.clone(), roles.to_vec(), stop.clone());
        // actix wants a system of its own, as `stentor serve` gives it.
        let (started, serving_started) = tokio::sync::oneshot::channel();
        let (ended, served) = mpsc::channel();
        tokio::task::spawn_blocking(move || {
            actix_web::rt::System::new().block_on(async move {
                started.send(()).unwrap();
                serve(serving_parts, &roles, listener, None, serving_stop)
                    .await
                    .unwrap();
            });
            // Nobody waits for a test that has given up.
            let _ = ended.send(());
        });
        serving_started.await.unwrap();
        Self {
            url: config.public_url(),
            parts,
            config,
            database,
            stop,
            served,
            _files: files,
        }
    }

    pub fn client(&self) -> TestClient {
        TestClient::new(&self.url)
    }

    /// Somebody who is signed in.
    pub async fn signed_in(&self, email: &str, password: &str) -> TestClient {
        self.client().sign_in(email, password).await
    }

    /// A platform admin, signed in.
    pub async fn admin(&self) -> TestClient {
        self.register_admin().await;
        self.signed_in(ADMIN, PASSWORD).await
    }

    /// A platform admin with [`ADMIN`] and [`PASSWORD`], the first price list and the founding tiers.
    pub async fn register_admin(&self) {
        let write = self.parts.write_side();
        commands::bootstrap::price_list(&write).await.unwrap();
        commands::bootstrap::tiers(&write).await.unwrap();
        let password = SecretString::from(PASSWORD);
        commands::bootstrap::admin(&write, "Ada Admin", ADMIN, password)
            .await
            .unwrap();
    }

    /// Waits until every projection has reached the head of the log as it is now.
    pub async fn settle(&self) -> Position {
        let names: Vec<_> = projections::projection::all()
            .iter()
            .map(|model| model.name())
            .collect();
        let mut connection = self.parts.commands.acquire().await.unwrap();
        let last: (String, i64) = sqlx::query_as(
            "SELECT e.xid::text, e.position FROM es.events e ORDER BY e.xid DESC, e.position DESC LIMIT 1",
        )
        .fetch_one(&mut *connection)
        .await
        .unwrap();
        let head = Position {
            xid: last.0.parse().unwrap(),
            position: last.1,
        };
        projections::wait_for(&self.parts.projections, &names, head, Duration::from_secs(30))
            .await
            .unwrap();
        assert!(feed::head(&mut connection).await.unwrap() >= head);
        head
    }

    /// The same person with a fresh token, after the clock has moved.
    pub fn renewed(&self, client: &TestClient) -> TestClient {
        let made = chrono::DateTime::UNIX_EPOCH;
        let verified = self
            .parts
            .verifier
            .verify(client.token.as_deref().unwrap(), made)
            .unwrap();
        let (token, _) = self
            .parts
            .write_side()
            .signer
            .access(&verified.principal, self.parts.clock.now())
            .unwrap();
        client.with_token(&token)
    }

    /// Number of events in the log.
    pub async fn events(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM es.events")
            .fetch_one(&self.parts.commands)
            .await
            .unwrap()
    }

    /// What `stentor audit verify` looks at, once everything is folded and chained.
    pub async fn audit(&self) -> Audited {
        self.settle().await;
        let key = AuditKey::open(&self.config.identity.keys_path).unwrap();
        chain::catch_up(&self.parts.projections, &key).await.unwrap();
        let owner = self.database.pool(DatabaseRole::Owner).await;
        let evidence = Evidence {
            key: key.public(),
            objects: Some(&self.parts.objects),
            kept: Vec::new(),
        };
        let chain = chain::verify::verify(&owner, &evidence, &mut |_, _| {})
            .await
            .unwrap();
        let read = projections::audit::verify(&owner, &self.parts.vault)
            .await
            .unwrap();
        owner.close().await;
        Audited { chain, read }
    }
}

/// An audit's two halves.
#[derive(Debug)]
pub struct Audited {
    /// The log against its hash chain.
    pub chain: ChainReport,
    /// The read tables against the log.
    pub read: AuditReport,
}

impl Audited {
    pub fn is_clean(&self) -> bool {
        self.chain.is_clean() && self.read.is_clean()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop.cancel();
        // What still serves might declare the queues again.
        let _ = self.served.recv_timeout(Duration::from_secs(1));
        // Past any proxy. Left behind, the queues of many tests would use up the broker's files.
        let broker = Broker::new(&amqp_url(), &self.config.broker.prefix);
        let removed = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(broker.remove())
        });
        removed.join().unwrap().unwrap();
    }
}
