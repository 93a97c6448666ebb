//! What a verification found, for people and for programs.

use std::fmt::{Error, Write};
use std::time::Duration;

use projections::audit::{AuditError, AuditReport, Difference};
use projections::ledger::periods::ChangedPeriod;
use projections::ledger::violations::ViolationRow;
use serde::Serialize;
use serde_json::{Value, json};
use store::chain::status::AuditStatus;
use store::chain::verify::{ChainReport, Violation};

#[derive(Serialize)]
pub struct Report {
    pub clean: bool,
    pub seconds: f64,
    pub chain: ChainReport,
    /// `None` where the log cannot be folded.
    pub projections: Option<AuditReport>,
    pub fault: Option<String>,
}

impl Report {
    pub fn new(chain: ChainReport, folded: Result<AuditReport, AuditError>, took: Duration) -> Self {
        let (projections, fault) = match folded {
            Ok(report) => (Some(report), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self {
            clean: chain.is_clean() && projections.as_ref().is_some_and(AuditReport::is_clean),
            seconds: took.as_secs_f64(),
            chain,
            projections,
            fault,
        }
    }

    /// Everything that is wrong, as a count.
    pub fn violations(&self) -> u64 {
        let rows: u64 = self.projections.as_ref().map_or(0, |report| {
            let faults = u64::try_from(report.log_faults.len()).unwrap_or(u64::MAX);
            let rows = report.projections.iter().map(|projection| projection.differences);
            let periods = u64::try_from(report.changed_periods.len()).unwrap_or(u64::MAX);
            faults.saturating_add(periods).saturating_add(rows.sum())
        });
        self.chain.violations + rows + u64::from(self.fault.is_some())
    }

    /// The first of it.
    pub fn first(&self) -> Option<Value> {
        let of_chain = self.chain.named.first().map(|violation| json!(violation));
        of_chain
            .or_else(|| {
                let report = self.projections.as_ref()?;
                let fault = report
                    .log_faults
                    .first()
                    .map(|fault| json!({"kind": "log", "found": fault}));
                fault
                    .or_else(|| report.changed_periods.first().map(|period| json!(period)))
                    .or_else(|| report.differences.first().map(|difference| json!(difference)))
            })
            .or_else(|| {
                self.fault
                    .as_ref()
                    .map(|fault| json!({"kind": "fold", "found": fault}))
            })
    }

    pub fn told(&self) -> Result<String, Error> {
        let mut text = String::new();
        let chain = &self.chain;
        let head = chain.head;
        writeln!(text, "chain        {:>10} events   head {head}", chain.events)?;
        writeln!(
            text,
            "merkle tree  {:>10} leaves   root {}",
            chain.events, chain.root
        )?;
        writeln!(text, "tenants      {:>10} chains", chain.tenants)?;
        writeln!(text, "checkpoints  {:>10} compared", chain.checkpoints)?;
        if chain.unchained > 0 {
            writeln!(
                text,
                "not yet chained: {} events, newer than the chain",
                chain.unchained
            )?;
        }
        if let Some(report) = &self.projections {
            writeln!(
                text,
                "log          {:>10} events   to position {}",
                report.events, report.position
            )?;
            for projection in &report.projections {
                writeln!(
                    text,
                    "{:<20} v{} {:>8} rows {:>4} differences  sha256 {}",
                    projection.name,
                    projection.version,
                    projection.rows,
                    projection.differences,
                    projection.digest
                )?;
            }
        }
        for violation in &chain.named {
            writeln!(text, "CHAIN: {}", violation_told(violation))?;
        }
        let more = chain
            .violations
            .saturating_sub(u64::try_from(chain.named.len()).unwrap_or(u64::MAX));
        if more > 0 {
            writeln!(text, "CHAIN: and {more} more")?;
        }
        for fault in self
            .projections
            .iter()
            .flat_map(|report| &report.log_faults)
            .chain(&self.fault)
        {
            writeln!(text, "LOG: {fault}")?;
        }
        for changed in self.projections.iter().flat_map(|report| &report.changed_periods) {
            writeln!(text, "CLOSED PERIOD: {}", changed_told(changed))?;
        }
        for difference in self.projections.iter().flat_map(|report| &report.differences) {
            writeln!(text, "DIFFERENCE: {}", difference_told(difference))?;
        }
        let verdict = if self.clean {
            "the log is what was recorded, and every row of every read table follows from it".to_owned()
        } else {
            format!(
                "{} violations: see above, the first is the place to look",
                self.violations()
            )
        };
        writeln!(text, "{verdict}; {:.1} s", self.seconds)?;
        Ok(text)
    }
}

fn violation_told(violation: &Violation) -> String {
    let mut place = format!("{:?} at number {}", violation.kind, violation.number).to_lowercase();
    if let Some(position) = violation.position {
        // Writing to a String cannot fail.
        let _ = write!(place, ", position {position}");
    }
    if let (Some(stream), Some(sequence)) = (&violation.stream, violation.sequence) {
        let _ = write!(place, ", stream {stream} event {sequence}");
    }
    format!(
        "{place}, {}: expected {}, found {}",
        violation.field, violation.expected, violation.found
    )
}

fn changed_told(changed: &ChangedPeriod) -> String {
    format!(
        "{}, closed at {} with the digest {}: the journal now gives {}",
        changed.period, changed.position, changed.expected, changed.found
    )
}

fn difference_told(difference: &Difference) -> String {
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

/// One violation of the ledger's rules, in words.
pub fn told_violation(violation: &ViolationRow) -> String {
    format!(
        "{} at {} (stream {}, event {}): rule {}, expected {}, found {}",
        violation.event_type,
        violation.position,
        violation.stream,
        violation.sequence,
        violation.rule.as_ref(),
        violation.expected,
        violation.found
    )
}

pub fn told_status(status: &AuditStatus, ledger: &[ViolationRow]) -> Result<String, Error> {
    let mut text = String::new();
    writeln!(
        text,
        "chain       {} events, to position {}",
        status.events, status.position
    )?;
    writeln!(text, "head        {}", status.head)?;
    writeln!(text, "lag         {} positions", status.lag)?;
    match &status.checkpoint {
        Some(checkpoint) => writeln!(
            text,
            "checkpoint  over {} events, of {}, {} s old, by the key {}\nroot        {}",
            checkpoint.size, checkpoint.made_at, checkpoint.age_seconds, checkpoint.key, checkpoint.root
        )?,
        None => writeln!(text, "checkpoint  none yet")?,
    }
    match &status.last_verify {
        Some(run) => writeln!(
            text,
            "verified    {}, {} events, {} violations",
            run.run_at, run.events, run.violations
        )?,
        None => writeln!(text, "verified    never")?,
    }
    if let Some(first) = status.last_verify.as_ref().and_then(|run| run.first.as_ref()) {
        writeln!(text, "FIRST VIOLATION: {first}")?;
    }
    writeln!(text, "ledger      {} violations", ledger.len())?;
    if let Some(first) = ledger.first() {
        writeln!(text, "FIRST OF THE LEDGER: {}", told_violation(first))?;
    }
    if !status.is_sound() {
        writeln!(text, "the proof does not hold: run `stentor audit verify`")?;
    }
    Ok(text)
}
