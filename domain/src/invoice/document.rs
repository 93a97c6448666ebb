//! The document of an invoice or credit note, and its page, for screens and for printing.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Business, Item};
use crate::commission::Rate;
use crate::currency::shown;
use crate::html::{STYLE, canonical, escaped};
use crate::ids::ResellerId;

/// Form of the documents.
pub const FORM: u32 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr, strum::EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DocumentKind {
    Invoice,
    CreditNote,
}

/// An invoice or a credit note. Of a credit note the amounts are negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub form: u32,
    pub kind: DocumentKind,
    pub invoice_id: Uuid,
    pub reseller_id: ResellerId,
    /// Counted per reseller, from 1, invoices and credit notes together.
    pub number: u32,
    /// Number of the invoice that a credit note takes back.
    pub credits: Option<u32>,
    pub reason: Option<String>,
    pub issued_at: DateTime<Utc>,
    pub seller: Business,
    pub buyer: Business,
    pub currency: String,
    pub items: Vec<Item>,
    pub net_minor: i64,
    pub tax_rate: Rate,
    /// Of the net amount, rounded half to even.
    pub tax_minor: i64,
    pub total_minor: i64,
}

impl Document {
    /// As JSON: keys in the order of their bytes, no white space, whole numbers (RFC 8785).
    pub fn canonical(&self) -> String {
        canonical(self)
    }

    /// SHA-256 of it, lower-case hex.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.canonical().as_bytes()))
    }

    /// What people call it: the end of the reseller's id, and the number.
    pub fn reference(&self) -> String {
        let id = self.reseller_id.0.simple().to_string().to_uppercase();
        let end = id.get(26..).unwrap_or_default();
        format!("{end}-{:05}", self.number)
    }

    /// As a page that a browser prints or stores as PDF.
    pub fn page(&self) -> String {
        let money = |minor| shown(minor, &self.currency);
        let (title, about) = match self.kind {
            DocumentKind::Invoice => ("Invoice", String::new()),
            DocumentKind::CreditNote => {
                let of = self.credits.unwrap_or_default();
                let reason = escaped(self.reason.as_deref().unwrap_or_default());
                (
                    "Credit note",
                    format!("<p>Takes back invoice {of:05}: {reason}</p>\n"),
                )
            }
        };
        let mut rows = String::new();
        for item in &self.items {
            // Writing to a String cannot fail.
            let _ = writeln!(
                rows,
                "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td></tr>",
                item.at.format("%Y-%m-%d"),
                escaped(&item.text),
                money(item.net_minor)
            );
        }
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title} \
             {reference}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title} \
             {reference}</h1>\n<p>{day}</p>\n<p><strong>From</strong><br>{seller}</p>\n<p><strong>To</strong><br>{buyer}</p>\n\
             {about}<table>\n<thead><tr><th>Date</th><th>Item</th><th \
             class=\"n\">Net</th></tr></thead>\n<tbody>\n{rows}</tbody>\n<tfoot>\n<tr><th colspan=\"2\">Net</th><td \
             class=\"n\">{net}</td></tr>\n<tr><th colspan=\"2\">Tax {rate}</th><td \
             class=\"n\">{tax}</td></tr>\n<tr><th colspan=\"2\">Total</th><td \
             class=\"n\"><strong>{total}</strong></td></tr>\n</tfoot>\n</table>\n</body>\n</html>\n",
            reference = self.reference(),
            day = self.issued_at.format("%Y-%m-%d"),
            seller = told(&self.seller),
            buyer = told(&self.buyer),
            net = money(self.net_minor),
            rate = self.tax_rate.percent(),
            tax = money(self.tax_minor),
            total = money(self.total_minor),
        )
    }
}

fn told(business: &Business) -> String {
    let mut lines = vec![escaped(&business.name)];
    lines.extend(business.address.lines().map(escaped));
    if !business.tax_id.is_empty() {
        lines.push(escaped(&business.tax_id));
    }
    lines.join("<br>")
}
