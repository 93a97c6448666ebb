//! Jobs from upload to transcript, with a real worker, and what happens when parts of the chain die.

use std::time::Duration;

use platform::broker::{self, Broker, Incoming, JOBS_QUEUE, Outcome};
use platform::messages::WorkMessage;
use serde_json::{Value, json};
use tests::app::{ADMIN, PASSWORD};
use tests::broker_proxy::BrokerProxy;
use tests::process::Process;
use tests::scenario::{Customer, email, new_reseller, recording};
use tests::{TestApp, TestClient};
use tokio_util::sync::CancellationToken;

const JOB: &str = "query ($id: ID!) { job(id: $id) { status percent attempts failure { code message }
    transcript { text segments { index startMs endMs text } } } }";

async fn submit(client: &TestClient, file: &str, bytes: Vec<u8>) -> String {
    let uploaded = client.upload(file, bytes).await.ok();
    let body = json!({"recordingId": uploaded["recordingId"], "model": "small"});
    client.post("/api/jobs", body).await.ok()["jobId"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Asks until the job is as wanted.
async fn until(client: &TestClient, job_id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let asked = async {
        let mut polls = tokio::time::interval(Duration::from_millis(50));
        loop {
            polls.tick().await;
            let data = client.query(JOB, json!({"id": job_id})).await;
            if wanted(&data["job"]) {
                return data["job"].clone();
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(120), asked)
        .await
        .expect("the job has not come so far")
}

async fn ended(client: &TestClient, job_id: &str) -> Value {
    until(client, job_id, |job| {
        ["SUCCEEDED", "FAILED", "CANCELLED"]
            .iter()
            .any(|end| job["status"] == *end)
    })
    .await
}

async fn successes(app: &TestApp) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM es.events WHERE event_type = 'JobSucceeded'")
        .fetch_one(&app.parts.commands)
        .await
        .unwrap()
}

#[actix_web::test]
async fn a_recording_becomes_its_words() {
    let app = TestApp::start().await;
    let Customer { client, .. } = app.customer("premium").await;
    let _worker = Process::worker(&app.config).await;
    let job_id = submit(&client, "talk.wav", recording("talk.wav")).await;
    let job = ended(&client, &job_id).await;
    assert_eq!(
        (&job["status"], &job["percent"]),
        (&json!("SUCCEEDED"), &json!(100)),
        "{job}"
    );
    let texts: Vec<_> = job["transcript"]["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["text"])
        .collect();
    assert_eq!(
        texts,
        [
            "eleven turn today play",
            "start timer thirty minutes",
            "close the blue door",
            "six zero nine nine"
        ]
    );
    for (format, wanted) in [
        ("txt", "eleven turn today play"),
        ("srt", "00:00:00,840 --> 00:00:02,440"),
        ("vtt", "WEBVTT"),
        ("json", "\"duration_ms\""),
    ] {
        let path = format!("/downloads/jobs/{job_id}/transcript.{format}");
        let response = client.request(reqwest::Method::GET, &path).send().await.unwrap();
        assert!(
            response.headers()["content-disposition"]
                .to_str()
                .unwrap()
                .starts_with("attachment")
        );
        let text = response.text().await.unwrap();
        assert!(text.contains(wanted), "{format}: {text}");
    }
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_job_submitted_while_the_broker_is_down_is_delivered_when_it_is_back() {
    let mut proxy = BrokerProxy::new(&tests::app::amqp_url()).await;
    let url = proxy.url();
    let app = TestApp::with(&server::Role::ALL, |config| config.broker.url = url).await;
    let Customer { client, .. } = app.customer("premium").await;
    let job_id = submit(&client, "speech-2.wav", recording("speech-2.wav")).await;
    let job = until(&client, &job_id, |job| !job.is_null()).await;
    assert_eq!(job["status"], json!("QUEUED"));
    proxy.open().await;
    let _worker = Process::worker(&app.config).await;
    let job = ended(&client, &job_id).await;
    assert_eq!(
        job["transcript"]["text"],
        json!("start timer thirty minutes"),
        "{job}"
    );
}

#[actix_web::test]
async fn connections_that_break_are_made_again_on_both_sides() {
    let mut proxy = BrokerProxy::new(&tests::app::amqp_url()).await;
    proxy.open().await;
    let url = proxy.url();
    let app = TestApp::with(&server::Role::ALL, |config| config.broker.url = url).await;
    let Customer { client, .. } = app.customer("premium").await;
    let _worker = Process::worker(&app.config).await;
    let first = submit(&client, "speech-1.wav", recording("speech-1.wav")).await;
    ended(&client, &first).await;
    proxy.cut();
    let second = submit(&client, "speech-3.wav", recording("speech-3.wav")).await;
    proxy.open().await;
    let job = ended(&client, &second).await;
    assert_eq!(job["transcript"]["text"], json!("close the blue door"), "{job}");
}

/// Four minutes of speech: long enough to be killed in the middle.
fn long_recording() -> Vec<u8> {
    let talk = recording("talk.wav");
    let (header, samples) = talk.split_at(44);
    let samples = samples.repeat(16);
    let mut whole = header.to_vec();
    whole.extend_from_slice(&samples);
    let data = u32::try_from(samples.len()).unwrap();
    whole[4..8].copy_from_slice(&(data + 36).to_le_bytes());
    whole[40..44].copy_from_slice(&data.to_le_bytes());
    whole
}

#[actix_web::test]
async fn a_worker_killed_in_the_middle_leaves_exactly_one_result() {
    let app = TestApp::start().await;
    let Customer { client, .. } = app.customer("premium").await;
    let worker = Process::worker(&app.config).await;
    let job_id = submit(&client, "long.wav", long_recording()).await;
    until(&client, &job_id, |job| {
        job["percent"].as_u64().is_some_and(|percent| percent > 5)
    })
    .await;
    worker.kill().await;
    let _second = Process::worker(&app.config).await;
    let job = ended(&client, &job_id).await;
    assert_eq!(job["status"], json!("SUCCEEDED"), "{job}");
    let segments = job["transcript"]["segments"].as_array().unwrap();
    let (count, end) = (
        segments.len(),
        segments.last().unwrap()["endMs"].as_u64().unwrap(),
    );
    assert!(count > 16 && end > 200_000, "{count} segments, to {end} ms");
    assert_eq!(successes(&app).await, 1);
    let gaps: i64 =
        sqlx::query_scalar("SELECT max(sequence) - count(*) FROM live.job_updates WHERE job_id = $1::uuid")
            .bind(&job_id)
            .fetch_one(&app.parts.projections)
            .await
            .unwrap();
    assert_eq!(gaps, 0);
}

#[actix_web::test]
async fn a_job_that_no_worker_survives_fails_with_a_reason() {
    let app = TestApp::start().await;
    let Customer { client, .. } = app.customer("premium").await;
    let job_id = submit(&client, "speech-1.wav", recording("speech-1.wav")).await;
    let broker = Broker::new(&app.config.broker.url, &app.config.broker.prefix);
    let (stop, mut deliveries) = (CancellationToken::new(), Vec::new());
    let dying = async |incoming: Incoming<WorkMessage>| {
        deliveries.push(incoming.delivery);
        Outcome::Requeue
    };
    let job = tokio::select! {
        () = broker::consume(&broker, JOBS_QUEUE, &stop, || (), dying) => panic!("the consumer gave up"),
        job = ended(&client, &job_id) => job,
    };
    assert_eq!(
        (&job["status"], &job["failure"]["code"]),
        (&json!("FAILED"), &json!("WORKER_LOST"))
    );
    assert_eq!(deliveries, [1, 2, 3, 4]);
}

#[actix_web::test]
async fn a_job_that_the_broker_lost_is_handed_out_again() {
    let app = TestApp::start().await;
    let Customer { client, .. } = app.customer("premium").await;
    let job_id = submit(&client, "speech-4.wav", recording("speech-4.wav")).await;
    until(&client, &job_id, |job| job["status"] == "DISPATCHED").await;
    let broker = Broker::new(&app.config.broker.url, &app.config.broker.prefix);
    // The broker's data is gone; its consumers come back to new queues.
    broker.remove().await.unwrap();
    app.parts.clock.advance(chrono::TimeDelta::minutes(31));
    let client = app.renewed(&client);
    let _worker = Process::worker(&app.config).await;
    let job = ended(&client, &job_id).await;
    assert_eq!(
        (&job["status"], &job["attempts"]),
        (&json!("SUCCEEDED"), &json!(2)),
        "{job}"
    );
    assert_eq!(job["transcript"]["text"], json!("six zero nine nine"));
}

#[actix_web::test]
async fn a_server_killed_between_append_and_projection_catches_up() {
    // Nobody projects at first.
    let app = TestApp::with(&[server::Role::Api], |_| {}).await;
    app.register_admin().await;
    let mut config = app.config.as_ref().clone();
    config.http.port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let server = Process::server(&config, "commands").await;
    let admin = TestClient::new(&config.public_url())
        .sign_in(ADMIN, PASSWORD)
        .await;
    let registered = admin
        .post("/api/admin/resellers", new_reseller(&email("rita")))
        .await
        .ok();
    server.kill().await;
    let query = "query ($id: ID!, $at: String) { reseller(id: $id, minPosition: $at) { name } }";
    let variables = json!({"id": registered["resellerId"], "at": registered["position"]});
    let read = app.client().with_token(admin.token.as_deref().unwrap());
    let stale = read.graphql(query, variables.clone()).await;
    assert_eq!(stale["errors"][0]["extensions"]["code"], json!("STALE_POSITION"));
    let _again = Process::server(&config, "commands,projections").await;
    app.settle().await;
    assert_eq!(
        read.query(query, variables).await["reseller"]["name"],
        json!("North Audio")
    );
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_model_beyond_the_tier_or_not_installed_is_refused() {
    let app = TestApp::start().await;
    let customer = app.customer("basic").await;
    let client = &customer.client;
    let uploaded = client
        .upload("speech-1.wav", recording("speech-1.wav"))
        .await
        .ok();
    let refused = async |model: &str| {
        client
            .post(
                "/api/jobs",
                json!({"recordingId": uploaded["recordingId"], "model": model}),
            )
            .await
    };
    let beyond = refused("small").await;
    assert_eq!(
        (beyond.status.as_u16(), beyond.code()),
        (403, "MODEL_NOT_IN_TIER")
    );
    assert_eq!(beyond.body["allowed"], json!(["tiny", "base"]));
    assert_eq!(refused("tiny").await.code(), "MODEL_NOT_INSTALLED");
}

#[actix_web::test]
async fn a_foreign_recording_and_a_foreign_job_are_unknown() {
    let app = TestApp::start().await;
    let (ours, theirs) = (app.customer("premium").await, app.customer("premium").await);
    let uploaded = theirs
        .client
        .upload("speech-1.wav", recording("speech-1.wav"))
        .await
        .ok();
    let body = json!({"recordingId": uploaded["recordingId"], "model": "small"});
    assert_eq!(
        ours.client.post("/api/jobs", body.clone()).await.code(),
        "RECORDING_NOT_FOUND"
    );
    let job = theirs.client.post("/api/jobs", body).await.ok();
    let path = format!("/api/jobs/{}/cancel", job["jobId"].as_str().unwrap());
    assert_eq!(ours.client.post(&path, json!({})).await.code(), "JOB_NOT_FOUND");
    theirs.client.post(&path, json!({})).await.ok();
    assert_eq!(theirs.client.post(&path, json!({})).await.code(), "JOB_ENDED");
}

#[actix_web::test]
async fn a_workers_link_opens_its_job_only_while_it_runs() {
    use platform::tokens::{LinkGrant, LinkKind};
    let app = TestApp::start().await;
    let customer = app.customer("premium").await;
    let bytes = recording("speech-1.wav");
    let job_id = submit(&customer.client, "speech-1.wav", bytes.clone()).await;
    let write = app.parts.write_side();
    let grant = LinkGrant {
        job_id: job_id.parse::<uuid::Uuid>().unwrap().into(),
        attempt: 1,
        kind: LinkKind::Audio,
    };
    let token = write
        .signer
        .link(grant, app.parts.clock.now() + chrono::TimeDelta::hours(1))
        .unwrap();
    let open = async |token: &str| {
        let path = format!("/api/work/audio?token={token}");
        app.client()
            .request(reqwest::Method::GET, &path)
            .send()
            .await
            .unwrap()
    };
    assert_eq!(open(&token).await.bytes().await.unwrap(), bytes);
    let other_kind = write
        .signer
        .link(
            LinkGrant {
                kind: LinkKind::Result,
                ..grant
            },
            app.parts.clock.now() + chrono::TimeDelta::hours(1),
        )
        .unwrap();
    assert_eq!(open(&other_kind).await.status().as_u16(), 403);
    assert_eq!(
        open(customer.client.token.as_deref().unwrap())
            .await
            .status()
            .as_u16(),
        403
    );
    customer
        .client
        .post(&format!("/api/jobs/{job_id}/cancel"), json!({}))
        .await
        .ok();
    assert_eq!(open(&token).await.status().as_u16(), 410);
}
