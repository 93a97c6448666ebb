//! A statement as a page that a browser prints or stores as PDF. Part of what is frozen: its form changes only with
//! the form's number.

use std::fmt::Write;

use super::statement::{MaturedLine, Statement};
use crate::currency::shown;
use crate::html::{STYLE, escaped};
use crate::sale::SaleKind;

/// The page of a statement.
pub fn page(statement: &Statement) -> String {
    let money = |minor| shown(minor, &statement.currency);
    let mut rows = String::new();
    for line in &statement.lines {
        // Writing to a String cannot fail.
        let _ = writeln!(rows, "{}", row(line, &statement.currency));
    }
    let sums = [
        ("Carried from earlier statements", statement.opening_minor),
        ("Commission earned", statement.earned_minor),
        ("Taken back", statement.clawed_back_minor),
        ("Paid out", statement.payout_minor),
        ("Carried to the next statement", statement.carried_minor),
    ];
    let mut totals = String::new();
    for (name, minor) in sums {
        let _ = writeln!(
            totals,
            "<tr><th>{name}</th><td class=\"n\">{}</td></tr>",
            money(minor)
        );
    }
    let note = if statement.carried_minor < 0 {
        "<p>More was taken back than earned. The difference is set against the next statement.</p>\n"
    } else if statement.payout_minor == 0 {
        "<p>Nothing is paid out now: what is due is less than the agreed minimum.</p>\n"
    } else {
        ""
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Commission statement \
         {run}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>Commission statement {run}</h1>\n<p>{name}<br>Sales \
         up to {cutoff}, after a holding period of {days} days. Minimum {minimum}.</p>\n<table \
         class=\"sums\">\n{totals}</table>\n{note}<table>\n<thead><tr><th>Date</th><th>Sale</th><th>Product</th><th \
         class=\"n\">Basis</th><th class=\"n\">Rate</th><th>Contract</th><th \
         class=\"n\">Commission</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n<footer>Statement \
         {id}</footer>\n</body>\n</html>\n",
        run = statement.run,
        name = escaped(&statement.reseller_name),
        cutoff = statement.cutoff.format("%Y-%m-%d %H:%M UTC"),
        days = statement.holding_days,
        minimum = money(statement.minimum_minor),
        id = statement.statement_id,
    )
}

fn row(line: &MaturedLine, currency: &str) -> String {
    let what = match line.kind {
        SaleKind::Sale => "Sale",
        SaleKind::Refund => "Refund",
        SaleKind::Chargeback => "Chargeback",
        SaleKind::RefundReversed => "Refund reversed",
    };
    format!(
        "<tr><td>{at}</td><td>{what}</td><td>{product}</td><td class=\"n\">{basis}</td><td \
         class=\"n\">{rate}</td><td>v{version}</td><td class=\"n\">{amount}</td></tr>",
        at = line.at.format("%Y-%m-%d"),
        product = escaped(&line.product),
        basis = shown(line.basis_minor, currency),
        rate = line.rate.percent(),
        version = line.contract_version,
        amount = shown(line.amount_minor, currency),
    )
}
