//! Workflows: the graphs of a tenant, each in its latest version.

use chrono::{DateTime, Utc};
use domain::AnyEvent;
use domain::job::SpeechTask;
use domain::tenant::TenantEvent;
use domain::workflow::WorkflowLibraryEvent;
use platform::Scope;
use sqlx::types::Json;
use sqlx::{PgConnection, QueryBuilder};
use store::Recorded;
use store::vault::Vault;
use uuid::Uuid;

use crate::moves::Moves;
use crate::page::{NewestKey, Page, PageRequest, newest_first};
use crate::projection::{Projection, ProjectionError, Table, stream_id};
use crate::scope::within;

/// One row per workflow that was not removed.
pub struct Workflows;

#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct WorkflowRow {
    pub workflow_id: Uuid,
    pub name: String,
    pub version: i64,
    /// xyflow's nodes and edges.
    pub graph: serde_json::Value,
    pub model: String,
    pub language: Option<String>,
    #[sqlx(try_from = "String")]
    pub task: SpeechTask,
    pub saved_at: DateTime<Utc>,
}

impl WorkflowRow {
    pub fn key(&self) -> NewestKey {
        NewestKey {
            at: self.saved_at,
            id: self.workflow_id,
        }
    }
}

impl Projection for Workflows {
    const NAME: &'static str = "workflows";
    const VERSION: i32 = 1;
    const TABLES: &'static [Table] = &[Table::read("workflows", &["workflow_id"])];

    async fn project(
        &self,
        connection: &mut PgConnection,
        recorded: &Recorded,
        _vault: &Vault,
    ) -> Result<(), ProjectionError> {
        match &recorded.event {
            AnyEvent::WorkflowLibrary(WorkflowLibraryEvent::WorkflowSaved {
                workflow_id,
                version,
                name,
                graph,
                plan,
            }) => {
                sqlx::query(
                    "INSERT INTO workflows (workflow_id, reseller_id, tenant_id, name, version, graph, model,
                                            language, task, saved_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                     ON CONFLICT (workflow_id) DO UPDATE
                     SET name = excluded.name, version = excluded.version, graph = excluded.graph,
                         model = excluded.model, language = excluded.language, task = excluded.task,
                         saved_at = excluded.saved_at",
                )
                .bind(workflow_id.0)
                .bind(recorded.metadata.reseller_id)
                .bind(stream_id(recorded)?)
                .bind(name)
                .bind(i64::from(*version))
                .bind(Json(graph))
                .bind(&plan.model)
                .bind(&plan.language)
                .bind(plan.task.as_ref())
                .bind(recorded.metadata.at)
                .execute(connection)
                .await?;
            }
            AnyEvent::WorkflowLibrary(WorkflowLibraryEvent::WorkflowRemoved { workflow_id }) => {
                sqlx::query("DELETE FROM workflows WHERE workflow_id = $1")
                    .bind(workflow_id.0)
                    .execute(connection)
                    .await?;
            }
            AnyEvent::Tenant(TenantEvent::TenantMoved { .. }) => {
                let mut moves = Moves::default();
                moves.take(recorded)?;
                let follow =
                    "UPDATE workflows SET reseller_id = $3 WHERE tenant_id = $1 AND reseller_id = $2";
                moves.follow(connection, follow).await?;
            }
            AnyEvent::Reseller(_)
            | AnyEvent::CreditAccount(_)
            | AnyEvent::PriceList(_)
            | AnyEvent::Tenant(_)
            | AnyEvent::User(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Bulk(_)
            | AnyEvent::PermissionTemplates(_)
            | AnyEvent::ResellerPermissions(_)
            | AnyEvent::Subscription(_)
            | AnyEvent::Recording(_)
            | AnyEvent::Usage(_)
            | AnyEvent::Job(_)
            | AnyEvent::Books(_)
            | AnyEvent::RecordedSale(_)
            | AnyEvent::TierList(_)
            | AnyEvent::StoreAccount(_)
            | AnyEvent::StoreCatalogue(_)
            | AnyEvent::Hierarchy(_)
            | AnyEvent::Roster(_)
            | AnyEvent::Contracts(_)
            | AnyEvent::Payouts(_)
            | AnyEvent::Invoices(_) => {}
        }
        Ok(())
    }
}

/// Workflows, the last saved first.
///
/// # Errors
/// The database fails.
pub async fn page(
    connection: &mut PgConnection,
    scope: Scope,
    request: PageRequest<NewestKey>,
) -> sqlx::Result<Page<WorkflowRow>> {
    let mut query = QueryBuilder::new(
        "SELECT w.workflow_id, w.name, w.version, w.graph, w.model, w.language, w.task, w.saved_at
         FROM read.workflows w WHERE true",
    );
    within(&mut query, "w", scope);
    newest_first(&mut query, "w.saved_at", "w.workflow_id", &request);
    Ok(Page::new(
        &request,
        query.build_query_as().fetch_all(connection).await?,
    ))
}
