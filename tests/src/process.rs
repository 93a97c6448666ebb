//! Real processes: the server and the worker as their binaries, to be killed.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};

use platform::Config;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A process that is killed with the test.
pub struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
}

/// A binary of this workspace, beside the test's own.
pub fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folder = own.parent().and_then(|deps| deps.parent()).unwrap();
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --workspace` first",
        path.display()
    );
    path
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

impl Process {
    /// `stentor-worker serve` on the app's broker; returns once it consumes.
    pub async fn worker(config: &Config) -> Self {
        let mut command = Command::new(binary("stentor-worker"));
        command
            .args([
                "serve",
                "--amqp-url",
                &config.broker.url,
                "--queue-prefix",
                &config.broker.prefix,
            ])
            .args(["--models-dir", "models"]);
        Self::start(command, "ready").await
    }

    /// `stentor serve` with the given roles on the app's database; returns once it serves.
    pub async fn server(config: &Config, roles: &str) -> Self {
        let mut command = with_settings(config);
        command
            .args(["serve", "--roles", roles])
            .env("STENTOR__HTTP__PORT", config.http.port.to_string());
        Self::start(command, "serving").await
    }

    /// `stentor` with `args`, under way.
    pub fn started(config: &Config, args: &[&str]) -> Self {
        let child = with_settings(config)
            .args(args)
            .current_dir(root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = Arc::default();
        Self { child, log }
    }

    async fn start(mut command: Command, ready: &str) -> Self {
        let mut child = command
            .current_dir(root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log: Arc<Mutex<String>> = Arc::default();
        loop {
            let Some(line) = lines.next_line().await.unwrap() else {
                panic!("the process ended before it was ready:\n{}", log.lock().unwrap());
            };
            *log.lock().unwrap() += &format!("{line}\n");
            if line.contains(ready) {
                break;
            }
        }
        // Its log goes on; nobody may block on a full pipe.
        let kept = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                *kept.lock().unwrap() += &format!("{line}\n");
            }
        });
        Self { child, log }
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// SIGKILL, and waits until it is gone.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// `stentor` on the app's settings.
fn with_settings(config: &Config) -> Command {
    let mut command = Command::new(binary("stentor"));
    command
        .env("STENTOR__DATABASE__URL", &config.database.url)
        .env("STENTOR__BROKER__URL", &config.broker.url)
        .env("STENTOR__BROKER__PREFIX", &config.broker.prefix)
        .env("STENTOR__STORAGE__PATH", &config.storage.path)
        .env("STENTOR__LOG__FILTER", &config.log.filter)
        .env("STENTOR__IDENTITY__KEYS_PATH", &config.identity.keys_path);
    command
}

/// Runs `stentor` with `args` on the app's settings, to its end.
pub async fn stentor(config: &Config, args: &[&str]) -> Output {
    let mut command = with_settings(config);
    command
        .args(args)
        .current_dir(root())
        // As somebody has it who looks for a fault: a refusal is no fault.
        .env("RUST_BACKTRACE", "1")
        .kill_on_drop(true)
        .output()
        .await
        .unwrap()
}
