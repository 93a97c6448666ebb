//! Payout runs: drafted from the log itself, approved by somebody else, paid, and made again at any time.

mod folded;

use std::collections::BTreeSet;

use domain::contract::Contracts;
use domain::payout::{Due, Head, PayoutCommand, PayoutError, Payouts, Statement, TermsOfRun};
use domain::reseller::Reseller;
use serde::{Deserialize, Serialize};
use store::unit_of_work::{Actor, Cause, Owner, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::error::CommandError;

pub use folded::{Regenerated, regenerate};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Drafted {
    pub run_id: Uuid,
    pub statements: u32,
    /// All that is paid out once the run is paid.
    pub payout_minor: i64,
}

/// Drafts a run: every line that has matured and was in no run before, and what earlier runs left.
///
/// # Errors
/// A run of the currency is open, the terms break a rule, or nothing is due.
pub async fn draft(
    write: &WriteSide,
    cause: &Cause,
    terms: &TermsOfRun,
) -> Result<Done<Drafted>, CommandError> {
    let run_id = Uuid::now_v7();
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let payouts = unit.load::<Payouts>(&terms.currency).await?;
        payouts
            .ensure_drafts(terms, cause.at)
            .map_err(|refusal| CommandError::refused(&refusal))?;
        let (facts, mut lines) = folded::matured(write, terms, &payouts).await?;
        let resellers: BTreeSet<_> = lines.keys().chain(payouts.carried().keys()).copied().collect();
        let mut statements: Vec<Head> = Vec::with_capacity(resellers.len());
        for reseller_id in resellers {
            let id = reseller_id.to_string();
            let name = unit.load::<Reseller>(&id).await?.profile().name.clone();
            let contracts = unit.load::<Contracts>(&id).await?;
            let due = Due {
                run_id,
                run: payouts.next_number(),
                reseller_id,
                reseller_name: &name,
                opening_minor: payouts.carried().get(&reseller_id).copied().unwrap_or_default(),
                contract_minimum_minor: contracts.payout_minimum(&terms.currency, terms.cutoff),
            };
            let lines = lines.remove(&reseller_id).unwrap_or_default();
            statements.push(Statement::of(terms, &due, lines).head());
        }
        let drafted = Drafted {
            run_id,
            statements: u32::try_from(statements.len()).unwrap_or(u32::MAX),
            payout_minor: statements.iter().map(|head| head.payout_minor).sum(),
        };
        let command = PayoutCommand::Draft {
            run_id,
            terms: terms.clone(),
            facts,
            statements,
            by: cause.actor.as_ref().and_then(Actor::user),
            at: cause.at,
        };
        unit.execute::<Payouts>(Owner::PLATFORM, &terms.currency, command)
            .await?;
        Ok(drafted)
    };
    write.bus.run(cause, decide).await
}

/// Approves a run. Where the setting `payouts.four_eyes` is on, not by who drafted it.
///
/// # Errors
/// There is no such run, it is not waiting for it, or the asker drafted it.
pub async fn approve(
    write: &WriteSide,
    cause: &Cause,
    currency: &str,
    run_id: Uuid,
) -> Result<Done<()>, CommandError> {
    let command = PayoutCommand::Approve {
        run_id,
        by: cause.actor.as_ref().and_then(Actor::user),
        four_eyes: write.config.payouts.four_eyes,
    };
    change(write, cause, currency, command).await
}

/// Pays a run, or cancels it.
///
/// # Errors
/// There is no such run, or it is not waiting for it.
pub async fn change(
    write: &WriteSide,
    cause: &Cause,
    currency: &str,
    command: PayoutCommand,
) -> Result<Done<()>, CommandError> {
    if !domain::credits::is_currency(currency) {
        return Err(CommandError::refused(&PayoutError::PayoutRunNotFound));
    }
    let decide = async |unit: &mut UnitOfWork<'_>| {
        unit.execute::<Payouts>(Owner::PLATFORM, currency, command.clone())
            .await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}
