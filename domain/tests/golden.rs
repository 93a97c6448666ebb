//! Events that were stored once stay readable for ever.
//!
//! `golden/<aggregate>/<EventType>.v<version>.json` is a payload as the log holds it; a word before `.json`
//! tells further shapes of the same event apart. A file is never edited: a new shape is a new version beside it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cqrs_es::{Aggregate, DomainEvent};
use domain::AnyEvent;
use domain::any_event::DecodeError;
use domain::api_key::ApiKey;
use domain::books::Books;
use domain::bulk::Bulk;
use domain::contract::Contracts;
use domain::credit_account::CreditAccount;
use domain::hierarchy::Hierarchy;
use domain::invoice::Invoices;
use domain::job::Job;
use domain::payout::Payouts;
use domain::permission_templates::PermissionTemplates;
use domain::price_list::PriceList;
use domain::recording::Recording;
use domain::reseller::Reseller;
use domain::reseller_permissions::ResellerPermissions;
use domain::roster::Roster;
use domain::sale::RecordedSale;
use domain::store_account::StoreAccount;
use domain::store_catalogue::StoreCatalogue;
use domain::subscription::Subscription;
use domain::tenant::Tenant;
use domain::tier_list::TierList;
use domain::upcast::STEPS;
use domain::usage::Usage;
use domain::user::User;
use domain::workflow::WorkflowLibrary;
use serde::de::value::Error;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde_json::{Value, json};

macro_rules! aggregates {
    ($($variant:ident),+ $(,)?) => {
        /// Each aggregate with the names of its events.
        fn catalogue() -> Vec<(&'static str, &'static [&'static str])> {
            vec![$((<$variant as Aggregate>::TYPE, event_types::<<$variant as Aggregate>::Event>())),+]
        }

        /// The version of an event that the program writes, and the payload.
        fn encode(event: &AnyEvent) -> (String, Value) {
            match event {
                $(AnyEvent::$variant(event) => (event.event_version(), serde_json::to_value(event).unwrap())),+
            }
        }
    };
}

// `encode` matches every variant of `AnyEvent`: an aggregate that is missing here does not compile.
aggregates!(
    Reseller,
    CreditAccount,
    PriceList,
    Tenant,
    User,
    Subscription,
    Recording,
    Job,
    WorkflowLibrary,
    Books,
    RecordedSale,
    TierList,
    StoreAccount,
    StoreCatalogue,
    Hierarchy,
    Roster,
    Contracts,
    Payouts,
    Invoices,
    ApiKey,
    PermissionTemplates,
    ResellerPermissions,
    Bulk,
    Usage
);

/// Asks an enum's `Deserialize` for its variants, so that nobody has to list them.
#[derive(Default)]
struct VariantProbe(&'static [&'static str]);

impl<'de> Deserializer<'de> for &mut VariantProbe {
    type Error = Error;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Error> {
        self.0 = variants;
        Err(Error::custom("only the variants are wanted"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom(
            "an event is an enum whose variants carry their names",
        ))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

fn event_types<E: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    let mut probe = VariantProbe::default();
    assert!(E::deserialize(&mut probe).is_err());
    assert_ne!(
        probe.0, [""; 0],
        "an event is an enum whose variants carry their names"
    );
    probe.0
}

/// One stored event, and what its path says of it.
struct Golden {
    path: PathBuf,
    aggregate_type: String,
    event_type: String,
    version: String,
    payload: Value,
}

impl Golden {
    fn read(aggregate_type: &str, path: &Path) -> Self {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap();
        let parts: Vec<&str> = name.split('.').collect();
        let ([event_type, version, "json"] | [event_type, version, _, "json"]) = parts[..] else {
            panic!("{} is not called <EventType>.v<version>.json", path.display());
        };
        Self {
            path: path.to_owned(),
            aggregate_type: aggregate_type.to_owned(),
            event_type: event_type.to_owned(),
            version: version
                .strip_prefix('v')
                .expect("a version begins with v")
                .to_owned(),
            payload: serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap(),
        }
    }

    fn decode(&self) -> AnyEvent {
        let payload = self.payload.to_string();
        let (event_type, version) = (&self.event_type, &self.version);
        AnyEvent::decode(&self.aggregate_type, event_type, version, payload.as_bytes())
            .unwrap_or_else(|error| panic!("{}: {error}", self.path.display()))
    }
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

fn golden_files() -> Vec<Golden> {
    let folders = children(&Path::new(env!("CARGO_MANIFEST_DIR")).join("golden"));
    let read = |folder: &PathBuf| {
        let aggregate_type = folder
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap()
            .to_owned();
        children(folder)
            .into_iter()
            .map(move |path| Golden::read(&aggregate_type, &path))
    };
    folders.iter().flat_map(read).collect()
}

#[test]
fn every_stored_event_is_read_and_written_as_it_was() {
    for golden in golden_files() {
        let event = golden.decode();
        let path = golden.path.display();
        assert_eq!(event.event_type(), golden.event_type, "{path}");
        let (version, payload) = encode(&event);
        // An older version is only read: what is written now has a file of its own.
        if version == golden.version {
            assert_eq!(payload, golden.payload, "{path}");
        }
    }
}

#[test]
fn every_event_that_can_be_written_has_a_golden_file() {
    let written: BTreeSet<(String, String)> = golden_files()
        .into_iter()
        .filter(|golden| encode(&golden.decode()).0 == golden.version)
        .map(|golden| (golden.aggregate_type, golden.event_type))
        .collect();
    let possible: BTreeSet<(String, String)> = catalogue()
        .into_iter()
        .flat_map(|(aggregate, events)| {
            events
                .iter()
                .map(move |event| (aggregate.to_owned(), (*event).to_owned()))
        })
        .collect();
    let missing: Vec<_> = possible.difference(&written).collect();
    assert!(
        missing.is_empty(),
        "store a payload of the version written now for {missing:?}"
    );
}

#[test]
fn no_two_aggregates_share_a_name() {
    let names: BTreeSet<_> = catalogue().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), catalogue().len());
}

#[test]
fn the_log_calls_an_event_by_the_name_in_its_payload() {
    for golden in golden_files() {
        let payload = &golden.payload;
        let name = payload
            .as_str()
            .or_else(|| payload.as_object()?.keys().next().map(String::as_str));
        assert_eq!(
            name,
            Some(golden.event_type.as_str()),
            "{}",
            golden.path.display()
        );
    }
}

#[test]
fn an_event_of_an_unknown_aggregate_is_not_read() {
    let error = AnyEvent::decode("wallet", "WalletOpened", "1", b"\"WalletOpened\"").unwrap_err();
    assert!(matches!(&error, DecodeError::AggregateType(name) if name == "wallet"));
    assert_eq!(
        error.to_string(),
        "no aggregate is called \"wallet\": the log was written by a newer program"
    );
}

#[test]
fn a_payload_of_another_aggregate_is_not_read() {
    for payload in [
        json!("JobCancelled"),
        json!({ "CreditsDebited": { "credits": 30 } }),
        json!(null),
    ] {
        let payload = payload.to_string();
        let error =
            AnyEvent::decode("credit_account", "CreditsDebited", "1", payload.as_bytes()).unwrap_err();
        assert!(matches!(error, DecodeError::Payload(_)), "{error}");
    }
}

#[test]
fn a_payload_that_is_not_what_its_row_says_is_not_read() {
    let read =
        |event, version| AnyEvent::decode("credit_account", event, version, b"\"CreditAccountOpened\"");
    let error = read("CreditsDebited", "1").unwrap_err();
    assert!(matches!(error, DecodeError::Version { .. }), "{error}");
    let error = read("CreditAccountOpened", "999").unwrap_err();
    assert!(
        error.to_string().contains("was written by a newer program"),
        "{error}"
    );
}

#[test]
fn every_event_has_a_golden_file_and_a_step_for_each_version_it_ever_had() {
    let mut stored: BTreeMap<(String, String), BTreeSet<u32>> = BTreeMap::new();
    let mut present = BTreeMap::new();
    for golden in golden_files() {
        let event = (golden.aggregate_type.clone(), golden.event_type.clone());
        let version: u32 = encode(&golden.decode()).0.parse().unwrap();
        present.insert(event.clone(), version);
        stored
            .entry(event)
            .or_default()
            .insert(golden.version.parse().unwrap());
    }
    for ((aggregate_type, event_type), version) in &present {
        let event = format!("{aggregate_type}/{event_type}");
        let versions = &stored[&(aggregate_type.clone(), event_type.clone())];
        assert_eq!(
            versions,
            &(1..=*version).collect(),
            "golden files of {event}: one for each version is needed"
        );
        let steps: BTreeSet<u32> = STEPS
            .iter()
            .filter(|step| step.aggregate_type == aggregate_type && step.event_type == event_type)
            .map(|step| step.from)
            .collect();
        assert_eq!(
            steps,
            (1..*version).collect(),
            "steps of {event}: one from each version but the present one is needed"
        );
    }
    for step in STEPS {
        let event = (step.aggregate_type.to_owned(), step.event_type.to_owned());
        assert!(present.contains_key(&event), "{event:?} is no event");
    }
}
