//! The REST API of the write side. A handler reads its input, calls one use case, and answers.

mod admin;
mod answer;
mod api_keys;
mod auth;
mod bulk;
mod contracts;
mod cookies;
mod credits;
mod customers;
mod dry_run;
mod finance;
mod hooks;
mod impersonations;
mod invitations;
mod invoices;
mod jobs;
mod onboarding;
pub mod openapi;
mod payouts;
mod people;
mod permissions;
pub mod request;
mod reseller;
mod resellers;
mod sales;
mod second_factor;
mod shapes;
mod store_events;
mod sub_resellers;
mod subscriptions;
mod tenant;
mod tiers;
mod user;
mod users;
mod work;
mod workflows;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, PathConfig, QueryConfig, ServiceConfig};

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::denials::noted;

/// Adds every route below /api.
pub fn configure(app: &mut ServiceConfig, write: Data<WriteSide>) {
    app.app_data(write).service(
        web::scope("/api")
            .wrap(from_fn(dry_run::rehearse))
            .app_data(
                PathConfig::default().error_handler(|_, _| CommandError::from(no_such_address()).into()),
            )
            .app_data(QueryConfig::default().error_handler(|error, _| invalid_query(&error).into()))
            .wrap(from_fn(noted))
            .configure(auth::routes)
            .configure(admin::routes)
            .configure(credits::routes)
            .configure(tiers::routes)
            .configure(subscriptions::routes)
            .configure(people::routes)
            .configure(finance::routes)
            .configure(contracts::routes)
            .configure(sales::routes)
            .configure(payouts::routes)
            .configure(invoices::routes)
            .configure(onboarding::routes)
            .configure(resellers::routes)
            .configure(sub_resellers::routes)
            .configure(permissions::routes)
            .configure(reseller::routes)
            .configure(customers::routes)
            .configure(bulk::routes)
            .configure(tenant::routes)
            .configure(user::routes)
            .configure(invitations::routes)
            .configure(users::routes)
            .configure(impersonations::routes)
            .configure(second_factor::routes)
            .configure(api_keys::routes)
            .configure(jobs::routes)
            .configure(workflows::routes)
            .configure(work::routes)
            .configure(store_events::routes)
            .configure(hooks::routes)
            .configure(openapi::routes)
            .default_service(web::to(unknown)),
    );
}

async fn unknown() -> Result<HttpResponse, CommandError> {
    Err(no_such_address().into())
}

fn invalid_query(error: &impl std::fmt::Display) -> CommandError {
    Problem::invalid(format!(
        "the address' query does not fit: {error}; /api/openapi.json tells it"
    ))
    .into()
}

fn no_such_address() -> Problem {
    let detail = "there is no such address: /api/openapi.json lists them all";
    Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", detail)
}
