//! Following a job over a WebSocket: nothing lost, nothing twice, and nobody who may not.

use crate::support::log::{Story, noon, platform, queue_job, report, started, story, succeeded};
use crate::support::{TestApi, customer, reseller};
use chrono::TimeDelta;
use domain::job::{Job, JobEvent};
use serde_json::json;
use uuid::Uuid;

async fn running() -> (TestApi, Story, Uuid) {
    let mut api = TestApi::start().await;
    platform(&mut api.log).await;
    let story = story(&mut api.log, "Nordwind").await;
    let job_id = queue_job(&mut api.log, &story).await;
    happens(&mut api, &story, job_id, started(1, 1)).await;
    (api, story, job_id)
}

async fn happens(api: &mut TestApi, story: &Story, job_id: Uuid, event: JobEvent) {
    api.log.one::<Job>(job_id, event, story.of_tenant(), noon()).await;
    api.log.catch_up().await;
    api.wake.job(job_id);
}

#[actix_web::test]
async fn a_dropped_subscriber_resumes_without_loss_or_repeat() {
    let (mut api, story, job_id) = running().await;
    let mut socket = api.admitted(&customer(&story)).await;
    socket.follow(job_id, 0).await;
    let first = socket.update().await;
    assert_eq!(
        (&first["sequence"], &first["status"]),
        (&json!(1), &json!("QUEUED"))
    );
    assert_eq!(socket.update().await["status"], "RUNNING");
    let segment = r#"[{"index": 0, "start_ms": 0, "end_ms": 900, "text": "Hello."}]"#;
    report(&api.log, job_id, (1, 1, 1), 40, segment).await.unwrap();
    api.wake.job(job_id);
    let third = socket.update().await;
    assert_eq!((&third["sequence"], &third["percent"]), (&json!(3), &json!(40)));
    assert_eq!(third["segments"][0]["text"], "Hello.");
    drop(socket);

    report(&api.log, job_id, (1, 1, 2), 60, "[]").await.unwrap();
    let mut socket = api.admitted(&customer(&story)).await;
    socket.follow(job_id, 3).await;
    assert_eq!(socket.update().await["sequence"], 4);
    // Nobody wakes the subscriber: it looks by itself.
    report(&api.log, job_id, (1, 1, 3), 80, "[]").await.unwrap();
    assert_eq!(socket.update().await["sequence"], 5);
    happens(&mut api, &story, job_id, succeeded(job_id, "ab")).await;
    let last = socket.update().await;
    assert_eq!(
        (&last["sequence"], &last["status"], &last["percent"]),
        (&json!(6), &json!("SUCCEEDED"), &json!(100))
    );
    assert_eq!(socket.hear().await.unwrap()["type"], "complete");

    let mut socket = api.admitted(&reseller(&story)).await;
    socket.follow(job_id, 6).await;
    assert_eq!(
        socket.hear().await.unwrap()["type"],
        "complete",
        "resumed after the end"
    );
}

#[actix_web::test]
async fn a_socket_without_a_valid_token_is_closed() {
    let (api, story, _) = running().await;
    let other = TestApi::start().await;
    for token in [String::new(), "forged".to_owned(), other.token(&customer(&story))] {
        let mut socket = api.socket().await;
        socket.init(&token).await;
        assert_eq!(socket.hear().await, Err(4403), "{token:?}");
    }
    let mut socket = api.socket().await;
    socket.say(json!({"type": "connection_init"})).await;
    assert_eq!(socket.hear().await, Err(4403));
    let token = api.token(&customer(&story));
    api.clock.advance(TimeDelta::minutes(16));
    let mut socket = api.socket().await;
    socket.init(&token).await;
    assert_eq!(socket.hear().await, Err(4403), "expired");
}

#[actix_web::test]
async fn a_socket_ends_with_its_token() {
    let (api, story, job_id) = running().await;
    let mut socket = api.admitted(&customer(&story)).await;
    socket.follow(job_id, 2).await;
    api.clock.advance(TimeDelta::minutes(16));
    assert_eq!(socket.hear().await, Err(4403));
}

#[actix_web::test]
async fn those_who_do_not_keep_to_the_protocol_are_told_so() {
    let (api, story, job_id) = running().await;
    let mut socket = api.socket().await;
    socket.follow(job_id, 0).await;
    assert_eq!(socket.hear().await, Err(4401), "subscribed before the handshake");
    let mut socket = api.socket().await;
    socket.say(json!({"type": "nonsense"})).await;
    assert_eq!(socket.hear().await, Err(4400));
    let mut socket = api.admitted(&customer(&story)).await;
    socket.init(&api.token(&customer(&story))).await;
    assert_eq!(socket.hear().await, Err(4429), "a second handshake");
    let mut socket = api.admitted(&customer(&story)).await;
    socket.follow(job_id, 2).await;
    socket.follow(job_id, 2).await;
    assert_eq!(socket.hear().await, Err(4409), "an id that is in use");
    let mut socket = api.admitted(&customer(&story)).await;
    for _ in 0..40 {
        socket.follow(Uuid::nil(), -1).await;
        let heard = socket.hear().await.unwrap();
        assert_eq!(
            heard["payload"]["errors"][0]["extensions"]["code"],
            "BAD_USER_INPUT"
        );
        assert_eq!(
            socket.hear().await.unwrap()["type"],
            "complete",
            "an id is free once its operation has ended"
        );
    }
    socket.say(json!({"type": "ping"})).await;
    assert_eq!(socket.hear().await.unwrap()["type"], "pong");
}
