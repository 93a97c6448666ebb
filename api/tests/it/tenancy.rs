//! Every root field, asked by people of another reseller, tells nothing.

use crate::support::log::{Story, close_period, platform, queue_job, save_workflow, started, story};
use crate::support::{TestApi, admin, customer, reseller};
use serde_json::{Value, json};
use uuid::Uuid;

/// How a field is asked for what is not the asker's. A new field has to be placed here.
fn foreign(field: &str, story: &Story, job_id: &str) -> String {
    match field {
        "viewer" => "{ viewer { id name email resellerId tenantId } }".to_owned(),
        "dashboard" => "{ dashboard { resellerName recentActivity { text } } }".to_owned(),
        "packs" => "{ packs { code } }".to_owned(),
        "resellers" => "{ resellers { nodes { id name } } }".to_owned(),
        "reseller" => format!("{{ reseller(id: \"{}\") {{ name }} }}", story.reseller_id),
        "users" => {
            "{ users(search: \"nord\") { nodes { id name email resellerName customerName } } }".to_owned()
        }
        "customers" => "{ customers(search: \"nord\") { nodes { id name } } }".to_owned(),
        "customer" => format!("{{ customer(id: \"{}\") {{ name }} }}", story.tenant_id),
        "creditTransactions" => {
            format!(
                "{{ creditTransactions(resellerId: \"{}\") {{ nodes {{ id amount }} }} }}",
                story.reseller_id
            )
        }
        "entitlement" => format!(
            "{{ entitlement(customerId: \"{}\") {{ tier }} }}",
            story.tenant_id
        ),
        "trialBalance" => format!(
            "{{ trialBalance(resellerId: \"{}\") {{ lines {{ debits }} }} }}",
            story.reseller_id
        ),
        "creditBalance" => format!("{{ creditBalance(resellerId: \"{}\") }}", story.reseller_id),
        "postings" => format!(
            "{{ postings(where: {{ resellerId: \"{}\" }}) {{ nodes {{ id amount }} }} }}",
            story.reseller_id
        ),
        "periods" => "{ periods { closed { digest } next { period } } }".to_owned(),
        "ledgerViolations" => "{ ledgerViolations { position } }".to_owned(),
        "recordings" => "{ recordings { nodes { id name } } }".to_owned(),
        "workflows" => "{ workflows { nodes { id name } } }".to_owned(),
        "jobs" => "{ jobs { nodes { id recording { name } } } }".to_owned(),
        "job" => format!("{{ job(id: \"{job_id}\") {{ id status }} }}"),
        other => panic!("the root field {other} is new: say here how a stranger would ask for it"),
    }
}

async fn fields(api: &TestApi) -> (Vec<String>, Vec<String>) {
    let query = "{ __schema { queryType { fields { name } } subscriptionType { fields { name } } } }";
    let answer = api.ask(&admin(), query, json!({})).await;
    let names = |kind: &str| {
        let fields = answer["data"]["__schema"][kind]["fields"].as_array().unwrap();
        fields
            .iter()
            .map(|field| field["name"].as_str().unwrap().to_owned())
            .collect()
    };
    (names("queryType"), names("subscriptionType"))
}

/// Nothing but empty lists, nulls and refusals.
fn tells_nothing(data: &Value) -> bool {
    match data {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(tells_nothing),
        Value::Array(rows) => rows.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[actix_web::test]
async fn every_root_field_tells_strangers_nothing() {
    let mut api = TestApi::start().await;
    platform(&mut api.log).await;
    let nordwind = story(&mut api.log, "Nordwind").await;
    let stranger = story(&mut api.log, "Fremd").await;
    let job_id = queue_job(&mut api.log, &nordwind).await;
    save_workflow(&mut api.log, &nordwind, Uuid::now_v7().into(), 1).await;
    api.log
        .one::<domain::job::Job>(
            job_id,
            started(1, 1),
            nordwind.of_tenant(),
            crate::support::log::noon(),
        )
        .await;
    close_period(&mut api.log, "2026-11").await;
    api.log.catch_up().await;
    let (queries, subscriptions) = fields(&api).await;
    assert!(queries.len() >= 11, "{queries:?}");
    for field in queries {
        let query = foreign(&field, &nordwind, &job_id.to_string());
        for principal in [customer(&stranger), reseller(&stranger)] {
            let answer = api.ask(&principal, &query, json!({})).await;
            let text = answer.to_string();
            for secret in [
                "Nordwind",
                &nordwind.tenant_id.to_string(),
                &nordwind.reseller_id.to_string(),
            ] {
                assert!(!text.contains(secret), "{field} told {secret}: {text}");
            }
            if matches!(
                field.as_str(),
                "reseller"
                    | "customer"
                    | "customers"
                    | "users"
                    | "creditTransactions"
                    | "entitlement"
                    | "trialBalance"
                    | "creditBalance"
                    | "postings"
                    | "periods"
                    | "ledgerViolations"
                    | "job"
            ) {
                assert!(tells_nothing(&answer["data"]), "{field}: {text}");
            }
        }
    }
    assert_eq!(
        subscriptions,
        ["jobUpdates"],
        "a new subscription has to be asked by a stranger, below"
    );
    for unknown in [job_id, uuid::Uuid::now_v7()] {
        let mut socket = api.admitted(&customer(&stranger)).await;
        socket.follow(unknown, 0).await;
        let heard = socket.hear().await.unwrap();
        assert_eq!(
            heard["payload"]["errors"][0]["extensions"]["code"], "NOT_FOUND",
            "{heard}"
        );
    }
}
