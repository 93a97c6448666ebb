//! Restores. A logical dump in another cluster is unreadable at first, as before after `stentor restore fixup`; a
//! base backup with its write-ahead log comes back as it was at a moment.

use std::process::Command;
use std::sync::Arc;

use commands::bus::Done;
use commands::credits::{Adjustment, Moved};
use commands::error::CommandError;
use commands::{bootstrap, credits};
use domain::credit_account::AdjustmentKind;
use domain::credits::Credits;
use domain::ids::ResellerId;
use platform::{Clock, Config};
use server::Parts;
use sqlx::{Connection, Executor, PgConnection};
use store::database::{self, DatabaseRole};
use store::restore::{self, FixupError};
use store::unit_of_work::{Cause, Owner};
use store::{Position, feed};
use tempfile::TempDir;
use tests::cluster::{self, Cluster};
use tests::process;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// An installation on a database, without HTTP.
struct Site {
    parts: Parts,
    stop: CancellationToken,
}

impl Site {
    async fn open(url: &str, keys: &TempDir) -> Self {
        let mut config = Config::defaults().unwrap();
        config.database.url = url.to_owned();
        config.database.connections_max = 4;
        config.storage.path = keys.path().join("objects");
        config.identity.keys_path = keys.path().join("keys");
        let stop = CancellationToken::new();
        let parts = Parts::open(Arc::new(config), Clock::default(), &stop)
            .await
            .unwrap();
        Self { parts, stop }
    }

    /// A bonus of 5 credits by a command with this number.
    async fn bonus(&self, reseller: ResellerId, number: u128) -> Result<Done<Moved>, CommandError> {
        let cause = Cause {
            command_id: Uuid::from_u128(number),
            fingerprint: vec![1],
            actor: None,
            owner: Owner::reseller(reseller),
            at: "2026-11-21T12:00:00Z".parse().unwrap(),
            happened_at: None,
            comment: None,
        };
        let write = self.parts.write_side();
        credits::adjust(
            &write,
            &cause,
            reseller,
            Adjustment {
                kind: AdjustmentKind::Bonus,
                credits: Credits(5),
                expires_at: None,
                note: "for loyalty".to_owned(),
            },
        )
        .await
    }

    async fn events(&self) -> Vec<(Position, String)> {
        let mut connection = self.parts.commands.acquire().await.unwrap();
        let events = feed::read(&mut connection, Position::START, 10_000)
            .await
            .unwrap();
        events
            .into_iter()
            .map(|event| {
                (
                    event.position,
                    format!("{}/{}", event.aggregate_id, event.sequence),
                )
            })
            .collect()
    }

    async fn audited(&self) -> projections::audit::AuditReport {
        projections::catch_up(&self.parts.projections, &self.parts.vault)
            .await
            .unwrap();
        let owner = database::connect(&self.parts.config.database.url, DatabaseRole::Owner, 4)
            .await
            .unwrap();
        let report = projections::audit::verify(&owner, &self.parts.vault)
            .await
            .unwrap();
        owner.close().await;
        report
    }

    async fn close(self) {
        self.stop.cancel();
        let Parts {
            commands,
            projections,
            read,
            ..
        } = self.parts;
        futures::join!(commands.close(), projections.close(), read.close());
    }
}

/// Hands out transaction ids, so that this cluster is far ahead of a fresh one.
async fn age(connection: &mut PgConnection) {
    connection.execute("SET synchronous_commit = off").await.unwrap();
    connection
        .execute("DO $$ BEGIN FOR n IN 1..5000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")
        .await
        .unwrap();
}

async fn the_reseller(connection: &mut PgConnection) -> ResellerId {
    let id: String = sqlx::query_scalar(
        "SELECT aggregate_id FROM es.events WHERE aggregate_type = 'credit_account' LIMIT 1",
    )
    .fetch_one(connection)
    .await
    .unwrap();
    ResellerId(id.parse().unwrap())
}

/// Returns once the sessions of a closed site are gone: PostgreSQL notices a moment later.
async fn alone(connection: &mut PgConnection) {
    loop {
        let others: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
        )
        .fetch_one(&mut *connection)
        .await
        .unwrap();
        if others == 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Dumps the database `stentor` of one cluster into another, as docs/OPERATIONS.md says.
async fn move_logically(from: &Cluster, to: &Cluster) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let roles = cluster::run(from.tool("pg_dumpall").arg("--roles-only")).unwrap();
    let mut maintenance = PgConnection::connect(&to.url("postgres")).await.unwrap();
    for statement in String::from_utf8(roles.stdout).unwrap().lines() {
        if statement.starts_with("CREATE ROLE stentor") {
            maintenance.execute(statement).await.unwrap();
        }
    }
    maintenance.close().await.unwrap();
    let dump = cluster::run(from.tool("pg_dump").args(["--format=custom", "stentor"])).unwrap();
    std::fs::write(file.path(), dump.stdout).unwrap();
    let input = std::fs::File::open(file.path()).unwrap();
    cluster::run(
        to.tool("pg_restore")
            .args(["--create", "--exit-on-error", "--dbname=postgres"])
            .stdin(input),
    )
    .unwrap();
}

fn fixup_by_command(url: &str, keys: &TempDir) -> String {
    let output = cluster::run(
        Command::new(process::binary("stentor"))
            .args(["restore", "fixup"])
            .env("STENTOR__DATABASE__URL", url)
            .env("STENTOR__IDENTITY__KEYS_PATH", keys.path().join("keys")),
    )
    .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_logical_dump_works_in_another_cluster_after_the_fixup() {
    let keys = tempfile::tempdir().unwrap();
    let (old, new) = (Cluster::start("").unwrap(), Cluster::start("").unwrap());
    database::migrate(&old.url("stentor")).await.unwrap();
    let mut owner = PgConnection::connect(&old.url("stentor")).await.unwrap();
    age(&mut owner).await;
    let site = Site::open(&old.url("stentor"), &keys).await;
    bootstrap::demo(&site.parts.write_side()).await.unwrap();
    let reseller = the_reseller(&mut owner).await;
    let first = site.bonus(reseller, 1).await.unwrap();
    assert!(site.audited().await.is_clean());
    // One that no projection has seen when the dump is made.
    let unseen = site.bonus(reseller, 2).await.unwrap();
    let before = site.events().await;
    owner.close().await.unwrap();
    site.close().await;
    move_logically(&old, &new).await;
    drop(old);

    let url = new.url("stentor");
    let site = Site::open(&url, &keys).await;
    assert_eq!(site.events().await, [], "every event lies behind the barrier");
    let mut owner = PgConnection::connect(&url).await.unwrap();
    let refusal = restore::fixup(&mut owner).await.unwrap_err();
    assert!(matches!(&refusal, FixupError::Connected(names) if names.contains("stentor_commands")));
    site.close().await;
    alone(&mut owner).await;
    owner.close().await.unwrap();
    let told = fixup_by_command(&url, &keys);
    assert!(
        told.starts_with(&format!("{} events renumbered", before.len())) && told.contains("es.checkpoints"),
        "{told}"
    );
    assert!(fixup_by_command(&url, &keys).starts_with("nothing to do"));

    let site = Site::open(&url, &keys).await;
    let after = site.events().await;
    assert_eq!(
        after.iter().map(|(_, event)| event).collect::<Vec<_>>(),
        before.iter().map(|(_, event)| event).collect::<Vec<_>>()
    );
    let numbers: Vec<i64> = after.iter().map(|(position, _)| position.position).collect();
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>());
    // Commands of the old cluster are repeated, and new ones go on where it ended.
    for (number, done) in [(1, &first), (2, &unseen)] {
        let again = site.bonus(reseller, number).await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.value, done.value);
        assert!(again.position <= after.last().unwrap().0);
    }
    let next = site.bonus(reseller, 3).await.unwrap();
    assert_eq!(next.value.balance, unseen.value.balance + 5);
    assert!(next.position > after.last().unwrap().0);
    let report = site.audited().await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.position, next.position);
    assert_eq!(site.events().await.len(), before.len() + 1);
    site.close().await;
}

#[tokio::test]
async fn a_log_that_was_continued_before_the_fixup_is_left_as_it_is() {
    let keys = tempfile::tempdir().unwrap();
    let (old, new) = (Cluster::start("").unwrap(), Cluster::start("").unwrap());
    database::migrate(&old.url("stentor")).await.unwrap();
    let mut owner = PgConnection::connect(&old.url("stentor")).await.unwrap();
    age(&mut owner).await;
    let site = Site::open(&old.url("stentor"), &keys).await;
    bootstrap::demo(&site.parts.write_side()).await.unwrap();
    let reseller = the_reseller(&mut owner).await;
    owner.close().await.unwrap();
    site.close().await;
    move_logically(&old, &new).await;

    let url = new.url("stentor");
    let site = Site::open(&url, &keys).await;
    site.bonus(reseller, 1).await.unwrap();
    site.close().await;
    let mut owner = PgConnection::connect(&url).await.unwrap();
    alone(&mut owner).await;
    let refusal = restore::fixup(&mut owner).await.unwrap_err();
    assert!(matches!(&refusal, FixupError::Continued { stream } if stream.contains(&reseller.to_string())));
    let guarded = sqlx::query("DELETE FROM es.events").execute(&mut owner).await;
    assert!(guarded.is_err(), "the log is append-only as before");
    owner.close().await.unwrap();
}

#[test]
fn an_installation_is_recovered_to_the_moment_before_a_mistake() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/drill-restore.sh");
    let output = cluster::run(Command::new(script).arg(process::binary("stentor"))).unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.ends_with("the drill is over\n"), "{said}");
}
