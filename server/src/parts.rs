//! Opens everything that the settings name: keys, pools, object store.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use commands::WriteSide;
use commands::bus::Bus;
use platform::audit_key;
use platform::objects::Objects;
use platform::tokens::{Signer, Verifier};
use platform::{Clock, Config, config, tokens};
use sqlx::PgPool;
use store::committer::Limits;
use store::database::{self, DatabaseRole};
use store::vault::Vault;
use store::wake::Wake;
use tokio_util::sync::CancellationToken;

/// What the roles of one process share. Clones share it too.
#[derive(Clone)]
pub struct Parts {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub vault: Vault,
    pub verifier: Verifier,
    pub objects: Objects,
    pub wake: Wake,
    pub commands: PgPool,
    pub projections: PgPool,
    pub read: PgPool,
    bus: Bus,
    signer: Signer,
}

impl Parts {
    /// # Errors
    /// The database cannot be reached, or a key or folder is missing.
    pub async fn open(config: Arc<Config>, clock: Clock, stop: &CancellationToken) -> anyhow::Result<Self> {
        let keys = &config.identity.keys_path;
        if !config.is_production() {
            make_keys(&config)?;
        }
        let database = &config.database;
        let connections_max = database.connections_max;
        let open = |url, role| database::connect(url, role, connections_max);
        let commands = open(database.commands_url(), DatabaseRole::Commands).await?;
        let wake = Wake::connect(commands.clone(), stop.clone());
        let limits = Limits {
            lanes: database.append_lanes,
            cached_streams: database.cached_streams_max,
            answer_within: Duration::from_secs(database.answer_seconds.get().into()),
        };
        Ok(Self {
            vault: Vault::new(&config::master_key(keys)?)?,
            signer: Signer::open(keys, config.identity.access_token_ttl())?,
            verifier: Verifier::open(keys)?,
            objects: Objects::open(&config.storage)?,
            projections: open(database.projections_url(), DatabaseRole::Projections).await?,
            read: open(database.read_url(), DatabaseRole::Read).await?,
            bus: Bus::with(commands.clone(), wake.clone(), limits),
            wake,
            commands,
            clock,
            config,
        })
    }

    pub fn write_side(&self) -> WriteSide {
        WriteSide::new(
            self.commands.clone(),
            self.bus.clone(),
            self.vault.clone(),
            self.clock.clone(),
            self.wake.clone(),
            self.objects.clone(),
            self.signer.clone(),
            self.verifier.clone(),
            Arc::clone(&self.config),
        )
    }

    pub fn read_side(&self) -> api::ReadSide {
        api::ReadSide::new(api::ReadParts {
            pool: self.read.clone(),
            clock: self.clock.clone(),
            verifier: self.verifier.clone(),
            objects: self.objects.clone(),
            wake: self.wake.clone(),
            own_proxies: self.config.http.own_proxies.clone(),
            installed_models: self.config.speech.installed_models.clone(),
            introspection: self.config.graphql.introspection,
        })
    }
}

/// Makes the signing key, the audit key and the master key unless they are there.
///
/// # Errors
/// The folder cannot be written.
pub fn make_keys(config: &Config) -> anyhow::Result<()> {
    let folder = &config.identity.keys_path;
    config::generate_master_key(folder)?;
    audit_key::generate(folder)?;
    tokens::generate(folder).with_context(|| format!("no keys can be made in {}", folder.display()))
}
