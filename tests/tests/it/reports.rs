//! Reports: every figure is the sum of its lines, for everybody who may ask, and figures follow from each other as
//! their definitions say.

use std::collections::BTreeMap;

use chrono::{Datelike, Months, NaiveDate, TimeDelta};
use domain::ids::{ResellerId, UserId};
use domain::user::{Home, Role as Job};
use platform::{Access, Principal};
use serde_json::{Value, json};
use server::{Role, year};
use tests::{TestApp, TestClient};
use uuid::Uuid;

const REPORTS: [&str; 9] = [
    "CREDITS",
    "GROWTH",
    "CHURN",
    "RECURRING",
    "REVENUE",
    "COMMISSION",
    "STORES",
    "USAGE",
    "SYNC",
];
const VALUES: &str = "query ($report: Report!, $from: NaiveDate!, $to: NaiveDate!, $reseller: ID, $reach: Reach,
    $after: String) {
    reportValues(report: $report, from: $from, to: $to, by: MONTH, resellerId: $reseller, reach: $reach, after: $after) {
        nodes { start end figure group value unit hasLines definition } pageInfo { hasNextPage endCursor } } }";
const LINES: &str = "query ($report: Report!, $figure: String!, $start: DateTime!, $end: DateTime!, $unit: String,
    $group: String, $reach: Reach, $after: String) {
    reportLines(report: $report, figure: $figure, start: $start, end: $end, unit: $unit, group: $group, reach: $reach,
                first: 100, after: $after) {
        nodes { at value unit group customerId resellerId position } pageInfo { hasNextPage endCursor } } }";

/// All pages of a list.
async fn all(reader: &TestClient, query: &str, list: &str, mut variables: Value) -> Vec<Value> {
    let mut found = Vec::new();
    loop {
        let data = reader.query(query, variables.clone()).await;
        found.extend(data[list]["nodes"].as_array().unwrap().iter().cloned());
        if data[list]["pageInfo"]["hasNextPage"] == false {
            return found;
        }
        variables["after"] = data[list]["pageInfo"]["endCursor"].clone();
    }
}

fn reader(app: &TestApp, role: Job, home: Home) -> TestClient {
    let principal = Principal {
        user_id: UserId(Uuid::now_v7()),
        role,
        home,
        access: Access::PASSWORD,
    };
    let signer = app.parts.write_side().signer;
    let (token, _) = signer.access(&principal, app.parts.clock.now()).unwrap();
    app.client().with_token(&token)
}

/// The months of the year up to the present one.
fn months(app: &TestApp) -> (NaiveDate, NaiveDate) {
    let now = app.parts.clock.now().date_naive().with_day(1).unwrap();
    (now - Months::new(12), now + Months::new(1))
}

async fn values(app: &TestApp, reader: &TestClient, report: &str, reach: &str) -> Vec<Value> {
    let (from, to) = months(app);
    let asked = json!({"report": report, "from": from, "to": to, "reach": reach});
    all(reader, VALUES, "reportValues", asked).await
}

fn sum(lines: &[Value]) -> i64 {
    lines.iter().map(|line| line["value"].as_i64().unwrap()).sum()
}

/// The figures of a report, month by month; those in money and of groups are left out.
fn by_month(values: &[Value]) -> Vec<BTreeMap<&str, i64>> {
    let mut months: BTreeMap<&str, BTreeMap<&str, i64>> = BTreeMap::new();
    for value in values {
        let month = months.entry(value["start"].as_str().unwrap()).or_default();
        month.insert(
            value["figure"].as_str().unwrap(),
            value["value"].as_i64().unwrap(),
        );
    }
    months.into_values().collect()
}

async fn assert_every_figure_is_the_sum_of_its_lines(
    app: &TestApp,
    reader: &TestClient,
    reach: &str,
) -> usize {
    let mut lines_seen = 0;
    for report in REPORTS {
        for value in values(app, reader, report, reach).await {
            let asked = json!({"report": report, "figure": value["figure"], "start": value["start"], "end": value["end"],
                "unit": value["unit"], "group": value["group"], "reach": reach});
            if value["hasLines"] == false {
                let refused = reader.graphql(LINES, asked).await;
                assert_eq!(
                    refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT",
                    "{refused}"
                );
                continue;
            }
            let lines = all(reader, LINES, "reportLines", asked).await;
            assert_eq!(json!(sum(&lines)), value["value"], "{report}: {value}");
            let mut places: Vec<_> = lines.iter().map(|line| line.to_string()).collect();
            places.sort();
            places.dedup();
            lines_seen += places.len();
        }
    }
    lines_seen
}

async fn assert_figures_follow(app: &TestApp, reader: &TestClient) {
    let credits = values(app, reader, "CREDITS", "BELOW").await;
    for month in by_month(&credits) {
        let change =
            month["sold"] + month["bonus"] + month["adjusted"] + month["received"] + month["returned"]
                - month["spent"]
                - month["expired"]
                - month["held"];
        assert_eq!(month["balanceChange"], change, "{month:?}");
    }
    let growth = values(app, reader, "GROWTH", "BELOW").await;
    let mut before = 0;
    for month in by_month(&growth) {
        let expected = before + month["new"] + month["movedIn"] + month["reopened"]
            - month["movedOut"]
            - month["closed"];
        assert_eq!(month["atEnd"], expected, "{month:?}");
        before = month["atEnd"];
    }
    assert!(before > 0);
    let churn = values(app, reader, "CHURN", "BELOW").await;
    let churn = by_month(&churn);
    for month in &churn {
        assert_eq!(
            month["payingAtEnd"],
            month["payingAtStart"] - month["lost"] + month["won"],
            "{month:?}"
        );
    }
    for pair in churn.windows(2) {
        assert_eq!(pair[0]["payingAtEnd"], pair[1]["payingAtStart"]);
    }
}

#[actix_web::test]
async fn every_figure_of_a_lived_year_is_the_sum_of_its_lines() {
    let app = TestApp::with(&[Role::Api, Role::Projections], |_| {}).await;
    app.parts.clock.advance(-TimeDelta::days(i64::from(year::DAYS)));
    app.register_admin().await;
    let wanted = year::Wanted {
        seed: 11,
        resellers: 4,
        customers: 24,
    };
    year::live(&app.parts.write_side(), wanted, &mut |_| {})
        .await
        .unwrap();
    app.settle().await;
    let admin = reader(&app, Job::PlatformFinance, Home::Platform);
    let seen = assert_every_figure_is_the_sum_of_its_lines(&app, &admin, "OWN").await;
    assert!(seen > 100, "{seen} lines");
    assert_figures_follow(&app, &admin).await;
    let list = admin.query("{ resellers { nodes { id } } }", json!({})).await;
    let resellers = list["resellers"]["nodes"].as_array().unwrap();
    for reseller in resellers {
        let id = ResellerId(reseller["id"].as_str().unwrap().parse().unwrap());
        let owner = reader(&app, Job::ResellerOwner, Home::Reseller(id));
        assert_figures_follow(&app, &owner).await;
        // What one sees of itself is what the platform sees of it.
        let (from, to) = months(&app);
        let asked = json!({"report": "REVENUE", "from": from, "to": to, "reseller": reseller["id"]});
        assert_eq!(
            all(&admin, VALUES, "reportValues", asked).await,
            values(&app, &owner, "REVENUE", "OWN").await
        );
    }
    // An event is found by its place.
    let asked = json!({"report": "GROWTH", "figure": "new", "start": "2000-01-01T00:00:00Z",
        "end": "2100-01-01T00:00:00Z"});
    let line = &all(&admin, LINES, "reportLines", asked).await[0];
    let event = "query ($position: String) { auditLog(filter: {position: $position}) { nodes { action
        event { position subject } } } }";
    let found = admin.query(event, json!({"position": line["position"]})).await;
    let found = found["auditLog"]["nodes"].as_array().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["action"], "TenantCreated");
    assert_eq!(found[0]["event"]["subject"], line["customerId"]);
}

#[actix_web::test]
async fn what_cannot_be_told_is_refused_with_what_can() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let reseller = app.reseller_with(&admin, 10).await;
    let stranger = app.reseller_with(&admin, 10).await;
    app.settle().await;
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    for (from, to) in [("2026-02-01", "2026-01-01"), ("1900-01-01", "2026-01-01")] {
        let asked = json!({"report": "CREDITS", "from": day(from), "to": day(to)});
        let refused = admin.graphql(VALUES, asked).await;
        assert_eq!(
            refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT",
            "{refused}"
        );
    }
    let asked = json!({"report": "CREDITS", "figure": "lost", "start": "2026-01-01T00:00:00Z",
        "end": "2026-02-01T00:00:00Z"});
    let refused = admin.graphql(LINES, asked).await;
    let told = refused["errors"][0]["message"].as_str().unwrap();
    assert!(told.contains("choose one of sold, bonus"), "{told}");
    let (from, to) = months(&app);
    let foreign = json!({"report": "CREDITS", "from": from, "to": to, "reseller": stranger.id});
    let unknown = json!({"report": "CREDITS", "from": from, "to": to, "reseller": Uuid::now_v7()});
    let refused = reseller.client.graphql(VALUES, foreign).await;
    assert_eq!(
        refused["errors"][0]["extensions"]["code"], "NOT_FOUND",
        "{refused}"
    );
    assert_eq!(
        refused["errors"][0]["message"],
        reseller.client.graphql(VALUES, unknown).await["errors"][0]["message"]
    );
}
