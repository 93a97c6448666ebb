//! Uploads: what is accepted, what is refused, and that refusals leave nothing behind.

use std::path::Path;

use futures::stream;
use serde_json::json;
use tests::TestApp;
use tests::scenario::recording;

/// Files below the object store's folder of recordings.
fn objects(app: &TestApp) -> usize {
    fn count(folder: &Path) -> usize {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return 0;
        };
        entries
            .map(|entry| entry.unwrap().path())
            .map(|path| if path.is_dir() { count(&path) } else { 1 })
            .sum()
    }
    count(&app.config.storage.path.join("recordings"))
}

#[actix_web::test]
async fn a_recording_is_examined_and_stored() {
    let app = TestApp::start().await;
    let customer = app.customer("premium").await;
    let bytes = recording("speech-1.wav");
    let uploaded = customer.client.upload("speech-1.wav", bytes.clone()).await.ok();
    assert_eq!(
        (uploaded["format"].clone(), uploaded["bytes"].clone()),
        (json!("wav"), json!(bytes.len()))
    );
    assert!(uploaded["durationMs"].as_u64().unwrap() > 1_000);
    let query = "query ($at: String) { recordings(minPosition: $at) { nodes { id name bytes format } } }";
    let data = customer
        .client
        .query(query, json!({"at": uploaded["position"]}))
        .await;
    assert_eq!(data["recordings"]["nodes"][0]["id"], uploaded["recordingId"]);
    assert_eq!(objects(&app), 1);
}

#[actix_web::test]
async fn what_is_no_whole_recording_is_refused_and_leaves_nothing() {
    let app = TestApp::start().await;
    let customer = app.customer("premium").await;
    let whole = recording("speech-1.wav");
    let before = app.events().await;
    for (bytes, code) in [
        (Vec::new(), "AUDIO_EMPTY"),
        (
            b"This is a letter, not a recording.".repeat(50),
            "AUDIO_NOT_RECOGNISED",
        ),
        (whole[..whole.len() / 2].to_vec(), "AUDIO_CUT_OFF"),
    ] {
        let answer = customer.client.upload("letter.wav", bytes).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (422, code));
    }
    assert_eq!((app.events().await, objects(&app)), (before, 0));
}

#[actix_web::test]
async fn an_upload_beyond_the_tier_is_refused_while_it_streams() {
    let app = TestApp::start().await;
    let customer = app.customer("basic").await;
    // No announced size: the server has to count. It stops at 100 MB, the client would go on to 400 MB.
    let pieces = stream::iter((0..400).map(|_| Ok::<_, std::io::Error>(vec![0_u8; 1_000_000])));
    let request = customer
        .client
        .request(reqwest::Method::POST, "/api/tenant/recordings?name=long.wav")
        .header("Idempotency-Key", "long")
        .body(reqwest::Body::wrap_stream(pieces));
    // The server may answer and close before the client has sent all: then there is no answer to read.
    if let Ok(response) = request.send().await {
        let answer = tests::client::read(response).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (413, "FILE_TOO_LARGE"));
        assert_eq!(answer.body["available"], json!(100_000_000));
    }
    assert_eq!(objects(&app), 0);
}

#[actix_web::test]
async fn an_announced_size_beyond_the_tier_is_refused_at_once() {
    let app = TestApp::start().await;
    let customer = app.customer("basic").await;
    let answer = customer.client.upload("long.wav", vec![0_u8; 100_000_001]).await;
    assert_eq!(answer.code(), "FILE_TOO_LARGE");
    assert!(
        answer.refusal().2.contains("100 MB that the basic tier allows"),
        "{}",
        answer.body
    );
}

#[actix_web::test]
async fn a_repeated_upload_is_stored_once() {
    let app = TestApp::start().await;
    let customer = app.customer("premium").await;
    let upload = || {
        customer
            .client
            .request(reqwest::Method::POST, "/api/tenant/recordings?name=speech-1.wav")
            .header("Idempotency-Key", "once")
            .body(recording("speech-1.wav"))
            .send()
    };
    let first = tests::client::read(upload().await.unwrap()).await.ok();
    let again = tests::client::read(upload().await.unwrap()).await;
    assert!(again.replayed);
    assert_eq!((again.ok(), objects(&app)), (first, 1));
}

#[actix_web::test]
async fn an_ended_subscription_uploads_nothing() {
    let app = TestApp::start().await;
    let customer = app.customer("premium").await;
    let client = &customer.client;
    app.parts.clock.advance(chrono::TimeDelta::days(31));
    let client = app.renewed(client);
    let answer = client.upload("speech-1.wav", recording("speech-1.wav")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (403, "SUBSCRIPTION_EXPIRED")
    );
}
