//! Ten thousand customers created from one file, with every row's result: from the request to the last word.

use std::fmt::Write as _;
use std::io::{Seek, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use async_trait::async_trait;
use commands::WriteSide;
use commands::bulk::file::Format;
use commands::bulk::{self, Order};
use domain::bulk::{BulkKind, BulkMode};
use domain::credit_account::{AdjustmentKind, CreditAccountCommand};
use domain::credits::Credits;
use domain::ids::HOUSE;
use platform::objects::Objects;
use platform::shutdown::pause;
use platform::tokens::{Signer, Verifier};
use platform::{Clock, Config, tokens};
use store::unit_of_work::Owner;
use store::wake::Wake;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::env::Env;
use crate::work::{Measured, Target, Work};

const ROWS: u32 = 10_000;
const LONGEST_SECONDS: f64 = 20.0;
/// How often the end is looked for: what that adds is in the figure.
const LOOK: Duration = Duration::from_millis(20);

pub fn works() -> Vec<Box<dyn Work>> {
    vec![Box::new(Customers)]
}

struct Customers;

#[async_trait(?Send)]
impl Work for Customers {
    fn name(&self) -> &'static str {
        "bulk of 10,000 customers, every row's result"
    }

    fn unit(&self) -> &'static str {
        "s"
    }

    fn target(&self) -> Target {
        Target::AtMost(LONGEST_SECONDS)
    }

    async fn prepare(&self, env: &Env) -> anyhow::Result<()> {
        let files = tempfile::tempdir()?;
        let write = write_side(env, &files)?;
        commands::bootstrap::house(&write).await?;
        commands::bootstrap::tiers(&write).await?;
        Ok(())
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured> {
        let files = tempfile::tempdir()?;
        let write = write_side(env, &files)?;
        let bonus = CreditAccountCommand::Adjust {
            kind: AdjustmentKind::Bonus,
            credits: Credits(i64::from(ROWS)),
            expires_at: None,
            note: "for the bulk".to_owned(),
            at: env.now(),
        };
        commands::credits::change(&write, &env.cause(Owner::reseller(HOUSE)), HOUSE, bonus).await?;
        let order = order()?;
        let stop = CancellationToken::new();
        let working = bulk::run::run(write.clone(), stop.clone());
        let measured = async {
            let began = Instant::now();
            let cause = env.cause(Owner::reseller(HOUSE));
            let bulk_id = bulk::begin(&write, &cause, order).await?.value.bulk_id;
            while !ended(env, bulk_id).await? {
                pause(LOOK, &stop).await;
            }
            let seconds = began.elapsed().as_secs_f64();
            let done = done(env, bulk_id).await?;
            ensure!(done == i64::from(ROWS), "{done} of {ROWS} rows were carried out");
            anyhow::Ok(seconds)
        };
        let measured = async {
            let measured = measured.await;
            stop.cancel();
            measured
        };
        let (measured, ()) = futures::future::join(measured, working).await;
        Ok(Measured::of(measured?))
    }
}

fn write_side(env: &Env, files: &TempDir) -> anyhow::Result<WriteSide> {
    let keys = files.path().join("keys");
    tokens::generate(&keys)?;
    let mut config = Config::defaults()?;
    config.storage.path = files.path().join("objects");
    let objects = Objects::open(&config.storage)?;
    Ok(WriteSide::new(
        env.commands.clone(),
        env.cold_bus(),
        env.vault.clone(),
        Clock::default(),
        Wake::local(),
        objects,
        Signer::open(&keys, config.identity.access_token_ttl())?,
        Verifier::open(&keys)?,
        Arc::new(config),
    ))
}

fn order() -> anyhow::Result<Order> {
    let run = Uuid::new_v4().simple();
    let mut text = "name,tier,days,userName,userEmail\n".to_owned();
    for number in 0..ROWS {
        writeln!(
            text,
            "Radio {number},basic,1,Carl {number},carl{number}-{run}@radio.test"
        )?;
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(Order {
        reseller_id: HOUSE,
        kind: BulkKind::Create,
        mode: BulkMode::BestEffort,
        by_platform: true,
        format: Format::Csv,
        file,
        sha256: run.to_string(),
    })
}

async fn ended(env: &Env, bulk_id: Uuid) -> anyhow::Result<bool> {
    let sql = "SELECT ended_at IS NOT NULL FROM work.bulks WHERE bulk_id = $1";
    Ok(sqlx::query_scalar(sql)
        .bind(bulk_id)
        .fetch_one(&env.owner)
        .await?)
}

async fn done(env: &Env, bulk_id: Uuid) -> anyhow::Result<i64> {
    let sql = "SELECT count(*) FROM live.bulk_rows WHERE bulk_id = $1 AND state = 'done'";
    Ok(sqlx::query_scalar(sql)
        .bind(bulk_id)
        .fetch_one(&env.owner)
        .await?)
}
