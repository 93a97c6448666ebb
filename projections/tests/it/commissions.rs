//! Commissions: lines that explain themselves, months that add up, and contracts in their order.

use chrono::{DateTime, TimeDelta, Utc};
use domain::contract::{ContractEvent, Contracts};
use domain::ids::SaleId;
use domain::sale::SaleKind;
use platform::Scope;
use projections::ScopedConnection;
use projections::commissions::lines::{LineFilter, LineRow};
use projections::commissions::summary::{SummaryFilter, SummaryRow};
use projections::commissions::{contracts, lines, summary};
use projections::page::PageRequest;
use uuid::Uuid;

use crate::support::{Story, TestLog, noon, platform, sell, story};

async fn sold() -> (TestLog, Story, SaleId) {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let nordwind = story(&mut log, "Nordwind").await;
    let sale_id = sell(&mut log, &nordwind).await;
    let suedwind = story(&mut log, "Südwind").await;
    sell(&mut log, &suedwind).await;
    log.catch_up().await;
    (log, nordwind, sale_id)
}

async fn wanted(log: &TestLog, scope: Scope, filter: &LineFilter, first: u32) -> Vec<LineRow> {
    let mut connection = ScopedConnection::begin(&log.read, scope).await.unwrap();
    let (read, scope) = connection.parts();
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = lines::page(read, scope, filter, PageRequest { first, after })
            .await
            .unwrap();
        after = page.rows.last().map(|row| row.key);
        rows.extend(page.rows);
        if !page.has_next {
            return rows;
        }
    }
}

async fn explained(log: &TestLog, scope: Scope, sale_id: Uuid) -> Option<String> {
    let mut connection = ScopedConnection::begin(&log.read, scope).await.unwrap();
    let (read, scope) = connection.parts();
    let explained = lines::explained(read, scope, sale_id, 1).await.unwrap();
    explained.map(|(_, text)| text)
}

async fn months(log: &TestLog, scope: Scope, filter: &SummaryFilter) -> Vec<SummaryRow> {
    let mut connection = ScopedConnection::begin(&log.read, scope).await.unwrap();
    let (read, scope) = connection.parts();
    summary::by_month(read, scope, filter).await.unwrap()
}

#[tokio::test]
async fn a_line_tells_how_it_came_to_its_amount() {
    let (log, nordwind, sale_id) = sold().await;
    let scope = nordwind.reseller_scope();
    assert_eq!(
        explained(&log, scope, sale_id.0).await.unwrap(),
        "Version 2 of the contract, in force on 2026-11-21, gives 12.5 % of what the customer paid, without tax. \
         9.16 EUR × 0.125 = 114.5 minor units, rounded half to even: 1.14 EUR (rounding 0.5)."
    );
    let refunds = LineFilter {
        kind: Some(SaleKind::Refund),
        ..LineFilter::default()
    };
    let refund = wanted(&log, scope, &refunds, 10).await.remove(0);
    assert_eq!((refund.amount_minor, refund.origin_id), (-57, sale_id.0));
    assert_eq!(
        explained(&log, scope, refund.key.sale_id).await.unwrap(),
        "Version 2 of the contract, in force on 2026-11-21, gives 12.5 % of what the customer paid, without tax. \
         Before this refund the line stood at 1.14 EUR. After it, at the same rate: 4.58 EUR × 0.125 = 57.25 minor \
         units, rounded half to even: 0.57 EUR (rounding 0.25). The difference is -0.57 EUR."
    );
    assert_eq!(explained(&log, scope, Uuid::now_v7()).await, None);
    assert_eq!(explained(&log, nordwind.tenant_scope(), sale_id.0).await, None);
}

#[tokio::test]
async fn lines_are_paged_filtered_and_seen_by_who_earns() {
    let (log, nordwind, _) = sold().await;
    let all = wanted(&log, Scope::Platform, &LineFilter::default(), 100).await;
    assert_eq!(all.len(), 4);
    assert_eq!(
        wanted(&log, Scope::Platform, &LineFilter::default(), 1).await,
        all
    );
    let own = wanted(&log, nordwind.reseller_scope(), &LineFilter::default(), 100).await;
    assert!(own.iter().all(|line| line.reseller_id == nordwind.reseller_id.0) && own.len() == 2);
    assert_eq!(
        wanted(&log, nordwind.tenant_scope(), &LineFilter::default(), 9).await,
        []
    );
}

/// A filter that the closure sets one field of.
fn only(set: impl FnOnce(&mut LineFilter)) -> LineFilter {
    let mut filter = LineFilter::default();
    set(&mut filter);
    filter
}

#[tokio::test]
async fn a_filter_shows_what_fits_it() {
    let (log, nordwind, sale_id) = sold().await;
    let before: DateTime<Utc> = "2020-01-01T00:00:00Z".parse().unwrap();
    let later = noon() + TimeDelta::seconds(1);
    for (filter, rows) in [
        (only(|filter| filter.sale_id = Some(sale_id.0)), 1),
        (only(|filter| filter.origin_id = Some(sale_id.0)), 2),
        (only(|filter| filter.reseller_id = Some(Uuid::now_v7())), 0),
        (only(|filter| filter.product = Some("other".to_owned())), 0),
        (only(|filter| filter.currency = Some("EUR".to_owned())), 2),
        (only(|filter| filter.as_of = Some(noon())), 1),
        (only(|filter| filter.from = Some(later)), 1),
        (only(|filter| filter.to = Some(noon())), 0),
        (only(|filter| filter.known_at = Some(before)), 0),
    ] {
        let found = wanted(&log, nordwind.reseller_scope(), &filter, 9).await;
        assert_eq!(found.len(), rows, "{filter:?}");
    }
}

#[tokio::test]
async fn a_month_shows_the_stores_commission_beside_the_resellers() {
    let (log, nordwind, _) = sold().await;
    let expected = SummaryRow {
        month: "2026-11-01".parse().unwrap(),
        currency: "EUR".to_owned(),
        sales: 1,
        gross_minor: 499,
        tax_minor: 41,
        store_cut_minor: 75,
        earned_minor: 114,
        clawed_back_minor: -57,
        commission_minor: 57,
    };
    let own = months(&log, nordwind.reseller_scope(), &SummaryFilter::default()).await;
    assert_eq!(own, std::slice::from_ref(&expected));
    let all = months(&log, Scope::Platform, &SummaryFilter::default()).await;
    assert_eq!(
        (all[0].sales, all[0].gross_minor, all[0].commission_minor),
        (2, 998, 114)
    );
    let of_one = SummaryFilter {
        reseller_id: Some(nordwind.reseller_id.0),
        ..SummaryFilter::default()
    };
    assert_eq!(months(&log, Scope::Platform, &of_one).await, [expected]);
    let then = SummaryFilter {
        as_of: Some(noon()),
        currency: Some("EUR".to_owned()),
        ..SummaryFilter::default()
    };
    let then = months(&log, nordwind.reseller_scope(), &then).await;
    assert_eq!(
        (then[0].gross_minor, then[0].commission_minor),
        (999, 114),
        "the refund came later"
    );
    let unknown = SummaryFilter {
        known_at: Some("2020-01-01T00:00:00Z".parse().unwrap()),
        ..SummaryFilter::default()
    };
    assert_eq!(months(&log, Scope::Platform, &unknown).await, []);
}

#[tokio::test]
async fn contracts_are_listed_with_the_registrations_rate_as_the_first() {
    let (mut log, nordwind, _) = sold().await;
    let ended = ContractEvent::ContractEnded {
        version: 2,
        to: noon() + TimeDelta::days(30),
    };
    log.one::<Contracts>(nordwind.reseller_id, ended, nordwind.of_reseller(), noon())
        .await;
    log.catch_up().await;
    let of = async |scope, at| {
        let mut connection = ScopedConnection::begin(&log.read, scope).await.unwrap();
        let (read, scope) = connection.parts();
        let rows = contracts::of_reseller(read, scope, nordwind.reseller_id.0, at)
            .await
            .unwrap();
        rows.into_iter()
            .map(|row| (row.version, row.valid_from, row.valid_to))
            .collect::<Vec<_>>()
    };
    let begin = Some(noon() - TimeDelta::days(1));
    let end = Some(noon() + TimeDelta::days(30));
    let all = [(2, begin, end), (1, None, begin)];
    assert_eq!(of(Scope::Platform, None).await, all);
    assert_eq!(of(nordwind.reseller_scope(), Some(noon())).await, all[..1]);
    assert_eq!(
        of(Scope::Platform, Some(noon() - TimeDelta::days(2))).await,
        all[1..]
    );
    assert_eq!(of(Scope::Platform, end).await, []);
    assert_eq!(of(nordwind.tenant_scope(), None).await, []);
}
