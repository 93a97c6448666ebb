//! What each report tells, and what its figures mean.

use super::Report;
use crate::projection::Projection;
use crate::{
    activity, commissions, customers, grants, ledger, resellers, store_drifts, store_events,
    store_transactions, usage,
};

/// Unit of shares: hundredths of a percent.
pub(super) const SHARE: &str = "basis points";
const CREDITS: Unit = Unit::Of("credits");
const CUSTOMERS: Unit = Unit::Of("customers");
const EVENTS: Unit = Unit::Of("events");

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Of(&'static str),
    /// Minor units, each currency for itself.
    Money,
    /// Basis points.
    Share(Ratio),
}

/// One figure of another: both have lines, the share has none of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    pub part: &'static str,
    pub whole: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub struct Figure {
    pub name: &'static str,
    pub unit: Unit,
    /// For people.
    pub definition: &'static str,
}

const fn figure(name: &'static str, unit: Unit, definition: &'static str) -> Figure {
    Figure {
        name,
        unit,
        definition,
    }
}

const fn share(
    name: &'static str,
    part: &'static str,
    whole: &'static str,
    definition: &'static str,
) -> Figure {
    figure(name, Unit::Share(Ratio { part, whole }), definition)
}

const FROM_CREDITS: &[Figure] = &[
    figure(
        "sold",
        CREDITS,
        "credits that were bought, less purchases that were reversed",
    ),
    figure(
        "bonus",
        CREDITS,
        "credits given free, less those that were taken back",
    ),
    figure("adjusted", CREDITS, "corrections by hand, of either sign"),
    figure(
        "received",
        CREDITS,
        "credits received from other resellers, less those given to them",
    ),
    figure(
        "returned",
        CREDITS,
        "credits that came back for days that were not used",
    ),
    figure("spent", CREDITS, "credits that paid for customers' days"),
    figure("expired", CREDITS, "credits whose time was over"),
    figure(
        "held",
        CREDITS,
        "credits that were reserved, less those that reservations gave free or spent",
    ),
    figure(
        "balanceChange",
        CREDITS,
        "by how much the balance changed: sold + bonus + adjusted + received + returned - spent - expired - held",
    ),
];

const FROM_GROWTH: &[Figure] = &[
    figure("new", CUSTOMERS, "customers that were created"),
    figure("movedIn", CUSTOMERS, "customers that came from another reseller"),
    figure("movedOut", CUSTOMERS, "customers that went to another reseller"),
    figure("closed", CUSTOMERS, "customers that were closed"),
    figure("reopened", CUSTOMERS, "customers that were opened again"),
    figure(
        "atEnd",
        CUSTOMERS,
        "customers there were at the end, closed ones left out",
    ),
];

const FROM_CHURN: &[Figure] = &[
    figure(
        "payingAtStart",
        CUSTOMERS,
        "customers at the start whose access was paid by credits or through a store",
    ),
    figure(
        "lost",
        CUSTOMERS,
        "of them, those that had no paid access at the end",
    ),
    figure(
        "won",
        CUSTOMERS,
        "customers at the end with paid access who had none at the start",
    ),
    figure(
        "payingAtEnd",
        CUSTOMERS,
        "customers at the end whose access was paid",
    ),
    share("churn", "lost", "payingAtStart", "lost of payingAtStart"),
];

const FROM_RECURRING: &[Figure] = &[
    figure(
        "credits",
        CREDITS,
        "what 30 days cost of all access that credits paid for at the end",
    ),
    figure(
        "store",
        Unit::Money,
        "the last price of each access through a store at the end, times 30 days by the days it bought",
    ),
];

const FROM_REVENUE: &[Figure] = &[
    figure(
        "packs",
        Unit::Money,
        "prices of credit packs, less those of purchases that were reversed",
    ),
    figure("fees", Unit::Money, "fees that were charged"),
    figure(
        "creditNotes",
        Unit::Money,
        "what credit notes took back of packs and fees, without tax; negative",
    ),
    figure(
        "sales",
        Unit::Money,
        "sales to customers without tax, less refunds and chargebacks",
    ),
    figure("storeFees", Unit::Money, "what stores kept of sales"),
    figure("commissions", Unit::Money, "what resellers earned by sales"),
    figure("tax", Unit::Money, "tax in sales and on invoices, which is owed"),
    figure("received", Unit::Money, "what resellers paid of their invoices"),
];

const FROM_COMMISSION: &[Figure] = &[
    figure("earned", Unit::Money, "shares of sales, by product"),
    figure(
        "takenBack",
        Unit::Money,
        "shares taken back for refunds and chargebacks, by product; negative",
    ),
    figure(
        "chargedBack",
        Unit::Money,
        "of it, what chargebacks took back; negative",
    ),
    figure(
        "passedOn",
        Unit::Money,
        "what went on to the reseller above, by product",
    ),
    figure("paidOut", Unit::Money, "what payouts paid"),
];

const FROM_STORES: &[Figure] = &[
    figure("gross", Unit::Money, "sales through each store, less refunds"),
    figure("tax", Unit::Money, "tax in them"),
    figure("storeCut", Unit::Money, "what the store kept"),
    figure("net", Unit::Money, "gross - tax - storeCut"),
    share("storeShare", "storeCut", "gross", "storeCut of gross"),
];

const FROM_USAGE: &[Figure] = &[
    figure("audio", Unit::Of("milliseconds"), "speech that was transcribed"),
    figure(
        "translated",
        Unit::Of("milliseconds"),
        "of it, what was translated",
    ),
    figure("jobs", Unit::Of("jobs"), "jobs that were submitted"),
    figure(
        "stored",
        Unit::Of("bytes"),
        "recordings that were uploaded, less those that were removed",
    ),
    figure(
        "workflows",
        Unit::Of("workflows"),
        "workflows that were saved first, less those that were removed",
    ),
];

const FROM_SYNC: &[Figure] = &[
    figure("received", EVENTS, "events that stores sent, without their tests"),
    figure("settled", EVENTS, "of them, those that wait for nothing now"),
    figure(
        "drifts",
        EVENTS,
        "differences found between what a store says and what was known",
    ),
    figure("repaired", EVENTS, "of them, those that were repaired"),
    share("success", "settled", "received", "settled of received"),
];

impl Report {
    /// In the order in which they are told.
    pub fn figures(self) -> &'static [Figure] {
        match self {
            Self::Credits => FROM_CREDITS,
            Self::Growth => FROM_GROWTH,
            Self::Churn => FROM_CHURN,
            Self::Recurring => FROM_RECURRING,
            Self::Revenue => FROM_REVENUE,
            Self::Commission => FROM_COMMISSION,
            Self::Stores => FROM_STORES,
            Self::Usage => FROM_USAGE,
            Self::Sync => FROM_SYNC,
        }
    }

    /// The figure of this name that has lines.
    pub fn figure(self, name: &str) -> Option<&'static Figure> {
        let mut listed = self.figures().iter();
        listed.find(|figure| figure.name == name && !matches!(figure.unit, Unit::Share(_)))
    }

    /// The projections that its figures come from.
    pub fn projections(self) -> Vec<&'static str> {
        let own: &[&'static str] = match self {
            Self::Credits | Self::Revenue => &[ledger::Ledger::NAME],
            Self::Growth => &[activity::ActivityFeed::NAME],
            Self::Churn => &[grants::Grants::NAME],
            Self::Recurring => &[grants::Grants::NAME, store_transactions::StoreTransactions::NAME],
            Self::Commission => &[commissions::Commissions::NAME, ledger::Ledger::NAME],
            Self::Stores => &[store_transactions::StoreTransactions::NAME],
            Self::Usage => &[usage::Metering::NAME],
            Self::Sync => &[store_events::StoreEvents::NAME, store_drifts::StoreDrifts::NAME],
        };
        let names = [resellers::Resellers::NAME, customers::Customers::NAME];
        own.iter().copied().chain(names).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use strum::VariantArray;

    use super::*;

    #[test]
    fn every_figure_has_a_name_of_its_own_and_every_share_two_figures() {
        for report in Report::VARIANTS {
            let names: HashSet<_> = report.figures().iter().map(|figure| figure.name).collect();
            assert_eq!(names.len(), report.figures().len(), "{report:?}");
            for figure in report.figures() {
                if let Unit::Share(Ratio { part, whole }) = figure.unit {
                    assert!(
                        report.figure(part).is_some() && report.figure(whole).is_some(),
                        "{report:?}"
                    );
                    assert!(report.figure(figure.name).is_none(), "a share has no lines");
                }
            }
        }
    }
}
