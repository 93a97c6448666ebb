//! Whatever a superuser does to the log, its chain or its checkpoints is found and named.

use store::chain::verify::Kind;
use tests::proof::{Proof, TENANTS};

fn stream(tenant: usize) -> Option<String> {
    Some(format!("credit_account/{}", TENANTS[tenant]))
}

fn event(tenant: usize, sequence: i64) -> String {
    format!("aggregate_id = '{}' AND sequence = {sequence}", TENANTS[tenant])
}

#[tokio::test]
async fn an_untouched_log_is_clean_and_its_figures_stay() {
    let proof = Proof::new().await;
    let report = proof.verify().await;
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!(
        (
            report.events,
            report.tenants,
            report.checkpoints,
            report.unchained
        ),
        (12, 2, 1, 0)
    );
    assert_eq!(proof.verify().await, report);
    proof.purchase(TENANTS[0], 7).await;
    proof.readable().await;
    let report = proof.verify().await;
    assert!(
        report.is_clean(),
        "what is newer than the chain is no violation: {report:#?}"
    );
    assert_eq!((report.events, report.unchained), (12, 1));
}

#[tokio::test]
async fn an_edited_field_is_named_with_what_it_says_now() {
    for (change, field, found) in [
        (
            "payload = jsonb_set(payload, '{CreditsPurchased,credits}', '101')",
            "payload",
            "\"credits\":101",
        ),
        (
            "metadata = metadata || '{\"actor\": \"someone\"}'",
            "metadata",
            "\"actor\":\"someone\"",
        ),
        ("event_type = 'CreditsAdjusted'", "event_type", "CreditsAdjusted"),
        ("event_version = '2'", "event_version", "\"2\""),
        (
            "recorded_at = recorded_at - interval '1 microsecond'",
            "recorded_at",
            "Z\"",
        ),
        ("recorded_at = 'infinity'", "recorded_at", "microseconds"),
    ] {
        let proof = Proof::new().await;
        let first = proof
            .first_after(&format!("UPDATE es.events SET {change} WHERE {}", event(0, 3)))
            .await;
        assert_eq!(
            (first.kind, first.number, first.sequence),
            (Kind::Edited, 3, Some(3)),
            "{change}"
        );
        assert_eq!(
            (first.stream, first.field.as_str()),
            (stream(0), field),
            "{change}"
        );
        assert!(
            first.position.is_some() && first.expected.starts_with("sha256 "),
            "{change}"
        );
        assert!(first.found.contains(found), "{change}: {}", first.found);
        assert_eq!(proof.verify().await.violations, 1, "{change}");
    }
}

#[tokio::test]
async fn a_deleted_event_is_named_wherever_it_stood() {
    for (tenant, sequence, number) in [(0, 1, 1), (0, 3, 3), (1, 5, 10), (1, 6, 12)] {
        let proof = Proof::new().await;
        let first = proof
            .first_after(&format!(
                "DELETE FROM es.events WHERE {}",
                event(tenant, sequence)
            ))
            .await;
        assert_eq!((first.kind, first.number), (Kind::Deleted, number));
        assert_eq!((first.stream, first.sequence), (stream(tenant), Some(sequence)));
        assert_eq!(proof.verify().await.violations, 1);
    }
}

#[tokio::test]
async fn an_event_put_among_older_ones_is_named() {
    let proof = Proof::new().await;
    let first = proof
        .first_after(&format!(
            "INSERT INTO es.events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload,
                 metadata, position, xid) OVERRIDING SYSTEM VALUE
             SELECT aggregate_type, aggregate_id, 99, event_type, event_version, payload, metadata, -position, xid
             FROM es.events WHERE {}",
            event(0, 3)
        ))
        .await;
    assert_eq!(
        (first.kind, first.number, first.sequence),
        (Kind::Inserted, 3, Some(99))
    );
    assert_eq!(proof.verify().await.violations, 1);
}

#[tokio::test]
async fn two_events_that_changed_places_are_named() {
    let proof = Proof::new().await;
    let first = proof
        .first_after(&format!(
            "UPDATE es.events SET sequence = 1000 WHERE {0}; UPDATE es.events SET sequence = 3 WHERE {1};
             UPDATE es.events SET sequence = 4 WHERE sequence = 1000",
            event(0, 3),
            event(0, 4)
        ))
        .await;
    assert_eq!(
        (first.kind, first.number, first.sequence),
        (Kind::Moved, 3, Some(4))
    );
    assert!(
        first.expected.ends_with(" 3") && first.found.ends_with(" 4"),
        "{first:?}"
    );
    assert_eq!(proof.verify().await.violations, 2);

    let proof = Proof::new().await;
    let first = proof
        .first_after(
            "ALTER TABLE es.events ALTER position DROP IDENTITY;
             UPDATE es.events e SET xid = o.xid, position = -o.position FROM es.events o
             WHERE e.sequence = o.sequence AND e.sequence = 2 AND e.aggregate_id <> o.aggregate_id",
        )
        .await;
    assert_eq!((first.kind, first.number), (Kind::Moved, 2));
    assert_eq!((first.stream, first.sequence), (stream(1), Some(2)));
}

const CUT_EVENTS: &str = "DELETE FROM es.events WHERE sequence >= 5";
const CUT_CHAIN: &str = "DELETE FROM es.tenant_chain; DELETE FROM es.chain;
     UPDATE es.checkpoints SET last_xid = 0, last_position = 0 WHERE projection = 'audit_chain'";

#[tokio::test]
async fn a_log_that_was_cut_short_is_found_by_its_chain() {
    let proof = Proof::new().await;
    let first = proof.first_after(CUT_EVENTS).await;
    assert_eq!((first.kind, first.number), (Kind::Deleted, 5));
    assert_eq!(proof.verify().await.violations, 4);
}

#[tokio::test]
async fn a_log_cut_short_with_a_chain_to_fit_is_found_by_the_checkpoint_in_the_database() {
    let proof = Proof::new().await;
    proof.tamper(&format!("{CUT_EVENTS}; {CUT_CHAIN}")).await;
    proof.chain().await;
    let report = proof.verify().await;
    assert_eq!(report.violations, 1, "{report:#?}");
    assert_eq!(
        (report.named[0].kind, report.named[0].number),
        (Kind::Truncated, 9)
    );
    assert!(report.named[0].expected.starts_with("10 events"), "{report:#?}");
    // Signing it all anew is refused.
    let now = platform::Clock::default().now();
    let refused = store::chain::make_checkpoint(&proof.projections, &proof.key, "log.test", now).await;
    assert!(refused.unwrap_err().to_string().contains("cut off"));
}

#[tokio::test]
async fn a_log_cut_short_with_its_checkpoints_is_found_by_the_published_one_and_by_a_kept_one() {
    let proof = Proof::new().await;
    let kept = proof.checkpoint().await.text;
    let cut = format!("{CUT_EVENTS}; {CUT_CHAIN}; DELETE FROM es.audit_checkpoints");
    proof.tamper(&cut).await;
    proof.chain().await;
    let report = proof.verify().await;
    assert_eq!(report.named[0].kind, Kind::Truncated, "{report:#?}");
    assert!(
        report.named[0].expected.contains("12 events") && report.named[0].expected.contains("object store")
    );
    for key in proof.objects.list("audit/checkpoints/").await.unwrap() {
        proof.objects.delete(&key).await.unwrap();
    }
    assert!(proof.verify().await.is_clean(), "nothing is left that could tell");
    let report = proof.verify_against(vec![kept]).await;
    assert_eq!((report.violations, report.named[0].kind), (1, Kind::Truncated));
    assert!(report.named[0].expected.contains("given file"), "{report:#?}");
}

#[tokio::test]
async fn a_history_rewritten_with_its_chain_does_not_fit_the_checkpoint() {
    let proof = Proof::new().await;
    let edit = format!(
        "UPDATE es.events SET payload = jsonb_set(payload, '{{CreditsPurchased,credits}}', '101') WHERE {}",
        event(0, 3)
    );
    proof.tamper(&format!("{edit}; {CUT_CHAIN}")).await;
    proof.chain().await;
    let report = proof.verify().await;
    assert_eq!(
        (report.named[0].kind, report.named[0].number),
        (Kind::Checkpoint, 10),
        "{report:#?}"
    );
    assert!(report.named[0].field.ends_with("root"), "{report:#?}");
}

#[tokio::test]
async fn an_edited_chain_is_named() {
    let byte = |column: &str, at: u32| {
        format!(
            "{column} = set_byte({column}, {at}, (get_byte({column}, {at}) + 1) % 256) WHERE first_number = 1"
        )
    };
    for (change, kind, field) in [
        (
            format!("es.chain SET {}", byte("leaves", 70)),
            Kind::Chain,
            "es.chain.leaves",
        ),
        (
            format!("es.chain SET {}", byte("fields", 0)),
            Kind::Signature,
            "es.chain.signature",
        ),
        (
            format!("es.chain SET {}", byte("head", 0)),
            Kind::Signature,
            "es.chain.signature",
        ),
        (
            format!("es.chain SET {}", byte("signature", 0)),
            Kind::Signature,
            "es.chain.signature",
        ),
        (
            "es.chain SET sequences[2] = 7 WHERE first_number = 1".to_owned(),
            Kind::Signature,
            "es.chain.signature",
        ),
        (
            "es.tenant_chain SET events = 4 WHERE last_number = 5".to_owned(),
            Kind::Chain,
            "es.tenant_chain",
        ),
        (
            "es.audit_checkpoints SET size = 9".to_owned(),
            Kind::Checkpoint,
            "es.audit_checkpoints",
        ),
        (
            "es.audit_checkpoints SET note = replace(note, E'\\n10\\n', E'\\n11\\n')".to_owned(),
            Kind::Signature,
            "checkpoint",
        ),
    ] {
        let proof = Proof::new().await;
        proof.tamper(&format!("UPDATE {change}")).await;
        let report = proof.verify().await;
        assert!(
            report
                .named
                .iter()
                .any(|named| (named.kind, named.field.as_str()) == (kind, field)),
            "{change}: {report:#?}"
        );
    }
}

#[tokio::test]
async fn a_block_that_is_gone_is_named() {
    let proof = Proof::new().await;
    let first = proof
        .first_after("DELETE FROM es.chain WHERE first_number = 1")
        .await;
    assert_eq!(
        (first.kind, first.number, first.field.as_str()),
        (Kind::Chain, 1, "es.chain")
    );
    let proof = Proof::new().await;
    let first = proof
        .first_after("DELETE FROM es.chain WHERE first_number > 10")
        .await;
    assert_eq!(
        first.kind,
        Kind::Inserted,
        "events before the chain's checkpoint that it does not know: {first:?}"
    );
}

#[tokio::test]
async fn a_chain_survives_a_renumbering_of_positions() {
    let proof = Proof::new().await;
    let before = proof.verify().await;
    proof
        .tamper(
            "ALTER TABLE es.events ALTER position DROP IDENTITY;
             UPDATE es.events e SET xid = '3', position = n.number
             FROM (SELECT aggregate_id, sequence, row_number() OVER (ORDER BY xid, position) AS number FROM es.events) n
             WHERE e.aggregate_id = n.aggregate_id AND e.sequence = n.sequence;
             UPDATE es.checkpoints SET last_xid = 3, last_position = 12 WHERE projection = 'audit_chain'",
        )
        .await;
    assert_eq!(proof.verify().await, before);
}

#[tokio::test]
async fn blocks_of_any_size_give_the_same_chain_and_tree() {
    let (together, apart) = (Proof::new().await, Proof::empty().await);
    let copied = sqlx::query_as::<_, (String, i64, String, String, String, chrono::DateTime<chrono::Utc>)>(
        "SELECT aggregate_id, sequence, event_type, payload::text, metadata::text, recorded_at FROM es.events
         ORDER BY xid, position",
    )
    .fetch_all(&together.owner)
    .await
    .unwrap();
    for (account, sequence, kind, payload, metadata, recorded_at) in copied {
        sqlx::query(
            "INSERT INTO es.events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload,
                 metadata, recorded_at) VALUES ('credit_account', $1, $2, $3, '1', $4::jsonb, $5::jsonb, $6)",
        )
        .bind(account)
        .bind(sequence)
        .bind(kind)
        .bind(payload)
        .bind(metadata)
        .bind(recorded_at)
        .execute(&apart.owner)
        .await
        .unwrap();
        apart.chain().await;
    }
    let (one, other) = (together.verify().await, apart.verify().await);
    assert_eq!(
        (one.root, one.head, one.events),
        (other.root, other.head, other.events)
    );
}

#[tokio::test]
async fn only_the_chains_task_may_add_to_it_and_nobody_may_change_it() {
    let proof = Proof::new().await;
    for sql in [
        "UPDATE es.chain SET head = head",
        "DELETE FROM es.chain",
        "TRUNCATE es.audit_checkpoints",
        "DELETE FROM es.tenant_chain",
    ] {
        for pool in [&proof.projections, &proof.owner] {
            assert!(sqlx::query(sql).execute(pool).await.is_err(), "{sql}");
        }
    }
}
