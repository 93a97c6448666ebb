//! Works on what the inbox holds: each event once, several customers at a time, each customer's in the order in which
//! they were sent.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::StoreAccountId;
use domain::store_account::{Link, StoreAccount, StoreAccountCommand};
use domain::tenant::Tenant;
use futures::StreamExt;
use metrics::{counter, gauge};
use platform::shutdown::pause;
use store::effects::failed;
use store::unit_of_work::{Cause, UnitOfWork};
use store::{ledger, load};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::inbox::{self, Taken};
use super::parse::{self, Parsed};
use super::settle::{self, Names};
use super::{accounts, cause, reconcile, user_id};
use crate::WriteSide;
use crate::error::CommandError;

/// Events that a process takes at once, and customers that it works on at one time.
const BATCH: i64 = 64;
const IN_FLIGHT: usize = 8;
/// How often a process looks for new ones.
const POLL: Duration = Duration::from_millis(250);
/// How long an event is left to the process that took it.
const LEASE: TimeDelta = TimeDelta::minutes(2);
/// Time before one that failed is tried again: doubled from the first to the last.
const RETRY_FIRST: TimeDelta = TimeDelta::seconds(2);
const RETRY_DOUBLINGS_MAX: u32 = 10;
/// Looks between two times that old bodies are forgotten.
const PRUNE_EVERY: u32 = 14_400;

/// Works on events until `stop`. Any number of processes may do so at one time.
pub async fn run(write: WriteSide, stop: CancellationToken) {
    let mut looks: u32 = 0;
    loop {
        let done = work(&write).await;
        if let Err(error) = &done {
            tracing::warn!(%error, "events of stores wait; trying again");
        }
        if looks.is_multiple_of(PRUNE_EVERY)
            && let Err(error) = prune(&write).await
        {
            tracing::warn!(%error, "old bodies of store events stay for now");
        }
        looks = looks.wrapping_add(1);
        let more = done.is_ok_and(|done| done > 0);
        if stop.is_cancelled() || (!more && !pause(POLL, &stop).await) {
            return;
        }
    }
}

/// Takes what waits, up to a batch, and works on it. Answers how many events it took.
///
/// # Errors
/// The database fails.
pub async fn work(write: &WriteSide) -> Result<usize, CommandError> {
    let now = write.clock.now();
    let mut connection = write.pool.acquire().await?;
    let (waiting, broken, since) = inbox::figures(&mut connection).await?;
    let figure = |count: i64| i32::try_from(count).map_or(f64::from(i32::MAX), f64::from);
    gauge!("stentor_store_events_waiting").set(figure(waiting));
    gauge!("stentor_store_events_broken").set(figure(broken));
    let late = since.map_or(TimeDelta::zero(), |since| now - since);
    gauge!("stentor_store_events_late_seconds").set(late.as_seconds_f64());
    if waiting == 0 {
        return Ok(0);
    }
    let taken = inbox::take(&mut connection, now, now + LEASE, BATCH).await?;
    drop(connection);
    let events = taken.len();
    let mut customers: BTreeMap<Uuid, Vec<Taken>> = BTreeMap::new();
    for event in taken {
        customers.entry(event.subject_id).or_default().push(event);
    }
    futures::stream::iter(customers.into_values())
        .for_each_concurrent(IN_FLIGHT, async |events| {
            for event in events {
                settle(write, &event).await;
            }
        })
        .await;
    Ok(events)
}

async fn settle(write: &WriteSide, event: &Taken) {
    let outcome = process(write, event).await;
    let told = if outcome.is_ok() { "done" } else { "failed" };
    counter!("stentor_store_events_total", "outcome" => told).increment(1);
    if let Err(error) = outcome {
        tracing::warn!(event = event.event_id, attempts = event.attempts, %error, "an event of a store waits");
        let doublings = u32::try_from(event.attempts - 1)
            .unwrap_or(0)
            .min(RETRY_DOUBLINGS_MAX);
        let next_at = write.clock.now() + RETRY_FIRST * (1 << doublings);
        let put_off = async {
            let mut connection = write.pool.acquire().await?;
            inbox::put_off(&mut connection, event.inbox_id, next_at, &error.to_string()).await
        };
        if let Err(error) = put_off.await {
            tracing::warn!(event = event.event_id, %error, "it will be taken again when its lease has ended");
        }
    }
}

async fn process(write: &WriteSide, event: &Taken) -> Result<(), CommandError> {
    let Some(parsed) = read(write, event).await? else {
        // Whom it is of was erased before it was worked on.
        let mut connection = write.pool.acquire().await?;
        return Ok(inbox::done(&mut connection, event.inbox_id).await?);
    };
    let names = seal_names(write, &parsed).await?;
    let cause = cause(
        write,
        &format!("store event {} {}", event.event_id, event.replays),
    );
    let cause = Cause {
        happened_at: happened_at(write, &parsed, cause.at).await?,
        ..cause
    };
    let new = StoreAccountId(Uuid::now_v7());
    let inbox_id = event.inbox_id;
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let fact = &parsed.fact;
        let users = fact.users.iter().chain(&fact.taken_from).copied().collect();
        let account_id = accounts::of_users(write, unit, &users, new).await?;
        let account: StoreAccount = unit.load(&account_id.to_string()).await?;
        let candidates = parsed.tenants();
        let further = candidates.iter().map(|(_, tenant_id)| *tenant_id);
        let known = settle::known(write, unit, &account, further).await?;
        let homes = known.homes.clone();
        let links = candidates
            .iter()
            .filter(|(_, tenant_id)| homes.contains_key(tenant_id));
        let command = StoreAccountCommand::Take {
            fact: Box::new(fact.clone()),
            links: links
                .map(|(user, tenant_id)| Link {
                    user: *user,
                    tenant_id: *tenant_id,
                    said_at: None,
                })
                .collect(),
            known,
        };
        settle::execute(unit, account_id, &names, &homes, command).await?;
        reconcile::after_event(write, unit, account_id);
        unit.effect(Box::new(move |connection| {
            Box::pin(async move { inbox::done(connection, inbox_id).await.map_err(failed) })
        }));
        Ok(())
    };
    let done = write.bus.run(&cause, decide).await?;
    if done.replayed {
        // It was carried out, and the row was not marked: only a restored table is so.
        let mut connection = write.pool.acquire().await?;
        inbox::done(&mut connection, inbox_id).await?;
    }
    Ok(())
}

/// When an event happened, where that was before now. Nothing happens to the books of a reseller before they were
/// opened, whatever the clock of a sender says.
async fn happened_at(
    write: &WriteSide,
    parsed: &Parsed,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, CommandError> {
    let at = parsed.fact.at;
    if at >= now {
        return Ok(None);
    }
    let users = parsed.fact.users.iter().chain(&parsed.fact.taken_from);
    let mut tenants = accounts::tenants_of(write, users.copied()).await?;
    tenants.extend(parsed.tenants().into_iter().map(|(_, tenant_id)| tenant_id));
    let mut connection = write.pool.acquire().await?;
    for tenant_id in tenants {
        let tenant = load::load::<Tenant>(&mut connection, &tenant_id.to_string())
            .await?
            .state;
        let Some(reseller_id) = tenant.reseller_id() else {
            continue;
        };
        let opened = ledger::opened_at(&mut connection, &reseller_id.to_string()).await?;
        if opened.is_none_or(|opened| at < opened) {
            return Ok(None);
        }
    }
    Ok(Some(at))
}

/// `None` where the body cannot be opened any more.
async fn read(write: &WriteSide, event: &Taken) -> Result<Option<Parsed>, CommandError> {
    let Some(sealed) = &event.body else {
        return Ok(None);
    };
    let mut connection = write.pool.acquire().await?;
    let body = write
        .vault
        .open_bytes(&mut connection, event.subject_id, sealed)
        .await?;
    let Some(body) = body else {
        return Ok(None);
    };
    let head = parse::head(&body).map_err(CommandError::internal)?;
    Ok(Some(parse::fact(&head, &body, event.received_at, |name| {
        user_id(&write.vault, name, head.sandbox)
    })))
}

async fn seal_names(write: &WriteSide, parsed: &Parsed) -> Result<Names, CommandError> {
    let mut connection = write.pool.acquire().await?;
    let mut names = Names::new();
    for (user, name) in &parsed.names {
        let sealed = write
            .vault
            .seal_bytes(&mut connection, user.0, name.as_bytes())
            .await?;
        names.insert(*user, sealed);
    }
    Ok(names)
}

async fn prune(write: &WriteSide) -> Result<(), CommandError> {
    let before = write.clock.now() - TimeDelta::days(write.config.revenuecat.raw_days.into());
    let mut connection = write.pool.acquire().await?;
    let forgotten = inbox::prune(&mut connection, before).await?;
    if forgotten > 0 {
        tracing::info!(forgotten, "old bodies of store events are forgotten");
    }
    Ok(())
}
