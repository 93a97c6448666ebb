//! The arrows between the crates go one way: `cargo metadata` against the table in docs/ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

fn allowed() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    BTreeMap::from([
        ("domain", BTreeSet::new()),
        ("audio", BTreeSet::new()),
        ("platform", BTreeSet::from(["domain"])),
        ("store", BTreeSet::from(["domain", "platform"])),
        (
            "commands",
            BTreeSet::from(["domain", "platform", "store", "audio"]),
        ),
        ("projections", BTreeSet::from(["domain", "platform", "store"])),
        (
            "api",
            BTreeSet::from(["projections", "platform", "domain", "store"]),
        ),
        ("workers", BTreeSet::from(["domain", "platform", "audio"])),
        (
            "server",
            BTreeSet::from(["domain", "platform", "store", "commands", "projections", "api"]),
        ),
        (
            "bench",
            BTreeSet::from(["domain", "platform", "store", "commands", "projections", "api"]),
        ),
    ])
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--locked",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Crate → what it depends on, outside its tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    packages
        .iter()
        .map(|package| {
            let needed = package["dependencies"].as_array().unwrap().iter();
            let needed = needed
                .filter(|needed| needed["kind"].is_null())
                .map(|needed| text(&needed["name"]));
            (text(&package["name"]), needed.collect())
        })
        .collect()
}

#[test]
fn every_arrow_is_allowed() {
    let dependencies = dependencies();
    let ours: BTreeSet<&str> = dependencies.keys().map(String::as_str).collect();
    for (name, allowed) in allowed() {
        let found: BTreeSet<&str> = dependencies[name]
            .iter()
            .map(String::as_str)
            .filter(|needed| ours.contains(needed))
            .collect();
        let forbidden: Vec<_> = found.difference(&allowed).collect();
        assert!(
            forbidden.is_empty(),
            "{name} must not depend on {forbidden:?}: see docs/ARCHITECTURE.md"
        );
    }
}

#[test]
fn every_crate_stands_in_the_table() {
    let known: BTreeSet<String> = allowed()
        .keys()
        .map(|name| (*name).to_owned())
        .chain(["tests".to_owned()])
        .collect();
    assert_eq!(dependencies().into_keys().collect::<BTreeSet<_>>(), known);
}

#[test]
fn the_domain_is_pure_and_only_workers_link_libtorch() {
    let dependencies = dependencies();
    for impure in ["sqlx", "tokio", "actix-web", "lapin", "reqwest", "rand"] {
        assert!(
            !dependencies["domain"].contains(impure),
            "domain must not depend on {impure}"
        );
    }
    for (name, needed) in &dependencies {
        let torch = needed.contains("tch") || needed.contains("torch-sys");
        assert_eq!(torch, name == "workers", "{name}");
    }
    assert!(
        !dependencies["workers"].contains("sqlx"),
        "workers know no database"
    );
}
