//! Credit lines: how far below zero an account may go, and how it comes back.

use super::*;

fn set(limit: i64) -> CreditAccountCommand {
    CreditAccountCommand::SetCreditLine {
        limit: Credits(limit),
        reason: "trusted".to_owned(),
        at: noon(),
    }
}

fn line(limit: i64) -> CreditAccountEvent {
    CreditAccountEvent::CreditLineSet {
        limit: Credits(limit),
        reason: "trusted".to_owned(),
    }
}

/// 10 credits and a line of 50.
fn trusted() -> Vec<CreditAccountEvent> {
    let mut events = holding(10);
    events.push(line(50));
    events
}

#[test]
fn an_account_goes_down_to_its_credit_line_and_no_further() {
    given(holding(10))
        .when(set(50))
        .then_expect_events(vec![line(50)]);
    given(trusted()).when(set(50)).then_expect_events(vec![]);
    given(trusted())
        .when(debit(60))
        .then_expect_events(vec![with_lots(debited(60, -50), vec![share(1, 10)])]);
    refused(trusted(), debit(61), insufficient(61, 60));
}

#[test]
fn what_comes_in_pays_the_credit_line_back_first() {
    let mut events = trusted();
    events.push(with_lots(debited(60, -50), vec![share(1, 10)]));
    given(events.clone())
        .when(purchase(80, None))
        .then_expect_events(vec![with_lots(purchased(80, None, 30), vec![share(2, 30)])]);
    given(events)
        .when(purchase(40, None))
        .then_expect_events(vec![purchased(40, None, -10)]);
}

#[test]
fn a_credit_line_in_use_is_not_taken_away() {
    let mut events = trusted();
    events.push(with_lots(debited(40, -30), vec![share(1, 10)]));
    let in_use = CreditAccountError::CreditLineInUse {
        needed: Credits(30),
        available: Credits(29),
    };
    refused(events.clone(), set(29), in_use);
    given(events).when(set(30)).then_expect_events(vec![line(30)]);
    for limit in [-1, CREDITS_PER_COMMAND_MAX + 1, i64::MIN] {
        refused(holding(1), set(limit), CreditAccountError::InvalidCreditLine);
    }
    let silent = CreditAccountCommand::SetCreditLine {
        limit: Credits(1),
        reason: " ".to_owned(),
        at: noon(),
    };
    refused(holding(1), silent, CreditAccountError::InvalidNote);
}
