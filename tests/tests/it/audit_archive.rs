//! Archives as `stentor audit export` writes them, checked by `tools/verify.py`, which knows nothing of the product.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use store::vault::Vault;
use tests::process::stentor;
use tests::proof::{Proof, TENANTS};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The interpreter with the package for Ed25519, as `./dev` makes it; or the system's, where it has that package.
fn python() -> PathBuf {
    let own = root().join(".dev/verify/bin/python");
    if own.exists() { own } else { "python3".into() }
}

/// Whether the verifier found everything in order, and what it said.
fn judged(archive: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(python())
        .arg("-B")
        .arg(root().join("tools/verify.py"))
        .arg(archive)
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(
        !problems.contains("Error") && matches!(output.status.code(), Some(0 | 1)),
        "{text}{problems}: `./dev test` makes .dev/verify with the package cryptography"
    );
    (output.status.success(), text)
}

async fn cli(proof: &Proof, args: &[&str]) -> Output {
    stentor(&proof.config(), args).await
}

async fn exported(proof: &Proof, name: &str, args: &[&str]) -> PathBuf {
    let out = proof.files.path().join(name);
    let mut all = vec!["audit", "export", "--out", out.to_str().unwrap()];
    all.extend(args);
    let output = cli(proof, &all).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    out
}

/// A copy of the archive with one file changed.
fn changed(archive: &Path, file: &str, change: impl Fn(&str) -> String) -> PathBuf {
    let mut from = ZipArchive::new(File::open(archive).unwrap()).unwrap();
    let out = archive.with_extension("changed.zip");
    let mut to = ZipWriter::new(File::create(&out).unwrap());
    for number in 0..from.len() {
        let mut entry = from.by_index(number).unwrap();
        let (name, mut text) = (entry.name().unwrap().into_owned(), String::new());
        entry.read_to_string(&mut text).unwrap();
        if name.starts_with(file) {
            let after = change(&text);
            assert_ne!(after, text, "{name}");
            text = after;
        }
        to.start_file(name, SimpleFileOptions::default()).unwrap();
        to.write_all(text.as_bytes()).unwrap();
    }
    to.finish().unwrap();
    out
}

fn without_line(text: &str, line: usize) -> String {
    let mut lines: Vec<_> = text.lines().collect();
    lines.remove(line);
    lines.join("\n") + "\n"
}

#[tokio::test]
async fn a_stranger_finds_a_whole_archive_in_order_and_each_kind_of_tampering() {
    let proof = Proof::new().await;
    let kept = String::from_utf8(cli(&proof, &["audit", "checkpoint"]).await.stdout).unwrap();
    assert!(kept.contains("\n12\n"), "{kept}");
    let kept_file = proof.files.path().join("kept.txt");
    std::fs::write(&kept_file, &kept).unwrap();
    let pem = proof.files.path().join("key.pem");
    std::fs::write(&pem, proof.key.public().pem()).unwrap();
    let known = [
        "--key",
        pem.to_str().unwrap(),
        "--checkpoint",
        kept_file.to_str().unwrap(),
    ];
    let archive = exported(&proof, "all.zip", &[]).await;
    let (holds, text) = judged(&archive, &known);
    assert!(holds && text.contains("everything holds"), "{text}");
    assert!(text.contains("12 events (all), 3 checkpoints"), "{text}");
    assert!(
        text.contains("purchased 1000") && text.contains("balances 1000 in 2 accounts"),
        "{text}"
    );

    type Change = fn(&str) -> String;
    let tampered: [(&str, Change, &str); 8] = [
        (
            "events",
            |text| text.replacen("\"credits\":100", "\"credits\":101", 1),
            "another root",
        ),
        (
            "events",
            |text| without_line(text, 4),
            "12 events are announced, 11",
        ),
        (
            "events",
            |text| without_line(text, 11),
            "covers 12 events, the archive holds 11",
        ),
        (
            "events",
            |text| format!("{}{text}", text.split_inclusive('\n').next().unwrap()),
            "more than 12",
        ),
        (
            "events",
            |text| {
                let mut lines: Vec<_> = text.lines().collect();
                lines.swap(2, 3);
                lines.join("\n") + "\n"
            },
            "another root",
        ),
        (
            "checkpoints/00000000000000000010",
            |text| text.replace("\n10\n", "\n9\n"),
            "is not signed",
        ),
        (
            "tenants",
            |text| text.replace("\"events\":6", "\"events\":5"),
            "tenants' chains",
        ),
        (
            "manifest",
            |text| text.replace("\"events\": 12", "\"events\": 13"),
            "13 events are announced",
        ),
    ];
    for (file, change, named) in tampered {
        let (holds, text) = judged(&changed(&archive, file, change), &known);
        assert!(!holds && text.contains(named), "{file}, {named}: {text}");
    }
    let other = Proof::new().await;
    std::fs::write(&pem, other.key.public().pem()).unwrap();
    let (holds, text) = judged(&archive, &known[..2]);
    assert!(!holds && text.contains("not signed by the audit key"), "{text}");
}

#[tokio::test]
async fn a_log_that_was_cut_before_the_export_does_not_fit_a_kept_checkpoint() {
    let proof = Proof::new().await;
    let kept_file = proof.files.path().join("kept.txt");
    std::fs::write(&kept_file, proof.checkpoint().await.text).unwrap();
    proof
        .tamper(
            "DELETE FROM es.events WHERE sequence >= 5; DELETE FROM es.tenant_chain; DELETE FROM es.chain;
             DELETE FROM es.audit_checkpoints; UPDATE es.checkpoints SET last_xid = 0, last_position = 0",
        )
        .await;
    proof.chain().await;
    proof.checkpoint().await;
    let archive = exported(&proof, "cut.zip", &[]).await;
    assert!(judged(&archive, &[]).0, "in itself it is in order");
    let (holds, text) = judged(&archive, &["--checkpoint", kept_file.to_str().unwrap()]);
    assert!(
        !holds && text.contains("covers 12 events, the archive holds 8"),
        "{text}"
    );
    let verified = cli(
        &proof,
        &["audit", "verify", "--checkpoint", kept_file.to_str().unwrap()],
    )
    .await;
    let told = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert_eq!(verified.status.code(), Some(1), "{told}");
    assert!(
        told.contains("truncated at number 9") && told.contains("12 events"),
        "{told}"
    );
    let status = cli(&proof, &["audit", "status"]).await;
    let told = String::from_utf8_lossy(&status.stdout).into_owned();
    assert_eq!(status.status.code(), Some(1), "{told}");
    assert!(told.contains("FIRST VIOLATION"), "{told}");
}

#[tokio::test]
async fn a_balance_that_does_not_follow_shows_in_the_status() {
    let proof = Proof::new().await;
    let payload = "{\"CreditsPurchased\": {\"pack_code\": \"starter\", \"credits\": 100, \"note\": null,
                    \"price\": {\"amount_minor\": 5000, \"currency\": \"USD\"}, \"balance_after\": 7}}";
    proof.append(TENANTS[0], 7, "CreditsPurchased", payload).await;
    let master_key = platform::config::master_key(proof.files.path()).unwrap();
    let vault = Vault::new(&master_key).unwrap();
    projections::catch_up(&proof.projections, &vault).await.unwrap();
    let status = cli(&proof, &["audit", "status"]).await;
    let told = String::from_utf8_lossy(&status.stdout).into_owned();
    assert_eq!(status.status.code(), Some(1), "{told}");
    assert!(
        told.contains("FIRST OF THE LEDGER: CreditsPurchased at") && told.contains("expected 600, found 7"),
        "{told}"
    );
}

#[tokio::test]
async fn a_range_and_a_tenant_are_proven_without_the_other_events() {
    let proof = Proof::new().await;
    proof.checkpoint().await;
    for (first, last) in [("1", "12"), ("1", "1"), ("4", "9"), ("12", "12"), ("7", "8")] {
        let archive = exported(&proof, "range.zip", &["--from", first, "--to", last]).await;
        let (holds, text) = judged(&archive, &[]);
        assert!(holds, "{first} to {last}: {text}");
        let edit = changed(&archive, "events", |text| text.replacen("credit", "Credit", 1));
        assert!(!judged(&edit, &[]).0, "{first} to {last}");
    }
    let archive = exported(&proof, "tenant.zip", &["--tenant", TENANTS[1]]).await;
    let (holds, text) = judged(&archive, &[]);
    assert!(holds && text.contains("6 events (tenant)"), "{text}");
    let edit = changed(&archive, "events", |text| {
        text.replacen("\"credits\":100", "\"credits\":99", 1)
    });
    let (holds, text) = judged(&edit, &[]);
    assert!(
        !holds && text.contains("is not in the checkpoint's tree"),
        "{text}"
    );
    // The last event left out, with its proof: what is left is proven, but the tenant has more.
    let shorter = changed(&archive, "events", |text| without_line(text, 5));
    let shorter = changed(&shorter, "inclusion", |text| without_line(text, 5));
    let shorter = changed(&shorter, "manifest", |text| {
        text.replace("\"events\": 6", "\"events\": 5")
    });
    let (holds, text) = judged(&shorter, &[]);
    assert!(!holds && text.contains("not all events of the tenant"), "{text}");
    let refused = cli(
        &proof,
        &[
            "audit",
            "export",
            "--out",
            "/dev/null",
            "--from",
            "5",
            "--to",
            "99",
        ],
    )
    .await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the last checkpoint covers events 1 to 12"));
}

#[tokio::test]
async fn sums_that_do_not_add_up_are_found_though_the_chain_holds() {
    let proof = Proof::new().await;
    let payload = "{\"CreditsPurchased\": {\"pack_code\": \"starter\", \"credits\": 100, \"note\": null,
        \"price\": {\"amount_minor\": 5000, \"currency\": \"USD\"}, \"balance_after\": 900}}";
    proof.append(TENANTS[0], 7, "CreditsPurchased", payload).await;
    proof.chain().await;
    proof.checkpoint().await;
    assert!(proof.verify().await.is_clean());
    let (holds, text) = judged(&exported(&proof, "sums.zip", &[]).await, &[]);
    assert!(
        !holds && text.contains("states 900, its movements give 600"),
        "{text}"
    );
}
