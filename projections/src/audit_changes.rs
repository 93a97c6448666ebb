//! What an event sets, for whoever asks what was changed: fields by their names, as the event's payload has them.

use domain::AnyEvent;
use serde_json::{Map, Value};
use store::Recorded;

/// Fields that explain an event instead of setting something.
const EXPLAINING: [&str; 3] = ["reason", "note", "reopen_until"];
/// In the place of what only the person's key opens.
const PERSONAL: &str = "(personal)";

/// Events that people know under the state that they lead to.
const STATES: [(&str, &str); 14] = [
    ("ResellerRegistered", "active"),
    ("ResellerApplied", "pending"),
    ("ResellerApproved", "active"),
    ("ResellerDeclined", "declined"),
    ("ResellerSuspended", "suspended"),
    ("ResellerResumed", "active"),
    ("ResellerClosed", "closed"),
    ("ResellerReopened", "active"),
    ("TenantCreated", "active"),
    ("TenantSuspended", "suspended"),
    ("TenantResumed", "active"),
    ("TenantClosed", "closed"),
    ("TenantReopened", "active"),
    ("ApiKeyRevoked", "revoked"),
];

/// What one event says of itself and of what it is about.
pub(crate) struct Said {
    pub reason: Option<String>,
    /// The stream, or what a stream of many tells apart.
    pub subject: String,
    /// What it sets; `None` where it sets nothing that people look after.
    pub after: Option<Value>,
}

pub(crate) fn said(recorded: &Recorded) -> serde_json::Result<Said> {
    let payload = recorded.event.payload()?;
    let fields = payload
        .as_object()
        .and_then(|event| event.values().next())
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let subject = of_many(&recorded.event)
        .and_then(text)
        .unwrap_or_else(|| recorded.aggregate_id.clone());
    Ok(Said {
        reason: text("reason").or_else(|| text("note")),
        after: sets(&recorded.event).then(|| after(recorded.event.name(), fields)),
        subject,
    })
}

/// The field that tells apart what a stream of many is about.
fn of_many(event: &AnyEvent) -> Option<&'static str> {
    match event {
        AnyEvent::Hierarchy(_) => Some("reseller_id"),
        AnyEvent::TierList(_) => Some("tier"),
        AnyEvent::PriceList(_) | AnyEvent::PermissionTemplates(_) => Some("code"),
        AnyEvent::Reseller(_)
        | AnyEvent::CreditAccount(_)
        | AnyEvent::Tenant(_)
        | AnyEvent::User(_)
        | AnyEvent::Subscription(_)
        | AnyEvent::Recording(_)
        | AnyEvent::Job(_)
        | AnyEvent::WorkflowLibrary(_)
        | AnyEvent::Books(_)
        | AnyEvent::RecordedSale(_)
        | AnyEvent::StoreAccount(_)
        | AnyEvent::StoreCatalogue(_)
        | AnyEvent::Roster(_)
        | AnyEvent::Contracts(_)
        | AnyEvent::Payouts(_)
        | AnyEvent::Invoices(_)
        | AnyEvent::ApiKey(_)
        | AnyEvent::Bulk(_)
        | AnyEvent::Usage(_)
        | AnyEvent::ResellerPermissions(_) => None,
    }
}

/// Whether the event sets what people look after: profiles, states, roles, rights, terms and limits.
fn sets(event: &AnyEvent) -> bool {
    match event {
        AnyEvent::Reseller(_)
        | AnyEvent::Tenant(_)
        | AnyEvent::Hierarchy(_)
        | AnyEvent::TierList(_)
        | AnyEvent::PriceList(_)
        | AnyEvent::PermissionTemplates(_)
        | AnyEvent::ResellerPermissions(_)
        | AnyEvent::ApiKey(_) => true,
        AnyEvent::User(_) => ["UserRegistered", "UserRenamed", "UserRoleChanged"].contains(&event.name()),
        AnyEvent::Contracts(_) => ["ContractAgreed", "ContractEnded"].contains(&event.name()),
        AnyEvent::CreditAccount(_) => ["CreditLineSet", "LowCreditAlertsSet"].contains(&event.name()),
        AnyEvent::Subscription(_) => event.name() == "AutoRenewalSet",
        AnyEvent::Recording(_)
        | AnyEvent::Usage(_)
        | AnyEvent::Bulk(_)
        | AnyEvent::Job(_)
        | AnyEvent::WorkflowLibrary(_)
        | AnyEvent::Books(_)
        | AnyEvent::RecordedSale(_)
        | AnyEvent::StoreAccount(_)
        | AnyEvent::StoreCatalogue(_)
        | AnyEvent::Roster(_)
        | AnyEvent::Payouts(_)
        | AnyEvent::Invoices(_) => false,
    }
}

fn after(event: &str, fields: Map<String, Value>) -> Value {
    let mut set = Map::new();
    match event {
        // One permission is a field of its own, so that its value before is found.
        "PermissionOverridden" | "PermissionOverrideWithdrawn" => {
            let name = fields
                .get("permission")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let granted = fields.get("granted").cloned().unwrap_or(Value::Null);
            set.insert(name.to_owned(), granted);
        }
        "ResellerMoved" => {
            set.insert(
                "parent_id".to_owned(),
                fields.get("to").cloned().unwrap_or_default(),
            );
        }
        "TenantMoved" => {
            set.insert(
                "reseller_id".to_owned(),
                fields.get("to").cloned().unwrap_or_default(),
            );
        }
        _ => set.extend(
            fields
                .into_iter()
                .filter(|(name, _)| !EXPLAINING.contains(&name.as_str()))
                .map(|(name, value)| (name, open(value))),
        ),
    }
    if let Some((_, state)) = STATES.iter().find(|(name, _)| *name == event) {
        set.insert("status".to_owned(), Value::from(*state));
    }
    Value::Object(set)
}

/// A value without what is sealed in it.
fn open(value: Value) -> Value {
    match value {
        Value::Object(fields) if is_sealed(&fields) => Value::from(PERSONAL),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, open(value)))
            .collect(),
        Value::Array(values) => values.into_iter().map(open).collect(),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

fn is_sealed(fields: &Map<String, Value>) -> bool {
    fields.len() == 2 && fields.contains_key("subject") && fields.contains_key("text")
}
