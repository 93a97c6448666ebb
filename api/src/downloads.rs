//! Files: `GET /downloads/jobs/{id}/transcript.{txt|srt|vtt|json}`, and documents for resellers.

mod documents;

use std::fmt::Write;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, HeaderValue, WWW_AUTHENTICATE,
};
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError, get};
use domain::transcript::TranscriptFormat;
use platform::tokens::Verified;
use platform::{Access, access};
use projections::jobs::{self, JobRow, Jobs};
use projections::recordings::Recordings;
use projections::{Projection, ScopedConnection};
use uuid::Uuid;

use crate::ReadSide;
use crate::error::ApiError;
use crate::problem::Problem;
use crate::session::{Fresh, Session};
use crate::transcripts;

/// What the answer has to include, as `minPosition` and `waitFor` of a query say.
const MIN_POSITION: &str = "Min-Position";
const WAIT_FOR: &str = "Wait-For";

const NO_JOB: &str = "there is no such job";

pub(crate) fn routes(app: &mut ServiceConfig) {
    app.service(transcript);
    documents::routes(app);
}

/// Who asks, where the table of roles opens the root field whose content the file has; else the refusal: a file that is
/// not for somebody's role is not found.
pub(crate) async fn session(
    request: &HttpRequest,
    read: &ReadSide,
    (field, missing): (&str, &'static str),
) -> Result<Session, Box<HttpResponse>> {
    let verified = authenticated(request, read).await?;
    if access::may_read(&verified.principal, field) {
        return Ok(Session::new(Arc::clone(&read.reader), verified.principal, field));
    }
    let refused = if matches!(verified.principal.access, Access::Key { .. }) {
        let detail = "the API key does not open this: issue one with the scope read";
        Problem::new(StatusCode::FORBIDDEN, "SCOPE_MISSING", detail)
    } else {
        not_found(missing)
    };
    Err(Box::new(refused.error_response()))
}

/// Who asks; else the refusal.
pub(crate) async fn authenticated(
    request: &HttpRequest,
    read: &ReadSide,
) -> Result<Verified, Box<HttpResponse>> {
    let authorization = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let address = read.reader.address_of(request);
    let verified = read.reader.authenticate(authorization, address).await;
    verified.map_err(|error| {
        let mut refused =
            Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", error.to_string()).error_response();
        let scheme = HeaderValue::from_static("Bearer");
        refused.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        Box::new(refused)
    })
}

/// What the answer has to include.
pub(crate) fn fresh(request: &HttpRequest) -> Fresh<'_> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    Fresh {
        min_position: header(MIN_POSITION),
        wait_for: header(WAIT_FOR),
    }
}

/// Why nothing could be read; what nobody may know is not found.
pub(crate) fn unread(error: ApiError, missing: &'static str) -> Problem {
    match error {
        ApiError::Internal(error) => Problem::internal(error.as_ref()),
        ApiError::StalePosition(detail) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "STALE_POSITION", detail)
        }
        ApiError::UnknownCommand(detail) => Problem::new(StatusCode::CONFLICT, "UNKNOWN_COMMAND", detail),
        ApiError::PermissionDenied(denied) => {
            Problem::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", denied.to_string())
        }
        ApiError::BadUserInput(detail) => Problem::new(StatusCode::BAD_REQUEST, "BAD_USER_INPUT", detail),
        ApiError::Unauthenticated(_) | ApiError::Forbidden(_) | ApiError::NotFound(_) => not_found(missing),
    }
}

#[get("/downloads/jobs/{id}/transcript.{format}")]
async fn transcript(
    request: HttpRequest,
    path: Path<(String, String)>,
    read: Data<ReadSide>,
) -> Result<HttpResponse, Problem> {
    let session = match session(&request, &read, ("job", NO_JOB)).await {
        Ok(session) => session,
        Err(refused) => return Ok(*refused),
    };
    let (id, format) = path.into_inner();
    let format: TranscriptFormat = format.parse().map_err(|_| {
        not_found("a transcript comes as transcript.txt, .srt, .vtt or .json: choose one of these")
    })?;
    let job = find(&session, &id, fresh(&request))
        .await?
        .ok_or_else(|| not_found(NO_JOB))?;
    let output = job.result.as_ref().ok_or_else(|| {
        let detail =
            "the job has no transcript: wait until it has succeeded, or submit a new one if it failed";
        Problem::new(StatusCode::CONFLICT, "TRANSCRIPT_NOT_READY", detail)
    })?;
    let transcript = transcripts::load(&read.reader.objects, output).await;
    let transcript = transcript.map_err(|error| Problem::internal(&error))?;
    Ok(HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .insert_header((
            CONTENT_DISPOSITION,
            attachment(&job.recording.name, format.extension()),
        ))
        .body(transcript.to_format(format)))
}

async fn find(session: &Session, id: &str, fresh: Fresh<'_>) -> Result<Option<JobRow>, Problem> {
    let Ok(id) = id.parse::<Uuid>() else {
        return Ok(None);
    };
    let read = session.read(&[Jobs::NAME, Recordings::NAME], fresh).await;
    let mut connection: ScopedConnection = read.map_err(|error| unread(error, "there is no such job"))?;
    let (connection, scope) = connection.parts();
    jobs::by_id(connection, scope, id)
        .await
        .map_err(|error| Problem::internal(&error))
}

fn not_found(detail: &'static str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", detail)
}

/// A header that names the file after the recording, in plain letters and, for those who read it, as it was.
fn attachment(recording: &str, extension: &str) -> String {
    let stem = recording.rsplit_once('.').map_or(recording, |(stem, _)| stem);
    let stem: String = stem.chars().filter(|c| !c.is_control()).take(100).collect();
    let plain: String = stem
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_ ".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let mut encoded = String::new();
    for byte in stem.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            encoded.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    format!("attachment; filename=\"{plain}.{extension}\"; filename*=UTF-8''{encoded}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::attachment;

    #[test]
    fn a_file_name_can_end_no_header_and_no_folder() {
        assert_eq!(
            attachment("../a \"b\"\r\nX: y.wav", "txt"),
            "attachment; filename=\"___a _b_X_ y.txt\"; filename*=UTF-8''%2E%2E%2Fa%20%22b%22X%3A%20y.txt"
        );
        assert_eq!(
            attachment("Gespräch.wav", "srt"),
            "attachment; filename=\"Gespr_ch.srt\"; filename*=UTF-8''Gespr%C3%A4ch.srt"
        );
    }
}
