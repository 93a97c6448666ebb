//! Saved workflows.

use async_graphql::{Context, ID, Json, Object, SimpleObject};
use chrono::{DateTime, Utc};
use projections::Projection;
use projections::workflows::{self, WorkflowRow, Workflows};
use serde_json::Value;

use super::jobs::SpeechTask;
use super::page::{connection, cost, request};
use super::scalars::id;
use crate::error::ApiResult;
use crate::session::Session;

/// A workflow in its latest version.
#[derive(SimpleObject)]
pub(super) struct Workflow {
    id: ID,
    name: String,
    version: i32,
    /// xyflow's nodes and edges, as the builder drew them.
    graph: Json<Value>,
    model: String,
    language: Option<String>,
    task: SpeechTask,
    saved_at: DateTime<Utc>,
}

impl From<WorkflowRow> for Workflow {
    fn from(row: WorkflowRow) -> Self {
        Self {
            id: id(row.workflow_id),
            name: row.name,
            version: i32::try_from(row.version).unwrap_or(i32::MAX),
            graph: Json(row.graph),
            model: row.model,
            language: row.language,
            task: row.task.into(),
            saved_at: row.saved_at,
        }
    }
}

connection!(WorkflowConnection, WorkflowEdge, Workflow);

#[derive(Default)]
pub(super) struct WorkflowsQuery;

#[Object]
impl WorkflowsQuery {
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn workflows(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<WorkflowConnection> {
        let session = Session::of(ctx)?;
        let request = request(first, after.as_deref())?;
        let mut connection = session
            .read(&[Workflows::NAME], (&min_position, &wait_for))
            .await?;
        let (read, scope) = connection.parts();
        let page = workflows::page(read, scope, request).await?;
        Ok(WorkflowConnection::new(
            page,
            after.is_some(),
            WorkflowRow::key,
            Into::into,
        ))
    }
}
