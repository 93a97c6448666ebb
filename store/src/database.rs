//! Connections by role, and the schema.

use std::time::Duration;

use rand::Rng;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgTransactionManager};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool, TransactionManager};

use crate::answered::answered;

/// Every migration, embedded.
pub static MIGRATOR: Migrator = sqlx::migrate!("../migrations");

/// Longest wait for a connection of a pool, be it for one to be free, to be made or to be found dead.
const ACQUIRE_WITHIN: Duration = Duration::from_secs(10);
/// Longest wait for the sign of life of a connection that nobody uses.
const PING_WITHIN: Duration = Duration::from_secs(2);
/// A connection that gave a sign of life so lately is lent without another one: each is a message there and back.
const ALIVE_FOR: Duration = Duration::from_millis(500);
/// Longest for a connection in the place of a broken one.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Lets the server end its half of a connection whose other end is gone within a minute: until then its locks hold
/// writers, and its transaction holds every reader of the log. Ignored where the server listens on a Unix socket.
const HALF_OPEN: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "20"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "30000"),
];

/// The database's roles. A login that owns the database can act as any of them; production gives each its own
/// login by its own URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseRole {
    /// Owns the schema: migrations and audits.
    Owner,
    Commands,
    Projections,
    /// Can only SELECT, and only what the scope allows.
    Read,
}

impl DatabaseRole {
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Owner => None,
            Self::Commands => Some("stentor_commands"),
            Self::Projections => Some("stentor_projections"),
            Self::Read => Some("stentor_read"),
        }
    }

    /// Longest statement, where the server's own setting is not to hold: who folds or audits reads for as long as
    /// the log is.
    fn statement_timeout(self) -> Option<&'static str> {
        match self {
            Self::Commands => Some("10s"),
            Self::Read => Some("30s"),
            Self::Owner | Self::Projections => None,
        }
    }

    fn search_path(self) -> &'static str {
        match self {
            Self::Owner => "public",
            Self::Commands => "es,public",
            Self::Projections | Self::Read => "read,live,es,public",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("the database URL cannot be read: {0}; expected postgres://user@host:5432/name")]
    Url(sqlx::Error),
    #[error("the database cannot be reached: {0}; is it running, and is DATABASE_URL right?")]
    Connect(sqlx::Error),
    #[error("the schema cannot be brought up to date: {0}")]
    Migrate(#[from] MigrateError),
    #[error(transparent)]
    Query(#[from] sqlx::Error),
}

fn options(url: &str) -> Result<PgConnectOptions, DatabaseError> {
    Ok(url
        .parse::<PgConnectOptions>()
        .map_err(DatabaseError::Url)?
        .log_statements(tracing::log::LevelFilter::Trace))
}

/// A pool whose connections act as `role`.
///
/// # Errors
/// The URL is wrong, or the database cannot be reached within 10 s.
pub async fn connect(url: &str, role: DatabaseRole, connections_max: u32) -> Result<PgPool, DatabaseError> {
    let options = options(url)?
        .application_name(role.name().unwrap_or("stentor"))
        .options([
            ("search_path", role.search_path()),
            ("jit", "off"),
            // An abandoned transaction would hold every reader of the log.
            ("idle_in_transaction_session_timeout", "10s"),
        ])
        .options(HALF_OPEN)
        .options(
            role.statement_timeout()
                .map(|longest| ("statement_timeout", longest)),
        );
    let (at_acquire, at_release) = (options.clone(), options.clone());
    PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_WITHIN)
        // As below, but with an end.
        .test_before_acquire(false)
        .before_acquire(move |connection, known| {
            let options = (known.idle_for >= ALIVE_FOR).then(|| at_acquire.clone());
            Box::pin(async move {
                match options {
                    Some(options) => mend(connection, options, role).await,
                    None => Ok(true),
                }
            })
        })
        .after_release(move |connection, _| Box::pin(mend(connection, at_release.clone(), role)))
        .after_connect(move |connection, _| Box::pin(act_as(connection, role)))
        .connect_with(options)
        .await
        .map_err(DatabaseError::Connect)
}

/// A pool on the same database whose connections keep nothing: each is in a transaction for as long as it is lent,
/// and what was done in it is taken back when it is given back. Transactions that are begun on it are parts of that
/// one.
pub fn keeping_nothing(pool: &PgPool, role: DatabaseRole) -> PgPool {
    let options = pool.connect_options().as_ref().clone();
    let at_acquire = options.clone();
    PgPoolOptions::new()
        .max_connections(pool.options().get_max_connections())
        .acquire_timeout(ACQUIRE_WITHIN)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                act_as(connection, role).await?;
                PgTransactionManager::begin(connection, None).await
            })
        })
        .before_acquire(move |connection, _| {
            let options = at_acquire.clone();
            Box::pin(async move {
                mend(connection, options, role).await?;
                PgTransactionManager::begin(connection, None).await?;
                Ok(true)
            })
        })
        .after_release(|connection, _| {
            Box::pin(async move {
                while PgTransactionManager::get_transaction_depth(connection) > 0 {
                    PgTransactionManager::rollback(connection).await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options)
}

/// Puts a new connection in the place of one that has lost its other end, which is dropped without a farewell: the
/// driver would wait for the other end's own, over TLS for ever, and for so long the pool would lack a connection.
async fn mend(
    connection: &mut PgConnection,
    options: PgConnectOptions,
    role: DatabaseRole,
) -> sqlx::Result<bool> {
    if answered(PING_WITHIN, connection.ping()).await.is_err() {
        let opening = async {
            let mut opened = PgConnection::connect_with(&options).await?;
            act_as(&mut opened, role).await?;
            Ok::<_, sqlx::Error>(opened)
        };
        *connection = answered(CONNECT_WITHIN, opening).await?;
    }
    Ok(true)
}

async fn act_as(connection: &mut PgConnection, role: DatabaseRole) -> sqlx::Result<()> {
    if let Some(name) = role.name() {
        connection.execute(format!("SET ROLE {name}").as_str()).await?;
    }
    Ok(())
}

/// Creates the database if it is missing, the roles, and the schema; does nothing where all is up to date.
///
/// # Errors
/// The database cannot be reached, or the login may not create what is missing.
pub async fn migrate(url: &str) -> Result<(), DatabaseError> {
    let options = options(url)?;
    ensure_database(&options).await?;
    let mut connection = PgConnection::connect_with(&options)
        .await
        .map_err(DatabaseError::Connect)?;
    ensure_roles(&mut connection).await?;
    MIGRATOR.run(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

async fn ensure_database(options: &PgConnectOptions) -> Result<(), DatabaseError> {
    let name = options.get_database().unwrap_or("stentor").to_owned();
    match PgConnection::connect_with(options).await {
        Ok(connection) => {
            connection.close().await?;
            return Ok(());
        }
        // 3D000: there is no such database.
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("3D000") => {}
        Err(error) => return Err(DatabaseError::Connect(error)),
    }
    let maintenance = options.clone().database("postgres");
    let mut connection = PgConnection::connect_with(&maintenance)
        .await
        .map_err(DatabaseError::Connect)?;
    let quoted = name.replace('"', "\"\"");
    let created = connection
        .execute(format!("CREATE DATABASE \"{quoted}\"").as_str())
        .await;
    connection.close().await?;
    match created {
        // 42P04 and 23505: somebody else has just made it.
        Err(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("42P04" | "23505")) => {
            Ok(())
        }
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

/// Roles belong to the whole cluster, so migrations of several databases may meet here: what another one has
/// just done counts as done.
const ROLES: &str = "
DO $$
DECLARE role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['stentor_commands', 'stentor_projections', 'stentor_read'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END;
        END IF;
        -- From PostgreSQL 16 on, who creates a role is a member that may not act as it until it is granted.
        IF NOT pg_has_role(current_user, role_name, 'MEMBER')
            OR (current_setting('server_version_num')::int >= 160000
                AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', role_name);
        END IF;
    END LOOP;
END $$";

async fn ensure_roles(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    const ATTEMPTS: u32 = 20;
    for attempt in 1.. {
        match connection.execute(ROLES).await {
            Ok(_) => return Ok(()),
            // XX000: "tuple concurrently updated", two GRANTs of one role.
            Err(sqlx::Error::Database(error))
                if error.code().as_deref() == Some("XX000") && attempt < ATTEMPTS =>
            {
                let wait_ms = rand::rng().random_range(5..50);
                platform::shutdown::pause(
                    Duration::from_millis(wait_ms),
                    &tokio_util::sync::CancellationToken::new(),
                )
                .await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
