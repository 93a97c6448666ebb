//! Codes for the errors that the library finds before a resolver is asked.

use std::sync::Arc;

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextParseQuery, NextRequest, NextSubscribe,
};
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Response, ServerResult, Variables, async_trait};
use futures::StreamExt;
use futures::stream::BoxStream;

use crate::http::set_code;

pub(super) struct Codes;

impl ExtensionFactory for Codes {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Codes {
    async fn request(&self, context: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        coded(next.run(context).await)
    }

    async fn parse_query(
        &self,
        context: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        next.run(context, query, variables).await.map_err(|mut error| {
            set_code(&mut error, "GRAPHQL_PARSE_FAILED");
            error
        })
    }

    fn subscribe<'s>(
        &self,
        context: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        next.run(context, stream).map(coded).boxed()
    }
}

fn coded(mut response: Response) -> Response {
    for error in &mut response.errors {
        let code = match error.message.as_str() {
            // The library's own words; a test holds them.
            "Query is too complex." | "Query is nested too deep." => "QUERY_TOO_COMPLEX",
            // With a path, a resolver could not read its arguments; without, the query does not fit the schema.
            _ if !error.path.is_empty() => "BAD_USER_INPUT",
            _ => "GRAPHQL_VALIDATION_FAILED",
        };
        set_code(error, code);
    }
    response
}
