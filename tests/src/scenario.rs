//! The usual beginning: a reseller with credits, and a customer on the premium tier.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::PASSWORD;
use crate::{TestApp, TestClient};

pub struct Reseller {
    pub id: String,
    pub email: String,
    pub client: TestClient,
}

pub struct Customer {
    pub id: String,
    pub email: String,
    pub user_id: String,
    pub client: TestClient,
}

/// An address nobody has.
pub fn email(who: &str) -> String {
    format!("{who}-{}@example.test", Uuid::new_v4().simple())
}

pub fn new_reseller(email: &str) -> Value {
    json!({
        "name": "North Audio", "contactEmail": "office@north.test", "commissionRate": "0.20",
        "timeZone": "Europe/Berlin",
        "owner": {"name": "Rita Reseller", "email": email, "password": PASSWORD},
    })
}

pub fn new_customer(email: &str, tier: &str, days: u32) -> Value {
    json!({
        "name": "Harbour Radio", "tier": tier, "days": days,
        "firstUser": {"name": "Carl Customer", "email": email, "password": PASSWORD},
    })
}

impl Reseller {
    /// Out of nothing, as a bonus.
    pub async fn give_credits(&self, admin: &TestClient, credits: i64) {
        let bonus = json!({"kind": "bonus", "credits": credits, "note": "to begin with"});
        let path = format!("/api/admin/resellers/{}/credits/adjustments", self.id);
        admin.post(&path, bonus).await.ok();
    }
}

impl TestApp {
    /// A reseller with exactly `credits`.
    pub async fn reseller_with(&self, admin: &TestClient, credits: i64) -> Reseller {
        let email = email("rita");
        let registered = admin
            .post("/api/admin/resellers", new_reseller(&email))
            .await
            .ok();
        let id = registered["resellerId"].as_str().unwrap().to_owned();
        let reseller = Reseller {
            id,
            client: self.signed_in(&email, PASSWORD).await,
            email,
        };
        if credits > 0 {
            reseller.give_credits(admin, credits).await;
        }
        reseller
    }

    pub async fn customer_of(&self, reseller: &Reseller, tier: &str) -> Customer {
        let email = email("carl");
        let created = reseller
            .client
            .post("/api/reseller/customers", new_customer(&email, tier, 30))
            .await
            .ok();
        let id = created["tenantId"].as_str().unwrap().to_owned();
        Customer {
            id,
            client: self.signed_in(&email, PASSWORD).await,
            user_id: created["userId"].as_str().unwrap().to_owned(),
            email,
        }
    }

    /// A customer of a reseller of its own.
    pub async fn customer(&self, tier: &str) -> Customer {
        let admin = self.admin().await;
        let reseller = self.reseller_with(&admin, 1_000).await;
        self.customer_of(&reseller, tier).await
    }
}

/// A recording that ships with the small model, and what is said in it.
pub fn recording(name: &str) -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/small/recordings");
    std::fs::read(format!("{path}/{name}")).unwrap()
}
