//! A reseller's dashboard, asked for over HTTP, beside the same figures by hand-written SQL. The read tables are filled
//! by SQL, as a platform of so many customers would have folded them: each reseller has up to a thousand, each customer
//! twenty movements, so that it shows whether one reseller's page costs more where there are more resellers.

use std::cell::{Cell, RefCell};
use std::net::TcpListener;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::{App, HttpServer};
use api::{ReadParts, ReadSide};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::{ResellerId, UserId};
use domain::user::{Home, Role};
use futures::stream::{self, StreamExt, TryStreamExt};
use platform::config::Storage;
use platform::objects::Objects;
use platform::tokens::{self, Signer, Verifier};
use platform::{Access, Clock, Principal};
use serde_json::{Value, json};
use sqlx::Executor;
use store::database::DatabaseRole;
use store::wake::Wake;
use tempfile::TempDir;
use uuid::Uuid;

use crate::env::Env;
use crate::work::{Measured, Target, Work};

const CUSTOMERS_OF_ONE: u64 = 1_000;
const P99_MS_MAX: f64 = 20.0;
/// At most 1.5 times as slow as at the first size.
const OF_FIRST_MIN: f64 = 1.0 / 1.5;
const ASKERS: usize = 2;
/// Statements at a time that fill tables.
const FILLING: usize = 2;
const FILLED: [&str; 7] = [
    "read.resellers",
    "read.credit_balances",
    "read.customers",
    "read.customer_stays",
    "read.credit_transactions",
    "read.journal",
    "read.activity",
];
/// Resellers that ask, one after the other.
const ASKING: i64 = 200;
const TOKEN_LASTS: TimeDelta = TimeDelta::hours(6);

const QUERY: &str = "{ dashboard { resellerName balanceDays customersTotal customersActive customersExpired
    customersSuspended usedThisMonth newThisMonth periodStart periodEnd position
    lastTransactions { kind amount balanceAfter at customerName } recentActivity { kind text actorName at } } }";

pub fn works() -> Vec<Box<dyn Work>> {
    let shared = Rc::new(Shared::default());
    vec![
        Box::new(Slowest(Rc::clone(&shared))),
        Box::new(BesideSql(Rc::clone(&shared))),
        Box::new(BesideFirst(shared)),
    ]
}

/// What the works of one run share.
#[derive(Default)]
struct Shared {
    served: RefCell<Option<Rc<Served>>>,
    /// Dashboards per second at the first size.
    first: Cell<Option<f64>>,
}

/// The read API on a free port.
struct Served {
    /// Of which database.
    url: String,
    graphql: String,
    tokens: Vec<(Uuid, String)>,
    client: reqwest::Client,
    _folder: TempDir,
}

impl Shared {
    async fn served(&self, env: &Env) -> anyhow::Result<Rc<Served>> {
        let known = self.served.borrow().clone();
        if let Some(known) = known.filter(|known| known.url == env.url()) {
            return Ok(known);
        }
        fill(env).await?;
        let served = Rc::new(serve(env).await?);
        *self.served.borrow_mut() = Some(Rc::clone(&served));
        Ok(served)
    }
}

async fn serve(env: &Env) -> anyhow::Result<Served> {
    let folder = tempfile::tempdir()?;
    tokens::generate(folder.path())?;
    let storage = Storage {
        path: folder.path().join("objects"),
        s3_bucket: None,
    };
    let clock = Clock::default();
    let read = ReadSide::new(ReadParts {
        pool: env.pool(DatabaseRole::Read).await?,
        clock: clock.clone(),
        verifier: Verifier::open(folder.path())?,
        objects: Objects::open(&storage)?,
        wake: Wake::local(),
        own_proxies: Vec::new(),
        installed_models: Vec::new(),
        introspection: false,
    });
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let graphql = format!("http://{}/graphql", listener.local_addr()?);
    let server = HttpServer::new(move || {
        let read = read.clone();
        App::new().configure(move |app| read.configure(app))
    });
    tokio::spawn(server.workers(2).disable_signals().listen(listener)?.run());
    let signer = Signer::open(folder.path(), TOKEN_LASTS)?;
    let asking: Vec<Uuid> =
        sqlx::query_scalar("SELECT reseller_id FROM read.resellers ORDER BY reseller_id LIMIT $1")
            .bind(ASKING)
            .fetch_all(&env.owner)
            .await?;
    let principals = asking.into_iter().map(|id| {
        let principal = Principal {
            user_id: UserId(Uuid::from_u128(1)),
            role: Role::ResellerOwner,
            home: Home::Reseller(ResellerId(id)),
            access: Access::PASSWORD,
        };
        Ok((id, signer.access(&principal, clock.now())?.0))
    });
    Ok(Served {
        url: env.url().to_owned(),
        graphql,
        tokens: principals.collect::<anyhow::Result<_>>()?,
        client: reqwest::Client::builder().no_proxy().build()?,
        _folder: folder,
    })
}

impl Served {
    /// Asks as one reseller after the other.
    async fn ask(&self, number: usize) -> anyhow::Result<()> {
        let Some((_, token)) = self.tokens.get(number % self.tokens.len().max(1)) else {
            anyhow::bail!("there are no resellers");
        };
        let asked = self.client.post(&self.graphql).bearer_auth(token);
        let answer: Value = asked.json(&json!({"query": QUERY})).send().await?.json().await?;
        anyhow::ensure!(answer.get("errors").is_none(), "{answer}");
        Ok(())
    }

    async fn per_second(&self, env: &Env) -> anyhow::Result<f64> {
        env.rate(1, async |_, number| self.ask(number).await).await
    }
}

struct Slowest(Rc<Shared>);

#[async_trait(?Send)]
impl Work for Slowest {
    fn name(&self) -> &'static str {
        "dashboard over HTTP, p99"
    }

    fn unit(&self) -> &'static str {
        "ms"
    }

    fn target(&self) -> Target {
        Target::AtMost(P99_MS_MAX)
    }

    async fn prepare(&self, env: &Env) -> anyhow::Result<()> {
        self.0.served(env).await.map(drop)
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured> {
        let served = self.0.served(env).await?;
        let taken: RefCell<Vec<Duration>> = RefCell::default();
        env.rate(ASKERS, async |task, number| {
            let began = Instant::now();
            served.ask(number * ASKERS + task).await?;
            taken.borrow_mut().push(began.elapsed());
            Ok(())
        })
        .await?;
        let mut taken = taken.into_inner();
        taken.sort_unstable();
        let slowest = taken.get(taken.len() * 99 / 100).copied().unwrap_or_default();
        Ok(Measured::of(slowest.as_secs_f64() * 1_000.0))
    }
}

struct BesideSql(Rc<Shared>);

#[async_trait(?Send)]
impl Work for BesideSql {
    fn name(&self) -> &'static str {
        "dashboards over HTTP, one after the other, beside SQL"
    }

    fn unit(&self) -> &'static str {
        "dashboards/s"
    }

    fn target(&self) -> Target {
        // Signing in, scoping, GraphQL and HTTP may cost as much as the figures.
        Target::OfBeside(0.5)
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured> {
        let served = self.0.served(env).await?;
        Ok(Measured {
            beside: Some(by_sql(env, &served).await?),
            ..Measured::of(served.per_second(env).await?)
        })
    }
}

struct BesideFirst(Rc<Shared>);

#[async_trait(?Send)]
impl Work for BesideFirst {
    fn name(&self) -> &'static str {
        "dashboards over HTTP, beside the smallest platform"
    }

    fn unit(&self) -> &'static str {
        "dashboards/s"
    }

    fn target(&self) -> Target {
        Target::OfBeside(OF_FIRST_MIN)
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured> {
        let served = self.0.served(env).await?;
        let value = served.per_second(env).await?;
        let first = self.0.first.get().unwrap_or(value);
        self.0.first.set(Some(first));
        Ok(Measured {
            beside: Some(first),
            ..Measured::of(value)
        })
    }
}

/// The same figures and lists, on one connection of the schema's owner: no scope is checked.
async fn by_sql(env: &Env, served: &Served) -> anyhow::Result<f64> {
    let (now, pool) = (env.now(), &env.owner);
    env.rate(1, async |_, number| {
        let Some((id, _)) = served.tokens.get(number % served.tokens.len().max(1)) else {
            anyhow::bail!("there are no resellers");
        };
        for statement in [FIGURES, TRANSACTIONS, ACTIVITY] {
            sqlx::query(statement).bind(id).bind(now).fetch_all(pool).await?;
        }
        Ok(())
    })
    .await
}

const FIGURES: &str = "
    SELECT r.name, b.balance, count(*), count(*) FILTER (WHERE NOT c.suspended AND c.expires_at > $2),
           count(*) FILTER (WHERE NOT c.suspended AND c.expires_at <= $2), count(*) FILTER (WHERE c.suspended),
           (SELECT count(*) FROM read.customer_stays s WHERE s.reseller_id = $1 AND s.arrived = 'created'
              AND s.began_at >= date_trunc('month', $2::timestamptz)),
           (SELECT sum(t.credits) FROM read.credit_transactions t WHERE t.reseller_id = $1
              AND t.kind IN ('debit', 'capture') AND t.at >= date_trunc('month', $2::timestamptz))
    FROM read.resellers r JOIN read.credit_balances b USING (reseller_id) JOIN read.customers c USING (reseller_id)
    WHERE r.reseller_id = $1 AND c.closed_at IS NULL GROUP BY r.name, b.balance";
const TRANSACTIONS: &str = "
    SELECT t.*, c.name FROM read.credit_transactions t LEFT JOIN read.customers c ON c.tenant_id = t.customer_id
    WHERE t.reseller_id = $1 AND t.at <= $2 ORDER BY t.log_xid DESC, t.log_position DESC LIMIT 10";
const ACTIVITY: &str = "
    SELECT a.*, c.name FROM read.activity a LEFT JOIN read.customers c ON c.tenant_id = a.tenant_id
    WHERE a.reseller_id = $1 AND a.at <= $2 ORDER BY a.log_xid DESC, a.log_position DESC LIMIT 10";

/// Fills the read tables for `env.events` customers.
async fn fill(env: &Env) -> anyhow::Result<()> {
    let customers = env.events;
    let resellers = customers.div_ceil(CUSTOMERS_OF_ONE).max(1);
    let began = Instant::now();
    let indexes = drop_indexes(env).await?;
    let statements = tables(customers, resellers, env.now());
    run_each(env, &statements).await?;
    run_each(env, &indexes).await?;
    env.owner.execute("VACUUM (ANALYZE)").await?;
    crate::report::progress(&format!(
        "read tables of {customers} customers filled in {:.0} s",
        began.elapsed().as_secs_f64()
    ))
}

/// Takes the filled tables' indexes away, and returns the statements that make them again: sorting millions of rows
/// once is many times cheaper than placing each.
async fn drop_indexes(env: &Env) -> anyhow::Result<Vec<String>> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT format('DROP INDEX %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid) FROM pg_index i
         WHERE i.indrelid = ANY ($1::regclass[])
           AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)",
    )
    .bind(FILLED)
    .fetch_all(&env.owner)
    .await?;
    let (gone, again): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    run_each(env, &gone).await?;
    Ok(again)
}

/// As many at a time as the machine has for it.
async fn run_each(env: &Env, statements: &[String]) -> anyhow::Result<()> {
    stream::iter(statements)
        .map(|statement| async move {
            let mut connection = env.owner.acquire().await?;
            connection
                .execute("SET synchronous_commit = off; SET maintenance_work_mem = '1GB'")
                .await?;
            connection.execute(statement.as_str()).await?;
            // What was set ends with the connection.
            connection.close().await?;
            anyhow::Ok(())
        })
        .buffer_unordered(FILLING)
        .try_collect()
        .await
}

fn tables(customers: u64, resellers: u64, now: DateTime<Utc>) -> Vec<String> {
    let now = now.to_rfc3339();
    let reseller = |number: &str| format!("md5('reseller ' || ({number}) % {resellers})::uuid");
    let customer = |number: &str| format!("md5('customer ' || ({number}) % {customers})::uuid");
    // The last moment is now, the first a year ago.
    let at = |number: &str, of: u64| {
        format!("timestamptz '{now}' - interval '365 days' * (1 - ({number})::float8 / {of})")
    };
    let movements = customers * 20;
    let activities = customers * 5;
    vec![
        format!(
            "INSERT INTO read.resellers (reseller_id, name, commission_rate, status, time_zone, customers_total, created_at)
             SELECT {}, 'Reseller ' || n, 0.2, 'active', 'Europe/Berlin', {}, {}
             FROM generate_series(1, {resellers}) n",
            reseller("n"),
            customers / resellers,
            at("n", resellers)
        ),
        format!(
            "INSERT INTO read.credit_balances (reseller_id, balance)
             SELECT {}, 10000 FROM generate_series(1, {resellers}) n",
            reseller("n")
        ),
        format!(
            "INSERT INTO read.customers (tenant_id, reseller_id, name, suspended, tier, expires_at, users_total, created_at,
                                         known_at)
             SELECT {}, {}, 'Customer ' || n, n % 50 = 0, 'premium', {now_at} + interval '1 day' * (n % 60 - 20), 1, {at}, {at}
             FROM generate_series(1, {customers}) n",
            customer("n"),
            reseller("n"),
            now_at = format_args!("timestamptz '{now}'"),
            at = at("n", customers)
        ),
        format!(
            "INSERT INTO read.customer_stays (tenant_id, sequence, reseller_id, arrived, began_at, known_at, log_xid,
                                              log_position)
             SELECT {}, 1, {}, 'created', {at}, {at}, 1, n FROM generate_series(1, {customers}) n",
            customer("n"),
            reseller("n"),
            at = at("n", customers)
        ),
        format!(
            "INSERT INTO read.credit_transactions (log_xid, log_position, reseller_id, customer_id, kind, amount,
                                                   balance_after, at, known_at, number, credits, event_type)
             SELECT 2, n, {}, {}, 'debit', -30, 10000, {at}, {at}, n / {resellers}, 30, 'CreditsDebited'
             FROM generate_series(1, {movements}) n",
            reseller("n"),
            customer("n"),
            at = at("n", movements)
        ),
        format!(
            "INSERT INTO read.journal (entry, line, log_xid, log_position, reseller_id, debit, credit, unit, amount,
                                       happened_at, known_at, period, late, event_type, command_id)
             SELECT n, 1, 2, n, {}, 'credits.spent', 'credits.available', 'credits', 30, {at}, {at},
                    date_trunc('month', {at})::date, false, 'CreditsDebited', '00000000-0000-0000-0000-000000000000'
             FROM generate_series(1, {movements}) n",
            reseller("n"),
            at = at("n", movements)
        ),
        format!(
            "INSERT INTO read.activity (log_xid, log_position, reseller_id, tenant_id, kind, text, at, known_at)
             SELECT 3, n, {}, {}, 'AccessGranted', 'has 30 more days', {at}, {at}
             FROM generate_series(1, {activities}) n",
            reseller("n"),
            customer("n"),
            at = at("n", activities)
        ),
    ]
}
