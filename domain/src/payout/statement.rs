//! Statements: which lines a run takes of each reseller, what is due, and the document that is frozen. All of it
//! follows from the log, so a statement can be made again at any time and has to give the same digests.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Head, Taken, days, page};
use crate::commission::{LineBasis, Rate};
use crate::html::canonical;
use crate::ids::ResellerId;
use crate::sale::{Accounted, SaleKind};

/// Form of the documents. A new one is a new number beside the old, which stays: somebody keeps a digest of it.
pub const FORM: u32 = 1;

/// What a run was drafted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsOfRun {
    pub currency: String,
    /// Nothing later is in it.
    pub cutoff: DateTime<Utc>,
    /// How long a sale has to stand before its commission is paid out.
    pub holding_days: u32,
    /// Less than this is carried; a reseller's contract may ask for more.
    pub minimum_minor: i64,
}

impl TermsOfRun {
    /// Sales up to here have matured.
    pub fn sold_until(&self) -> DateTime<Utc> {
        self.cutoff
            .checked_sub_signed(days(self.holding_days))
            .unwrap_or(DateTime::<Utc>::MIN_UTC)
    }

    pub fn taken(&self, facts: u64) -> Taken {
        Taken {
            facts,
            cutoff: Some(self.cutoff),
            sold_until: Some(self.sold_until()),
        }
    }
}

/// A line of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MaturedLine {
    /// Id of the commission line.
    pub line: String,
    pub kind: SaleKind,
    pub product: String,
    pub at: DateTime<Utc>,
    /// When the sale was made that it is about.
    pub sold_at: DateTime<Utc>,
    pub contract_version: u32,
    pub basis: LineBasis,
    pub basis_minor: i64,
    pub rate: Rate,
    pub amount_minor: i64,
}

/// The document. Its fields are those of the canonical JSON, in the order of their names there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statement {
    pub form: u32,
    pub statement_id: Uuid,
    pub run: u32,
    pub currency: String,
    pub reseller_id: ResellerId,
    pub reseller_name: String,
    pub cutoff: DateTime<Utc>,
    pub holding_days: u32,
    pub minimum_minor: i64,
    pub opening_minor: i64,
    pub earned_minor: i64,
    pub clawed_back_minor: i64,
    pub payout_minor: i64,
    pub carried_minor: i64,
    pub lines: Vec<MaturedLine>,
}

impl Statement {
    /// As JSON: keys in the order of their bytes, no white space, whole numbers (RFC 8785).
    pub fn canonical(&self) -> String {
        canonical(self)
    }

    /// What the run's event keeps of it.
    pub fn head(&self) -> Head {
        let digest = |text: &str| hex::encode(Sha256::digest(text.as_bytes()));
        Head {
            statement_id: self.statement_id,
            reseller_id: self.reseller_id,
            reseller_name: self.reseller_name.clone(),
            opening_minor: self.opening_minor,
            earned_minor: self.earned_minor,
            clawed_back_minor: self.clawed_back_minor,
            minimum_minor: self.minimum_minor,
            payout_minor: self.payout_minor,
            carried_minor: self.carried_minor,
            lines: u32::try_from(self.lines.len()).unwrap_or(u32::MAX),
            digest: digest(&self.canonical()),
            html_digest: digest(&page(self)),
        }
    }
}

/// Takes all sales of the log in its order, and sorts out what a run takes.
#[derive(Debug)]
pub struct StatementFold<'a> {
    terms: &'a TermsOfRun,
    before: Taken,
    /// How many facts belong to it; all there are where it is being drafted.
    facts_max: u64,
    /// One reseller's alone.
    only: Option<ResellerId>,
    facts: u64,
    lines: BTreeMap<ResellerId, Vec<MaturedLine>>,
}

impl<'a> StatementFold<'a> {
    /// For a run on `terms`, after the runs that took `before`.
    pub fn new(terms: &'a TermsOfRun, before: Taken, facts_max: u64, only: Option<ResellerId>) -> Self {
        Self {
            terms,
            before,
            facts_max,
            only,
            facts: 0,
            lines: BTreeMap::new(),
        }
    }

    /// Takes the next fact.
    pub fn take(&mut self, accounted: &Accounted) {
        if self.facts >= self.facts_max {
            return;
        }
        self.facts += 1;
        let (at, origin_at) = (accounted.sale.sold_at, accounted.origin_at);
        let taken = self.terms.taken(self.facts);
        if accounted.sale.gross.currency != self.terms.currency
            || !taken.includes(self.facts, at, origin_at)
            || self.before.includes(self.facts, at, origin_at)
        {
            return;
        }
        for (number, line) in (1_u32..).zip(&accounted.lines) {
            if self.only.is_some_and(|only| only != line.reseller_id) || line.figures.amount_minor == 0 {
                continue;
            }
            let matured = MaturedLine {
                line: format!("{}-{number}", accounted.sale.sale_id),
                kind: accounted.sale.kind,
                product: accounted.sale.product.clone(),
                at,
                sold_at: origin_at,
                contract_version: line.contract_version,
                basis: line.basis,
                basis_minor: line.figures.basis_minor,
                rate: line.rate,
                amount_minor: line.figures.amount_minor,
            };
            self.lines.entry(line.reseller_id).or_default().push(matured);
        }
    }

    /// How many facts it has taken.
    pub fn facts(&self) -> u64 {
        self.facts
    }

    /// The resellers with lines, and their lines.
    pub fn finish(self) -> BTreeMap<ResellerId, Vec<MaturedLine>> {
        self.lines
    }
}

/// A reseller of a run.
#[derive(Clone, Debug)]
pub struct Due<'a> {
    pub run_id: Uuid,
    pub run: u32,
    pub reseller_id: ResellerId,
    pub reseller_name: &'a str,
    pub opening_minor: i64,
    /// What its contract asks for at least.
    pub contract_minimum_minor: i64,
}

impl Statement {
    /// What is due, and what of it is paid.
    pub fn of(terms: &TermsOfRun, due: &Due<'_>, lines: Vec<MaturedLine>) -> Self {
        let sum = |wanted: fn(&i64) -> bool| -> i64 {
            lines.iter().map(|line| line.amount_minor).filter(wanted).sum()
        };
        let (earned_minor, clawed_back_minor) = (sum(|amount| *amount > 0), sum(|amount| *amount < 0));
        let due_minor = due.opening_minor + earned_minor + clawed_back_minor;
        let minimum_minor = terms.minimum_minor.max(due.contract_minimum_minor);
        let payout_minor = if due_minor > 0 && due_minor >= minimum_minor {
            due_minor
        } else {
            0
        };
        Self {
            form: FORM,
            statement_id: Self::id(due.run_id, due.reseller_id),
            run: due.run,
            currency: terms.currency.clone(),
            reseller_id: due.reseller_id,
            reseller_name: due.reseller_name.to_owned(),
            cutoff: terms.cutoff,
            holding_days: terms.holding_days,
            minimum_minor,
            opening_minor: due.opening_minor,
            earned_minor,
            clawed_back_minor,
            payout_minor,
            carried_minor: due_minor - payout_minor,
            lines,
        }
    }

    /// The statement of a reseller in a run.
    pub fn id(run_id: Uuid, reseller_id: ResellerId) -> Uuid {
        Uuid::new_v5(&run_id, reseller_id.0.as_bytes())
    }
}
