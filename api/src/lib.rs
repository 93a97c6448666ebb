//! The read API: GraphQL queries and subscriptions, and downloads of transcripts, documents and lists.
//!
//! It knows the public key of access tokens and a database role that can only SELECT, and nothing of the write
//! side: it answers when that is down, and runs on replicas.

mod checks;
mod downloads;
mod entitlements;
mod error;
mod exports;
mod graphql;
mod http;
mod problem;
mod session;
mod socket;
mod table;
mod transcripts;

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use ipnet::IpNet;
use platform::Clock;
use platform::objects::Objects;
use platform::tokens::Verifier;
use sqlx::PgPool;
use store::wake::Wake;
use utoipa::OpenApi;

use crate::exports::Shapes;
use crate::graphql::ApiSchema;
use crate::session::Reader;

/// What the read side needs.
pub struct ReadParts {
    /// Of the role `stentor_read`.
    pub pool: PgPool,
    pub clock: Clock,
    pub verifier: Verifier,
    pub objects: Objects,
    pub wake: Wake,
    /// Networks of the proxies in front.
    pub own_proxies: Vec<IpNet>,
    /// Names of the models that the workers have.
    pub installed_models: Vec<String>,
    /// Whether clients may ask for the schema.
    pub introspection: bool,
}

/// The read side of one process; clones share it.
#[derive(Clone)]
pub struct ReadSide {
    schema: ApiSchema,
    shapes: Arc<Shapes>,
    reader: Arc<Reader>,
}

impl ReadSide {
    pub fn new(parts: ReadParts) -> Self {
        let introspection = parts.introspection;
        let reader = Arc::new(Reader::new(parts));
        let schema = graphql::schema(Some(Arc::clone(&reader)), introspection);
        Self {
            shapes: Arc::new(Shapes::of(&schema.sdl())),
            schema,
            reader,
        }
    }

    /// Adds `/graphql`, `/downloads` and the checks of entitlements to an application; before whatever else answers
    /// below `/api`.
    pub fn configure(&self, app: &mut ServiceConfig) {
        app.app_data(Data::new(self.clone()));
        http::routes(app);
        downloads::routes(app);
        exports::routes(app);
        checks::routes(app);
    }
}

/// The routes that are not GraphQL, as a part of the OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    checks::Document::openapi()
}

/// The schema in GraphQL's own language, as `api/schema.graphql` holds it.
pub fn sdl() -> String {
    graphql::schema(None, true).sdl()
}
