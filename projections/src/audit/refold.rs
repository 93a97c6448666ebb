//! Folds the log from its first event into the audit's own tables.

use sqlx::{Connection, PgConnection};
use store::vault::Vault;
use store::{Position, feed};

use super::log::CreditSums;
use super::{AuditError, Subject, Tell};
use crate::fold::{BATCH_EVENTS_MAX, write_into};
use crate::projection::ProjectionError;

/// Folds up to each subject's checkpoint. Returns how many events were read.
///
/// Transactions are short: as writers they hold back the feed of everybody.
pub(super) async fn refold(
    connection: &mut PgConnection,
    scratch: &str,
    subjects: &mut [Subject],
    vault: &Vault,
    credits: &mut CreditSums,
    progress: Tell<'_>,
) -> Result<u64, AuditError> {
    let until = subjects
        .iter()
        .map(|subject| subject.checkpoint)
        .max()
        .unwrap_or_default();
    let mut after = Position::START;
    let mut events = 0;
    while after < until {
        let mut batch = feed::read(connection, after, BATCH_EVENTS_MAX)
            .await
            .map_err(ProjectionError::from)?;
        batch.retain(|recorded| recorded.position <= until);
        let Some(last) = batch.last() else {
            break;
        };
        after = last.position;
        let mut transaction = connection.begin().await?;
        sqlx::query("SET LOCAL synchronous_commit = off")
            .execute(&mut *transaction)
            .await?;
        write_into(&mut transaction, scratch).await?;
        for recorded in &batch {
            events += 1;
            credits.add(recorded);
        }
        for subject in subjects.iter_mut() {
            // In order, so what a subject includes is the beginning of the batch.
            let included = batch.partition_point(|recorded| recorded.position <= subject.checkpoint);
            let (included, _) = batch.split_at_checked(included).unwrap_or((&batch, &[]));
            // What was put aside stands in no live table either.
            for run in included.split(|recorded| subject.parked.contains(&recorded.position)) {
                subject.model.fold_batch(&mut transaction, run, vault).await?;
            }
            subject.events += u64::try_from(included.len()).unwrap_or(u64::MAX);
        }
        transaction.commit().await?;
        progress(
            events,
            u64::try_from(until.position).unwrap_or_default().max(events),
        );
    }
    Ok(events)
}
