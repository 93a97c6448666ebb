//! Payout runs, statements and invoices, as rows: who finds them, and that a statement comes out as it was frozen.

use crate::support::{TestLog, invoice, pay_out, platform, sell, story};
use platform::Scope;
use projections::ScopedConnection;
use projections::invoices;
use projections::page::PageRequest;
use projections::payouts::{runs, statements};
use uuid::Uuid;

#[tokio::test]
async fn a_statement_is_made_again_as_it_was_frozen_for_its_reseller_alone() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let (nordwind, suedwind) = (
        story(&mut log, "Nordwind").await,
        story(&mut log, "Südwind").await,
    );
    sell(&mut log, &nordwind).await;
    sell(&mut log, &suedwind).await;
    let ids = pay_out(&mut log, &[nordwind, suedwind]).await;
    log.catch_up().await;
    let scope = Scope::Reseller(nordwind.reseller_id);
    let mut connection = ScopedConnection::begin(&log.read, scope).await.unwrap();
    let (read, scope) = connection.parts();
    let row = statements::by_id(read, scope, ids[0]).await.unwrap().unwrap();
    let document = statements::document(read, scope, &row).await.unwrap();
    let head = document.head();
    assert_eq!(
        (head.digest, head.html_digest),
        (row.digest.clone(), row.html_digest.clone())
    );
    assert!(!document.lines.is_empty());
    assert!(statements::by_id(read, scope, ids[1]).await.unwrap().is_none());
    assert!(
        statements::by_id(read, scope, Uuid::now_v7())
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn each_reseller_finds_its_own_papers_and_runs_are_the_platforms() {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let (nordwind, suedwind) = (
        story(&mut log, "Nordwind").await,
        story(&mut log, "Südwind").await,
    );
    sell(&mut log, &nordwind).await;
    let of_nordwind = invoice(&mut log, &nordwind).await;
    pay_out(&mut log, &[nordwind]).await;
    log.catch_up().await;
    for (scope, papers, all_runs) in [
        (Scope::Platform, 1, 2),
        (Scope::Reseller(nordwind.reseller_id), 1, 0),
        (Scope::Reseller(suedwind.reseller_id), 0, 0),
        (nordwind.tenant_scope(), 0, 0),
    ] {
        let mut connection = ScopedConnection::begin(&log.read, scope).await.unwrap();
        let (read, scope) = connection.parts();
        let request = || PageRequest {
            first: 10,
            after: None,
        };
        let found = statements::page(read, scope, &statements::StatementFilter::default(), request()).await;
        assert_eq!(found.unwrap().rows.len(), papers, "{scope:?}");
        let found = invoices::page(read, scope, None, request()).await.unwrap();
        assert_eq!(found.rows.len(), papers, "{scope:?}");
        let found = invoices::by_id(read, scope, of_nordwind).await.unwrap();
        assert_eq!(found.is_some(), papers == 1, "{scope:?}");
        let found = runs::page(read, scope, None, request()).await.unwrap();
        assert_eq!(found.rows.len(), all_runs, "{scope:?}");
    }
}
