//! Folds the log from its first event into the audit's own tables: one connection reads, several fold, each some of
//! the read models.

use std::sync::Arc;

use sqlx::{Connection, PgConnection, PgPool};
use store::vault::Vault;
use store::{Position, Recorded, feed};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::log::CreditSums;
use super::{AuditError, Stage, Subject, Tell};
use crate::projection::ProjectionError;

/// Events of one transaction. As a writer it holds back the feed of everybody, so it is short.
const BATCH_EVENTS: usize = 4_000;
/// Batches that wait for a folder.
const BATCHES_AHEAD: usize = 1;
/// More would only wait for processors.
const FOLDERS_MAX: u32 = 3;
/// Connections beside those of the folders: the snapshot, the lock against erasures, the reader.
const OTHER_CONNECTIONS: u32 = 3;

pub(super) struct Refolded {
    /// Events that were read.
    pub events: u64,
    pub subjects: Vec<Subject>,
    /// What is wrong with the log itself.
    pub faults: Vec<String>,
}

type Batch = Arc<Vec<Recorded>>;

/// Folds up to each subject's checkpoint.
pub(super) async fn refold(
    owner: &PgPool,
    scratch: &str,
    subjects: Vec<Subject>,
    vault: &Vault,
    progress: Tell<'_>,
) -> Result<Refolded, AuditError> {
    let until = subjects.iter().map(|subject| subject.checkpoint).max();
    let connections = owner.options().get_max_connections();
    let count = connections
        .saturating_sub(OTHER_CONNECTIONS)
        .clamp(1, FOLDERS_MAX);
    let mut groups: Vec<Vec<(usize, Subject)>> = (0..count).map(|_| Vec::new()).collect();
    for (number, subject) in subjects.into_iter().enumerate() {
        let turn = number % groups.len();
        if let Some(group) = groups.get_mut(turn) {
            group.push((number, subject));
        }
    }
    let mut folding = JoinSet::new();
    let mut folders = Vec::new();
    for subjects in groups {
        let (batches, taken) = mpsc::channel(BATCHES_AHEAD);
        folders.push(batches);
        let folder = Folder {
            pool: owner.clone(),
            begin: format!("BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL search_path = {scratch}"),
            vault: vault.clone(),
            subjects,
        };
        folding.spawn(folder.run(taken));
    }
    let mut credits = CreditSums::default();
    let read = hand_out(owner, until.unwrap_or_default(), &folders, &mut credits, progress).await;
    drop(folders);
    let mut subjects = Vec::new();
    while let Some(folded) = folding.join_next().await {
        subjects.extend(folded??);
    }
    subjects.sort_by_key(|(number, _)| *number);
    Ok(Refolded {
        events: read?,
        subjects: subjects.into_iter().map(|(_, subject)| subject).collect(),
        faults: credits.into_faults(),
    })
}

/// Gives each batch to all folders. Answers how many events there were; fewer where a folder has failed.
async fn hand_out(
    owner: &PgPool,
    until: Position,
    folders: &[mpsc::Sender<Batch>],
    credits: &mut CreditSums,
    progress: Tell<'_>,
) -> Result<u64, AuditError> {
    let mut events = 0;
    let total = u64::try_from(until.position).unwrap_or_default();
    let ahead = BATCH_EVENTS.div_ceil(feed::BATCH_EVENTS);
    let mut log = feed::stretch_ahead(owner, Position::START, ahead);
    while let Some(mut batch) = log
        .next_joined(BATCH_EVENTS)
        .await
        .map_err(ProjectionError::from)?
    {
        let is_last = batch.last().is_some_and(|last| last.position >= until);
        batch.retain(|recorded| recorded.position <= until);
        for recorded in &batch {
            credits.add(recorded);
        }
        events += u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let batch = Arc::new(batch);
        for folder in folders {
            if folder.send(Arc::clone(&batch)).await.is_err() {
                return Ok(events);
            }
        }
        progress(Stage::Fold, events, total.max(events));
        if is_last {
            break;
        }
    }
    Ok(events)
}

struct Folder {
    pool: PgPool,
    begin: String,
    vault: Vault,
    /// With their places among all subjects.
    subjects: Vec<(usize, Subject)>,
}

impl Folder {
    async fn run(mut self, mut batches: mpsc::Receiver<Batch>) -> Result<Vec<(usize, Subject)>, AuditError> {
        let mut connection = self.pool.acquire().await?;
        while let Some(batch) = batches.recv().await {
            let mut transaction = connection.begin_with(self.begin.clone()).await?;
            for (_, subject) in &mut self.subjects {
                subject.fold(&mut transaction, &batch, &self.vault).await?;
            }
            transaction.commit().await?;
        }
        Ok(self.subjects)
    }
}

impl Subject {
    async fn fold(
        &mut self,
        connection: &mut PgConnection,
        batch: &[Recorded],
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        // In order, so what a subject includes is the beginning of the batch.
        let included = batch.partition_point(|recorded| recorded.position <= self.checkpoint);
        let (included, _) = batch.split_at_checked(included).unwrap_or((batch, &[]));
        // What was put aside stands in no live table either.
        for run in included.split(|recorded| self.parked.contains(&recorded.position)) {
            self.model.fold_batch(connection, run, vault).await?;
        }
        self.events += u64::try_from(included.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}
