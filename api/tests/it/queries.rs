//! What each audience gets to read.

use crate::support::log::{Story, noon, platform, queue_job, story};
use crate::support::{TestApi, admin, code, customer, reseller};
use domain::user::Role;
use platform::Principal;
use serde_json::{Value, json};

async fn seeded() -> (TestApi, Story) {
    let mut api = TestApi::start().await;
    platform(&mut api.log).await;
    let story = story(&mut api.log, "Nordwind").await;
    api.log.catch_up().await;
    // The stories happen at noon of one day.
    api.clock.advance(noon() - api.clock.now());
    (api, story)
}

#[actix_web::test]
async fn a_reseller_sees_its_dashboard() {
    let (api, story) = seeded().await;
    let query = "{ viewer { name role audience resellerId entitlement { tier } }
        dashboard { resellerName balanceDays customersTotal customersActive customersExpired usedThisMonth
            newThisMonth periodStart lastTransactions { kind amount balanceAfter customerName }
            recentActivity { kind text } position } }";
    let answer = api.ask(&reseller(&story), query, json!({})).await;
    assert!(answer["errors"].is_null(), "{answer}");
    let viewer = &answer["data"]["viewer"];
    assert_eq!(viewer["name"], "Rita Nordwind");
    assert_eq!(
        (&viewer["role"], &viewer["audience"]),
        (&json!("RESELLER_OWNER"), &json!("RESELLER"))
    );
    assert!(viewer["entitlement"].is_null());
    let dashboard = &answer["data"]["dashboard"];
    assert_eq!(dashboard["balanceDays"], 870);
    assert_eq!(dashboard["customersActive"], 1);
    assert_eq!(dashboard["usedThisMonth"], 30);
    assert_eq!(dashboard["newThisMonth"], 1);
    assert_eq!(
        dashboard["periodStart"], "2026-10-31T23:00:00+00:00",
        "midnight in Berlin"
    );
    assert_eq!(dashboard["lastTransactions"][0]["amount"], -30);
    assert_eq!(
        dashboard["recentActivity"][0]["text"],
        "Nordwind Ltd uploaded Nordwind.wav"
    );
}

#[actix_web::test]
async fn audiences_do_not_cross() {
    let (api, story) = seeded().await;
    for (principal, query) in [
        (admin(), "{ dashboard { balanceDays } }"),
        (customer(&story), "{ dashboard { balanceDays } }"),
        (customer(&story), "{ resellers { nodes { name } } }"),
        (customer(&story), "{ creditTransactions { nodes { amount } } }"),
    ] {
        let answer = api.ask(&principal, query, json!({})).await;
        assert_eq!(code(&answer), "FORBIDDEN", "{query}");
        assert!(answer["data"].is_null());
    }
    let answer = api
        .ask(
            &customer(&story),
            "{ packs { code } reseller(id: \"x\") { name } }",
            json!({}),
        )
        .await;
    assert_eq!(answer["data"], json!({"packs": [], "reseller": null}));
}

#[actix_web::test]
async fn an_admin_pages_through_resellers_and_packs() {
    let (mut api, _) = seeded().await;
    story(&mut api.log, "Südwind").await;
    api.log.catch_up().await;
    let query = "query ($after: String) { resellers(first: 1, after: $after) {
        nodes { name commissionRate balanceDays customersTotal } pageInfo { hasNextPage hasPreviousPage endCursor } }
        packs { code credits price { amountMinor currency } pricePerCredit } }";
    let first = api.ask(&admin(), query, json!({"after": null})).await;
    assert_eq!(first["data"]["resellers"]["nodes"][0]["name"], "Südwind");
    assert_eq!(first["data"]["resellers"]["nodes"][0]["commissionRate"], "0.20");
    assert_eq!(first["data"]["packs"][0]["pricePerCredit"], "0.0556");
    let page = &first["data"]["resellers"]["pageInfo"];
    assert_eq!(
        (&page["hasNextPage"], &page["hasPreviousPage"]),
        (&json!(true), &json!(false))
    );
    let second = api
        .ask(&admin(), query, json!({"after": page["endCursor"]}))
        .await;
    assert_eq!(second["data"]["resellers"]["nodes"][0]["name"], "Nordwind");
    assert_eq!(second["data"]["resellers"]["pageInfo"]["hasNextPage"], false);
}

#[actix_web::test]
async fn a_customer_knows_what_its_tier_allows_and_when_it_ends() {
    let (mut api, story) = seeded().await;
    let job_id = queue_job(&mut api.log, &story).await;
    api.log.catch_up().await;
    let query = "{ viewer { entitlement { tier expiresAt uploadBytesMax concurrentJobsMax
            models { name allowed installed } } }
        customers { nodes { status usersTotal } } recordings { nodes { name bytes } }
        jobs { nodes { id status percent lastSequence recording { name } transcript { text } } } }";
    let answer = api.ask(&customer(&story), query, json!({})).await;
    assert!(answer["errors"].is_null(), "{answer}");
    let entitlement = &answer["data"]["viewer"]["entitlement"];
    assert_eq!(entitlement["tier"], "premium");
    assert_eq!(entitlement["uploadBytesMax"], 500_000_000);
    let models = entitlement["models"].as_array().unwrap();
    assert!(
        models.contains(&json!({"name": "small", "allowed": true, "installed": true})),
        "{models:?}"
    );
    assert!(
        models.contains(&json!({"name": "medium", "allowed": true, "installed": false})),
        "{models:?}"
    );
    assert!(
        models.contains(&json!({"name": "large-v3", "allowed": false, "installed": true})),
        "{models:?}"
    );
    let job = &answer["data"]["jobs"]["nodes"][0];
    assert_eq!(job["id"], job_id.to_string());
    assert_eq!(
        (&job["status"], &job["lastSequence"]),
        (&json!("QUEUED"), &json!(1))
    );
    assert!(job["transcript"].is_null());
    assert_eq!(answer["data"]["customers"]["nodes"][0]["status"], "ACTIVE");

    api.clock.advance(chrono::TimeDelta::days(30));
    let answer = api.ask(&customer(&story), query, json!({})).await;
    let entitlement = &answer["data"]["viewer"]["entitlement"];
    assert!(entitlement["tier"].is_null());
    assert_eq!(entitlement["concurrentJobsMax"], 0);
    assert_eq!(answer["data"]["customers"]["nodes"][0]["status"], "EXPIRED");
}

#[actix_web::test]
async fn a_read_waits_for_its_position_and_says_when_it_cannot() {
    let (mut api, _) = seeded().await;
    let newcomer = story(&mut api.log, "Westwind").await;
    let last: (i64, i64) = sqlx::query_as(
        "SELECT xid::text::bigint, position FROM es.events e ORDER BY e.xid DESC, 2 DESC LIMIT 1",
    )
    .fetch_one(&api.log.owner)
    .await
    .unwrap();
    let query = "query ($at: String, $id: ID!) { customer(id: $id, minPosition: $at) { name } }";
    let variables = |at: String| json!({"at": at, "id": newcomer.tenant_id.to_string()});
    let admin = admin();
    let asked = api.ask(&admin, query, variables(format!("{}-{}", last.0, last.1)));
    let (answer, _) = futures::future::join(asked, api.log.catch_up()).await;
    assert_eq!(answer["data"]["customer"]["name"], "Westwind Ltd");
    let beyond = api
        .ask(&admin, query, variables(format!("{}-1", last.0 + 1_000_000)))
        .await;
    assert_eq!(code(&beyond), "STALE_POSITION");
    let nonsense = api.ask(&admin, query, variables("soon".to_owned())).await;
    assert_eq!(code(&nonsense), "BAD_USER_INPUT");
}

#[actix_web::test]
async fn queries_have_limits_and_errors_have_codes() {
    let (api, story) = seeded().await;
    let wide = "{ jobs(first: 100) { nodes { transcript { text } } } }";
    let nested = [
        "{ fields { type ".repeat(8),
        "{ name }".to_owned(),
        " } }".repeat(8),
    ]
    .concat();
    let deep = format!("{{ __schema {{ types {nested} }} }}");
    let unlimited = "{ jobs(first: 101) { nodes { id } } }";
    for (query, expected) in [
        (wide, "QUERY_TOO_COMPLEX"),
        (deep.as_str(), "QUERY_TOO_COMPLEX"),
        (unlimited, "BAD_USER_INPUT"),
        ("{ jobs(after: \"x\") { nodes { id } } }", "BAD_USER_INPUT"),
        ("{ nonsense }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer { id ", "GRAPHQL_PARSE_FAILED"),
    ] {
        let answer = api.ask(&customer(&story), query, json!({})).await;
        assert_eq!(code(&answer), expected, "{query}: {answer}");
    }
}

#[actix_web::test]
async fn expired_forged_and_foreign_tokens_are_refused() {
    let (api, story) = seeded().await;
    let token = api.token(&customer(&story));
    let other = TestApi::start().await;
    let link = api.worker_link();
    let mut tampered = token.clone();
    tampered.replace_range(tampered.len() - 8..tampered.len() - 4, "AAAA");
    let post = async |token: Option<&str>| {
        let mut asked = reqwest::Client::new()
            .post(api.url("/graphql"))
            .json(&json!({"query": "{ viewer { id } }"}));
        if let Some(token) = token {
            asked = asked.bearer_auth(token);
        }
        let answer = asked.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json::<serde_json::Value>().await.unwrap())
    };
    assert_eq!(post(Some(&token)).await.0, 200);
    let foreign = other.token(&customer(&story));
    for refused in [
        None,
        Some(tampered.as_str()),
        Some(foreign.as_str()),
        Some(link.as_str()),
        Some("x"),
    ] {
        let (status, answer) = post(refused).await;
        assert_eq!((status, code(&answer)), (401, "UNAUTHENTICATED"));
    }
    api.clock.advance(chrono::TimeDelta::minutes(16));
    assert_eq!(post(Some(&token)).await.0, 401);
}

#[actix_web::test]
async fn people_are_listed_for_those_who_look_after_them() {
    let (mut api, nordwind) = seeded().await;
    story(&mut api.log, "Südwind").await;
    api.log.catch_up().await;
    let query = "query ($search: String, $first: Int, $after: String) {
        users(search: $search, first: $first, after: $after) {
            nodes { name email role resellerName customerName erasedAt } pageInfo { hasNextPage endCursor } } }";
    let names = |answer: &Value| -> Vec<String> {
        let nodes = answer["data"]["users"]["nodes"].as_array().unwrap();
        let mut names: Vec<_> = nodes
            .iter()
            .map(|node| node["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let all = api.ask(&admin(), query, json!({})).await;
    assert_eq!(
        names(&all),
        [
            "Ada Admin",
            "Carl Nordwind",
            "Carl Südwind",
            "Rita Nordwind",
            "Rita Südwind"
        ]
    );
    let own = api.ask(&reseller(&nordwind), query, json!({})).await;
    assert_eq!(names(&own), ["Carl Nordwind", "Rita Nordwind"]);
    let searched = api
        .ask(&reseller(&nordwind), query, json!({"search": "carl"}))
        .await;
    let carl = &searched["data"]["users"]["nodes"][0];
    assert_eq!(
        (&carl["role"], &carl["resellerName"], &carl["customerName"]),
        (
            &json!("CUSTOMER_ADMIN"),
            &json!("Nordwind"),
            &json!("Nordwind Ltd")
        )
    );
    // A customer knows nothing of the business that sells to it.
    let colleagues = api.ask(&customer(&nordwind), query, json!({})).await;
    assert_eq!(names(&colleagues), ["Carl Nordwind"]);
    assert_eq!(
        colleagues["data"]["users"]["nodes"][0]["resellerName"],
        json!(null)
    );
    let user = Principal {
        role: Role::CustomerUser,
        ..customer(&nordwind)
    };
    let refused = api.ask(&user, query, json!({})).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");

    let mut seen = Vec::new();
    let mut after = json!(null);
    loop {
        let page = api
            .ask(&admin(), query, json!({"first": 2, "after": after}))
            .await;
        seen.extend(names(&page));
        let info = &page["data"]["users"]["pageInfo"];
        if info["hasNextPage"] == false {
            break;
        }
        after = info["endCursor"].clone();
    }
    seen.sort();
    assert_eq!(seen, names(&all));
}

#[actix_web::test]
async fn the_dashboard_and_an_entitlement_are_asked_at_other_times() {
    let (api, story) = seeded().await;
    let query = "query ($customer: ID, $asOf: DateTime, $knownAt: DateTime) {
        dashboard(asOf: $asOf, knownAt: $knownAt) {
            balanceDays customersTotal customersActive customersExpired usedThisMonth newThisMonth }
        entitlement(customerId: $customer, asOf: $asOf, knownAt: $knownAt) { tier } }";
    for (as_of, known_at, figures, tier) in [
        (
            "2026-11-21T12:00:00Z",
            None,
            [870, 1, 1, 0, 30, 1],
            Some("premium"),
        ),
        ("2026-11-21T11:59:59Z", None, [0, 0, 0, 0, 0, 0], None),
        ("2026-12-22T12:00:00Z", None, [870, 1, 0, 1, 0, 0], None),
        (
            "2026-11-21T12:00:00Z",
            Some("2020-01-01T00:00:00Z"),
            [0, 0, 0, 0, 0, 0],
            None,
        ),
    ] {
        let variables = json!({"customer": story.tenant_id, "asOf": as_of, "knownAt": known_at});
        let answer = api.ask(&reseller(&story), query, variables).await;
        assert!(answer["errors"].is_null(), "{answer}");
        let dashboard = &answer["data"]["dashboard"];
        let told = [
            "balanceDays",
            "customersTotal",
            "customersActive",
            "customersExpired",
            "usedThisMonth",
            "newThisMonth",
        ]
        .map(|field| dashboard[field].as_i64().unwrap());
        assert_eq!(told, figures, "{as_of} {known_at:?}");
        assert_eq!(
            answer["data"]["entitlement"]["tier"].as_str(),
            tier,
            "{as_of} {known_at:?}"
        );
    }
    let own = api
        .ask(&customer(&story), "{ entitlement { tier } }", json!({}))
        .await;
    assert_eq!(own["data"]["entitlement"]["tier"], "premium");
}
