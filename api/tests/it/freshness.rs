//! Every read can wait for what its asker has just done.

use crate::support::log::{ADMIN, platform, story};
use crate::support::{TestApi, admin, reseller};
use domain::ids::UserId;
use serde_json::{Value, json};
use store::append::{self, Receipt};
use uuid::Uuid;

const ROOTS: &str = "{ __schema {
    queryType { fields { name args { name } } }
    subscriptionType { fields { name args { name } } } } }";

#[actix_web::test]
async fn every_root_field_takes_a_position_and_a_command_to_wait_for() {
    let api = TestApi::start().await;
    let answer = api.ask(&admin(), ROOTS, json!({})).await;
    for kind in ["queryType", "subscriptionType"] {
        for field in answer["data"]["__schema"][kind]["fields"].as_array().unwrap() {
            let takes = |name: &str| {
                let arguments = field["args"].as_array().unwrap();
                arguments.iter().any(|argument| argument["name"] == name)
            };
            let field = &field["name"];
            assert!(
                takes("minPosition"),
                "{field} cannot wait for a position: give it minPosition"
            );
            assert!(
                takes("waitFor"),
                "{field} cannot wait for a command: give it waitFor"
            );
        }
    }
}

fn code(answer: &Value) -> &Value {
    &answer["errors"][0]["extensions"]["code"]
}

#[actix_web::test]
async fn a_read_waits_for_its_own_command_and_knows_no_other() {
    let mut api = TestApi::start().await;
    platform(&mut api.log).await;
    let westwind = story(&mut api.log, "Westwind").await;
    // The story's last event again, by a command that the admin gave under the key `mine`.
    let suspended = domain::tenant::TenantEvent::TenantSuspended {
        reason: "unpaid".to_owned(),
    };
    let event = api.log.event::<domain::tenant::Tenant>(
        &westwind.tenant_id.to_string(),
        &suspended,
        westwind.of_tenant(),
        crate::support::log::noon(),
    );
    let receipt = Receipt {
        command_id: store::command_id(UserId(ADMIN), "mine"),
        tenant_id: Uuid::nil(),
        fingerprint: Vec::new(),
        outcome: Value::Null,
        origin: None,
    };
    let mut connection = api.log.commands.acquire().await.unwrap();
    append::append(&mut connection, &receipt, &[], &[event])
        .await
        .unwrap();
    drop(connection);
    let query = "query ($key: String, $id: ID!) { customer(id: $id, waitFor: $key) { status } }";
    let variables = |key: &str| json!({"key": key, "id": westwind.tenant_id.to_string()});
    let admin = admin();
    let stale = api.ask(&admin, query, variables("mine")).await;
    assert_eq!(code(&stale), "STALE_POSITION", "{stale}");
    api.log.catch_up().await;
    let fresh = api.ask(&admin, query, variables("mine")).await;
    assert_eq!(fresh["data"]["customer"]["status"], "SUSPENDED", "{fresh}");
    let unknown = api.ask(&admin, query, variables("yours")).await;
    assert_eq!(code(&unknown), "UNKNOWN_COMMAND", "{unknown}");
    let foreign = api.ask(&reseller(&westwind), query, variables("mine")).await;
    assert_eq!(code(&foreign), "UNKNOWN_COMMAND", "{foreign}");
}
