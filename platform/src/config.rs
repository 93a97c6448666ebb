//! Settings: `config/default.toml` (embedded, complete), then the file named by `STENTOR_CONFIG`, then
//! `STENTOR__SECTION__KEY`, `DATABASE_URL` and `AMQP_URL`. An unknown key is refused.

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroU32;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use domain::user::Role;
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use ipnet::IpNet;
use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Deserialize;

const DEFAULTS: &str = include_str!("../../config/default.toml");
const MASTER_KEY_FILE: &str = "master.key";

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub environment: Environment,
    pub http: Http,
    pub database: Database,
    pub broker: BrokerSettings,
    pub storage: Storage,
    pub identity: Identity,
    pub mail: Mail,
    pub onboarding: Onboarding,
    pub bulk: BulkLimits,
    pub payouts: Payouts,
    pub invoices: Invoices,
    pub audit: Audit,
    pub speech: Speech,
    pub subscriptions: Subscriptions,
    pub revenuecat: RevenueCat,
    pub demo: Demo,
    pub graphql: Graphql,
    pub log: Log,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    Development,
    Production,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    pub host: String,
    pub port: u16,
    pub public_url: String,
    pub panel_path: PathBuf,
    /// Networks of the proxies in front, whose word on a client's address is believed.
    pub own_proxies: Vec<IpNet>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    pub url: String,
    pub commands_url: String,
    pub projections_url: String,
    pub read_url: String,
    /// Per role.
    pub connections_max: u32,
    /// Commits under way at one time in each process that takes commands.
    pub append_lanes: usize,
    /// States of streams that such a process keeps in memory.
    pub cached_streams_max: usize,
    /// How long a command waits for an answer of the database.
    pub answer_seconds: NonZeroU32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerSettings {
    pub url: String,
    pub prefix: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    pub path: PathBuf,
    #[serde(deserialize_with = "empty_is_none")]
    pub s3_bucket: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    pub keys_path: PathBuf,
    pub access_token_minutes: u32,
    pub session_hours: u32,
    pub sign_ins_per_minute: u32,
    /// Who comes no further than to enrol, until there is a second factor.
    pub totp_required_roles: Vec<Role>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Of the SMTP server, with its login; no mail is sent while it is empty.
    pub url: String,
    pub from: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BulkLimits {
    /// Per reseller, and for the platform. Rows do not count.
    pub begun_per_hour: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Onboarding {
    /// Whether anybody may apply to become a reseller.
    pub open: bool,
    pub applications_per_hour: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// Name of this log in its checkpoints.
    #[serde(deserialize_with = "name_of_log")]
    pub origin: String,
    pub checkpoint_minutes: u32,
    pub checkpoint_hours: u32,
}

/// How commissions are paid out, where a run does not say otherwise.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payouts {
    /// How long a sale has to stand.
    pub holding_days: u32,
    /// Less than this is carried.
    pub minimum_minor: i64,
    /// Whether who drafted a run may not approve it.
    pub four_eyes: bool,
}

/// What stands on invoices.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invoices {
    pub seller_name: String,
    pub seller_address: String,
    pub seller_tax_id: String,
    /// 0 to 1, as text.
    pub tax_rate: Decimal,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speech {
    pub installed_models: Vec<String>,
    pub link_hours: u32,
    pub silence_minutes: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscriptions {
    pub renew_hours_before: u32,
    pub renewal_retry_hours: u32,
    pub renewal_attempts_max: u32,
    pub grace_days: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevenueCat {
    /// Name of a configuration of theirs → what it sends as `Authorization`.
    #[serde(deserialize_with = "long_secrets")]
    pub hooks: BTreeMap<String, SecretString>,
    pub sandbox_counts: bool,
    pub raw_days: u32,
    pub api_url: String,
    /// Empty: nothing is looked up.
    pub api_key: SecretString,
    pub reconcile: Reconcile,
    pub requests_per_minute: u32,
    pub check_after_seconds: u32,
    pub check_every_hours: u32,
}

/// What follows from a difference between events and look-ups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reconcile {
    Report,
    Repair,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demo {
    pub enabled: bool,
    pub recordings_path: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graphql {
    pub introspection: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub filter: String,
    pub json: bool,
}

fn empty_is_none<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Some(String::deserialize(deserializer)?).filter(|text| !text.is_empty()))
}

/// Shortest secret of a hook: its header is all that proves a sender.
const HOOK_SECRET_CHARS_MIN: usize = 16;

fn long_secrets<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, SecretString>, D::Error> {
    let hooks = BTreeMap::<String, SecretString>::deserialize(deserializer)?;
    for (name, secret) in &hooks {
        if secret.expose_secret().len() < HOOK_SECRET_CHARS_MIN {
            return Err(serde::de::Error::custom(format!(
                "revenuecat.hooks.{name} must have at least {HOOK_SECRET_CHARS_MIN} characters: set a random one \
                 here and as the Authorization header value there"
            )));
        }
    }
    Ok(hooks)
}

/// The form of a checkpoint leaves no room for other names.
fn name_of_log<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name.is_empty() || name.contains(|letter: char| letter.is_whitespace() || letter == '+') {
        return Err(serde::de::Error::custom(
            "audit.origin must be a name without spaces and plus signs, for example stentor.example/log",
        ));
    }
    Ok(name)
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the settings cannot be read: {0}")]
    Read(Box<figment::Error>),
    #[error("production refuses {setting}: {remedy}")]
    Unsafe {
        setting: &'static str,
        remedy: &'static str,
    },
    #[error("the master key {path} cannot be used: {reason}; `stentor keys generate` makes one")]
    MasterKey { path: String, reason: String },
}

impl Config {
    /// # Errors
    /// A file or variable cannot be read, a key is unknown, or production is asked for with development's
    /// defaults.
    pub fn load() -> Result<Self, ConfigError> {
        Self::extract(
            Figment::from(Toml::string(DEFAULTS))
                .merge(Toml::file(Env::var_or("STENTOR_CONFIG", "config.toml")))
                .merge(Env::raw().only(&["DATABASE_URL"]).map(|_| "database.url".into()))
                .merge(Env::raw().only(&["AMQP_URL"]).map(|_| "broker.url".into()))
                .merge(Env::prefixed("STENTOR__").split("__")),
        )
    }

    /// The defaults alone, for tests to change.
    ///
    /// # Errors
    /// The embedded file is broken.
    pub fn defaults() -> Result<Self, ConfigError> {
        Self::extract(Figment::from(Toml::string(DEFAULTS)))
    }

    fn extract(figment: Figment) -> Result<Self, ConfigError> {
        let config: Self = figment
            .extract()
            .map_err(|error| ConfigError::Read(Box::new(error)))?;
        config.refuse_unsafe()?;
        Ok(config)
    }

    fn refuse_unsafe(&self) -> Result<(), ConfigError> {
        if self.environment == Environment::Development {
            return Ok(());
        }
        let unsafe_settings = [
            (
                self.demo.enabled,
                "demo.enabled",
                "set STENTOR__DEMO__ENABLED=false: the demo's passwords are public",
            ),
            (
                self.broker.url.contains("guest:guest@"),
                "RabbitMQ's default login guest",
                "give a user of its own in STENTOR__BROKER__URL",
            ),
            (
                self.identity.keys_path.starts_with(".dev"),
                "development's keys",
                "run `stentor keys generate --out DIR` and set STENTOR__IDENTITY__KEYS_PATH",
            ),
            (
                !self.public_url().starts_with("https://"),
                "a public address without TLS",
                "set STENTOR__HTTP__PUBLIC_URL to the https address of the proxy in front",
            ),
        ];
        match unsafe_settings.into_iter().find(|(found, ..)| *found) {
            Some((_, setting, remedy)) => Err(ConfigError::Unsafe { setting, remedy }),
            None => Ok(()),
        }
    }

    /// Where browsers and workers reach this server, without a trailing slash.
    pub fn public_url(&self) -> String {
        if self.http.public_url.is_empty() {
            format!("http://{}:{}", self.http.host, self.http.port)
        } else {
            self.http.public_url.trim_end_matches('/').to_owned()
        }
    }

    pub fn is_production(&self) -> bool {
        self.environment == Environment::Production
    }
}

impl Database {
    pub fn commands_url(&self) -> &str {
        or(&self.commands_url, &self.url)
    }

    pub fn projections_url(&self) -> &str {
        or(&self.projections_url, &self.url)
    }

    pub fn read_url(&self) -> &str {
        or(&self.read_url, &self.url)
    }
}

fn or<'a>(own: &'a str, common: &'a str) -> &'a str {
    if own.is_empty() { common } else { own }
}

impl Identity {
    pub fn access_token_ttl(&self) -> TimeDelta {
        TimeDelta::minutes(self.access_token_minutes.into())
    }

    pub fn session_ttl(&self) -> TimeDelta {
        TimeDelta::hours(self.session_hours.into())
    }
}

/// Makes a master key of 32 random bytes in `folder` unless there is one.
///
/// # Errors
/// The folder cannot be written.
pub fn generate_master_key(folder: &Path) -> Result<(), ConfigError> {
    let path = folder.join(MASTER_KEY_FILE);
    if path.exists() {
        return Ok(());
    }
    let failed = |reason: String| ConfigError::MasterKey {
        path: path.display().to_string(),
        reason,
    };
    let mut key = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut key).map_err(|error| failed(error.to_string()))?;
    std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
    write_secret(&path, &key).map_err(|error| failed(error.to_string()))
}

/// Reads the master key.
///
/// # Errors
/// There is none in `folder`.
pub fn master_key(folder: &Path) -> Result<SecretSlice<u8>, ConfigError> {
    let path = folder.join(MASTER_KEY_FILE);
    let read = std::fs::read(&path);
    read.map(SecretSlice::from)
        .map_err(|error| ConfigError::MasterKey {
            path: path.display().to_string(),
            reason: error.to_string(),
        })
}

/// Writes a new file that only its owner can read.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_complete() {
        let config = Config::defaults().unwrap();
        assert_eq!(config.public_url(), "http://127.0.0.1:8080");
        assert_eq!(config.storage.s3_bucket, None);
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let typo = Figment::from(Toml::string(DEFAULTS)).merge(Toml::string("[http]\nprot = 1"));
        assert!(Config::extract(typo).unwrap_err().to_string().contains("prot"));
    }

    #[test]
    fn a_hook_needs_a_long_secret_and_shows_it_to_nobody() {
        let with = |secret: &str| {
            let hooks = format!("[revenuecat.hooks]\nmain = '{secret}'");
            Config::extract(Figment::from(Toml::string(DEFAULTS)).merge(Toml::string(&hooks)))
        };
        let refusal = with("short").unwrap_err().to_string();
        assert!(refusal.contains("revenuecat.hooks.main"), "{refusal}");
        let told = format!("{:?}", with("Bearer 0123456789abcdef").unwrap());
        assert!(!told.contains("0123456789"), "{told}");
    }

    #[test]
    fn production_refuses_each_default_of_development() {
        let mut settings = "environment = 'production'\n".to_owned();
        for (named, remedy) in [
            ("demo.enabled", "[demo]\nenabled = false\n"),
            ("guest", "[broker]\nurl = 'amqp://stentor:secret@mq:5672/%2f'\n"),
            ("keys", "[identity]\nkeys_path = '/etc/stentor/keys'\n"),
            ("TLS", "[http]\npublic_url = 'https://stentor.example'\n"),
        ] {
            let figment = || Figment::from(Toml::string(DEFAULTS)).merge(Toml::string(&settings));
            let refusal = Config::extract(figment()).unwrap_err().to_string();
            assert!(refusal.contains(named), "{refusal}");
            settings.push_str(remedy);
        }
        assert!(
            Config::extract(Figment::from(Toml::string(DEFAULTS)).merge(Toml::string(&settings))).is_ok()
        );
    }
}
