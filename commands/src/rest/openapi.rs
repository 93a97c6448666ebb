//! The OpenAPI document, generated from the handlers.

use actix_web::web::ServiceConfig;
use actix_web::{HttpResponse, get};
use utoipa::OpenApi;

use crate::rest::{
    admin, api_keys, auth, contracts, credits, customers, finance, hooks, invitations, invoices, jobs,
    onboarding, payouts, people, reseller, resellers, sales, second_factor, store_events, sub_resellers,
    subscriptions, tenant, tiers, user, users, work, workflows,
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
        tenant::add_user, tenant::upload,
        invitations::invite, invitations::resend, invitations::revoke, invitations::issue_reset, invitations::offer,
        invitations::accept, invitations::request_reset, invitations::complete_reset,
        api_keys::issue, api_keys::rotate, api_keys::revoke,
        second_factor::enrol, second_factor::confirm, second_factor::renew_codes, second_factor::disable,
        second_factor::reset,
        user::change_password, users::own_name, users::own_sessions, users::end_own_session,
        users::end_other_sessions,
        users::rename, users::change_role, users::disable, users::enable, users::list_sessions, users::end_sessions,
        jobs::submit_route, jobs::cancel_route,
        workflows::create,
        workflows::save,
        workflows::remove,
        workflows::run,
        store_events::map_product, store_events::retire_product, store_events::link_user, store_events::retry,
        hooks::revenuecat,
        work::audio, work::result,
    )
)]
pub struct Document;

#[get("/openapi.json")]
async fn document() -> HttpResponse {
    HttpResponse::Ok().json(Document::openapi())
}
