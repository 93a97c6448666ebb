//! A graph as the builder draws it, and the plan that it compiles to.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::job::SpeechTask;

/// Most nodes of one graph.
pub const NODES_MAX: usize = 50;
/// Most edges of one graph.
pub const EDGES_MAX: usize = 200;

/// xyflow's nodes and edges. What a node needs to be drawn (position, size, labels) is kept untouched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    pub id: String,
    #[serde(flatten)]
    pub kind: NodeKind,
    /// Everything else that xyflow keeps with a node.
    #[serde(flatten)]
    pub drawing: Map<String, Value>,
}

/// What a node does; xyflow's `type` and `data`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum NodeKind {
    /// Where the recording comes in.
    Recording {},
    /// Speech to text.
    Transcription {
        model: String,
        #[serde(default)]
        language: Option<String>,
        task: SpeechTask,
    },
    /// Where the transcript comes out.
    Transcript {},
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    pub id: String,
    pub source: String,
    pub target: String,
    /// Everything else that xyflow keeps with an edge.
    #[serde(flatten)]
    pub drawing: Map<String, Value>,
}

/// What a job of the workflow does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub model: String,
    pub language: Option<String>,
    pub task: SpeechTask,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    #[error("it has more than {NODES_MAX} nodes or {EDGES_MAX} edges: draw a smaller one")]
    TooLarge,
    #[error("two nodes are called {0:?}: give each an id of its own")]
    DuplicateNode(String),
    #[error("the edge {edge:?} ends at {node:?}, which is no node: remove or reconnect it")]
    DanglingEdge { edge: String, node: String },
    #[error("it needs exactly one {kind} node and has {found}")]
    NodeCount { kind: &'static str, found: usize },
    #[error("no edge leads from the {from} node to the {to} node: connect them")]
    NotConnected { from: &'static str, to: &'static str },
}

impl Graph {
    /// The plan of a graph that leads from one recording over one transcription to one transcript.
    ///
    /// # Errors
    /// What is wrong, by node or edge.
    pub fn compile(&self) -> Result<Plan, GraphError> {
        if self.nodes.len() > NODES_MAX || self.edges.len() > EDGES_MAX {
            return Err(GraphError::TooLarge);
        }
        let mut ids = BTreeSet::new();
        if let Some(twice) = self.nodes.iter().find(|node| !ids.insert(node.id.as_str())) {
            return Err(GraphError::DuplicateNode(twice.id.clone()));
        }
        for edge in &self.edges {
            if let Some(node) = [&edge.source, &edge.target]
                .into_iter()
                .find(|end| !ids.contains(end.as_str()))
            {
                return Err(GraphError::DanglingEdge {
                    edge: edge.id.clone(),
                    node: node.clone(),
                });
            }
        }
        let recording = self
            .only("recording", |kind| {
                matches!(kind, NodeKind::Recording {}).then_some(())
            })?
            .0;
        let (transcription, plan) = self.only("transcription", NodeKind::plan)?;
        let transcript = self
            .only("transcript", |kind| {
                matches!(kind, NodeKind::Transcript {}).then_some(())
            })?
            .0;
        self.connected((recording, "recording"), (transcription, "transcription"))?;
        self.connected((transcription, "transcription"), (transcript, "transcript"))?;
        Ok(plan)
    }

    fn only<T>(
        &self,
        kind: &'static str,
        pick: impl Fn(&NodeKind) -> Option<T>,
    ) -> Result<(&str, T), GraphError> {
        let mut found: Vec<_> = self
            .nodes
            .iter()
            .filter_map(|node| pick(&node.kind).map(|picked| (node.id.as_str(), picked)))
            .collect();
        match (found.len(), found.pop()) {
            (1, Some(only)) => Ok(only),
            (found, _) => Err(GraphError::NodeCount { kind, found }),
        }
    }

    fn connected(&self, from: (&str, &'static str), to: (&str, &'static str)) -> Result<(), GraphError> {
        let leads = self
            .edges
            .iter()
            .any(|edge| edge.source == from.0 && edge.target == to.0);
        leads.then_some(()).ok_or(GraphError::NotConnected {
            from: from.1,
            to: to.1,
        })
    }
}

impl NodeKind {
    fn plan(&self) -> Option<Plan> {
        match self {
            Self::Transcription {
                model,
                language,
                task,
            } => Some(Plan {
                model: model.clone(),
                language: language.clone(),
                task: *task,
            }),
            Self::Recording {} | Self::Transcript {} => None,
        }
    }
}
