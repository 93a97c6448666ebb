//! Lifts stored events of older versions to today's, one version at a time.
//!
//! An event's present version is one more than the last step from it. Whoever raises it adds the step here and a
//! golden file of the new version; what was stored before is never touched.

use serde_json::Value;

/// Turns the payload of one version of an event into that of the next one.
pub struct Step {
    pub aggregate_type: &'static str,
    pub event_type: &'static str,
    /// The version that it reads.
    pub from: u32,
    /// `None` where the payload is not of that version. It gets the whole payload, with the event's name around
    /// the fields, and has to give every payload of that version the meaning that it had.
    pub lift: fn(Value) -> Option<Value>,
}

/// Every step there ever was. None is changed or removed: somewhere a log needs it.
pub const STEPS: &[Step] = &[];

/// Why a payload could not be lifted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpcastError {
    #[error("{0:?} is no version of an event: versions are whole numbers from 1")]
    NoVersion(String),
    #[error(
        "version {version} of {event_type} was written by a newer program; this one reads versions up to \
         {present}: install the newer one"
    )]
    Newer {
        event_type: String,
        version: u32,
        present: u32,
    },
    #[error("the payload is not version {version} of {event_type}, as its row says")]
    Payload { event_type: String, version: u32 },
}

/// The version that this program writes.
pub fn present_version(steps: &[Step], aggregate_type: &str, event_type: &str) -> u32 {
    of_event(steps, aggregate_type, event_type)
        .map(|step| step.from + 1)
        .max()
        .unwrap_or(1)
}

/// Lifts a payload to the present version. Returns it with that version.
///
/// # Errors
/// The version is newer than the present one, or a step finds something else than it says.
pub fn lift(
    steps: &[Step],
    aggregate_type: &str,
    event_type: &str,
    event_version: &str,
    payload: Value,
) -> Result<(u32, Value), UpcastError> {
    let present = present_version(steps, aggregate_type, event_type);
    let stored = event_version
        .parse()
        .ok()
        .filter(|version| *version > 0)
        .ok_or_else(|| UpcastError::NoVersion(event_version.to_owned()))?;
    if stored > present {
        return Err(UpcastError::Newer {
            event_type: event_type.to_owned(),
            version: stored,
            present,
        });
    }
    let mut lifted = payload;
    for version in stored..present {
        let step = of_event(steps, aggregate_type, event_type).find(|step| step.from == version);
        lifted = step
            .and_then(|step| (step.lift)(lifted))
            .ok_or_else(|| UpcastError::Payload {
                event_type: event_type.to_owned(),
                version,
            })?;
    }
    Ok((present, lifted))
}

fn of_event<'a>(
    steps: &'a [Step],
    aggregate_type: &'a str,
    event_type: &'a str,
) -> impl Iterator<Item = &'a Step> {
    steps
        .iter()
        .filter(move |step| step.aggregate_type == aggregate_type && step.event_type == event_type)
}

#[cfg(test)]
mod tests;
