//! The audit log: who did what, when, from where and why, and who was refused. Events are folded; refusals and
//! addresses lie beside the log ([`store::origins`]) and are read with them.

use chrono::{DateTime, Utc};
use platform::Scope;
use serde_json::{Map, Value};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use store::vault::Vault;
use store::{Position, Recorded};
use uuid::Uuid;

use crate::audit_changes::{Said, said};
use crate::columns::column;
use crate::page::{NewestKey, Page, PageRequest, newest_first};
use crate::projection::{Projection, ProjectionError, Table};
use crate::scope::reaching;

/// One row per event.
pub struct AuditLog;

/// What a page shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditKind {
    #[default]
    All,
    Events,
    Denials,
}

#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub kind: AuditKind,
    /// A user, an API key, or whoever acted as a user.
    pub actor: Option<Uuid>,
    /// Name of an event, or a part of a refused action.
    pub action: Option<String>,
    /// Type of the aggregate.
    pub aggregate: Option<String>,
    /// Id or code of what it is about.
    pub subject: Option<String>,
    pub reseller_id: Option<Uuid>,
    /// One event's.
    pub position: Option<Position>,
    /// Both included.
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    /// Name of an event, or a refused action.
    pub action: String,
    pub actor: AuditActor,
    /// Who acted as the actor, where it was not the person itself.
    pub impersonator: Option<AuditActor>,
    pub reseller_id: Option<Uuid>,
    pub tenant_id: Option<Uuid>,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    pub what: AuditWhat,
}

#[derive(Clone, Debug, PartialEq)]
pub enum AuditWhat {
    Event {
        position: Position,
        command_id: Uuid,
        aggregate: String,
        subject: String,
        reason: Option<String>,
        /// What it changed: by field, from and to.
        changes: Vec<(String, Value, Value)>,
    },
    Denial {
        code: String,
        permission: Option<String>,
        /// Refusals after it that were only counted.
        further: i64,
        last_at: DateTime<Utc>,
    },
}

/// By whom something was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditActor {
    System,
    /// Its name is gone once the person has been erased.
    Person {
        id: Uuid,
        name: Option<String>,
    },
    ApiKey {
        id: Uuid,
        name: Option<String>,
    },
    /// Somebody whom the reader may not see.
    Hidden,
}

impl Projection for AuditLog {
    const NAME: &'static str = "audit_log";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("audit_log", &["log_xid", "log_position"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        vault: &Vault,
    ) -> Result<(), ProjectionError> {
        self.project_batch(connection, std::slice::from_ref(recorded), vault)
            .await
    }

    async fn project_batch(
        &self,
        connection: &mut PgConnection,
        batch: &[Recorded],
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        let rows: Vec<(&Recorded, Said)> = batch
            .iter()
            .map(|recorded| {
                let said = said(recorded)
                    .map_err(|_| ProjectionError::event(recorded, "its payload cannot be written as JSON"))?;
                Ok((recorded, said))
            })
            .collect::<Result<_, ProjectionError>>()?;
        sqlx::query(
            "INSERT INTO audit_log (at, log_xid, log_position, reseller_id, tenant_id, aggregate_type, subject,
                                    sequence, event_type, actor_id, impersonator_id, key_id, command_id, reason, after)
             SELECT * FROM unnest($1::timestamptz[], $2::bigint[], $3::bigint[], $4::uuid[], $5::uuid[], $6::text[],
                                  $7::text[], $8::bigint[], $9::text[], $10::uuid[], $11::uuid[], $12::uuid[],
                                  $13::uuid[], $14::text[], $15::jsonb[])",
        )
        .bind(column(&rows, |(recorded, _)| recorded.metadata.at))
        .bind(column(&rows, |(recorded, _)| recorded.position.xid))
        .bind(column(&rows, |(recorded, _)| recorded.position.position))
        .bind(column(&rows, |(recorded, _)| recorded.metadata.reseller_id))
        .bind(column(&rows, |(recorded, _)| tenant_of(recorded)))
        .bind(column(&rows, |(recorded, _)| recorded.event.aggregate_type()))
        .bind(column(&rows, |(_, said)| said.subject.as_str()))
        .bind(column(&rows, |(recorded, _)| recorded.sequence))
        .bind(column(&rows, |(recorded, _)| recorded.event.event_type()))
        .bind(column(&rows, |(recorded, _)| recorded.metadata.actor))
        .bind(column(&rows, |(recorded, _)| recorded.metadata.impersonator))
        .bind(column(&rows, |(recorded, _)| recorded.metadata.api_key))
        .bind(column(&rows, |(recorded, _)| recorded.metadata.command_id))
        .bind(column(&rows, |(_, said)| said.reason.as_deref()))
        .bind(column(&rows, |(_, said)| said.after.as_ref().map(Json)))
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// The customer that a fact belongs to: owners are customers, else resellers, else the platform.
fn tenant_of(recorded: &Recorded) -> Option<Uuid> {
    let owner = recorded.metadata.tenant_id;
    (Some(owner) != recorded.metadata.reseller_id && owner != domain::ids::PLATFORM).then_some(owner)
}

impl AuditRow {
    pub fn key(&self) -> NewestKey {
        NewestKey {
            at: self.at,
            id: self.id,
        }
    }

    fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            at: row.try_get("at")?,
            action: row.try_get("action")?,
            actor: actor(row)?,
            impersonator: row
                .try_get::<Option<Uuid>, _>("impersonator_id")?
                .map(|id| person(row, id, "impersonator_seen", "impersonator_name"))
                .transpose()?,
            reseller_id: row.try_get("reseller_id")?,
            tenant_id: row.try_get("tenant_id")?,
            address: row.try_get("address")?,
            user_agent: row.try_get("user_agent")?,
            what: what(row)?,
        })
    }
}

fn person(row: &PgRow, id: Uuid, seen: &str, name: &str) -> sqlx::Result<AuditActor> {
    if row.try_get(seen)? {
        let name = row.try_get(name)?;
        Ok(AuditActor::Person { id, name })
    } else {
        Ok(AuditActor::Hidden)
    }
}

fn actor(row: &PgRow) -> sqlx::Result<AuditActor> {
    let (user, key): (Option<Uuid>, Option<Uuid>) = (row.try_get("actor_id")?, row.try_get("key_id")?);
    match (user, key) {
        (Some(id), _) => person(row, id, "actor_seen", "actor_name"),
        (None, Some(id)) if row.try_get("key_seen")? => {
            let name = row.try_get("key_name")?;
            Ok(AuditActor::ApiKey { id, name })
        }
        (None, Some(_)) => Ok(AuditActor::Hidden),
        (None, None) => Ok(AuditActor::System),
    }
}

fn what(row: &PgRow) -> sqlx::Result<AuditWhat> {
    let Some(code) = row.try_get("code")? else {
        let after: Option<Json<Map<String, Value>>> = row.try_get("after")?;
        let before: Option<Json<Map<String, Value>>> = row.try_get("before")?;
        return Ok(AuditWhat::Event {
            position: Position {
                xid: row.try_get("log_xid")?,
                position: row.try_get("log_position")?,
            },
            command_id: row.try_get("command_id")?,
            aggregate: row.try_get("aggregate_type")?,
            subject: row.try_get("subject")?,
            reason: row.try_get("reason")?,
            changes: changes(
                after.map(|Json(after)| after).unwrap_or_default(),
                &before.map(|Json(before)| before).unwrap_or_default(),
            ),
        });
    };
    Ok(AuditWhat::Denial {
        code,
        permission: row.try_get("permission")?,
        further: row.try_get("further")?,
        last_at: row.try_get("last_at")?,
    })
}

/// What differs. What was not known before was nothing.
fn changes(after: Map<String, Value>, before: &Map<String, Value>) -> Vec<(String, Value, Value)> {
    after
        .into_iter()
        .map(|(name, after)| {
            let before = before.get(&name).cloned().unwrap_or_default();
            (name, before, after)
        })
        .filter(|(_, before, after)| before != after)
        .collect()
}

/// The newest first: what the scope may see, its customers' and those below it included.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    filter: &AuditFilter,
    request: PageRequest<NewestKey>,
) -> sqlx::Result<Page<AuditRow>> {
    let mut query = QueryBuilder::new(
        "SELECT l.*, coalesce(l.denied_address, o.address) AS address,
                coalesce(l.denied_agent, o.user_agent) AS user_agent, b.before,
                u.user_id IS NOT NULL AS actor_seen, u.name AS actor_name,
                i.user_id IS NOT NULL AS impersonator_seen, i.name AS impersonator_name,
                k.key_id IS NOT NULL AS key_seen, k.name AS key_name
         FROM (",
    );
    let wanted = [AuditKind::Events, AuditKind::Denials]
        .into_iter()
        .filter(|kind| filter.kind == AuditKind::All || filter.kind == *kind);
    for (number, kind) in wanted.enumerate() {
        if number > 0 {
            query.push(" UNION ALL ");
        }
        query.push("(");
        if kind == AuditKind::Events {
            events(&mut query, scope, filter, &request);
        } else {
            denials(&mut query, scope, filter, &request);
        }
        query.push(")");
    }
    query.push(") AS l LEFT JOIN read.users u ON u.user_id = l.actor_id");
    reaching(&mut query, "u", scope);
    query.push(" LEFT JOIN read.users i ON i.user_id = l.impersonator_id");
    reaching(&mut query, "i", scope);
    query.push(" LEFT JOIN read.api_keys k ON k.key_id = l.key_id");
    reaching(&mut query, "k", scope);
    query.push(
        " LEFT JOIN LATERAL (
              SELECT o.address, o.user_agent FROM auth.command_origins o WHERE o.command_id = l.command_id",
    );
    reaching(&mut query, "o", scope);
    query.push(
        " LIMIT 1) o ON true
          LEFT JOIN LATERAL (
              SELECT jsonb_object_agg(f.name, p.value) AS before
              FROM jsonb_object_keys(l.after) AS f (name)
              CROSS JOIN LATERAL (
                  SELECT e.after -> f.name AS value FROM read.audit_log e
                  WHERE e.aggregate_type = l.aggregate_type AND e.subject = l.subject AND e.after ? f.name
                    AND (e.log_xid, e.log_position) < (l.log_xid, l.log_position)",
    );
    reaching(&mut query, "e", scope);
    query
        .push(
            " ORDER BY e.log_xid DESC, e.log_position DESC LIMIT 1) p) b ON true
              ORDER BY l.at DESC, l.id DESC LIMIT ",
        )
        .push(request.fetch());
    let rows = query.build().fetch_all(connection).await?;
    Ok(Page::new(
        &request,
        rows.iter().map(AuditRow::read).collect::<Result<_, _>>()?,
    ))
}

fn events<'a>(
    query: &mut QueryBuilder<'a, Postgres>,
    scope: Scope,
    filter: &'a AuditFilter,
    request: &PageRequest<NewestKey>,
) {
    query.push(
        "SELECT a.id, a.at, a.event_type AS action, a.actor_id, a.impersonator_id, a.key_id, a.reseller_id,
                a.tenant_id, a.log_xid, a.log_position, a.command_id, a.aggregate_type, a.subject, a.reason, a.after,
                NULL::text AS code, NULL::text AS permission, 0::bigint AS further, NULL::timestamptz AS last_at,
                NULL::text AS denied_address, NULL::text AS denied_agent
         FROM read.audit_log a WHERE true",
    );
    common(query, "a", scope, filter);
    if let Some(actor) = filter.actor {
        for (before, column) in [
            (" AND (", "actor_id"),
            (" OR ", "impersonator_id"),
            (" OR ", "key_id"),
        ] {
            query.push(format!("{before}a.{column} = ")).push_bind(actor);
        }
        query.push(")");
    }
    let texts = [
        ("event_type", &filter.action),
        ("aggregate_type", &filter.aggregate),
        ("subject", &filter.subject),
    ];
    for (column, wanted) in texts {
        if let Some(wanted) = wanted {
            query
                .push(format!(" AND a.{column} = "))
                .push_bind(wanted.as_str());
        }
    }
    if let Some(position) = filter.position {
        query
            .push(" AND (a.log_xid, a.log_position) = (")
            .push_bind(position.xid);
        query.push(", ").push_bind(position.position).push(")");
    }
    newest_first(query, "a.at", "a.id", request);
}

fn denials<'a>(
    query: &mut QueryBuilder<'a, Postgres>,
    scope: Scope,
    filter: &'a AuditFilter,
    request: &PageRequest<NewestKey>,
) {
    query.push(
        "SELECT d.denial_id AS id, d.at, d.action, CASE WHEN d.by_key THEN NULL ELSE d.principal_id END AS actor_id,
                d.impersonator_id, CASE WHEN d.by_key THEN d.principal_id END AS key_id, d.reseller_id, d.tenant_id,
                NULL::bigint AS log_xid, NULL::bigint AS log_position, NULL::uuid AS command_id,
                NULL::text AS aggregate_type, NULL::text AS subject, NULL::text AS reason, NULL::jsonb AS after,
                d.code, d.permission, d.further, d.last_at, d.address AS denied_address, d.user_agent AS denied_agent
         FROM auth.denials d WHERE true",
    );
    common(query, "d", scope, filter);
    if let Some(actor) = filter.actor {
        query.push(" AND (d.principal_id = ").push_bind(actor);
        query.push(" OR d.impersonator_id = ").push_bind(actor).push(")");
    }
    if let Some(action) = &filter.action {
        query.push(" AND (d.action = ").push_bind(action.as_str());
        query
            .push(" OR d.permission = ")
            .push_bind(action.as_str())
            .push(")");
    }
    // A refusal was about no aggregate.
    if filter.aggregate.is_some() || filter.subject.is_some() || filter.position.is_some() {
        query.push(" AND false");
    }
    newest_first(query, "d.at", "d.denial_id", request);
}

fn common(query: &mut QueryBuilder<'_, Postgres>, table: &str, scope: Scope, filter: &AuditFilter) {
    reaching(query, table, scope);
    if let Some(reseller_id) = filter.reseller_id {
        query
            .push(format!(" AND {table}.reseller_id = "))
            .push_bind(reseller_id);
    }
    if let Some(from) = filter.from {
        query.push(format!(" AND {table}.at >= ")).push_bind(from);
    }
    if let Some(to) = filter.to {
        query.push(format!(" AND {table}.at <= ")).push_bind(to);
    }
}
