//! The processes of a run: started, killed with SIGKILL, started again.

use std::fs::File;
use std::process::{Child, Command, Stdio};

use anyhow::bail;
use rand::Rng;
use rand::rngs::StdRng;

use super::Run;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Writer,
    Reader,
    Runner,
    Rebuilder,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Writer => "writer",
            Self::Reader => "reader",
            Self::Runner => "runner",
            Self::Rebuilder => "rebuilder",
        }
    }
}

struct Process {
    kind: Kind,
    run: Run,
    child: Child,
}

#[derive(Default)]
pub struct Children {
    processes: Vec<Process>,
    /// How many were killed.
    pub killed: u64,
}

impl Children {
    /// Starts one more.
    ///
    /// # Errors
    /// This program cannot be run again.
    pub fn add(&mut self, kind: Kind, run: Run) -> anyhow::Result<()> {
        let child = start(kind, &run)?;
        self.processes.push(Process { kind, run, child });
        Ok(())
    }

    /// Kills any one of a kind and starts it again.
    ///
    /// # Errors
    /// It cannot be killed or started.
    pub fn kill_one(&mut self, kind: Kind, chance: &mut StdRng) -> anyhow::Result<()> {
        let mut of_kind: Vec<_> = self
            .processes
            .iter_mut()
            .filter(|process| process.kind == kind)
            .collect();
        let chosen = chance.random_range(0..of_kind.len().max(1));
        let Some(process) = of_kind.get_mut(chosen) else {
            bail!("there is no {}", kind.name());
        };
        process.child.kill()?;
        process.child.wait()?;
        process.child = start(kind, &process.run)?;
        self.killed += 1;
        Ok(())
    }

    /// Kills all of a kind for good.
    ///
    /// # Errors
    /// One cannot be killed.
    pub fn end(&mut self, kind: Kind) -> anyhow::Result<()> {
        for process in self.processes.iter_mut().filter(|process| process.kind == kind) {
            process.child.kill()?;
            process.child.wait()?;
        }
        self.processes.retain(|process| process.kind != kind);
        Ok(())
    }

    /// # Errors
    /// One has ended by itself, which none should whatever happens around it.
    pub fn ensure_alive(&mut self) -> anyhow::Result<()> {
        for process in &mut self.processes {
            if let Some(status) = process.child.try_wait()? {
                let (kind, index) = (process.kind.name(), process.run.index);
                bail!("{kind} {index} has ended by itself ({status}): its log is {kind}-{index}.log");
            }
        }
        Ok(())
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}

fn start(kind: Kind, run: &Run) -> anyhow::Result<Child> {
    let log = run.file(kind.name()).with_extension("log");
    let log = File::options().create(true).append(true).open(log)?;
    Ok(Command::new(std::env::current_exe()?)
        .arg(kind.name())
        .args(["--url", &run.url])
        .args(["--seed", &run.seed.to_string()])
        .args(["--index", &run.index.to_string()])
        .args(["--began-ms", &run.began_ms.to_string()])
        .arg("--folder")
        .arg(&run.folder)
        // It ends with this process: see `begin`.
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()?)
}
