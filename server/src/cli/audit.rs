//! `stentor audit verify`.

use std::fmt::Write;
use std::process::ExitCode;

use platform::{Config, config};
use projections::audit::{self, AuditReport, Difference};
use store::database::{self, DatabaseRole};
use store::vault::Vault;

pub async fn verify(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let pool = database::connect(&config.database.url, DatabaseRole::Owner, 4).await?;
    let vault = Vault::new(&config::master_key(&config.identity.keys_path)?)?;
    let report = audit::verify(&pool, &vault).await?;
    let text = if json {
        serde_json::to_string_pretty(&report)? + "\n"
    } else {
        told(&report)?
    };
    super::print(&text)?;
    Ok(if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn told(report: &AuditReport) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "log: {} events, to position {}",
        report.events, report.position
    )?;
    for projection in &report.projections {
        writeln!(
            text,
            "{:<20} v{} {:>8} rows {:>4} differences  sha256 {}",
            projection.name, projection.version, projection.rows, projection.differences, projection.digest
        )?;
    }
    for fault in &report.log_faults {
        writeln!(text, "LOG: {fault}")?;
    }
    for difference in &report.differences {
        writeln!(text, "DIFFERENCE: {}", named(difference))?;
    }
    let verdict = if report.is_clean() {
        "every row of every read table follows from the log"
    } else {
        "the read tables do not follow from the log: see above"
    };
    writeln!(text, "{verdict}")?;
    Ok(text)
}

fn named(difference: &Difference) -> String {
    let or_nothing = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    let place = match &difference.column {
        Some(column) => format!("{} {} column {column}", difference.table, difference.key),
        None => format!("{} {}", difference.table, difference.key),
    };
    format!(
        "{place}: the log says {}, the table says {}",
        or_nothing(&difference.expected),
        or_nothing(&difference.found)
    )
}
