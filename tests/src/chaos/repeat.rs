//! Sends commands again under their keys, in calm, and compares the answers.

use commands::bus::Bus;
use domain::personal::Sealed;
use futures::{StreamExt, stream};
use sqlx::PgConnection;
use store::database::DatabaseRole;
use store::wake::Wake;

use super::Run;
use super::check::{self, Again};
use super::record::{Entry, Record};
use super::verdict::Verdict;

const IN_FLIGHT: usize = 8;

/// Repeats at most `most` commands, as one more writer.
///
/// # Errors
/// The database cannot be reached, or the record cannot be written.
pub async fn all(
    run: &Run,
    connection: &mut PgConnection,
    most: i64,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    let record = Record::open(&run.file("writer"))?;
    let pool = run.pool(DatabaseRole::Commands, 8).await;
    let contact = run.contact(&pool).await?;
    let bus = Bus::new(pool.clone(), Wake::local());
    let again = check::again(connection, run.seed, most).await?;
    let (mut same, mut late) = (0, 0);
    let mut answers = stream::iter(again)
        .map(|again| one(&bus, &contact, &record, again))
        .buffer_unordered(IN_FLIGHT);
    while let Some(answer) = answers.next().await {
        match answer? {
            Answer::Same => same += 1,
            Answer::Late => late += 1,
            Answer::Fault(fault) => verdict.faults.push(fault),
        }
    }
    drop(answers);
    pool.close().await;
    verdict.count("commands repeated that got the same answer", same);
    verdict.count("commands repeated that had had no answer", late);
    Ok(())
}

enum Answer {
    Same,
    /// There was none to compare with.
    Late,
    Fault(String),
}

async fn one(bus: &Bus, contact: &Sealed, record: &Record, again: Again) -> anyhow::Result<Answer> {
    let Again { work, answered } = again;
    let done = match work.carry_out(bus, contact).await {
        Ok(done) => done,
        Err(error) => return Ok(Answer::Fault(format!("{work:?}, repeated in calm, gets {error}"))),
    };
    let (position, outcome) = (done.position, done.value);
    Ok(match answered {
        Some(first) if done.replayed && first == (position, outcome) => Answer::Same,
        Some(first) => Answer::Fault(format!(
            "{work:?} was answered {first:?}, its repeat {:?}",
            (position, outcome, done.replayed)
        )),
        None => {
            let (lane, number) = (work.lane, work.number);
            record
                .put(&Entry::Answered {
                    lane,
                    number,
                    position,
                    outcome,
                })
                .await?;
            Answer::Late
        }
    })
}
