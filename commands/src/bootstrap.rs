//! What an installation starts with: the first price list, the founding tiers and permission templates, and the demo.
//!
//! Every step is a command with a fixed id, so that running it again changes nothing, not even what people
//! have changed since.

use domain::credit_account::{CreditAccount, CreditAccountCommand};
use domain::credits::{Credits, Money};
use domain::hierarchy::Limits;
use domain::ids::{HOUSE, PLATFORM, ResellerId};
use domain::permission_templates;
use domain::price_list::PriceListCommand;
use domain::reseller::{Reseller, ResellerCommand};
use domain::tier::Tier;
use domain::tier_list::founding;
use domain::user::{Home, Role, User};
use platform::Scope;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use store::unit_of_work::{Cause, Owner, UnitOfWork};
use store::{append, load};
use uuid::Uuid;

use crate::WriteSide;
use crate::credits::{Sale, prices, sell_pack};
use crate::error::CommandError;
use crate::resellers::{NewReseller, Registered};
use crate::{customers, people, permissions, resellers, tiers};

/// The packs that the price list begins with: code, name, credits, price in US cents.
const FIRST_PACKS: [(&str, &str, i64, i64); 3] = [
    ("starter", "Starter", 900, 5_000),
    ("business", "Business", 3_600, 18_000),
    ("enterprise", "Enterprise", 10_800, 50_000),
];

pub const DEMO_PASSWORD: &str = "stentor-demo";
pub const DEMO_ADMIN: &str = "admin@demo.test";
pub const DEMO_RESELLER: &str = "reseller@demo.test";
pub const DEMO_CUSTOMER: &str = "customer@demo.test";

fn cause(write: &WriteSide, step: &str) -> Cause {
    let name = format!("bootstrap {step}");
    Cause {
        command_id: Uuid::new_v5(&PLATFORM, name.as_bytes()),
        fingerprint: Sha256::digest(name.as_bytes()).to_vec(),
        actor: None,
        owner: Owner::PLATFORM,
        at: write.clock.now(),
        happened_at: None,
        comment: None,
    }
}

/// Publishes the first price list, once.
///
/// # Errors
/// The database fails.
pub async fn price_list(write: &WriteSide) -> Result<(), CommandError> {
    for (code, name, credits, amount_minor) in FIRST_PACKS {
        let command = PriceListCommand::PublishPack {
            code: code.to_owned(),
            name: name.to_owned(),
            credits: Credits(credits),
            price: Money {
                amount_minor,
                currency: "USD".to_owned(),
            },
            valid_from: None,
            valid_until: None,
            at: write.clock.now(),
        };
        prices::change(write, &cause(write, &format!("pack {code}")), None, command).await?;
    }
    Ok(())
}

/// Publishes the founding tiers, once.
///
/// # Errors
/// The database fails.
pub async fn tiers(write: &WriteSide) -> Result<(), CommandError> {
    for (tier, terms) in founding::tiers() {
        let cause = cause(write, &format!("tier {tier}"));
        tiers::publish(write, &cause, tier, &terms, None).await?;
    }
    Ok(())
}

/// Publishes the founding permission templates, once.
///
/// # Errors
/// The database fails.
pub async fn permission_templates(write: &WriteSide) -> Result<(), CommandError> {
    for (code, name, granted) in permission_templates::founding::templates() {
        let cause = cause(write, &format!("permission template {code}"));
        permissions::publish(write, &cause, code, name, &granted).await?;
    }
    Ok(())
}

/// Founds the platform's own reseller, once. Those that were registered before there was a hierarchy hang below the
/// platform, beside it.
///
/// # Errors
/// The database fails.
pub async fn house(write: &WriteSide) -> Result<(), CommandError> {
    let (id, owner) = (HOUSE.to_string(), Owner::reseller(HOUSE));
    let decide = async |unit: &mut UnitOfWork<'_>| {
        let command = ResellerCommand::FoundHouse {
            name: "House".to_owned(),
            time_zone: "UTC".to_owned(),
        };
        unit.execute::<Reseller>(owner, &id, command).await?;
        unit.execute::<CreditAccount>(owner, &id, CreditAccountCommand::Open)
            .await?;
        Ok(())
    };
    write.bus.run(&cause(write, "house"), decide).await?;
    Ok(())
}

/// Registers a platform admin. Answers `false` if the address has one already.
///
/// # Errors
/// The address or the password breaks a rule, or another kind of user has the address.
pub async fn admin(
    write: &WriteSide,
    name: &str,
    email: &str,
    password: SecretString,
) -> Result<bool, CommandError> {
    // By the address and not by a receipt: one that was erased may be registered again, and the log keeps no
    // digest that could be found by guessing addresses.
    if is_admin(write, email).await? {
        return Ok(false);
    }
    let user = people::prepare(write, name, email, Some(password)).await?;
    let cause = Cause {
        command_id: Uuid::now_v7(),
        ..cause(write, "admin")
    };
    match people::add(write, &cause, &user, Role::PlatformAdmin, Home::Platform).await {
        Ok(_) => Ok(true),
        // Somebody else has just done it.
        Err(_) if is_admin(write, email).await? => Ok(false),
        Err(error) => Err(error),
    }
}

async fn is_admin(write: &WriteSide, email: &str) -> Result<bool, CommandError> {
    let digest = write
        .vault
        .digest(people::EMAIL_CLAIM, &people::checked_email(email)?);
    let mut connection = write.pool.acquire().await?;
    let Some(id) = append::holder(&mut connection, people::EMAIL_CLAIM, &digest).await? else {
        return Ok(false);
    };
    let user = load::load::<User>(&mut connection, &id).await?.state;
    Ok(user
        .identity()
        .is_some_and(|identity| identity.role == Role::PlatformAdmin))
}

/// Makes the demo's three accounts, a reseller with credits and a customer with access.
///
/// # Errors
/// The database fails, or somebody else has one of the demo's addresses.
pub async fn demo(write: &WriteSide) -> Result<(), CommandError> {
    let password = || Some(SecretString::from(DEMO_PASSWORD));
    price_list(write).await?;
    tiers(write).await?;
    permission_templates(write).await?;
    house(write).await?;
    admin(write, "Ada Admin", DEMO_ADMIN, DEMO_PASSWORD.into()).await?;
    let step = cause(write, "demo reseller");
    let registered: Registered = if let Some(outcome) = carried(write, &step).await? {
        serde_json::from_value(outcome)?
    } else {
        let owner = people::prepare(write, "Rita Reseller", DEMO_RESELLER, password()).await?;
        let reseller = NewReseller {
            name: "Demo Reseller".to_owned(),
            contact_email: DEMO_RESELLER.to_owned(),
            commission_rate: rust_decimal::Decimal::new(20, 2),
            time_zone: "Europe/Berlin".to_owned(),
            parent_id: None,
            limits: Limits::default(),
            permission_template: None,
        };
        resellers::register(write, &step, Scope::Platform, reseller, &owner)
            .await?
            .value
    };
    let reseller_id = ResellerId(registered.reseller_id);
    let sale = Sale {
        pack_code: "business".to_owned(),
        currency: None,
        expires_at: None,
        note: None,
    };
    sell_pack(write, &cause(write, "demo purchase"), reseller_id, &sale).await?;
    let step = cause(write, "demo customer");
    if carried(write, &step).await?.is_none() {
        let user = people::prepare(write, "Carl Customer", DEMO_CUSTOMER, password()).await?;
        customers::create(
            write,
            &step,
            reseller_id,
            "Demo Customer",
            Tier::PREMIUM,
            customers::FirstAccess::Paid { days: 365 },
            &user,
        )
        .await?;
    }
    Ok(())
}

async fn carried(write: &WriteSide, cause: &Cause) -> Result<Option<serde_json::Value>, CommandError> {
    let mut connection = write.pool.acquire().await?;
    Ok(append::carried(&mut connection, cause.command_id)
        .await?
        .map(|carried| carried.outcome))
}
