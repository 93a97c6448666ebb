//! What a row comes to: by itself, or after all those before it in one unit of work.

use std::collections::HashSet;

use domain::bulk::{BulkMode, BulkOutcome};
use domain::ids::TenantId;
use domain::tenant::TenantCommand;
use platform::Scope;
use serde::{Deserialize, Serialize};
use store::append;
use store::effects::failed;
use store::unit_of_work::{Cause, UnitOfWork};
use uuid::Uuid;

use super::{opened, prepared, row_cause};
use crate::WriteSide;
use crate::bulk::list::{self, Ended, Listed, RowDone};
use crate::bulk::row::{Refused, Row};
use crate::customer_life;
use crate::customers::{self, FirstAccess, NewCustomer};
use crate::error::{CommandError, Problem};
use crate::people::{EMAIL_CLAIM, EMAIL_TAKEN, NewUser};

/// Rows of a dry run that are told one by one.
const TOLD_MAX: usize = 1_000;
/// Code of a row that was not carried out because another one was refused.
const NOT_DONE: &str = "ANOTHER_ROW_REFUSED";

/// A row with what it needs before it is decided.
pub struct Prepared {
    pub row: Row,
    user: Option<NewUser>,
    /// Of a customer that the row creates.
    tenant_id: TenantId,
}

impl Prepared {
    pub(super) fn with_user(row: Row, user: NewUser) -> Self {
        Self {
            row,
            user: Some(user),
            // Of a row that is carried out again it is another one: the receipt of the first time overrules it.
            tenant_id: TenantId(Uuid::now_v7()),
        }
    }

    pub(super) fn without_user(row: Row) -> Self {
        Self {
            row,
            user: None,
            tenant_id: TenantId(Uuid::now_v7()),
        }
    }
}

/// A refusal as the work list holds it.
///
/// # Errors
/// It is none: we have failed.
pub(super) fn refused(error: CommandError) -> Result<Refused, CommandError> {
    match error {
        CommandError::Problem(problem) => Ok(Refused {
            code: problem.code,
            message: problem.detail,
        }),
        error @ CommandError::Internal(_) => Err(error),
    }
}

/// Decides one row within a unit.
///
/// # Errors
/// As the command of its kind.
pub(super) async fn row(
    write: &WriteSide,
    unit: &mut UnitOfWork<'_>,
    cause: &Cause,
    bulk: &Listed,
    prepared: &Prepared,
) -> Result<RowDone, CommandError> {
    let reseller_id = bulk.reseller_id;
    let change = |reason: &str, suspend: bool| {
        let reason = reason.to_owned();
        if suspend {
            TenantCommand::Suspend { reason }
        } else {
            TenantCommand::Resume { reason }
        }
    };
    match (&prepared.row, &prepared.user) {
        (Row::Create { name, tier, days, .. }, Some(first_user)) => {
            let customer = NewCustomer {
                tenant_id: prepared.tenant_id,
                name,
                tier: *tier,
                access: FirstAccess::Paid { days: *days },
                first_user,
            };
            let created = customers::create_in(unit, cause, reseller_id, &customer).await?;
            Ok(RowDone {
                customer_id: created.tenant_id,
                user_id: Some(created.user_id),
                debited: Some(created.debited),
                expires_at: Some(created.expires_at),
            })
        }
        (Row::Create { .. }, None) => Err(CommandError::internal("a row lacks its user")),
        (Row::Extend { customer_id, days }, _) => {
            let extended = customers::extend_in(write, unit, cause, reseller_id, *customer_id, *days).await?;
            Ok(RowDone {
                customer_id: customer_id.0,
                user_id: None,
                debited: Some(extended.debited),
                expires_at: Some(extended.expires_at),
            })
        }
        (Row::Suspend { customer_id, reason }, _) => {
            customers::change_in(unit, reseller_id, *customer_id, change(reason, true)).await?;
            Ok(only(*customer_id))
        }
        (Row::Resume { customer_id, reason }, _) => {
            customers::change_in(unit, reseller_id, *customer_id, change(reason, false)).await?;
            Ok(only(*customer_id))
        }
        (
            Row::Move {
                customer_id,
                to,
                reason,
            },
            _,
        ) => {
            let scope = if bulk.by_platform {
                Scope::Platform
            } else {
                Scope::Reseller(reseller_id)
            };
            customer_life::relocate_in(unit, scope, *customer_id, *to, reason).await?;
            Ok(only(*customer_id))
        }
    }
}

fn only(customer_id: TenantId) -> RowDone {
    RowDone {
        customer_id: customer_id.0,
        ..RowDone::default()
    }
}

/// What became of all rows.
#[derive(Default)]
pub struct Tally {
    rows: Vec<Ended>,
}

/// A row of a dry run.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToldRow {
    /// From 1; the header of a file is no row.
    row: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    debited: Option<i64>,
}

/// What would become of the rows.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    done: u32,
    failed: u32,
    debited: i64,
    /// The first 1,000: those that would be refused before the others.
    rows: Vec<ToldRow>,
}

impl Tally {
    fn is_clean(&self) -> bool {
        self.rows.iter().all(Result::is_ok)
    }

    /// As a person is told.
    pub fn told(&self, mode: BulkMode) -> Told {
        let nothing = mode == BulkMode::AllOrNothing && !self.is_clean();
        let done = self.rows.iter().flatten().filter(|_| !nothing);
        let failed = self.rows.iter().filter(|row| row.is_err()).count();
        let row = |(number, row): (u32, &Ended)| ToldRow {
            row: number,
            code: row.as_ref().err().map(|refused| refused.code.clone()),
            message: row.as_ref().err().map(|refused| refused.message.clone()),
            debited: row.as_ref().ok().and_then(|done| done.debited),
        };
        let numbered = || (1_u32..).zip(&self.rows);
        let first_refused = numbered().filter(|(_, row)| row.is_err());
        let then = numbered().filter(|(_, row)| row.is_ok());
        Told {
            done: u32::try_from(done.clone().count()).unwrap_or(u32::MAX),
            failed: u32::try_from(failed).unwrap_or(u32::MAX),
            debited: done.filter_map(|done| done.debited).sum(),
            rows: first_refused.chain(then).take(TOLD_MAX).map(row).collect(),
        }
    }
}

/// Decides rows in one unit, each on what those before it leave. A row that is refused leaves nothing; of a bulk that
/// is all or nothing no row does then.
///
/// # Errors
/// Something failed that is no refusal.
pub async fn rows(
    write: &WriteSide,
    unit: &mut UnitOfWork<'_>,
    cause: &Cause,
    bulk: &Listed,
    rows: &[Result<Prepared, Refused>],
) -> Result<Tally, CommandError> {
    let taken = taken(write, rows).await?;
    let mut seen = HashSet::new();
    let mut tally = Tally::default();
    let all = unit.mark();
    for prepared in rows {
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(refused) => {
                tally.rows.push(Err(refused.clone()));
                continue;
            }
        };
        let digest = prepared.user.as_ref().map(NewUser::email_digest);
        if digest.is_some_and(|digest| taken.contains(digest) || !seen.insert(digest.to_vec())) {
            tally.rows.push(Err(email_taken()));
            continue;
        }
        let before = unit.mark();
        tally
            .rows
            .push(match row(write, unit, cause, bulk, prepared).await {
                Ok(done) => Ok(done),
                Err(error) => {
                    unit.back_to(before);
                    Err(refused(error)?)
                }
            });
    }
    if bulk.mode == BulkMode::AllOrNothing && !tally.is_clean() {
        unit.back_to(all);
    }
    Ok(tally)
}

/// Addresses that somebody has.
async fn taken(
    write: &WriteSide,
    rows: &[Result<Prepared, Refused>],
) -> Result<HashSet<Vec<u8>>, CommandError> {
    let users = rows
        .iter()
        .flatten()
        .filter_map(|prepared| prepared.user.as_ref());
    let digests: Vec<Vec<u8>> = users.map(|user| user.email_digest().to_vec()).collect();
    if digests.is_empty() {
        return Ok(HashSet::new());
    }
    let mut connection = write.pool.acquire().await?;
    Ok(append::held(&mut connection, EMAIL_CLAIM, &digests).await?)
}

/// Refuses the rows whose address somebody has, before they are decided: the append would refuse them one after the
/// other, each with all that build on it. Whoever takes one meanwhile is still found there.
pub(super) async fn with_free_addresses(
    write: &WriteSide,
    mut rows: Vec<Result<Prepared, Refused>>,
) -> Result<Vec<Result<Prepared, Refused>>, CommandError> {
    let taken = taken(write, &rows).await?;
    for row in &mut rows {
        let user = row.as_ref().ok().and_then(|prepared| prepared.user.as_ref());
        if user.is_some_and(|user| taken.contains(user.email_digest())) {
            *row = Err(email_taken());
        }
    }
    Ok(rows)
}

fn email_taken() -> Refused {
    Refused {
        code: EMAIL_TAKEN.to_owned(),
        message: "this e-mail address belongs to another user: use another one".to_owned(),
    }
}

/// Carries all rows out by one append, or none.
///
/// # Errors
/// Something failed that is no refusal: nothing was stored, or it will be known when this is tried again.
pub(super) async fn at_once(write: &WriteSide, bulk: &Listed) -> Result<BulkOutcome, CommandError> {
    let mut connection = write.pool.acquire().await?;
    if list::is_cancelled(&mut connection, bulk.bulk_id).await? {
        return Ok(BulkOutcome::Cancelled);
    }
    let waiting = list::waiting(&mut connection, bulk.bulk_id, i64::MAX).await?;
    let (_, refused_when_read) = list::counted(&mut connection, bulk.bulk_id).await?;
    let numbered = opened(write, &mut connection, bulk, waiting).await?;
    drop(connection);
    let (numbers, parsed): (Vec<_>, Vec<_>) = numbered.into_iter().unzip();
    let prepared = prepared(write, &parsed).await?;
    let cause = row_cause(write, bulk, "all", &[]);
    let bulk_id = bulk.bulk_id;
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let start = unit.mark();
        let tally = rows(write, unit, &cause, bulk, &prepared).await?;
        let clean = tally.is_clean() && refused_when_read == 0;
        let ended: Vec<_> = numbers.iter().copied().zip(tally.rows).collect();
        let ended = if clean { ended } else { not_done(ended) };
        if !clean {
            if unit.is_cached() {
                // What memory refuses the log may allow: a refusal has all of it decided once more, on the log.
                return Err(Problem::invalid("a row is refused").into());
            }
            unit.back_to(start);
        }
        // With the events, or, where a row was refused, instead of them.
        unit.effect(Box::new(move |connection| {
            Box::pin(async move { list::end_rows(connection, bulk_id, &ended).await.map_err(failed) })
        }));
        Ok(clean)
    };
    let done = write.bus.run(&cause, decide).await?;
    Ok(if done.value {
        BulkOutcome::Completed
    } else {
        BulkOutcome::NothingDone
    })
}

/// What would have been done was not, because of others.
fn not_done(rows: Vec<(i32, Ended)>) -> Vec<(i32, Ended)> {
    let because = || Refused {
        code: NOT_DONE.to_owned(),
        message: "not carried out, because another row was refused and the bulk is all or nothing".to_owned(),
    };
    let left = rows.into_iter().map(|(number, ended)| match ended {
        Ok(_) => (number, Err(because())),
        Err(refused) => (number, Err(refused)),
    });
    left.collect()
}
