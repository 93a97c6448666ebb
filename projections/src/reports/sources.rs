//! Where the lines of figures come from. Each statement answers the columns of a line, with its period and figure, of
//! what falls into the days or months of `periods p`.

use domain::ledger::Account;
use sqlx::{Postgres, QueryBuilder};

use super::{Asker, Report};
use crate::scope::among;

pub(super) enum Source {
    /// Postings: the figure, its account, and the sign with which what the account received counts.
    Ledger(&'static [(&'static str, Account, i32)]),
    /// A statement that ends in a condition. Its `t` has the `reseller_id` and the `tenant_id` that decide who sees it.
    Rows {
        lines: &'static str,
        /// What follows the condition.
        order: &'static str,
    },
}

impl Source {
    pub(super) fn push(&self, query: &mut QueryBuilder<'_, Postgres>, asker: Asker) {
        match self {
            Self::Ledger(accounts) => {
                query.push(POSTINGS);
                for (number, (figure, account, sign)) in accounts.iter().enumerate() {
                    let comma = if number == 0 { "" } else { ", " };
                    let account = account.as_ref();
                    query.push(format!("{comma}('{figure}', '{account}', {sign})"));
                }
                query.push(") AS f (figure, account, sign) ON f.account = s.account WHERE true");
                among(query, "t", asker.scope, asker.whose);
            }
            Self::Rows { lines, order } => {
                query.push(*lines);
                among(query, "t", asker.scope, asker.whose);
                query.push(*order);
            }
        }
    }
}

const fn rows(lines: &'static str) -> Source {
    Source::Rows { lines, order: "" }
}

/// A side of a line is a line of the figure.
const POSTINGS: &str = "
    SELECT p.number AS period, f.figure, t.log_xid, t.log_position, t.line * 2 + s.side AS line, t.happened_at AS at,
           t.reseller_id, NULL::uuid AS customer_id, t.unit COLLATE \"default\" AS unit, NULL::text AS grp, f.sign * s.amount AS value
    FROM periods p
    JOIN read.journal t ON t.happened_at >= p.from_at AND t.happened_at < p.to_at
    CROSS JOIN LATERAL (VALUES (0, t.debit, t.amount), (1, t.credit, -t.amount)) AS s (side, account, amount)
    JOIN (VALUES ";

const ARRIVALS: &str = "
    SELECT p.number AS period, CASE t.arrived WHEN 'created' THEN 'new' ELSE 'movedIn' END AS figure, t.log_xid,
           t.log_position, 0 AS line, t.began_at AS at, t.reseller_id, t.tenant_id AS customer_id, 'customers' AS unit,
           NULL::text AS grp, 1::bigint AS value
    FROM periods p JOIN read.customer_stays t ON t.began_at >= p.from_at AND t.began_at < p.to_at
    WHERE true";

const DEPARTURES: &str = "
    SELECT p.number AS period, 'movedOut' AS figure, t.ended_xid AS log_xid, t.ended_position AS log_position, 1 AS line,
           t.ended_at AS at, t.reseller_id, t.tenant_id AS customer_id, 'customers' AS unit, NULL::text AS grp,
           1::bigint AS value
    FROM periods p JOIN read.customer_stays t ON t.ended_at >= p.from_at AND t.ended_at < p.to_at
    WHERE true";

const CLOSINGS: &str = "
    SELECT p.number AS period, CASE t.kind WHEN 'TenantClosed' THEN 'closed' ELSE 'reopened' END AS figure, t.log_xid,
           t.log_position, 0 AS line, t.at, t.reseller_id, t.tenant_id AS customer_id, 'customers' AS unit,
           NULL::text AS grp, 1::bigint AS value
    FROM periods p
    JOIN read.activity t ON t.kind IN ('TenantClosed', 'TenantReopened') AND t.at >= p.from_at AND t.at < p.to_at
    WHERE true";

/// Who was whose customer at the end, and was not closed then: its last word on that is not a closing.
const AT_END: &str = "
    SELECT p.number AS period, 'atEnd' AS figure, t.log_xid, t.log_position, 2 AS line, t.began_at AS at, t.reseller_id,
           t.tenant_id AS customer_id, 'customers' AS unit, NULL::text AS grp, 1::bigint AS value
    FROM periods p
    JOIN read.customer_stays t ON t.began_at < p.to_at AND (t.ended_at IS NULL OR t.ended_at >= p.to_at)
    WHERE NOT EXISTS (
        SELECT FROM read.activity c
        WHERE c.tenant_id = t.tenant_id AND c.kind = 'TenantClosed' AND c.at < p.to_at AND NOT EXISTS (
            SELECT FROM read.activity o
            WHERE o.tenant_id = t.tenant_id AND o.kind = 'TenantReopened' AND o.at < p.to_at
              AND (o.log_xid, o.log_position) > (c.log_xid, c.log_position)))";

/// Access that somebody pays for, as it stands now.
macro_rules! paid {
    ($grant:literal) => {
        concat!(
            $grant,
            ".tenant_id = t.tenant_id AND ",
            $grant,
            ".superseded_at IS NULL AND ",
            $grant,
            ".source IN ('credits', 'store') AND ",
            $grant,
            ".starts_at < ",
            $grant,
            ".ends_at"
        )
    };
}

/// At an instant.
macro_rules! paid_at {
    ($grant:literal, $at:literal) => {
        concat!(
            paid!($grant),
            " AND ",
            $grant,
            ".starts_at <= ",
            $at,
            " AND ",
            $grant,
            ".ends_at > ",
            $at
        )
    };
}

/// One line per customer and period; `$figure` of those that were `t`'s customers at `$at`.
macro_rules! payers {
    ($figure:literal, $line:literal, $at:literal, $grant_at:literal, $grants:expr, $condition:expr) => {
        concat!(
            "SELECT DISTINCT ON (p.number, t.tenant_id) p.number AS period, '",
            $figure,
            "' AS figure, g.log_xid,
                    g.log_position, ",
            $line,
            " AS line, ",
            $grant_at,
            " AS at, t.reseller_id,
                    t.tenant_id AS customer_id, 'customers' AS unit, NULL::text AS grp, 1::bigint AS value
             FROM periods p
             JOIN read.customer_stays t ON t.began_at <= ",
            $at,
            " AND (t.ended_at IS NULL OR t.ended_at > ",
            $at,
            ")
             JOIN read.grants g ON ",
            $grants,
            " WHERE ",
            $condition
        )
    };
}

const PAYING_AT_START: &str = payers!(
    "payingAtStart",
    "0",
    "p.from_at",
    "g.starts_at",
    paid_at!("g", "p.from_at"),
    "true"
);
const PAYING_AT_END: &str = payers!(
    "payingAtEnd",
    "1",
    "p.to_at",
    "g.starts_at",
    paid_at!("g", "p.to_at"),
    "true"
);
/// The line is the access that ended last.
const LOST: &str = payers!(
    "lost",
    "2",
    "p.from_at",
    "g.ends_at",
    concat!(paid!("g"), " AND g.starts_at < p.to_at AND g.ends_at > p.from_at"),
    concat!(
        "EXISTS (SELECT FROM read.grants s WHERE ",
        paid_at!("s", "p.from_at"),
        ") AND NOT EXISTS (SELECT FROM read.grants e WHERE ",
        paid_at!("e", "p.to_at"),
        ")"
    )
);
const WON: &str = payers!(
    "won",
    "3",
    "p.to_at",
    "g.starts_at",
    paid_at!("g", "p.to_at"),
    concat!(
        "NOT EXISTS (SELECT FROM read.grants s WHERE ",
        paid_at!("s", "p.from_at"),
        ")"
    )
);
const THE_LAST: &str = " ORDER BY p.number, t.tenant_id, g.ends_at DESC, g.log_xid DESC, g.log_position DESC";

const RECURRING_CREDITS: &str = concat!(
    "SELECT DISTINCT ON (p.number, t.tenant_id) p.number AS period, 'credits' AS figure, g.log_xid, g.log_position,
            0 AS line, g.starts_at AS at, t.reseller_id, t.tenant_id AS customer_id, 'credits' AS unit,
            NULL::text AS grp, g.credits_per_day * 30 AS value
     FROM periods p
     JOIN read.customer_stays t ON t.began_at <= p.to_at AND (t.ended_at IS NULL OR t.ended_at > p.to_at)
     JOIN read.grants g ON ", paid_at!("g", "p.to_at"), " AND g.source = 'credits'
     WHERE g.credits_per_day > 0"
);

/// A store names no price with the access: it is that of the customer's last purchase before.
const RECURRING_STORE: &str = concat!(
    "SELECT DISTINCT ON (p.number, t.tenant_id) p.number AS period, 'store' AS figure, x.log_xid, x.log_position,
            1 AS line, x.sold_at AS at, t.reseller_id, t.tenant_id AS customer_id, x.currency AS unit, x.store AS grp,
            round(x.gross_minor * 2592000 / extract(epoch FROM g.ends_at - g.starts_at))::bigint AS value
     FROM periods p
     JOIN read.customer_stays t ON t.began_at <= p.to_at AND (t.ended_at IS NULL OR t.ended_at > p.to_at)
     JOIN read.grants g ON ", paid_at!("g", "p.to_at"), " AND g.source = 'store'
     CROSS JOIN LATERAL (
         SELECT s.* FROM read.store_transactions s
         WHERE s.tenant_id = t.tenant_id AND s.kind = 'sale' AND s.sold_at < g.ends_at AND s.sold_at <= p.to_at
         ORDER BY s.sold_at DESC LIMIT 1) x
     WHERE true"
);

const COMMISSION_LINES: &str = "
    SELECT p.number AS period, f.figure, t.log_xid, t.log_position, t.line * 4 + f.part AS line, t.sold_at AS at,
           t.reseller_id, NULL::uuid AS customer_id, t.currency COLLATE \"default\" AS unit, t.product AS grp, f.value
    FROM periods p
    JOIN read.commission_lines t ON t.sold_at >= p.from_at AND t.sold_at < p.to_at
    CROSS JOIN LATERAL (VALUES (0, 'earned', greatest(t.amount_minor, 0)), (1, 'takenBack', least(t.amount_minor, 0)),
                               (2, 'passedOn', t.passed_on_minor),
                               (3, 'chargedBack', CASE t.kind WHEN 'chargeback' THEN least(t.amount_minor, 0) ELSE 0 END))
         AS f (part, figure, value)
    WHERE f.value <> 0";

const STORE_TRANSACTIONS: &str = "
    SELECT p.number AS period, f.figure, t.log_xid, t.log_position, f.part AS line, t.sold_at AS at, t.reseller_id,
           t.tenant_id AS customer_id, t.currency AS unit, t.store AS grp,
           CASE t.kind WHEN 'refund' THEN -f.value ELSE f.value END AS value
    FROM periods p
    JOIN read.store_transactions t ON t.sold_at >= p.from_at AND t.sold_at < p.to_at
    CROSS JOIN LATERAL (VALUES (0, 'gross', t.gross_minor), (1, 'tax', t.tax_minor), (2, 'storeCut', t.store_cut_minor),
                               (3, 'net', t.gross_minor - t.tax_minor - t.store_cut_minor)) AS f (part, figure, value)
    WHERE f.value <> 0";

const USAGE: &str = "
    SELECT p.number AS period, f.figure, t.log_xid, t.log_position, f.part AS line, t.at, t.reseller_id,
           t.tenant_id AS customer_id, f.unit, NULL::text AS grp, f.value
    FROM periods p
    JOIN read.usage_entries t ON t.at >= p.from_at AND t.at < p.to_at
    CROSS JOIN LATERAL (VALUES (0, 'audio', 'milliseconds', t.audio_ms), (1, 'translated', 'milliseconds', t.translated_ms),
                               (2, 'jobs', 'jobs', t.jobs), (3, 'stored', 'bytes', t.storage_bytes),
                               (4, 'workflows', 'workflows', t.workflows)) AS f (part, figure, unit, value)
    WHERE f.value <> 0";

const STORE_EVENTS: &str = "
    SELECT p.number AS period, f.figure, t.log_xid, t.log_position, f.part AS line, t.known_at AS at, t.reseller_id,
           t.tenant_id AS customer_id, 'events' AS unit, NULL::text AS grp, 1::bigint AS value
    FROM periods p
    JOIN read.store_events t ON t.known_at >= p.from_at AND t.known_at < p.to_at AND NOT t.sandbox
    JOIN (VALUES (0, 'received'), (1, 'settled')) AS f (part, figure) ON f.part = 0 OR t.hold IS NULL
    WHERE true";

const STORE_DRIFTS: &str = "
    SELECT p.number AS period, f.figure, t.log_xid, t.log_position, t.number * 2 + f.part AS line, t.known_at AS at,
           t.reseller_id, t.tenant_id AS customer_id, 'events' AS unit, NULL::text AS grp, 1::bigint AS value
    FROM periods p
    JOIN read.store_drifts t ON t.known_at >= p.from_at AND t.known_at < p.to_at
    JOIN (VALUES (0, 'drifts'), (1, 'repaired')) AS f (part, figure) ON f.part = 0 OR t.repaired
    WHERE true";

const CREDITS: &[Source] = &[Source::Ledger(&[
    ("sold", Account::Sold, -1),
    ("bonus", Account::Bonus, -1),
    ("adjusted", Account::Adjusted, -1),
    ("received", Account::Transferred, -1),
    ("returned", Account::Refunded, -1),
    ("spent", Account::Spent, 1),
    ("expired", Account::Expired, 1),
    ("held", Account::Held, 1),
    ("balanceChange", Account::Available, 1),
])];
const GROWTH: &[Source] = &[rows(ARRIVALS), rows(DEPARTURES), rows(CLOSINGS), rows(AT_END)];
const CHURN: &[Source] = &[last(PAYING_AT_START), last(LOST), last(WON), last(PAYING_AT_END)];
const RECURRING: &[Source] = &[last(RECURRING_CREDITS), last(RECURRING_STORE)];
const REVENUE: &[Source] = &[Source::Ledger(&[
    ("packs", Account::Revenue, -1),
    ("fees", Account::Fees, -1),
    ("creditNotes", Account::Credited, -1),
    ("sales", Account::SalesRevenue, -1),
    ("storeFees", Account::StoreFees, 1),
    ("commissions", Account::CommissionExpense, 1),
    ("tax", Account::Tax, -1),
    ("tax", Account::SalesTax, -1),
    ("received", Account::Received, 1),
])];
const COMMISSION: &[Source] = &[
    rows(COMMISSION_LINES),
    Source::Ledger(&[("paidOut", Account::CommissionPaid, -1)]),
];
const STORES: &[Source] = &[rows(STORE_TRANSACTIONS)];
const METERED: &[Source] = &[rows(USAGE)];
const SYNC: &[Source] = &[rows(STORE_EVENTS), rows(STORE_DRIFTS)];

pub(super) fn of(report: Report) -> &'static [Source] {
    match report {
        Report::Credits => CREDITS,
        Report::Growth => GROWTH,
        Report::Churn => CHURN,
        Report::Recurring => RECURRING,
        Report::Revenue => REVENUE,
        Report::Commission => COMMISSION,
        Report::Stores => STORES,
        Report::Usage => METERED,
        Report::Sync => SYNC,
    }
}

/// One line per customer and period.
const fn last(lines: &'static str) -> Source {
    Source::Rows {
        lines,
        order: THE_LAST,
    }
}
