//! What is to be done later is done once, whoever is killed and whoever else wants to do it.

use chrono::{DateTime, TimeDelta, Utc};
use commands::WriteSide;
use commands::credits::Adjustment;
use commands::error::CommandError;
use commands::timers::{Handling, Kind, carry_out_due, cause};
use domain::credit_account::{AdjustmentKind, CreditAccount};
use domain::credits::Credits;
use domain::ids::ResellerId;
use futures::FutureExt;
use futures::future::{join, pending};
use serde_json::json;
use server::{Parts, Role};
use store::timers::{self, Timer, Waiting};
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use tests::TestApp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Gives the account that the timer names a credit.
const CREDIT: Kind = Kind {
    name: "test_credit",
    handle: |write, timer| Box::pin(credit(write, timer)),
};
/// Does the same, and never says so: the process is killed before it can.
const CREDIT_AND_DIE: Kind = Kind {
    name: "test_credit",
    handle: |write, timer| -> Handling<'_> {
        Box::pin(async move {
            credit(write, timer).await?;
            pending().await
        })
    },
};
const FAIL: Kind = Kind {
    name: "test_credit",
    handle: |_, _| Box::pin(async { Err(CommandError::internal("the store does not answer")) }),
};

async fn credit(write: &WriteSide, timer: &Waiting) -> Result<(), CommandError> {
    let account: Uuid = serde_json::from_value(timer.payload.clone())?;
    let cause = cause(write, timer, "credit");
    let one = Adjustment {
        kind: AdjustmentKind::Bonus,
        credits: Credits(1),
        expires_at: None,
        note: "due".to_owned(),
    };
    commands::credits::adjust(write, &cause, ResellerId(account), one).await?;
    Ok(())
}

struct Scene {
    app: TestApp,
    write: WriteSide,
    account: Uuid,
}

impl Scene {
    async fn new() -> Self {
        let app = TestApp::with(&[Role::Commands], |_| {}).await;
        let admin = app.admin().await;
        let account = app.reseller_with(&admin, 0).await.id.parse().unwrap();
        Self {
            write: app.parts.write_side(),
            app,
            account,
        }
    }

    /// Another process on the same log, with the same clock.
    async fn other_process(&self) -> WriteSide {
        let clock = self.app.parts.clock.clone();
        let stop = CancellationToken::new();
        let parts = Parts::open(self.app.config.clone(), clock, &stop).await.unwrap();
        parts.write_side()
    }

    fn cause(&self) -> Cause {
        Cause {
            command_id: Uuid::now_v7(),
            fingerprint: vec![1],
            actor: None,
            owner: Owner::PLATFORM,
            at: self.write.clock.now(),
            happened_at: None,
            comment: None,
        }
    }

    async fn run(&self, change: impl Fn(&mut UnitOfWork<'_>)) {
        let decide = async |unit: &mut UnitOfWork<'_>| {
            change(unit);
            Ok(())
        };
        self.write.bus.run(&self.cause(), decide).await.unwrap();
    }

    async fn set(&self, key: &str, due_at: DateTime<Utc>) {
        let timer = Timer {
            key: key.to_owned(),
            kind: CREDIT.name,
            due_at,
            payload: json!(self.account),
        };
        self.run(|unit| timers::set(unit, timer.clone())).await;
    }

    fn in_days(&self, days: i64) -> DateTime<Utc> {
        self.write.clock.now() + TimeDelta::days(days)
    }

    fn days_pass(&self, days: i64) {
        self.write.clock.advance(TimeDelta::days(days));
    }

    async fn balance(&self) -> i64 {
        let mut connection = self.write.pool.acquire().await.unwrap();
        let account = store::load::load::<CreditAccount>(&mut connection, &self.account.to_string()).await;
        account.unwrap().state.balance().0
    }

    async fn waiting(&self) -> Vec<Waiting> {
        let mut connection = self.write.pool.acquire().await.unwrap();
        timers::list(&mut connection, 100).await.unwrap()
    }
}

#[actix_web::test]
async fn a_timer_is_carried_out_when_it_is_due_and_not_before() {
    let scene = Scene::new().await;
    scene.set("credit/a", scene.in_days(3)).await;
    assert_eq!(carry_out_due(&scene.write, &[CREDIT]).await.unwrap(), 0);
    scene.days_pass(3);
    assert_eq!(carry_out_due(&scene.write, &[CREDIT]).await.unwrap(), 1);
    assert_eq!(scene.balance().await, 1);
    assert!(scene.waiting().await.is_empty());
    assert_eq!(carry_out_due(&scene.write, &[CREDIT]).await.unwrap(), 0);
}

#[actix_web::test]
async fn two_processes_carry_out_each_of_many_timers_once() {
    let scene = Scene::new().await;
    let other = scene.other_process().await;
    for number in 0..100 {
        scene.set(&format!("credit/{number}"), scene.in_days(1)).await;
    }
    scene.days_pass(2);
    let drain = async |write: &WriteSide| {
        let mut taken = 0;
        while carry_out_due(write, &[CREDIT])
            .await
            .map(|count| taken += count)
            .is_ok()
        {
            if scene.waiting().await.is_empty() {
                break;
            }
        }
        taken
    };
    let (ours, theirs) = join(drain(&scene.write), drain(&other)).await;
    assert_eq!((scene.balance().await, ours + theirs), (100, 100));
}

#[actix_web::test]
async fn a_process_that_dies_after_its_append_does_no_harm() {
    let scene = Scene::new().await;
    scene.set("credit/a", scene.in_days(1)).await;
    scene.days_pass(1);
    // Killed as soon as the credit is there, before the timer is gone.
    let killed = carry_out_due(&scene.write, &[CREDIT_AND_DIE]);
    let appended = async {
        while scene.balance().await == 0 {
            tokio::task::yield_now().await;
        }
    };
    futures::future::select(killed.boxed_local(), appended.boxed_local()).await;
    let other = scene.other_process().await;
    assert_eq!(carry_out_due(&other, &[CREDIT]).await.unwrap(), 0, "it is leased");
    scene.days_pass(1);
    assert_eq!(carry_out_due(&other, &[CREDIT]).await.unwrap(), 1);
    assert_eq!(scene.balance().await, 1);
    assert!(scene.waiting().await.is_empty());
}

#[actix_web::test]
async fn a_cancelled_timer_is_never_carried_out() {
    let scene = Scene::new().await;
    scene.set("credit/a", scene.in_days(1)).await;
    scene
        .run(|unit| timers::cancel(unit, "credit/a".to_owned()))
        .await;
    scene.days_pass(2);
    assert_eq!(carry_out_due(&scene.write, &[CREDIT]).await.unwrap(), 0);
    assert_eq!(scene.balance().await, 0);
}

#[actix_web::test]
async fn a_timer_that_is_set_again_is_due_at_the_new_time_and_counts_anew() {
    let scene = Scene::new().await;
    scene.set("credit/a", scene.in_days(1)).await;
    scene.set("credit/a", scene.in_days(5)).await;
    scene.days_pass(2);
    assert_eq!(carry_out_due(&scene.write, &[CREDIT]).await.unwrap(), 0);
    scene.days_pass(3);
    assert_eq!(carry_out_due(&scene.write, &[CREDIT]).await.unwrap(), 1);
    // The same key, for the same instant, by another command: it is another timer.
    scene.set("credit/a", scene.in_days(0)).await;
    assert_eq!(carry_out_due(&scene.write, &[CREDIT]).await.unwrap(), 1);
    assert_eq!(scene.balance().await, 2);
}

#[actix_web::test]
async fn a_command_that_is_refused_sets_no_timer() {
    let scene = Scene::new().await;
    let due_at = scene.in_days(1);
    let (cause, payload) = (scene.cause(), json!(scene.account));
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let timer = Timer {
            key: "credit/a".to_owned(),
            kind: CREDIT.name,
            due_at,
            payload: payload.clone(),
        };
        timers::set(unit, timer);
        let debit = domain::credit_account::CreditAccountCommand::Adjust {
            kind: AdjustmentKind::Adjustment,
            credits: Credits(-1),
            expires_at: None,
            note: "there is none".to_owned(),
            at: cause.at,
        };
        let owner = Owner::reseller(ResellerId(scene.account));
        unit.execute::<CreditAccount>(owner, &scene.account.to_string(), debit)
            .await?;
        Ok(())
    };
    scene.write.bus.run(&cause, decide).await.unwrap_err();
    assert!(scene.waiting().await.is_empty());
}

#[actix_web::test]
async fn one_that_fails_stays_with_its_reason_and_is_tried_again_later() {
    let scene = Scene::new().await;
    scene.set("credit/a", scene.in_days(0)).await;
    assert_eq!(carry_out_due(&scene.write, &[FAIL]).await.unwrap(), 1);
    let waiting = &scene.waiting().await[0];
    assert_eq!(waiting.attempts, 1);
    assert!(waiting.last_error.as_deref().unwrap().contains("does not answer"));
    assert_eq!(
        carry_out_due(&scene.write, &[CREDIT]).await.unwrap(),
        0,
        "not yet"
    );
    scene.days_pass(1);
    assert_eq!(carry_out_due(&scene.write, &[CREDIT]).await.unwrap(), 1);
    assert_eq!(scene.balance().await, 1);
}

#[actix_web::test]
async fn a_kind_that_this_program_does_not_know_is_left_to_others() {
    let scene = Scene::new().await;
    scene.set("credit/a", scene.in_days(0)).await;
    assert_eq!(carry_out_due(&scene.write, &[]).await.unwrap(), 0);
    assert_eq!(scene.waiting().await[0].attempts, 0);
}
