//! Use cases of a customer around workflows.

use domain::entitlement::{Feature, Question};
use domain::ids::{ResellerId, TenantId, WorkflowId};
use domain::job::WorkflowVersion;
use domain::workflow::{Graph, WorkflowLibrary, WorkflowLibraryCommand};
use serde::{Deserialize, Serialize};
use store::load;
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use uuid::Uuid;

use crate::WriteSide;
use crate::bus::Done;
use crate::entitlement;
use crate::error::CommandError;
use crate::identity::caller::TenantCaller;
use crate::jobs::submit::NewJob;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Saved {
    pub workflow_id: Uuid,
    pub version: u32,
}

/// Saves a new workflow, or the next version of one.
///
/// # Errors
/// The graph cannot be run, the tier allows no further workflow, or the workflow is unknown.
pub async fn save(
    write: &WriteSide,
    cause: &Cause,
    caller: &TenantCaller,
    known: Option<WorkflowId>,
    name: &str,
    graph: &Graph,
) -> Result<Done<Saved>, CommandError> {
    let workflow_id = known.unwrap_or_else(|| WorkflowId(Uuid::now_v7()));
    let (reseller_id, tenant_id) = (caller.reseller_id, caller.tenant_id);
    let library = tenant_id.to_string();
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let mut entitled = entitlement::load(unit, reseller_id, tenant_id).await?;
        let present = unit.load::<WorkflowLibrary>(&library).await?;
        entitled.workflows = u64::try_from(present.len()).unwrap_or(u64::MAX);
        // A next version takes no room.
        let more = u64::from(known.is_none());
        if let Some(known) = known {
            present
                .workflow(known)
                .map_err(|refusal| CommandError::refused(&refusal))?;
        }
        entitled.ask(&Question::of(Feature::Workflows, more), cause.at)?;
        let command = WorkflowLibraryCommand::Save {
            workflow_id,
            name: name.to_owned(),
            graph: graph.clone(),
        };
        let saved = execute(unit, reseller_id, tenant_id, command).await?;
        let workflow = saved
            .workflow(workflow_id)
            .map_err(|refusal| CommandError::refused(&refusal))?;
        Ok(Saved {
            workflow_id: workflow_id.0,
            version: workflow.version,
        })
    };
    write.bus.run(cause, decide).await
}

/// Removes a workflow; jobs that ran it keep what they are.
///
/// # Errors
/// There is no such workflow.
pub async fn remove(
    write: &WriteSide,
    cause: &Cause,
    caller: &TenantCaller,
    workflow_id: WorkflowId,
) -> Result<Done<()>, CommandError> {
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = WorkflowLibraryCommand::Remove { workflow_id };
        execute(unit, caller.reseller_id, caller.tenant_id, command).await?;
        Ok(())
    };
    write.bus.run(cause, decide).await
}

/// The job that runs the latest version of a workflow on a recording.
///
/// # Errors
/// There is no such workflow.
pub async fn job(
    write: &WriteSide,
    caller: &TenantCaller,
    workflow_id: WorkflowId,
    recording_id: Uuid,
) -> Result<NewJob, CommandError> {
    let mut connection = write.pool.acquire().await?;
    let library = load::load::<WorkflowLibrary>(&mut connection, &caller.tenant_id.to_string())
        .await?
        .state;
    let workflow = library
        .workflow(workflow_id)
        .map_err(|refusal| CommandError::refused(&refusal))?;
    Ok(NewJob {
        recording_id: recording_id.into(),
        model: workflow.plan.model.clone(),
        language: workflow.plan.language.clone(),
        task: workflow.plan.task,
        workflow: Some(WorkflowVersion {
            workflow_id,
            version: workflow.version,
        }),
    })
}

async fn execute(
    unit: &mut UnitOfWork<'_>,
    reseller_id: ResellerId,
    tenant_id: TenantId,
    command: WorkflowLibraryCommand,
) -> Result<WorkflowLibrary, CommandError> {
    let owner = Owner::tenant(reseller_id, tenant_id);
    Ok(unit
        .execute::<WorkflowLibrary>(owner, &tenant_id.to_string(), command)
        .await?)
}
