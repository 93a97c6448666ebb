//! What holds after any list of commands.

use std::collections::HashMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use chrono::TimeDelta;
use cqrs_es::Aggregate as _;
use cqrs_es::event_sink::EventSink;
use proptest::prelude::*;

use super::*;
use crate::ledger::{Account, AccountState, CreditIdentity, Entry, TrialBalance, entry};

/// A step of a random life. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Step {
    Purchase(i64, Option<i64>),
    Debit(i64),
    Adjust(AdjustmentKind, i64),
    Refund(usize, Option<i64>),
    Reverse(usize),
    Give(i64),
    Receive(i64),
    Reserve(u128, i64, i64),
    Release(u128),
    Capture(u128, Option<i64>),
    CreditLine(i64),
    Alerts(Vec<i64>),
    /// Days go by.
    Wait(i64),
}

fn any_credits() -> impl Strategy<Value = i64> {
    prop_oneof![
        12 => 1..200_i64,
        1 => -20..=0_i64,
        1 => Just(CREDITS_PER_COMMAND_MAX),
        1 => any::<i64>(),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![Just(AdjustmentKind::Bonus), Just(AdjustmentKind::Adjustment)];
    let some_id = 0..4_u128;
    prop_oneof![
        4 => (any_credits(), proptest::option::of(1..20_i64)).prop_map(|(credits, days)| Step::Purchase(credits, days)),
        6 => any_credits().prop_map(Step::Debit),
        2 => (kind, any_credits()).prop_map(|(kind, credits)| Step::Adjust(kind, credits)),
        3 => (any::<usize>(), proptest::option::of(1..50_i64)).prop_map(|(of, credits)| Step::Refund(of, credits)),
        4 => any::<usize>().prop_map(Step::Reverse),
        2 => any_credits().prop_map(Step::Give),
        2 => any_credits().prop_map(Step::Receive),
        3 => (some_id.clone(), 1..80_i64, 1..20_i64).prop_map(|(id, credits, days)| Step::Reserve(id, credits, days)),
        1 => some_id.clone().prop_map(Step::Release),
        2 => (some_id, proptest::option::of(1..80_i64)).prop_map(|(id, credits)| Step::Capture(id, credits)),
        1 => (0..300_i64).prop_map(Step::CreditLine),
        1 => prop::collection::vec(1..200_i64, 0..3).prop_map(Step::Alerts),
        2 => (1..10_i64).prop_map(Step::Wait),
    ]
}

/// An account, its log, and the time.
struct Life {
    account: CreditAccount,
    log: Vec<CreditAccountEvent>,
    at: DateTime<Utc>,
}

impl Life {
    fn begin() -> Self {
        let mut life = Self {
            account: CreditAccount::default(),
            log: Vec::new(),
            at: noon(),
        };
        run(&mut life.account, CreditAccountCommand::Open).unwrap();
        life.log.push(opened());
        life
    }

    fn past(&self, choice: usize) -> Box<Past> {
        let place = choice % self.log.len();
        Box::new(Past {
            number: u64::try_from(place + 1).unwrap(),
            event: self.log[place].clone(),
        })
    }

    fn command(&self, step: Step) -> CreditAccountCommand {
        let at = self.at;
        let note = || "random".to_owned();
        let transfer = || Transfer {
            peer: ResellerId(Uuid::from_u128(7)),
            peer_movement: 2,
            note: note(),
        };
        match step {
            Step::Purchase(credits, days) => {
                let expires_at = days.map(|days| at + TimeDelta::days(days));
                let mut command = purchase_until(credits, expires_at, None);
                if let CreditAccountCommand::Purchase { at: given_at, .. } = &mut command {
                    *given_at = at;
                }
                command
            }
            Step::Debit(credits) => CreditAccountCommand::Debit {
                credits: Credits(credits),
                tenant_id: CUSTOMER,
                purpose: DebitPurpose::Extension,
                at,
            },
            Step::Adjust(kind, credits) => CreditAccountCommand::Adjust {
                kind,
                credits: Credits(credits),
                expires_at: None,
                note: note(),
                at,
            },
            Step::Refund(of, credits) => CreditAccountCommand::Refund {
                debit: self.past(of),
                credits: credits.map(Credits),
                note: note(),
                at,
            },
            Step::Reverse(of) => CreditAccountCommand::Reverse {
                movement: self.past(of),
                note: note(),
                at,
            },
            Step::Give(credits) => CreditAccountCommand::Give {
                transfer: transfer(),
                credits: Credits(credits),
                at,
            },
            Step::Receive(credits) => CreditAccountCommand::Receive {
                transfer: transfer(),
                gift: vec![free(9, credits.clamp(1, 100)), share(4, 1)],
                at,
            },
            Step::Reserve(id, credits, days) => reserve(id, credits, at, days),
            Step::Release(id) => CreditAccountCommand::Release {
                reservation_id: ReservationId(Uuid::from_u128(id)),
                at,
            },
            Step::Capture(id, credits) => capture(id, credits, at),
            Step::CreditLine(limit) => credit_line(limit, at),
            Step::Alerts(thresholds) => CreditAccountCommand::SetAlerts {
                thresholds: thresholds.into_iter().map(Credits).collect(),
                at,
            },
            Step::Wait(_) => CreditAccountCommand::ExpireDue { at },
        }
    }

    fn live(&mut self, step: Step) -> Vec<CreditAccountEvent> {
        if let Step::Wait(days) = step {
            self.at += TimeDelta::days(days);
        }
        let command = self.command(step);
        let events = run(&mut self.account, command).unwrap_or_default();
        self.log.extend(events.iter().cloned());
        events
    }
}

fn reserve(id: u128, credits: i64, at: DateTime<Utc>, days: i64) -> CreditAccountCommand {
    CreditAccountCommand::Reserve {
        wanted: NewReservation {
            reservation_id: ReservationId(Uuid::from_u128(id)),
            credits: Credits(credits),
            tenant_id: None,
            expires_at: at + TimeDelta::days(days),
            note: "random".to_owned(),
        },
        at,
    }
}

fn capture(id: u128, credits: Option<i64>, at: DateTime<Utc>) -> CreditAccountCommand {
    CreditAccountCommand::Capture {
        reservation_id: ReservationId(Uuid::from_u128(id)),
        credits: credits.map(Credits),
        note: "random".to_owned(),
        at,
    }
}

fn credit_line(limit: i64, at: DateTime<Utc>) -> CreditAccountCommand {
    CreditAccountCommand::SetCreditLine {
        limit: Credits(limit),
        reason: "random".to_owned(),
        at,
    }
}

/// Runs a command the way the store does. Deciding waits for nothing, so one poll is enough.
fn run(
    account: &mut CreditAccount,
    command: CreditAccountCommand,
) -> Result<Vec<CreditAccountEvent>, CreditAccountError> {
    let sink = EventSink::default();
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(handled) = pin!(account.handle(command, &(), &sink)).poll(&mut context) else {
        panic!("a decision waited for something");
    };
    handled?;
    let Poll::Ready(events) = pin!(sink.collect()).poll(&mut context) else {
        panic!("the events of a decision waited for something");
    };
    Ok(events)
}

fn stored(account: &CreditAccount) -> serde_json::Value {
    serde_json::to_value(account).unwrap()
}

fn any_life() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(any_step(), 1..60)
}

proptest! {
    #[test]
    fn lots_sum_to_the_balance_and_nothing_passes_the_floor(steps in any_life()) {
        let mut life = Life::begin();
        for step in steps {
            life.live(step.clone());
            let account = &life.account;
            let (lots, debt) = (account.lots.total().0, account.debt());
            prop_assert!(account.balance.0 >= -account.credit_line.0, "{step:?}");
            prop_assert!(debt >= 0 && (debt == 0 || lots == 0), "{step:?}: {account:?}");
            prop_assert!(account.lots().iter().all(|share| share.credits.0 > 0), "{account:?}");
            prop_assert!(account.lots().is_sorted_by(|one, next| one.order(next).is_lt()));
        }
    }

    /// Every credit is in exactly one place after each event, and the ledger finds nothing to complain about.
    #[test]
    fn the_ledgers_identity_holds_after_each_event(steps in any_life()) {
        let mut life = Life::begin();
        let (mut state, mut balance) = (AccountState::default(), TrialBalance::default());
        state.take(1, &entry(&opened()));
        for step in steps {
            for event in life.live(step) {
                let entry = entry(&event);
                prop_assert_eq!(state.take(state.sequence + 1, &entry), vec![], "{:?}", event);
                if let Entry::Movement { lines, .. } = &entry {
                    for line in lines {
                        balance.post(ResellerId(Uuid::nil()), line).unwrap();
                    }
                }
            }
            let identity = CreditIdentity::of(&balance.totals().unwrap());
            prop_assert!(identity.holds(), "{:?}", identity);
            prop_assert_eq!(identity.available, life.account.balance().0);
            prop_assert_eq!(identity.held, life.account.held().0);
        }
    }

    #[test]
    fn no_debit_returns_more_than_it_took(steps in any_life()) {
        let mut life = Life::begin();
        for step in steps {
            life.live(step);
        }
        let mut returned = HashMap::<u64, i64>::new();
        for event in &life.log {
            if let CreditAccountEvent::CreditsRefunded { debit, credits, .. } = event {
                *returned.entry(*debit).or_default() += credits.0;
            } else if let CreditAccountEvent::CreditsReversed { movement, reversed, credits, debit, .. } = event {
                if let Some(debit) = debit {
                    *returned.entry(*debit).or_default() += credits.0;
                } else if matches!(reversed, MovementKind::Debit | MovementKind::Capture) {
                    *returned.entry(*movement).or_default() += credits.0;
                }
            }
        }
        for (number, returned) in returned {
            let debited = life.log[usize::try_from(number).unwrap() - 1].movement().unwrap().credits.0;
            prop_assert!((0..=debited).contains(&returned), "{number}: {returned} of {debited}");
        }
    }

    #[test]
    fn a_reversal_at_once_restores_the_lots_exactly(steps in any_life(), last in any_step()) {
        let mut life = Life::begin();
        for step in steps {
            life.live(step);
        }
        life.live(Step::Wait(1));
        let before = (life.account.lots.clone(), life.account.balance);
        let events = life.live(last);
        if let [event] = &events[..]
            // What has expired comes back for a while, with a later end; what was captured is not held again.
            && event.movement().is_some_and(|movement| {
                !matches!(movement.kind, MovementKind::Expiry | MovementKind::Capture)
            })
            && !life.live(Step::Reverse(life.log.len() - 1)).is_empty()
        {
            prop_assert_eq!((life.account.lots.clone(), life.account.balance), before, "{:?}", event);
        }
    }

    #[test]
    fn a_refused_command_changes_nothing(steps in any_life()) {
        let mut life = Life::begin();
        for step in steps {
            let before = stored(&life.account);
            if life.live(step).is_empty() {
                prop_assert_eq!(stored(&life.account), before);
            }
        }
    }

    #[test]
    fn an_account_read_back_from_its_events_is_the_same(steps in any_life()) {
        let mut life = Life::begin();
        for step in steps {
            life.live(step);
        }
        let mut read_back = CreditAccount::default();
        for event in life.log {
            let text = serde_json::to_string(&event).unwrap();
            read_back.apply(serde_json::from_str(&text).unwrap());
        }
        prop_assert_eq!(stored(&read_back), stored(&life.account));
    }

    #[test]
    fn a_debit_is_accepted_exactly_when_the_balance_covers_it(balance in 1..500_i64, credits in 1..500_i64) {
        let mut account = CreditAccount::default();
        for event in holding(balance) {
            account.apply(event);
        }
        let expected = if credits <= balance {
            Ok(vec![debited(credits, balance - credits)])
        } else {
            Err(insufficient(credits, balance))
        };
        prop_assert_eq!(run(&mut account, debit(credits)), expected);
    }
}

#[test]
fn every_kind_of_movement_says_where_its_credits_come_from_and_go_to() {
    let reserved = CreditAccountEvent::CreditsReserved {
        reservation_id: ReservationId(Uuid::nil()),
        credits: Credits(5),
        tenant_id: None,
        note: "x".to_owned(),
        expires_at: noon(),
        balance_after: Credits(0),
        lots: vec![],
    };
    let Entry::Movement { lines, .. } = entry(&reserved) else {
        panic!("a reservation moves credits");
    };
    assert_eq!(
        (lines[0].debit, lines[0].credit),
        (Account::Held, Account::Available)
    );
}
