//! `/graphql`: POST for queries, GET for the upgrade to a WebSocket.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, UPGRADE};
use actix_web::web::{self, Bytes, Data, Payload, PayloadConfig, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use async_graphql::{ErrorExtensionValues, Response, ServerError};

use crate::ReadSide;
use crate::problem::Problem;
use crate::socket;

/// Largest query with its variables.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// Longest that an answer may take. The database gives a statement up a little earlier.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(35);
pub(crate) const SILENT: &str = "the database does not answer: ask again shortly, or for fewer rows";

pub(crate) fn routes(app: &mut ServiceConfig) {
    app.service(
        web::resource("/graphql")
            .app_data(PayloadConfig::new(BODY_BYTES_MAX))
            .route(web::post().to(query))
            .route(web::get().to(upgrade)),
    );
}

async fn query(request: HttpRequest, body: Bytes, read: Data<ReadSide>) -> HttpResponse {
    let asked: async_graphql::Request = match serde_json::from_slice(&body) {
        Ok(asked) => asked,
        Err(error) => {
            let text = format!(
                "the body is no GraphQL request: {error}; send {{\"query\": \"…\", \"variables\": {{…}}}}"
            );
            return refusal(StatusCode::BAD_REQUEST, "BAD_USER_INPUT", text);
        }
    };
    let authorization = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    match read
        .reader
        .authenticate(authorization, read.reader.address_of(&request))
        .await
    {
        Ok(verified) => {
            let asking = read.schema.execute(
                asked
                    .data(verified.principal)
                    .data(read.reader.sent_from(&request)),
            );
            let Ok(response) = tokio::time::timeout(ANSWER_WITHIN, asking).await else {
                return refusal(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "DATABASE_SILENT",
                    SILENT.to_owned(),
                );
            };
            answer(StatusCode::OK, &response)
        }
        Err(error) => refusal(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", error.to_string()),
    }
}

async fn upgrade(
    request: HttpRequest,
    payload: Payload,
    read: Data<ReadSide>,
) -> actix_web::Result<HttpResponse> {
    if request.headers().contains_key(UPGRADE) {
        return socket::open(&request, payload, read.get_ref().clone());
    }
    let detail = "GET opens a WebSocket of the sub-protocol graphql-transport-ws; send queries by POST";
    Err(Problem::new(StatusCode::UPGRADE_REQUIRED, "UPGRADE_REQUIRED", detail).into())
}

fn answer(status: StatusCode, response: &Response) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(response)
}

fn refusal(status: StatusCode, code: &str, text: String) -> HttpResponse {
    let mut error = ServerError::new(text, None);
    set_code(&mut error, code);
    answer(status, &Response::from_errors(vec![error]))
}

/// Gives an error its code, unless it has one.
pub(crate) fn set_code(error: &mut ServerError, code: &str) {
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_none() {
        extensions.set("code", code);
    }
}
