//! A private PostgreSQL cluster, from the installed binaries: for what may not happen to a server that others
//! use, such as crashes, wrong settings and foreign transaction ids. It ends with its owner, also in a panic.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

const VERSION_MIN: u32 = 15;
/// A port that was free may be taken by another program before the server has it.
const START_ATTEMPTS: u32 = 5;
/// Who may run PostgreSQL where we are root: it refuses to run as root itself.
const ACCOUNTS: [&str; 3] = ["postgres", "stentor-dev", "nobody"];

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Clients are cut, data is written.
    Fast,
    /// As after a crash: the next start recovers from the write-ahead log.
    Immediate,
}

impl Stop {
    fn signal(self) -> &'static str {
        match self {
            Self::Fast => "-INT",
            Self::Immediate => "-QUIT",
        }
    }
}

pub struct Cluster {
    binaries: PathBuf,
    account: Option<Account>,
    home: TempDir,
    port: u16,
    server: Option<Child>,
}

/// An unprivileged user of the machine.
struct Account {
    uid: u32,
    gid: u32,
}

impl Cluster {
    /// Makes a cluster and starts it. `settings` are further lines of postgresql.conf.
    ///
    /// # Errors
    /// No PostgreSQL 15 or newer is installed, or it does not start.
    pub fn start(settings: &str) -> anyhow::Result<Self> {
        let account = if id(&["-u"])? == 0 { Some(account()?) } else { None };
        let home = tempfile::Builder::new().prefix("stentor-pg-").tempdir()?;
        if let Some(account) = &account {
            chown(home.path(), Some(account.uid), Some(account.gid))?;
        }
        let mut cluster = Self {
            binaries: binaries()?,
            account,
            home,
            port: free_port()?,
            server: None,
        };
        run(cluster
            .tool("initdb")
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C.UTF-8", "--no-sync", "--no-instructions", "-D"])
            .arg(cluster.data()))?;
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(cluster.data().join("postgresql.conf"))?;
        // Processes crash here, the machine does not: what the kernel has been given survives.
        writeln!(
            file,
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\nfsync = off\n\
             max_connections = 200\nlc_messages = 'C'\n{settings}",
            cluster.home().display()
        )?;
        for attempt in 1.. {
            match cluster.up() {
                Ok(()) => break,
                Err(error) if attempt == START_ATTEMPTS => return Err(error),
                Err(_) => cluster.port = free_port()?,
            }
        }
        Ok(cluster)
    }

    /// Starts the stopped server on its port; returns once it takes commands.
    ///
    /// # Errors
    /// It does not start: the error holds what it said last.
    pub fn up(&mut self) -> anyhow::Result<()> {
        let mut server = self
            .tool("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("postgres cannot be run")?;
        let said = server.stderr.take().context("postgres has no output")?;
        let mut log = File::options().create(true).append(true).open(self.log())?;
        let mut lines = BufReader::new(said).lines();
        let mut last = Vec::new();
        for line in &mut lines {
            let line = line?;
            writeln!(log, "{line}")?;
            if line.contains("ready to accept connections") {
                self.server = Some(server);
                // Nobody may block on a full pipe.
                std::thread::spawn(move || {
                    for line in lines.map_while(Result::ok) {
                        if writeln!(log, "{line}").is_err() {
                            return;
                        }
                    }
                });
                return Ok(());
            }
            last.push(line);
        }
        server.wait()?;
        bail!("PostgreSQL did not start:\n{}", last.join("\n"))
    }

    /// Ends the server; returns once it is gone. Does nothing where it does not run.
    ///
    /// # Errors
    /// It cannot be signalled.
    pub fn down(&mut self, how: Stop) -> anyhow::Result<()> {
        let Some(mut server) = self.server.take() else {
            return Ok(());
        };
        run(Command::new("kill").args([how.signal(), &server.id().to_string()]))?;
        server.wait()?;
        Ok(())
    }

    /// A command of PostgreSQL's binaries, run by the cluster's account, in its folder, aimed at its server.
    pub fn tool(&self, name: &str) -> Command {
        let binary = self.binaries.join(name);
        let mut command = match &self.account {
            None => Command::new(binary),
            Some(Account { uid, gid }) => {
                let mut command = Command::new("setpriv");
                command
                    .args([format!("--reuid={uid}"), format!("--regid={gid}")])
                    .args(["--clear-groups", "--"])
                    .arg(binary);
                command
            }
        };
        command
            .current_dir(self.home())
            .env("LC_ALL", "C")
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", "postgres");
        command
    }

    /// The address of a database, whether it exists or not.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// A folder that the cluster's account may write; goes with the cluster.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// What the server has said.
    pub fn log(&self) -> PathBuf {
        self.home().join("postgres.log")
    }

    fn data(&self) -> PathBuf {
        self.home().join("data")
    }

    /// Leaves the folder behind, stopped; answers where it is.
    ///
    /// # Errors
    /// The server cannot be stopped.
    pub fn keep(mut self) -> anyhow::Result<PathBuf> {
        self.down(Stop::Fast)?;
        self.home.disable_cleanup(true);
        Ok(self.home().to_owned())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // SIGQUIT lets the server end its own processes; SIGKILL would leave them to find out.
            let told = Command::new("kill")
                .args(["-QUIT", &server.id().to_string()])
                .status();
            if !told.is_ok_and(|status| status.success()) {
                let _ = server.kill();
            }
            let _ = server.wait();
        }
    }
}

/// Runs a command to its end.
///
/// # Errors
/// It cannot be run, or fails: the error holds what it said.
pub fn run(command: &mut Command) -> anyhow::Result<Output> {
    let name = format!("{:?}", command.get_program());
    let output = command
        .output()
        .with_context(|| format!("{name} cannot be run; is it installed?"))?;
    ensure!(
        output.status.success(),
        "{name} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output)
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The newest installed PostgreSQL's folder.
fn binaries() -> anyhow::Result<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        folders.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    for versions in ["/usr/lib/postgresql", "/opt/homebrew/opt"] {
        let found = fs::read_dir(versions).into_iter().flatten().flatten();
        folders.extend(found.map(|version| version.path().join("bin")));
    }
    folders
        .into_iter()
        .filter_map(|folder| Some((version(&folder)?, folder)))
        .filter(|(version, _)| *version >= VERSION_MIN)
        .max()
        .map(|(_, folder)| folder)
        .with_context(|| {
            format!(
                "initdb and postgres of PostgreSQL {VERSION_MIN} or newer are not installed: \
                 `apt-get install postgresql`, or put the folder of its pg_config into PATH"
            )
        })
}

/// Major version of the server in a folder.
fn version(folder: &Path) -> Option<u32> {
    if !folder.join("initdb").exists() {
        return None;
    }
    let output = Command::new(folder.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = text
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn account() -> anyhow::Result<Account> {
    let found = ACCOUNTS.iter().find_map(|name| {
        Some(Account {
            uid: id(&["-u", name]).ok()?,
            gid: id(&["-g", name]).ok()?,
        })
    });
    found.context("PostgreSQL does not run as root, and there is no user 'postgres' to run it as: make one")
}

fn id(arguments: &[&str]) -> anyhow::Result<u32> {
    let output = run(Command::new("id").args(arguments))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}
