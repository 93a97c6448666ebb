//! Folds a batch of events in memory and writes its rows by a few statements.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use domain::AnyEvent;
use domain::books::{BooksEvent, Close, booked};
use domain::credit_account::CreditAccountEvent;
use domain::ids::ResellerId;
use domain::ledger::{Account, AccountState, CREDITS, Entry, Rule, Share, Turnover, Violation, entry, money};
use sqlx::{PgConnection, Row};
use store::Recorded;
use strum::VariantArray;
use uuid::Uuid;

use super::{periods, violations};
use crate::projection::{ProjectionError, stream_id};

/// What is known of one reseller's accounts.
#[derive(Default)]
struct Known {
    opened_at: Option<DateTime<Utc>>,
    state: AccountState,
}

/// The lines of the batch, column by column.
#[derive(Default)]
struct Lines<'b> {
    entry: Vec<i64>,
    line: Vec<i32>,
    log_xid: Vec<i64>,
    log_position: Vec<i64>,
    reseller_id: Vec<Uuid>,
    debit: Vec<&'static str>,
    credit: Vec<&'static str>,
    unit: Vec<&'b str>,
    amount: Vec<i64>,
    happened_at: Vec<DateTime<Utc>>,
    known_at: Vec<DateTime<Utc>>,
    period: Vec<NaiveDate>,
    late: Vec<bool>,
    event_type: Vec<&'b str>,
    command_id: Vec<Uuid>,
}

/// The ledger's state as far as a batch touches it, and the rows that the batch adds.
pub(super) struct Fold<'b> {
    entries: i64,
    closes: Vec<Close>,
    known: HashMap<Uuid, Known>,
    turnover: HashMap<(Uuid, Account, &'b str), Turnover>,
    lines: Lines<'b>,
    violations: violations::Violations<'b>,
}

/// The resellers whose accounts an event moves.
fn moved_by(recorded: &Recorded) -> Vec<Uuid> {
    match &recorded.event {
        AnyEvent::CreditAccount(_) => recorded.id().into_iter().collect(),
        AnyEvent::RecordedSale(_)
        | AnyEvent::Contracts(_)
        | AnyEvent::Payouts(_)
        | AnyEvent::Invoices(_)
        | AnyEvent::Reseller(_)
        | AnyEvent::PriceList(_)
        | AnyEvent::Tenant(_)
        | AnyEvent::User(_)
        | AnyEvent::Subscription(_)
        | AnyEvent::Recording(_)
        | AnyEvent::Usage(_)
        | AnyEvent::Job(_)
        | AnyEvent::WorkflowLibrary(_)
        | AnyEvent::Books(_)
        | AnyEvent::StoreAccount(_)
        | AnyEvent::StoreCatalogue(_)
        | AnyEvent::Hierarchy(_)
        | AnyEvent::Roster(_)
        | AnyEvent::ApiKey(_)
        | AnyEvent::Bulk(_)
        | AnyEvent::PermissionTemplates(_)
        | AnyEvent::ResellerPermissions(_)
        | AnyEvent::TierList(_) => money(&recorded.event, recorded.id().map(ResellerId))
            .into_iter()
            .map(|(ResellerId(reseller_id), _)| reseller_id)
            .collect(),
    }
}

impl<'b> Fold<'b> {
    /// Loads what the batch's events have to be checked against.
    pub(super) async fn load(connection: &mut PgConnection, batch: &'b [Recorded]) -> sqlx::Result<Self> {
        let row = sqlx::query(
            "SELECT (SELECT coalesce(max(j.entry), 0) FROM journal j) AS entries,
                    (SELECT count(*) FROM ledger_violations) AS violations",
        )
        .fetch_one(&mut *connection)
        .await?;
        let mut fold = Self {
            entries: row.try_get("entries")?,
            closes: Vec::new(),
            known: HashMap::new(),
            turnover: HashMap::new(),
            lines: Lines::default(),
            violations: violations::Violations::after(row.try_get("violations")?),
        };
        let resellers: HashSet<Uuid> = batch.iter().flat_map(moved_by).collect();
        let closes = |recorded: &Recorded| matches!(&recorded.event, AnyEvent::Books(_));
        if resellers.is_empty() && !batch.iter().any(closes) {
            return Ok(fold);
        }
        fold.closes = periods::closes(connection).await?;
        let rows = sqlx::query(
            "SELECT l.reseller_id, l.opened_at, l.sequence, l.balance, l.credit_line
             FROM unnest($1::uuid[]) AS n (reseller_id) JOIN ledgers l USING (reseller_id)",
        )
        .bind(resellers.into_iter().collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
        for row in rows {
            let opened_at: Option<DateTime<Utc>> = row.try_get("opened_at")?;
            let state = AccountState {
                opened: opened_at.is_some(),
                sequence: row.try_get("sequence")?,
                balance: row.try_get("balance")?,
                credit_line: row.try_get("credit_line")?,
            };
            fold.known
                .insert(row.try_get("reseller_id")?, Known { opened_at, state });
        }
        Ok(fold)
    }

    /// Takes the next event of a credit account.
    pub(super) fn take(
        &mut self,
        recorded: &'b Recorded,
        event: &'b CreditAccountEvent,
    ) -> Result<(), ProjectionError> {
        let reseller_id = stream_id(recorded)?;
        let entry = entry(event);
        let known = self.known.entry(reseller_id).or_default();
        for violation in known.state.take(recorded.sequence, &entry) {
            self.violations.add(recorded, Some(reseller_id), violation);
        }
        match entry {
            Entry::CreditLine(_) | Entry::Nothing => {}
            Entry::Opening => {
                known.opened_at.get_or_insert(recorded.happened_at());
                for account in Account::VARIANTS
                    .iter()
                    .filter(|account| account.counts_credits())
                {
                    self.turnover.entry((reseller_id, *account, CREDITS)).or_default();
                }
            }
            Entry::Movement { lines, .. } => {
                let shares: Vec<Share<'b>> = lines
                    .into_iter()
                    .map(|line| (ResellerId(reseller_id), line))
                    .collect();
                self.enter(recorded, &shares)?;
            }
        }
        Ok(())
    }

    /// Takes what the next event moves besides credits.
    pub(super) fn take_money(
        &mut self,
        recorded: &'b Recorded,
        moved: &[Share<'b>],
    ) -> Result<(), ProjectionError> {
        if moved.is_empty() {
            return Ok(());
        }
        for (ResellerId(reseller_id), _) in moved {
            if self.known.entry(*reseller_id).or_default().opened_at.is_none() {
                let violation = Violation {
                    rule: Rule::AccountOpened,
                    expected: "1".to_owned(),
                    found: "0".to_owned(),
                };
                self.violations.add(recorded, Some(*reseller_id), violation);
            }
        }
        self.enter(recorded, moved)
    }

    /// Adds an entry with its lines.
    fn enter(&mut self, recorded: &'b Recorded, shares: &[Share<'b>]) -> Result<(), ProjectionError> {
        self.entries += 1;
        let number = u64::try_from(self.entries).unwrap_or_default();
        let place = booked(self.closes.iter(), number, recorded.happened_at());
        for (line, (ResellerId(reseller_id), moved)) in (1..).zip(shares) {
            let reseller_id = *reseller_id;
            self.post(recorded, (reseller_id, moved.debit, moved.unit), moved.amount, 0)?;
            self.post(recorded, (reseller_id, moved.credit, moved.unit), 0, moved.amount)?;
            self.lines.entry.push(self.entries);
            self.lines.line.push(line);
            self.lines.log_xid.push(recorded.position.xid);
            self.lines.log_position.push(recorded.position.position);
            self.lines.reseller_id.push(reseller_id);
            self.lines.debit.push(moved.debit.into());
            self.lines.credit.push(moved.credit.into());
            self.lines.unit.push(moved.unit);
            self.lines.amount.push(moved.amount);
            self.lines.happened_at.push(recorded.happened_at());
            self.lines.known_at.push(recorded.known_at());
            self.lines.period.push(place.period.first_day());
            self.lines.late.push(place.late);
            self.lines.event_type.push(recorded.event.name());
            self.lines.command_id.push(recorded.metadata.command_id);
        }
        Ok(())
    }

    fn post(
        &mut self,
        recorded: &Recorded,
        account: (Uuid, Account, &'b str),
        debits: i64,
        credits: i64,
    ) -> Result<(), ProjectionError> {
        let known = self.turnover.entry(account).or_default();
        let sums = (
            known.debits.checked_add(debits),
            known.credits.checked_add(credits),
        );
        let (Some(debits), Some(credits)) = sums else {
            return Err(ProjectionError::event(recorded, "a sum is larger than 2^63 - 1"));
        };
        *known = Turnover { debits, credits };
        Ok(())
    }

    /// Closes a period: what happened in it and came after its count of entries becomes late, and its balances
    /// have to give the digest that the event states.
    pub(super) async fn close(
        &mut self,
        connection: &mut PgConnection,
        recorded: &'b Recorded,
        event: &BooksEvent,
    ) -> Result<(), ProjectionError> {
        let close = periods::insert(connection, recorded, event).await?;
        let digest = periods::digest(connection, &close).await?;
        if digest != close.digest {
            let violation = Violation {
                rule: Rule::PeriodUnchanged,
                expected: close.digest.clone(),
                found: digest,
            };
            self.violations.add(recorded, None, violation);
        }
        self.closes.push(close);
        Ok(())
    }

    /// Writes the rows gathered so far. Columns are unnested side by side in the list of what is selected: as a table
    /// (`FROM unnest(a, b, ..)`) each of them would be stored first, which takes a third longer.
    pub(super) async fn write(&mut self, connection: &mut PgConnection) -> Result<(), ProjectionError> {
        self.write_lines(connection).await?;
        self.write_accounts(connection).await?;
        self.write_ledgers(connection).await?;
        self.violations.write(connection).await?;
        Ok(())
    }

    async fn write_lines(&mut self, connection: &mut PgConnection) -> sqlx::Result<()> {
        let lines = std::mem::take(&mut self.lines);
        if lines.entry.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO journal (entry, line, log_xid, log_position, reseller_id, debit, credit, unit, amount,
                                  happened_at, known_at, period, late, event_type, command_id)
             SELECT unnest($1::bigint[]), unnest($2::int[]), unnest($3::bigint[]), unnest($4::bigint[]),
                    unnest($5::uuid[]), unnest($6::text[]), unnest($7::text[]), unnest($8::text[]),
                    unnest($9::bigint[]), unnest($10::timestamptz[]), unnest($11::timestamptz[]),
                    unnest($12::date[]), unnest($13::boolean[]), unnest($14::text[]), unnest($15::uuid[])",
        )
        .bind(lines.entry)
        .bind(lines.line)
        .bind(lines.log_xid)
        .bind(lines.log_position)
        .bind(lines.reseller_id)
        .bind(lines.debit)
        .bind(lines.credit)
        .bind(lines.unit)
        .bind(lines.amount)
        .bind(lines.happened_at)
        .bind(lines.known_at)
        .bind(lines.period)
        .bind(lines.late)
        .bind(lines.event_type)
        .bind(lines.command_id)
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn write_accounts(&mut self, connection: &mut PgConnection) -> sqlx::Result<()> {
        let mut turnover: Vec<_> = std::mem::take(&mut self.turnover).into_iter().collect();
        if turnover.is_empty() {
            return Ok(());
        }
        // In the order of the table's index: neighbours are written one after the other, and two writers never wait
        // for each other.
        turnover.sort_unstable_by_key(|(account, _)| *account);
        let (mut resellers, mut accounts, mut units) = (Vec::new(), Vec::<&'static str>::new(), Vec::new());
        let (mut debits, mut credits) = (Vec::new(), Vec::new());
        for ((reseller_id, account, unit), sums) in turnover {
            resellers.push(reseller_id);
            accounts.push(account.into());
            units.push(unit);
            debits.push(sums.debits);
            credits.push(sums.credits);
        }
        sqlx::query(
            "INSERT INTO ledger_accounts AS a (reseller_id, account, unit, debits, credits)
             SELECT unnest($1::uuid[]), unnest($2::text[]), unnest($3::text[]), unnest($4::bigint[]),
                    unnest($5::bigint[])
             ON CONFLICT (reseller_id, account, unit) DO UPDATE
             SET debits = a.debits + excluded.debits, credits = a.credits + excluded.credits",
        )
        .bind(resellers)
        .bind(accounts)
        .bind(units)
        .bind(debits)
        .bind(credits)
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Every reseller that was loaded or met is written: the batch touches them all.
    async fn write_ledgers(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        if self.known.is_empty() {
            return Ok(());
        }
        let (mut resellers, mut opened) = (Vec::new(), Vec::new());
        let (mut sequences, mut balances, mut credit_lines) = (Vec::new(), Vec::new(), Vec::new());
        let mut ledgers: Vec<_> = self.known.iter().collect();
        ledgers.sort_unstable_by_key(|(reseller_id, _)| **reseller_id);
        for (reseller_id, known) in ledgers {
            resellers.push(*reseller_id);
            opened.push(known.opened_at);
            sequences.push(known.state.sequence);
            balances.push(known.state.balance);
            credit_lines.push(known.state.credit_line);
        }
        sqlx::query(
            "INSERT INTO ledgers (reseller_id, opened_at, sequence, balance, credit_line)
             SELECT unnest($1::uuid[]), unnest($2::timestamptz[]), unnest($3::bigint[]), unnest($4::bigint[]),
                    unnest($5::bigint[])
             ON CONFLICT (reseller_id) DO UPDATE
             SET opened_at = excluded.opened_at, sequence = excluded.sequence, balance = excluded.balance,
                 credit_line = excluded.credit_line",
        )
        .bind(resellers)
        .bind(opened)
        .bind(sequences)
        .bind(balances)
        .bind(credit_lines)
        .execute(connection)
        .await?;
        Ok(())
    }
}
