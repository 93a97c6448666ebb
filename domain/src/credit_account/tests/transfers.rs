//! Transfers between two accounts: each side keeps the terms of the lots.

use super::*;

const OTHER: ResellerId = ResellerId(Uuid::from_u128(7));

fn with_other(peer_movement: u64) -> Transfer {
    Transfer {
        peer: OTHER,
        peer_movement,
        note: "start".to_owned(),
    }
}

fn account(events: Vec<CreditAccountEvent>) -> CreditAccount {
    let mut account = CreditAccount::default();
    for event in events {
        account.evolve(event);
    }
    account
}

#[test]
fn a_transfer_takes_lots_by_their_order_and_opens_them_on_the_other_side() {
    let mut events = holding(100);
    events.push(with_lots(
        adjusted(AdjustmentKind::Bonus, 20, 120),
        vec![free(2, 20)],
    ));
    let giver = account(events.clone());
    let gift = giver.gift(Credits(50), noon()).unwrap();
    assert_eq!(gift, [free(2, 20), share(1, 30)]);
    assert_eq!(giver.next_movement(noon()), 4);
    let give = CreditAccountCommand::Give {
        transfer: with_other(3),
        credits: Credits(50),
        at: noon(),
    };
    given(events)
        .when(give)
        .then_expect_events(vec![CreditAccountEvent::CreditsTransferredOut {
            to: OTHER,
            peer_movement: 3,
            credits: Credits(50),
            note: "start".to_owned(),
            balance_after: Credits(70),
            lots: gift.clone(),
        }]);
    let receive = |gift| CreditAccountCommand::Receive {
        transfer: with_other(4),
        gift,
        at: noon(),
    };
    given(holding(5)).when(receive(gift)).then_expect_events(vec![
        CreditAccountEvent::CreditsTransferredIn {
            from: OTHER,
            peer_movement: 4,
            credits: Credits(50),
            note: "start".to_owned(),
            balance_after: Credits(55),
            lots: vec![free(2, 20), share(3, 30)],
        },
    ]);
    refused(holding(5), receive(vec![]), CreditAccountError::InvalidAmount);
}

#[test]
fn a_credit_line_is_not_given_away() {
    let mut events = holding(10);
    events.push(CreditAccountEvent::CreditLineSet {
        limit: Credits(50),
        reason: "trusted".to_owned(),
    });
    assert_eq!(
        account(events).gift(Credits(11), noon()),
        Err(insufficient(11, 10))
    );
    let closed = CreditAccount::default().gift(Credits(1), noon());
    assert_eq!(closed, Err(CreditAccountError::CreditAccountNotFound));
}
