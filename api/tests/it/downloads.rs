//! Transcripts as files.

use crate::support::log::{Story, noon, platform, queue_job, story, succeeded};
use crate::support::{TestApi, code, customer};
use bytes::Bytes;
use domain::job::Job;
use domain::transcript::{Segment, Transcript};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

async fn transcribed() -> (TestApi, Story, Uuid) {
    let mut api = TestApi::start().await;
    platform(&mut api.log).await;
    let story = story(&mut api.log, "Nordwind").await;
    let job_id = queue_job(&mut api.log, &story).await;
    let transcript = Transcript {
        language: "en".to_owned(),
        duration_ms: 1_000,
        text: "Hello.".to_owned(),
        segments: vec![Segment {
            index: 0,
            start_ms: 0,
            end_ms: 900,
            text: "Hello.".to_owned(),
        }],
    };
    let bytes = Bytes::from(serde_json::to_vec(&transcript).unwrap());
    let sha256 = hex::encode(Sha256::digest(&bytes));
    api.objects
        .put(&format!("transcripts/{job_id}"), bytes)
        .await
        .unwrap();
    api.log
        .one::<Job>(job_id, succeeded(job_id, &sha256), story.of_tenant(), noon())
        .await;
    api.log.catch_up().await;
    (api, story, job_id)
}

async fn get(api: &TestApi, token: Option<&str>, path: &str) -> reqwest::Response {
    let mut asked = reqwest::Client::new().get(api.url(path));
    if let Some(token) = token {
        asked = asked.bearer_auth(token);
    }
    asked.send().await.unwrap()
}

#[actix_web::test]
async fn a_transcript_comes_in_four_formats() {
    let (api, story, job_id) = transcribed().await;
    let token = api.token(&customer(&story));
    for (format, content_type, expected) in [
        ("txt", "text/plain; charset=utf-8", "Hello.\n"),
        (
            "srt",
            "application/x-subrip; charset=utf-8",
            "1\n00:00:00,000 --> 00:00:00,900\nHello.\n\n",
        ),
        ("vtt", "text/vtt; charset=utf-8", "WEBVTT"),
        ("json", "application/json", "{"),
    ] {
        let file = get(
            &api,
            Some(&token),
            &format!("/downloads/jobs/{job_id}/transcript.{format}"),
        )
        .await;
        assert_eq!(file.status(), 200);
        assert_eq!(file.headers()["content-type"], content_type);
        let disposition = file.headers()["content-disposition"].to_str().unwrap().to_owned();
        assert!(
            disposition.contains(&format!("filename=\"Nordwind.{format}\"")),
            "{disposition}"
        );
        assert!(file.text().await.unwrap().starts_with(expected), "{format}");
    }
    let query = "query ($id: ID!) { job(id: $id) { transcript { text segments { endMs } } } }";
    let answer = api
        .ask(&customer(&story), query, json!({"id": job_id.to_string()}))
        .await;
    assert_eq!(
        answer["data"]["job"]["transcript"],
        json!({"text": "Hello.", "segments": [{"endMs": 900}]})
    );
}

#[actix_web::test]
async fn what_cannot_be_downloaded_is_explained() {
    let (mut api, nordwind, job_id) = transcribed().await;
    let stranger = story(&mut api.log, "Fremd").await;
    let waiting = queue_job(&mut api.log, &nordwind).await;
    api.log.catch_up().await;
    let (own, foreign) = (api.token(&customer(&nordwind)), api.token(&customer(&stranger)));
    for (token, id, format, status, expected) in [
        (None, job_id.to_string(), "txt", 401, "UNAUTHENTICATED"),
        (Some("forged"), job_id.to_string(), "txt", 401, "UNAUTHENTICATED"),
        (
            Some(foreign.as_str()),
            job_id.to_string(),
            "txt",
            404,
            "NOT_FOUND",
        ),
        (
            Some(own.as_str()),
            Uuid::now_v7().to_string(),
            "txt",
            404,
            "NOT_FOUND",
        ),
        (Some(own.as_str()), "x".to_owned(), "txt", 404, "NOT_FOUND"),
        (Some(own.as_str()), job_id.to_string(), "docx", 404, "NOT_FOUND"),
        (
            Some(own.as_str()),
            waiting.to_string(),
            "txt",
            409,
            "TRANSCRIPT_NOT_READY",
        ),
    ] {
        let answer = get(&api, token, &format!("/downloads/jobs/{id}/transcript.{format}")).await;
        assert_eq!(answer.status(), status, "{id}.{format}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], expected, "{problem}");
    }
}

#[actix_web::test]
async fn a_transcript_that_was_changed_is_not_shown() {
    let (api, story, job_id) = transcribed().await;
    api.objects
        .put(&format!("transcripts/{job_id}"), Bytes::from_static(b"{}"))
        .await
        .unwrap();
    let token = api.token(&customer(&story));
    let answer = get(
        &api,
        Some(&token),
        &format!("/downloads/jobs/{job_id}/transcript.txt"),
    )
    .await;
    assert_eq!(answer.status(), 500);
    let text = answer.text().await.unwrap();
    assert!(!text.contains("SHA-256"), "the cause stays in the log: {text}");
    let query = "query ($id: ID!) { job(id: $id) { transcript { text } } }";
    let answer = api
        .ask(&customer(&story), query, json!({"id": job_id.to_string()}))
        .await;
    assert_eq!(code(&answer), "INTERNAL_SERVER_ERROR");
}
