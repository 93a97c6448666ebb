//! The ledger: double entry at any place and time, closed periods, and what breaks a rule.

use chrono::{DateTime, Utc};
use domain::credit_account::{AdjustmentKind, CreditAccount, CreditAccountEvent};
use domain::credits::Credits;
use domain::ledger::{Account, Rule};
use platform::Scope;
use projections::ScopedConnection;
use projections::ledger::postings::{PostingFilter, PostingKey, PostingRow};
use projections::ledger::trial_balance::Cutoff;
use projections::ledger::{periods, postings, trial_balance, violations};
use projections::page::PageRequest;
use store::{Position, feed};

use crate::support::{Story, TestLog, close_period, noon, platform, story};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A bonus that happened at an instant of its own.
async fn bonus(
    log: &mut TestLog,
    story: &Story,
    credits: i64,
    after: i64,
    happened: Option<&str>,
) -> Position {
    let event = CreditAccountEvent::CreditsAdjusted {
        kind: AdjustmentKind::Bonus,
        credits: Credits(credits),
        note: "goodwill".to_owned(),
        balance_after: Credits(after),
        lots: vec![],
    };
    let id = story.reseller_id.to_string();
    let mut event = log.event::<CreditAccount>(&id, &event, story.of_reseller(), noon());
    event.metadata.happened_at = happened.map(at);
    log.append(&[event]).await
}

async fn one_reseller() -> (TestLog, Story) {
    let mut log = TestLog::create().await;
    platform(&mut log).await;
    let story = story(&mut log, "Nordwind").await;
    (log, story)
}

async fn available(log: &TestLog, story: &Story, cutoff: Cutoff) -> i64 {
    let mut connection = ScopedConnection::begin(&log.read, Scope::Platform).await.unwrap();
    let (read, scope) = connection.parts();
    trial_balance::available(read, scope, story.reseller_id.0, cutoff)
        .await
        .unwrap()
}

async fn postings_of(log: &TestLog, scope: Scope, filter: &PostingFilter) -> Vec<PostingRow> {
    let mut connection = ScopedConnection::begin(&log.read, scope).await.unwrap();
    let (read, scope) = connection.parts();
    let request = PageRequest {
        first: 100,
        after: None,
    };
    postings::page(read, scope, filter, request).await.unwrap().rows
}

async fn broken(log: &TestLog) -> Vec<(Rule, String, String)> {
    let mut connection = ScopedConnection::begin(&log.read, Scope::Platform).await.unwrap();
    let (read, scope) = connection.parts();
    let rows = violations::list(read, scope).await.unwrap();
    rows.into_iter()
        .map(|row| (row.rule, row.expected, row.found))
        .collect()
}

/// Every row of the ledger's tables.
async fn dump(log: &TestLog) -> Vec<String> {
    let mut rows = Vec::new();
    for table in [
        "journal",
        "ledgers",
        "ledger_accounts",
        "closed_periods",
        "ledger_violations",
    ] {
        let sql = format!("SELECT '{table} ' || t::text FROM read.{table} t ORDER BY 1");
        rows.extend(
            sqlx::query_scalar::<_, String>(&sql)
                .fetch_all(&log.owner)
                .await
                .unwrap(),
        );
    }
    rows
}

#[tokio::test]
async fn every_entry_is_shown_from_both_sides_with_its_event_and_command() {
    let (log, story) = one_reseller().await;
    log.catch_up().await;
    let rows = postings_of(&log, Scope::Platform, &PostingFilter::default()).await;
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.key.entry,
                row.account,
                row.unit.as_str(),
                row.amount,
                row.event_type.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (2, Account::Available, "credits", -30, "CreditsDebited"),
            (2, Account::Spent, "credits", 30, "CreditsDebited"),
            (1, Account::Revenue, "USD", -5_000, "CreditsPurchased"),
            (1, Account::Receivable, "USD", 5_000, "CreditsPurchased"),
            (1, Account::Sold, "credits", -900, "CreditsPurchased"),
            (1, Account::Available, "credits", 900, "CreditsPurchased"),
        ]
    );
    assert!(
        rows.iter()
            .all(|row| row.reseller_id == story.reseller_id.0 && !row.late)
    );
    let of_command = PostingFilter {
        command_id: Some(rows[0].command_id),
        ..PostingFilter::default()
    };
    assert_eq!(
        postings_of(&log, story.reseller_scope(), &of_command).await,
        rows[..2]
    );
}

#[tokio::test]
async fn pages_of_postings_miss_and_repeat_nothing() {
    let (mut log, story) = one_reseller().await;
    for after in 1..=5 {
        bonus(&mut log, &story, 1, 870 + after, None).await;
    }
    log.catch_up().await;
    let all = postings_of(&log, Scope::Platform, &PostingFilter::default()).await;
    let mut connection = ScopedConnection::begin(&log.read, story.reseller_scope())
        .await
        .unwrap();
    let (read, scope) = connection.parts();
    let (mut paged, mut after) = (Vec::new(), None::<PostingKey>);
    loop {
        let request = PageRequest { first: 3, after };
        let page = postings::page(read, scope, &PostingFilter::default(), request)
            .await
            .unwrap();
        after = page.rows.last().map(|row| row.key);
        paged.extend(page.rows);
        if !page.has_next {
            break;
        }
    }
    assert_eq!(paged, all);
    assert_eq!(all.len(), 16);
}

#[tokio::test]
async fn what_is_recorded_late_changes_the_past_and_not_what_was_known_then() {
    let (mut log, story) = one_reseller().await;
    let before = bonus(&mut log, &story, 10, 880, Some("2026-11-21T13:00:00Z")).await;
    log.catch_up().await;
    let known_then = postings_of(&log, Scope::Platform, &PostingFilter::default()).await[0].known_at;
    bonus(&mut log, &story, 5, 885, Some("2026-11-21T12:30:00Z")).await;
    log.catch_up().await;
    let as_of = |text| Cutoff {
        as_of: Some(at(text)),
        ..Cutoff::default()
    };
    let then = |cutoff| Cutoff {
        known_at: Some(known_then),
        ..cutoff
    };
    let (noonish, later) = (as_of("2026-11-21T12:45:00Z"), as_of("2026-11-21T13:00:00Z"));
    assert_eq!(available(&log, &story, noonish).await, 875, "it happened before");
    assert_eq!(
        available(&log, &story, then(noonish)).await,
        870,
        "and was not known"
    );
    assert_eq!(available(&log, &story, later).await, 885);
    assert_eq!(available(&log, &story, then(later)).await, 880);
    assert_eq!(available(&log, &story, as_of("2026-11-21T11:59:59Z")).await, 0);
    let at_position = Cutoff {
        position: Some(before),
        ..Cutoff::default()
    };
    assert_eq!(
        available(&log, &story, at_position).await,
        880,
        "the log's own order"
    );
}

#[tokio::test]
async fn a_trial_balance_is_balanced_for_all_and_for_each() {
    let (mut log, nordwind) = one_reseller().await;
    story(&mut log, "Südwind").await;
    log.catch_up().await;
    for (scope, reseller_id, sold) in [
        (Scope::Platform, None, 1_800),
        (Scope::Platform, Some(nordwind.reseller_id.0), 900),
        (nordwind.reseller_scope(), None, 900),
    ] {
        let mut connection = ScopedConnection::begin(&log.read, scope).await.unwrap();
        let (read, scope) = connection.parts();
        let totals = trial_balance::totals(read, scope, reseller_id, Cutoff::default())
            .await
            .unwrap();
        for unit in ["credits", "USD"] {
            let of_unit = totals.iter().filter(|total| total.unit == unit);
            assert_eq!(
                of_unit.map(|total| total.debits - total.credits).sum::<i64>(),
                0,
                "{unit}"
            );
        }
        let given = totals
            .iter()
            .find(|total| total.account == Account::Sold)
            .unwrap();
        assert_eq!(given.credits, sold);
    }
}

#[tokio::test]
async fn batches_of_any_size_leave_the_same_rows() {
    let (mut log, story) = one_reseller().await;
    bonus(&mut log, &story, 10, 880, None).await;
    close_period(&mut log, "2026-11").await;
    bonus(&mut log, &story, 5, 885, None).await;
    bonus(&mut log, &story, 5, 891, Some("2026-12-03T00:00:00Z")).await;
    close_period(&mut log, "2026-12").await;
    bonus(&mut log, &story, 1, 892, None).await;
    log.catch_up().await;
    let live = dump(&log).await;
    assert_eq!(broken(&log).await.len(), 1, "891 does not follow from 885 and 5");
    let ledger = projections::projection::all()
        .into_iter()
        .find(|model| model.name() == "ledger")
        .unwrap();
    for size in [1, 2, 3, 7] {
        let mut transaction = log.owner.begin().await.unwrap();
        sqlx::raw_sql(
            "TRUNCATE read.journal, read.ledgers, read.ledger_accounts, read.closed_periods, read.ledger_violations;
             SET LOCAL search_path = read",
        )
        .execute(&mut *transaction)
        .await
        .unwrap();
        let events = feed::read(&mut log.owner.acquire().await.unwrap(), Position::START, 1_000)
            .await
            .unwrap();
        for batch in events.chunks(size) {
            ledger
                .fold_batch(&mut transaction, batch, &log.vault)
                .await
                .unwrap();
        }
        transaction.commit().await.unwrap();
        assert_eq!(dump(&log).await, live, "batches of {size}");
    }
}

#[tokio::test]
async fn what_comes_after_a_close_is_late_and_the_closed_month_stays() {
    let (mut log, story) = one_reseller().await;
    close_period(&mut log, "2026-11").await;
    bonus(&mut log, &story, 5, 875, Some("2026-11-30T23:59:59Z")).await;
    bonus(&mut log, &story, 5, 880, Some("2026-12-01T00:00:00Z")).await;
    log.catch_up().await;
    let december = PostingFilter {
        account: Some(Account::Bonus),
        ..PostingFilter::default()
    };
    let booked: Vec<_> = postings_of(&log, Scope::Platform, &december)
        .await
        .into_iter()
        .map(|row| (row.period.to_string(), row.late))
        .collect();
    assert_eq!(
        booked,
        [("2026-12".to_owned(), false), ("2026-12".to_owned(), true)]
    );
    assert_eq!(broken(&log).await, []);
    let november = Cutoff {
        period: Some("2026-11".parse().unwrap()),
        ..Cutoff::default()
    };
    assert_eq!(available(&log, &story, november).await, 870);
}

#[tokio::test]
async fn what_came_between_the_count_and_the_close_is_moved_to_the_open_month() {
    let (mut log, story) = one_reseller().await;
    // A close that counted two entries, stored behind a third one.
    close_period(&mut log, "2026-11").await;
    sqlx::raw_sql(
        "ALTER TABLE es.events DISABLE TRIGGER ALL;
         CREATE TABLE public.kept AS SELECT * FROM es.events WHERE event_type = 'PeriodClosed';
         DELETE FROM es.events WHERE event_type = 'PeriodClosed';",
    )
    .execute(&log.owner)
    .await
    .unwrap();
    bonus(&mut log, &story, 5, 875, None).await;
    log.catch_up().await;
    let before = postings_of(&log, Scope::Platform, &PostingFilter::default()).await;
    assert_eq!(
        (before[0].period.to_string(), before[0].late),
        ("2026-11".to_owned(), false)
    );
    sqlx::raw_sql(
        "INSERT INTO es.events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
         SELECT aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata FROM public.kept",
    )
    .execute(&log.owner)
    .await
    .unwrap();
    log.catch_up().await;
    let after = postings_of(&log, Scope::Platform, &PostingFilter::default()).await;
    assert_eq!(
        (after[0].period.to_string(), after[0].late),
        ("2026-12".to_owned(), true)
    );
    assert_eq!(broken(&log).await, [], "the close still has its digest");
}

#[tokio::test]
async fn an_event_that_breaks_a_rule_is_recorded_and_folding_goes_on() {
    let (mut log, story) = one_reseller().await;
    bonus(&mut log, &story, 10, 900, None).await;
    bonus(&mut log, &story, 10, 910, None).await;
    sqlx::raw_sql(&format!(
        "ALTER TABLE es.events DISABLE TRIGGER ALL;
         DELETE FROM es.events WHERE aggregate_type = 'credit_account' AND aggregate_id = '{}' AND sequence = 1",
        story.reseller_id
    ))
    .execute(&log.owner)
    .await
    .unwrap();
    log.catch_up().await;
    let found: Vec<_> = broken(&log).await.into_iter().map(|(rule, ..)| rule).collect();
    assert_eq!(
        found,
        [
            Rule::AccountOpened,
            Rule::SequenceContiguous,
            Rule::AccountOpened,
            Rule::AccountOpened,
            Rule::BalanceFollows,
            Rule::AccountOpened
        ]
    );
    assert_eq!(
        available(&log, &story, Cutoff::default()).await,
        890,
        "the postings, not what was stated"
    );
}

#[tokio::test]
async fn a_closed_month_that_was_edited_is_named() {
    let (mut log, _) = one_reseller().await;
    close_period(&mut log, "2026-11").await;
    log.catch_up().await;
    let mut connection = log.owner.acquire().await.unwrap();
    sqlx::raw_sql("SET search_path = read")
        .execute(&mut *connection)
        .await
        .unwrap();
    assert_eq!(periods::changed(&mut connection).await.unwrap(), []);
    sqlx::raw_sql("UPDATE read.journal SET amount = amount + 1 WHERE debit = 'credits.spent'")
        .execute(&mut *connection)
        .await
        .unwrap();
    let changed = periods::changed(&mut connection).await.unwrap();
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].period.to_string(), "2026-11");
    assert_ne!(changed[0].expected, changed[0].found);
}
