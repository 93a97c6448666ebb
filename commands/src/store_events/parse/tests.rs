use serde_json::{Value, json};

use super::*;

const AT: i64 = 1_790_000_005_000;

fn sample() -> Value {
    json!({"id": "0f0c6a52-0000-4000-8000-000000000001", "type": "RENEWAL", "app_id": "app_demo",
        "event_timestamp_ms": AT, "app_user_id": "tenant_42", "original_app_user_id": "$RCAnonymousID:aa",
        "aliases": ["tenant_42", "$RCAnonymousID:aa"], "product_id": "premium_monthly",
        "entitlement_ids": ["premium"], "entitlement_id": null, "period_type": "NORMAL",
        "purchased_at_ms": 1_790_000_000_000_i64, "expiration_at_ms": 1_792_592_000_000_i64, "store": "STRIPE",
        "environment": "PRODUCTION", "is_trial_conversion": false, "price": 21.5, "currency": "EUR",
        "price_in_purchased_currency": 19.99, "tax_percentage": 0.19, "commission_percentage": 0.03,
        "takehome_percentage": 0.97, "transaction_id": "t2", "original_transaction_id": "t1",
        "is_family_share": false, "country_code": "DE", "offer_code": null, "renewal_number": 2,
        "presented_offering_id": null, "a_new_field": [1, 2],
        "subscriber_attributes": {"$email": {"value": "a@example.test", "updated_at_ms": 1}}})
}

fn changed(fields: &Value) -> Value {
    let mut event = sample();
    for (name, value) in fields.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

fn digest(name: &str) -> StoreUserId {
    StoreUserId(Uuid::new_v5(&Uuid::nil(), name.as_bytes()))
}

fn parsed(event: &Value) -> Parsed {
    let body = json!({"api_version": "1.0", "event": event}).to_string();
    let received_at = DateTime::from_timestamp_millis(AT + 30_000).unwrap();
    fact(
        &head(body.as_bytes()).unwrap(),
        body.as_bytes(),
        received_at,
        digest,
    )
}

#[test]
fn a_renewal_is_read_with_its_money_to_the_cent() {
    let fact = parsed(&sample()).fact;
    assert_eq!((fact.kind, fact.store.as_str()), (FactKind::Renewed, "STRIPE"));
    assert_eq!(fact.users, [digest("tenant_42"), digest("$RCAnonymousID:aa")]);
    assert_eq!(fact.bought.product.as_deref(), Some("premium_monthly"));
    assert_eq!(fact.at.timestamp_millis(), AT);
    let charge = fact.charge.unwrap();
    assert_eq!(
        (charge.gross.amount_minor, charge.gross.currency.as_str()),
        (1_999, "EUR")
    );
    assert_eq!((charge.tax_minor, charge.store_cut_minor), (380, 60));
}

#[test]
fn amounts_never_pass_through_a_float() {
    for (written, minor) in [
        ("0.285", 29),
        ("1.005", 101),
        ("4.35", 435),
        ("1e1", 1_000),
        ("90071992547.41", 9_007_199_254_741),
    ] {
        let text = json!({"event": sample()}).to_string();
        let text = text.replace(
            "\"price_in_purchased_currency\":19.99",
            &format!("\"price_in_purchased_currency\":{written}"),
        );
        let fact = fact(
            &head(text.as_bytes()).unwrap(),
            text.as_bytes(),
            DateTime::UNIX_EPOCH,
            digest,
        )
        .fact;
        if minor <= GROSS_MINOR_MAX {
            assert_eq!(fact.charge.unwrap().gross.amount_minor, minor, "{written}");
        } else {
            assert_eq!(fact.kind, FactKind::Unknown, "{written}");
        }
    }
}

#[test]
fn every_type_has_its_meaning() {
    for (event_type, kind) in [
        ("INITIAL_PURCHASE", FactKind::Purchased),
        ("NON_RENEWING_PURCHASE", FactKind::BoughtOnce),
        ("TEMPORARY_ENTITLEMENT_GRANT", FactKind::Lent),
        ("SUBSCRIPTION_EXTENDED", FactKind::Extended),
        ("CANCELLATION", FactKind::Cancelled),
        ("UNCANCELLATION", FactKind::Uncancelled),
        ("SUBSCRIPTION_PAUSED", FactKind::Paused),
        ("EXPIRATION", FactKind::Expired),
        ("BILLING_ISSUE", FactKind::BillingFailed),
        ("PRODUCT_CHANGE", FactKind::ProductChangeAnnounced),
        ("REFUND_REVERSED", FactKind::RefundReversed),
        ("TEST", FactKind::Noted),
        ("INVOICE_ISSUANCE", FactKind::Noted),
        ("VIRTUAL_CURRENCY_TRANSACTION", FactKind::Noted),
        ("EXPERIMENT_ENROLLMENT", FactKind::Noted),
        ("SUBSCRIBER_ALIAS", FactKind::Noted),
        ("NEVER_HEARD_OF", FactKind::Unknown),
    ] {
        assert_eq!(
            parsed(&changed(&json!({"type": event_type}))).fact.kind,
            kind,
            "{event_type}"
        );
    }
    let refund = json!({"type": "CANCELLATION", "price_in_purchased_currency": -19.99});
    let fact = parsed(&changed(&refund)).fact;
    assert_eq!(fact.kind, FactKind::Refunded);
    assert_eq!(fact.charge.unwrap().tax_minor, -380);
}

#[test]
fn a_transfer_names_both_sides() {
    let event = json!({"id": "e", "type": "TRANSFER", "event_timestamp_ms": AT, "store": "APP_STORE",
        "environment": "SANDBOX", "transferred_from": ["a", "b"], "transferred_to": ["c"]});
    let parsed = parsed(&event);
    assert_eq!(parsed.fact.kind, FactKind::Transferred);
    assert_eq!(parsed.fact.users, [digest("c")]);
    assert_eq!(parsed.fact.taken_from, [digest("a"), digest("b")]);
    assert!(parsed.fact.sandbox);
}

#[test]
fn an_id_of_a_tenants_form_is_one_that_may_be_a_tenants() {
    let tenant_id = Uuid::from_u128(7);
    let parsed = parsed(&changed(&json!({"aliases": [tenant_id.to_string(), "x"]})));
    assert_eq!(
        parsed.tenants(),
        [(digest(&tenant_id.to_string()), TenantId(tenant_id))]
    );
}

#[test]
fn fields_that_are_not_as_documented_make_an_event_wait() {
    for fields in [
        json!({"price_in_purchased_currency": "19.99"}),
        json!({"currency": "euro"}),
        json!({"tax_percentage": 1.5}),
        json!({"tax_percentage": 0.9, "commission_percentage": 0.2}),
        json!({"tax_percentage": -0.1}),
        json!({"expiration_at_ms": -5}),
        json!({"expiration_at_ms": "soon"}),
        json!({"price_in_purchased_currency": 99_999_999_999_999_999_i64}),
        json!({"aliases": ["x".repeat(ID_BYTES_MAX + 1)]}),
    ] {
        let fact = parsed(&changed(&fields)).fact;
        assert_eq!(
            (fact.kind, fact.users),
            (FactKind::Unknown, vec![digest("tenant_42")]),
            "{fields}"
        );
    }
}

#[test]
fn tax_and_the_stores_cut_are_never_more_than_there_is() {
    let fields =
        json!({"price_in_purchased_currency": 0.01, "tax_percentage": 0.5, "commission_percentage": 0.5});
    let charge = parsed(&changed(&fields)).fact.charge.unwrap();
    assert_eq!((charge.tax_minor, charge.store_cut_minor), (1, 0));
}

#[test]
fn a_sender_whose_clock_is_ahead_is_taken_down_to_ours() {
    let fact = parsed(&changed(&json!({"event_timestamp_ms": AT + 86_400_000_i64}))).fact;
    assert_eq!(
        fact.at.timestamp_millis(),
        AT + 30_000 + AHEAD_MAX.num_milliseconds()
    );
}

#[test]
fn what_has_no_id_type_or_time_is_no_event() {
    for body in [
        "",
        "{}",
        "{\"event\": {}}",
        "{\"event\": {\"id\": \"\", \"type\": \"TEST\", \"event_timestamp_ms\": 1}}",
        "{\"event\": {\"id\": \"x\", \"type\": \"TEST\", \"event_timestamp_ms\": -1}}",
        "{\"event\": {\"id\": \"x\", \"type\": \"TEST\", \"event_timestamp_ms\": 9e99}}",
    ] {
        assert!(head(body.as_bytes()).is_err(), "{body}");
    }
}
