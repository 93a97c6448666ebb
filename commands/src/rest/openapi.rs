//! The OpenAPI document, generated from the handlers.

use actix_web::web::ServiceConfig;
use actix_web::{HttpResponse, get};
use utoipa::OpenApi;

use crate::rest::{admin, auth, finance, jobs, people, reseller, tenant, user, work, workflows};

pub fn routes(app: &mut ServiceConfig) {
    app.service(document);
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Stentor", description = "Commands of the write side. Reads are GraphQL, at /graphql."),
    servers((url = "/api")),
    paths(
        auth::sign_in_route, auth::session_route, auth::sign_out_route, auth::token_route,
        admin::register, admin::suspend, admin::resume, admin::sell, admin::adjust, admin::publish_pack,
        admin::retire_pack,
        people::erase,
        finance::close_period, finance::extend_customer,
        reseller::create, reseller::extend, reseller::suspend, reseller::resume,
        tenant::add_user, tenant::upload,
        user::change_password,
        jobs::submit_route, jobs::cancel_route,
        workflows::create,
        workflows::save,
        workflows::remove,
        workflows::run,
        work::audio, work::result,
    )
)]
pub struct Document;

#[get("/openapi.json")]
async fn document() -> HttpResponse {
    HttpResponse::Ok().json(Document::openapi())
}
