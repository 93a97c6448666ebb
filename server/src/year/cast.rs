//! Who takes part: the platform's people, resellers in three levels, customers.

use commands::customers::{self, Created, FirstAccess};
use commands::error::CommandError;
use commands::people::{self, NewUser};
use commands::resellers::{self, NewReseller};
use commands::{WriteSide, contracts, subscriptions};
use domain::commission::{Basis, Rate};
use domain::contract::{RevenueShare, Terms, Wholesale};
use domain::hierarchy::Limits;
use domain::ids::{HOUSE, PLATFORM, ResellerId, TenantId, UserId};
use domain::period::Period;
use domain::tier::Tier;
use domain::user::{Home, Role};
use futures::stream::{self, StreamExt};
use platform::Scope;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rust_decimal::Decimal;
use store::unit_of_work::{Cause, Owner};

use super::{Client, Lived, Shop, Wanted, Year};

/// Commands of a day that are under way at a time.
pub(super) const IN_FLIGHT: usize = 32;
/// All resellers are there after so many days.
const OPENING_DAYS: u32 = 60;
/// Nobody comes in the last days: everybody is seen to renew.
const LAST_ARRIVAL: u32 = 330;
const LEVELS: usize = 3;

impl<'a> Year<'a> {
    pub(super) async fn open(write: &'a WriteSide, wanted: Wanted) -> Result<Self, CommandError> {
        let mut year = Self {
            write,
            wanted,
            random: StdRng::seed_from_u64(wanted.seed),
            admin: UserId(PLATFORM),
            finance: UserId(PLATFORM),
            shops: Vec::new(),
            opened: None,
            clients: Vec::new(),
            arrivals: 0,
            sold: Vec::new(),
            lived: Lived::default(),
        };
        year.admin = year.employ("Ada Ahrens", "ada", Role::PlatformAdmin).await?;
        year.finance = year.employ("Finn Falk", "finn", Role::PlatformFinance).await?;
        year.map_products().await?;
        Ok(year)
    }

    async fn employ(&mut self, name: &str, local: &str, role: Role) -> Result<UserId, CommandError> {
        let user = without_password(self.write, name, &format!("{local}@platform.example")).await?;
        let cause = self.cause(Owner::PLATFORM, self.admin);
        people::add(self.write, &cause, &user, role, Home::Platform).await?;
        Ok(user.user_id)
    }

    /// Opens the resellers whose day has come: a quarter right below the platform, the others below one of them.
    pub(super) async fn open_shops(&mut self, day: u32) -> Result<(), CommandError> {
        let due = scaled(self.wanted.resellers, day + 1, OPENING_DAYS);
        while self.shops.len() < due {
            self.open_shop().await?;
        }
        Ok(())
    }

    async fn open_shop(&mut self) -> Result<(), CommandError> {
        let number = self.shops.len();
        let parent = self.parent_of(number);
        let level = parent.map_or(0, |(level, _)| level + 1);
        let name = format!(
            "{} {}",
            pick(&mut self.random, PLACES),
            pick(&mut self.random, TRADES)
        );
        let email = format!("owner-{number}@reseller.example");
        let owner = without_password(self.write, pick(&mut self.random, PEOPLE), &email).await?;
        let reseller = NewReseller {
            name: format!("{name} {}", number + 1),
            contact_email: email,
            commission_rate: Decimal::new(self.random.random_range(15..=30), 2),
            time_zone: pick(&mut self.random, ZONES).to_owned(),
            parent_id: parent.map(|(_, id)| id),
            limits: Limits::default(),
            permission_template: None,
        };
        let cause = self.cause(Owner::PLATFORM, self.admin);
        let opened = resellers::register(self.write, &cause, Scope::Platform, reseller, &owner).await?;
        let id = ResellerId(opened.value.reseller_id);
        self.opened.get_or_insert(Period::of(self.write.clock.now()));
        // Every fifth buys wholesale.
        let wholesale = number % 5 == 4;
        self.shops.push(Shop {
            id,
            owner: owner.user_id,
            level,
            wholesale,
            careful: self.random.random_bool(0.9),
        });
        self.agree(id, level, wholesale).await
    }

    /// The level and id of whom a reseller hangs below.
    fn parent_of(&mut self, number: usize) -> Option<(usize, ResellerId)> {
        if number < self.wanted.resellers.div_ceil(4) {
            return None;
        }
        let above: Vec<_> = self.shops.iter().filter(|shop| shop.level + 1 < LEVELS).collect();
        above.choose(&mut self.random).map(|shop| (shop.level, shop.id))
    }

    /// Those below pass a part of their share on; who buys wholesale pays fees.
    async fn agree(&mut self, id: ResellerId, level: usize, wholesale: bool) -> Result<(), CommandError> {
        let mut agreed = Vec::new();
        if level > 0 {
            agreed.push(Terms::RevenueShare(RevenueShare {
                basis: Basis::NetOfStore,
                rate: percent(25)?,
                steps: Vec::new(),
                products: Vec::new(),
                parent_share: percent(20)?,
                payout_minimum_minor: 0,
                currency: "EUR".to_owned(),
            }));
        }
        if wholesale {
            agreed.push(Terms::Wholesale(Wholesale {
                products: vec!["wholesale".to_owned()],
                monthly_fee_minor: 4_900,
                customer_fee_minor: 50,
                currency: "USD".to_owned(),
            }));
        }
        for terms in agreed {
            let cause = self.cause(Owner::PLATFORM, self.admin);
            contracts::agree(self.write, &cause, id, None, None, terms).await?;
        }
        Ok(())
    }

    /// Customers who come today, with their first days; most renew themselves.
    pub(super) async fn welcome(&mut self, day: u32) -> Result<(), CommandError> {
        let due = scaled(self.wanted.customers, day + 1, LAST_ARRIVAL);
        let mut coming = Vec::new();
        // Who cannot be taken in comes again on the next day, as somebody else.
        for _ in self.clients.len()..due {
            coming.push(self.newcomer());
        }
        let write = self.write;
        let came: Vec<_> = stream::iter(coming)
            .map(|newcomer| async move {
                let created = newcomer.come(write).await;
                (newcomer, created)
            })
            .buffered(IN_FLIGHT)
            .collect()
            .await;
        for (newcomer, created) in came {
            let Some(created) = self.met(created)? else {
                continue;
            };
            self.clients.push(Client {
                shop: newcomer.shop,
                tenant: TenantId(created.tenant_id),
                in_store: newcomer.in_store,
                since: day,
                gone: false,
            });
        }
        Ok(())
    }

    fn newcomer(&mut self) -> Newcomer {
        self.arrivals += 1;
        let number = self.arrivals;
        let shop = self.random.random_range(0..self.shops.len().max(1));
        let chosen = self.shops.get(shop).map(|shop| (shop.id, shop.owner));
        let (reseller_id, owner) = chosen.unwrap_or((HOUSE, self.admin));
        let in_store = self.random.random_bool(0.2);
        let tier = match self.random.random_range(0..10) {
            _ if in_store => Tier::BASIC,
            0..=5 => Tier::BASIC,
            6..=8 => Tier::PREMIUM,
            _ => Tier::ENTERPRISE,
        };
        let owned_by = Owner::reseller(reseller_id);
        Newcomer {
            shop,
            reseller_id,
            name: format!(
                "{} {}",
                pick(&mut self.random, PLACES),
                pick(&mut self.random, CUSTOMERS)
            ),
            person: pick(&mut self.random, PEOPLE).to_owned(),
            email: format!("customer-{number}@year.example"),
            tier,
            days: *[30, 30, 30, 90].choose(&mut self.random).unwrap_or(&30),
            in_store,
            renews: !in_store && self.random.random_bool(0.85),
            causes: [self.cause(owned_by, owner), self.cause(owned_by, owner)],
        }
    }
}

struct Newcomer {
    shop: usize,
    reseller_id: ResellerId,
    name: String,
    person: String,
    email: String,
    tier: Tier,
    days: u32,
    in_store: bool,
    renews: bool,
    /// Of coming, and of having it renewed.
    causes: [Cause; 2],
}

impl Newcomer {
    async fn come(&self, write: &WriteSide) -> Result<Created, CommandError> {
        let user = without_password(write, &self.person, &self.email).await?;
        let [coming, renewing] = &self.causes;
        let created = customers::create(
            write,
            coming,
            self.reseller_id,
            &self.name,
            self.tier,
            FirstAccess::Paid { days: self.days },
            &user,
        )
        .await?;
        let tenant_id = TenantId(created.value.tenant_id);
        if self.renews {
            let days = Some(self.days);
            subscriptions::set_auto_renewal(write, renewing, self.reseller_id, tenant_id, days).await?;
        }
        Ok(created.value)
    }
}

/// A person of the year has no password: who wants to be one resets it.
async fn without_password(write: &WriteSide, name: &str, email: &str) -> Result<NewUser, CommandError> {
    let (user, key) = people::with_key(write, name, email)?;
    let mut connection = write.pool.acquire().await?;
    store::vault::store_keys(&mut connection, &[key]).await?;
    Ok(user)
}

fn percent(whole: i64) -> Result<Rate, CommandError> {
    Rate::try_from(Decimal::new(whole, 2)).map_err(CommandError::internal)
}

/// How many of `all` are there when `passed` of `over` days are.
fn scaled(all: usize, passed: u32, over: u32) -> usize {
    let (passed, over) = (passed.min(over), over.max(1));
    let part = u64::try_from(all)
        .unwrap_or(u64::MAX)
        .saturating_mul(passed.into())
        / u64::from(over);
    usize::try_from(part).unwrap_or(all)
}

fn pick(random: &mut impl Rng, from: &[&'static str]) -> &'static str {
    from.choose(random).copied().unwrap_or_default()
}

const ZONES: &[&str] = &[
    "Europe/Berlin",
    "America/New_York",
    "Asia/Tokyo",
    "UTC",
    "Europe/London",
];
const PLACES: &[&str] = &[
    "Alpine", "Baltic", "Danube", "Elbe", "Fjord", "Harbour", "Lake", "North", "Tower", "Valley",
];
const TRADES: &[&str] = &[
    "Digital",
    "Partners",
    "Services",
    "Solutions",
    "Systems",
    "Trading",
];
const CUSTOMERS: &[&str] = &[
    "Archive", "Clinic", "Library", "Media", "Podcasts", "Radio", "Research", "School", "Studio",
];
const PEOPLE: &[&str] = &[
    "Anton Becker",
    "Carla Conti",
    "Elif Demir",
    "Greta Haas",
    "Hugo Jensen",
    "Ines Moreau",
    "Nils Novak",
    "Olga Peters",
    "Samir Rossi",
    "Zoe Weber",
];
