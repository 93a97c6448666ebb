//! Workflows through the API: saved, versioned, run, removed.

use serde_json::{Value, json};
use tests::TestApp;
use tests::scenario::recording;

fn drawn(name: &str, model: &str) -> Value {
    json!({"name": name, "graph": {
        "nodes": [
            {"id": "in", "type": "recording", "data": {}, "position": {"x": 0, "y": 0}},
            {"id": "hear", "type": "transcription", "data": {"model": model, "language": "en", "task": "transcribe"}},
            {"id": "out", "type": "transcript", "data": {}},
        ],
        "edges": [
            {"id": "e1", "source": "in", "target": "hear"},
            {"id": "e2", "source": "hear", "target": "out"},
        ],
    }})
}

#[actix_web::test]
async fn a_workflow_is_saved_changed_run_and_removed() {
    let app = TestApp::start().await;
    let client = app.customer("premium").await.client;
    let saved = client
        .post("/api/workflows", drawn("Interviews", "small"))
        .await
        .ok();
    assert_eq!(saved["version"], json!(1));
    let path = format!("/api/workflows/{}", saved["workflowId"].as_str().unwrap());
    let changed = client.put(&path, drawn("Talks", "small")).await.ok();
    assert_eq!(changed["version"], json!(2));
    let query = "query ($at: String) { workflows(minPosition: $at) { nodes { name version model graph } } }";
    let data = client.query(query, json!({"at": changed["position"]})).await;
    let shown = &data["workflows"]["nodes"][0];
    assert_eq!(
        (&shown["name"], &shown["version"], &shown["model"]),
        (&json!("Talks"), &json!(2), &json!("small"))
    );
    assert_eq!(shown["graph"]["nodes"][0]["position"], json!({"x": 0, "y": 0}));

    let uploaded = client
        .upload("speech-1.wav", recording("speech-1.wav"))
        .await
        .ok();
    let run = json!({"recordingId": uploaded["recordingId"]});
    let job = client.post(&format!("{path}/jobs"), run.clone()).await.ok();
    let pinned: Value = sqlx::query_scalar(
        "SELECT payload->'JobQueued'->'workflow' FROM es.events WHERE event_type = 'JobQueued' AND aggregate_id = $1",
    )
    .bind(job["jobId"].as_str().unwrap())
    .fetch_one(&app.parts.commands)
    .await
    .unwrap();
    assert_eq!(pinned, json!({"workflow_id": saved["workflowId"], "version": 2}));

    client.delete(&path).await.ok();
    assert_eq!(client.delete(&path).await.code(), "WORKFLOW_NOT_FOUND");
    assert_eq!(
        client.post(&format!("{path}/jobs"), run).await.code(),
        "WORKFLOW_NOT_FOUND"
    );
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_graph_that_cannot_be_run_says_why() {
    let app = TestApp::start().await;
    let client = app.customer("premium").await.client;
    let mut broken = drawn("Interviews", "small");
    broken["graph"]["edges"].as_array_mut().unwrap().pop();
    let answer = client.post("/api/workflows", broken).await;
    assert_eq!(
        answer.refusal(),
        (
            400,
            "INVALID_GRAPH",
            "the workflow cannot be run: no edge leads from the transcription node to the transcript node: \
             connect them"
        )
    );
}

#[actix_web::test]
async fn workflows_of_others_are_unknown_and_the_tier_limits_their_number() {
    let app = TestApp::start().await;
    let (ours, theirs) = (
        app.customer("basic").await.client,
        app.customer("basic").await.client,
    );
    let saved = theirs
        .post("/api/workflows", drawn("Interviews", "base"))
        .await
        .ok();
    let path = format!("/api/workflows/{}", saved["workflowId"].as_str().unwrap());
    assert_eq!(
        ours.put(&path, drawn("Mine", "base")).await.code(),
        "WORKFLOW_NOT_FOUND"
    );
    assert_eq!(ours.delete(&path).await.code(), "WORKFLOW_NOT_FOUND");
    for number in 1..=5 {
        ours.post("/api/workflows", drawn(&format!("Number {number}"), "base"))
            .await
            .ok();
    }
    let sixth = ours.post("/api/workflows", drawn("Number 6", "base")).await;
    assert_eq!((sixth.status.as_u16(), sixth.code()), (403, "TOO_MANY_WORKFLOWS"));
}
