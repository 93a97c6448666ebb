//! Use cases of the platform: what the products of stores mean, whose an id of a store is, and what is looked at
//! again.

use actix_web::http::StatusCode;
use domain::ids::{StoreAccountId, TenantId};
use domain::store_account::{Link, StoreAccount, StoreAccountCommand};
use domain::store_catalogue::{STORE_CATALOGUE_ID, StoreCatalogue, StoreCatalogueCommand};
use domain::tenant::{Tenant, TenantError};
use domain::tier_list::{TIER_LIST_ID, TierList};
use serde_json::json;
use store::timers::{self, Timer, Waiting};
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use uuid::Uuid;

use super::inbox::{self, Which};
use super::settle::{self, Names};
use super::{accounts, user_id};
use crate::WriteSide;
use crate::bus::Done;
use crate::error::{CommandError, Problem};
use crate::timers::Handling;

/// Name of the timer that looks again at what waits: never changes.
pub const REASSESS: &str = "store_reassess";

/// Maps or retires a product. What waits for it is looked at again at once.
///
/// # Errors
/// A rule refuses it.
pub async fn change(
    write: &WriteSide,
    cause: &Cause,
    command: StoreCatalogueCommand,
) -> Result<Done<()>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        if let StoreCatalogueCommand::Map { mapping, at, .. } = &command {
            let tiers: TierList = unit.load(TIER_LIST_ID).await?;
            tiers
                .known(mapping.tier, *at)
                .map_err(|refusal| CommandError::refused(&refusal))?;
        }
        unit.execute::<StoreCatalogue>(Owner::PLATFORM, STORE_CATALOGUE_ID, command.clone())
            .await?;
        let timer = Timer {
            key: REASSESS.to_owned(),
            kind: REASSESS,
            due_at: cause.at,
            payload: json!({}),
        };
        timers::set(unit, timer);
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// The timer's handler.
pub fn reassess_when_due<'a>(write: &'a WriteSide, timer: &'a Waiting) -> Handling<'a> {
    Box::pin(async move {
        for account_id in accounts::that_wait(write).await? {
            let cause = crate::timers::cause(write, timer, &account_id.to_string());
            reassess(write, &cause, account_id).await?;
        }
        Ok(())
    })
}

async fn reassess(write: &WriteSide, cause: &Cause, account_id: StoreAccountId) -> Result<(), CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let account: StoreAccount = unit.load(&account_id.to_string()).await?;
        if account.closed_into().is_some() {
            return Ok(());
        }
        let known = settle::known(write, unit, &account, []).await?;
        let homes = known.homes.clone();
        let command = StoreAccountCommand::Reassess { known };
        settle::execute(unit, account_id, &Names::new(), &homes, command).await?;
        Ok(())
    };
    write.bus.run(cause, decide).await?;
    Ok(())
}

/// Says that an id of a store is a tenant. What waited for it takes effect with this append.
///
/// # Errors
/// There is no such tenant.
pub async fn link(
    write: &WriteSide,
    cause: &Cause,
    name: &str,
    sandbox: bool,
    tenant_id: TenantId,
) -> Result<Done<()>, CommandError> {
    let user = user_id(&write.vault, name, sandbox);
    let mut connection = write.pool.acquire().await?;
    let sealed = write
        .vault
        .seal_bytes(&mut connection, user.0, name.as_bytes())
        .await?;
    drop(connection);
    let names = Names::from([(user, sealed)]);
    let new = StoreAccountId(Uuid::now_v7());
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let tenant: Tenant = unit.load(&tenant_id.to_string()).await?;
        if tenant.reseller_id().is_none() {
            return Err(CommandError::refused(&TenantError::CustomerNotFound));
        }
        let account_id = accounts::of_users(write, unit, &[user].into(), new).await?;
        let account: StoreAccount = unit.load(&account_id.to_string()).await?;
        let known = settle::known(write, unit, &account, [tenant_id]).await?;
        let homes = known.homes.clone();
        let link = Link {
            user,
            tenant_id,
            said_at: Some(cause.at),
        };
        let command = StoreAccountCommand::Link { link, known };
        settle::execute(unit, account_id, &names, &homes, command).await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// Has events taken again: after an upgrade, or when a cause of failures is mended. What they have done is not done
/// again.
///
/// # Errors
/// There is none such, or it was kept for so long that its body is gone.
pub async fn replay(write: &WriteSide, which: &Which) -> Result<u64, CommandError> {
    let mut connection = write.pool.acquire().await?;
    let replayed = inbox::replay(&mut connection, which, write.clock.now()).await?;
    if let (Which::Event(_), 0) = (which, replayed) {
        let detail = "there is no such event of a store, or its body is no longer kept";
        return Err(Problem::new(StatusCode::NOT_FOUND, "STORE_EVENT_NOT_FOUND", detail).into());
    }
    Ok(replayed)
}
