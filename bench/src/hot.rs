//! Debits that all want the same account.

use async_trait::async_trait;

use crate::env::Env;
use crate::work::{Measured, Target, Work};
use crate::{accounts, fill, stock};

pub fn works() -> Vec<Box<dyn Work>> {
    vec![
        Box::new(HotAccount {
            name: "debits on one hot account, 32 in flight",
            kind: "hot-32",
            in_flight: 32,
            target: 1.0,
            stock: true,
        }),
        Box::new(HotAccount {
            name: "debits on one hot account, 256 in flight",
            kind: "hot-256",
            in_flight: 256,
            target: 2.0,
            stock: false,
        }),
    ]
}

struct HotAccount {
    name: &'static str,
    kind: &'static str,
    in_flight: usize,
    target: f64,
    stock: bool,
}

#[async_trait(?Send)]
impl Work for HotAccount {
    fn name(&self) -> &'static str {
        self.name
    }

    fn unit(&self) -> &'static str {
        "commands/s"
    }

    fn target(&self) -> Target {
        Target::OfPlain(self.target)
    }

    async fn prepare(&self, env: &Env) -> anyhow::Result<()> {
        // The second account is the stock crates'.
        fill::accounts_with_events(&env.owner, self.kind, 0, 2, 10).await
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured> {
        let account = fill::account_id(self.kind, 0);
        let value = env
            .rate(self.in_flight, async |_, _| {
                accounts::debit(env, &env.bus, &account).await
            })
            .await?;
        let mut measured = Measured::of(value);
        if self.stock {
            let framework = stock::framework(&env.owner);
            let account = fill::account_id(self.kind, 1);
            let rate = env.rate(self.in_flight, async |_, _| {
                stock::debit(&framework, &account).await
            });
            measured.stock = Some(rate.await?);
        }
        Ok(measured)
    }
}
