use cqrs_es::test::TestFramework;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::job::SpeechTask;

type Library = TestFramework<WorkflowLibrary>;

fn id(number: u128) -> WorkflowId {
    WorkflowId(Uuid::from_u128(number))
}

/// recording → transcription → transcript, as the builder sends it.
fn graph() -> Graph {
    serde_json::from_value(json!({
        "nodes": [
            {"id": "in", "type": "recording", "data": {}, "position": {"x": 0, "y": 0}},
            {"id": "hear", "type": "transcription", "data": {"model": "small", "task": "transcribe"},
             "position": {"x": 200, "y": 0}, "measured": {"width": 150, "height": 40}},
            {"id": "out", "type": "transcript", "data": {}, "position": {"x": 400, "y": 0}},
        ],
        "edges": [
            {"id": "e1", "source": "in", "target": "hear"},
            {"id": "e2", "source": "hear", "target": "out", "animated": true},
        ],
    }))
    .unwrap()
}

fn plan() -> Plan {
    Plan {
        model: "small".to_owned(),
        language: None,
        task: SpeechTask::Transcribe,
    }
}

fn save(number: u128, graph: Graph) -> WorkflowLibraryCommand {
    WorkflowLibraryCommand::Save {
        workflow_id: id(number),
        name: " Interviews ".to_owned(),
        graph,
    }
}

fn saved(number: u128, version: u32) -> WorkflowLibraryEvent {
    WorkflowLibraryEvent::WorkflowSaved {
        workflow_id: id(number),
        version,
        name: "Interviews".to_owned(),
        graph: graph(),
        plan: plan(),
    }
}

#[test]
fn a_graph_keeps_everything_that_the_builder_drew() {
    let drawn = serde_json::to_value(graph()).unwrap();
    assert_eq!(drawn["nodes"][1]["measured"], json!({"width": 150, "height": 40}));
    assert_eq!(drawn["edges"][1]["animated"], json!(true));
}

#[test]
fn a_workflow_is_saved_and_saved_again_as_the_next_version() {
    Library::with(())
        .given_no_previous_events()
        .when(save(1, graph()))
        .then_expect_events(vec![saved(1, 1)]);
    Library::with(())
        .given(vec![saved(1, 1)])
        .when(save(1, graph()))
        .then_expect_events(vec![saved(1, 2)]);
}

#[test]
fn a_library_counts_its_workflows() {
    let mut library = WorkflowLibrary::default();
    assert!(library.is_empty());
    for event in [saved(1, 1), saved(2, 1), saved(1, 2)] {
        library.evolve(event);
    }
    library.evolve(WorkflowLibraryEvent::WorkflowRemoved { workflow_id: id(1) });
    assert_eq!(library.len(), 1);
}

#[test]
fn a_removed_workflow_makes_room_and_is_unknown() {
    let removed = WorkflowLibraryEvent::WorkflowRemoved { workflow_id: id(1) };
    let remove = || WorkflowLibraryCommand::Remove { workflow_id: id(1) };
    Library::with(())
        .given(vec![saved(1, 1)])
        .when(remove())
        .then_expect_events(vec![removed.clone()]);
    Library::with(())
        .given(vec![saved(1, 1), removed])
        .when(remove())
        .then_expect_error(WorkflowLibraryError::WorkflowNotFound);
}

#[test]
fn a_workflow_needs_a_name() {
    let unnamed = WorkflowLibraryCommand::Save {
        workflow_id: id(1),
        name: "  ".to_owned(),
        graph: graph(),
    };
    Library::with(())
        .given_no_previous_events()
        .when(unnamed)
        .then_expect_error(WorkflowLibraryError::InvalidName);
}

#[test]
fn what_cannot_be_run_says_why() {
    let changed = |change: fn(&mut Graph)| {
        let mut graph = graph();
        change(&mut graph);
        graph.compile().unwrap_err()
    };
    assert_eq!(
        changed(|graph| graph.nodes[2].id = "in".to_owned()),
        GraphError::DuplicateNode("in".to_owned())
    );
    assert_eq!(
        changed(|graph| graph.edges[1].target = "gone".to_owned()),
        GraphError::DanglingEdge {
            edge: "e2".to_owned(),
            node: "gone".to_owned()
        }
    );
    assert_eq!(
        changed(|graph| drop(graph.nodes.remove(1))),
        GraphError::DanglingEdge {
            edge: "e1".to_owned(),
            node: "hear".to_owned()
        }
    );
    assert_eq!(
        changed(|graph| graph.nodes[1].kind = NodeKind::Transcript {}),
        GraphError::NodeCount {
            kind: "transcription",
            found: 0
        }
    );
    assert_eq!(
        changed(|graph| drop(graph.edges.remove(0))),
        GraphError::NotConnected {
            from: "recording",
            to: "transcription"
        }
    );
    assert_eq!(
        changed(|graph| graph.nodes = vec![graph.nodes[0].clone(); 51]),
        GraphError::TooLarge
    );
}
