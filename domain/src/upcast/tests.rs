//! Chains of steps, on an event that only the tests know: no event of the business has a second version yet.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;
use crate::any_event::{DecodeError, decode_by};
use crate::es::StoredEvent;

/// Version 1 knew cents, version 2 a currency, version 3 calls the amount by its name.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum TipEvent {
    TipGiven { amount_minor: i64, currency: String },
    TipRefused,
}

impl StoredEvent for TipEvent {
    fn stored_as(&self) -> (&str, &'static str) {
        match self {
            Self::TipGiven { .. } => ("TipGiven", "3"),
            Self::TipRefused => ("TipRefused", "1"),
        }
    }
}

const TIPS: &[Step] = &[
    // Not in order: the versions say which comes first.
    Step {
        aggregate_type: "tip",
        event_type: "TipGiven",
        from: 2,
        lift: |mut payload| {
            let fields = payload.get_mut("TipGiven")?.as_object_mut()?;
            let cents = fields.remove("cents")?;
            fields.insert("amount_minor".to_owned(), cents);
            Some(payload)
        },
    },
    Step {
        aggregate_type: "tip",
        event_type: "TipGiven",
        from: 1,
        lift: |mut payload| {
            let fields = payload.get_mut("TipGiven")?.as_object_mut()?;
            fields.insert("currency".to_owned(), "EUR".into());
            Some(payload)
        },
    },
    Step {
        aggregate_type: "jar",
        event_type: "TipRefused",
        from: 1,
        lift: |_| None,
    },
];

fn read(event_type: &str, version: &str, payload: &Value) -> Result<TipEvent, DecodeError> {
    decode_by(TIPS, "tip", event_type, version, payload.to_string().as_bytes())
}

fn given() -> TipEvent {
    TipEvent::TipGiven {
        amount_minor: 250,
        currency: "EUR".to_owned(),
    }
}

#[test]
fn every_version_becomes_the_present_one() {
    let versions = [
        ("1", json!({"TipGiven": {"cents": 250}})),
        ("2", json!({"TipGiven": {"cents": 250, "currency": "EUR"}})),
        ("3", json!({"TipGiven": {"amount_minor": 250, "currency": "EUR"}})),
    ];
    for (version, payload) in versions {
        assert_eq!(read("TipGiven", version, &payload).unwrap(), given(), "{version}");
    }
    assert_eq!(
        read("TipRefused", "1", &json!("TipRefused")).unwrap(),
        TipEvent::TipRefused
    );
}

#[test]
fn a_newer_version_is_said_to_be_newer() {
    let readable = json!({"TipGiven": {"amount_minor": 250, "currency": "EUR"}});
    let strange = json!({"TipGiven": {"amount": "2.50 EUR"}});
    for payload in [readable, strange] {
        let error = read("TipGiven", "4", &payload).unwrap_err();
        assert_eq!(
            error.to_string(),
            "version 4 of TipGiven was written by a newer program; this one reads versions up to 3: install the \
             newer one"
        );
    }
    assert!(read("TipRefused", "2", &json!("TipRefused")).is_err());
}

#[test]
fn a_row_that_lies_about_its_version_is_not_read() {
    let third = json!({"TipGiven": {"amount_minor": 250, "currency": "EUR"}});
    let error = read("TipGiven", "2", &third).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the payload is not version 2 of TipGiven, as its row says"
    );
    for version in ["", "0", "-1", "1.0", "two"] {
        let error = read("TipGiven", version, &third).unwrap_err();
        let expected = UpcastError::NoVersion(version.to_owned());
        assert!(
            matches!(&error, DecodeError::Upcast(error) if *error == expected),
            "{error}"
        );
    }
    assert!(matches!(
        read("TipRefused", "1", &third),
        Err(DecodeError::Version { .. })
    ));
}

#[test]
fn a_gap_in_the_chain_is_an_error_and_no_guess() {
    let payload = json!({"TipGiven": {"cents": 250}});
    let only_second = TIPS.get(..1).unwrap();
    let error = lift(only_second, "tip", "TipGiven", "1", payload).unwrap_err();
    let expected = UpcastError::Payload {
        event_type: "TipGiven".to_owned(),
        version: 1,
    };
    assert_eq!(error, expected);
}
