//! The OpenAPI document, generated from the handlers.

use std::collections::HashSet;
use std::sync::LazyLock;

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get};
use domain::text::NOTE_CHARS_MAX;
use serde_json::{Value, json};
use utoipa::OpenApi;

use crate::dry_run::{WouldAppend, WouldPost};
use crate::error::CommandError;
use crate::rest::dry_run::{self, DryRun};
use crate::rest::request::{COMMENT, KEY_HEADER};

use crate::rest::{
    admin, api_keys, auth, bulk, contracts, credits, customers, finance, hooks, impersonations, invitations,
    invoices, jobs, onboarding, payouts, people, permissions, reseller, resellers, sales, second_factor,
    store_events, sub_resellers, subscriptions, tenant, tiers, user, users, work, workflows,
};

pub fn routes(app: &mut ServiceConfig) {
    app.service(document);
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Stentor", description = "Commands of the write side. Reads are GraphQL, at /graphql."),
    servers((url = "/api")),
    paths(
        auth::sign_in_route, auth::session_route, auth::sign_out_route, auth::token_route,
        onboarding::apply, onboarding::state, onboarding::approve, onboarding::decline,
        resellers::register, resellers::suspend, resellers::resume, resellers::close, resellers::reopen,
        resellers::relocate, resellers::set_limits, resellers::edit, sub_resellers::register_below,
        sub_resellers::suspend_below, sub_resellers::resume_below, sub_resellers::close_below, sub_resellers::reopen_below,
        sub_resellers::set_limits_below, sub_resellers::edit_below, sub_resellers::edit_own,
        permissions::publish, permissions::retire, permissions::assign, permissions::except, permissions::withdraw,
        permissions::assign_below, permissions::except_below, permissions::withdraw_below,
        customers::edit, customers::close, customers::reopen, customers::relocate_below, customers::relocate,
        admin::sell, admin::publish_pack, admin::publish_pack_for, admin::retire_pack, admin::retire_pack_for,
        credits::adjust, credits::refund, credits::reverse, credits::transfer, credits::transfer_below,
        credits::expire, credits::set_credit_line, credits::set_alerts_for, credits::set_alerts, credits::reserve,
        credits::capture, credits::release,
        tiers::publish, tiers::retire,
        subscriptions::preview_plan, subscriptions::change_plan, subscriptions::pause, subscriptions::resume,
        subscriptions::cancel, subscriptions::set_auto_renewal, subscriptions::give,
        people::erase,
        finance::close_period, finance::create_customer, finance::extend_customer,
        contracts::agree, contracts::end, contracts::charge_fees,
        payouts::draft, payouts::approve, payouts::pay, payouts::cancel,
        invoices::issue, invoices::credit, invoices::record_payment,
        sales::sell, sales::refund, sales::charge_back, sales::reverse_refund,
        reseller::create, reseller::extend, reseller::suspend, reseller::resume,
        bulk::begin, bulk::begin_for, bulk::cancel, bulk::cancel_any,
        tenant::add_user, tenant::upload, tenant::remove,
        invitations::invite, invitations::resend, invitations::revoke, invitations::issue_reset, invitations::offer,
        invitations::accept, invitations::request_reset, invitations::complete_reset,
        api_keys::issue, api_keys::rotate, api_keys::revoke,
        second_factor::enrol, second_factor::confirm, second_factor::renew_codes, second_factor::disable,
        second_factor::reset,
        user::change_password, users::own_name, users::own_sessions, users::end_own_session,
        users::end_other_sessions,
        impersonations::begin, impersonations::end,
        users::rename, users::change_role, users::disable, users::enable, users::list_sessions, users::end_sessions,
        jobs::submit_route, jobs::cancel_route,
        workflows::create,
        workflows::save,
        workflows::remove,
        workflows::run,
        store_events::map_product, store_events::retire_product, store_events::link_user, store_events::retry,
        hooks::revenuecat,
        work::audio, work::result,
    ),
    components(schemas(DryRun, WouldAppend, WouldPost))
)]
pub struct Document;

/// The document as it is served.
static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| completed(serde_json::to_value(Document::openapi()).unwrap_or_default()));

/// Methods and paths below /api of all commands, which are what takes an idempotency key.
static COMMANDS: LazyLock<HashSet<(String, String)>> = LazyLock::new(|| {
    let paths = DOCUMENT.get("paths").and_then(Value::as_object);
    let operations = paths.into_iter().flatten().flat_map(|(path, operations)| {
        operations
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, operation)| is_command(operation))
            .map(move |(method, _)| (method.to_uppercase(), format!("/api{path}")))
    });
    operations.collect()
});

/// Whether a route, given by its pattern, takes a command.
pub fn takes_command(method: &str, pattern: &str) -> bool {
    COMMANDS.contains(&(method.to_owned(), pattern.to_owned()))
}

fn is_command(operation: &Value) -> bool {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    parameters
        .into_iter()
        .flatten()
        .any(|parameter| parameter.get("name").and_then(Value::as_str) == Some(KEY_HEADER))
}

/// Adds what every command has: it can be tried, and its body may have a comment.
fn completed(mut api: Value) -> Value {
    let mut bodies = HashSet::new();
    let paths = api.get_mut("paths").and_then(Value::as_object_mut);
    for operations in paths.into_iter().flatten().map(|(_, operations)| operations) {
        let operations = operations.as_object_mut().into_iter().flatten();
        for (_, operation) in operations.filter(|(_, operation)| is_command(operation)) {
            if let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) {
                parameters.push(dry_run::parameter());
            }
            let body = operation.pointer("/requestBody/content/application~1json/schema/$ref");
            bodies.extend(body.and_then(Value::as_str).map(str::to_owned));
        }
    }
    let comment = json!({
        "type": ["string", "null"],
        "maxLength": NOTE_CHARS_MAX,
        "description": "What there is to say of it. Its events keep it for ever: leave out who a person is.",
    });
    for body in bodies {
        let properties = format!("{}/properties", body.trim_start_matches('#'));
        if let Some(Value::Object(properties)) = api.pointer_mut(&properties) {
            properties.insert(COMMENT.to_owned(), comment.clone());
        }
    }
    api
}

/// What other parts of the program answer below /api.
pub struct Others(pub utoipa::openapi::OpenApi);

#[get("/openapi.json")]
async fn document(others: Option<Data<Others>>) -> Result<HttpResponse, CommandError> {
    let Some(others) = others else {
        return Ok(HttpResponse::Ok().json(&*DOCUMENT));
    };
    let mut whole = Document::openapi();
    whole.merge(others.0.clone());
    Ok(HttpResponse::Ok().json(completed(serde_json::to_value(whole)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_can_be_tried_and_commented() {
        assert!(takes_command("POST", "/api/reseller/customers/{id}/extensions"));
        assert!(!takes_command("POST", "/api/auth/token"));
        let extend = &DOCUMENT["paths"]["/reseller/customers/{id}/extensions"]["post"]["parameters"];
        let headers: Vec<_> = extend
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap())
            .collect();
        assert_eq!(headers, ["id", KEY_HEADER, dry_run::HEADER]);
        assert!(DOCUMENT["components"]["schemas"]["Extension"]["properties"][COMMENT].is_object());
    }
}
