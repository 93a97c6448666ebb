//! What a customer may do is decided once: commands, checks by REST and GraphQL, and the dispatcher say the same.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tests::client::read;
use tests::scenario::{Customer, email, new_customer, recording};
use tests::{Answer, TestApp, TestClient};
use uuid::Uuid;

/// A tier with little of everything, and a customer on it.
async fn narrow(app: &TestApp) -> (TestClient, TestClient, Customer) {
    let admin = app.admin().await;
    publish(&admin, 1, 400_000).await;
    let reseller = app.reseller_with(&admin, 1_000).await;
    let customer = app.customer_of(&reseller, "narrow").await;
    (admin, reseller.client, customer)
}

async fn publish(admin: &TestClient, audio_minutes: u32, storage_bytes: u64) {
    let tier = json!({
        "name": "Narrow", "rank": 80, "creditsPerDay": 1, "uploadBytesMax": 300_000, "concurrentJobsMax": 1,
        "workflowsMax": 1, "storageBytesMax": storage_bytes, "models": ["small"], "diarization": false,
        "separation": false, "translationMinutesMax": 0, "audioMinutesMax": audio_minutes,
    });
    admin.put("/api/admin/tiers/narrow", tier).await.ok();
}

async fn check(client: &TestClient, body: Value) -> Answer {
    let request = client
        .request(Method::POST, "/api/entitlements/check")
        .json(&body);
    read(request.send().await.unwrap()).await
}

async fn check_one(client: &TestClient, query: &str) -> Answer {
    let request = client.request(Method::GET, &format!("/api/entitlements/check?{query}"));
    read(request.send().await.unwrap()).await
}

#[actix_web::test]
async fn a_batch_answers_as_single_checks_do_and_as_commands_decide() {
    let app = TestApp::start().await;
    let (_, reseller, customer) = narrow(&app).await;
    let client = &customer.client;
    let bytes = recording("speech-1.wav");
    let uploaded = client.upload("speech-1.wav", bytes.clone()).await.ok();
    app.settle().await;
    let features = [
        "upload_bytes",
        "storage_bytes",
        "concurrent_jobs",
        "workflows",
        "audio_seconds",
        "translation_seconds",
        "diarization",
        "separation",
    ];
    let mut questions: Vec<_> = features
        .iter()
        .flat_map(|feature| [0, 1, 399_999].map(|amount| json!({"feature": feature, "amount": amount})))
        .collect();
    questions.extend(["small", "tiny"].map(|model| json!({"feature": "model", "model": model})));
    let batch = check(client, json!({"questions": questions})).await.ok();
    let answers = batch["answers"].as_array().unwrap();
    assert_eq!(answers.len(), questions.len());
    for (question, answer) in questions.iter().zip(answers) {
        let mut query = format!("feature={}", question["feature"].as_str().unwrap());
        for name in ["amount", "model"] {
            match &question[name] {
                Value::Null => {}
                Value::String(text) => query.push_str(&format!("&{name}={text}")),
                number => query.push_str(&format!("&{name}={number}")),
            }
        }
        assert_eq!(&check_one(client, &query).await.ok(), answer, "{query}");
    }
    let stored = &answers[3];
    assert_eq!(
        (&stored["used"], &stored["limit"], &stored["grant"]["tier"]),
        (&json!(bytes.len()), &json!(400_000), &json!("narrow"))
    );
    assert_eq!(answers.last().unwrap()["code"], "MODEL_NOT_IN_TIER");
    // What the reseller is told of its customer is what the customer is told.
    let about = json!({"questions": [{"customerId": customer.id, "feature": "workflows"}]});
    let told = check(&reseller, about).await.ok();
    assert_eq!(told["answers"][0]["remaining"], 1);

    let job = json!({"recordingId": uploaded["recordingId"], "model": "small", "task": "translate"});
    let refused = client.post("/api/jobs", job).await;
    let asked = check_one(client, "feature=translation_seconds").await.ok();
    assert_eq!(
        (refused.status.as_u16(), refused.code(), refused.refusal().2),
        (
            403,
            asked["code"].as_str().unwrap(),
            asked["explanation"].as_str().unwrap()
        )
    );
    assert_eq!(asked["code"], "TRANSLATION_NOT_IN_TIER");
}

#[actix_web::test]
async fn questions_that_make_no_sense_are_refused_and_strangers_are_told_nothing() {
    let app = TestApp::start().await;
    let (admin, _, customer) = narrow(&app).await;
    let other = app.reseller_with(&admin, 0).await.client;
    app.settle().await;
    let workflows = |id: &str| json!({"questions": [{"customerId": id, "feature": "workflows"}]});
    let mut foreign = check(&other, workflows(&customer.id)).await.ok();
    let nobody = Uuid::now_v7().to_string();
    let unknown = check(&other, workflows(&nobody)).await.ok();
    assert_eq!(foreign["answers"][0]["code"], "CUSTOMER_NOT_FOUND");
    foreign["answers"][0]["customerId"] = json!(nobody);
    assert_eq!(foreign, unknown);
    let path = format!("customerId={}&feature=workflows", customer.id);
    assert_eq!(check_one(&other, &path).await.refusal().0, 404);
    assert_eq!(check_one(&admin, &path).await.ok()["limit"], 1);
    assert_eq!(check_one(&app.client(), &path).await.refusal().0, 401);
    for body in [
        json!({"questions": []}),
        json!({"questions": vec![json!({"feature": "workflows"}); 1_001]}),
        json!({"questions": [{"feature": "model"}]}),
        json!({"questions": [{"feature": "workflows", "model": "small"}]}),
        json!({"questions": [{"feature": "workflows", "amount": -1}]}),
        json!({"questions": [{"feature": "everything"}]}),
        json!({"questions": [{"feature": "workflows"}], "more": 1}),
    ] {
        assert_eq!(
            check(&customer.client, body.clone()).await.refusal().0,
            400,
            "{body}"
        );
    }
    let most = json!({"questions": vec![json!({"feature": "workflows"}); 1_000]});
    let most = check(&customer.client, most).await.ok();
    assert_eq!(most["answers"].as_array().unwrap().len(), 1_000);
}

#[actix_web::test]
async fn a_check_after_a_commands_answer_sees_it_and_an_earlier_one_is_told_as_it_was() {
    let app = TestApp::start().await;
    let (_, _, customer) = narrow(&app).await;
    let client = &customer.client;
    let before = app.parts.clock.now();
    app.parts.clock.advance(TimeDelta::minutes(5));
    let client = app.renewed(client);
    let bytes = recording("speech-1.wav").len();
    let uploaded = client
        .upload("speech-1.wav", recording("speech-1.wav"))
        .await
        .ok();
    let query = "query ($at: String, $asOf: DateTime) { entitlement(minPosition: $at, asOf: $asOf) {
        answer(feature: STORAGE_BYTES, amount: 0) { used remaining limit grant { tier tierVersion } } } }";
    let used = async |as_of: Value| {
        let variables = json!({"at": uploaded["position"], "asOf": as_of});
        client.query(query, variables).await["entitlement"]["answer"].clone()
    };
    let now = used(Value::Null).await;
    assert_eq!(now["used"], bytes);
    assert_eq!(now["grant"], json!({"tier": "narrow", "tierVersion": 1}));
    assert_eq!(used(json!(app.parts.clock.now())).await["used"], bytes);
    assert_eq!(used(json!(before)).await["used"], 0);

    let id = uploaded["recordingId"].as_str().unwrap();
    let removed = client.delete(&format!("/api/tenant/recordings/{id}")).await.ok();
    let variables = json!({"at": removed["position"]});
    let after = client.query(query, variables).await;
    assert_eq!(after["entitlement"]["answer"]["used"], 0);
    app.settle().await;
    let listed = client.query("{ recordings { nodes { id } } }", json!({})).await;
    assert_eq!(listed["recordings"]["nodes"], json!([]));
    let gone = client.delete(&format!("/api/tenant/recordings/{id}")).await;
    assert_eq!(gone.code(), "RECORDING_NOT_FOUND");
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn storage_and_speech_run_out_and_are_free_again() {
    let app = TestApp::start().await;
    let (admin, _, customer) = narrow(&app).await;
    let client = &customer.client;
    let first = client
        .upload("speech-1.wav", recording("speech-1.wav"))
        .await
        .ok();
    publish(&admin, 1, first["bytes"].as_u64().unwrap() + 10).await;
    let full = client.upload("speech-2.wav", recording("speech-2.wav")).await;
    assert_eq!((full.status.as_u16(), full.code()), (403, "STORAGE_FULL"));

    let job = json!({"recordingId": first["recordingId"], "model": "small"});
    // A minute takes some 25 of them: whoever sends more at once gets no more.
    let at_once = (0..40).map(|_| client.post("/api/jobs", job.clone()));
    let answers = futures::future::join_all(at_once).await;
    let queued: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status.is_success())
        .collect();
    let refused = answers.iter().filter(|answer| answer.code() == "AUDIO_USED_UP");
    assert!(refused.count() >= 10, "{answers:?}");
    assert!(!queued.is_empty());
    let in_use = client
        .delete(&format!(
            "/api/tenant/recordings/{}",
            first["recordingId"].as_str().unwrap()
        ))
        .await;
    assert_eq!(in_use.code(), "RECORDING_IN_USE");
    for answer in queued {
        let path = format!("/api/jobs/{}/cancel", answer.body["jobId"].as_str().unwrap());
        client.post(&path, json!({})).await.ok();
    }
    client.post("/api/jobs", job).await.ok();
    let query = "{ usage(from: \"2026-01-01\", to: \"2027-01-01\", by: MONTH) {
        periods { jobs storageBytes } limits { feature used limit percent } } }";
    app.settle().await;
    let usage = client.query(query, json!({})).await["usage"].clone();
    assert_eq!(usage["periods"][0]["storageBytes"], first["bytes"], "{usage}");
    assert_eq!(usage["limits"][0]["percent"], 99, "{usage}");
    assert!(app.audit().await.is_clean());
}

#[actix_web::test]
async fn a_customer_tries_a_tier_for_nothing_and_pays_when_it_likes_it() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 30).await;
    let begun = |body: Value| {
        let mut customer = new_customer(&email("tara"), "premium", 1);
        let fields = customer.as_object_mut().unwrap();
        fields.remove("days");
        fields.extend(body.as_object().unwrap().clone());
        reseller.client.post("/api/reseller/customers", customer)
    };
    for neither in [json!({}), json!({"days": 3, "trial": true})] {
        assert_eq!(begun(neither).await.refusal().0, 400);
    }
    let refused = begun(json!({"tier": "basic", "trial": true})).await;
    assert_eq!(
        (refused.refusal().1, &refused.body["allowed"]),
        ("NO_TRIAL", &json!(["premium"]))
    );
    let tara = begun(json!({"trial": true})).await.ok();
    assert_eq!((&tara["debited"], &tara["balance"]), (&json!(0), &json!(30)));
    app.settle().await;
    let asked =
        json!({"questions": [{"customerId": tara["tenantId"], "feature": "audio_seconds", "amount": 901}]});
    let told = check(&reseller.client, asked.clone()).await.ok()["answers"][0].clone();
    assert_eq!(
        (&told["code"], &told["limit"], &told["grant"]["source"]),
        (&json!("AUDIO_USED_UP"), &json!(900), &json!("trial"))
    );
    let days = json!({"days": 10});
    let path = format!(
        "/api/reseller/customers/{}/extensions",
        tara["tenantId"].as_str().unwrap()
    );
    let extended = reseller.client.post(&path, days).await.ok();
    assert_eq!(
        (&extended["debited"], &extended["balance"]),
        (&json!(10), &json!(20))
    );
    app.settle().await;
    let told = check(&reseller.client, asked).await.ok()["answers"][0].clone();
    assert_eq!(
        (&told["allowed"], &told["grant"]["source"]),
        (&json!(true), &json!("credits"))
    );
    assert!(app.audit().await.is_clean());
}

/// Jobs that were handed to the broker.
async fn dispatched(app: &TestApp) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM work.queue WHERE state = 'dispatched'")
        .fetch_one(&app.parts.commands)
        .await
        .unwrap()
}

async fn until_dispatched(app: &TestApp, wanted: i64) {
    let reached = async {
        while dispatched(app).await != wanted {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), reached)
        .await
        .expect("the dispatcher has not come so far");
}

#[actix_web::test]
async fn jobs_wait_for_the_limit_of_today_and_for_their_customer() {
    let app = TestApp::start().await;
    let (admin, reseller, customer) = narrow(&app).await;
    publish(&admin, 600, 10_000_000).await;
    let client = &customer.client;
    let uploaded = client
        .upload("speech-1.wav", recording("speech-1.wav"))
        .await
        .ok();
    let job = json!({"recordingId": uploaded["recordingId"], "model": "small"});
    for _ in 0..4 {
        client.post("/api/jobs", job.clone()).await.ok();
    }
    until_dispatched(&app, 1).await;
    let wider = json!({
        "name": "Narrow", "rank": 80, "creditsPerDay": 1, "uploadBytesMax": 300_000, "concurrentJobsMax": 3,
        "diarization": false, "separation": false,
    });
    admin.put("/api/admin/tiers/narrow", wider).await.ok();
    until_dispatched(&app, 3).await;
    // The fourth waits for its place, and then for its customer.
    let path = format!("/api/reseller/customers/{}", customer.id);
    reseller
        .post(&format!("{path}/suspend"), json!({"reason": "unpaid"}))
        .await
        .ok();
    let running: String =
        sqlx::query_scalar("SELECT job_id::text FROM work.queue WHERE state = 'dispatched' LIMIT 1")
            .fetch_one(&app.parts.commands)
            .await
            .unwrap();
    client
        .post(&format!("/api/jobs/{running}/cancel"), json!({}))
        .await
        .ok();
    until_dispatched(&app, 2).await;
    reseller
        .post(&format!("{path}/resume"), json!({"reason": "paid"}))
        .await
        .ok();
    until_dispatched(&app, 3).await;
}
