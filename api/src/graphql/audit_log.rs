//! The audit log: what was done and what was refused, by whom, when, from where and why.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use projections::Projection;
use projections::audit_log::{self, AuditActor, AuditFilter, AuditLog, AuditRow, AuditWhat};
use serde_json::Value;
use store::Position;
use uuid::Uuid;

use super::page::{connection, cost, request};
use super::scalars::{Int64, id, parsed_id};
use crate::error::ApiResult;
use crate::session::Session;

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "projections::audit_log::AuditKind")]
pub(super) enum AuditEntryKind {
    All,
    Events,
    Denials,
}

/// What the audit log is narrowed to; what is left out narrows nothing.
#[derive(Default, InputObject)]
pub(super) struct AuditLogFilter {
    kind: Option<AuditEntryKind>,
    /// Id of a user, of an API key, or of whoever acted as a user.
    actor: Option<ID>,
    /// Name of an event; of a refusal its route with the method, its root field, or the permission.
    action: Option<String>,
    /// Type of the aggregate, for example `tenant`.
    aggregate: Option<String>,
    /// Id or code of what it is about.
    subject: Option<String>,
    reseller_id: Option<ID>,
    /// One event, by its place in the log.
    position: Option<String>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
}

impl From<AuditLogFilter> for AuditFilter {
    fn from(filter: AuditLogFilter) -> Self {
        // What is no id is nobody's.
        let parsed = |id: Option<ID>| id.map(|id| parsed_id(&id).unwrap_or(Uuid::nil()));
        Self {
            kind: filter.kind.map(Into::into).unwrap_or_default(),
            actor: parsed(filter.actor),
            action: filter.action,
            aggregate: filter.aggregate,
            subject: filter.subject,
            reseller_id: parsed(filter.reseller_id),
            // No event stands where nothing can.
            position: filter
                .position
                .map(|text| text.parse().unwrap_or(Position::START)),
            from: filter.from,
            to: filter.to,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum AuditActorKind {
    System,
    Person,
    ApiKey,
    /// Somebody whom the reader may not see.
    Hidden,
}

#[derive(SimpleObject)]
pub(super) struct AuditEntryActor {
    kind: AuditActorKind,
    id: Option<ID>,
    /// Null also once the person has been erased.
    name: Option<String>,
}

impl From<AuditActor> for AuditEntryActor {
    fn from(actor: AuditActor) -> Self {
        let (kind, known) = match actor {
            AuditActor::System => (AuditActorKind::System, None),
            AuditActor::Hidden => (AuditActorKind::Hidden, None),
            AuditActor::Person { id, name } => (AuditActorKind::Person, Some((id, name))),
            AuditActor::ApiKey { id, name } => (AuditActorKind::ApiKey, Some((id, name))),
        };
        Self {
            kind,
            id: known.as_ref().map(|(key, _)| id(*key)),
            name: known.and_then(|(_, name)| name),
        }
    }
}

/// A field that an event changed.
#[derive(SimpleObject)]
pub(super) struct AuditChange {
    field: String,
    /// Null where there was nothing, or where the reader may not see it.
    before: Option<String>,
    after: Option<String>,
}

/// Text as it is, anything else as JSON.
fn told(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Some(other.to_string())
        }
    }
}

/// What an event did.
#[derive(SimpleObject)]
pub(super) struct AuditEvent {
    /// Its place in the log.
    position: String,
    /// The command that it came with.
    command_id: ID,
    /// Type of the aggregate.
    aggregate: String,
    /// Id or code of what it is about.
    subject: String,
    reason: Option<String>,
    /// Fields of profiles, states, roles, rights, terms and limits; what is personal is not told.
    changes: Vec<AuditChange>,
}

/// Why something was refused.
#[derive(SimpleObject)]
pub(super) struct AuditDenial {
    code: String,
    /// Name of the permission that was missing.
    permission: Option<String>,
    /// Refusals after it, in the same hour, that were only counted.
    further: Int64,
    last_at: DateTime<Utc>,
}

/// One of `event` and `denial` is there.
#[derive(SimpleObject)]
pub(super) struct AuditEntry {
    id: ID,
    at: DateTime<Utc>,
    /// Name of an event, or what was refused.
    action: String,
    actor: AuditEntryActor,
    /// Who acted as the actor.
    impersonator: Option<AuditEntryActor>,
    reseller_id: Option<ID>,
    customer_id: Option<ID>,
    /// From where; null where the system acted, and where the reader may not see it.
    address: Option<String>,
    user_agent: Option<String>,
    event: Option<AuditEvent>,
    denial: Option<AuditDenial>,
}

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        let (event, denial) = match row.what {
            AuditWhat::Event {
                position,
                command_id,
                aggregate,
                subject,
                reason,
                changes,
            } => {
                let changes = changes.into_iter().map(|(field, before, after)| AuditChange {
                    field,
                    before: told(before),
                    after: told(after),
                });
                let event = AuditEvent {
                    position: position.to_string(),
                    command_id: id(command_id),
                    aggregate,
                    subject,
                    reason,
                    changes: changes.collect(),
                };
                (Some(event), None)
            }
            AuditWhat::Denial {
                code,
                permission,
                further,
                last_at,
            } => {
                let denial = AuditDenial {
                    code,
                    permission,
                    further: Int64(further),
                    last_at,
                };
                (None, Some(denial))
            }
        };
        Self {
            id: id(row.id),
            at: row.at,
            action: row.action,
            actor: row.actor.into(),
            impersonator: row.impersonator.map(Into::into),
            reseller_id: row.reseller_id.map(id),
            customer_id: row.tenant_id.map(id),
            address: row.address,
            user_agent: row.user_agent,
            event,
            denial,
        }
    }
}

connection!(AuditEntryConnection, AuditEntryEdge, AuditEntry);

#[derive(Default)]
pub(super) struct AuditLogQuery;

#[Object]
impl AuditLogQuery {
    /// What was done and what was refused, the newest first: everything for the platform, its own tree for a reseller,
    /// its own for a customer.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn audit_log(
        &self,
        ctx: &Context<'_>,
        filter: Option<AuditLogFilter>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<AuditEntryConnection> {
        let session = Session::of(ctx)?;
        let request = request(first, after.as_deref())?;
        let filter = filter.unwrap_or_default().into();
        let mut connection = session
            .read(&[AuditLog::NAME], (&min_position, &wait_for))
            .await?;
        let (read, scope) = connection.parts();
        let page = audit_log::page(read, scope, &filter, request).await?;
        Ok(AuditEntryConnection::new(
            page,
            after.is_some(),
            AuditRow::key,
            Into::into,
        ))
    }
}
