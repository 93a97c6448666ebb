//! `/api/entitlements/check`: what customers may do, one question or up to a thousand. It carries nothing out.

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, Bytes, Data, PayloadConfig, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use domain::entitlement::{Answer, Feature};
use serde::{Deserialize, Serialize};
use utoipa::OpenApi;
use uuid::Uuid;

use crate::ReadSide;
use crate::downloads::{fresh, session, unread};
use crate::entitlements::{Asked, Times, answers};
use crate::problem::Problem;

/// A thousand questions have some 200 KB.
const BODY_BYTES_MAX: usize = 512 * 1024;
const NO_CUSTOMER: &str = "there is no such customer";
const NO_CUSTOMER_CODE: &str = "CUSTOMER_NOT_FOUND";

#[derive(OpenApi)]
#[openapi(paths(check_one, check_many))]
pub(crate) struct Document;

pub(crate) fn routes(app: &mut ServiceConfig) {
    app.service(
        web::resource("/api/entitlements/check")
            .app_data(PayloadConfig::new(BODY_BYTES_MAX))
            .route(web::get().to(check_one))
            .route(web::post().to(check_many)),
    );
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CheckQuestion {
    /// Left out, the asker's own.
    #[serde(default)]
    customer_id: Option<Uuid>,
    /// `upload_bytes`, `storage_bytes`, `concurrent_jobs`, `workflows`, `audio_seconds`, `translation_seconds`,
    /// `model`, `diarization` or `separation`.
    #[schema(value_type = String)]
    feature: Feature,
    /// How much more, in the feature's unit; 1 where left out, and 0 to see how much there is.
    #[serde(default = "one")]
    amount: u64,
    /// Which one, for the feature `model`.
    #[serde(default)]
    model: Option<String>,
}

fn one() -> u64 {
    1
}

impl From<CheckQuestion> for Asked {
    fn from(question: CheckQuestion) -> Self {
        Self {
            customer_id: question.customer_id,
            feature: question.feature,
            amount: question.amount,
            model: question.model,
        }
    }
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CheckRequest {
    /// 1 to 1000.
    questions: Vec<CheckQuestion>,
    /// Now, where left out.
    #[serde(default)]
    as_of: Option<DateTime<Utc>>,
    /// As far as it was recorded by then.
    #[serde(default)]
    known_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CheckQuery {
    #[serde(default)]
    customer_id: Option<Uuid>,
    #[param(value_type = String)]
    feature: Feature,
    #[serde(default = "one")]
    amount: u64,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    as_of: Option<DateTime<Utc>>,
    #[serde(default)]
    known_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct CheckAnswer {
    customer_id: Option<Uuid>,
    #[schema(value_type = String)]
    feature: Feature,
    amount: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    allowed: bool,
    /// `ALLOWED`, or why not.
    code: &'static str,
    /// Left out where any amount is allowed, and where the feature is not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resets_at: Option<DateTime<Utc>>,
    /// The grant that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<DecidingGrant>,
    /// For people.
    explanation: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct DecidingGrant {
    id: Uuid,
    /// `credits`, `store`, `trial`, `manual` or `grace`.
    source: String,
    tier: String,
    tier_version: u32,
    ends_at: DateTime<Utc>,
}

impl CheckAnswer {
    fn new((asked, answer): (Asked, Option<Answer>)) -> Self {
        let answer = answer.as_ref();
        Self {
            customer_id: asked.customer_id,
            feature: asked.feature,
            amount: asked.amount,
            model: asked.model,
            allowed: answer.is_some_and(Answer::is_allowed),
            code: answer.map_or(NO_CUSTOMER_CODE, Answer::code),
            limit: answer.and_then(|answer| answer.limit),
            used: answer.and_then(|answer| answer.used),
            remaining: answer.and_then(Answer::remaining),
            resets_at: answer.and_then(|answer| answer.resets_at),
            grant: answer
                .and_then(|answer| answer.deciding)
                .map(|deciding| DecidingGrant {
                    id: deciding.grant_id.0,
                    source: deciding.source.as_ref().to_owned(),
                    tier: deciding.tier.to_string(),
                    tier_version: deciding.tier_version,
                    ends_at: deciding.ends_at,
                }),
            explanation: answer.map_or_else(|| NO_CUSTOMER.to_owned(), ToString::to_string),
        }
    }
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CheckAnswers {
    /// In the order of the questions. A customer that is unknown to the asker has the code `CUSTOMER_NOT_FOUND`.
    answers: Vec<CheckAnswer>,
}

/// Answers one question: may so much more of a feature be used?
#[utoipa::path(get, path = "/entitlements/check", tag = "entitlements", params(CheckQuery,
    ("Min-Position" = Option<String>, Header)), responses((status = 200, body = CheckAnswer), (status = 404)))]
async fn check_one(
    request: HttpRequest,
    query: Result<Query<CheckQuery>, actix_web::Error>,
    read: Data<ReadSide>,
) -> Result<HttpResponse, Problem> {
    let query = query.map_err(|error| invalid(&error))?.into_inner();
    let asked = Asked {
        customer_id: query.customer_id,
        feature: query.feature,
        amount: query.amount,
        model: query.model,
    };
    let times = Times {
        as_of: query.as_of,
        known_at: query.known_at,
    };
    match check(&request, &read, vec![asked], times).await? {
        Err(refused) => Ok(*refused),
        Ok(answered) => match answered.into_iter().next() {
            Some(answered @ (_, Some(_))) => Ok(answer(&CheckAnswer::new(answered))),
            Some((_, None)) | None => Err(Problem::new(StatusCode::NOT_FOUND, NO_CUSTOMER_CODE, NO_CUSTOMER)),
        },
    }
}

/// Answers up to a thousand questions.
#[utoipa::path(post, path = "/entitlements/check", tag = "entitlements", request_body = CheckRequest,
    params(("Min-Position" = Option<String>, Header)), responses((status = 200, body = CheckAnswers)))]
async fn check_many(
    request: HttpRequest,
    body: Bytes,
    read: Data<ReadSide>,
) -> Result<HttpResponse, Problem> {
    let body: CheckRequest = serde_json::from_slice(&body).map_err(|error| invalid(&error))?;
    let times = Times {
        as_of: body.as_of,
        known_at: body.known_at,
    };
    let asked = body.questions.into_iter().map(Into::into).collect();
    Ok(match check(&request, &read, asked, times).await? {
        Err(refused) => *refused,
        Ok(answered) => answer(&CheckAnswers {
            answers: answered.into_iter().map(CheckAnswer::new).collect(),
        }),
    })
}

type Answered = Vec<(Asked, Option<Answer>)>;

/// The answers, or the response to somebody who may not ask.
async fn check(
    request: &HttpRequest,
    read: &ReadSide,
    asked: Vec<Asked>,
    times: Times,
) -> Result<Result<Answered, Box<HttpResponse>>, Problem> {
    let session = match session(request, read, ("entitlements", NO_CUSTOMER)).await {
        Ok(session) => session,
        Err(refused) => return Ok(Err(refused)),
    };
    let answered = answers(&session, asked, times, fresh(request)).await;
    answered.map(Ok).map_err(|error| unread(error, NO_CUSTOMER))
}

fn answer(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .json(body)
}

fn invalid(error: &dyn std::fmt::Display) -> Problem {
    let detail = format!("the questions do not fit: {error}; /api/openapi.json tells their shape");
    Problem::new(StatusCode::BAD_REQUEST, "INVALID_INPUT", detail)
}
