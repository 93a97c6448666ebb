//! Folds a batch of movements in memory and writes its rows by a few statements.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::credit_account::{CreditAccountEvent, LOT_OF_NO_LOT, Movement, MovementKind, Share};
use sqlx::PgConnection;
use store::Recorded;
use uuid::Uuid;

use crate::columns::column;
use crate::projection::{ProjectionError, stored, stream_id};

#[derive(Default)]
struct Account {
    /// The last one that the batch states.
    balance: Option<i64>,
    /// What the batch adds.
    held: i64,
    credit_line: Option<i64>,
    thresholds: Option<Vec<i64>>,
}

struct Lot<'b> {
    terms: Share,
    /// What the batch adds.
    added: i64,
    opened_at: DateTime<Utc>,
    opened_by: Option<Opening<'b>>,
}

/// The movement that made a lot.
#[derive(Clone, Copy)]
struct Opening<'b> {
    source: MovementKind,
    number: i64,
    peer_id: Option<Uuid>,
    pack: Option<Pack<'b>>,
}

#[derive(Clone, Copy)]
struct Pack<'b> {
    code: &'b str,
    list_version: Option<i64>,
    credits: i64,
    price_minor: i64,
    currency: &'b str,
}

/// What a reservation becomes by an event.
struct Hold<'b> {
    reseller_id: Uuid,
    reservation_id: Uuid,
    event: &'b CreditAccountEvent,
    at: DateTime<Utc>,
}

/// The rows that a batch changes.
#[derive(Default)]
pub(super) struct Fold<'b> {
    accounts: HashMap<Uuid, Account>,
    lots: HashMap<(Uuid, u64), Lot<'b>>,
    holds: Vec<Hold<'b>>,
    alerts: Vec<(&'b Recorded, Uuid, i64, i64)>,
}

impl<'b> Fold<'b> {
    /// Takes the next event of a credit account.
    pub(super) fn take(
        &mut self,
        recorded: &'b Recorded,
        event: &'b CreditAccountEvent,
    ) -> Result<(), ProjectionError> {
        let reseller_id = stream_id(recorded)?;
        let account = self.accounts.entry(reseller_id).or_default();
        if let Some(movement) = event.movement() {
            account.balance = Some(movement.balance_after.0);
            if let Some(id) = movement.reservation_id {
                let released_or_captured = movement.credits.0.saturating_neg();
                account.held += if movement.kind == MovementKind::Reservation {
                    movement.credits.0
                } else {
                    released_or_captured
                };
                self.holds.push(Hold {
                    reseller_id,
                    reservation_id: id.0,
                    event,
                    at: recorded.happened_at(),
                });
            }
            return self.take_lots(recorded, reseller_id, event, &movement);
        }
        if let CreditAccountEvent::CreditLineSet { limit, .. } = event {
            account.credit_line = Some(limit.0);
        } else if let CreditAccountEvent::LowCreditAlertsSet { thresholds } = event {
            account.thresholds = Some(column(thresholds, |threshold| threshold.0));
        } else if let CreditAccountEvent::LowCreditReached { threshold, balance } = event {
            self.alerts.push((recorded, reseller_id, threshold.0, balance.0));
        }
        Ok(())
    }

    fn take_lots(
        &mut self,
        recorded: &'b Recorded,
        reseller_id: Uuid,
        event: &'b CreditAccountEvent,
        movement: &Movement<'_>,
    ) -> Result<(), ProjectionError> {
        // What is captured was taken from its lots when it was reserved.
        if movement.amount.0 == 0 {
            return Ok(());
        }
        let opening = opening(recorded, event, movement)?;
        for share in movement.shares().iter().filter(|share| share.credits.0 > 0) {
            let lot = self.lots.entry((reseller_id, share.lot)).or_insert_with(|| Lot {
                terms: *share,
                added: 0,
                opened_at: recorded.happened_at(),
                opened_by: opening.filter(|_| share.lot != LOT_OF_NO_LOT),
            });
            lot.terms = *share;
            lot.added += movement.amount.0.signum() * share.credits.0;
        }
        Ok(())
    }

    /// Writes the rows gathered.
    pub(super) async fn write(self, connection: &mut PgConnection) -> Result<(), ProjectionError> {
        write_accounts(connection, &self.accounts).await?;
        write_lots(connection, self.lots).await?;
        for hold in &self.holds {
            hold.write(connection).await?;
        }
        write_alerts(connection, &self.alerts).await?;
        Ok(())
    }
}

/// `None` where the movement makes no lots but fills some that were there.
fn opening<'b>(
    recorded: &Recorded,
    event: &'b CreditAccountEvent,
    movement: &Movement<'_>,
) -> Result<Option<Opening<'b>>, ProjectionError> {
    let makes = match movement.kind {
        MovementKind::Purchase | MovementKind::Bonus | MovementKind::Adjustment | MovementKind::Transfer => {
            movement.amount.0 > 0
        }
        MovementKind::Debit
        | MovementKind::Refund
        | MovementKind::Expiry
        | MovementKind::Reversal
        | MovementKind::Reservation
        | MovementKind::Release
        | MovementKind::Capture => false,
    };
    if !makes {
        return Ok(None);
    }
    let pack = if let CreditAccountEvent::CreditsPurchased {
        pack_code,
        credits,
        price,
        listed,
        ..
    } = event
    {
        let version = listed.as_ref().map(|listed| stored(recorded, listed.version));
        Some(Pack {
            code: pack_code,
            list_version: version.transpose()?,
            credits: credits.0,
            price_minor: price.amount_minor,
            currency: &price.currency,
        })
    } else {
        None
    };
    Ok(Some(Opening {
        source: movement.kind,
        number: recorded.sequence,
        peer_id: movement.peer.map(|peer| peer.0),
        pack,
    }))
}

async fn write_accounts(
    connection: &mut PgConnection,
    accounts: &HashMap<Uuid, Account>,
) -> sqlx::Result<()> {
    if accounts.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = accounts.iter().collect();
    sqlx::query(
        "INSERT INTO credit_accounts (reseller_id, balance, held)
         SELECT reseller_id, 0, 0 FROM unnest($1::uuid[]) AS reseller_id
         ON CONFLICT (reseller_id) DO NOTHING",
    )
    .bind(column(&rows, |(id, _)| **id))
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE credit_accounts AS a
         SET balance = coalesce(n.balance, a.balance), held = a.held + n.held,
             credit_line = coalesce(n.credit_line, a.credit_line)
         FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[])
              AS n (reseller_id, balance, held, credit_line)
         WHERE a.reseller_id = n.reseller_id",
    )
    .bind(column(&rows, |(id, _)| **id))
    .bind(column(&rows, |(_, account)| account.balance))
    .bind(column(&rows, |(_, account)| account.held))
    .bind(column(&rows, |(_, account)| account.credit_line))
    .execute(&mut *connection)
    .await?;
    for (reseller_id, account) in rows {
        if let Some(thresholds) = &account.thresholds {
            sqlx::query("UPDATE credit_accounts SET thresholds = $2 WHERE reseller_id = $1")
                .bind(reseller_id)
                .bind(thresholds)
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

async fn write_lots(connection: &mut PgConnection, lots: HashMap<(Uuid, u64), Lot<'_>>) -> sqlx::Result<()> {
    if lots.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = lots.into_iter().collect();
    let opened =
        |of: fn(&Opening<'_>) -> Option<i64>| column(&rows, |(_, lot)| lot.opened_by.as_ref().and_then(of));
    let pack = |of: fn(&Pack<'_>) -> Option<i64>| {
        column(&rows, |(_, lot)| {
            lot.opened_by.and_then(|by| by.pack).as_ref().and_then(of)
        })
    };
    let by_pack = |(_, lot): &((Uuid, u64), Lot<'_>)| {
        lot.opened_by
            .and_then(|by| by.pack.map(|pack| pack.code.to_owned()))
    };
    let in_currency = |(_, lot): &((Uuid, u64), Lot<'_>)| {
        lot.opened_by
            .and_then(|by| by.pack.map(|pack| pack.currency.to_owned()))
    };
    sqlx::query(
        "INSERT INTO credit_lots AS l (reseller_id, lot, promotional, expires_at, remaining, opened_at, source, number,
                                       peer_id, list_version, pack_credits, price_minor, pack_code, currency)
         SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::boolean[], $4::timestamptz[], $5::bigint[],
                              $6::timestamptz[], $7::text[], $8::bigint[], $9::uuid[], $10::bigint[], $11::bigint[],
                              $12::bigint[], $13::text[], $14::text[])
         ON CONFLICT (reseller_id, lot) DO UPDATE
         SET remaining = l.remaining + excluded.remaining, expires_at = excluded.expires_at",
    )
    .bind(column(&rows, |((reseller_id, _), _)| *reseller_id))
    .bind(column(&rows, |((_, number), _)| i64::try_from(*number).unwrap_or(i64::MAX)))
    .bind(column(&rows, |(_, lot)| lot.terms.promotional))
    .bind(column(&rows, |(_, lot)| lot.terms.expires_at))
    .bind(column(&rows, |(_, lot)| lot.added))
    .bind(column(&rows, |(_, lot)| lot.opened_at))
    .bind(column(&rows, |(_, lot)| lot.opened_by.map(|by| by.source.as_ref().to_owned())))
    .bind(opened(|by| Some(by.number)))
    .bind(column(&rows, |(_, lot)| lot.opened_by.and_then(|by| by.peer_id)))
    .bind(pack(|pack| pack.list_version))
    .bind(pack(|pack| Some(pack.credits)))
    .bind(pack(|pack| Some(pack.price_minor)))
    .bind(column(&rows, by_pack))
    .bind(column(&rows, in_currency))
    .execute(connection)
    .await?;
    Ok(())
}

impl Hold<'_> {
    async fn write(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        if let CreditAccountEvent::CreditsReserved {
            credits,
            tenant_id,
            note,
            expires_at,
            ..
        } = self.event
        {
            sqlx::query(
                "INSERT INTO credit_reservations (reseller_id, reservation_id, customer_id, held, captured, released,
                                                  expired, note, reserved_at, expires_at)
                 VALUES ($1, $2, $3, $4, 0, 0, false, $5, $6, $7)
                 ON CONFLICT (reseller_id, reservation_id) DO UPDATE
                 SET customer_id = excluded.customer_id, held = excluded.held, captured = 0, released = 0,
                     expired = false, note = excluded.note, reserved_at = excluded.reserved_at,
                     expires_at = excluded.expires_at",
            )
            .bind(self.reseller_id)
            .bind(self.reservation_id)
            .bind(tenant_id.map(|id| id.0))
            .bind(credits.0)
            .bind(note)
            .bind(self.at)
            .bind(expires_at)
            .execute(connection)
            .await?;
            return Ok(());
        }
        let (captured, released, over) =
            if let CreditAccountEvent::CreditsCaptured { credits, .. } = self.event {
                (credits.0, 0, false)
            } else if let CreditAccountEvent::CreditsReleased { credits, expired, .. } = self.event {
                (0, credits.0, *expired)
            } else {
                return Ok(());
            };
        sqlx::query(
            "UPDATE credit_reservations
             SET held = held - $3 - $4, captured = captured + $3, released = released + $4, expired = expired OR $5
             WHERE reseller_id = $1 AND reservation_id = $2",
        )
        .bind(self.reseller_id)
        .bind(self.reservation_id)
        .bind(captured)
        .bind(released)
        .bind(over)
        .execute(connection)
        .await?;
        Ok(())
    }
}

async fn write_alerts(
    connection: &mut PgConnection,
    alerts: &[(&Recorded, Uuid, i64, i64)],
) -> sqlx::Result<()> {
    if alerts.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO credit_alerts (log_xid, log_position, reseller_id, threshold, balance, at)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::bigint[], $5::bigint[], $6::timestamptz[])",
    )
    .bind(column(alerts, |(recorded, ..)| recorded.position.xid))
    .bind(column(alerts, |(recorded, ..)| recorded.position.position))
    .bind(column(alerts, |(_, reseller_id, ..)| *reseller_id))
    .bind(column(alerts, |(_, _, threshold, _)| *threshold))
    .bind(column(alerts, |(.., balance)| *balance))
    .bind(column(alerts, |(recorded, ..)| recorded.happened_at()))
    .execute(connection)
    .await?;
    Ok(())
}
