//! What goes wrong, as a GraphQL client sees it: a text and, in `extensions.code`, a word for programs.

use std::sync::Arc;

use async_graphql::{Error, ErrorExtensions};
use domain::permission::PermissionDenied;
use projections::WaitError;
use uuid::Uuid;

use crate::transcripts::TranscriptError;

/// No `Display` on purpose: the one way to a client is the conversion below, which adds the code.
#[derive(Clone, Debug)]
pub(crate) enum ApiError {
    Unauthenticated(String),
    Forbidden(&'static str),
    /// The role would do, but the asker's reseller is not permitted.
    PermissionDenied(PermissionDenied),
    BadUserInput(String),
    NotFound(&'static str),
    StalePosition(String),
    UnknownCommand(String),
    /// Logged here, told to nobody.
    Internal(Arc<dyn std::error::Error + Send + Sync>),
}

pub(crate) type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated(_) => "UNAUTHENTICATED",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::PermissionDenied(_) => "PERMISSION_DENIED",
            Self::BadUserInput(_) => "BAD_USER_INPUT",
            Self::NotFound(_) => "NOT_FOUND",
            Self::StalePosition(_) => "STALE_POSITION",
            Self::UnknownCommand(_) => "UNKNOWN_COMMAND",
            Self::Internal(_) => "INTERNAL_SERVER_ERROR",
        }
    }
}

/// Logs a failure once and returns the text that names it to a client.
pub(crate) fn report_internal(error: &(dyn std::error::Error + Send + Sync)) -> String {
    let error_id = Uuid::now_v7();
    tracing::error!(%error_id, %error, "a read failed");
    format!("something went wrong on our side; if it stays so, tell support this number: {error_id}")
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        let code = error.code();
        let permission = match &error {
            ApiError::PermissionDenied(denied) => Some(denied.permission),
            ApiError::Unauthenticated(_)
            | ApiError::Forbidden(_)
            | ApiError::BadUserInput(_)
            | ApiError::NotFound(_)
            | ApiError::StalePosition(_)
            | ApiError::UnknownCommand(_)
            | ApiError::Internal(_) => None,
        };
        let text = match error {
            ApiError::PermissionDenied(denied) => denied.to_string(),
            ApiError::Unauthenticated(text)
            | ApiError::BadUserInput(text)
            | ApiError::StalePosition(text)
            | ApiError::UnknownCommand(text) => text,
            ApiError::Forbidden(text) | ApiError::NotFound(text) => text.to_owned(),
            ApiError::Internal(source) => report_internal(source.as_ref()),
        };
        Self::new(text).extend_with(|_, extensions| {
            extensions.set("code", code);
            if let Some(permission) = permission {
                extensions.set("permission", permission.as_ref());
            }
        })
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        Self::Internal(Arc::new(error))
    }
}

impl From<TranscriptError> for ApiError {
    fn from(error: TranscriptError) -> Self {
        Self::Internal(Arc::new(error))
    }
}

impl From<WaitError> for ApiError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Stale { .. } => Self::StalePosition(error.to_string()),
            WaitError::UnknownCommand(_) => Self::UnknownCommand(error.to_string()),
            WaitError::Database(error) => error.into(),
        }
    }
}
