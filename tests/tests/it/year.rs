//! The demo's year, small: everything in it is a command, and the books hold in the end.

use chrono::TimeDelta;
use serde_json::json;
use server::{Role, year};
use tests::TestApp;

#[actix_web::test]
async fn a_year_is_lived_by_commands_and_its_books_hold() {
    let app = TestApp::with(&[Role::Api, Role::Projections], |_| {}).await;
    app.parts.clock.advance(-TimeDelta::days(i64::from(year::DAYS)));
    app.register_admin().await;
    let write = app.parts.write_side();
    let wanted = year::Wanted {
        seed: 5,
        resellers: 6,
        customers: 40,
    };
    let lived = year::live(&write, wanted, &mut |_| {}).await.unwrap();
    assert!(lived.commands > 100 && lived.store_events > 20, "{lived:?}");
    let events = app.events().await;
    let receipts: i64 = sqlx::query_scalar("SELECT count(DISTINCT metadata ->> 'command_id') FROM es.events")
        .fetch_one(&app.parts.commands)
        .await
        .unwrap();
    assert!(
        receipts * 2 > events / 3,
        "{receipts} commands made {events} events"
    );
    app.settle().await;
    let admin = app.client().with_token(&admin_token(&app));
    let query = "{ trialBalance { balanced credits { holds } } ledgerViolations { rule }
        periods { closed { period } } payoutRuns { nodes { status } } resellers { nodes { parent { id } } } }";
    let seen = admin.query(query, json!({})).await;
    assert_eq!(
        seen["trialBalance"],
        json!({"balanced": true, "credits": {"holds": true}})
    );
    assert_eq!(seen["ledgerViolations"], json!([]));
    let many = |list: &serde_json::Value| list.as_array().unwrap().len();
    assert!(many(&seen["periods"]["closed"]) >= 11);
    assert!(many(&seen["payoutRuns"]["nodes"]) >= 9);
    assert!(app.audit().await.is_clean());
}

fn admin_token(app: &TestApp) -> String {
    let principal = platform::Principal {
        user_id: domain::ids::UserId(uuid::Uuid::from_u128(7)),
        role: domain::user::Role::PlatformAdmin,
        home: domain::user::Home::Platform,
        access: platform::Access::PASSWORD,
    };
    let signer = app.parts.write_side().signer;
    signer.access(&principal, app.parts.clock.now()).unwrap().0
}
