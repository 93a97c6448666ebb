//! What goes wrong on the write side, and how a client is told (RFC 9457).

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use domain::refusal::{Refusal, RefusalKind};
use serde::Serialize;
use store::AppendError;
use store::load::LoadError;
use store::unit_of_work::ExecuteError;
use store::vault::VaultError;
use uuid::Uuid;

/// An answer that says what was wrong, what is needed, what there is and what to do.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Always `about:blank`: the code tells problems apart.
    #[serde(rename = "type")]
    pub type_uri: String,
    pub title: String,
    pub status: u16,
    /// SCREAMING_SNAKE code for programs.
    pub code: String,
    /// A sentence for people.
    pub detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// Name of what the caller's reseller would have to be permitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// Names this failure in the server's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<Uuid>,
    #[serde(skip)]
    pub retry_after_seconds: Option<u64>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            type_uri: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            needed: None,
            available: None,
            allowed: Vec::new(),
            permission: None,
            trace_id: None,
            retry_after_seconds: None,
        }
    }

    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_INPUT", detail)
    }

    fn refusal(refusal: &dyn Refusal) -> Self {
        let status = match refusal.kind() {
            RefusalKind::Invalid => StatusCode::BAD_REQUEST,
            RefusalKind::NotFound => StatusCode::NOT_FOUND,
            RefusalKind::Conflict => StatusCode::CONFLICT,
            RefusalKind::Forbidden => StatusCode::FORBIDDEN,
        };
        let facts = refusal.facts();
        Self {
            needed: facts.needed,
            available: facts.available,
            allowed: facts.allowed,
            permission: facts.permission.map(|permission| permission.as_ref().to_owned()),
            ..Self::new(status, refusal.code(), refusal.to_string())
        }
    }
}

/// Why a command was not carried out.
#[derive(Debug)]
pub enum CommandError {
    /// The caller can do something about it.
    Problem(Box<Problem>),
    /// We have to.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problem(problem) => write!(f, "{}: {}", problem.code, problem.detail),
            Self::Internal(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CommandError {}

impl CommandError {
    pub fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    /// Whether the command may have been carried out all the same.
    pub fn is_unknown_outcome(&self) -> bool {
        match self {
            Self::Problem(_) => false,
            Self::Internal(error) => {
                matches!(
                    error.downcast_ref::<AppendError>(),
                    Some(AppendError::Database(_))
                )
            }
        }
    }

    /// A refusal of the business.
    pub fn refused(refusal: &impl Refusal) -> Self {
        Problem::refusal(refusal).into()
    }
}

impl From<Problem> for CommandError {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl<E: Refusal> From<ExecuteError<E>> for CommandError {
    fn from(error: ExecuteError<E>) -> Self {
        match error {
            ExecuteError::Refused(refusal) => Self::refused(&refusal),
            ExecuteError::Load(error) => Self::internal(error),
            ExecuteError::Encode(error) => Self::internal(error),
        }
    }
}

macro_rules! internal {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for CommandError {
            fn from(error: $error) -> Self {
                Self::internal(error)
            }
        }
    )+};
}

internal!(
    LoadError,
    AppendError,
    VaultError,
    sqlx::Error,
    serde_json::Error,
    std::io::Error,
    platform::objects::ObjectError,
    platform::tokens::TokenError,
);

fn outcome_unknown() -> Problem {
    let detail = "the database did not say whether this was carried out: send the request again with the same \
                  Idempotency-Key, and it is carried out once";
    Problem {
        retry_after_seconds: Some(1),
        ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, "OUTCOME_UNKNOWN", detail)
    }
}

impl ResponseError for CommandError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Problem(problem) => {
                StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::Internal(_) if self.is_unknown_outcome() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let problem = match self {
            Self::Problem(problem) => problem.as_ref().clone(),
            Self::Internal(error) if self.is_unknown_outcome() => {
                tracing::error!(%error, "the outcome of a command is unknown");
                outcome_unknown()
            }
            Self::Internal(error) => {
                let trace_id = Uuid::new_v4();
                tracing::error!(%trace_id, %error, "a request failed");
                let detail = "something went wrong on our side and nothing was changed: try again, and name \
                              the trace id if it stays";
                let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", detail);
                Problem {
                    trace_id: Some(trace_id),
                    ..problem
                }
            }
        };
        let mut response = HttpResponse::build(self.status_code());
        response.content_type("application/problem+json");
        if let Some(seconds) = problem.retry_after_seconds {
            response.insert_header((RETRY_AFTER, seconds));
        }
        // actix's own `json` would set its content type.
        response.body(serde_json::to_string(&problem).unwrap_or_default())
    }
}
