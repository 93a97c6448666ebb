//! What can be measured.

use async_trait::async_trait;

use crate::env::Env;

/// What a figure is held against.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// At least this share of the plain inserts of the same round.
    OfPlain(f64),
    /// At least this share of [`Measured::beside`].
    OfBeside(f64),
    /// At least so many per second.
    AtLeast(f64),
    /// At least so many per second, shown against [`Measured::beside`].
    AtLeastBeside(f64),
    /// At most so much; the figure is a time or a size.
    AtMost(f64),
}

/// One round's outcome.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// In the work's unit.
    pub value: f64,
    /// The same by the stock crates, where they can do the work.
    pub stock: Option<f64>,
    /// What the work is compared with, in its unit, where that is not the plain insert.
    pub beside: Option<f64>,
}

impl Measured {
    pub fn of(value: f64) -> Self {
        Self {
            value,
            stock: None,
            beside: None,
        }
    }
}

/// A work that is measured once a round. It may not assume an order among works.
#[async_trait(?Send)]
pub trait Work {
    fn name(&self) -> &'static str;
    /// Of [`Measured::value`], for example `commands/s` or `ms`.
    fn unit(&self) -> &'static str;
    fn target(&self) -> Target;

    /// Makes what the work needs, once per database.
    async fn prepare(&self, _env: &Env) -> anyhow::Result<()> {
        Ok(())
    }

    async fn round(&self, env: &Env) -> anyhow::Result<Measured>;

    /// Gives back what outlives a database, at the very end.
    async fn close(&self) -> anyhow::Result<()> {
        Ok(())
    }
}
