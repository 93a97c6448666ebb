//! Every root field, asked by people of another reseller, tells nothing.

use crate::support::log::{
    Story, act_as, buy_in_store, close_period, hold_credits, invite, invoice, issue_key, map_products,
    pay_out, permit, platform, queue_job, run_bulk, save_workflow, sell, started, story,
};
use crate::support::{TestApi, admin, customer, reseller};
use domain::api_key::KeyScopes;
use domain::ids::SaleId;
use domain::user::{Home, Role};
use platform::{Access, Principal, access};
use serde_json::{Value, json};
use strum::IntoEnumIterator;
use uuid::Uuid;

/// How a field is asked for what is not the asker's. A new field has to be placed here.
fn foreign(field: &str, story: &Story, job_id: &str, sale_id: SaleId) -> String {
    match field {
        "viewer" => "{ viewer { id name email resellerId tenantId } }".to_owned(),
        "dashboard" => "{ dashboard { resellerName recentActivity { text } } }".to_owned(),
        "subscription" => format!(
            "{{ subscription(customerId: \"{}\") {{ renewalDays grants {{ tier }} }} }}",
            story.tenant_id
        ),
        "tiers" => "{ tiers { code } }".to_owned(),
        "auditLog" => format!(
            "{{ auditLog(filter: {{ resellerId: \"{}\" }}) {{ nodes {{ id action }} }} }}",
            story.reseller_id
        ),
        "permissionTemplates" => "{ permissionTemplates { code permissions } }".to_owned(),
        "packs" => "{ packs { code } }".to_owned(),
        "resellers" => "{ resellers { nodes { id name } } }".to_owned(),
        "reseller" => format!(
            "{{ reseller(id: \"{}\") {{ name permissions {{ value }} }} }}",
            story.reseller_id
        ),
        "users" => {
            "{ users(search: \"nord\") { nodes { id name email resellerName customerName } } }".to_owned()
        }
        "invitations" => "{ invitations { nodes { id email invitedBy } } }".to_owned(),
        "impersonations" => "{ impersonations { nodes { id userName reason } } }".to_owned(),
        "apiKeys" => "{ apiKeys { nodes { id name } } }".to_owned(),
        "customers" => "{ customers(search: \"nord\") { nodes { id name } } }".to_owned(),
        "customer" => format!("{{ customer(id: \"{}\") {{ name }} }}", story.tenant_id),
        "creditTransactions" | "creditTransaction" | "creditForecast" | "creditAccount" => {
            foreign_credits(field, story)
        }
        "entitlement" => format!(
            "{{ entitlement(customerId: \"{}\") {{ tier }} }}",
            story.tenant_id
        ),
        "entitlements" => format!(
            "{{ entitlements(questions: [{{ customerId: \"{}\", feature: WORKFLOWS }}]) {{ explanation limit }} }}",
            story.tenant_id
        ),
        "usage" => format!(
            "{{ usage(from: \"2026-11-01\", to: \"2026-12-01\", by: DAY, customerId: \"{}\") {{
                 periods {{ jobs }} limits {{ used }} }} }}",
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
        "auditStatus" => "{ auditStatus { events head checkpoint { root } } }".to_owned(),
        "storeEvents" => format!(
            "{{ storeEvents(where: {{ customerId: \"{}\" }}) {{ nodes {{ id product customerId }} }} }}",
            story.tenant_id
        ),
        "storeTransactions" => {
            "{ storeTransactions { nodes { id customerId gross { amountMinor } } } }".to_owned()
        }
        "storeDrifts" => "{ storeDrifts { nodes { customerId expected found } } }".to_owned(),
        "storeProducts" => "{ storeProducts { product tier } }".to_owned(),
        "recordings" => "{ recordings { nodes { id name } } }".to_owned(),
        "workflows" => "{ workflows { nodes { id name } } }".to_owned(),
        "jobs" => "{ jobs { nodes { id recording { name } } } }".to_owned(),
        "job" => format!("{{ job(id: \"{job_id}\") {{ id status }} }}"),
        other => earnings(other, story, sale_id),
    }
}

/// The same, for what is earned, paid and charged.
fn earnings(field: &str, story: &Story, sale_id: SaleId) -> String {
    match field {
        "contracts" => format!(
            "{{ contracts(resellerId: \"{}\") {{ version }} }}",
            story.reseller_id
        ),
        "commissionLines" => format!(
            "{{ commissionLines(where: {{ originId: \"{sale_id}\" }}) {{ nodes {{ id amountMinor }} }} }}"
        ),
        "commissionLine" => format!("{{ commissionLine(id: \"{sale_id}-1\") {{ explanation }} }}"),
        "commissionSummary" => format!(
            "{{ commissionSummary(resellerId: \"{}\") {{ month grossMinor }} }}",
            story.reseller_id
        ),
        "payoutRuns" => "{ payoutRuns { nodes { id reference } } }".to_owned(),
        "statements" => format!(
            "{{ statements(resellerId: \"{}\") {{ nodes {{ id digest }} }} }}",
            story.reseller_id
        ),
        "invoices" => format!(
            "{{ invoices(resellerId: \"{}\") {{ nodes {{ id reference }} }} }}",
            story.reseller_id
        ),
        "reportValues" => format!(
            "{{ reportValues(report: GROWTH, from: \"2026-01-01\", to: \"2027-01-01\", by: MONTH, resellerId: \"{}\") \
               {{ nodes {{ figure value }} }} }}",
            story.reseller_id
        ),
        "reportLines" => format!(
            "{{ reportLines(report: GROWTH, figure: \"new\", start: \"2000-01-01T00:00:00Z\", \
               end: \"2100-01-01T00:00:00Z\", resellerId: \"{}\") {{ nodes {{ customerName value }} }} }}",
            story.reseller_id
        ),
        // The story's bulk has the reseller's id.
        "bulks" => "{ bulks { nodes { id rows } } }".to_owned(),
        "bulk" => format!("{{ bulk(id: \"{}\") {{ rows state }} }}", story.reseller_id),
        "bulkResults" => format!(
            "{{ bulkResults(bulkId: \"{}\") {{ nodes {{ row code }} }} }}",
            story.reseller_id
        ),
        other => panic!("the root field {other} is new: say here how a stranger would ask for it"),
    }
}

fn foreign_credits(field: &str, story: &Story) -> String {
    let asked = match field {
        "creditTransaction" => "number: 2) { transaction { amount note } }",
        "creditForecast" => "horizonDays: 30) { available failing { customerName } }",
        "creditAccount" => "minPosition: null) { resellerId balance lots { remaining } }",
        _ => "first: 20) { nodes { id amount } }",
    };
    format!("{{ {field}(resellerId: \"{}\", {asked} }}", story.reseller_id)
}

/// Fields that answer a stranger with nothing at all; the others answer with what is the stranger's own.
const TELL_NOTHING: &[&str] = &[
    "reseller",
    "customer",
    "customers",
    "users",
    "invitations",
    "impersonations",
    "apiKeys",
    "auditLog",
    "reportLines",
    "bulks",
    "bulk",
    "bulkResults",
    "creditTransactions",
    "creditTransaction",
    "creditAccount",
    "creditForecast",
    "entitlement",
    "entitlements",
    "usage",
    "subscription",
    "trialBalance",
    "creditBalance",
    "postings",
    "periods",
    "ledgerViolations",
    "auditStatus",
    "storeEvents",
    "storeTransactions",
    "storeDrifts",
    "contracts",
    "commissionLines",
    "commissionLine",
    "commissionSummary",
    "payoutRuns",
    "statements",
    "invoices",
    "job",
];

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
        Value::Array(rows) => rows.iter().all(tells_nothing),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[actix_web::test]
async fn every_root_field_tells_strangers_nothing() {
    let mut api = TestApi::start().await;
    platform(&mut api.log).await;
    let nordwind = story(&mut api.log, "Nordwind").await;
    let stranger = story(&mut api.log, "Fremd").await;
    hold_credits(&mut api.log, &nordwind).await;
    let job_id = queue_job(&mut api.log, &nordwind).await;
    let sale_id = sell(&mut api.log, &nordwind).await;
    pay_out(&mut api.log, &[nordwind]).await;
    invoice(&mut api.log, &nordwind).await;
    save_workflow(&mut api.log, &nordwind, Uuid::now_v7().into(), 1).await;
    api.log
        .one::<domain::job::Job>(
            job_id,
            started(1, 1),
            nordwind.of_tenant(),
            crate::support::log::noon(),
        )
        .await;
    invite(&mut api.log, &nordwind).await;
    act_as(&mut api.log, &nordwind).await;
    issue_key(&mut api.log, &nordwind).await;
    permit(&mut api.log, &nordwind).await;
    run_bulk(&mut api.log, &nordwind).await;
    map_products(&mut api.log).await;
    buy_in_store(&mut api.log, &nordwind).await;
    close_period(&mut api.log, "2026-11").await;
    api.log.catch_up().await;
    let (queries, subscriptions) = fields(&api).await;
    assert!(queries.len() >= 11, "{queries:?}");
    for field in queries {
        let query = foreign(&field, &nordwind, &job_id.to_string(), sale_id);
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
            if TELL_NOTHING.contains(&field.as_str()) {
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

/// What the table of roles says about every root field is what the field does.
#[actix_web::test]
async fn every_root_field_is_closed_to_the_roles_that_the_table_leaves_out() {
    let mut api = TestApi::start().await;
    platform(&mut api.log).await;
    let nordwind = story(&mut api.log, "Nordwind").await;
    let job_id = queue_job(&mut api.log, &nordwind).await;
    let sale_id = sell(&mut api.log, &nordwind).await;
    api.log.catch_up().await;
    let (queries, subscriptions) = fields(&api).await;
    for field in queries.iter().chain(&subscriptions) {
        let rows = access::READS
            .iter()
            .filter(|read| read.field == field.as_str())
            .count();
        assert_eq!(rows, 1, "{field} needs one row in the table of roles");
    }
    assert_eq!(
        access::READS.len(),
        queries.len() + subscriptions.len(),
        "a row of no field"
    );
    let (mut granted, mut denied) = (0, 0);
    for field in queries {
        let query = foreign(&field, &nordwind, &job_id.to_string(), sale_id);
        for role in Role::iter().filter(|role| *role != Role::Service) {
            let home = [
                Home::Platform,
                Home::Reseller(nordwind.reseller_id),
                nordwind.home(),
            ];
            let home = home.into_iter().find(|home| role.fits(*home)).unwrap();
            let principal = Principal {
                role,
                home,
                ..customer(&nordwind)
            };
            let answer = api.ask(&principal, &query, json!({})).await;
            let forbidden = answer["errors"][0]["extensions"]["code"] == "FORBIDDEN";
            if access::may_read(&principal, &field) {
                granted += 1;
                assert!(!forbidden, "{field} is closed to {role:?}: {answer}");
            } else {
                denied += 1;
                assert!(forbidden, "{field} is open to {role:?}: {answer}");
            }
        }
        let program = Principal {
            role: Role::Service,
            access: Access::Key {
                key_id: Uuid::now_v7().into(),
                scopes: KeyScopes::default(),
            },
            ..customer(&nordwind)
        };
        let answer = api.ask(&program, &query, json!({})).await;
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], "FORBIDDEN",
            "{field}: {answer}"
        );
    }
    assert!(granted > 50 && denied > 50, "{granted} granted, {denied} denied");
}
