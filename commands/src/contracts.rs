//! Use cases around a reseller's contracts: agreeing on terms, ending them, charging a month's fees.

use chrono::{DateTime, Utc};
use domain::contract::{ContractCommand, ContractKind, Contracts, Terms};
use domain::ids::ResellerId;
use domain::period::Period;
use domain::reseller::Reseller;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use store::unit_of_work::{Cause, Owner, UnitOfWork};

use crate::WriteSide;
use crate::bus::Done;
use crate::error::CommandError;

/// Agrees on new terms; answers their version.
///
/// # Errors
/// There is no such reseller, a term breaks a rule, or a gap or an overlap would follow.
pub async fn agree(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    terms: Terms,
) -> Result<Done<u32>, CommandError> {
    let command = ContractCommand::Agree {
        from: from.unwrap_or(cause.at),
        to,
        terms,
    };
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let contracts = execute(unit, reseller_id, command.clone()).await?;
        let last = contracts.versions().last().map(|version| version.version);
        last.ok_or_else(|| CommandError::internal("a contract that was just agreed is not there"))
    };
    write.bus.run(cause, decide).await
}

/// Ends the last version of a kind; from now on where no instant is given.
///
/// # Errors
/// There is no such reseller or contract, or it has ended already.
pub async fn end(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    kind: ContractKind,
    to: Option<DateTime<Utc>>,
) -> Result<Done<()>, CommandError> {
    let command = ContractCommand::End {
        kind,
        to: to.unwrap_or(cause.at),
    };
    let decide = async |unit: &mut UnitOfWork<'_>| {
        execute(unit, reseller_id, command.clone()).await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Charged {
    /// Customers that had access in the month.
    pub customers: u32,
}

/// Charges what a wholesale contract says of a month: its fee, and one for each customer that had access in it. A
/// charged month stays as it is.
///
/// # Errors
/// There is no such reseller, no fees are agreed, or the month is not over.
pub async fn charge_fees(
    write: &WriteSide,
    cause: &Cause,
    reseller_id: ResellerId,
    month: Period,
) -> Result<Done<Charged>, CommandError> {
    let customers = {
        let mut connection = write.pool.acquire().await?;
        customers_with_access(&mut connection, reseller_id, month).await?
    };
    let command = ContractCommand::ChargeFees {
        month,
        customers,
        at: cause.at,
    };
    let decide = async |unit: &mut UnitOfWork<'_>| {
        execute(unit, reseller_id, command.clone()).await?;
        Ok(Charged { customers })
    };
    write.bus.run(cause, decide).await
}

async fn execute(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
    command: ContractCommand,
) -> Result<Contracts, CommandError> {
    let id = reseller_id.to_string();
    let reseller = unit.load::<Reseller>(&id).await?;
    reseller
        .ensure_registered()
        .map_err(|refusal| CommandError::refused(&refusal))?;
    Ok(unit
        .execute::<Contracts>(Owner::reseller(reseller_id), &id, command)
        .await?)
}

/// Customers of the reseller that were granted access for any part of a month. From the log: the write side knows
/// no read table.
async fn customers_with_access(
    connection: &mut PgConnection,
    reseller_id: ResellerId,
    month: Period,
) -> Result<u32, CommandError> {
    let begin = month.first_day().and_time(chrono::NaiveTime::MIN).and_utc();
    let customers: i64 = sqlx::query_scalar(
        "SELECT count(DISTINCT e.aggregate_id) FROM es.events e
         WHERE e.aggregate_type = 'subscription' AND e.event_type = 'AccessGranted'
           AND e.metadata->>'reseller_id' = $1
           AND (e.payload->'AccessGranted'->>'starts_at')::timestamptz < $3
           AND (e.payload->'AccessGranted'->>'ends_at')::timestamptz > $2",
    )
    .bind(reseller_id.to_string())
    .bind(begin)
    .bind(month.end())
    .fetch_one(connection)
    .await?;
    Ok(u32::try_from(customers).unwrap_or(u32::MAX))
}
