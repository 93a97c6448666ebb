//! A tenant's workflows: graphs that say how a recording is worked on. One stream per tenant, with the
//! tenant's id, so that the tier's number of workflows holds whatever runs at the same time.
//!
//! A graph is kept as the builder drew it (xyflow's nodes and edges) and compiled into a [`Plan`] when it is
//! saved: what cannot be run is refused then, not when a job fails. Versions are never changed.

mod graph;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use graph::{Edge, Graph, GraphError, Node, NodeKind, Plan};

use crate::es::aggregate;
use crate::ids::WorkflowId;
use crate::refusal::{Refusal, RefusalKind};
use crate::text::{self, NAME_CHARS_MAX};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WorkflowLibrary {
    workflows: BTreeMap<WorkflowId, Workflow>,
}

/// The latest version of a workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    pub name: String,
    pub version: u32,
    pub plan: Plan,
}

#[derive(Clone, Debug)]
pub enum WorkflowLibraryCommand {
    /// A new workflow, or a new version of one. Whether the tier allows a new one has been asked before.
    Save {
        workflow_id: WorkflowId,
        name: String,
        graph: Graph,
    },
    Remove {
        workflow_id: WorkflowId,
    },
}

/// Facts about workflows. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum WorkflowLibraryEvent {
    WorkflowSaved {
        workflow_id: WorkflowId,
        version: u32,
        name: String,
        graph: Graph,
        plan: Plan,
    },
    WorkflowRemoved {
        workflow_id: WorkflowId,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum WorkflowLibraryError {
    #[error("there is no such workflow")]
    WorkflowNotFound,
    #[error("a name has 1 to {NAME_CHARS_MAX} characters: shorten it or type one in")]
    InvalidName,
    #[error("the workflow cannot be run: {0}")]
    InvalidGraph(GraphError),
}

impl Refusal for WorkflowLibraryError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::WorkflowNotFound => RefusalKind::NotFound,
            Self::InvalidName | Self::InvalidGraph(_) => RefusalKind::Invalid,
        }
    }
}

aggregate!(
    WorkflowLibrary,
    "workflow_library",
    WorkflowLibraryCommand,
    WorkflowLibraryEvent,
    WorkflowLibraryError
);

impl WorkflowLibraryEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::WorkflowSaved { .. } | Self::WorkflowRemoved { .. } => "1",
        }
    }
}

impl WorkflowLibrary {
    /// The latest version of a workflow.
    ///
    /// # Errors
    /// There is no such workflow.
    pub fn workflow(&self, workflow_id: WorkflowId) -> Result<&Workflow, WorkflowLibraryError> {
        self.workflows
            .get(&workflow_id)
            .ok_or(WorkflowLibraryError::WorkflowNotFound)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.workflows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.workflows.is_empty()
    }

    fn decide(
        &self,
        command: WorkflowLibraryCommand,
    ) -> Result<Vec<WorkflowLibraryEvent>, WorkflowLibraryError> {
        match command {
            WorkflowLibraryCommand::Save {
                workflow_id,
                name,
                graph,
            } => {
                let name = text::checked(&name, NAME_CHARS_MAX).ok_or(WorkflowLibraryError::InvalidName)?;
                let known = self.workflows.get(&workflow_id);
                let version = known.map_or(1, |known| known.version + 1);
                let plan = graph.compile().map_err(WorkflowLibraryError::InvalidGraph)?;
                Ok(vec![WorkflowLibraryEvent::WorkflowSaved {
                    workflow_id,
                    version,
                    name,
                    graph,
                    plan,
                }])
            }
            WorkflowLibraryCommand::Remove { workflow_id } => {
                self.workflow(workflow_id)?;
                Ok(vec![WorkflowLibraryEvent::WorkflowRemoved { workflow_id }])
            }
        }
    }

    fn evolve(&mut self, event: WorkflowLibraryEvent) {
        match event {
            WorkflowLibraryEvent::WorkflowSaved {
                workflow_id,
                version,
                name,
                plan,
                ..
            } => {
                self.workflows
                    .insert(workflow_id, Workflow { name, version, plan });
            }
            WorkflowLibraryEvent::WorkflowRemoved { workflow_id } => {
                self.workflows.remove(&workflow_id);
            }
        }
    }
}

#[cfg(test)]
mod tests;
