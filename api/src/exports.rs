//! Lists as files: `POST /downloads/list.{zip|csv}` takes the GraphQL query of a list and answers all of its rows, from
//! one state of the database, as CSV.

mod archive;
mod cell;
mod list;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, RETRY_AFTER};
use actix_web::web::{self, Bytes, Data, Path, PayloadConfig, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use async_graphql::{ErrorExtensionValues, Request, ServerError, Value};
use futures::Stream;
use platform::tokens::Verified;
use projections::Snapshot;
use store::origins::SentFrom;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use self::archive::{Archive, Sidecar};
pub(crate) use self::list::Shapes;
use self::list::{Asked, List, Rows};
use crate::ReadSide;
use crate::downloads;
use crate::http::{ANSWER_WITHIN, SILENT};
use crate::problem::Problem;

/// Largest query with its variables.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// A state of the database is held no longer: it keeps the database from cleaning up.
const LASTS_MAX: Duration = Duration::from_mins(10);

pub(crate) fn routes(app: &mut ServiceConfig) {
    app.service(
        web::resource("/downloads/list.{format}")
            .app_data(PayloadConfig::new(BODY_BYTES_MAX))
            .route(web::post().to(save)),
    );
}

async fn save(
    request: HttpRequest,
    format: Path<String>,
    body: Bytes,
    read: Data<ReadSide>,
) -> Result<HttpResponse, Problem> {
    let read = read.get_ref().clone();
    let verified = match downloads::authenticated(&request, &read).await {
        Ok(verified) => verified,
        Err(refused) => return Ok(*refused),
    };
    let (zipped, kind) = match format.as_str() {
        "zip" => (true, "application/zip"),
        "csv" => (false, "text/csv; charset=utf-8; header=present"),
        _ => {
            let detail =
                "a list comes as list.zip, with what it says of itself, or as list.csv: choose one of these";
            return Err(Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", detail));
        }
    };
    let asked: Asked = serde_json::from_slice(&body).map_err(|error| {
        bad_input(format!(
            "the body is no GraphQL request: {error}; send {{\"query\": \"…\", \"variables\": {{…}}}}"
        ))
    })?;
    let list = List::new(asked, &read.shapes).map_err(bad_input)?;
    let Some(leave) = read.reader.export() else {
        return Ok(busy());
    };
    let saver = Asker {
        from: read.reader.sent_from(&request),
        read,
        verified,
    };
    let export = Export::begin(saver, list, leave).await?;
    let first = export.page(None).await?;
    let name = format!("{}.{format}", export.list.name);
    let position = export.snapshot.position().to_string();
    let archive = Archive::begin(export.sidecar(), zipped).map_err(|error| Problem::internal(&error))?;
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .insert_header(("Position", position))
        .streaming(pages(export, archive, first)))
}

/// Who saves a list, and from where.
struct Asker {
    read: ReadSide,
    verified: Verified,
    from: SentFrom,
}

impl Asker {
    async fn answered(&self, request: Request) -> Result<Value, Problem> {
        let request = request.data(self.verified.principal).data(self.from.clone());
        let asking = self.read.schema.execute(request);
        let Ok(response) = tokio::time::timeout(ANSWER_WITHIN, asking).await else {
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "DATABASE_SILENT",
                SILENT,
            ));
        };
        match response.errors.into_iter().next() {
            None => Ok(response.data),
            Some(error) => Err(problem(error)),
        }
    }
}

/// A list that is being saved.
struct Export {
    asker: Asker,
    list: List,
    snapshot: Arc<Snapshot>,
    as_of: chrono::DateTime<chrono::Utc>,
    until: Instant,
    _leave: OwnedSemaphorePermit,
}

impl Export {
    /// Sees whether the query can be asked, and waits for what it wants to include, before a state is taken.
    async fn begin(asker: Asker, list: List, leave: OwnedSemaphorePermit) -> Result<Self, Problem> {
        asker.answered(list.page(None, false)).await?;
        let snapshot = asker.read.reader.snapshot().await;
        let snapshot = snapshot.map_err(|error| Problem::internal(&error))?;
        let as_of = asker.read.reader.now();
        Ok(Self {
            asker,
            list,
            snapshot,
            as_of,
            until: Instant::now() + LASTS_MAX,
            _leave: leave,
        })
    }

    fn sidecar(&self) -> Sidecar {
        Sidecar {
            list: self.list.name.clone(),
            query: self.list.query.clone(),
            variables: self.list.variables().clone(),
            as_of: self.as_of,
            position: self.snapshot.position().to_string(),
            columns: self.list.titles(),
        }
    }

    async fn page(&self, after: Option<&str>) -> Result<Rows, Problem> {
        let request = self.list.page(after, true).data(Arc::clone(&self.snapshot));
        let data = self.asker.answered(request).await?;
        Ok(self.list.rows(data))
    }

    async fn next_page(&self, after: &str) -> io::Result<Rows> {
        if self.asker.read.reader.is_revoked(&self.asker.verified) {
            return Err(io::Error::other("who saves the list may not read it any more"));
        }
        if Instant::now() > self.until {
            return Err(io::Error::other("the list takes too long: narrow it by filters"));
        }
        let page = self.page(Some(after)).await;
        page.map_err(|problem| io::Error::other(problem.to_string()))
    }
}

/// The file. What fails now ends the connection before the file does: a part is not taken for the whole.
fn pages(export: Export, mut archive: Archive, first: Rows) -> impl Stream<Item = io::Result<Bytes>> {
    async_stream::try_stream! {
        let mut page = first;
        loop {
            archive.add(&page.rows)?;
            yield archive.take();
            let Some(after) = page.next else { break };
            page = export.next_page(&after).await?;
        }
        yield archive.end()?;
    }
}

/// As GraphQL would have told it.
fn problem(error: ServerError) -> Problem {
    let code = error.extensions.as_ref().and_then(code);
    let (status, code) = match code.as_deref() {
        Some("FORBIDDEN") => (StatusCode::FORBIDDEN, "FORBIDDEN"),
        Some("PERMISSION_DENIED") => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
        Some("STALE_POSITION") => (StatusCode::SERVICE_UNAVAILABLE, "STALE_POSITION"),
        Some("UNKNOWN_COMMAND") => (StatusCode::CONFLICT, "UNKNOWN_COMMAND"),
        Some("NOT_FOUND") => (StatusCode::NOT_FOUND, "NOT_FOUND"),
        Some("INTERNAL_SERVER_ERROR") => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR"),
        Some("QUERY_TOO_COMPLEX") => (StatusCode::BAD_REQUEST, "QUERY_TOO_COMPLEX"),
        Some("GRAPHQL_VALIDATION_FAILED") => (StatusCode::BAD_REQUEST, "GRAPHQL_VALIDATION_FAILED"),
        _ => (StatusCode::BAD_REQUEST, "BAD_USER_INPUT"),
    };
    Problem::new(status, code, error.message)
}

fn code(extensions: &ErrorExtensionValues) -> Option<String> {
    match extensions.get("code") {
        Some(Value::String(code)) => Some(code.clone()),
        _ => None,
    }
}

fn bad_input(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "BAD_USER_INPUT", detail)
}

fn busy() -> HttpResponse {
    let detail = "several lists are being saved: try again in some seconds";
    let mut answer = Problem::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_EXPORTS", detail).error_response();
    let seconds = actix_web::http::header::HeaderValue::from_static("5");
    answer.headers_mut().insert(RETRY_AFTER, seconds);
    answer
}
