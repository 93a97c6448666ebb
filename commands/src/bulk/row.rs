//! One row of a bulk, as people write it and as it is carried out.

use domain::bulk::BulkKind;
use domain::ids::{ResellerId, TenantId};
use domain::tier::Tier;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is to be done with one customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Row {
    Create {
        name: String,
        tier: Tier,
        days: u32,
        user_name: String,
        user_email: String,
    },
    Extend {
        customer_id: TenantId,
        days: u32,
    },
    Suspend {
        customer_id: TenantId,
        reason: String,
    },
    Resume {
        customer_id: TenantId,
        reason: String,
    },
    Move {
        customer_id: TenantId,
        to: ResellerId,
        reason: String,
    },
}

/// Why a row was not carried out, as a problem says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub code: String,
    pub message: String,
}

impl Refused {
    pub fn invalid(message: String) -> Self {
        Self {
            code: "INVALID_ROW".to_owned(),
            message,
        }
    }
}

pub type Parsed = Result<Row, Refused>;

/// The names of a kind's columns, and of the fields of a JSON row.
pub fn columns(kind: BulkKind) -> &'static [&'static str] {
    match kind {
        BulkKind::Create => &["name", "tier", "days", "userName", "userEmail"],
        BulkKind::Extend => &["customerId", "days"],
        BulkKind::Suspend | BulkKind::Resume => &["customerId", "reason"],
        BulkKind::Move => &["customerId", "resellerId", "reason"],
    }
}

/// The cells of a row, in the order of [`columns`], with where they stand.
pub struct Cells<'a> {
    /// "row 7": the header of a file is no row.
    pub place: String,
    pub kind: BulkKind,
    pub texts: &'a [String],
}

impl Cells<'_> {
    pub fn row(&self) -> Parsed {
        Ok(match self.kind {
            BulkKind::Create => Row::Create {
                name: self.text("name")?,
                tier: self.read("tier", "the code of a tier, such as premium")?,
                days: self.read("days", "a whole number of days")?,
                user_name: self.text("userName")?,
                user_email: self.text("userEmail")?,
            },
            BulkKind::Extend => Row::Extend {
                customer_id: self.customer()?,
                days: self.read("days", "a whole number of days")?,
            },
            BulkKind::Suspend => Row::Suspend {
                customer_id: self.customer()?,
                reason: self.text("reason")?,
            },
            BulkKind::Resume => Row::Resume {
                customer_id: self.customer()?,
                reason: self.text("reason")?,
            },
            BulkKind::Move => Row::Move {
                customer_id: self.customer()?,
                to: ResellerId(self.read::<Uuid>("resellerId", "the id of a reseller")?),
                reason: self.text("reason")?,
            },
        })
    }

    fn customer(&self) -> Result<TenantId, Refused> {
        self.read::<Uuid>("customerId", "the id of a customer")
            .map(TenantId)
    }

    fn cell(&self, column: &str) -> &str {
        let place = columns(self.kind).iter().position(|name| *name == column);
        place
            .and_then(|place| self.texts.get(place))
            .map_or("", |text| text.trim())
    }

    fn text(&self, column: &str) -> Result<String, Refused> {
        let text = self.cell(column);
        if text.is_empty() {
            return Err(self.refused(column, "a text", text));
        }
        if text.contains(['\n', '\r']) {
            return Err(self.refused(column, "one line of text (is a quote not closed?)", text));
        }
        Ok(text.to_owned())
    }

    fn read<T: std::str::FromStr>(&self, column: &str, expected: &str) -> Result<T, Refused> {
        let text = self.cell(column);
        text.parse().map_err(|_| self.refused(column, expected, text))
    }

    fn refused(&self, column: &str, expected: &str, found: &str) -> Refused {
        let shown: String = found.chars().take(40).collect();
        Refused::invalid(format!(
            "{}, column {column}: expected {expected}, found {shown:?}",
            self.place
        ))
    }
}
