//! Compares accounts with what the store answers: some time after an event, and regularly while something holds.

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::{StoreAccountId, StoreUserId};
use domain::store_account::compare::{self, Observation};
use domain::store_account::{StoreAccount, StoreAccountCommand};
use metrics::counter;
use platform::config::Reconcile;
use serde_json::json;
use store::load;
use store::timers::{self, Timer, Waiting};
use store::unit_of_work::UnitOfWork;
use uuid::Uuid;

use super::settle::{self, Names};
use crate::WriteSide;
use crate::error::CommandError;
use crate::timers::Handling;

/// Name of the timer that compares one account: never changes.
pub const CHECK: &str = "store_check";
/// How long after its last grant an account is still compared: a store may recover a payment so much later.
const CHECKED_AFTER_END: TimeDelta = TimeDelta::days(60);
/// Most accounts that one has become part of, one after the other.
const MERGES_MAX: u32 = 100;

/// Has an account compared after its events have settled. A further event before then puts it off.
pub(super) fn after_event(write: &WriteSide, unit: &mut UnitOfWork<'_>, account_id: StoreAccountId) {
    let after = TimeDelta::seconds(write.config.revenuecat.check_after_seconds.into());
    schedule(write, unit, account_id, write.clock.now() + after);
}

fn schedule(write: &WriteSide, unit: &mut UnitOfWork<'_>, account_id: StoreAccountId, due_at: DateTime<Utc>) {
    if write.lookup.is_none() {
        return;
    }
    let timer = Timer {
        key: format!("{CHECK}/{account_id}"),
        kind: CHECK,
        due_at,
        payload: json!({"account": account_id}),
    };
    timers::set(unit, timer);
}

/// The timer's handler.
pub fn check_when_due<'a>(write: &'a WriteSide, timer: &'a Waiting) -> Handling<'a> {
    Box::pin(async move {
        let account = timer.payload.get("account").cloned().unwrap_or_default();
        let account_id: StoreAccountId = serde_json::from_value(account)?;
        check(write, timer, account_id).await
    })
}

/// What the store answered about one of its customers.
struct Answer {
    user: StoreUserId,
    at: DateTime<Utc>,
    observed: Vec<Observation>,
}

async fn check(write: &WriteSide, timer: &Waiting, account_id: StoreAccountId) -> Result<(), CommandError> {
    let (account_id, account) = present(write, account_id).await?;
    let answers = ask(write, &account).await?;
    let cause = crate::timers::cause(write, timer, "compare");
    let every = TimeDelta::hours(write.config.revenuecat.check_every_hours.into());
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let account: StoreAccount = unit.load(&account_id.to_string()).await?;
        let known = settle::known(write, unit, &account, []).await?;
        let homes = known.homes.clone();
        let (mut found, mut repairs) = (Vec::new(), Vec::new());
        for answer in &answers {
            let comparison =
                compare::compare(account.held(), &known, answer.user, &answer.observed, answer.at);
            found.extend(comparison.0);
            repairs.extend(comparison.1);
        }
        if write.config.revenuecat.reconcile == Reconcile::Report {
            repairs.clear();
        }
        counter!("stentor_store_drifts_total").increment(u64::try_from(found.len()).unwrap_or(u64::MAX));
        let command = StoreAccountCommand::Compare {
            found,
            repairs,
            known,
        };
        let after = settle::execute(unit, account_id, &Names::new(), &homes, command).await?;
        let last = after.held().grants().map(|grant| grant.ends_at).max();
        if last.is_some_and(|ends_at| ends_at + CHECKED_AFTER_END > cause.at) {
            schedule(write, unit, account_id, cause.at + every);
        }
        Ok(())
    };
    write.bus.run(&cause, decide).await?;
    Ok(())
}

/// The account that this one has become part of, or itself.
async fn present(
    write: &WriteSide,
    account_id: StoreAccountId,
) -> Result<(StoreAccountId, StoreAccount), CommandError> {
    let mut connection = write.pool.acquire().await?;
    let mut account_id = account_id;
    for _ in 0..MERGES_MAX {
        let account = load::load::<StoreAccount>(&mut connection, &account_id.to_string())
            .await?
            .state;
        match account.closed_into() {
            Some(into) => account_id = into,
            None => return Ok((account_id, account)),
        }
    }
    Err(CommandError::internal(format!(
        "the store account {account_id} has become part of too many others"
    )))
}

/// Asks about each customer of the account whose name is still known. Those of a test environment are asked about
/// where they count.
async fn ask(write: &WriteSide, account: &StoreAccount) -> Result<Vec<Answer>, CommandError> {
    let Some(lookup) = &write.lookup else {
        return Ok(Vec::new());
    };
    let mut answers = Vec::new();
    for user in account.held().customers() {
        let Some(name) = name(write, user).await? else {
            continue;
        };
        let known = lookup
            .ask(&name, write.clock.now())
            .await
            .map_err(CommandError::internal)?;
        let sandbox = account.held().is_sandbox();
        answers.push(Answer {
            user,
            at: known.at,
            observed: known
                .observed
                .into_iter()
                .filter(|seen| seen.sandbox == sandbox)
                .collect(),
        });
    }
    Ok(answers)
}

/// `None` where the person was erased.
async fn name(write: &WriteSide, user: StoreUserId) -> Result<Option<String>, CommandError> {
    let mut connection = write.pool.acquire().await?;
    let sealed: Option<Option<Vec<u8>>> =
        sqlx::query_scalar("SELECT u.name FROM work.store_users u WHERE u.user_id = $1")
            .bind::<Uuid>(user.0)
            .fetch_optional(&mut *connection)
            .await?;
    let Some(sealed) = sealed.flatten() else {
        return Ok(None);
    };
    let name = write.vault.open_bytes(&mut connection, user.0, &sealed).await?;
    Ok(name.and_then(|name| String::from_utf8(name).ok()))
}
