//! API keys of the reader's own organisation.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use projections::Projection;
use projections::api_keys::{self, ApiKeyRow, ApiKeys};

use super::page::{connection, cost, request};
use super::scalars::id;
use crate::error::ApiResult;
use crate::session::Session;

#[derive(SimpleObject)]
pub(super) struct ApiKey {
    id: ID,
    name: String,
    /// How the present secret begins.
    prefix: String,
    scopes: Vec<String>,
    /// Where it may be used from; everywhere when empty.
    networks: Vec<String>,
    issued_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    rotated_at: Option<DateTime<Utc>>,
    /// Until when the secret before the present one holds.
    former_until: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    /// To the minute.
    last_used_at: Option<DateTime<Utc>>,
}

impl From<ApiKeyRow> for ApiKey {
    fn from(row: ApiKeyRow) -> Self {
        Self {
            id: id(row.key_id),
            name: row.name,
            prefix: row.prefix,
            scopes: row.scopes,
            networks: row.networks,
            issued_at: row.issued_at,
            expires_at: row.expires_at,
            rotated_at: row.rotated_at,
            former_until: row.former_until,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        }
    }
}

connection!(ApiKeyConnection, ApiKeyEdge, ApiKey);

#[derive(Default)]
pub(super) struct ApiKeysQuery;

#[Object]
impl ApiKeysQuery {
    /// API keys of the asker's own organisation, the newest first, those that have ended too.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn api_keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
        min_position: Option<String>,
        wait_for: Option<String>,
    ) -> ApiResult<ApiKeyConnection> {
        let session = Session::of(ctx)?;
        let request = request(first, after.as_deref())?;
        let mut connection = session.read(&[ApiKeys::NAME], (&min_position, &wait_for)).await?;
        let (read, scope) = connection.parts();
        let page = api_keys::page(read, scope, request).await?;
        Ok(ApiKeyConnection::new(
            page,
            after.is_some(),
            ApiKeyRow::key,
            Into::into,
        ))
    }
}
