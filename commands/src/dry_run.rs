//! A dry run: a command goes its whole way, to the append and what is stored with it, on connections that keep
//! nothing. What it would have appended is noted on the way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::http::StatusCode;
use domain::AnyEvent;
use domain::any_event::DecodeError;
use domain::ids::ResellerId;
use domain::ledger::{Entry, entry, money};
use serde::Serialize;
use serde_json::Value;
use store::append::NewEvent;
use store::vault::Notes;
use uuid::Uuid;

use crate::WriteSide;
use crate::error::{CommandError, Problem};

/// Events that are shown.
const EVENTS_SHOWN_MAX: usize = 1_000;
/// What stands for a personal field that the command did not bring along.
const SEALED: &str = "(sealed)";

/// What one command of a dry run came to. Clones share it.
#[derive(Clone, Default)]
pub struct Trial(Arc<Mutex<Option<Tried>>>);

#[derive(Clone)]
pub enum Tried {
    /// It would append these.
    Events(Vec<NewEvent>),
    /// It was carried out before.
    Repeats,
}

impl Trial {
    fn noted(&self) -> MutexGuard<'_, Option<Tried>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// Something was appended already, which a second step would not find.
    pub(crate) fn ensure_first(&self) -> Result<(), CommandError> {
        if self.noted().is_none() {
            return Ok(());
        }
        Err(
            unsupported("it has several steps, and each would have to find what the one before has stored")
                .into(),
        )
    }

    pub(crate) fn note(&self, tried: Tried) {
        *self.noted() = Some(tried);
    }

    /// `None` where no command was carried out.
    pub fn tried(&self) -> Option<Tried> {
        self.noted().clone()
    }
}

/// The write side for one dry run, with what it notes.
pub fn rehearsal(write: &WriteSide) -> (WriteSide, Trial, Notes) {
    let (trial, notes) = (Trial::default(), Notes::default());
    let pool = write.keeping_nothing.clone();
    let rehearsal = WriteSide {
        bus: write.bus.trying(pool.clone(), trial.clone()),
        vault: write.vault.noting(notes.clone()),
        pool,
        ..write.clone()
    };
    (rehearsal, trial, notes)
}

/// An event that would be appended.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WouldAppend {
    aggregate_type: &'static str,
    /// Of something new, another one than the command itself will give.
    aggregate_id: String,
    event_type: String,
    /// Personal fields that came with the command are readable, others are not.
    payload: Value,
}

/// What an account of the ledger would take. Debits are positive, credits negative; all sum to zero by unit.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WouldPost {
    reseller_id: Uuid,
    /// As the trial balance calls it.
    account: &'static str,
    /// `credits`, or a currency.
    unit: String,
    /// Credits, or minor units of the currency.
    amount: i64,
}

/// The first events, as they are shown.
pub fn shown(events: &[NewEvent], notes: &Notes) -> Vec<WouldAppend> {
    let shown = events.iter().take(EVENTS_SHOWN_MAX).map(|event| WouldAppend {
        aggregate_type: event.aggregate_type,
        aggregate_id: event.aggregate_id.clone(),
        event_type: event.event_type.clone(),
        payload: readable(event.payload.clone(), notes),
    });
    shown.collect()
}

/// Puts what was sealed in the place of what it was sealed to.
fn readable(value: Value, notes: &Notes) -> Value {
    match value {
        Value::Object(fields) => {
            if let Some(text) = sealed(&fields) {
                return Value::String(notes.opened(text).unwrap_or_else(|| SEALED.to_owned()));
            }
            let fields = fields.into_iter();
            Value::Object(
                fields
                    .map(|(name, value)| (name, readable(value, notes)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| readable(item, notes)).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// The ciphertext, where the object is a [`domain::personal::Sealed`].
fn sealed(fields: &serde_json::Map<String, Value>) -> Option<&str> {
    let text = fields.get("text")?.as_str()?;
    (fields.len() == 2 && fields.get("subject")?.is_string()).then_some(text)
}

/// What the events would move, summed by account.
///
/// # Errors
/// An event cannot be read again.
pub fn postings(events: &[NewEvent]) -> Result<Vec<WouldPost>, CommandError> {
    let mut sums: BTreeMap<(Uuid, &'static str, String), i64> = BTreeMap::new();
    for event in events {
        let payload = serde_json::to_vec(&event.payload)?;
        let (kind, version) = (&event.event_type, &event.event_version);
        let decoded = AnyEvent::decode(event.aggregate_type, kind, version, &payload)
            .map_err(|error: DecodeError| CommandError::internal(error))?;
        let stream = event.aggregate_id.parse().ok().map(ResellerId);
        let shares = match (&decoded, stream) {
            (AnyEvent::CreditAccount(event), Some(reseller_id)) => match entry(event) {
                Entry::Movement { lines, .. } => lines.into_iter().map(|line| (reseller_id, line)).collect(),
                Entry::Opening | Entry::CreditLine(_) | Entry::Nothing => Vec::new(),
            },
            (other, stream) => money(other, stream),
        };
        for (reseller_id, line) in shares {
            for posting in line.postings() {
                let sum = sums
                    .entry((reseller_id.0, posting.account.into(), posting.unit.to_owned()))
                    .or_default();
                *sum = sum.saturating_add(posting.amount);
            }
        }
    }
    let posted = sums
        .into_iter()
        .map(|((reseller_id, account, unit), amount)| WouldPost {
            reseller_id,
            account,
            unit,
            amount,
        });
    Ok(posted.collect())
}

/// The refusal of a dry run of what cannot be tried.
pub fn unsupported(because: &str) -> Problem {
    let detail = format!("this cannot be tried by a dry run: {because}; send it without the header Dry-Run");
    Problem::new(StatusCode::BAD_REQUEST, "DRY_RUN_UNSUPPORTED", detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_that_the_command_did_not_bring_stay_sealed() {
        let payload = json!({"Registered": [{"name": {"subject": "x", "text": "c2VhbGVk"}, "rate": 3, "text": "plain"}]});
        let shown = json!({"Registered": [{"name": SEALED, "rate": 3, "text": "plain"}]});
        assert_eq!(readable(payload, &Notes::default()), shown);
    }

    #[test]
    fn a_second_step_is_refused() {
        let trial = Trial::default();
        trial.ensure_first().unwrap();
        assert!(trial.tried().is_none());
        trial.note(Tried::Events(Vec::new()));
        assert!(
            trial
                .ensure_first()
                .unwrap_err()
                .to_string()
                .contains("several steps")
        );
    }
}
